package pool

import (
	"errors"
	"time"
)

// Discard closes a slot that was leased. It keeps its place until it is closed for real, which happens in the
// background unless wait is set: closing can take longer than its holder has time for. Then the error is that of Close,
// else nil.
func (p *Pool[T]) Discard(s *Slot[T], cause error, wait bool) error {
	p.mu.Lock()
	p.leased--
	p.retireLocked(s, cause)
	if wait || p.closed || p.cfg.CloseNow { // nobody would wait for a goroutine
		p.mu.Unlock()
		return p.close(s)
	}
	p.goLocked(func() { p.close(s) })
	p.mu.Unlock()
	return nil
}

// Detach takes a slot that is leased out of the pool, for good: its place is free for another, and its holder closes
// it.
func (p *Pool[T]) Detach(s *Slot[T]) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.counts.Detached++
	p.detachLocked(s)
}

// Invalidate is Detach for a slot that is of no use: it counts as closed.
func (p *Pool[T]) Invalidate(s *Slot[T]) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.counts.Invalidated++
	p.counts.Closed++
	p.detachLocked(s)
}

func (p *Pool[T]) detachLocked(s *Slot[T]) {
	s.detached = true
	delete(p.all, s)
	p.leased--
	p.openLocked(p.ctx)
}

// InvalidateID closes the slot with this number for cause: at once if it is idle, or leased and not used; else when it
// comes back, for later. It reports whether there is such a slot, and whether it is in use.
func (p *Pool[T]) InvalidateID(id uint64, cause, later error) (inUse, found bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for s := range p.all {
		switch {
		case s.id != id:
			continue
		case s.idle:
			p.dropIdleLocked(s, cause)
			return false, true
		}
		return p.dropLeasedLocked(s, cause, &later), true
	}
	return false, false
}

// CloseWhere closes the slots of which which is true: those that are idle, or leased and not used, at once in the
// background for cause, the others when they come back, for later. What is being opened it does not see. which runs
// under the lock.
func (p *Pool[T]) CloseWhere(which func(T) bool, cause, later error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closeAllIdleLocked(cause, func(s *Slot[T]) bool { return which(s.value) })
	for s := range p.all {
		if !s.idle && which(s.value) {
			p.dropLeasedLocked(s, cause, &later)
		}
	}
}

// dropLeasedLocked closes a slot that is leased: for cause if it is not used, else for later when it comes back. It
// reports whether it is in use.
func (p *Pool[T]) dropLeasedLocked(s *Slot[T], cause error, later *error) (inUse bool) {
	if p.takeBackLocked(s) {
		p.closeInBackgroundLocked(s, cause, nil)
		return false
	}
	s.invalidated.CompareAndSwap(nil, later)
	s.expired.Store(true)
	return true
}

// Dispose closes all slots that are open: those that are idle, or leased and not used, at once in the background, the
// others when they come back. The pool stays usable.
func (p *Pool[T]) Dispose() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.generation.Add(1)
	p.renewal.replacements = 0
	for s := range p.all {
		if p.takeBackLocked(s) {
			p.closeInBackgroundLocked(s, p.cfg.Causes.Disposed, nil)
		} else {
			s.expired.Store(true)
		}
	}
	p.closeAllIdleLocked(p.cfg.Causes.Disposed, func(*Slot[T]) bool { return true })
}

// retireLocked moves s, which the caller has taken from where it was, to those that are being closed.
func (p *Pool[T]) retireLocked(s *Slot[T], cause error) {
	delete(p.all, s)
	p.resumeLocked(s)
	p.closing++
	p.counts.Closed++
	switch {
	case cause != nil && (cause == p.cfg.Causes.Expired || cause == p.cfg.Causes.IdledOut):
		p.counts.Recycled++
	case p.cfg.Causes.Invalid(cause) || s.leaving != nil || s.invalidated.Load() != nil:
		p.counts.Invalidated++
	}
}

// tellAndClose is close of one that goes of the pool's own accord.
func (p *Pool[T]) tellAndClose(s *Slot[T], cause error) error {
	return p.vacate(func() (err error) {
		defer func() { err = p.callClose(s) }() // also if Leaving ends its goroutine
		p.shield("leave", func() { p.cfg.Leaving(s.value, cause) })
		return nil
	})
}

// close closes s, which was retired, and gives its place up.
func (p *Pool[T]) close(s *Slot[T]) error {
	return p.vacate(func() error { return p.callClose(s) })
}

// vacate gives up the place of one that was retired when end has returned, or after longClose.
func (p *Pool[T]) vacate(end func() error) error {
	patience := time.AfterFunc(longClose, func() { p.addClosing(0, 1) })
	defer func() {
		slow := 0
		if !patience.Stop() {
			slow = -1
		}
		p.addClosing(-1, slow)
	}()
	return end()
}

func (p *Pool[T]) callClose(s *Slot[T]) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = p.cfg.Panicked("close", v)
		}
	}()
	return p.cfg.Close(s.value)
}

// longClose is how long a slot that is being closed keeps its place: Leaving, or closing a dead one, can take minutes,
// and somebody may be waiting.
const longClose = time.Second

func (p *Pool[T]) addClosing(closing, slow int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closing += closing
	p.slow += slow
	p.openLocked(p.ctx)
}

// closeInBackgroundLocked closes a slot that was just taken from where it was. errs, if not nil, is sent the result.
func (p *Pool[T]) closeInBackgroundLocked(s *Slot[T], cause error, errs chan<- error) {
	p.retireLocked(s, cause)
	p.goLocked(func() {
		if err := p.tellAndClose(s, cause); errs != nil {
			errs <- err
		}
	})
}

// dropIdleLocked closes an idle slot, wherever among the others it is.
func (p *Pool[T]) dropIdleLocked(s *Slot[T], cause error) {
	p.idle.remove(s)
	p.closeInBackgroundLocked(s, cause, nil)
}

// closeAllIdleLocked closes the idle slots of which which is true.
func (p *Pool[T]) closeAllIdleLocked(cause error, which func(*Slot[T]) bool) {
	for range p.idle.len() {
		if s := p.idle.popFront(); which(s) {
			p.closeInBackgroundLocked(s, cause, nil)
		} else {
			p.idle.pushBack(s)
		}
	}
}

// Go runs f on a goroutine that Close waits for.
func (p *Pool[T]) Go(f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.goLocked(f)
}

func (p *Pool[T]) goLocked(f func()) {
	p.background++
	go func() {
		defer p.backgroundDone()
		f()
	}()
}

func (p *Pool[T]) backgroundDone() {
	p.mu.Lock()
	p.background--
	p.signalDrainedLocked()
	p.mu.Unlock()
}

func (p *Pool[T]) signalDrainedLocked() {
	if p.closed && p.background == 0 {
		select {
		case <-p.drained:
		default:
			close(p.drained)
		}
	}
}

// closeWait bounds how long Close waits for goroutines of the pool: one that hangs must not hang the program.
const closeWait = 5 * time.Second

// Closed reports whether Close was called.
func (p *Pool[T]) Closed() bool { return p.ctx.Err() != nil }

// Close closes what is idle, fails the callers in the queue, ends what is being opened, and waits for the pool's
// goroutines, for at most five seconds. Slots in use are closed when they come back. The error is that of closing the
// idle ones. Called again, it does nothing.
func (p *Pool[T]) Close() error {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return nil
	}
	p.closed = true
	p.cancel()
	p.renewal.replacements = 0
	p.renewal.alarm.stop()
	p.timeouts.stop()
	if p.overdue.timer != nil {
		p.overdue.timer.Stop()
	}
	p.failAllLocked(p.cfg.Causes.Closed)
	results := make(chan error, p.idle.len())
	for p.idle.len() > 0 {
		p.closeInBackgroundLocked(p.idle.popFront(), nil, results)
	}
	p.signalDrainedLocked()
	p.mu.Unlock()

	timer := time.NewTimer(closeWait)
	defer timer.Stop()
	select {
	case <-p.drained:
	case <-timer.C:
	}
	var err error
	for len(results) > 0 {
		err = errors.Join(err, <-results)
	}
	return err
}
