package hosts

import "time"

// host is what is known of one address. It is guarded by Set.mu.
type host struct {
	address Address
	state   State
	role    Role
	since   time.Time     // of state
	upAt    time.Time     // when it was last seen up
	demoted time.Time     // until when connections were opened of which it is known that they may take no writes
	took    time.Duration // by the last dial or probe that succeeded
	err     error         // the last that a dial or probe ended with, nil: it succeeded

	pause   time.Duration // the longest before the next probe
	timeout time.Duration // of the next probe
	probe   *time.Timer   // nil: none is planned
	probing bool
	gone    bool // it is no address of its name any more
}

func newHost(a Address) *host {
	return &host{address: a, since: time.Now(), pause: firstPause, timeout: firstTimeout}
}

func (h *host) set(state State) {
	if h.state != state {
		h.state, h.since = state, time.Now()
	}
}

// found takes the role that a dial or probe has found. RoleUnknown: what it was.
func (s *Set) found(h *host, r Role) {
	h.upAt, h.err = time.Now(), nil
	if r != RoleUnknown && r != h.role {
		if r == Primary && h.role == Standby { // through a proxy, those to the other server may be open still
			h.demoted = h.upAt
		}
		h.role, s.changed = r, true
	}
	if r == Primary && s.relaxed {
		s.relaxed = false
		s.judgeAll()
		if a := h.address; s.cfg.Restored != nil {
			s.tell(func() { s.cfg.Restored(a) })
		}
	}
	s.judge(h)
	if h.state == Up && !h.gone {
		s.demoted = time.Time{}
	}
	s.endIfOver()
}

// judge sets the state of a host that is up.
func (s *Set) judge(h *host) {
	before := h.state
	if s.fit(h.role) == fitsNot {
		h.set(WrongRole)
	} else {
		h.set(Up)
	}
	if h.state != before {
		s.changed = true
	}
}

// judgeAll is for when another role is wanted.
func (s *Set) judgeAll() {
	for _, h := range s.hosts {
		if h.state == Up || h.state == WrongRole {
			s.judge(h)
		}
	}
}

// lost takes the error of a dial or probe that began at some moment. It does not count if the host was seen up since.
func (s *Set) lost(h *host, err error, began time.Time) {
	if !h.upAt.After(began) {
		h.err = err
		h.set(Down)
	}
}

// Host is what is known of one host, to show.
type Host struct {
	Address
	State State
	Role  Role
	Since time.Time // of State
	Err   error     // of the last dial or probe; nil: it succeeded, or there was none
}

// Hosts are all that are known. A name whose addresses are not known is one host.
func (s *Set) Hosts() []Host {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]Host, len(s.hosts))
	for i, h := range s.hosts {
		list[i] = Host{h.address, h.state, h.role, h.since, h.err}
	}
	return list
}
