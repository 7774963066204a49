package pool

import "context"

// With Config.Direct a slot is opened by its caller, who keeps it until it is discarded, and in between rests it: it is
// idle then, but in its holder's hands.

// takeDirect opens a slot for its caller, and leases it.
func (p *Pool[T]) takeDirect(ctx context.Context) (*Slot[T], error) {
	s, err := p.openLeased(ctx)
	if err == nil {
		p.Resume(s)
	}
	return s, err
}

// openLeased opens a slot that was never idle, on the caller's goroutine.
func (p *Pool[T]) openLeased(ctx context.Context) (s *Slot[T], err error) {
	p.mu.Lock()
	o := p.beginOpeningLocked()
	p.mu.Unlock()
	err = p.cfg.Causes.Exhausted
	defer func() { // also if a function ends the goroutine
		p.mu.Lock()
		defer p.mu.Unlock()
		p.endOpeningLocked(o)
		if err != nil {
			p.counts.OpenErrors++
			return
		}
		p.counts.Opened++
		p.leased++ // it counts as leased for as long as it is open
		s.leasedAt = p.clock.moment()
		p.joinLocked(s)
	}()
	if s, err = p.callOpen(ctx, o); err != nil {
		p.tellOpenFailed(err)
	}
	return s, err
}

// Resume begins a lease of a slot that rests.
func (p *Pool[T]) Resume(s *Slot[T]) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.leased--
	p.leaseLocked(s, 0)
	p.resumeLocked(s)
}

func (p *Pool[T]) resumeLocked(s *Slot[T]) {
	if s.outside {
		s.outside = false
		p.outside--
	}
}

// Rest is the end of a lease whose holder keeps the slot.
func (p *Pool[T]) Rest(s *Slot[T]) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s.idleSince = p.clock.moment()
	p.returned = s.idleSince
	s.outside = true
	p.outside++
	p.counts.Checkins++
}
