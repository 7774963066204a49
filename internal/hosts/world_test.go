package hosts_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pooled-go/pooled/internal/hosts"
)

var (
	errRefused = errors.New("connection refused")
	errDenied  = errors.New("password authentication failed")
	errDNS     = fmt.Errorf("temporary failure in name resolution: %w", errRefused)
	errNoName  = errors.New("no such host")
)

// forever is how long a black hole takes to answer.
const forever = 100 * 24 * time.Hour

// world is the servers that a test has.
type world struct {
	mu      sync.Mutex
	down    map[string]error
	roles   map[string]hosts.Role
	slow    map[string]time.Duration
	names   map[string][]string // what a name is looked up as
	wrong   map[string]error    // why it can't be
	dials   []string            // of probes and callers
	tried   []string            // of callers
	unfit   int                 // connections that were opened in vain
	probes  []probe
	probing map[string]int
	changed int
	began   []hosts.Outage
	ended   []hosts.Outage
	took    []time.Duration
	demoted []hosts.Address
	events  []string
	busy    bool          // an event is being told
	linger  time.Duration // that takes so long
}

type probe struct {
	at, ended time.Time
	name      string
}

func nameOf(a hosts.Address) string {
	if a.IP != "" {
		return a.IP
	}
	return a.Name
}

func (w *world) ask(a hosts.Address) (hosts.Role, error) { return w.reach(context.Background(), a) }

// reach is a dial.
func (w *world) reach(ctx context.Context, a hosts.Address) (hosts.Role, error) {
	name := nameOf(a)
	w.mu.Lock()
	w.dials = append(w.dials, name)
	slow := w.slow[name]
	w.mu.Unlock()
	if slow > 0 {
		select {
		case <-time.After(slow):
		case <-ctx.Done():
			return hosts.RoleUnknown, ctx.Err()
		}
	}
	if err := ctx.Err(); err != nil {
		return hosts.RoleUnknown, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.down[name]; err != nil {
		return hosts.RoleUnknown, err
	}
	return w.roles[name], nil
}

// probe is Config.Check.
func (w *world) probe(t *testing.T) func(ctx context.Context, a hosts.Address) (hosts.Role, error) {
	return func(ctx context.Context, a hosts.Address) (hosts.Role, error) {
		name, began := nameOf(a), time.Now()
		w.mu.Lock()
		if w.probing[name]++; w.probing[name] > 1 {
			t.Errorf("%s: two probes at one time", name)
		}
		w.mu.Unlock()
		role, err := w.reach(ctx, a)
		w.mu.Lock()
		defer w.mu.Unlock()
		w.probing[name]--
		w.probes = append(w.probes, probe{began, time.Now(), name})
		return role, err
	}
}

func (w *world) lookUp(ctx context.Context, name string) ([]string, error) {
	w.mu.Lock()
	slow, ips, err := w.slow["dns"], w.names[name], w.wrong[name]
	w.mu.Unlock()
	select {
	case <-time.After(slow):
	case <-ctx.Done():
		time.Sleep(time.Millisecond) // so that a context that ends at the same time has ended
		return nil, ctx.Err()
	}
	return ips, err
}

// event takes an event, in whose order and number all are interested.
func (w *world) event(t *testing.T, name string, note func()) {
	w.mu.Lock()
	if w.busy {
		t.Errorf("%s is told while another event is", name)
	}
	w.busy = true
	w.events = append(w.events, name)
	note()
	w.mu.Unlock()
	time.Sleep(w.linger)
	w.mu.Lock()
	w.busy = false
	w.mu.Unlock()
}

func (w *world) set(name string, err error, role hosts.Role) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.down[name], w.roles[name] = err, role
}

func (w *world) slows(name string, d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.slow[name] = d
}

// resolves sets the addresses of a name, or why it has none.
func (w *world) resolves(name string, err error, ips ...string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.names[name], w.wrong[name] = ips, err
}

func (w *world) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.dials)
}

// since forgets what was dialed, and tells which hosts callers have tried.
func (w *world) since() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	tried := strings.Join(w.tried, " ")
	w.tried, w.dials, w.probes = nil, nil, nil
	return tried
}

// probed is the names that were probed, each once.
func (w *world) probed() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var names []string
	for _, p := range w.probes {
		names = append(names, p.name)
	}
	slices.Sort(names)
	return strings.Join(slices.Compact(names), " ")
}

// newSet makes a Set of a world with servers that are up, and primaries. Entries that cfg has come first.
func newSet(t *testing.T, cfg hosts.Config, names ...string) (*hosts.Set, *world) {
	w := &world{
		down: map[string]error{}, roles: map[string]hosts.Role{}, slow: map[string]time.Duration{},
		names: map[string][]string{}, wrong: map[string]error{}, probing: map[string]int{},
	}
	for _, name := range names {
		cfg.Entries = append(cfg.Entries, hosts.Entry{Name: name})
		w.roles[name] = hosts.Primary
	}
	if cfg.Check == nil {
		cfg.Check = w.probe(t)
	}
	cfg.Lookup = w.lookUp
	cfg.Away = func(err error) bool { return errors.Is(err, errRefused) || errors.Is(err, context.DeadlineExceeded) }
	cfg.Go = func(f func()) { go f() }
	var s *hosts.Set
	cfg.Changed = func() {
		s.Hosts() // would block with the lock
		w.mu.Lock()
		w.changed++
		w.mu.Unlock()
	}
	cfg.Began = func(o hosts.Outage) { w.event(t, "began", func() { s.Hosts(); w.began = append(w.began, o) }) }
	cfg.Ended = func(o hosts.Outage, took time.Duration) {
		w.event(t, "ended", func() { s.Hosts(); w.ended, w.took = append(w.ended, o), append(w.took, took) })
	}
	cfg.Demoted = func(a hosts.Address) { w.event(t, "demoted", func() { s.Hosts(); w.demoted = append(w.demoted, a) }) }
	s = hosts.New(cfg)
	t.Cleanup(func() {
		s.Close()
		time.Sleep(time.Minute) // what goes on after that is told as a deadlock
	})
	return s, w
}

// dial is a caller.
func dial(ctx context.Context, s *hosts.Set, w *world) (string, error) {
	conn, _, err := hosts.Dial(ctx, s, func(ctx context.Context, a hosts.Address) (string, hosts.Role, error) {
		w.mu.Lock()
		w.tried = append(w.tried, nameOf(a))
		w.mu.Unlock()
		role, err := w.reach(ctx, a)
		if !s.AsksRole() {
			role = hosts.RoleUnknown
		}
		return nameOf(a), role, err
	}, func(string) {
		w.mu.Lock()
		w.unfit++
		w.mu.Unlock()
	})
	return conn, err
}

// wantDial dials, and wants a connection to a host, after having tried some.
func wantDial(t *testing.T, s *hosts.Set, w *world, want, tried string) {
	t.Helper()
	w.since()
	have, err := dial(t.Context(), s, w)
	if now := w.since(); err != nil || have != want || now != tried {
		t.Errorf("have %q after %q, error %v; want %q after %q", have, now, err, want, tried)
	}
}

// wantDown dials, and wants that an outage has begun, with an error in which want is found; nil: any.
func wantDown(t *testing.T, s *hosts.Set, w *world, want error) {
	t.Helper()
	_, err := dial(t.Context(), s, w)
	if !isDown(err) || want != nil && !errors.Is(err, want) || s.Gate() == nil {
		t.Fatalf("have %v and gate %v, want an outage with %v", err, s.Gate(), want)
	}
}

func isDown(err error) bool {
	var down *hosts.DownError
	return errors.As(err, &down)
}

// states is what is known of the hosts, in a line.
func states(s *hosts.Set) string {
	var list []string
	for _, h := range s.Hosts() {
		list = append(list, nameOf(h.Address)+" "+h.State.String())
	}
	return strings.Join(list, ", ")
}

func wantStates(t *testing.T, s *hosts.Set, want string) {
	t.Helper()
	if have := states(s); have != want {
		t.Errorf("have hosts %q, want %q", have, want)
	}
}

// tests runs a test of each row of a table in a bubble.
func tests[T any](t *testing.T, table map[string]T, f func(t *testing.T, row T)) {
	for name, row := range table {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { f(t, row) })
		})
	}
}

// seeds runs a test as often as its luck needs to be seen in full.
func seeds(t *testing.T, n int, f func(t *testing.T)) {
	for range n {
		if !t.Failed() {
			synctest.Test(t, f)
		}
	}
}

func equal[T comparable](t *testing.T, what string, have, want T) {
	t.Helper()
	if have != want {
		t.Errorf("%s: have %v, want %v", what, have, want)
	}
}
