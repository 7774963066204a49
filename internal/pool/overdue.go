package pool

import (
	"cmp"
	"slices"
	"time"
)

// Holding is a slot in a certain lease, and for how long it has been leased.
type Holding[T any] struct {
	Value T
	Uses  uint64 // the lease: see Slot.Uses
	Held  time.Duration

	slot *Slot[T]
}

// over reports whether the lease has ended.
func (h *Holding[T]) over() bool { return h.slot.idle || h.slot.outside || h.slot.uses != h.Uses }

// overdue finds leases that last too long. It is guarded by Pool.mu.
type overdue[T any] struct {
	armed bool // the next look is set
	timer *time.Timer

	longest   []Holding[T] // as found at longestAt
	longestAt Moment
}

// longestMost is how many of the longest leases are named.
const longestMost = 5

// longestLocked are the leases that have lasted longest. When one caller's time is up others' are at the same moment,
// so they are looked for again only if one of them has ended, or after a while.
func (p *Pool[T]) longestLocked() []Holding[T] {
	o, now := &p.overdue, p.clock.read()
	if o.longest == nil || now.Since(o.longestAt) >= coarsest ||
		slices.ContainsFunc(o.longest, func(h Holding[T]) bool { return h.over() }) {
		o.longest, o.longestAt = p.findLongestLocked(), now
	}
	list := slices.Clone(o.longest)
	for i := range list {
		list[i].Held = now.Awake(list[i].slot.leasedAt)
	}
	return list
}

func (p *Pool[T]) findLongestLocked() []Holding[T] {
	longest := []Holding[T]{}
	for s := range p.all {
		if s.idle || s.outside || s.unused() {
			continue
		}
		at, _ := slices.BinarySearchFunc(longest, s, leasedLonger)
		longest = slices.Insert(longest, at, Holding[T]{Value: s.value, Uses: s.uses, slot: s})
		longest = longest[:min(len(longest), longestMost)]
	}
	return longest
}

// leasedLonger orders by when the leases began, as far as the coarse clock tells, and by number.
func leasedLonger[T any](h Holding[T], s *Slot[T]) int {
	return cmp.Or(cmp.Compare(h.slot.leasedAt.Mono, s.leasedAt.Mono), cmp.Compare(h.slot.id, s.id))
}

// Values of Slot.use, which is kept if overdue leases are looked for.
const (
	useNone     uint32 = iota // nobody's: idle, or on its way out or back
	useTaken                  // somebody's
	useReported               // somebody's, and Overdue was told
)

// Take says that somebody has the slot from now on; only then is its lease looked at.
func (s *Slot[T]) Take() {
	s.use.CompareAndSwap(useNone, useTaken) // if it was not used since it was offered, it is taken already
}

// Taken reports whether somebody has the slot.
func (s *Slot[T]) Taken() bool { return s.use.Load() != useNone }

// EndUse says that nobody has the slot any more, and reports whether Overdue was told of the lease.
func (s *Slot[T]) EndUse() (reported bool) {
	return s.use.Load() != useNone && s.use.Swap(useNone) == useReported
}

// Overdue leases are looked for by a timer that runs while something is leased. To set one for each lease would cost
// more than all the rest of it.

// armOverdueLocked starts looking, when something is leased.
func (p *Pool[T]) armOverdueLocked(in time.Duration) {
	o := &p.overdue
	switch {
	case o.armed || p.closed:
		return
	case o.timer == nil:
		o.timer = time.AfterFunc(in, p.FindOverdue)
	default:
		o.timer.Reset(in)
	}
	o.armed = true
}

// FindOverdue tells Overdue of the leases that have become too old, by number, and looks again when the next may be. A
// timer calls it; it may be called at any other time.
func (p *Pool[T]) FindOverdue() {
	found := p.findOverdue()
	slices.SortFunc(found, func(a, b Holding[T]) int { return cmp.Compare(a.slot.id, b.slot.id) })
	if len(found) > 0 {
		p.shield("overdue", func() { p.cfg.Overdue(found) })
	}
}

func (p *Pool[T]) findOverdue() (found []Holding[T]) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.overdue.armed = false
	now, limit := p.clock.read(), p.cfg.OverdueAfter
	next, more := limit, false
	for s := range p.all {
		if s.idle || s.outside || s.unused() {
			continue
		}
		held := now.Awake(s.leasedAt)
		if held < limit {
			more, next = true, min(next, limit-held)
		} else if s.use.CompareAndSwap(useTaken, useReported) {
			p.counts.Overdue++
			found = append(found, Holding[T]{s.value, s.uses, held, s})
		} else if s.use.Load() == useNone { // it is on its way to somebody, or back
			more = true
		}
	}
	if more {
		p.armOverdueLocked(max(next, limit/overdueLooks))
	}
	return found
}

// overdueLooks is how often within OverdueAfter the timer fires at most.
const overdueLooks = 8

// EndOverdue counts the end of a lease that Overdue was told of, and returns it as it was.
func (p *Pool[T]) EndOverdue(s *Slot[T]) Holding[T] {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.counts.OverdueEnded++
	return Holding[T]{s.value, s.uses, p.clock.read().Awake(s.leasedAt), s}
}
