package hosts

import (
	"slices"
	"time"
)

// host is what is known of one address. It is guarded by Set.mu.
type host struct {
	address Address
	state   State
	role    Role
	since   time.Time // of state
	upAt    time.Time // when it was last seen up
	demoted time.Time // when a connection to it was last found to take no writes any more
	err     error     // the last that a dial or probe ended with, nil: it succeeded

	pause   time.Duration // the longest before the next probe
	timeout time.Duration // of the next probe
	probe   *time.Timer   // nil: none is planned
	probing bool
	gone    bool // it is no address of its name any more
}

// The pauses between probes double from the first to the longest. What is waited is any part of them, so that pools
// that lost a server at one moment do not come back at one moment.
const (
	firstPause = 10 * time.Millisecond
	mostPause  = 5 * time.Second

	// soonPause is the longest while an outage is young, so that most restarts are noticed within a second.
	soonPause = 800 * time.Millisecond
	young     = 10 * time.Second
)

// A probe into the void ends soon, so that the next, whose first packet may get through, is not far. One that is slow
// gets more time each time.
const (
	firstTimeout = 2 * time.Second
	mostTimeout  = 30 * time.Second
)

// mostGone is how many addresses that a name had are remembered: there may be connections to them.
const mostGone = 16

func newHost(a Address) *host {
	return &host{address: a, since: time.Now(), pause: firstPause, timeout: firstTimeout}
}

func (h *host) set(state State) {
	if h.state != state {
		h.state, h.since = state, time.Now()
	}
}

func (h *host) stopProbe() {
	if h.probe != nil {
		h.probe.Stop()
		h.probe = nil
	}
}

// calm forgets how often it was probed.
func (h *host) calm() {
	h.stopProbe()
	h.pause, h.timeout = firstPause, firstTimeout
}

// found takes the role that a dial or probe has found. RoleUnknown: what it was.
func (s *Set) found(h *host, r Role) {
	before := *h
	h.upAt, h.err = time.Now(), nil
	if r != RoleUnknown {
		h.role = r
	}
	if h.role == Primary {
		s.demoted, s.relaxed = time.Time{}, false
	}
	s.judge(h)
	if h.state != before.state || h.role != before.role {
		s.changed = true
	}
	s.endIfOver()
}

// judge sets the state of a host that is up.
func (s *Set) judge(h *host) {
	if h.role != RoleUnknown && s.fit(h.role) == fitsNot {
		h.set(WrongRole)
	} else {
		h.set(Up)
	}
}

// lost takes the error of a dial or probe that began at some moment. It does not count if the host was seen up since.
func (s *Set) lost(h *host, err error, began time.Time) (counts bool) {
	if h.upAt.After(began) {
		return false
	}
	h.err = err
	h.set(Down)
	return true
}

// Host is what is known of one host, to show.
type Host struct {
	Address
	State State
	Role  Role
	Since time.Time // of State
	Err   error     // of the last dial or probe; nil: it succeeded, or there was none
}

// Hosts are all that are known. An entry whose name was never looked up is one host.
func (s *Set) Hosts() []Host {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []Host
	for i, e := range s.cfg.Entries {
		before := len(list)
		for _, h := range s.hosts {
			if h.address.Entry == i {
				list = append(list, Host{h.address, h.state, h.role, h.since, h.err})
			}
		}
		if len(list) == before {
			list = append(list, Host{Address: Address{Entry: i, Name: e.Name}, Since: s.born})
		}
	}
	return list
}

// resolved takes the addresses that the name of an entry has now, in their order.
func (s *Set) resolved(entry int, addresses []string) {
	var now, rest []*host
	for _, h := range s.hosts {
		if h.address.Entry != entry {
			rest = append(rest, h)
		} else if !slices.Contains(addresses, h.address.IP) {
			h.gone = true
			h.calm()
			s.gone = append(s.gone[max(0, len(s.gone)+1-mostGone):], h)
		}
	}
	for _, ip := range addresses {
		a := Address{Entry: entry, Name: s.cfg.Entries[entry].Name, IP: ip}
		if i := slices.IndexFunc(s.hosts, func(h *host) bool { return h.address == a }); i >= 0 {
			now = append(now, s.hosts[i])
		} else {
			now = append(now, newHost(a))
		}
	}
	s.hosts = append(rest, now...)
	slices.SortStableFunc(s.hosts, func(a, b *host) int { return a.address.Entry - b.address.Entry })
}
