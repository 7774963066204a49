package hosts_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pooled-go/pooled/internal/hosts"
)

// The hosts are tried in their order; those known to be good come first, and those that are down only if nothing else
// is left.
func TestOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, w := newSet(t, hosts.Config{Wait: auto}, "a", "b", "c")
		wantDial(t, s, w, "a", "a")
		wantDial(t, s, w, "a", "a")
		w.set("a", errRefused, hosts.Primary)
		wantDial(t, s, w, "b", "a b")
		wantDial(t, s, w, "b", "b")
		wantStates(t, s, "a down, b up, c unknown")
		w.set("b", errRefused, hosts.Primary)
		wantDial(t, s, w, "c", "b c")
		w.set("c", errRefused, hosts.Primary)
		wantDown(t, s, w, errRefused)
		equal(t, "tried", w.since(), "c a b")
		w.set("b", nil, hosts.Primary)
		s.Wait(t.Context())
		wantDial(t, s, w, "b", "b")
	})
}

// At random, connections spread over all hosts that are up.
func TestRandom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, w := newSet(t, hosts.Config{Wait: auto, Random: true}, "a", "b", "c")
		if _, err := dial(t.Context(), s, w); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		equal(t, "probes of what is not known", w.count(), 1)
		spread := func() map[string]int {
			n := map[string]int{}
			for range 300 {
				name, err := dial(t.Context(), s, w)
				if err != nil {
					t.Fatal(err)
				}
				n[name]++
			}
			return n
		}
		for _, n := range spread() {
			if n < 40 {
				t.Errorf("have %d of 300 connections, want about a third", n)
			}
		}
		w.set("b", errRefused, hosts.Primary)
		w.since()
		spread()
		equal(t, "dials of what is down", strings.Count(w.since(), "b"), 1)
		w.set("b", nil, hosts.Primary)
		time.Sleep(6 * time.Second) // it is found again
		if n := spread()["b"]; n < 40 {
			t.Errorf("have %d of 300 connections, want about a third", n)
		}
		time.Sleep(time.Minute)
		w.since()
		time.Sleep(time.Hour)
		equal(t, "probes while all are up", w.count(), 0)
	})
}

// A host before the one in use is looked for in the background, and used when it is found. One after it is not.
func TestBetterHost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, w := newSet(t, hosts.Config{Wait: auto}, "a", "b", "c")
		w.set("a", errRefused, hosts.Primary)
		wantDial(t, s, w, "b", "a b")
		for range 10 {
			time.Sleep(time.Minute)
			w.since()
			time.Sleep(time.Minute)
			if n := w.count(); w.probed() != "a" || n < 12 || n > 100 {
				t.Errorf("have %d probes of %q in a minute, want some of a", n, w.probed())
			}
			wantDial(t, s, w, "b", "b")
		}
		w.set("a", nil, hosts.Primary)
		time.Sleep(5*time.Second + time.Millisecond)
		wantDial(t, s, w, "a", "a")
		w.set("b", errRefused, hosts.Primary)
		time.Sleep(time.Hour)
		equal(t, "dials in the background", w.count(), 0)
		equal(t, "outages", s.Counts().Outages, 0)
		equal(t, "gate", s.Gate(), nil)
	})
}

// When a better host is lost once more it is looked for at once again, however long that took the time before.
func TestBetterHostIsLostAgain(t *testing.T) {
	seeds(t, 20, func(t *testing.T) {
		s, w := newSet(t, hosts.Config{Wait: auto}, "a", "b")
		w.set("a", errRefused, hosts.Primary)
		wantDial(t, s, w, "b", "a b")
		time.Sleep(time.Hour)
		w.set("a", nil, hosts.Primary)
		time.Sleep(6 * time.Second)
		w.set("a", errRefused, hosts.Primary)
		wantDial(t, s, w, "b", "a b")
		w.set("a", nil, hosts.Primary)
		time.Sleep(10 * time.Millisecond)
		synctest.Wait()
		wantDial(t, s, w, "a", "a")
	})
}

// A better host that was never dialed is looked for as well.
func TestBetterHostOfWhichNothingIsKnown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, w := newSet(t, hosts.Config{Wait: time.Minute}, "a", "b")
		s.Met(hosts.Address{Entry: 1, Name: "b"}, hosts.Primary) // somebody has reached it
		wantStates(t, s, "a unknown, b up")
		w.set("a", errRefused, hosts.Primary)
		wantDial(t, s, w, "b", "b")
		time.Sleep(time.Minute)
		wantStates(t, s, "a down, b up")
		w.set("a", nil, hosts.Primary)
		time.Sleep(6 * time.Second)
		wantDial(t, s, w, "a", "a")
	})
}

// While others are up, the loss of one is no outage; and what is up is not probed.
func TestNoOutageWhileOneIsUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, w := newSet(t, hosts.Config{Wait: auto}, "a", "b")
		wantDial(t, s, w, "a", "a")
		for range 10 {
			w.set("a", errRefused, hosts.Primary)
			wantDial(t, s, w, "b", "a b")
			w.set("a", nil, hosts.Primary)
			w.set("b", errRefused, hosts.Primary)
			wantDial(t, s, w, "a", "b a")
			w.set("b", nil, hosts.Primary)
			time.Sleep(6 * time.Second)
		}
		equal(t, "outages", s.Counts().Outages, 0)
		equal(t, "gate", s.Gate(), nil)
	})
}

// UpWithin is about hosts that are up, and the time they were seen last.
func TestUpWithin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, w := newSet(t, hosts.Config{Wait: -1, Target: hosts.WantPrimary}, "a")
		equal(t, "before", s.UpWithin(time.Hour), false)
		wantDial(t, s, w, "a", "a")
		equal(t, "now", s.UpWithin(time.Second), true)
		time.Sleep(time.Second)
		equal(t, "later", s.UpWithin(time.Second), false)
		equal(t, "later", s.UpWithin(time.Second+1), true)
		w.set("a", nil, hosts.Standby)
		wantDown(t, s, w, nil)
		equal(t, "of the wrong role", s.UpWithin(time.Hour), false)
		w.set("a", errRefused, hosts.Standby)
		time.Sleep(time.Minute)
		equal(t, "down", s.UpWithin(time.Hour), false)
	})
}

// Whoever is in a hurry spends half of its time on a host that does not answer, and the next one nothing.
func TestHurryWithABlackHole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, w := newSet(t, hosts.Config{Wait: auto}, "a", "b")
		hole := func(ctx context.Context, a hosts.Address) (string, hosts.Role, error) {
			if a.Name == "a" {
				<-ctx.Done()
				return "", hosts.RoleUnknown, ctx.Err()
			}
			role, err := w.ask(a)
			return a.Name, role, err
		}
		for _, want := range []time.Duration{time.Second, 0} {
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
			began := time.Now()
			if conn, _, err := hosts.Dial(ctx, s, hole, nil); conn != "b" || err != nil || time.Since(began) != want {
				t.Errorf("have %q, %v after %v, want b after %v", conn, err, time.Since(began), want)
			}
			cancel()
		}
	})
}
