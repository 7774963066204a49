package pooled

import (
	"context"
	"math/rand/v2"
	"time"
)

// A server connection has an age limit of its own: pool_recycle less a random part
// of the jitter, fixed at birth. Shortly before it, another is opened in its place
// in the background, and when that is there the old one goes: nobody waits for it. One
// that is in use then goes when it comes back.

// leadMost bounds how long before its time the replacement of a server connection begins.
const leadMost = 10 * time.Second

func replaceLead(recycle time.Duration) time.Duration { return min(recycle/20, leadMost) }

// ageLimit is the age limit of a new server connection, off if it has none.
func ageLimit(cfg *Config) time.Duration {
	if cfg.Recycle == off {
		return off
	}
	limit := cfg.Recycle
	if jitter := cfg.RecycleJitter.of(limit); jitter > 0 {
		limit -= rand.N(jitter)
	}
	return limit
}

// recycleGuard keeps what is too old, was idle for too long or has been disposed
// of from being lent. It is seldom needed: the timer below is there first, unless the
// machine has slept, whose timers sleep too.
func (p *Pool) recycleGuard() Hooks {
	return Hooks{Checkout: func(_ context.Context, s *ServerConn) error {
		if s.generation != p.generation.Load() {
			return errDisposed
		}
		if !s.used {
			return nil
		}
		if s.spent.Load() || s.maxAge != off && s.lentAt.since(s.bornAt) >= s.maxAge {
			return s.timeUp()
		}
		if limit := p.idleLimit.Load(); limit > 0 && s.lentAt.since(s.idleSince) >= time.Duration(limit) {
			return errIdledOut
		}
		return nil
	}}
}

// timeUp is why one that is spent goes.
func (s *ServerConn) timeUp() error {
	if doomed := s.doomed.Load(); doomed != nil {
		return doomed
	}
	return errRecycled
}

// learnIdleLimit takes note of the time after which the server ends a session that
// does nothing. The pool ends it earlier, by a margin for what it does not see: the
// way to the server, and its own coarse clock.
func (p *Pool) learnIdleLimit(server time.Duration) {
	if server <= 0 || p.cfg.Class == ClassNull {
		return
	}
	limit := server - min(server/4, 30*time.Second)
	p.idleLimit.Store(int64(limit))
	p.mu.Lock()
	p.clock.serve(limit)
	p.mu.Unlock()
}

// leftLocked is how long until s is due to be replaced, and false if never or if
// that is under way.
func (p *Pool) leftLocked(s *ServerConn, now moment) (time.Duration, bool) {
	if s.replaced || s.spent.Load() {
		return 0, false
	}
	left, ok := time.Duration(0), false
	if s.maxAge != off {
		left, ok = s.maxAge-replaceLead(p.cfg.Recycle)-now.since(s.bornAt), true
	}
	if limit := time.Duration(p.idleLimit.Load()); limit > 0 {
		idle := limit // one in use may become idle at any moment, and has all of it then
		if s.idle {
			idle -= now.since(s.idleSince)
		}
		if !ok || idle < left {
			left, ok = idle, true
		}
	}
	return left, ok
}

// watchAgeLocked sees to it that a new server connection is replaced in time.
func (p *Pool) watchAgeLocked(s *ServerConn) {
	if left, ok := p.leftLocked(s, s.bornAt); ok {
		p.armRecycleLocked(max(left, p.recyclePause()))
	}
}

// armRecycleLocked sets the timer, if it is not set for an earlier moment.
func (p *Pool) armRecycleLocked(in time.Duration) {
	if p.closed {
		return
	}
	p.recycleAlarm.set(time.Now().Add(in), p.recycle)
}

// recycle replaces what is due. To look at all takes a while when they are many,
// so those that are due one soon after another are taken together.
func (p *Pool) recycle() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return
	}
	p.recycleAlarm.at = time.Time{}
	now := p.clock.read()
	p.takeBackOldLocked(now)
	next, more := time.Duration(0), false
	mayMiss := p.mayMissLocked()
	for s := range p.all {
		left, ok := p.leftLocked(s, now)
		if ok && left <= 0 {
			if p.expireLocked(s, now, mayMiss > 0) {
				mayMiss--
			}
		} else if ok && (!more || left < next) {
			next, more = left, true
		}
	}
	p.dialLocked(p.ctx)
	if p.dueLeft {
		next, more = 0, true
	}
	if more {
		p.armRecycleLocked(max(next, p.recyclePause()))
	}
}

// takeBackOldLocked takes back what was leased long ago and not used since: it grows old in database/sql's hands.
func (p *Pool) takeBackOldLocked(now moment) {
	for s := range p.all {
		if now.since(s.lentAt) > longUnused && p.takeBackLocked(s) {
			p.placeLocked(s)
		}
	}
}

// recyclePause is the least between two looks at all server connections: a part of the
// time that there is between being due and being late.
func (p *Pool) recyclePause() time.Duration {
	pause := leadMost / 4
	if p.cfg.Recycle != off {
		pause = replaceLead(p.cfg.Recycle) / 4
	}
	if limit := time.Duration(p.idleLimit.Load()); limit > 0 {
		pause = min(pause, limit/readingsPerAge)
	}
	return max(pause, p.clock.resolution)
}

// mayMissLocked is how many may make way for others that are still to be opened, where there is no room for both: a few
// of many at a time, else one after the other.
func (p *Pool) mayMissLocked() int {
	few := max(1, p.capacityLocked()/16)
	if p.cfg.ConnectLimit != off {
		few = min(few, p.cfg.ConnectLimit)
	}
	return few - p.owed - p.closing
}

// expireLocked deals with one that is due. It reports whether that makes way for another, which it does only if one
// more may be missing. If all did that are in use, when they come back, more could be missing at a time
// than can be opened.
func (p *Pool) expireLocked(s *ServerConn, now moment, mayMiss bool) bool {
	lead := replaceLead(p.cfg.Recycle)
	age := now.since(s.bornAt)
	switch {
	case s.maxAge == off || age < s.maxAge-lead: // for its idleness
		if s.idle {
			p.dropIdleLocked(s, errIdledOut)
		}
	case p.establishedLocked() > p.keep || !s.idle && age >= s.maxAge:
		p.letGoLocked(s)
	case p.totalLocked() < p.capacityLocked():
		s.replaced = true
		p.owed++
	case !mayMiss:
		p.dueLeft = true
	default:
		if s.idle {
			p.owed++ // else by replaceReturned
		}
		p.letGoLocked(s)
		p.dueLeft = true
		return true
	}
	return false
}

// letGoLocked closes one that has had its time, if it is in use when it comes back.
func (p *Pool) letGoLocked(s *ServerConn) {
	if s.idle {
		p.dropIdleLocked(s, errRecycled)
	} else {
		s.spent.Store(true)
	}
}

// replaceLocked lets go of one for which another has been opened.
func (p *Pool) replaceLocked() {
	for s := range p.all {
		if !s.replaced || s.spent.Load() {
			continue
		}
		p.letGoLocked(s)
		return
	}
}

// replaceLaterLocked gives replacing up for a while: the server can't be reached,
// and old connections are better than none.
func (p *Pool) replaceLaterLocked() {
	if p.owed == 0 {
		return
	}
	p.owed = 0
	for s := range p.all {
		s.replaced = false
	}
	p.armRecycleLocked(p.refillPause.next())
}

// replaceReturned opens another in the place of one that came back too old, if the
// pool keeps as many, has not done so already, and nobody in line makes it open one anyway.
func (p *Pool) replaceReturned(s *ServerConn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !s.replaced && p.reuse && !p.closed && p.line.n == 0 && p.establishedLocked() < p.keep {
		p.owed++
		p.dialLocked(p.ctx)
	}
}
