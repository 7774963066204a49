package main

import (
	"bytes"
	"context"
	"errors"
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

// withScenarios runs the test with other scenarios than the demo's own.
func withScenarios(t *testing.T, s ...scenario) {
	own := scenarios
	t.Cleanup(func() { scenarios = own })
	scenarios = s
}

func TestBrokenPromise(t *testing.T) {
	withScenarios(t, func(_ context.Context, _ *database, p *page) error {
		p.promise(true, "kept")
		p.promise(false, "%d rows, want 400", 399)
		return nil
	})
	code, stdout, stderr := runCommand(t, "demo")
	if want := "pooled: demo: pooled broke a promise: 399 rows, want 400\n"; code != 1 || stderr != want {
		t.Errorf("have exit code %d and %q, want 1 and %q", code, stderr, want)
	}
	if strings.Contains(stdout, "kept every promise") {
		t.Errorf("have %q, want no praise", stdout)
	}
}

func TestErrorIsOneLine(t *testing.T) {
	withScenarios(t, func(context.Context, *database, *page) error {
		return errors.Join(errors.New("pooled: one"), errors.New("two"))
	})
	code, _, stderr := runCommand(t, "demo")
	if want := "pooled: demo: one; two\n"; code != 1 || stderr != want {
		t.Errorf("have exit code %d and %q, want 1 and %q", code, stderr, want)
	}
}

func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	withScenarios(t, func(ctx context.Context, _ *database, _ *page) error {
		cancel(errors.New("interrupt signal received"))
		return ctx.Err()
	})
	var stdout, stderr bytes.Buffer
	code := run(ctx, []string{"demo"}, &stdout, &stderr)
	if want := "pooled: demo: interrupt signal received\n"; code != 1 || stderr.String() != want {
		t.Errorf("have exit code %d and %q, want 1 and %q", code, stderr.String(), want)
	}
}

// failing is a writer that has no room.
type failing struct{}

var errFull = errors.New("no space left")

func (failing) Write([]byte) (int, error) { return 0, errFull }

func TestOutputFails(t *testing.T) {
	withScenarios(t)
	var stderr bytes.Buffer
	if code := run(t.Context(), []string{"demo"}, failing{}, &stderr); code != 1 || !strings.Contains(stderr.String(), errFull.Error()) {
		t.Errorf("have exit code %d and %q, want 1 and %q", code, stderr.String(), errFull)
	}
}
