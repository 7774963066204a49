package pool

import "time"

// A slot has an age limit of its own, fixed when it is opened. Shortly before it, another is opened in its place in the
// background, and when that is there the old one goes: nobody waits for it. One that is in use then goes when it comes
// back. A slot that is idle for almost as long as its server allows goes too.

// renewal is what is to be done about slots that are due. It is guarded by Pool.mu.
type renewal struct {
	replacements int  // slots to be opened in the place of those that are due
	waiting      bool // some that are due wait for their turn
	alarm        alarm
}

// leadMost bounds how long before its time the replacement of a slot begins.
const leadMost = 10 * time.Second

// Lead is how long before its time a slot is due, with Config.Recycle.
func Lead(recycle time.Duration) time.Duration { return min(recycle/20, leadMost) }

// LimitIdle takes note of the time after which the server ends what does nothing. The pool ends it earlier, by a margin
// for what it does not see: the way to the server, and its own coarse clock.
func (p *Pool[T]) LimitIdle(server time.Duration) {
	if server <= 0 {
		return
	}
	limit := server - min(server/4, 30*time.Second)
	p.idleLimit.Store(int64(limit))
	p.mu.Lock()
	p.clock.serve(limit)
	p.mu.Unlock()
}

// IdleLimit is how long a slot may be idle; 0: no limit is known.
func (p *Pool[T]) IdleLimit() time.Duration { return time.Duration(p.idleLimit.Load()) }

// leftLocked is how long until s is due, and false if never or if it is being replaced.
func (p *Pool[T]) leftLocked(s *Slot[T], now Moment) (time.Duration, bool) {
	if s.replaced || s.expired.Load() {
		return 0, false
	}
	left, ok := time.Duration(0), false
	if s.maxAge >= 0 {
		left, ok = s.maxAge-Lead(p.cfg.Recycle)-now.Since(s.bornAt), true
	}
	if limit := p.IdleLimit(); limit > 0 {
		idle := limit // one in use may become idle at any moment, and has all of it then
		if s.idle {
			idle -= now.Since(s.idleSince)
		}
		if !ok || idle < left {
			left, ok = idle, true
		}
	}
	return left, ok
}

// watchAgeLocked sees to it that a new slot is replaced in time.
func (p *Pool[T]) watchAgeLocked(s *Slot[T]) {
	if left, ok := p.leftLocked(s, s.bornAt); ok {
		p.armExpiryLocked(max(left, p.expiryPause()))
	}
}

// armExpiryLocked sets the timer, if it is not set for an earlier moment.
func (p *Pool[T]) armExpiryLocked(in time.Duration) {
	if !p.closed {
		p.renewal.alarm.set(time.Now().Add(in), p.expire)
	}
}

// expire replaces what is due. To look at all takes a while when they are many, so those that are due one soon after
// another are taken together.
func (p *Pool[T]) expire() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return
	}
	p.renewal.alarm.at = time.Time{}
	now := p.clock.read()
	p.takeBackOldLocked(now)
	next, more := time.Duration(0), false
	budget := p.budgetLocked()
	for s := range p.all {
		left, ok := p.leftLocked(s, now)
		if ok && left <= 0 {
			if p.expireLocked(s, now, budget > 0) {
				budget--
			}
		} else if ok && (!more || left < next) {
			next, more = left, true
		}
	}
	p.openLocked(p.ctx)
	if p.renewal.waiting && !p.gate.shut { // else Regate sets the timer
		next, more = 0, true
	}
	if more {
		p.armExpiryLocked(max(next, p.expiryPause()))
	}
}

// takeBackOldLocked takes back what was leased long ago and not used since: it grows old in its holder's hands.
func (p *Pool[T]) takeBackOldLocked(now Moment) {
	for s := range p.all {
		switch {
		case now.Since(s.leasedAt) <= longUnused || !p.takeBackLocked(s):
		case s.expired.Load():
			p.closeInBackgroundLocked(s, p.expiredFor(s), nil)
			p.reopenLocked(s)
		default:
			p.placeLocked(s, p.overLocked(1))
		}
	}
}

// expiryPause is the least between two looks at all slots: a part of the time that there is between being due and being
// late.
func (p *Pool[T]) expiryPause() time.Duration {
	pause := leadMost / 4
	if p.cfg.Recycle >= 0 {
		pause = Lead(p.cfg.Recycle) / 4
	}
	if limit := p.IdleLimit(); limit > 0 {
		pause = min(pause, limit/readingsPerAge)
	}
	return max(pause, p.clock.resolution)
}

// budgetLocked is how many may make way for others that are still to be opened, where there is no place for both: a few
// of many at a time, else one after the other, and none while none can be opened.
func (p *Pool[T]) budgetLocked() int {
	if open, _ := p.askGateLocked(); !open {
		return 0
	}
	few := max(1, p.capacityLocked()/16)
	if p.cfg.ConnectLimit >= 0 {
		few = min(few, p.cfg.ConnectLimit)
	}
	return few - p.renewal.replacements - (p.closing - p.slow)
}

// expireLocked deals with one that is due. It reports whether that makes way for another, which it does only if one
// more may be missing. If all did that are in use, when they come back, more could be missing at a time than can be
// opened.
func (p *Pool[T]) expireLocked(s *Slot[T], now Moment, mayMiss bool) bool {
	lead := Lead(p.cfg.Recycle)
	age := now.Since(s.bornAt)
	switch {
	case s.maxAge < 0 || age < s.maxAge-lead: // for its idleness
		if s.idle {
			p.dropIdleLocked(s, p.cfg.Causes.IdledOut)
		}
	case p.establishedLocked() > p.cfg.Keep || !s.idle && age >= s.maxAge:
		p.letGoLocked(s)
	case p.totalLocked() < p.capacityLocked():
		s.replaced = true
		p.renewal.replacements++
	case !mayMiss:
		p.renewal.waiting = true
	default:
		if s.idle {
			p.renewal.replacements++ // else by Replace
		}
		p.letGoLocked(s)
		p.renewal.waiting = true
		return true
	}
	return false
}

// letGoLocked closes one that has had its time, if it is in use when it comes back. If its lease is not used it is left
// to its holder for a while, who may be about to.
func (p *Pool[T]) letGoLocked(s *Slot[T]) {
	if s.idle {
		p.dropIdleLocked(s, p.cfg.Causes.Expired)
		return
	}
	s.expired.Store(true)
	if s.unused() {
		p.armExpiryLocked(2 * longUnused) // by then it can be taken back
	}
}

// replaceLocked lets go of one for which another has been opened.
func (p *Pool[T]) replaceLocked() {
	for s := range p.all {
		if !s.replaced || s.expired.Load() {
			continue
		}
		p.letGoLocked(s)
		return
	}
}

// replaceLaterLocked gives replacing up for a while: the server can't be reached, and old slots are better than none.
func (p *Pool[T]) replaceLaterLocked() {
	if p.renewal.replacements == 0 {
		return
	}
	p.renewal.replacements = 0
	for s := range p.all {
		s.replaced = false
	}
	p.armExpiryLocked(p.refill.pause.next())
}

// Replace opens another in the place of one that came back too old and was discarded, if the pool keeps as many, has
// not done so already, and no caller in the queue makes it open one anyway.
func (p *Pool[T]) Replace(s *Slot[T]) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.reopenLocked(s)
}

func (p *Pool[T]) reopenLocked(s *Slot[T]) {
	if !s.replaced && p.cfg.Reuse && !p.closed && p.queue.n == 0 && p.establishedLocked() < p.cfg.Keep {
		p.renewal.replacements++
		p.openLocked(p.ctx)
	}
}
