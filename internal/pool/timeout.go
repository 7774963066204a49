package pool

import "time"

// Phase is what a caller waited for.
type Phase int

const (
	PhaseWaiting Phase = iota // for one that is given back
	PhaseOpening              // for one that is being opened, or that Gate keeps from being opened
)

// WaitError is the end of a wait without a slot, and the state of the pool at that moment.
type WaitError[T any] struct {
	Canceled bool // by the caller's context; else its time was up
	Phase    Phase
	Where    string // in PhaseOpening, where the one is being opened that was begun first; empty: not known
	Waited   time.Duration

	Leased, Idle, Opening int
	Waiting               int // callers, this one included
	// Full is the last error that said that there are as many as there can be, nil: none did.
	Full error
	// Longest are the leases that have lasted longest, at most five.
	Longest []Holding[T]
}

// Error says what was waited for.
func (e *WaitError[T]) Error() string {
	what := "timeout"
	if e.Canceled {
		what = "canceled"
	}
	if e.Phase == PhaseOpening {
		return what + " while one was being opened"
	}
	return what + " while all were in use"
}

func (p *Pool[T]) waitErrorLocked(phase Phase, waited time.Duration, waiting int) *WaitError[T] {
	e := &WaitError[T]{
		Phase: phase, Waited: waited, Leased: p.leased, Idle: p.idle.len(), Opening: len(p.openings), Waiting: waiting,
		Full: p.ceiling.err, Longest: p.longestLocked(),
	}
	for i := 0; i < len(p.openings) && phase == PhaseOpening && e.Where == ""; i++ {
		e.Where = p.openings[i].where()
	}
	return e
}

// phaseLocked is what so many callers wait for.
func (p *Pool[T]) phaseLocked(waiting int) Phase {
	if len(p.openings) > 0 && waiting <= len(p.openings) {
		return PhaseOpening
	}
	if open, _ := p.askGateLocked(); !open && p.totalLocked() < p.capacityLocked() {
		return PhaseOpening
	}
	return PhaseWaiting
}

// waitLimit is how long a caller may wait, negative: without a limit.
func (p *Pool[T]) waitLimit() time.Duration {
	if p.cfg.Timeout == 0 {
		return openTimeout // it waits for nothing but what is opened for it
	}
	return p.cfg.Timeout
}

// armTimeoutLocked sees to it that w's wait ends in time. One timer serves the whole queue: to set and stop one for
// each caller would cost more than the rest of a wait.
func (p *Pool[T]) armTimeoutLocked(w *waiter[T]) {
	if limit := p.waitLimit(); limit >= 0 {
		p.timeouts.set(w.since.Add(limit), p.endWaits)
	}
}

// endWaits ends the waits whose time is up. Behind the first that had no turn, all came later than those before them.
func (p *Pool[T]) endWaits() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.timeouts.at = time.Time{}
	now := time.Now()
	for w := p.queue.head; w != nil; {
		next := w.next
		if waited := now.Sub(w.since); waited >= p.waitLimit() {
			w.err = p.waitErrorLocked(p.phaseLocked(p.queue.n), waited, p.queue.n)
			p.queue.remove(w)
			w.ready <- struct{}{}
		} else if p.armTimeoutLocked(w); w.turn == 0 {
			return
		}
		w = next
	}
}
