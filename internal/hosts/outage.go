package hosts

import (
	"context"
	"errors"
	"time"
)

// begin begins an outage, unless there is one. A demotion is the beginning of what follows from it.
func (s *Set) begin(err error) {
	if s.gate.Load() != nil || s.ctx.Err() != nil {
		return
	}
	o := &Outage{Since: time.Now(), Err: err}
	if !s.demoted.IsZero() {
		o.Since = s.demoted
	}
	s.gate.Store(o)
	if wait := s.wait(); wait >= 0 {
		left := wait - time.Since(o.Since)
		if left <= 0 {
			s.waitIsOver()
		} else {
			s.deadline = time.AfterFunc(left, func() {
				s.lock()
				defer s.unlock()
				s.waitIsOver()
			})
		}
	}
	s.changed = true
	s.plan()
}

func (s *Set) wait() time.Duration {
	if s.cfg.Wait == WaitAuto {
		return autoWait
	}
	return s.cfg.Wait
}

// waitIsOver is the moment from which on callers do not wait any longer. If the hosts are up, and only none takes
// writes any more, they are used as they are.
func (s *Set) waitIsOver() {
	o := s.gate.Load()
	if o == nil || o.Over || s.ctx.Err() != nil {
		return
	}
	if s.picky {
		s.relaxed = true
		for _, h := range s.hosts {
			if h.state == WrongRole {
				s.judge(h)
			}
		}
		if s.endIfOver(); s.gate.Load() == nil {
			return
		}
	}
	over := *o
	over.Over = true
	s.announce(&over)
	s.gate.Store(&over)
	s.changed = true
}

// announce counts an outage, and tells of it: when a probe has confirmed it, or callers get it as an error. One that
// the first probe ends is none. For a moment after a failover some proxies lead every other connection to the old
// server.
func (s *Set) announce(o *Outage) {
	if o.announced {
		return
	}
	o.announced = true
	s.counts.Outages++
	if s.cfg.Began != nil {
		told := *o
		s.tell(func() { s.cfg.Began(told) })
	}
}

// endIfOver ends the outage if a host fits.
func (s *Set) endIfOver() {
	o := s.gate.Load()
	if o == nil || !s.anyUp() {
		return
	}
	s.gate.Store(nil)
	if s.deadline != nil {
		s.deadline.Stop()
	}
	if s.cfg.Ended != nil && o.announced {
		told, took := *o, time.Since(o.Since)
		s.tell(func() { s.cfg.Ended(told, took) })
	}
	s.changed = true
}

func (s *Set) anyUp() bool {
	for _, h := range s.hosts {
		if h.state == Up {
			return true
		}
	}
	return false
}

// plan sees to it that every host is probed that would be of use.
func (s *Set) plan() {
	for _, h := range s.hosts {
		if !s.wantsProbe(h) {
			h.stopProbe()
		} else if h.probe == nil && !h.probing {
			s.planProbe(h)
		}
	}
}

func (s *Set) planProbe(h *host) {
	most := h.pause
	if o := s.gate.Load(); o != nil && time.Since(o.Since) < young {
		most = min(most, soonPause)
	}
	h.pause = min(2*h.pause, mostPause)
	h.probe = time.AfterFunc(random(most), func() { s.startProbe(h) })
}

// wantsProbe tells whether it would be good to know that a host is up, or fits: during an outage of any, else of one
// that would be preferred to those that are in use.
func (s *Set) wantsProbe(h *host) bool {
	if h.gone || s.ctx.Err() != nil || !s.waits() {
		return false
	}
	if s.gate.Load() != nil {
		return h.state != Up
	}
	if h.state == Unknown || h.state == Up && s.fit(h.role) == fitsBest {
		return false
	}
	for _, other := range s.hosts {
		if other == h || other.state != Up || s.fit(other.role) != fitsBest {
			continue
		}
		if !s.cfg.Random && other.address.Entry <= h.address.Entry {
			return false // nobody would dial h while that one is up
		}
	}
	return true
}

func (s *Set) startProbe(h *host) {
	s.lock()
	defer s.unlock()
	if h.probe = nil; h.probing || !s.wantsProbe(h) {
		return
	}
	h.probing = true
	s.counts.Probes++
	s.tell(func() { s.cfg.Go(func() { s.runProbe(h) }) }) // without the lock
}

func (s *Set) runProbe(h *host) {
	s.mu.Lock()
	timeout := h.timeout
	s.mu.Unlock()
	ctx, cancel := context.WithTimeout(s.ctx, timeout)
	defer cancel()
	began, role, err := time.Now(), RoleUnknown, errEnded
	defer func() { // also if Check ends its goroutine
		s.lock()
		defer s.unlock()
		h.probing = false
		if ctx.Err() == context.DeadlineExceeded {
			h.timeout = min(2*timeout, mostTimeout)
		}
		s.checked(h, role, err, began)
	}()
	s.lookUpAgain(ctx, h.address.Entry)
	role, err = s.cfg.Check(ctx, h.address)
}

var errEnded = errors.New("the probe was ended")

// lookUpAgain looks up a name during an outage: its servers may be elsewhere by now.
func (s *Set) lookUpAgain(ctx context.Context, entry int) {
	e := s.cfg.Entries[entry]
	if !e.Lookup || s.Gate() == nil {
		return
	}
	found, err := s.lookUp(ctx, e.Name)
	if err != nil || len(found) == 0 {
		return
	}
	s.lock()
	defer s.unlock()
	s.resolved(entry, found)
	s.plan()
}

// checked takes what a probe or check has found.
func (s *Set) checked(h *host, role Role, err error, began time.Time) {
	if s.ctx.Err() != nil {
		return
	}
	s.probed(h, role, err)
	switch {
	case err == nil:
		s.found(h, role)
		h.calm()
	case isOwn(err):
		h.err = err
	case s.cfg.Away(err):
		s.lost(h, err, began)
	default: // it has answered
		s.found(h, RoleUnknown)
		h.err = err
	}
	s.plan()
}

// probed counts a probe during an outage.
func (s *Set) probed(h *host, role Role, err error) {
	o := s.gate.Load()
	if o == nil {
		return
	}
	now := *o
	now.Probes++
	if err == nil && s.fit(role) == fitsNot {
		err = &RoleError{h.address, role, s.cfg.Target}
	}
	if err != nil {
		now.Err = err
		s.announce(&now)
	}
	s.gate.Store(&now)
	s.changed = true
}
