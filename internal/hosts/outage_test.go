package hosts_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pooled-go/pooled/internal/hosts"
)

const auto = hosts.WaitAuto

// Before the first connection each Dial tries every host in its turn and gets their own errors; nothing is probed.
func TestNeverConnected(t *testing.T) {
	tests(t, map[string]time.Duration{"auto": auto, "no wait": 0}, func(t *testing.T, wait time.Duration) {
		one, w1 := newSet(t, hosts.Config{Wait: wait}, "a")
		w1.set("a", errRefused, hosts.Primary)
		if _, err := dial(t.Context(), one, w1); err != errRefused {
			t.Errorf("have %v, want the dial's own error", err)
		}
		s, w := newSet(t, hosts.Config{Wait: wait}, "a", "b")
		w.set("a", errRefused, hosts.Primary)
		w.set("b", errRefused, hosts.Primary)
		for range 3 {
			_, err := dial(t.Context(), s, w)
			if isDown(err) || !errors.Is(err, errRefused) ||
				err.Error() != "none of 2 hosts: connection refused; connection refused" {
				t.Errorf("have %v, want both errors", err)
			}
		}
		equal(t, "tried", w.since(), "a b a b a b")
		w.set("b", errDenied, hosts.Primary)
		for range 2 {
			if _, err := dial(t.Context(), s, w); err != errDenied {
				t.Errorf("have %v, want that of b", err)
			}
		}
		equal(t, "tried", w.since(), "a b a b")
		time.Sleep(time.Hour)
		equal(t, "dials in the background", w.count(), 0)
		equal(t, "gate", s.Gate(), nil)
		equal(t, "counts", s.Counts(), hosts.Counts{})
		equal(t, "connected", s.Connected(), false)
		w.set("a", nil, hosts.Primary)
		wantDial(t, s, w, "a", "a")
		equal(t, "connected", s.Connected(), true)
	})
}

// With a wait of its own there is an outage even before the first connection.
func TestWaitBeforeTheFirstConnection(t *testing.T) {
	tests(t, map[string]time.Duration{"a while": time.Minute, "for ever": -1}, func(t *testing.T, wait time.Duration) {
		s, w := newSet(t, hosts.Config{Wait: wait}, "a", "b")
		w.set("a", errRefused, hosts.Primary)
		w.set("b", errRefused, hosts.Primary)
		wantDown(t, s, w, errRefused)
		time.Sleep(time.Second)
		equal(t, "probed", w.probed(), "a b")
		w.set("b", nil, hosts.Primary)
		if o, err := s.Wait(t.Context()); o != nil || err != nil {
			t.Errorf("have %v, %v", o, err)
		}
		equal(t, "connected", s.Connected(), false)
		wantDial(t, s, w, "b", "b")
	})
}

// A connection that is of no use is no first connection: a wrong configuration fails at once.
func TestUnfitIsNoConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, w := newSet(t, hosts.Config{Wait: auto, Target: hosts.WantPrimary}, "a")
		w.set("a", nil, hosts.Standby)
		var role *hosts.RoleError
		if _, err := dial(t.Context(), s, w); isDown(err) || !errors.As(err, &role) || s.Gate() != nil {
			t.Errorf("have %v and gate %v, want a RoleError and no outage", err, s.Gate())
		}
		equal(t, "unfit", w.unfit, 1)
	})
}

// Callers wait for so long, from the beginning of the outage; probes go on, and end it.
func TestOutageIsOver(t *testing.T) {
	type test struct{ wait, after time.Duration }
	tests(t, map[string]test{
		"auto": {auto, 10 * time.Second}, "a while": {3 * time.Second, 3 * time.Second},
		"never": {0, 0}, "for ever": {-1, -1},
	}, func(t *testing.T, test test) {
		s, w := newSet(t, hosts.Config{Wait: test.wait}, "a")
		wantDial(t, s, w, "a", "a")
		w.set("a", errRefused, hosts.Primary)
		began := time.Now()
		wantDown(t, s, w, errRefused)
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		o, err := s.Wait(ctx)
		if test.after < 0 {
			equal(t, "error", err, context.DeadlineExceeded)
		} else if o == nil || !o.Over || err != nil || o.Since != began || o.Err != errRefused {
			t.Errorf("have %+v, %v", o, err)
		} else {
			equal(t, "took", time.Since(began), test.after)
		}
		w.since()
		time.Sleep(time.Minute)
		if n := w.count(); n < 12 {
			t.Errorf("have %d probes in a minute, want that they go on", n)
		}
		equal(t, "over", s.Gate().Over, test.after >= 0)
		equal(t, "tried", w.since(), "")
		if _, err := dial(t.Context(), s, w); !isDown(err) || w.since() != "" {
			t.Errorf("have %v, want an error without a dial", err)
		}
		w.set("a", nil, hosts.Primary)
		time.Sleep(5*time.Second + time.Millisecond)
		wantEnd(t, s, w, began)
		wantDial(t, s, w, "a", "a")
	})
}

// wantEnd wants that one outage has begun and ended, with sensible figures.
func wantEnd(t *testing.T, s *hosts.Set, w *world, began time.Time) {
	t.Helper()
	synctest.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	if s.Gate() != nil || len(w.began) != 1 || len(w.ended) != 1 || w.events[0] != "began" {
		t.Fatalf("have gate %v and events %v, want one outage", s.Gate(), w.events)
	}
	b, e := w.began[0], w.ended[0]
	if b.Since != began || b.Err == nil || e.Since != began || e.Err == nil || e.Probes < 2 ||
		w.took[0] <= 0 || w.took[0] > time.Since(began) {
		t.Errorf("have %+v and %+v after %v", b, e, w.took)
	}
	equal(t, "outages", s.Counts().Outages, 1)
}

// Those who wait go on when the outage ends, and Changed is told then and after each probe.
func TestOutageEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, w := newSet(t, hosts.Config{Wait: -1}, "a")
		wantDial(t, s, w, "a", "a")
		w.set("a", errRefused, hosts.Primary)
		began := time.Now()
		wantDown(t, s, w, errRefused)
		var all sync.WaitGroup
		for range 5 {
			all.Go(func() {
				if o, err := s.Wait(t.Context()); o != nil || err != nil || s.Gate() != nil {
					t.Errorf("have %v, %v", o, err)
				}
			})
		}
		time.Sleep(3 * time.Second)
		w.mu.Lock()
		equal(t, "Changed", w.changed, 2+len(w.probes)) // of the first dial, the beginning and each probe
		equal(t, "probes", s.Gate().Probes, len(w.probes))
		before := w.changed
		w.mu.Unlock()
		w.set("a", nil, hosts.Primary)
		all.Wait()
		time.Sleep(time.Millisecond)
		wantEnd(t, s, w, began)
		equal(t, "Changed", w.changed, before+1)
	})
}

// However many dial at one moment, it is one outage.
func TestOneOutageForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, w := newSet(t, hosts.Config{Wait: auto}, "a")
		wantDial(t, s, w, "a", "a")
		w.set("a", errRefused, hosts.Primary)
		w.slows("a", time.Second)
		var all sync.WaitGroup
		for i := range 16 {
			all.Go(func() {
				time.Sleep(time.Duration(i) * 10 * time.Millisecond)
				if _, err := dial(t.Context(), s, w); !isDown(err) {
					t.Errorf("have %v", err)
				}
			})
		}
		all.Wait()
		time.Sleep(3 * time.Second)
		equal(t, "outages", s.Counts().Outages, 1)
		w.mu.Lock()
		defer w.mu.Unlock()
		equal(t, "began", len(w.began), 1)
		equal(t, "callers' dials", len(w.tried), 16)
	})
}

// An outage that the first probe ends is not told: it was a moment.
func TestMomentIsNotTold(t *testing.T) {
	tests(t, map[string]error{"up": nil, "has answered": errDenied}, func(t *testing.T, answer error) {
		s, w := newSet(t, hosts.Config{Wait: auto}, "a")
		wantDial(t, s, w, "a", "a")
		w.set("a", errRefused, hosts.Primary)
		wantDown(t, s, w, errRefused)
		w.set("a", answer, hosts.Primary)
		time.Sleep(10 * time.Millisecond)
		synctest.Wait()
		equal(t, "gate", s.Gate(), nil)
		equal(t, "events", len(w.events), 0)
		equal(t, "outages", s.Counts().Outages, 0)
	})
}
