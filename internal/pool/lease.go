package pool

import (
	"sync/atomic"
	"time"
)

// Lease tells whether a slot that was leased ahead of use has been used. It is the one thing of a holder's that the
// pool touches while the holder has the slot: either the holder claims the lease, or the pool revokes it.
type Lease struct{ state atomic.Uint32 }

const (
	leaseClaimed uint32 = iota // or there is none
	leaseUnused
	leaseRevoked
)

// Claimed reports whether the lease is in use.
func (l *Lease) Claimed() bool { return l.state.Load() == leaseClaimed }

// Unused reports whether the lease is neither in use nor revoked.
func (l *Lease) Unused() bool { return l.state.Load() == leaseUnused }

// Claim begins the use. It reports false if the pool has revoked the lease: the slot is not the holder's any more.
func (l *Lease) Claim() bool {
	if l.state.CompareAndSwap(leaseUnused, leaseClaimed) {
		return true
	}
	l.state.Store(leaseClaimed)
	return false
}

func (l *Lease) revoke() bool { return l.state.CompareAndSwap(leaseUnused, leaseRevoked) }

// Offer makes the lease one that is not used yet. From here on the pool may revoke it at any moment.
func (s *Slot[T]) Offer(l *Lease) {
	l.state.Store(leaseUnused)
	s.lease.Store(l)
}

// unused reports a lease that nobody has used yet: it is revoked when the slot is needed.
func (s *Slot[T]) unused() bool {
	l := s.lease.Load()
	return l != nil && l.Unused()
}

// longUnused is how long a lease may go without use. A slot with an older one can have died, or grown old.
const longUnused = time.Second

// LongUnused tells whether a lease that is claimed now has gone without use for so long that the slot needs another
// look. Most are used at once, before the clock has advanced: they cost no lock.
func (p *Pool[T]) LongUnused(s *Slot[T]) bool {
	if s.expired.Load() {
		return true
	}
	if p.clock.ticks.Load() == s.leasedTick {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.clock.moment().Since(s.leasedAt) > longUnused
}

// LongAgo tells whether a lease that began then has gone without use for so long that its caller is most likely gone.
func (p *Pool[T]) LongAgo(then Moment) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.clock.moment().Awake(then) > longUnused
}

// Again counts a lease that was not used as one that begins now.
func (p *Pool[T]) Again(s *Slot[T]) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.endUnusedLocked(s)
	p.leaseLocked(s, s.turn)
}

// takeBackLocked revokes the lease of s if it has not been used: the caller then places or closes it. The holder finds
// that out when it claims the lease, and keeps its turn.
func (p *Pool[T]) takeBackLocked(s *Slot[T]) bool {
	l := s.lease.Load()
	if l == nil || p.cfg.Direct || !l.revoke() {
		return false
	}
	p.endUnusedLocked(s)
	return true
}

// endUnusedLocked ends a lease that was not used: s has been idle since that began.
func (p *Pool[T]) endUnusedLocked(s *Slot[T]) {
	p.leased--
	p.counts.Checkins++
	s.idleSince, s.used = s.leasedAt, true
}

// reclaimLocked revokes one lease that was not used, for the next in the queue.
func (p *Pool[T]) reclaimLocked() bool {
	for s := range p.all {
		if p.takeBackLocked(s) {
			p.placeLocked(s, p.overLocked(1))
			return true
		}
	}
	return false
}

// armReclaimLocked starts looking for unused leases while somebody waits.
func (p *Pool[T]) armReclaimLocked() {
	if p.closed {
		return
	}
	p.reclaim.arm(func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.reclaim.armed = false
		if p.queue.n == 0 {
			p.reclaim.pause.reset()
			return
		}
		for more := true; more && p.queue.n > 0; {
			more = p.reclaimLocked()
		}
		p.armReclaimLocked()
	})
}
