package pooled

import (
	"context"
	"errors"
	"time"
)

// checkin takes a server connection back: it is reset, and then the first in the queue has it, or it is idle. One that
// can't be used again is closed. If a hook or the driver panics, it is discarded and not lost from the count; the
// panic goes on.
func (p *Pool) checkin(s *ServerConn) {
	released := false
	defer func() {
		if !released {
			p.discard(s, errPanicked)
		}
	}()
	err := p.release(s)
	released = true
	if err != nil {
		p.discard(s, err)
		if err == errRecycled {
			p.core.Replace(&s.slot)
		}
		return
	}
	p.putBack(s)
}

// endUse is the end of a lease for those who watch, whatever becomes of the server connection.
func (p *Pool) endUse(s *ServerConn) {
	if !s.took.IsZero() {
		p.observe(TimingUse, s.took)
		s.took = time.Time{}
	}
	if s.slot.EndUse() {
		p.endLeak(s)
	}
	s.trim(p.secrets)
}

// watched reports whether endUse has anything to do: on most returns it has not.
func (s *ServerConn) watched() bool {
	return !s.took.IsZero() || s.slot.Taken() || s.activity.Long() || s.state.Long()
}

// release does what has to happen when a server connection comes back, and says why it can't be used again.
func (p *Pool) release(s *ServerConn) error {
	if !s.usable() {
		p.lookAfterLoss(s)
		return s.why()
	}
	if err := p.core.Departs(&s.slot); err != nil {
		return err
	}
	s.slot.SetUsed()
	if s.cause != nil || s.ended != nil { // an operation's error that was none of the connection's
		s.cause, s.ended = nil, nil
	}
	reset := p.needsReset(s) || p.hooks.onReturn
	if !reset && !p.untidy(s) {
		return nil
	}
	err := p.runRelease(s, reset)
	if err == nil && reset && !s.usable() {
		err = s.why()
	}
	return err
}

// runRelease runs the hooks of a return, those of the reset only if one of them has something to do.
func (p *Pool) runRelease(s *ServerConn, reset bool) (err error) {
	s.busy = true
	if reset {
		err = p.reset(s)
	}
	if err == nil {
		for _, f := range p.hooks.checkin {
			f(s)
		}
	}
	if err == nil && p.untidy(s) {
		err = p.tidy(s)
	}
	s.busy = false
	return err
}

// untidy tells whether there may be statements to close.
func (p *Pool) untidy(s *ServerConn) bool {
	return s.parked.NeedsCleanUp(&p.texts) || s.cache.NeedsCleanUp()
}

// tidy closes the statements that nobody needs any more.
func (p *Pool) tidy(s *ServerConn) error {
	ctx, cancel := p.resetContext(context.Background())
	defer cancel()
	err := s.closeDiscarded(ctx)
	if err == nil && s.parked.NeedsSweep(&p.texts) {
		err = s.sweep(ctx, p)
	}
	if err == nil && s.cache.NeedsCleanUp() {
		err = s.cache.CleanUp(ctx)
	}
	return err
}

var errPanicked = errors.New("pooled: a hook or the wrapped driver panicked")

// reset runs the reset hooks under their own deadline.
func (p *Pool) reset(s *ServerConn) error {
	if len(p.hooks.reset) == 0 {
		return nil
	}
	ctx, cancel := p.resetContext(context.Background())
	defer cancel()
	state := ResetState{TransactionOver: !s.state.MayHoldTx()}
	s.resetBy = ""
	began := p.clocked()
	for i, f := range p.hooks.reset {
		if err := f(ctx, s, state); err != nil {
			return err
		}
		if state.Sent = s.resetBy; i == 0 && state.Sent != "" {
			p.tally.resets.Add(1)
			p.observe(TimingReset, began)
		}
	}
	return nil
}

// resetContext ends with ctx, and after pool_reset_timeout.
func (p *Pool) resetContext(ctx context.Context) (context.Context, context.CancelFunc) {
	if p.cfg.ResetTimeout > 0 {
		return context.WithTimeout(ctx, p.cfg.ResetTimeout)
	}
	return ctx, func() {}
}

// putBack gives a clean server connection back to the core, or closes it if that has no use for it.
func (p *Pool) putBack(s *ServerConn) {
	if cause, kept := p.core.Put(&s.slot); !kept {
		p.discard(s, cause)
	}
}
