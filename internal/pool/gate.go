package pool

import "time"

// gate is what the pool remembers of Config.Gate, which says whether slots may be opened now. While it is closed none
// is, and those in the queue are served by what comes back. It is guarded by Pool.mu.
type gate struct {
	shut    bool   // the last answer
	returns uint64 // Counts.Checkins when it was found to have closed
	doubt   alarm  // when it is to be seen whether slots still come back
	// again is opening after an error that is Away while the gate is open.
	again chore
}

func newGate() gate {
	return gate{again: chore{pause: backoff{first: 10 * time.Millisecond, most: time.Second}}}
}

// askGateLocked is Config.Gate. When it has opened, what is being opened at one time begins as in the first burst.
func (p *Pool[T]) askGateLocked() (open bool, refusal error) {
	if p.cfg.Gate == nil {
		return true, nil
	}
	open, refusal = p.cfg.Gate()
	if open && p.gate.shut {
		p.limit.restart()
		p.gate.again.armed = false // its timer does no harm
		p.gate.again.pause.reset()
	}
	if !open && !p.gate.shut {
		p.gate.returns = p.counts.Checkins
	}
	p.gate.shut = !open
	return open, refusal
}

// Regate tells the pool that Gate may answer otherwise than before. If it is open, what is wanted is opened. If it
// refuses, all in the queue get the refusal, unless slots come back that can serve them.
func (p *Pool[T]) Regate() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.regateLocked()
}

func (p *Pool[T]) regateLocked() {
	open, refusal := p.askGateLocked()
	if !open {
		p.refuseLocked(refusal)
		return
	}
	if p.renewal.waiting {
		p.armExpiryLocked(0)
	}
	p.openLocked(p.ctx)
}

// lately is for how long one that has come back shows that others will, while the gate is closed.
const lately = time.Second

// comingBackLocked reports whether slots still come back though the gate is closed: some are in use, and one came back
// since it has closed, and lately. Then callers wait as they do when all are in use.
func (p *Pool[T]) comingBackLocked() bool {
	return p.leased > 0 && p.counts.Checkins > p.gate.returns && p.clock.read().Since(p.returned) < lately
}

// doubtLocked sees to it that those in the queue are refused as soon as slots don't come back any more.
func (p *Pool[T]) doubtLocked() {
	left := lately - p.clock.read().Since(p.returned)
	p.gate.doubt.set(time.Now().Add(left), func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.gate.doubt.at = time.Time{}
		p.regateLocked()
	})
}

// refuseLocked ends the waits that are in vain while the gate is closed. Without a wait, those in the queue wait for
// what is being opened, and for nothing else.
func (p *Pool[T]) refuseLocked(refusal error) {
	switch {
	case refusal != nil && (p.cfg.Timeout == 0 || !p.comingBackLocked()):
		p.failAllLocked(refusal)
	case refusal != nil && p.queue.n > 0:
		p.doubtLocked()
	case refusal == nil && p.cfg.Timeout == 0 && len(p.openings) == 0:
		for p.queue.n > 0 {
			p.failFirstLocked(p.waitErrorLocked(PhaseOpening, p.firstWaitedLocked(), p.queue.n))
		}
	}
}

// gateRefusalLocked is the error of a caller that may not wait for the gate to open.
func (p *Pool[T]) gateRefusalLocked() error {
	open, refusal := p.askGateLocked()
	switch {
	case open:
		return nil
	case p.cfg.Timeout == 0 && refusal == nil:
		return p.waitErrorLocked(PhaseOpening, 0, p.queue.n+1)
	case p.cfg.Timeout != 0 && p.comingBackLocked():
		return nil
	}
	return refusal
}

// awayLocked deals with an error that is Away. It is nobody's, but for callers that do not wait: it is about those who
// come later as much, and Gate knows how long they have to wait. If the gate is open it is old, from before that
// opened, and another is opened after a pause: if it is not old Gate is wrong, and nothing else would be in the way.
func (p *Pool[T]) awayLocked(err error) {
	open, refusal := p.askGateLocked()
	if p.cfg.Timeout == 0 && p.queue.n > 0 {
		if refusal != nil {
			err = refusal
		}
		p.failFirstLocked(err)
		return
	}
	if !open || p.closed {
		return
	}
	p.gate.again.arm(func() {
		p.mu.Lock()
		p.gate.again.armed = false
		p.openLocked(p.ctx)
		p.mu.Unlock()
	})
}
