package pool

// Put gives a slot back that can be used again. It goes to the first in the queue, or becomes idle. If it is not kept,
// nothing has happened, and the holder is to discard it for this cause, which is nil if it is merely not needed.
func (p *Pool[T]) Put(s *Slot[T]) (cause error, kept bool) {
	s.used = true // whoever had it may have had it for long
	p.mu.Lock()
	if s.generation != p.generation.Load() {
		p.mu.Unlock()
		return p.cfg.Causes.Disposed, false
	}
	if s.expired.Load() { // since Departs was asked
		p.mu.Unlock()
		return p.expiredFor(s), false
	}
	over := p.overLocked(0)
	if p.closed || !p.cfg.Reuse || over && p.queue.n == 0 && p.cfg.IdleTimeout == 0 {
		p.mu.Unlock()
		return nil, false
	}
	p.leased--
	p.counts.Checkins++
	s.idleSince = p.clock.moment()
	p.returned = s.idleSince
	p.placeLocked(s, over)
	p.mu.Unlock()
	return nil, true
}

// overLocked reports whether more are established than are kept, with so many more.
func (p *Pool[T]) overLocked(more int) bool { return p.establishedLocked()+more > p.cfg.Keep }

// placeLocked gives s to the first in the queue, or makes it idle. There is no other way to become idle, so nobody
// waits while one is. over is overLocked, with s.
func (p *Pool[T]) placeLocked(s *Slot[T], over bool) {
	if p.queue.n > 0 {
		p.deliverLocked(s)
		return
	}
	s.used = true // from now on it can die without anybody noticing
	p.idle.pushBack(s)
	if over {
		p.armSweepLocked()
	}
}

// deliverLocked gives s to the first in the queue.
func (p *Pool[T]) deliverLocked(s *Slot[T]) {
	w := p.queue.popFront()
	w.slot = s
	p.leaseLocked(s, w.turn)
	w.ready <- struct{}{}
}

// failAllLocked gives an error to all in the queue.
func (p *Pool[T]) failAllLocked(err error) {
	for p.queue.n > 0 {
		p.failFirstLocked(err)
	}
}

// failFirstLocked gives an error to the first in the queue.
func (p *Pool[T]) failFirstLocked(err error) {
	if w := p.queue.popFront(); w != nil {
		w.err = err
		w.ready <- struct{}{}
	}
}
