package doctor

import (
	"bytes"
	"testing"

	"github.com/pooled-go/pooled/cmd/pooled/internal/cli"
	"github.com/pooled-go/pooled/internal/pooledtest"
)

func TestMain(m *testing.M) { pooledtest.Main(m) }

// runCommand is the subcommand as the program runs it.
func runCommand(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = cli.Report("doctor", Run(t.Context(), args, &out), &errs)
	return code, out.String(), errs.String()
}
