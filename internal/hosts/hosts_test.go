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

var errRefused = errors.New("connection refused")

// world is the servers that a test has.
type world struct {
	mu      sync.Mutex
	down    map[string]error
	roles   map[string]hosts.Role
	dials   []string
	checks  int
	changed int
	began   []hosts.Outage
	ended   []time.Duration
}

func (w *world) ask(a hosts.Address) (hosts.Role, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	name := a.Name
	if a.IP != "" {
		name = a.IP
	}
	w.dials = append(w.dials, name)
	return w.roles[name], w.down[name]
}

func (w *world) set(name string, err error, role hosts.Role) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.down[name], w.roles[name] = err, role
}

func (w *world) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.dials)
}

// newSet makes a Set of a world with servers that are up, and primaries.
func newSet(t *testing.T, cfg hosts.Config, names ...string) (*hosts.Set, *world) {
	w := &world{down: map[string]error{}, roles: map[string]hosts.Role{}}
	for _, name := range names {
		cfg.Entries = append(cfg.Entries, hosts.Entry{Name: name})
		w.roles[name] = hosts.Primary
	}
	cfg.Check = func(_ context.Context, a hosts.Address) (hosts.Role, error) {
		w.mu.Lock()
		w.checks++
		w.mu.Unlock()
		return w.ask(a)
	}
	cfg.Away = func(err error) bool { return errors.Is(err, errRefused) || errors.Is(err, context.DeadlineExceeded) }
	cfg.Go = func(f func()) { go f() }
	cfg.Changed = func() { w.mu.Lock(); w.changed++; w.mu.Unlock() }
	cfg.Began = func(o hosts.Outage) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.began = append(w.began, o)
	}
	cfg.Ended = func(_ hosts.Outage, took time.Duration) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.ended = append(w.ended, took)
	}
	s := hosts.New(cfg)
	t.Cleanup(s.Close)
	return s, w
}

func dial(ctx context.Context, s *hosts.Set, w *world) (string, error) {
	conn, _, err := hosts.Dial(ctx, s, func(_ context.Context, a hosts.Address) (string, hosts.Role, error) {
		role, err := w.ask(a)
		return a.Name, role, err
	}, func(string) {})
	return conn, err
}

// After a failed dial nobody dials but one probe at a time, until the server is back.
func TestOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, w := newSet(t, hosts.Config{Wait: hosts.WaitAuto}, "h")
		if _, err := dial(t.Context(), s, w); err != nil {
			t.Fatal(err)
		}
		w.set("h", errRefused, hosts.Primary)
		_, err := dial(t.Context(), s, w)
		var down *hosts.DownError
		if !errors.As(err, &down) || !errors.Is(err, errRefused) || s.Gate() == nil || s.Gate().Over {
			t.Fatalf("have %v, gate %+v", err, s.Gate())
		}
		time.Sleep(3 * time.Second)
		if n := w.count(); n < 5 || n > 40 {
			t.Errorf("have %d dials in 3 s", n)
		}
		w.set("h", nil, hosts.Primary)
		if o, err := s.Wait(t.Context()); o != nil || err != nil || s.Gate() != nil {
			t.Errorf("have %v, %v", o, err)
		}
		synctest.Wait()
		w.mu.Lock()
		defer w.mu.Unlock()
		if len(w.began) != 1 || len(w.ended) != 1 || w.ended[0] > 8*time.Second+time.Second {
			t.Errorf("have %v, %v", w.began, w.ended)
		}
	})
}

// A demotion begins an outage in which only a primary is accepted, until callers wait no longer.
func TestDemoted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, w := newSet(t, hosts.Config{Wait: hosts.WaitAuto}, "h")
		if _, err := dial(t.Context(), s, w); err != nil {
			t.Fatal(err)
		}
		a := hosts.Address{Name: "h"}
		w.set("h", nil, hosts.Standby)
		opened := time.Now()
		s.Met(a, hosts.Primary)
		time.Sleep(time.Second)
		if !s.Demoted(a, opened) || s.Fits(a) || !s.AsksRole() || s.Counts().Demotions != 1 {
			t.Fatal("not demoted")
		}
		if !s.Demoted(a, opened) || s.Counts().Demotions != 1 {
			t.Fatal("demoted twice")
		}
		if _, err := dial(t.Context(), s, w); err == nil || s.Gate() == nil {
			t.Fatalf("have %v", err)
		}
		began := time.Now()
		if o, err := s.Wait(t.Context()); o != nil || err != nil || time.Since(began) != 10*time.Second {
			t.Fatalf("have %v, %v after %v", o, err, time.Since(began))
		}
		if _, err := dial(t.Context(), s, w); err != nil || !s.Fits(a) {
			t.Fatalf("relaxed: have %v", err)
		}
		w.set("h", nil, hosts.Primary)
		time.Sleep(6 * time.Second)
		if s.Role() != hosts.Primary {
			t.Error("the new primary was not found")
		}
	})
}
