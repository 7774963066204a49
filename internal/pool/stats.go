package pool

import "time"

// Counts are figures that only grow.
type Counts struct {
	Checkouts, Checkins   uint64 // leases begun; leases ended with the slot kept
	Waits                 uint64 // of Take, that found nothing idle
	Opened, OpenErrors    uint64
	Closed                uint64 // those being closed included
	Recycled, Invalidated uint64 // of those closed
	Detached              uint64
	Overdue, OverdueEnded uint64
	Disposals             uint64
}

// Stats are a pool's figures, all of the same moment.
type Stats struct {
	Limit, Keep, Ceiling      int // Unlimited: none
	Idle, InUse               int // those that rest are idle
	ConnectLimit              int // how many may be being opened at this moment
	Replacements              int // to be opened in the place of those that are due
	Opening, Closing, Waiting int
	Counts
}

// Stats reads the figures.
func (p *Pool[T]) Stats() Stats {
	p.mu.Lock()
	defer p.mu.Unlock()
	stats := Stats{
		Limit: p.cfg.Limit, Keep: p.cfg.Keep, Ceiling: p.ceiling.most,
		Idle: p.idle.len() + p.outside, InUse: p.leased - p.outside,
		ConnectLimit: p.limit.now, Replacements: p.renewal.replacements,
		Opening: len(p.openings), Closing: p.closing, Waiting: p.queue.n, Counts: p.counts,
	}
	stats.Disposals = p.generation.Load()
	return stats
}

// Info is what is known of one slot at a moment, by the coarse clock.
type Info[T any] struct {
	Value   T
	ID      uint64
	Idle    bool // else it is in use
	Age     time.Duration
	IdleFor time.Duration // 0: it is in use
	Held    time.Duration // since its lease began, 0: it is idle
	Uses    uint64
	Overdue bool // Config.Overdue was told of its lease
	Leaving bool // it is in use, and will be closed when it comes back
}

// Snapshot is all slots that are idle or leased, in no order.
func (p *Pool[T]) Snapshot() []Info[T] {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.clock.read()
	list := make([]Info[T], 0, len(p.all))
	for s := range p.all {
		info := Info[T]{
			Value: s.value, ID: s.id, Age: now.Since(s.bornAt), Uses: s.uses,
			Idle: s.idle || s.outside, Overdue: s.use.Load() == useReported,
		}
		if info.Idle {
			info.IdleFor = now.Since(s.idleSince)
		} else {
			info.Held = now.Awake(s.leasedAt)
			info.Leaving = s.expired.Load()
		}
		list = append(list, info)
	}
	return list
}

// All is what is idle or leased, in no order.
func (p *Pool[T]) All() []T {
	p.mu.Lock()
	defer p.mu.Unlock()
	list := make([]T, 0, len(p.all))
	for s := range p.all {
		list = append(list, s.value)
	}
	return list
}

// LastReturned is how long ago a lease last ended with the slot kept, by the coarse clock; false: none has.
func (p *Pool[T]) LastReturned() (ago time.Duration, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.returned == (Moment{}) {
		return 0, false
	}
	return max(0, p.clock.read().Since(p.returned)), true
}

// FirstWaited is how long the first in the queue has waited by now; 0: nobody waits.
func (p *Pool[T]) FirstWaited() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.firstWaitedLocked()
}
