package hosts_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/pooled-go/pooled/internal/hosts"
)

// connected is a Set whose first connection was to a server of some role.
func connected(t *testing.T, cfg hosts.Config, first hosts.Role, names ...string) (*hosts.Set, *world) {
	s, w := newSet(t, cfg, names...)
	w.set("a", nil, first)
	wantDial(t, s, w, "a", "a")
	s.Met(addressA, first)
	time.Sleep(time.Second)
	return s, w
}

// demote makes a server a standby, of which a connection tells that was opened just now.
func demote(t *testing.T, s *hosts.Set, w *world, a hosts.Address) {
	t.Helper()
	opened := time.Now()
	time.Sleep(time.Second)
	w.set(nameOf(a), nil, hosts.Standby)
	if !s.Demoted(a, opened) {
		t.Fatal("nobody minds the demotion")
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if n := len(w.demoted); n == 0 || w.demoted[n-1] != a || s.Fits(a) || !s.AsksRole() {
		t.Fatalf("have %v, fits %t, asks %t: want that it is demoted", w.demoted, s.Fits(a), s.AsksRole())
	}
}

// After a demotion only a primary is accepted, until the wait is over. Then a standby is better than nothing, until
// there is a primary again. All that happens once more with the next demotion.
func TestDemotion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, w := connected(t, hosts.Config{Wait: auto}, hosts.Primary, "a")
		for n := range 2 {
			demote(t, s, w, addressA)
			began := time.Now()
			equal(t, "demotions", s.Counts().Demotions, uint64(n+1))
			time.Sleep(time.Second)
			wantDown(t, s, w, nil)
			equal(t, "since", s.Gate().Since, began)
			equal(t, "error", s.Gate().Err.Error(), "a takes no writes any more")
			if o, err := s.Wait(t.Context()); o != nil || err != nil {
				t.Errorf("have %v, %v", o, err)
			}
			equal(t, "took", time.Since(began), 10*time.Second)
			wantDial(t, s, w, "a", "a")
			equal(t, "role", s.Role(), hosts.Standby)
			equal(t, "minds", s.Demoted(addressA, time.Now().Add(time.Second)), false)
			time.Sleep(time.Minute)
			equal(t, "fits", s.Fits(addressA), true)
			w.set("a", nil, hosts.Primary)
			time.Sleep(5*time.Second + time.Millisecond)
			equal(t, "role", s.Role(), hosts.Primary)
			equal(t, "fits", s.Fits(addressA), true)
			w.since()
			time.Sleep(time.Minute)
			equal(t, "probes of what is good", w.count(), 0)
		}
		synctest.Wait()
		equal(t, "outages", s.Counts().Outages, 2)
	})
}

// A standby that is used for want of a primary has outages of its own: they begin when it is lost.
func TestOutageAfterTheWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, w := connected(t, hosts.Config{Wait: auto}, hosts.Primary, "a")
		demote(t, s, w, addressA)
		wantDown(t, s, w, nil)
		s.Wait(t.Context())
		wantDial(t, s, w, "a", "a")
		time.Sleep(time.Hour)
		w.set("a", errRefused, hosts.Standby)
		wantDown(t, s, w, errRefused)
		if o := s.Gate(); o.Since != time.Now() || o.Over {
			t.Errorf("have %+v, want that it begins now", o)
		}
		time.Sleep(20 * time.Second)
		w.set("a", nil, hosts.Standby)
		time.Sleep(6 * time.Second)
		wantDial(t, s, w, "a", "a")
	})
}

// A demotion of long ago is no beginning of an outage if a host has fitted since; but it is if none has.
func TestSinceWhen(t *testing.T) {
	tests(t, map[string]bool{"another fits": true, "none fits": false}, func(t *testing.T, fits bool) {
		s, w := connected(t, hosts.Config{Wait: -1}, hosts.Primary, "a", "b")
		if fits {
			w.set("a", errRefused, hosts.Primary)
			wantDial(t, s, w, "b", "a b")
			w.set("a", nil, hosts.Primary)
			time.Sleep(time.Minute)
			wantStates(t, s, "a up, b up")
		}
		demote(t, s, w, addressA)
		demoted := time.Now()
		time.Sleep(time.Hour)
		w.set("b", errRefused, hosts.Primary)
		wantDown(t, s, w, nil)
		if fits {
			demoted = time.Now()
		}
		equal(t, "since", s.Gate().Since, demoted)
	})
}

// A demotion that is healed is forgotten: what comes later begins when it does.
func TestSinceAfterHealing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, w := connected(t, hosts.Config{Wait: auto}, hosts.Primary, "a")
		demote(t, s, w, addressA)
		w.set("a", nil, hosts.Primary)
		time.Sleep(time.Hour)
		wantStates(t, s, "a up")
		w.set("a", errRefused, hosts.Primary)
		wantDown(t, s, w, errRefused)
		equal(t, "since", s.Gate().Since, time.Now())
		equal(t, "over", s.Gate().Over, false)
	})
}

// Connections that were opened before the last demotion tell nothing new, and are of no use all the same.
func TestDemotedIsToldOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, w := connected(t, hosts.Config{Wait: auto}, hosts.Primary, "a")
		old := time.Now()
		demote(t, s, w, addressA)
		for range 5 {
			equal(t, "minds", s.Demoted(addressA, old), true)
		}
		w.set("a", nil, hosts.Primary) // a proxy leads to the new primary
		time.Sleep(time.Second)
		wantDial(t, s, w, "a", "a")
		equal(t, "minds", s.Demoted(addressA, old), true)
		equal(t, "fits", s.Fits(addressA), true)
		equal(t, "demotions", s.Counts().Demotions, 1)
		equal(t, "told", len(w.demoted), 1)
	})
}

// Behind a proxy, what was opened for want of a primary is no news when there is one again.
func TestProxyAfterTheWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, w := connected(t, hosts.Config{Wait: auto}, hosts.Primary, "a")
		demote(t, s, w, addressA)
		wantDown(t, s, w, nil)
		s.Wait(t.Context())
		opened := time.Now()
		wantDial(t, s, w, "a", "a")
		time.Sleep(time.Minute)
		w.set("a", nil, hosts.Primary)
		time.Sleep(6 * time.Second)
		equal(t, "minds", s.Demoted(addressA, opened), true)
		equal(t, "fits", s.Fits(addressA), true)
		equal(t, "demotions", s.Counts().Demotions, 1)
	})
}

// A proxy that leads some connections to the old server for a moment: those are not used, and the pool goes on.
func TestProxyWavers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, w := connected(t, hosts.Config{Wait: auto}, hosts.Primary, "a")
		demote(t, s, w, addressA)
		for range 10 {
			w.set("a", nil, hosts.Standby)
			wantDown(t, s, w, nil)
			w.set("a", nil, hosts.Primary)
			began := time.Now()
			s.Wait(t.Context())
			if took := time.Since(began); took > 10*time.Millisecond {
				t.Errorf("took %v, want that it is noticed at once", took)
			}
			wantDial(t, s, w, "a", "a")
			time.Sleep(time.Second)
		}
		equal(t, "demotions", s.Counts().Demotions, 1)
	})
}

// Nobody minds a standby if the first connection was to one, or if one is wanted.
func TestNoDemotion(t *testing.T) {
	type test struct {
		target hosts.Target
		first  hosts.Role
	}
	tests(t, map[string]test{
		"first was a standby": {hosts.Any, hosts.Standby},
		"first can't tell":    {hosts.Any, hosts.RoleUnknown},
		"prefers standbys":    {hosts.PreferStandby, hosts.Standby},
		"wants standbys":      {hosts.WantStandby, hosts.Standby},
	}, func(t *testing.T, test test) {
		s, w := connected(t, hosts.Config{Wait: auto, Target: test.target}, test.first, "a")
		time.Sleep(time.Second)
		equal(t, "minds", s.Demoted(addressA, time.Now()), false)
		equal(t, "fits", s.Fits(addressA), true)
		equal(t, "counts", s.Counts(), hosts.Counts{})
		equal(t, "told", len(w.demoted), 0)
		equal(t, "asks", s.AsksRole(), test.target != hosts.Any)
	})
}

// With a primary wanted a demotion is an outage for as long as there is none, whatever the first was.
func TestDemotionOfWantedPrimary(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, w := connected(t, hosts.Config{Wait: auto, Target: hosts.WantPrimary}, hosts.Primary, "a")
		demote(t, s, w, addressA)
		wantDown(t, s, w, nil)
		o, _ := s.Wait(t.Context())
		if o == nil || !o.Over {
			t.Errorf("have %+v, want the end of the wait", o)
		}
		time.Sleep(time.Hour)
		if s.Gate() == nil || s.Fits(addressA) {
			t.Error("a standby is used")
		}
		w.set("a", nil, hosts.Primary)
		time.Sleep(6 * time.Second)
		wantDial(t, s, w, "a", "a")
	})
}

// Without a wait, a standby is used at once; for ever means never.
func TestDemotionAndWait(t *testing.T) {
	tests(t, map[string]time.Duration{"no wait": 0, "for ever": -1}, func(t *testing.T, wait time.Duration) {
		s, w := connected(t, hosts.Config{Wait: wait}, hosts.Primary, "a")
		demote(t, s, w, addressA)
		dial(t.Context(), s, w)
		time.Sleep(time.Hour)
		_, err := dial(t.Context(), s, w)
		equal(t, "a standby is used", err == nil, wait == 0)
		equal(t, "fits", s.Fits(addressA), wait == 0)
	})
}

// The address of a name that has moved is told as demoted, and its connections are of no use; the new one is not
// harmed.
func TestDemotionOfOldAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, w := newSet(t, names(hosts.Any, "db:1"))
		w.resolves("db", nil, "1")
		w.set("1:1", nil, hosts.Primary)
		w.set("2:1", nil, hosts.Primary)
		wantDial(t, s, w, "1:1", "1:1")
		old, now := hosts.Address{Name: "db:1", IP: "1:1"}, hosts.Address{Name: "db:1", IP: "2:1"}
		s.Met(old, hosts.Primary)
		w.resolves("db", nil, "2")
		wantDial(t, s, w, "2:1", "2:1")
		demote(t, s, w, old)
		equal(t, "fits", s.Fits(now), true)
		wantStates(t, s, "2:1 up")
		equal(t, "demotions", s.Counts().Demotions, 1)
		w.since()
		time.Sleep(time.Minute)
		equal(t, "probes", w.count(), 0)
		w.resolves("db", nil, "1", "2") // it is back, and known to be a standby when it is dialed
		wantDial(t, s, w, "2:1", "1:1 2:1")
		w.set("2:1", errRefused, hosts.Primary)
		wantDown(t, s, w, errRefused)
		equal(t, "since", s.Gate().Since, time.Now())
	})
}

// What a probe finds at an address that its name has no more since does not count.
func TestProbeOfOldAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, w := newSet(t, names(hosts.Any, "db:1"))
		w.resolves("db", nil, "1")
		wantDial(t, s, w, "1:1", "1:1")
		old := hosts.Address{Name: "db:1", IP: "1:1"}
		s.Met(old, hosts.Primary)
		demote(t, s, w, old)
		wantDown(t, s, w, nil)
		s.Wait(t.Context()) // from now on a standby will do
		w.set("1:1", nil, hosts.Primary)
		w.slows("1:1", time.Second)
		for probing := 0; probing == 0; time.Sleep(time.Millisecond) {
			w.mu.Lock()
			probing = w.probing["1:1"]
			w.mu.Unlock()
		}
		w.resolves("db", nil, "2")
		w.set("2:1", nil, hosts.Standby)
		wantDial(t, s, w, "2:1", "2:1")
		time.Sleep(2 * time.Second)
		wantStates(t, s, "2:1 up")
		equal(t, "role", s.Role(), hosts.Standby)
	})
}
