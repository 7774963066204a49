package pool

import (
	"context"
	"time"
)

// TryTake leases an idle slot, or returns nil if there is none or Take has more to do. turn is that of a slot the
// caller was leased before and that turned out to be of no use, 0: none.
func (p *Pool[T]) TryTake(turn uint64) *Slot[T] {
	p.mu.Lock()
	if p.idle.len() <= p.cfg.MinIdle || p.cfg.Admit != nil {
		p.mu.Unlock()
		return nil
	}
	s := p.idle.pop(p.cfg.LIFO)
	p.leaseLocked(s, turn)
	p.mu.Unlock()
	return s
}

// leaseLocked counts s as leased, and notes what its holder goes by, without the lock.
func (p *Pool[T]) leaseLocked(s *Slot[T], turn uint64) {
	p.leased++
	p.counts.Checkouts++
	if s.turn = turn; turn == 0 {
		s.turn = p.counts.Checkouts
	}
	s.uses++
	s.leasedAt = p.clock.moment()
	if p.cfg.OverdueAfter >= 0 {
		p.armOverdueLocked(p.cfg.OverdueAfter)
	}
	s.leasedTick = p.clock.ticks.Load()
	s.lossesAtLease = p.losses
}

// Take leases an idle slot, or waits in the queue for one: until ctx ends, or Config.Timeout is up, counted from since.
// A zero since is set to the moment at which the wait begins, so that a caller that has to take once more waits no
// longer in all. turn is as in TryTake: a caller that had one stands before all that had none.
//
// With Config.Direct it opens one instead, on the caller's goroutine, and blocks until Open returns.
//
// The error is a [WaitError] for a wait that ended without a slot, one of Open, of Gate or of Admit, or
// Causes.Closed.
func (p *Pool[T]) Take(ctx context.Context, since *time.Time, turn uint64) (*Slot[T], error) {
	if p.cfg.Direct {
		return p.takeDirect(ctx)
	}
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return nil, p.cfg.Causes.Closed
	}
	if p.cfg.Admit != nil {
		if err := p.admitLocked(); err != nil {
			p.mu.Unlock()
			return nil, err
		}
	}
	if p.idle.len() > 0 {
		s := p.idle.pop(p.cfg.LIFO)
		p.leaseLocked(s, turn)
		p.openLocked(ctx) // another in its place, for MinIdle
		p.mu.Unlock()
		return s, nil
	}
	if err := p.refusalLocked(); err != nil {
		p.mu.Unlock()
		return nil, err
	}
	if since.IsZero() {
		*since = time.Now()
	}
	w := p.newWaiter(ctx, *since, turn)
	p.queue.add(w)
	p.counts.Waits++
	p.armTimeoutLocked(w)
	p.openLocked(ctx)
	p.armReclaimLocked()
	p.mu.Unlock()
	s, err := p.wait(ctx, w)
	p.freeWaiter(w)
	return s, err
}

// admitLocked asks Admit. If that panics, or ends the goroutine, the lock is released.
func (p *Pool[T]) admitLocked() error {
	answered := false
	defer func() {
		if !answered {
			p.mu.Unlock()
		}
	}()
	err := p.cfg.Admit(p.leased+p.queue.n == 0 || p.reclaimLocked())
	answered = true
	return err
}

// refusalLocked is the error of a caller that may not wait.
func (p *Pool[T]) refusalLocked() error {
	if err := p.gateRefusalLocked(); err != nil {
		return err
	}
	// Without a wait, only a place that is free and promised to nobody will do.
	// One that is being closed is as good as free: a stale slot that this
	// caller has just met must not become its error.
	promised := max(len(p.openings), p.queue.n)
	if p.cfg.Timeout == 0 && p.establishedLocked()+promised >= p.capacityLocked() {
		return p.waitErrorLocked(PhaseWaiting, 0, p.queue.n+1)
	}
	return nil
}

// wait waits for a delivery, which the end of its time is too, or the end of ctx.
func (p *Pool[T]) wait(ctx context.Context, w *waiter[T]) (*Slot[T], error) {
	select {
	case <-w.ready:
		return w.slot, w.err
	case <-ctx.Done():
		return nil, p.canceled(w)
	}
}

// canceled is the end of a wait by the caller's context.
func (p *Pool[T]) canceled(w *waiter[T]) error {
	if s := p.leave(w); s != nil { // delivered at the very moment it gave up
		cause, kept := p.Departs(s), false
		if cause == nil {
			cause, kept = p.Put(s)
		}
		if !kept {
			p.mu.Lock()
			p.leased--
			p.closeInBackgroundLocked(s, cause, nil)
			p.mu.Unlock()
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	waiting := p.queue.n + 1
	err := p.waitErrorLocked(p.phaseLocked(waiting), time.Since(w.since), waiting)
	err.Canceled = true
	return err
}

// leave takes a caller that gave up out of the queue. If it was delivered to meanwhile, that is what it got.
func (p *Pool[T]) leave(w *waiter[T]) *Slot[T] {
	p.mu.Lock()
	queued := w.queued
	if queued {
		p.queue.remove(w)
	}
	p.mu.Unlock()
	if queued {
		return nil
	}
	<-w.ready
	return w.slot
}
