package pool

import (
	"context"
	"slices"
	"sync/atomic"
	"time"
)

// openLocked starts opening as many as the queue and MinIdle want and the gate and the limits allow. Opening has the
// values of the context of the first in the queue, or of ctx.
func (p *Pool[T]) openLocked(ctx context.Context) {
	if !p.closed && p.wantedLocked() > 0 {
		switch open, refusal := p.askGateLocked(); {
		case !open:
			p.refuseLocked(refusal)
		case !p.gate.again.armed:
			p.openWantedLocked(ctx)
		}
	}
	if len(p.openings) == 0 {
		p.limit.calm()
	}
}

func (p *Pool[T]) openWantedLocked(ctx context.Context) {
	for len(p.openings) < min(p.wantedLocked(), p.limit.now) && p.totalLocked() < p.capacityLocked() {
		p.background++
		if first := p.queue.head; first != nil {
			ctx = first.ctx
		}
		go p.openOne(ctx, p.beginOpeningLocked(), p.counts.Checkins)
	}
}

func (p *Pool[T]) beginOpeningLocked() Opening[T] {
	p.nextID++
	o := Opening[T]{ID: p.nextID, Where: new(atomic.Pointer[string]), pool: p, generation: p.generation.Load()}
	p.openings = append(p.openings, o)
	return o
}

func (p *Pool[T]) endOpeningLocked(o Opening[T]) {
	p.openings = slices.DeleteFunc(p.openings, func(other Opening[T]) bool { return other.ID == o.ID })
}

// wantedLocked is how many new slots there is use for: by callers in the queue, in the place of old ones, and ahead of
// need. After opening ahead of need failed, those are left out until the next try.
func (p *Pool[T]) wantedLocked() int {
	wanted := p.queue.n + p.renewal.replacements
	if ahead := p.cfg.MinIdle - p.idle.len(); ahead > 0 && !p.refill.armed {
		wanted += ahead
	}
	return wanted
}

func (p *Pool[T]) openOne(values context.Context, o Opening[T], checkins uint64) {
	defer p.backgroundDone()
	ctx, cancel := p.openContext(values)
	r := result[T]{err: p.cfg.Causes.Exhausted}
	defer func() { // also if a function ends the goroutine
		r.tooLong = r.err != nil && !r.away && ctx.Err() == context.DeadlineExceeded
		cancel()
		p.opened(values, o, r, checkins)
	}()
	if r.slot, r.err = p.callOpen(ctx, o); r.err != nil {
		p.shield("away", func() { r.away = p.cfg.Away != nil && p.cfg.Away(r.err) })
		p.shield("full", func() { r.full = p.cfg.Full != nil && p.cfg.Full(r.err) })
		p.tellOpenFailed(r.err)
	}
}

// result is what came of opening a slot.
type result[T any] struct {
	slot    *Slot[T]
	err     error
	away    bool // err means that nothing can be opened for now
	full    bool // err means that there are as many as there can be
	tooLong bool // there was no more time for it
}

// callOpen is Config.Open, whose panic becomes an error: nobody could recover it on a goroutine of the pool's own.
func (p *Pool[T]) callOpen(ctx context.Context, o Opening[T]) (s *Slot[T], err error) {
	defer func() {
		if v := recover(); v != nil {
			s, err = nil, p.cfg.Panicked("open", v)
		}
	}()
	return p.cfg.Open(ctx, o)
}

func (p *Pool[T]) tellOpenFailed(err error) {
	p.shield("open failed", func() { p.cfg.OpenFailed(err) })
}

// shield runs one of the functions in Config. Its panic goes no further: on a goroutine of the pool's own it would end
// the program.
func (p *Pool[T]) shield(during string, f func()) {
	defer func() {
		if v := recover(); v != nil {
			p.cfg.Panicked(during, v)
		}
	}()
	f()
}

// adjustLimitLocked draws the conclusion from one that was opened or not. One more is permitted if more callers wait
// than slots will come back while the next is opened: about twice as many as came back meanwhile, which is returned.
// An error that is Away says nothing of what the server can do when it is back.
func (p *Pool[T]) adjustLimitLocked(r result[T], returned uint64) {
	switch {
	case r.away:
	case r.err != nil:
		p.limit.lower()
	case p.limit.now < p.limit.start, p.queue.n > 2*int(returned):
		p.limit.raise()
	}
}

// opened takes the result of opening one.
func (p *Pool[T]) opened(values context.Context, o Opening[T], r result[T], checkins uint64) {
	p.mu.Lock()
	p.adjustLimitLocked(r, p.counts.Checkins-checkins)
	if r.tooLong { // the state of the pool as it was meanwhile
		end := p.waitErrorLocked(PhaseOpening, p.firstWaitedLocked(), p.queue.n)
		end.Where = o.where()
		r.err, r.full = end, false
	}
	p.endOpeningLocked(o)
	kept := true
	switch {
	case r.err != nil:
		p.openFailedLocked(r)
	default:
		kept = p.joinQueueLocked(r.slot)
	}
	p.openLocked(values)
	p.mu.Unlock()
	if !kept {
		p.tellAndClose(r.slot, nil)
	}
}

// firstWaitedLocked is how long the one who gets the error has waited: often not as long as the opening took, which was
// begun for another.
func (p *Pool[T]) firstWaitedLocked() time.Duration {
	if p.queue.head == nil {
		return 0
	}
	return time.Since(p.queue.head.since)
}

// openTimeout bounds the opening of a slot, so that one into the void does not take a place among those being opened
// for as long as the network likes. It is no less for a short Timeout: a caller that gives up leaves what is being
// opened to the next, and a pool whose callers are in a hurry must be able to open something all the same.
const openTimeout = 30 * time.Second

// openContext has the values of the caller's context, the life of the pool, and openTimeout, or Timeout if that is
// longer.
func (p *Pool[T]) openContext(values context.Context) (context.Context, context.CancelFunc) {
	ctx := context.WithoutCancel(values)
	var cancel context.CancelFunc
	if p.cfg.Timeout >= 0 {
		ctx, cancel = context.WithTimeout(ctx, max(p.cfg.Timeout, openTimeout))
	} else {
		ctx, cancel = context.WithCancel(ctx)
	}
	stop := context.AfterFunc(p.ctx, cancel)
	return ctx, func() { stop(); cancel() }
}

// joinQueueLocked gives a new slot to the first in the queue, or makes it idle if those who wanted it have been served
// or have gone. It reports false if nobody has use for it; then it is to be closed.
func (p *Pool[T]) joinQueueLocked(s *Slot[T]) bool {
	p.counts.Opened++
	p.refill.pause.reset()
	p.gate.again.pause.reset()
	p.raiseCeilingLocked()
	if p.closed || !p.cfg.Reuse && p.queue.n == 0 || s.generation != p.generation.Load() {
		p.retireLocked(s, nil)
		return false
	}
	p.joinLocked(s)
	queued := p.queue.n > 0
	s.idleSince = p.clock.moment()
	p.placeLocked(s, p.overLocked(1))
	if p.renewal.replacements > 0 && (!queued || p.establishedLocked() >= p.cfg.Keep) {
		p.renewal.replacements--
		p.replaceLocked()
	}
	if p.renewal.waiting {
		p.renewal.waiting = false
		p.armExpiryLocked(0)
	}
	return true
}

// joinLocked makes s one of the pool's.
func (p *Pool[T]) joinLocked(s *Slot[T]) {
	p.all[s] = struct{}{}
	s.losses = p.losses
	if s.generation != p.generation.Load() { // the pool was disposed of while it was opened
		s.expired.Store(true)
	}
	if !p.cfg.Direct { // else its holder sees its age, and nobody has use for another
		p.watchAgeLocked(s)
	}
}

// openFailedLocked gives the error to the caller whose turn it was. That there are as many as there can be is nobody's
// error while there are some that will come back, or others on their way: the pool learns its ceiling, and the callers
// stay in the queue.
func (p *Pool[T]) openFailedLocked(r result[T]) {
	p.counts.OpenErrors++
	switch {
	case r.away:
		p.awayLocked(r.err)
	case r.full && p.establishedLocked()+len(p.openings) > 0:
		p.lowerCeilingLocked(r.err)
	case p.queue.n > 0:
		p.failFirstLocked(r.err)
	default:
		p.replaceLaterLocked()
		if p.cfg.MinIdle > 0 {
			p.refillLaterLocked()
		}
	}
}

// Refill opens what MinIdle asks for, in the background.
func (p *Pool[T]) Refill() {
	p.mu.Lock()
	p.openLocked(p.ctx)
	p.mu.Unlock()
}

func (p *Pool[T]) refillLaterLocked() {
	if p.closed {
		return
	}
	p.refill.arm(func() {
		p.mu.Lock()
		p.refill.armed = false
		p.openLocked(p.ctx)
		p.mu.Unlock()
	})
}
