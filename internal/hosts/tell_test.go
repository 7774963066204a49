package hosts_test

import (
	"slices"
	"testing"
	"time"

	"github.com/pooled-go/pooled/internal/hosts"
)

// When no host takes writes any more, and callers have waited long enough, the end of the outage says so, and it is
// told when one takes writes again.
func TestSettledAndRestored(t *testing.T) {
	seeds(t, 10, func(t *testing.T) {
		restored := make(chan hosts.Address, 10)
		s, w := newSet(t, hosts.Config{Wait: auto, Restored: func(a hosts.Address) { restored <- a }}, "a")
		wantDial(t, s, w, "a", "a")
		a := hosts.Address{Name: "a"}
		s.Met(a, hosts.Primary)
		time.Sleep(time.Second)
		w.set("a", nil, hosts.Standby)
		s.Demoted(a, time.Now())
		wantDown(t, s, w, nil)
		time.Sleep(11 * time.Second)
		w.mu.Lock()
		settled := len(w.ended) == 1 && w.ended[0].Settled
		w.mu.Unlock()
		equal(t, "settled", settled, true)
		equal(t, "restored too early", len(restored), 0)
		w.set("a", nil, hosts.Primary)
		equal(t, "restored", <-restored, a)
	})
}

// It is told once when connections are opened elsewhere, as the host of before is down.
func TestMoved(t *testing.T) {
	seeds(t, 10, func(t *testing.T) {
		var moves []string
		s, w := newSet(t, hosts.Config{Wait: auto, Moved: func(from, to hosts.Address) {
			moves = append(moves, from.Name+" "+to.Name)
		}}, "a", "b")
		wantDial(t, s, w, "a", "a")
		w.set("a", errRefused, hosts.Primary)
		wantDial(t, s, w, "b", "a b")
		wantDial(t, s, w, "b", "b")
		if want := []string{"a b"}; !slices.Equal(moves, want) {
			t.Errorf("have %q, want %q", moves, want)
		}
	})
}
