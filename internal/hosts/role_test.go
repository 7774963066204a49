package hosts_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pooled-go/pooled/internal/hosts"
)

var (
	addressA = hosts.Address{Entry: 0, Name: "a"}
	addressB = hosts.Address{Entry: 1, Name: "b"}
)

// Only hosts of the wanted role are used. The others are asked again in the background if they would be better.
func TestTargets(t *testing.T) {
	type test struct {
		target        hosts.Target
		wanted, other hosts.Role
		text          string
	}
	tests(t, map[string]test{
		"primary": {hosts.WantPrimary, hosts.Primary, hosts.Standby, "a takes no writes, it is a standby"},
		"standby": {hosts.WantStandby, hosts.Standby, hosts.Primary, "a is a primary, not a standby"},
	}, func(t *testing.T, test test) {
		s, w := newSet(t, hosts.Config{Wait: auto, Target: test.target}, "a", "b", "c")
		w.set("a", nil, test.other)
		w.set("b", nil, test.wanted)
		w.set("c", nil, test.other)
		equal(t, "asks", s.AsksRole(), true)
		wantDial(t, s, w, "b", "a b")
		wantDial(t, s, w, "b", "b")
		equal(t, "unfit", w.unfit, 1)
		wantStates(t, s, "a wrong role, b up, c unknown")
		equal(t, "role", s.Role(), test.wanted)
		equal(t, "fits", [2]bool{s.Fits(addressA), s.Fits(addressB)}, [2]bool{false, true})
		w.since()
		time.Sleep(time.Minute)
		equal(t, "probed", w.probed(), "a")
		w.set("a", nil, test.wanted)
		w.set("b", nil, test.other)
		time.Sleep(6 * time.Second)
		wantDial(t, s, w, "a", "a")
		w.set("a", nil, test.other)
		_, err := dial(t.Context(), s, w)
		var role *hosts.RoleError
		if !isDown(err) || !errors.As(err, &role) || role.Error() != test.text || s.Gate() == nil {
			t.Errorf("have %v, want an outage with %q", err, test.text)
		}
		w.set("c", nil, test.wanted)
		s.Wait(t.Context())
		wantDial(t, s, w, "c", "c")
	})
}

// A standby is preferred, and a primary used only while there is none. Connections to it fit until then.
func TestPreferStandby(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, w := newSet(t, hosts.Config{Wait: auto, Target: hosts.PreferStandby}, "a", "b")
		w.set("b", errRefused, hosts.Standby)
		wantDial(t, s, w, "a", "a b a")
		for range 3 {
			wantDial(t, s, w, "a", "a")
			equal(t, "the primary fits", s.Fits(addressA), true)
			equal(t, "role", s.Role(), hosts.Primary)
			before := w.changed
			w.set("b", nil, hosts.Standby)
			time.Sleep(6 * time.Second)
			equal(t, "the primary fits", s.Fits(addressA), false)
			if w.changed == before {
				t.Error("Changed was not told")
			}
			wantDial(t, s, w, "b", "b")
			equal(t, "role", s.Role(), hosts.Standby)
			w.set("b", errRefused, hosts.Standby)
			wantDial(t, s, w, "a", "b a")
		}
		equal(t, "outages", s.Counts().Outages, 0)
		equal(t, "minds", s.Demoted(addressA, time.Now().Add(time.Second)), false)
	})
}

// Several primaries, and no standby: each is tried once to find that out.
func TestPreferStandbyWithout(t *testing.T) {
	tests(t, map[string]time.Duration{"auto": auto, "a wait before the first": time.Minute},
		func(t *testing.T, wait time.Duration) {
			s, w := newSet(t, hosts.Config{Wait: wait, Target: hosts.PreferStandby}, "a", "b", "c")
			w.set("b", errRefused, hosts.Standby)
			wantDial(t, s, w, "c", "a b c") // the last is as good as the first
			wantDial(t, s, w, "a", "a")
			equal(t, "unfit", w.unfit, 1)
		})
}

// A host whose role is not known is as good as any: it has not been asked, or can't tell.
func TestUnknownRole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, target := range []hosts.Target{hosts.WantPrimary, hosts.WantStandby, hosts.PreferStandby} {
			s, w := newSet(t, hosts.Config{Wait: auto, Target: target}, "a")
			w.set("a", nil, hosts.RoleUnknown)
			wantDial(t, s, w, "a", "a")
			equal(t, "fits", s.Fits(addressA), true)
			equal(t, "role", s.Role(), hosts.RoleUnknown)
			w.set("a", errRefused, hosts.RoleUnknown)
			wantDown(t, s, w, errRefused)
			w.set("a", nil, hosts.RoleUnknown)
			s.Wait(t.Context())
			wantDial(t, s, w, "a", "a")
		}
	})
}

// An error that is not Away does not make a fallback worse than a host of which nothing else is known.
func TestFallbackBesideUnknownRole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, w := newSet(t, hosts.Config{Wait: auto, Target: hosts.PreferStandby}, "a", "b")
		w.set("b", errRefused, hosts.Standby)
		wantDial(t, s, w, "a", "a b a")
		w.set("b", errDenied, hosts.Standby)
		time.Sleep(6 * time.Second)
		wantStates(t, s, "a up, b up")
		equal(t, "fits", s.Fits(addressA), true)
	})
}

// Met counts the role of the first connection; later a primary counts, and a standby if that does not matter.
func TestMet(t *testing.T) {
	type test struct {
		target hosts.Target
		first  hosts.Role
		met    hosts.Role
		role   hosts.Role
	}
	p, b, u := hosts.Primary, hosts.Standby, hosts.RoleUnknown
	tests(t, map[string]test{
		"first":                        {hosts.Any, u, b, b},
		"a standby after a primary":    {hosts.Any, p, b, p},
		"a primary after a standby":    {hosts.Any, b, p, p},
		"a standby after a standby":    {hosts.Any, b, b, b},
		"a standby, wanted a primary":  {hosts.WantPrimary, p, b, p},
		"a primary, wanted a standby":  {hosts.WantStandby, b, p, u},
		"a standby, wanted a standby":  {hosts.WantStandby, b, b, b},
		"a primary, prefers a standby": {hosts.PreferStandby, b, p, p},
	}, func(t *testing.T, test test) {
		s, _ := newSet(t, hosts.Config{Wait: -1, Target: test.target}, "a")
		if test.first != u {
			s.Met(addressA, test.first)
		}
		s.Met(hosts.Address{Entry: 0, Name: "another"}, test.first)
		s.Met(addressA, test.met)
		equal(t, "role", s.Role(), test.role)
		equal(t, "gate", s.Gate(), nil)
	})
}
