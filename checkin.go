package pooled

import (
	"context"
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
		p.retire(s, err)
		return
	}
	p.putBack(s)
}

// retire discards a server connection that came back, and opens another in its place if it had had its time.
func (p *Pool) retire(s *ServerConn, cause error) {
	p.discard(s, cause)
	if cause == errRecycled {
		p.core.Replace(&s.slot)
	}
}

// endUse is the end of a lease for those who watch, whatever becomes of the server connection.
func (p *Pool) endUse(s *ServerConn) {
	if s.timed {
		p.observe(TimingUse, s.took)
		s.timed = false
	}
	if s.slot.EndUse() {
		p.endLeak(s)
	}
	s.conn.Trim(p.secrets)
}

// watched reports whether endUse has anything to do: on most returns it has not.
func (s *ServerConn) watched() bool {
	return s.timed || s.slot.Taken() || s.conn.Activity.Long()
}

// release does what has to happen when a server connection comes back, and says why it can't be used again.
func (p *Pool) release(s *ServerConn) error {
	if !s.conn.Usable() {
		p.lookAfterLoss(s)
		return s.conn.Why()
	}
	if s.slot.Leaving() {
		return p.core.Departs(&s.slot)
	}
	s.slot.SetUsed()
	if s.conn.Cause != nil || s.conn.Ended != nil { // an operation's error that was none of the connection's
		s.conn.Cause, s.conn.Ended = nil, nil
	}
	reset := p.needsReset(s) || p.hooks.onReturn
	if !reset && !s.conn.NeedsCleanUp() && !s.roleInDoubt {
		return nil
	}
	err := p.runRelease(s, reset)
	if err == nil && s.roleInDoubt {
		err = p.lookForDemotion(s)
	}
	if err == nil && reset && !s.conn.Usable() {
		err = s.conn.Why()
	}
	return err
}

// runRelease runs the hooks of a return, those of the reset only if one of them has something to do.
func (p *Pool) runRelease(s *ServerConn, reset bool) (err error) {
	s.conn.Busy = true
	if reset {
		err = p.reset(s)
	}
	if err == nil {
		for _, f := range p.hooks.checkin {
			f(s)
		}
	}
	if err == nil && s.conn.NeedsCleanUp() {
		err = dead(s.conn.CleanUp())
	}
	s.conn.Busy = false
	return err
}

// reset runs the reset hooks under their own deadline.
func (p *Pool) reset(s *ServerConn) error {
	if len(p.hooks.reset) == 0 {
		return nil
	}
	ctx, cancel := p.shared.ResetContext(context.Background())
	defer cancel()
	state := ResetState{TransactionOver: !s.conn.State.MayHoldTx()}
	s.conn.BeginReset()
	began := p.clocked()
	for i, f := range p.hooks.reset {
		if err := f(ctx, s, state); err != nil {
			if i == 0 && ctx.Err() == nil {
				p.logResetRefused(s, err)
			}
			return err
		}
		if state.Sent = s.conn.Sent(); i == 0 && state.Sent != "" {
			p.tally.resets.Add(1)
			p.observe(TimingReset, began)
		}
	}
	return nil
}

// putBack gives a clean server connection back to the core, or closes it if that has no use for it.
func (p *Pool) putBack(s *ServerConn) {
	if cause, kept := p.core.Put(&s.slot); !kept {
		p.retire(s, cause)
	}
}
