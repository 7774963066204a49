package cli_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/pooled-go/pooled/cmd/pooled/internal/cli"
)

// show is a command that takes a DSN and writes what it got.
func show(otherwise string) *cobra.Command {
	c := &cobra.Command{Use: "show", Short: "show the DSN", Long: "Shows the DSN."}
	c.Flags().Int("count", 1, "how many")
	from := cli.TakeDSN(c, otherwise)
	c.RunE = func(c *cobra.Command, args []string) error {
		dsn, err := from.DSN(c, args)
		if dsn.Text == "junk" {
			return dsn.Explain(errors.New("no such form"))
		}
		if err == nil {
			_, err = io.WriteString(c.OutOrStdout(), string(dsn.From)+": "+dsn.Text+dsn.From.Note())
		}
		return err
	}
	return c
}

// runShow runs it.
func runShow(ctx context.Context, otherwise string, in io.Reader, args ...string) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	s := cli.Streams{In: in, Out: &out, Err: &errs}
	code = cli.Run(ctx, append([]string{"show"}, args...), s, show(otherwise))
	return code, out.String(), errs.String()
}

// A DSN is the argument, standard input, a file, or DATABASE_URL, in this order.
func TestDSNSources(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	ended, windows := file("ended", "of file\nsecond line\n"), file("windows", "of file\r\n")
	bare, empty := file("bare", "of file"), file("empty", "\nof file\n")
	long := file("long", strings.Repeat("x", 1<<17))
	for _, tt := range []struct {
		env, in, want string // want of standard output, or with a code of standard error
		code          int
		args          []string
	}{
		{"of env", "of stdin\n", "argument: of arg", 0, []string{"of arg"}},
		{"of env", "of stdin\n", "standard input: of stdin (DSN from standard input)", 0, []string{"-"}},
		{"of env", "of stdin\r\nmore\n", "standard input: of stdin (", 0, []string{"-"}},
		{"of env", " of stdin ", "standard input:  of stdin  (", 0, []string{"-"}},
		{"of env", "", "--dsn-file: of file (DSN from --dsn-file)", 0, []string{"--dsn-file", ended}},
		{"", "", "--dsn-file: of file (", 0, []string{"--dsn-file", windows}},
		{"", "", "--dsn-file: of file (", 0, []string{"--dsn-file", bare}},
		{"of env", "of stdin", "DATABASE_URL: of env (DSN from DATABASE_URL)", 0, nil},
		{"junk", "", "pooled: show: no such form (DSN from DATABASE_URL)\n", 1, nil},
		{"", "junk", "pooled: show: no such form (DSN from standard input)\n", 1, []string{"-"}},
		{"", "", "pooled: show: no such form\n", 1, []string{"junk"}},
		{"", "of stdin", "pooled: show: no DSN: give it as an argument", 2, nil},
		{"", "", "pooled: show: have a DSN as an argument and --dsn-file", 2, []string{"of arg", "--dsn-file", bare}},
		{"", "of stdin", "pooled: show: have a DSN as an argument and --dsn-file", 2, []string{"-", "--dsn-file", bare}},
		{"", "of stdin", "pooled: show: want one DSN, have 2 arguments", 2, []string{"-", "of arg"}},
		{"of env", "", "pooled: show: read the DSN from standard input: its first line is empty", 1, []string{"-"}},
		{"of env", "", "pooled: show: read the DSN from --dsn-file: its first line is empty", 1,
			[]string{"--dsn-file", empty}},
		{"", "", "pooled: show: read the DSN from --dsn-file: its first line is longer", 1, []string{"--dsn-file", long}},
		{"", "", "pooled: show: read the DSN from --dsn-file: there is no such file: write the name of a file", 1,
			[]string{"--dsn-file", filepath.Join(dir, "s3cret")}},
		{"", "", "pooled: show: there is no flag --dsn: write the DSN as an argument, as in pooled show DSN", 2,
			[]string{"--dsn", "s3cret"}},
		{"", "", "pooled: show: there is no flag --dsn: write the DSN as an argument", 2, []string{"--dsn=s3cret"}},
		{"", "", "pooled: show: there is no flag -dsn: write the DSN as an argument", 2, []string{"-dsn=s3cret"}},
		{"", "", "pooled: show: read the DSN from --dsn-file: ", 1, []string{"--dsn-file", ""}},
	} {
		t.Setenv("DATABASE_URL", tt.env)
		code, stdout, stderr := runShow(t.Context(), "", strings.NewReader(tt.in), tt.args...)
		have := stdout
		if tt.code != 0 {
			have = stderr
		}
		if code != tt.code || !strings.HasPrefix(have, tt.want) || strings.Contains(have, "s3cret") {
			t.Errorf("%+v: have exit code %d, %q and %q", tt, code, stdout, stderr)
		}
	}
}

// A command that has a database of its own takes no other that was not named.
func TestDSNOtherwise(t *testing.T) {
	t.Setenv("DATABASE_URL", "of env")
	for want, args := range map[string][]string{"default: own": nil, "argument: of arg": {"of arg"}} {
		if _, stdout, _ := runShow(t.Context(), "own", strings.NewReader(""), args...); stdout != want {
			t.Errorf("%q: have %q, want %q", args, stdout, want)
		}
	}
}

// Who waits for a DSN that nobody writes can be interrupted.
func TestDSNInterrupted(t *testing.T) {
	never, w := io.Pipe()
	defer w.Close()
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("interrupt signal received"))
	code, _, stderr := runShow(ctx, "", never, "-")
	if code != 1 || !strings.Contains(stderr, "interrupt signal received") {
		t.Errorf("have exit code %d and %q, want 1 and the interrupt", code, stderr)
	}
}

// The help of a command says where its DSN may come from, and the exit codes.
func TestHelp(t *testing.T) {
	_, stdout, _ := runShow(t.Context(), "", strings.NewReader(""), "-h")
	for _, want := range []string{"usage: pooled show [flags]\n\nShows the DSN.\n", "DATABASE_URL", "history of the shell",
		"--dsn-file FILE", "Exit code: 0 ok, 1 an error", "--count int"} {
		if !strings.Contains(stdout, want) {
			t.Errorf("have %s\nwant in it %q", stdout, want)
		}
	}
	for line := range strings.Lines(stdout) {
		if len(line) > 81 {
			t.Errorf("have %d columns, want at most 80: %s", len(line)-1, line)
		}
	}
	if _, stdout, _ := runShow(t.Context(), "own", strings.NewReader(""), "-h"); strings.Contains(stdout, "DATABASE_URL") {
		t.Errorf("have %s, want nothing about a variable that is not read", stdout)
	}
}
