package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/pooled-go/pooled/internal/pooledtest"
)

func TestMain(m *testing.M) { pooledtest.Main(m) }

// runCommand runs the program in this process.
func runCommand(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(t.Context(), args, &out, &errs)
	return code, out.String(), errs.String()
}

func TestUsage(t *testing.T) {
	for _, tt := range []struct {
		args           []string
		code           int
		stdout, stderr string // what they contain; "": they are empty
	}{
		{nil, 2, "", "pooled demo"},
		{[]string{"help"}, 0, "pooled demo", ""},
		{[]string{"--help"}, 0, "pooled demo", ""},
		{[]string{"-h"}, 0, "pooled demo", ""},
		{[]string{"damo"}, 2, "", `pooled: unknown command "damo"`},
		{[]string{"demo", "-h"}, 0, "usage: pooled demo [--dsn DSN]", ""},
		{[]string{"demo", "--help"}, 0, "usage: pooled demo [--dsn DSN]", ""},
		{[]string{"demo", "--size", "3"}, 2, "", "pooled: demo: flag provided but not defined: -size"},
		{[]string{"demo", "--dsn"}, 2, "", "pooled: demo: flag needs an argument: -dsn"},
		{[]string{"demo", "app.db"}, 2, "", `pooled: demo: unexpected argument "app.db"`},
	} {
		code, stdout, stderr := runCommand(t, tt.args...)
		if code != tt.code {
			t.Errorf("%q: have exit code %d, want %d", tt.args, code, tt.code)
		}
		wantText(t, tt.args, "stdout", stdout, tt.stdout)
		wantText(t, tt.args, "stderr", stderr, tt.stderr)
	}
}

func wantText(t *testing.T, args []string, stream, have, want string) {
	t.Helper()
	if !strings.Contains(have, want) || want == "" && have != "" {
		t.Errorf("%q: %s: have %q, want %q in it", args, stream, have, want)
	}
}

// What is wrong on a command line does nothing to the terminal.
func TestUnrulyArguments(t *testing.T) {
	for _, args := range [][]string{
		{pooledtest.Unruly}, {"demo", pooledtest.Unruly}, {"demo", "--" + pooledtest.Unruly},
		{"doctor", pooledtest.Unruly}, {"doctor", "--" + pooledtest.Unruly},
	} {
		code, stdout, stderr := runCommand(t, args...)
		pooledtest.WantRuly(t, stdout+stderr)
		if code != 2 {
			t.Errorf("%q: have exit code %d, want 2", args, code)
		}
	}
}

// A DSN in the wrong place of the command line is not repeated: its password is in it.
func TestMisplacedDSNIsNotShown(t *testing.T) {
	const dsn = "scott:t1ger@tcp(h)/db"
	for _, args := range [][]string{{dsn}, {"demo", dsn}, {"doctor", "a", dsn}} {
		code, stdout, stderr := runCommand(t, args...)
		if code != 2 || strings.Contains(stdout+stderr, "t1ger") {
			t.Errorf("%q: have exit code %d and %q, want 2, and the DSN not shown", args, code, stderr)
		}
	}
}
