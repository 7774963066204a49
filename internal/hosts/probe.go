package hosts

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"
)

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

// calm ends the probes of a host, and forgets how often it was probed.
func (h *host) calm() {
	if h.probe != nil {
		h.probe.Stop()
		h.probe = nil
	}
	h.pause, h.timeout = firstPause, firstTimeout
}

// plan sees to it that every host is probed that would be of use, and no other.
func (s *Set) plan() {
	for _, h := range s.hosts {
		if !s.wantsProbe(h) {
			h.calm()
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
	var timer *time.Timer
	timer = time.AfterFunc(rand.N(most+1), func() {
		s.lock()
		defer s.unlock()
		s.startProbe(h, timer)
	})
	h.probe = timer
}

// startProbe starts the probe that a timer was for, unless that was stopped too late.
func (s *Set) startProbe(h *host, timer *time.Timer) {
	if h.probe != timer {
		return
	}
	h.probe = nil
	if !s.wantsProbe(h) {
		return
	}
	h.probing = true
	s.counts.Probes++
	s.starts = append(s.starts, func() { s.cfg.Go(func() { s.runProbe(h) }) })
}

// wantsProbe tells whether it would be good to know that a host is up, or fits: during an outage of any, else of one
// that would be preferred to those that are in use.
func (s *Set) wantsProbe(h *host) bool {
	switch {
	case h.gone, !s.waits():
		return false
	case s.gate.Load() != nil:
		return true
	case h.state == Up && s.fit(h.role) == fitsBest:
		return false
	case h.state == Unknown && (s.cfg.Random || !s.anyUp()):
		return false // it is dialed when its turn comes
	}
	return !s.outranked(h)
}

// outranked tells whether nobody would dial a host even if it fitted. That another address of its name is up is enough
// only if it never was itself: localhost may have an address at which nobody listens.
func (s *Set) outranked(h *host) bool {
	for _, other := range s.hosts {
		switch {
		case other == h || other.state != Up || s.fit(other.role) != fitsBest:
		case other.address.Entry == h.address.Entry:
			if h.state != Down || h.upAt.IsZero() {
				return true
			}
		case !s.cfg.Random && other.address.Entry < h.address.Entry:
			return true
		}
	}
	return false
}

func (s *Set) runProbe(h *host) {
	s.mu.Lock()
	timeout := h.timeout
	s.mu.Unlock()
	ctx, cancel := context.WithTimeout(s.ctx, timeout)
	defer cancel()
	began, role, err := time.Now(), RoleUnknown, error(errEnded)
	defer func() { // also if Check ends its goroutine
		s.lock()
		defer s.unlock()
		h.probing = false
		late := ctx.Err() == context.DeadlineExceeded
		if late {
			h.timeout = min(2*timeout, mostTimeout)
		}
		s.probed(h, role, err, began, late)
	}()
	lookup, done := context.WithTimeout(ctx, timeout/2) // a DNS that hangs leaves time for what was known before
	defer done()
	probe, wrong := s.lookUpAgain(lookup, h)
	if !probe {
		err = wrong
		return
	}
	role, err = s.cfg.Check(ctx, h.address)
}

var errEnded = &OwnError{errors.New("the probe was ended")}

// probed takes what a probe has found.
func (s *Set) probed(h *host, role Role, err error, began time.Time, late bool) {
	if s.ctx.Err() != nil || h.gone {
		return
	}
	own, isOwn := err.(*OwnError)
	if isOwn {
		err = own.Err
	}
	s.note(h, role, err)
	switch {
	case err == nil:
		h.took = time.Since(began)
		s.found(h, role)
	case isOwn:
		h.err = err
	case late, s.cfg.Away(err), s.isName(h) && len(s.cfg.Entries) > 1:
		s.lost(h, err, began)
	default: // it has answered
		s.found(h, RoleUnknown)
		h.err = err
	}
	if o := s.gate.Load(); o != nil {
		confirmed := *o
		s.announce(&confirmed)
		s.gate.Store(&confirmed)
	}
}

// note counts a probe during an outage.
func (s *Set) note(h *host, role Role, err error) {
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
	}
	s.gate.Store(&now)
	s.changed = true
}
