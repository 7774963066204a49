package pooled

import "time"

// Two chores run on timers, only while there is something to do: closing idle
// overflow, and taking back borrows that were never used.

// sweepsPerTimeout sets how finely pool_idle_timeout is kept: an idle server
// connection above pool_size is closed after that time and at most a quarter more, half of
// which is for the pool's coarse clock.
const sweepsPerTimeout = 8

// armSweepLocked starts the sweep; there are idle server connections above
// pool_size.
func (p *Pool) armSweepLocked() {
	if p.sweepArmed || p.cfg.IdleTimeout < 0 {
		return
	}
	p.sweepArmed = true
	time.AfterFunc(max(p.cfg.IdleTimeout/sweepsPerTimeout, finest), p.sweepIdle)
}

// sweepIdle closes what has been idle too long, the longest first.
func (p *Pool) sweepIdle() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sweepArmed = false
	now := p.clock.read()
	for !p.closed && p.idle.len() > p.cfg.MinIdle && p.establishedLocked() > p.keep &&
		now.since(p.idle.peekFront().idleSince)-p.clock.resolution >= p.cfg.IdleTimeout {
		p.closeIdleLocked(p.idle.popFront(), nil, nil)
	}
	if !p.closed && p.idle.len() > 0 && p.establishedLocked() > p.keep {
		p.armSweepLocked()
	}
}

// armReclaimLocked starts looking for unused borrows while somebody waits.
func (p *Pool) armReclaimLocked() {
	if p.reclaimArmed || p.closed {
		return
	}
	p.reclaimArmed = true
	time.AfterFunc(p.reclaimPause.next(), func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.reclaimArmed = false
		if p.line.n == 0 {
			p.reclaimPause.reset()
			return
		}
		for more := true; more && p.line.n > 0; {
			more = p.reclaimLocked()
		}
		p.armReclaimLocked()
	})
}

// longUnused is how old a borrow may be that was made by Connector.Connect before its
// first use. What is older can have died, or grown old, in database/sql's hands.
const longUnused = time.Second

// tooLongUnused tells whether a borrow that is used now for the first time has to pass
// the guards again.
// Most are used at once, before the clock has advanced: they cost no lock.
func (p *Pool) tooLongUnused(s *ServerConn) bool {
	if s.spent.Load() || s.generation != p.generation.Load() {
		return true
	}
	if p.clock.ticks.Load() == s.lentTick {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.nowLocked().since(s.lentAt) > longUnused
}

// tooOldForATurn tells whether a lease that was never used began too long ago for its caller to keep a turn.
func (p *Pool) tooOldForATurn(since moment) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.nowLocked().awake(since) > longUnused
}

// takeBackLocked takes s back if its lease has not been used: the caller then places or closes it. The Conn finds that
// out when it is used, and keeps its turn.
func (p *Pool) takeBackLocked(s *ServerConn) bool {
	holder := s.holder.Load()
	if holder == nil || p.direct() || !holder.giveUpUnused() {
		return false
	}
	p.endUnusedLocked(s)
	return true
}

// endUnusedLocked ends a lease that was not used: s has been idle since that began.
func (p *Pool) endUnusedLocked(s *ServerConn) {
	p.lent--
	p.counts.checkins++
	s.idleSince, s.used = s.lentAt, true
	s.took = time.Time{}
}

// reclaimLocked takes one back whose lease Connector.Connect made and nobody
// used, for the next in the queue. database/sql can leave such a Conn in its free
// list: when the caller gave up while database/sql's own opener was connecting.
func (p *Pool) reclaimLocked() bool {
	for s := range p.all {
		if p.takeBackLocked(s) {
			p.placeLocked(s)
			return true
		}
	}
	return false
}
