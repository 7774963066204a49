package doctor

import (
	"bytes"
	"context"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/pooled-go/pooled/cmd/pooled/internal/cli"
	"github.com/pooled-go/pooled/internal/pooledtest"
)

func TestMain(m *testing.M) {
	os.Unsetenv("DATABASE_URL") // a DSN of the tester's
	pooledtest.Main(m)
}

// runCommand is the command as the program runs it.
func runCommand(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = runWith(t.Context(), &out, &errs, args...)
	return code, out.String(), errs.String()
}

func runWith(ctx context.Context, out, errs io.Writer, args ...string) (code int) {
	s := cli.Streams{In: strings.NewReader(""), Out: out, Err: errs}
	return cli.Run(ctx, append([]string{"doctor"}, args...), s, Command())
}
