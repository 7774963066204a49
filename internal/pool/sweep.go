package pool

import "time"

// sweepsPerTimeout sets how finely Config.IdleTimeout is kept: an idle slot above Keep is closed after that time and at
// most a quarter more, half of which is for the coarse clock.
const sweepsPerTimeout = 8

// armSweepLocked starts the sweep; there are idle slots above Keep.
func (p *Pool[T]) armSweepLocked() {
	if p.sweepArmed || p.cfg.IdleTimeout < 0 {
		return
	}
	p.sweepArmed = true
	time.AfterFunc(max(p.cfg.IdleTimeout/sweepsPerTimeout, finest), p.sweepIdle)
}

// sweepIdle closes what has been idle too long, the longest first.
func (p *Pool[T]) sweepIdle() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sweepArmed = false
	now := p.clock.read()
	for !p.closed && p.idle.len() > p.cfg.MinIdle && p.establishedLocked() > p.cfg.Keep &&
		now.Since(p.idle.peekFront().idleSince)-p.clock.resolution >= p.cfg.IdleTimeout {
		p.closeInBackgroundLocked(p.idle.popFront(), nil, nil)
	}
	if !p.closed && p.idle.len() > 0 && p.establishedLocked() > p.cfg.Keep {
		p.armSweepLocked()
	}
}
