package hosts_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/pooled-go/pooled/internal/hosts"
)

// Two hosts of which any may be used. The first connection's was a primary, and is demoted while the other takes over:
// at once, or in a while.
func TestFailover(t *testing.T) {
	tests(t, map[string]time.Duration{"at once": 0, "in a while": 5 * time.Second}, func(t *testing.T, gap time.Duration) {
		s, w := connected(t, hosts.Config{Wait: auto}, hosts.Primary, "a", "b")
		w.set("b", nil, hosts.Standby)
		demote(t, s, w, addressA)
		if gap > 0 {
			wantDown(t, s, w, nil)
			time.Sleep(gap)
			w.set("b", nil, hosts.Primary)
			began := time.Now()
			s.Wait(t.Context())
			if took := time.Since(began); took > 800*time.Millisecond {
				t.Errorf("took %v, want less than a second", took)
			}
			wantDial(t, s, w, "b", "b")
		} else {
			w.set("b", nil, hosts.Primary)
			if have, err := dial(t.Context(), s, w); have != "b" {
				t.Errorf("have %q, %v", have, err)
			}
		}
		wantStates(t, s, "a wrong role, b up")
		equal(t, "fits", [2]bool{s.Fits(addressA), s.Fits(addressB)}, [2]bool{false, true})
		time.Sleep(time.Minute)
		w.set("a", nil, hosts.Primary) // and back
		demote(t, s, w, addressB)
		time.Sleep(6 * time.Second)
		wantDial(t, s, w, "a", "a")
		equal(t, "demotions", s.Counts().Demotions, 2)
	})
}

// The primary is lost. Any host may be used, so reads go to the standby, until somebody writes there. Then callers wait
// for a primary, read on when that takes too long, and write again when the first one is back.
func TestWritesAtTheOtherHost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, w := connected(t, hosts.Config{Wait: auto}, hosts.Primary, "a", "b")
		w.set("b", nil, hosts.Standby)
		w.set("a", errRefused, hosts.Primary)
		wantDial(t, s, w, "b", "a b")
		time.Sleep(time.Minute)
		wantDial(t, s, w, "b", "b")
		equal(t, "fits", s.Fits(addressB), true)
		demote(t, s, w, addressB)
		began := time.Now()
		wantDown(t, s, w, nil)
		s.Wait(t.Context())
		equal(t, "took", time.Since(began), 10*time.Second)
		wantDial(t, s, w, "b", "b")
		w.set("a", nil, hosts.Primary)
		time.Sleep(6 * time.Second)
		wantDial(t, s, w, "a", "a")
		wantStates(t, s, "a up, b wrong role")
		equal(t, "fits", s.Fits(addressB), false)
	})
}

// A host that was never asked for its role stays in use when another is found to take no writes.
func TestDemotionBesideUnknownRole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, w := newSet(t, hosts.Config{Wait: auto}, "a", "b")
		w.set("a", errRefused, hosts.Primary)
		wantDial(t, s, w, "b", "a b")
		s.Met(addressB, hosts.Primary)
		w.set("a", nil, hosts.Primary)
		time.Sleep(6 * time.Second)
		wantDial(t, s, w, "a", "a")
		demote(t, s, w, addressB)
		equal(t, "fits", s.Fits(addressA), true)
		wantDial(t, s, w, "a", "a")
		equal(t, "outages", s.Counts().Outages, 0)
	})
}

// At random, connections go to standbys as well, until somebody writes there.
func TestDemotionAtRandom(t *testing.T) {
	seeds(t, 20, func(t *testing.T) {
		s, w := newSet(t, hosts.Config{Wait: auto, Random: true}, "a", "b", "c")
		w.set("b", nil, hosts.Standby)
		w.set("c", nil, hosts.Standby)
		s.Met(addressA, hosts.Primary)
		for range 20 {
			if _, err := dial(t.Context(), s, w); err != nil {
				t.Fatal(err)
			}
		}
		demote(t, s, w, addressB)
		for range 20 {
			if have, err := dial(t.Context(), s, w); have != "a" {
				t.Fatalf("have %q, %v, want the primary", have, err)
			}
		}
		equal(t, "outages", s.Counts().Outages, 0)
	})
}
