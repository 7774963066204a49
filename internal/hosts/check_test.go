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

// check is a Check of a world.
func check(ctx context.Context, s *hosts.Set, w *world) error {
	return s.Check(ctx, func(_ context.Context, a hosts.Address) (hosts.Role, error) { return w.ask(a) })
}

// Whoever asks within a second gets the same answer, by one dial.
func TestCheckCountsForASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, w := newSet(t, hosts.Config{Wait: hosts.WaitAuto}, "h")
		ask := func(want error) {
			t.Helper()
			var all sync.WaitGroup
			for range 8 {
				all.Go(func() {
					if err := check(t.Context(), s, w); !errors.Is(err, want) {
						t.Errorf("have %v, want %v", err, want)
					}
				})
			}
			all.Wait()
		}
		ask(nil)
		w.set("h", errors.New("not asked"), hosts.Primary)
		time.Sleep(time.Second - 1)
		ask(nil)
		if n := w.count(); n != 1 || s.Counts().Probes != 1 {
			t.Errorf("have %d dials, %+v, want one", n, s.Counts())
		}
		w.set("h", errRefused, hosts.Primary)
		time.Sleep(1 * time.Nanosecond)
		ask(errRefused)
	})
}

// A check that finds no host begins an outage, and checks during one dial nothing. Before the first connection it says
// what the dial said.
func TestCheckFindsOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, w := newSet(t, hosts.Config{Wait: hosts.WaitAuto}, "h")
		w.set("h", errRefused, hosts.Primary)
		if err := check(t.Context(), s, w); err != errRefused || s.Gate() != nil {
			t.Errorf("never connected: have %v and %+v, want the dial's own error and no outage", err, s.Gate())
		}
		w.set("h", nil, hosts.Primary)
		time.Sleep(time.Second)
		if err := check(t.Context(), s, w); err != nil || !s.Connected() {
			t.Errorf("have %v, connected %t", err, s.Connected())
		}
		w.set("h", errRefused, hosts.Primary)
		time.Sleep(time.Second)
		if err := check(t.Context(), s, w); !errors.Is(err, errRefused) || s.Gate() == nil {
			t.Errorf("have %v and %+v, want an outage", err, s.Gate())
		}
		before := w.count()
		if err := check(t.Context(), s, w); !errors.Is(err, errRefused) || w.count() != before {
			t.Errorf("have %v and %d dials, want none", err, w.count()-before)
		}
	})
}

// A host that is slow is not down. The check goes on without its caller, and is the only one.
func TestCheckOfSlowHost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, w := newSet(t, hosts.Config{Wait: hosts.WaitAuto}, "h")
		if err := check(t.Context(), s, w); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		asked := 0
		slow := func(took time.Duration) error {
			ctx, cancel := context.WithTimeout(t.Context(), 800*time.Millisecond)
			defer cancel()
			return s.Check(ctx, func(ctx context.Context, _ hosts.Address) (hosts.Role, error) {
				asked++
				select {
				case <-time.After(took):
					return hosts.Primary, nil
				case <-ctx.Done():
					return hosts.RoleUnknown, ctx.Err()
				}
			})
		}
		for range 2 {
			if err := slow(time.Minute); err != context.DeadlineExceeded {
				t.Errorf("have %v, want the end of the caller's context", err)
			}
		}
		if err := slow(time.Minute); err == nil || asked != 1 {
			t.Errorf("have %v after %d checks, want the end of the first", err, asked)
		}
		if s.Gate() != nil || s.Hosts()[0].State != hosts.Up {
			t.Errorf("have %+v and %+v, want no outage", s.Gate(), s.Hosts())
		}
		time.Sleep(time.Second)
		if err := slow(time.Second); err != context.DeadlineExceeded {
			t.Errorf("have %v, want the end of the caller's context", err)
		}
		time.Sleep(300 * time.Millisecond)
		if err := slow(0); err != nil || asked != 2 {
			t.Errorf("have %v after %d checks, want what the second has found", err, asked)
		}
	})
}

// One host that fits is enough.
func TestCheckOfSeveralHosts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, w := newSet(t, hosts.Config{Wait: hosts.WaitAuto, Target: hosts.WantPrimary}, "a", "b", "c")
		w.set("a", errRefused, hosts.Primary)
		w.set("b", nil, hosts.Standby)
		if err := check(t.Context(), s, w); err != nil || s.Role() != hosts.Primary {
			t.Errorf("have %v and %v, want the primary", err, s.Role())
		}
		w.set("c", nil, hosts.Standby)
		time.Sleep(time.Second)
		var role *hosts.RoleError
		if err := check(t.Context(), s, w); !errors.As(err, &role) || s.Gate() == nil {
			t.Errorf("have %v, want a RoleError", err)
		}
	})
}

// The role is that of the hosts that are used.
func TestRoleOfWhatIsPreferred(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, w := newSet(t, hosts.Config{Wait: hosts.WaitAuto, Target: hosts.PreferStandby}, "a", "b")
		for _, want := range []hosts.Role{hosts.Primary, hosts.Standby} {
			w.set("b", nil, want)
			time.Sleep(time.Minute) // the probes look for a standby
			if err := check(t.Context(), s, w); err != nil || s.Role() != want {
				t.Errorf("have %v and %v, want %v", err, s.Role(), want)
			}
		}
	})
}
