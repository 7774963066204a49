package bench

import (
	"errors"
	"slices"
	"testing"
)

// What ends a test ends the run with an error, and everything is cleaned up, the last thing first.
func TestWithServers(t *testing.T) {
	fails := errors.New("as it happens")
	for want, run := range map[string]func(testing.TB) error{
		"":               func(testing.TB) error { return nil },
		"as it happens":  func(testing.TB) error { return fails },
		"no disk: 3":     func(tb testing.TB) error { tb.Fatalf("no disk: %d", 3); return nil },
		"not here":       func(tb testing.TB) error { tb.Skip("not here"); return nil },
		"does not end":   func(tb testing.TB) error { tb.Cleanup(func() { tb.Fatal("does not end") }); return nil },
		"only mentioned": func(tb testing.TB) error { tb.Error("only mentioned"); return nil },
	} {
		var order []int
		err := WithServers(t.Context(), func(tb testing.TB) error {
			tb.Cleanup(func() { order = append(order, 1) })
			tb.Cleanup(func() { order = append(order, 2) })
			return run(tb)
		})
		if (err == nil) != (want == "") || err != nil && err.Error() != want {
			t.Errorf("have %v, want %q", err, want)
		}
		if !slices.Equal(order, []int{2, 1}) {
			t.Errorf("%q: cleaned up %v", want, order)
		}
	}
}
