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

// names is a configuration with names that are looked up.
func names(target hosts.Target, names ...string) hosts.Config {
	cfg := hosts.Config{Wait: auto, Target: target}
	for _, name := range names {
		cfg.Entries = append(cfg.Entries, hosts.Entry{Name: name, Lookup: true})
	}
	return cfg
}

// Each address of a name is a host, in the order of the DNS; a literal address is not looked up.
func TestLookup(t *testing.T) {
	type test struct {
		entry string
		ips   []string
		want  string
	}
	tests(t, map[string]test{
		"one":      {"db:5432", []string{"10.0.0.1"}, "10.0.0.1:5432"},
		"several":  {"db:1", []string{"10.0.0.2", "10.0.0.1"}, "10.0.0.2:1 10.0.0.1:1"},
		"twice":    {"db:1", []string{"10.0.0.2", "10.0.0.1", "10.0.0.2"}, "10.0.0.2:1 10.0.0.1:1"},
		"IPv6":     {"db:1", []string{"::1", "127.0.0.1"}, "[::1]:1 127.0.0.1:1"},
		"literal":  {"10.0.0.9:1", nil, "10.0.0.9:1"},
		"literal6": {"[fe80::1]:1", nil, "[fe80::1]:1"},
	}, func(t *testing.T, test test) {
		s, w := newSet(t, names(hosts.Any, test.entry))
		wantStates(t, s, test.entry+" unknown")
		w.resolves("db", nil, test.ips...)
		for _, ip := range strings.Fields(test.want) {
			w.set(ip, errRefused, hosts.Primary)
		}
		for range 2 { // what Lookup returns is not changed
			w.since()
			if _, err := dial(t.Context(), s, w); !errors.Is(err, errRefused) {
				t.Errorf("have %v", err)
			}
			equal(t, "tried", w.since(), test.want)
		}
		equal(t, "known", len(s.Hosts()), len(strings.Fields(test.want)))
	})
}

// A name whose address changes is looked up again by each Dial and each probe.
func TestAddressChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, w := newSet(t, names(hosts.Any, "db:1"))
		w.resolves("db", nil, "1")
		wantDial(t, s, w, "1:1", "1:1")
		w.resolves("db", nil, "2")
		wantDial(t, s, w, "2:1", "2:1")
		w.set("2:1", errRefused, hosts.Primary)
		wantDown(t, s, w, errRefused)
		time.Sleep(2 * time.Second)
		w.resolves("db", nil, "3", "4")
		w.set("4:1", errRefused, hosts.Primary)
		if o, err := s.Wait(t.Context()); o != nil || err != nil {
			t.Errorf("have %v, %v", o, err)
		}
		wantDial(t, s, w, "3:1", "3:1")
		w.resolves("db", nil, "1", "3")
		wantDial(t, s, w, "1:1", "1:1")
		wantStates(t, s, "1:1 up, 3:1 up")
		w.resolves("db", nil, "1")
		w.set("1:1", errRefused, hosts.Primary)
		wantDown(t, s, w, errRefused)
		time.Sleep(2 * time.Second)
		w.set("1:1", nil, hosts.Primary)
		s.Wait(t.Context())
		wantDial(t, s, w, "1:1", "1:1")
	})
}

// If the DNS fails for now, or hangs, what was found before has to do, for callers and probes.
func TestDNSFails(t *testing.T) {
	type test struct {
		err  error
		slow time.Duration
	}
	tests(t, map[string]test{"an error": {errDNS, 0}, "hangs": {nil, forever}}, func(t *testing.T, test test) {
		s, w := newSet(t, names(hosts.Any, "db:1"))
		w.resolves("db", nil, "1")
		wantDial(t, s, w, "1:1", "1:1")
		w.resolves("db", test.err)
		w.slows("dns", test.slow)
		wantDial(t, s, w, "1:1", "1:1")
		w.set("1:1", errRefused, hosts.Primary)
		wantDown(t, s, w, errRefused)
		time.Sleep(5 * time.Second)
		w.set("1:1", nil, hosts.Primary)
		if o, err := s.Wait(t.Context()); o != nil || err != nil {
			t.Errorf("have %v, %v", o, err)
		}
		wantDial(t, s, w, "1:1", "1:1")
	})
}

// A name of which nothing is known begins an outage if callers wait then, which ends when it is found.
func TestDNSFailsFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := names(hosts.Any, "db:1")
		cfg.Wait = -1
		s, w := newSet(t, cfg)
		w.resolves("db", errDNS)
		wantDown(t, s, w, errDNS)
		wantStates(t, s, "db:1 down")
		time.Sleep(time.Minute)
		if o := s.Gate(); o == nil || o.Probes < 12 || o.Err != errDNS {
			t.Errorf("have %+v, want an outage with probes", o)
		}
		w.resolves("db", nil, "1")
		s.Wait(t.Context())
		wantDial(t, s, w, "1:1", "1:1")
		wantStates(t, s, "1:1 up")
	})
}

// One name that does not exist is an error at once, also later; the end of the caller's context is no outage.
func TestNoSuchName(t *testing.T) {
	for _, empty := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			s, w := newSet(t, names(hosts.Any, "db:1"))
			for range 2 {
				if w.resolves("db", errNoName); empty {
					w.resolves("db", nil)
				}
				if _, err := dial(t.Context(), s, w); err == nil || isDown(err) || !empty && err != errNoName {
					t.Errorf("have %v, want the DNS's own error", err)
				}
				w.resolves("db", nil, "1")
				wantDial(t, s, w, "1:1", "1:1")
			}
			w.slows("dns", forever)
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			if _, err := dial(ctx, s, w); err != context.DeadlineExceeded {
				t.Errorf("have %v, want the end of the context", err)
			}
			equal(t, "outages", s.Counts().Outages, 0)
			equal(t, "gate", s.Gate(), nil)
		})
	}
}

// A name among several that can't be looked up, however, keeps nobody from trying the others, and is used when it can.
func TestOneNameFails(t *testing.T) {
	type test struct {
		err  error
		slow time.Duration
		took time.Duration
	}
	tests(t, map[string]test{
		"for now": {errDNS, 0, 0}, "does not exist": {errNoName, 0, 0}, "no address": {nil, 0, 0},
		"hangs": {nil, forever, 3*time.Second + time.Millisecond},
	}, func(t *testing.T, test test) {
		s, w := newSet(t, names(hosts.Any, "a:1", "10.0.0.2:1"))
		w.resolves("a", test.err)
		w.slows("dns", test.slow)
		began := time.Now()
		wantDial(t, s, w, "10.0.0.2:1", "10.0.0.2:1")
		equal(t, "took", time.Since(began), test.took)
		wantStates(t, s, "a:1 down, 10.0.0.2:1 up")
		time.Sleep(time.Minute)
		began = time.Now()
		wantDial(t, s, w, "10.0.0.2:1", "10.0.0.2:1")
		equal(t, "took", time.Since(began), 0)
		w.slows("dns", 0)
		w.resolves("a", nil, "1")
		time.Sleep(40 * time.Second)
		wantDial(t, s, w, "1:1", "1:1")
	})
}

// If no name can be looked up any more there is an outage, which ends when one can.
func TestNoNameIsLeft(t *testing.T) {
	tests(t, map[string]error{"for now": errDNS, "do not exist": errNoName}, func(t *testing.T, err error) {
		cfg := names(hosts.Any, "a:1", "b:1")
		cfg.Wait = -1
		s, w := newSet(t, cfg)
		w.resolves("a", nil, "1")
		w.resolves("b", nil, "2")
		wantDial(t, s, w, "1:1", "1:1")
		w.resolves("a", err)
		w.resolves("b", err)
		w.set("1:1", errRefused, hosts.Primary)
		w.set("2:1", errRefused, hosts.Primary)
		wantDown(t, s, w, nil)
		time.Sleep(time.Minute)
		if o := s.Gate(); o == nil || o.Probes < 12 {
			t.Fatalf("have %+v, want an outage with probes", o)
		}
		w.resolves("b", nil, "3")
		s.Wait(t.Context())
		wantDial(t, s, w, "3:1", "3:1")
	})
}

// A better host is found again at another address.
func TestBetterHostMoves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, w := newSet(t, names(hosts.Any, "a:1", "b:1"))
		w.resolves("a", nil, "1")
		w.resolves("b", nil, "2")
		w.set("1:1", errRefused, hosts.Primary)
		wantDial(t, s, w, "2:1", "1:1 2:1")
		time.Sleep(time.Minute)
		w.resolves("a", nil, "3")
		time.Sleep(6 * time.Second)
		wantDial(t, s, w, "3:1", "3:1")
	})
}

// An address of a name that never answered is not looked for as long as another of the name is up. One that did is.
func TestAddressesOfOneName(t *testing.T) {
	for _, random := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			cfg := names(hosts.Any, "localhost:1")
			cfg.Random = random
			s, w := newSet(t, cfg)
			w.resolves("localhost", nil, "::1", "127.0.0.1")
			w.set("[::1]:1", errRefused, hosts.Primary)
			for range 30 { // at random the other may be tried first
				if _, err := dial(t.Context(), s, w); err != nil {
					t.Fatal(err)
				}
			}
			wantStates(t, s, "[::1]:1 down, 127.0.0.1:1 up")
			wantDial(t, s, w, "127.0.0.1:1", "127.0.0.1:1")
			time.Sleep(time.Hour)
			equal(t, "probes", w.count(), 0)
			w.set("[::1]:1", nil, hosts.Primary)
			w.set("127.0.0.1:1", errRefused, hosts.Primary)
			wantDial(t, s, w, "[::1]:1", "127.0.0.1:1 [::1]:1")
			w.since()
			time.Sleep(time.Minute)
			equal(t, "probed", w.probed(), "127.0.0.1:1")
			w.set("127.0.0.1:1", nil, hosts.Primary)
			time.Sleep(6 * time.Second)
			wantStates(t, s, "[::1]:1 up, 127.0.0.1:1 up")
		})
	}
}

// Addresses that the DNS tells in turn are dialed in turn.
func TestRoundRobin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, w := newSet(t, names(hosts.Any, "db:1"))
		for range 3 {
			w.resolves("db", nil, "1", "2")
			wantDial(t, s, w, "1:1", "1:1")
			w.resolves("db", nil, "2", "1")
			wantDial(t, s, w, "2:1", "2:1")
		}
	})
}
