package bench

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/pooled-go/pooled"
)

// Each slice is as many checkouts as it was told, spread over the goroutines.
func TestAloneSlices(t *testing.T) {
	for _, c := range AloneContenders() {
		t.Run(c.Name, func(t *testing.T) {
			p, err := c.Open(t.Context())
			if missing := new(MissingPeer); errors.As(err, &missing) {
				t.Skip(missing)
			}
			if err != nil {
				t.Fatal(err)
			}
			defer func() {
				if err := p.Close(); err != nil {
					t.Error(err)
				}
			}()
			for _, goroutines := range []int{1, 2} {
				if ns, err := p.Slice(goroutines, 100); err != nil || ns <= 0 {
					t.Errorf("%d goroutines: %g ns, %v", goroutines, ns, err)
				}
			}
			if _, program := p.(*peer); program == (p.Version() == "") {
				t.Errorf("version: have %q", p.Version())
			}
		})
	}
}

func TestPooledAloneChecksOut(t *testing.T) {
	connector, err := nullConnector(unasked{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer connector.Close()
	p := newPooledAlone(t.Context(), connector)
	if _, err := p.Slice(2, 100); err != nil {
		t.Fatal(err)
	}
	stats := connector.Pool().Stats()
	if stats.Checkouts != 100 || stats.CheckedOut != 0 {
		t.Errorf("checkouts: have %d with %d left, want 100 with 0", stats.Checkouts, stats.CheckedOut)
	}
}

func TestAloneOpen(t *testing.T) {
	connector, err := nullConnector(unasked{}, func(c *pooled.Config) { c.Size = 100 })
	if err != nil {
		t.Fatal(err)
	}
	defer connector.Close()
	if err := newPooledAlone(t.Context(), connector).fill(100); err != nil {
		t.Fatal(err)
	}
	if stats := connector.Pool().Stats(); stats.Idle != 100 || stats.Open() != 100 {
		t.Errorf("have %d idle of %d open, want 100 of 100", stats.Idle, stats.Open())
	}
}

// What is not installed is left out and named; the others are measured.
func TestAloneMissing(t *testing.T) {
	absent := AloneContender{"absent", func(ctx context.Context) (Alone, error) {
		return startAlone(ctx, "absent", []string{"/nonexistent/program"})
	}}
	failing := AloneContender{"failing", func(ctx context.Context) (Alone, error) {
		return startAlone(ctx, "failing", []string{"sh", "-c", "echo no such module >&2; exit 1"})
	}}
	contenders := append([]AloneContender{absent, failing}, AloneContenders()[:2]...)
	costs, err := MeasureAlone(
		t.Context(),
		contenders,
		AlonePlan{Starts: 2, Rounds: 4, Slice: time.Millisecond, Goroutines: []int{1, 2}},
	)
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"pooled", "puddle"}; !slices.Equal(costs.Names, want) {
		t.Errorf("measured: have %v, want %v", costs.Names, want)
	}
	if len(costs.Missing) != 2 || costs.Missing[1].Error() != "failing is missing here: no such module" {
		t.Errorf("missing: have %q", costs.Missing)
	}
	for goroutines, series := range costs.Nanoseconds {
		for i, s := range series {
			if len(s) != 4 {
				t.Errorf("%s, %d goroutines: have %d slices, want 4", costs.Names[i], goroutines, len(s))
			}
		}
	}
}

// A peer that doesn't do what it is told is an error, not a fast one.
func TestPeerThatCheats(t *testing.T) {
	p, err := startAlone(t.Context(), "lazy", []string{"sh", "-c", "echo lazy 1.0; read order; echo 1 0; read end"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err = p.Slice(1, 100); err == nil {
		t.Error("100 wanted, none done, no error")
	}
	p.orders.Close()
	p.command.Wait()
	p.Close()
}
