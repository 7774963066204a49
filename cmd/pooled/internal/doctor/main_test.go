package doctor

import (
	"context"
	"io"
	"testing"

	"github.com/pooled-go/pooled/cmd/pooled/internal/clitest"
)

func TestMain(m *testing.M) { clitest.Main(m) }

// runCommand is the command as the program runs it.
func runCommand(t *testing.T, args ...string) (code int, stdout, stderr string) {
	return clitest.Output(t.Context(), Command(), args...)
}

func runWith(ctx context.Context, out, errs io.Writer, args ...string) (code int) {
	return clitest.Run(ctx, out, errs, Command(), args...)
}
