package hosts

import "time"

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
	for _, h := range s.hosts {
		h.calm() // those that were down before may be back the sooner
	}
	s.changed = true
	if wait := s.wait(); wait >= 0 {
		s.planDeadline(wait - time.Since(o.Since))
	}
}

// planDeadline plans when callers wait no longer.
func (s *Set) planDeadline(left time.Duration) {
	if left <= 0 {
		s.waitIsOver()
		return
	}
	var timer *time.Timer
	timer = time.AfterFunc(left, func() {
		s.lock()
		defer s.unlock()
		if s.deadline == timer { // else it was stopped too late
			s.waitIsOver()
		}
	})
	s.deadline = timer
}

func (s *Set) stopDeadline() {
	if s.deadline != nil {
		s.deadline.Stop()
		s.deadline = nil
	}
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
		s.judgeAll()
		settled := *o
		settled.Settled = true
		s.gate.Store(&settled)
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
	s.stopDeadline()
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
