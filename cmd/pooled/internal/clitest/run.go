package clitest

import (
	"bytes"
	"context"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/pooled-go/pooled/cmd/pooled/internal/cli"
	"github.com/pooled-go/pooled/internal/pooledtest"
)

// Main runs the tests of a command's package, without a DSN of the tester's.
func Main(m *testing.M) {
	os.Unsetenv("DATABASE_URL")
	pooledtest.Main(m)
}

// Run runs a command as the program does, with nothing on stdin, and returns the exit code.
func Run(ctx context.Context, out, errs io.Writer, c *cobra.Command, args ...string) (code int) {
	s := cli.Streams{In: strings.NewReader(""), Out: out, Err: errs}
	return cli.Run(ctx, append([]string{c.Name()}, args...), s, c)
}

// Output is Run, and returns what the command wrote.
func Output(ctx context.Context, c *cobra.Command, args ...string) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	code = Run(ctx, &out, &errs, c, args...)
	return code, out.String(), errs.String()
}
