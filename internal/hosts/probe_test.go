package hosts_test

import (
	"context"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pooled-go/pooled/internal/hosts"
)

// outage connects, and then loses all hosts.
func outage(t *testing.T, s *hosts.Set, w *world) {
	t.Helper()
	if _, err := dial(t.Context(), s, w); err != nil {
		t.Fatal(err)
	}
	for _, h := range s.Hosts() {
		w.set(nameOf(h.Address), errRefused, hosts.Primary)
	}
	w.since()
	wantDown(t, s, w, errRefused)
}

// The pauses double from 10 ms to 5 s, and at most 800 ms while the outage is young; any part of them is waited.
func TestPauses(t *testing.T) {
	sum, n := 0.0, 0
	seeds(t, 200, func(t *testing.T) {
		s, w := newSet(t, hosts.Config{Wait: -1}, "a")
		outage(t, s, w)
		began, last, most := time.Now(), time.Now(), 10*time.Millisecond
		time.Sleep(3 * time.Second)
		if n := w.count(); n > 40 {
			t.Errorf("have %d dials in 3 s, want at most 40", n)
		}
		time.Sleep(time.Minute)
		w.mu.Lock()
		defer w.mu.Unlock()
		for i, p := range w.probes {
			limit := most
			if last.Sub(began) < 10*time.Second {
				limit = min(limit, 800*time.Millisecond)
			}
			pause := p.at.Sub(last)
			if pause > limit {
				t.Fatalf("probe %d comes %v after the one before, want at most %v", i, pause, limit)
			}
			sum, n = sum+float64(pause)/float64(limit), n+1
			last, most = p.ended, min(2*most, 5*time.Second)
		}
	})
	if mean := sum / float64(n); mean < 0.4 || mean > 0.6 {
		t.Errorf("have a pause of %.2f of the longest on average of %d, want half of it", mean, n)
	}
}

// A probe that hangs gets 2 s, the next ones more, up to 30 s; after an outage it begins anew.
func TestProbeHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, w := newSet(t, hosts.Config{Wait: -1}, "a")
		for range 2 {
			outage(t, s, w)
			w.slows("a", forever)
			time.Sleep(3 * time.Minute)
			w.mu.Lock()
			for i, want := range []time.Duration{2, 4, 8, 16, 30, 30} {
				equal(t, "timeout", w.probes[i].ended.Sub(w.probes[i].at), want*time.Second)
			}
			w.mu.Unlock()
			w.slows("a", 0)
			w.set("a", nil, hosts.Primary)
			s.Wait(t.Context())
		}
	})
}

// With each outage the pauses begin anew, whatever has ended the one before.
func TestPausesBeginAnew(t *testing.T) {
	tests(t, map[string]error{"up": nil, "has answered": errDenied}, func(t *testing.T, answer error) {
		s, w := newSet(t, hosts.Config{Wait: -1}, "a")
		for range 20 {
			outage(t, s, w)
			time.Sleep(10 * time.Millisecond)
			synctest.Wait()
			if w.count() < 2 { // the caller's and a probe
				t.Fatal("have no probe within 10 ms")
			}
			time.Sleep(time.Minute)
			w.set("a", answer, hosts.Primary)
			s.Wait(t.Context())
			w.set("a", nil, hosts.Primary)
		}
	})
}

// A better host that has been down for long is looked for as often as the others when these are lost, too.
func TestPausesOfAllBeginAnew(t *testing.T) {
	seeds(t, 20, func(t *testing.T) {
		s, w := newSet(t, hosts.Config{Wait: -1}, "a", "b")
		w.set("a", errRefused, hosts.Primary)
		wantDial(t, s, w, "b", "a b")
		time.Sleep(time.Minute)
		w.set("b", errRefused, hosts.Primary)
		wantDown(t, s, w, errRefused)
		w.set("a", nil, hosts.Primary)
		w.since()
		time.Sleep(10 * time.Millisecond)
		synctest.Wait()
		equal(t, "gate", s.Gate(), nil)
	})
}

// Standbys, of which none is what is wanted, are probed no more often than servers that are down.
func TestPausesOfWrongRole(t *testing.T) {
	seeds(t, 20, func(t *testing.T) {
		s, w := newSet(t, hosts.Config{Wait: -1, Target: hosts.WantPrimary}, "a")
		wantDial(t, s, w, "a", "a")
		w.set("a", nil, hosts.Standby)
		wantDown(t, s, w, nil)
		for range 2 {
			w.since()
			time.Sleep(10 * time.Second)
			if n := w.count(); n > 60 || n == 0 {
				t.Errorf("have %d probes in 10 s", n)
			}
		}
	})
}

// A probe whose goroutine ends has seen nothing.
func TestProbeIsEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := 0
		s, w := newSet(t, hosts.Config{Wait: -1, Check: func(context.Context, hosts.Address) (hosts.Role, error) {
			n++
			if n < 5 {
				runtime.Goexit()
			}
			return hosts.Primary, nil
		}}, "a")
		outage(t, s, w)
		s.Wait(t.Context())
		equal(t, "probes", n, 5)
	})
}

// A connection's success ends the outage as well as a probe's. Then nobody probes, nor ends another outage's wait.
func TestDialEndsOutage(t *testing.T) {
	seeds(t, 20, func(t *testing.T) {
		s, w := newSet(t, hosts.Config{Wait: auto}, "a")
		wantDial(t, s, w, "a", "a")
		go hosts.Dial(t.Context(), s, func(context.Context, hosts.Address) (int, hosts.Role, error) {
			time.Sleep(5 * time.Second)
			return 0, hosts.Primary, nil
		}, nil)
		synctest.Wait()
		w.set("a", errRefused, hosts.Primary)
		wantDown(t, s, w, errRefused)
		time.Sleep(5 * time.Second)
		synctest.Wait()
		equal(t, "gate", s.Gate(), nil)
		w.since()
		time.Sleep(time.Minute)
		equal(t, "probes after the end", w.count(), 0)
		wantDown(t, s, w, errRefused)
		time.Sleep(10*time.Second - 1)
		equal(t, "over too early", s.Gate().Over, false)
	})
}

// A timer that fires when it is stopped does nothing: neither to the wait of the next outage, nor a second probe.
func TestTimersAtTheEnd(t *testing.T) {
	seeds(t, 300, func(t *testing.T) {
		s, w := newSet(t, hosts.Config{Wait: auto}, "a")
		wantDial(t, s, w, "a", "a")
		done := make(chan error)
		go func() {
			_, _, err := hosts.Dial(t.Context(), s, func(context.Context, hosts.Address) (int, hosts.Role, error) {
				time.Sleep(10 * time.Second)
				return 0, hosts.Primary, nil
			}, nil)
			w.set("a", errRefused, hosts.Primary)
			if err == nil {
				_, err = dial(t.Context(), s, w)
			}
			done <- err
		}()
		synctest.Wait()
		w.set("a", errRefused, hosts.Primary)
		wantDown(t, s, w, errRefused)
		<-done
		synctest.Wait()
		if o := s.Gate(); o != nil && o.Over && o.Since == time.Now() {
			t.Errorf("have %+v, want that the outage has only begun", o)
		}
	})
}

// Close ends all that runs, at any moment, and nothing is told after it.
func TestClose(t *testing.T) {
	seeds(t, 20, func(t *testing.T) {
		for _, after := range []time.Duration{0, time.Millisecond, time.Second, 10 * time.Second, 11 * time.Second} {
			for _, slow := range []time.Duration{0, time.Hour} {
				s, w := newSet(t, hosts.Config{Wait: auto}, "a", "b")
				outage(t, s, w)
				w.slows("a", slow)
				ended := make(chan error, 1)
				go func() {
					o, err := s.Wait(t.Context())
					for o != nil && err == nil && s.Gate() != nil { // its wait was over
						o, err = nil, hosts.ErrClosed
					}
					ended <- err
				}()
				time.Sleep(after)
				s.Close()
				s.Close()
				equal(t, "error", <-ended, hosts.ErrClosed)
				synctest.Wait()
				w.mu.Lock()
				dials, changed, events := len(w.dials), w.changed, len(w.events)
				w.mu.Unlock()
				w.set("a", nil, hosts.Primary)
				w.set("b", nil, hosts.Primary)
				w.slows("a", 0)
				time.Sleep(time.Hour)
				equal(t, "dials", w.count(), dials)
				equal(t, "Changed", w.changed, changed)
				equal(t, "events", len(w.events), events)
				wantStates(t, s, "a down, b down")
			}
		}
	})
}

// An outage that a Dial ends when the Set is closed is not told any more.
func TestOutageEndsAfterClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, w := newSet(t, hosts.Config{Wait: auto}, "a")
		wantDial(t, s, w, "a", "a")
		go hosts.Dial(t.Context(), s, func(context.Context, hosts.Address) (int, hosts.Role, error) {
			time.Sleep(time.Minute)
			return 0, hosts.Primary, nil
		}, nil)
		synctest.Wait()
		w.set("a", errRefused, hosts.Primary)
		wantDown(t, s, w, errRefused)
		time.Sleep(30 * time.Second)
		s.Close()
		time.Sleep(time.Minute)
		wantStates(t, s, "a up")
		w.mu.Lock()
		defer w.mu.Unlock()
		equal(t, "began", len(w.began), 1)
		equal(t, "ended", len(w.ended), 0)
	})
}

// What a Set that is closed dials all the same is nobody's outage.
func TestDialAfterClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, w := newSet(t, hosts.Config{Wait: auto}, "a")
		wantDial(t, s, w, "a", "a")
		s.Close()
		w.set("a", errRefused, hosts.Primary)
		if _, err := dial(t.Context(), s, w); err != errRefused || s.Gate() != nil {
			t.Errorf("have %v and gate %v, want the dial's own error", err, s.Gate())
		}
		if o, err := s.Wait(t.Context()); o != nil || err != nil {
			t.Errorf("have %v, %v: there is no outage", o, err)
		}
	})
}

// Outages are told one event at a time, each end after its beginning, however long that takes; and nobody waits for it.
func TestEventsInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, w := newSet(t, hosts.Config{Wait: -1}, "a")
		w.linger = time.Hour
		for range 3 {
			outage(t, s, w)
			began := time.Now()
			time.Sleep(time.Minute)
			w.set("a", nil, hosts.Primary)
			s.Wait(t.Context())
			if took := time.Since(began); took > time.Minute+5*time.Second {
				t.Errorf("waited %v, want the end of the outage", took)
			}
		}
		time.Sleep(24 * time.Hour)
		w.mu.Lock()
		defer w.mu.Unlock()
		for i, event := range w.events {
			equal(t, "event", event, []string{"began", "ended"}[i%2])
		}
		equal(t, "events", len(w.events), 6)
	})
}
