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
	over := p.establishedLocked() > p.cfg.Keep
	if p.closed || !p.cfg.Reuse || over && p.queue.n == 0 && p.cfg.IdleTimeout == 0 {
		p.mu.Unlock()
		return nil, false
	}
	p.leased--
	p.counts.Checkins++
	s.idleSince = p.nowLocked()
	p.placeLocked(s)
	p.mu.Unlock()
	return nil, true
}

// placeLocked gives s to the first in the queue, or makes it idle. There is no other way to become idle, so nobody
// waits while one is.
func (p *Pool[T]) placeLocked(s *Slot[T]) {
	if p.queue.n > 0 {
		p.deliverLocked(s)
		return
	}
	p.idle.pushBack(s)
	if p.establishedLocked() > p.cfg.Keep {
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

// failFirstLocked gives an error to the first in the queue.
func (p *Pool[T]) failFirstLocked(err error) {
	if w := p.queue.popFront(); w != nil {
		w.err = err
		w.ready <- struct{}{}
	}
}
