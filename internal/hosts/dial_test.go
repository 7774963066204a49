package hosts_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pooled-go/pooled/internal/hosts"
)

// A dial that began before the host was last seen up begins no outage when it fails: it may be dialed again at once.
func TestOldFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, w := newSet(t, hosts.Config{Wait: auto}, "a")
		wantDial(t, s, w, "a", "a")
		time.Sleep(time.Second)
		old := make(chan error)
		go func() {
			_, _, err := hosts.Dial(t.Context(), s, func(context.Context, hosts.Address) (int, hosts.Role, error) {
				time.Sleep(2 * time.Second)
				return 0, hosts.RoleUnknown, errRefused
			}, nil)
			old <- err
		}()
		time.Sleep(time.Second)
		wantDial(t, s, w, "a", "a")
		if err := <-old; !isDown(err) || s.Gate() != nil {
			t.Errorf("have %v and gate %v, want no outage", err, s.Gate())
		}
		wantStates(t, s, "a up")
		wantDial(t, s, w, "a", "a")
	})
}

// An error that does not mean that the server is away is returned at once. The host has answered.
func TestOtherErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, w := newSet(t, hosts.Config{Wait: auto}, "a", "b")
		w.set("a", errDenied, hosts.Primary)
		for range 2 {
			if _, err := dial(t.Context(), s, w); err != errDenied {
				t.Errorf("have %v, want the error itself", err)
			}
		}
		equal(t, "tried", w.since(), "a a")
		wantStates(t, s, "a up, b unknown")
		equal(t, "error", s.Hosts()[0].Err, errDenied)
		w.set("a", nil, hosts.Primary)
		wantDial(t, s, w, "a", "a")
		w.set("a", errRefused, hosts.Primary)
		w.set("b", errRefused, hosts.Primary)
		wantDown(t, s, w, errRefused)
		time.Sleep(time.Second)
		w.set("b", errDenied, hosts.Primary)
		time.Sleep(time.Second)
		synctest.Wait()
		equal(t, "gate", s.Gate(), nil)
		wantStates(t, s, "a down, b up")
		if _, err := dial(t.Context(), s, w); err != errDenied {
			t.Errorf("have %v, want the error itself", err)
		}
	})
}

// A host that is down is looked for even if another's error has ended the Dial.
func TestOtherErrorAfterAway(t *testing.T) {
	tests(t, map[string]error{"of the server": errDenied, "of the program": &hosts.OwnError{Err: errDenied}},
		func(t *testing.T, other error) {
			s, w := newSet(t, hosts.Config{Wait: auto}, "a", "b")
			wantDial(t, s, w, "a", "a")
			w.set("a", errRefused, hosts.Primary)
			w.set("b", other, hosts.Primary)
			if _, err := dial(t.Context(), s, w); err != other {
				t.Errorf("have %v, want %v", err, other)
			}
			w.set("a", nil, hosts.Primary)
			time.Sleep(6 * time.Second)
			wantDial(t, s, w, "a", "a")
		})
}

// An error of the program's own says nothing of the host, neither to a Dial nor to a probe.
func TestOwnErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		own := &hosts.OwnError{Err: errDenied}
		s, w := newSet(t, hosts.Config{Wait: auto}, "a")
		w.set("a", own, hosts.Primary)
		if _, err := dial(t.Context(), s, w); err != own {
			t.Errorf("have %v, want the error itself", err)
		}
		wantStates(t, s, "a unknown")
		w.set("a", nil, hosts.Primary)
		wantDial(t, s, w, "a", "a")
		w.set("a", own, hosts.Primary)
		if _, err := dial(t.Context(), s, w); err != own {
			t.Errorf("have %v, want the error itself", err)
		}
		wantStates(t, s, "a up")
		w.set("a", errRefused, hosts.Primary)
		wantDown(t, s, w, errRefused)
		time.Sleep(time.Second)
		w.set("a", own, hosts.Primary)
		time.Sleep(time.Minute)
		if o := s.Gate(); o == nil || o.Err != errDenied || !o.Over {
			t.Errorf("have %+v, want the outage with the hook's error", o)
		}
		wantStates(t, s, "a down")
		if n := w.count(); n > 100 {
			t.Errorf("have %d probes in a minute", n)
		}
	})
}

// A hook that needs longer than the patience gets the time with the last host, and says nothing of the others.
func TestSlowHook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := newSet(t, hosts.Config{Wait: auto}, "a", "b")
		have, _, err := hosts.Dial(t.Context(), s, func(ctx context.Context, a hosts.Address) (string, hosts.Role, error) {
			select {
			case <-ctx.Done():
				return "", hosts.RoleUnknown, &hosts.OwnError{Err: ctx.Err()}
			case <-time.After(5 * time.Second):
				return a.Name, hosts.RoleUnknown, nil
			}
		}, nil)
		if have != "b" || err != nil {
			t.Errorf("have %q, %v, want b", have, err)
		}
		wantStates(t, s, "a unknown, b up")
	})
}

// Whoever is in a hurry learns nothing of a host. A deadline that was long enough counts.
func TestContextOfDial(t *testing.T) {
	type test struct {
		hosts    []string
		deadline time.Duration // 0: it is canceled after a minute
		outage   bool
		states   string
		tried    string
	}
	one, two := []string{"a"}, []string{"a", "b"}
	tests(t, map[string]test{
		"canceled":              {one, 0, false, "a up", "a"},
		"short":                 {one, 3*time.Second - 1, false, "a up", "a"},
		"long":                  {one, 3 * time.Second, true, "a down", "a"},
		"short for two":         {two, 5 * time.Second, false, "a up, b unknown", "a b"},
		"enough for the second": {two, 8 * time.Second, true, "a down, b down", "a b"},
	}, func(t *testing.T, test test) {
		s, w := newSet(t, hosts.Config{Wait: auto}, test.hosts...)
		w.slows("a", 2*time.Second)
		wantDial(t, s, w, "a", "a") // the next gets twice as long, if there is another host
		for _, name := range test.hosts {
			w.slows(name, forever)
		}
		time.Sleep(time.Second)
		ctx, cancel := context.WithCancel(t.Context())
		want := context.Canceled
		if test.deadline > 0 {
			ctx, cancel = context.WithTimeout(t.Context(), test.deadline)
			want = context.DeadlineExceeded
		} else {
			time.AfterFunc(time.Minute, cancel)
		}
		defer cancel()
		_, err := dial(ctx, s, w)
		if isDown(err) != test.outage || !errors.Is(err, want) || (s.Gate() != nil) != test.outage {
			t.Errorf("have %v and gate %v, want an outage: %t", err, s.Gate(), test.outage)
		}
		wantStates(t, s, test.states)
		equal(t, "tried", w.since(), test.tried)
	})
}

// A black hole costs patience once, and only if there are others.
func TestBlackHole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, w := newSet(t, hosts.Config{Wait: auto}, "a", "b")
		w.slows("a", forever)
		for _, want := range []time.Duration{3 * time.Second, 0, 0} {
			began := time.Now()
			if have, err := dial(t.Context(), s, w); have != "b" || time.Since(began) != want {
				t.Errorf("have %q, %v after %v, want b after %v", have, err, time.Since(began), want)
			}
			time.Sleep(time.Hour)
		}
		one, alone := newSet(t, hosts.Config{Wait: auto}, "a")
		alone.slows("a", time.Minute)
		began := time.Now()
		wantDial(t, one, alone, "a", "a")
		equal(t, "took", time.Since(began), time.Minute)
	})
}

// A limit that has ended a dial counts, our own or the caller's, whatever the driver says of it.
func TestBlackHoleSaysOtherwise(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := newSet(t, hosts.Config{Wait: auto}, "a", "b")
		dial := func(ctx context.Context, hole string) (string, error) {
			conn, _, err := hosts.Dial(ctx, s, func(ctx context.Context, a hosts.Address) (string, hosts.Role, error) {
				if strings.Contains(hole, a.Name) {
					<-ctx.Done()
					return "", hosts.RoleUnknown, errDenied
				}
				return a.Name, hosts.RoleUnknown, nil
			}, nil)
			return conn, err
		}
		if have, err := dial(t.Context(), "a"); have != "b" || err != nil {
			t.Errorf("have %q, %v, want b", have, err)
		}
		wantStates(t, s, "a down, b up")
		ctx, cancel := context.WithTimeout(t.Context(), 6*time.Second)
		defer cancel()
		if _, err := dial(ctx, "ab"); !isDown(err) || s.Gate() == nil {
			t.Errorf("have %v, want an outage", err)
		}
		wantStates(t, s, "a down, b down")
	})
}

// A host that needs longer than the patience is reached all the same when a probe has seen how long it takes.
func TestSlowHost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, w := newSet(t, hosts.Config{Wait: -1}, "a", "b")
		wantDial(t, s, w, "a", "a")
		w.slows("a", 4*time.Second)
		w.set("b", errRefused, hosts.Primary)
		began := time.Now()
		for {
			if _, err := dial(t.Context(), s, w); err == nil {
				break
			}
			if time.Since(began) > time.Minute {
				t.Fatal("it is never reached")
			}
			s.Wait(t.Context())
		}
	})
}
