package pool

import (
	"sync/atomic"
	"time"
)

// Slot is the place of one T in a pool. It is meant to be a field of what T points to, and set up by Init. It belongs
// to whoever holds its lease, and to the pool while it is idle.
type Slot[T any] struct {
	value      T
	id         uint64
	generation uint64 // of the pool: how often that had been disposed of
	bornAt     Moment
	maxAge     time.Duration // negative: none

	lease       atomic.Pointer[Lease] // by which the pool finds leases that were never used
	use         atomic.Uint32         // see overdue.go
	expired     atomic.Bool           // it goes when it comes back: for its age, by Dispose, by InvalidateID
	invalidated atomic.Pointer[error] // why it goes when it comes back, if others than its holder say so; expired too

	// The holder's.

	used     bool  // it has been idle, or given back, at least once
	detached bool  // it is the pool's no more
	leaving  error // why it goes when it comes back, if its holder says so
	passed   uint64

	// Guarded by Pool.mu, or written when it is leased and then the holder's to read.

	idle          bool   // in Pool.idle
	outside       bool   // see Pool.Rest
	replaced      bool   // another is being opened in its place
	turn          uint64 // this lease's place in the order of all; see Turn
	uses          uint64 // how often it was leased
	idleSince     Moment // when it last came back
	leasedAt      Moment
	leasedTick    uint64 // clock.ticks when it was leased
	losses        uint64 // Pool.losses up to which it has been seen alive
	lossesAtLease uint64 // Pool.losses when it was leased
}

// Opening is what Config.Open is told of the slot that it opens.
type Opening[T any] struct {
	ID uint64
	// Where is for Open to say where it is opening the slot at the moment, such as an address. A WaitError has it.
	Where      *atomic.Pointer[string]
	pool       *Pool[T]
	generation uint64
}

func (o Opening[T]) where() string {
	if where := o.Where.Load(); where != nil {
		return *where
	}
	return ""
}

// Init sets up the slot of v, which has just been opened.
func (s *Slot[T]) Init(o Opening[T], v T) {
	s.value, s.id, s.generation = v, o.ID, o.generation
	s.bornAt = o.pool.clock.read()
	s.maxAge = o.pool.cfg.MaxAge()
}

// Value is what the slot is the place of.
func (s *Slot[T]) Value() T { return s.value }

// ID numbers the slots of a pool from 1, in the order in which they were asked for.
func (s *Slot[T]) ID() uint64 { return s.id }

// Uses is how often the slot was leased.
func (s *Slot[T]) Uses() uint64 { return s.uses }

// Used reports whether the slot has been idle or given back at least once.
func (s *Slot[T]) Used() bool { return s.used }

// SetUsed is for a holder that has had the slot for long: it may be of no use any more, as one that was idle.
func (s *Slot[T]) SetUsed() { s.used = true }

// IdleFor is how long the slot was idle before it was leased, by the coarse clock; 0: it is new.
func (s *Slot[T]) IdleFor() time.Duration {
	if !s.used {
		return 0
	}
	return max(0, s.leasedAt.Since(s.idleSince))
}

// Turn is this lease's place in the order of all leases. A caller that finds the slot of no use keeps its place by it:
// see Pool.Take.
func (s *Slot[T]) Turn() uint64 { return s.turn }

// LeasedAt is when the lease began, by the coarse clock.
func (s *Slot[T]) LeasedAt() Moment { return s.leasedAt }

// LeasedBefore is a moment before which the lease began, however late the coarse clock was.
func (s *Slot[T]) LeasedBefore() time.Time { return processStart.Add(s.leasedAt.Mono + coarsest) }

// Suspect reports whether one was lost since this one was last seen alive; see Pool.Suspect.
func (s *Slot[T]) Suspect() bool { return s.losses != s.lossesAtLease }

// SetAlive says that it was seen alive in this lease.
func (s *Slot[T]) SetAlive() { s.losses = s.lossesAtLease }

// SetPassed says that the holder has found nothing wrong with it; see Pool.Trusted.
func (s *Slot[T]) SetPassed() { s.passed = s.leasedTick }

// SetLeaving says that it is to be closed when it comes back, for cause.
func (s *Slot[T]) SetLeaving(cause error) { s.leaving = cause }

// Detached reports whether it has left the pool, which counts it no longer.
func (s *Slot[T]) Detached() bool { return s.detached }

// Trusted reports whether what the holder found at the last SetPassed still holds, as far as the pool can tell: nothing
// has happened to the slot since, and the coarse clock has not moved.
func (s *Slot[T]) Trusted() bool {
	return s.passed == s.leasedTick && s.losses == s.lossesAtLease && !s.expired.Load()
}

// Leaving reports whether the slot is to be closed when it comes back, though nothing is wrong with it: see
// Pool.Departs.
func (s *Slot[T]) Leaving() bool { return s.leaving != nil || s.expired.Load() }

// Departs is why a slot is Leaving; nil: it is not.
func (p *Pool[T]) Departs(s *Slot[T]) error {
	switch {
	case !s.Leaving():
		return nil
	case s.leaving != nil:
		return s.leaving
	case s.generation != p.generation.Load():
		return p.cfg.Causes.Disposed
	}
	return p.expiredFor(s)
}

// Expired is why a slot that was just leased must not be used; nil: it may be. It is seldom so, because what is due is
// replaced in time, unless the machine has slept: timers sleep too.
func (p *Pool[T]) Expired(s *Slot[T]) error {
	if s.generation != p.generation.Load() {
		return p.cfg.Causes.Disposed
	}
	if !s.used {
		return nil
	}
	if s.expired.Load() || s.maxAge >= 0 && s.leasedAt.Since(s.bornAt) >= s.maxAge {
		return p.expiredFor(s)
	}
	if limit := p.idleLimit.Load(); limit > 0 && s.leasedAt.Since(s.idleSince) >= time.Duration(limit) {
		return p.cfg.Causes.IdledOut
	}
	return nil
}

// expiredFor is why one that has expired goes.
func (p *Pool[T]) expiredFor(s *Slot[T]) error {
	if cause := s.invalidated.Load(); cause != nil {
		return *cause
	}
	return p.cfg.Causes.Expired
}
