package hosts_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pooled-go/pooled/internal/hosts"
)

// model is servers that go up and down and change their roles at random, while many dial, write and ask.
type model struct {
	t      *testing.T
	s      *hosts.Set
	w      *world
	rand   *rand.Rand
	target hosts.Target
	random bool
	stop   chan struct{}
	all    sync.WaitGroup
}

// settled is a time after which everything that can be known is known: a probe that hangs, the pause after it, and the
// wait of an outage.
const settled = 90 * time.Second

func TestModel(t *testing.T) {
	for target := hosts.Any; target <= hosts.PreferStandby; target++ {
		for _, random := range []bool{false, true} {
			t.Run(fmt.Sprint(target, random), func(t *testing.T) {
				for seed := range uint64(1) {
					synctest.Test(t, func(t *testing.T) { runModel(t, target, random, seed) })
					if t.Failed() {
						t.Fatalf("with seed %d", seed)
					}
				}
			})
		}
	}
}

func runModel(t *testing.T, target hosts.Target, random bool, seed uint64) {
	cfg := hosts.Config{Wait: auto, Target: target, Random: random}
	cfg.Entries = []hosts.Entry{{Name: "a"}, {Name: "b"}, {Name: "n:1", Lookup: true}}
	s, w := newSet(t, cfg)
	w.resolves("n", nil, "1", "2")
	m := &model{
		t: t, s: s, w: w, rand: rand.New(rand.NewPCG(seed, 0)), target: target, random: random, stop: make(chan struct{}),
	}
	for _, name := range []string{"a", "b", "1:1", "2:1", "3:1"} {
		w.set(name, nil, hosts.Primary)
	}
	for i := range 4 {
		m.all.Go(func() { m.work(rand.New(rand.NewPCG(seed, uint64(i)+1))) })
	}
	began := time.Now()
	for range 15 {
		for range m.rand.IntN(10) {
			m.change()
			time.Sleep(time.Duration(m.rand.Int64N(int64(20 * time.Second))))
		}
		w.resolves("n", nil, "1", "2")
		time.Sleep(settled)
		m.check()
	}
	if n := s.Counts().Probes; float64(n) > 15*time.Since(began).Seconds() {
		t.Errorf("have %d probes in %v", n, time.Since(began))
	}
	close(m.stop)
	s.Close()
	m.all.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	m.checkEvents()
}

// change changes something.
func (m *model) change() {
	name := []string{"a", "b", "1:1", "2:1", "3:1"}[m.rand.IntN(5)]
	switch m.rand.IntN(8) {
	case 0, 1:
		m.w.set(name, errRefused, hosts.Primary)
	case 2, 3:
		m.w.set(name, nil, hosts.Primary)
	case 4, 5:
		m.w.set(name, nil, hosts.Standby)
	case 6:
		m.w.slows(name, []time.Duration{0, 0, time.Second, 10 * time.Minute}[m.rand.IntN(4)])
	case 7:
		ips := []string{"1", "2", "3"}
		m.rand.Shuffle(3, func(i, j int) { ips[i], ips[j] = ips[j], ips[i] })
		m.w.resolves("n", []error{nil, nil, errDNS, errNoName}[m.rand.IntN(4)], ips[:m.rand.IntN(4)]...)
	}
}

// work dials, and does something with the connection.
func (m *model) work(r *rand.Rand) {
	for {
		select {
		case <-m.stop:
			return
		case <-time.After(time.Duration(r.Int64N(int64(2 * time.Second)))):
		}
		timeout := []time.Duration{time.Second, 5 * time.Second, time.Minute}[r.IntN(3)]
		ctx, cancel := context.WithTimeout(context.Background(), timeout)
		m.operate(ctx, r)
		cancel()
	}
}

func (m *model) operate(ctx context.Context, r *rand.Rand) {
	s, w := m.s, m.w
	role := hosts.RoleUnknown
	_, a, err := hosts.Dial(ctx, s, func(ctx context.Context, a hosts.Address) (int, hosts.Role, error) {
		asks := s.AsksRole()
		found, err := w.reach(ctx, a)
		if role = found; !asks {
			found = hosts.RoleUnknown
		}
		return 0, found, err
	}, func(int) {})
	switch {
	case isDown(err):
		s.Wait(ctx)
	case err == nil:
		opened := time.Now()
		if !s.Connected() {
			m.t.Error("a connection is none")
		}
		s.Met(a, role)
		if role == hosts.Standby && r.IntN(2) == 0 {
			time.Sleep(time.Millisecond)
			s.Demoted(a, opened)
		}
	case r.IntN(4) == 0:
		s.Check(ctx, w.reach)
	}
}

// check wants that what is known is true, when nothing has changed for long.
func (m *model) check() {
	m.t.Helper()
	best := m.best()
	if !m.s.Connected() {
		return
	}
	have, err := dial(context.Background(), m.s, m.w)
	switch {
	case len(best) == 0 && (err == nil || m.s.Gate() == nil || !m.s.Gate().Over):
		m.t.Errorf("have %q, %v and gate %+v, want an outage; %s", have, err, m.s.Gate(), states(m.s))
	case len(best) > 0 && !slices.Contains(best, have):
		m.t.Errorf("have %q, %v and gate %+v, want one of %q; %s", have, err, m.s.Gate(), best, states(m.s))
	}
}

// best is the hosts of which one is to be dialed.
func (m *model) best() (best []string) {
	m.w.mu.Lock()
	defer m.w.mu.Unlock()
	most, picky := 0, m.target == hosts.Any && m.s.AsksRole()
	for _, name := range []string{"a", "b", "1:1", "2:1"} {
		if m.w.down[name] != nil || m.w.slow[name] > time.Minute {
			continue
		}
		fits := 0
		switch primary := m.w.roles[name] == hosts.Primary; {
		case m.target == hosts.Any && (primary || !picky), m.target == hosts.WantPrimary && primary,
			m.target >= hosts.WantStandby && !primary:
			fits = 2
		case picky, m.target == hosts.PreferStandby:
			fits = 1
		}
		sameName := len(best) > 0 && strings.HasSuffix(best[0], ":1")
		switch {
		case fits > most:
			best, most = []string{name}, fits
		case fits > 0 && fits == most && (m.random || sameName):
			best = append(best, name)
		}
	}
	return best
}

// checkEvents wants that outages begin and end in turn.
func (m *model) checkEvents() {
	last := "ended"
	for _, event := range m.w.events {
		if event == last {
			m.t.Fatalf("have %s twice in %v", event, m.w.events)
		}
		if event != "demoted" {
			last = event
		}
	}
	if len(m.w.began) != int(m.s.Counts().Outages) || len(m.w.began)-len(m.w.ended) > 1 {
		m.t.Errorf("have %d beginnings and %d ends, want those of %d outages",
			len(m.w.began), len(m.w.ended), m.s.Counts().Outages)
	}
}
