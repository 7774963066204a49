package demo

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/pooled-go/pooled/cmd/pooled/internal/cli"
	"github.com/pooled-go/pooled/cmd/pooled/internal/clitest"
	"github.com/pooled-go/pooled/internal/pooledtest"
)

func TestMain(m *testing.M) { clitest.Main(m) }

// runCommand is the subcommand as the program runs it.
func runCommand(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	return runWith(t.Context(), args...)
}

func runWith(ctx context.Context, args ...string) (code int, stdout, stderr string) {
	return clitest.Output(ctx, Command(), args...)
}

// withScenarios runs the test with other scenarios than the demo's own.
func withScenarios(t *testing.T, s ...scenario) {
	own := scenarios
	t.Cleanup(func() { scenarios = own })
	scenarios = s
}

func brokenPromise(_ context.Context, _ *database, p *page) error {
	p.promise(true, "kept")
	p.promise(false, "%d rows, want 400", 399)
	return nil
}

func TestBrokenPromise(t *testing.T) {
	withScenarios(t, brokenPromise)
	code, stdout, stderr := runCommand(t)
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
	code, _, stderr := runCommand(t)
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
	code, _, stderr := runWith(ctx)
	if want := "pooled: demo: interrupt signal received\n"; code != 1 || stderr != want {
		t.Errorf("have exit code %d and %q, want 1 and %q", code, stderr, want)
	}
}

// failing is a writer that has no room.
type failing struct{}

var errFull = errors.New("no space left")

func (failing) Write([]byte) (int, error) { return 0, errFull }

func TestOutputFails(t *testing.T) {
	withScenarios(t)
	var stderr bytes.Buffer
	s := cli.Streams{In: strings.NewReader(""), Out: failing{}, Err: &stderr}
	if code := cli.Run(t.Context(), []string{"demo"}, s, Command()); code != 1 ||
		!strings.Contains(stderr.String(), errFull.Error()) {
		t.Errorf("have exit code %d and %q, want 1 and %q", code, stderr.String(), errFull)
	}
}

// The same for the demo, its error and what is wrong on a command line.
func TestDemoIsRuly(t *testing.T) {
	withScenarios(t, func(_ context.Context, d *database, p *page) error {
		d.shown = pooledtest.Unruly
		p.section("%s", pooledtest.Unruly)
		p.Line("%s", d)
		p.Table([][]string{{pooledtest.Unruly, pooledtest.Unruly}, {"a", "b"}})
		p.Paragraph(pooledtest.Unruly)
		p.promise(false, "%s", pooledtest.Unruly)
		return nil
	}, func(context.Context, *database, *page) error { return errors.New(pooledtest.Unruly) })
	code, stdout, stderr := runCommand(t)
	pooledtest.WantRuly(t, stdout+stderr)
	shown := strings.Contains(stderr, pooledtest.Ruly) && strings.Count(stdout, pooledtest.Ruly) == 4
	if code != 1 || strings.Count(stderr, "\n") != 1 || !shown {
		t.Errorf("have exit code %d,\n%s\n%s\nwant 1, and codes in each", code, stdout, stderr)
	}
}
