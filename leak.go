package pooled

import (
	"cmp"
	"slices"
	"time"
)

// Holder is who has a server connection, and what for.
type Holder struct {
	Conn      uint64        // the server connection's ID
	Session   string        // the server's own number of the session, if it is known
	Statement string        // the last that was sent, cut at 256 bytes, without arguments
	Held      time.Duration // since when
	Stack     string        // who took it, as in a panic; empty without pool_leak_after
	Returned  bool          // it came back after all
}

// heldFor describes who has a server connection that is lent.
func (p *Pool) heldFor(s *ServerConn, held time.Duration) Holder {
	statement, stack := s.look()
	return Holder{Conn: s.id, Session: s.session, Statement: p.secrets.clean(statement), Held: held, Stack: formatStack(stack)}
}

// holdersShown is how many holders a TimeoutError lists.
const holdersShown = 5

// holdersLocked are those who have had a server connection for longest. When one caller runs into
// its timeout, others may at the same moment, so the answer is good for all of them.
func (p *Pool) holdersLocked() []Holder {
	now := p.clock.read()
	if p.holders != nil && now.since(p.holdersAt) < coarsest {
		return slices.Clone(p.holders)
	}
	var longest []*ServerConn
	for s := range p.all {
		if s.idle || s.resting {
			continue
		}
		at, _ := slices.BinarySearchFunc(longest, s, func(a, b *ServerConn) int { return cmp.Compare(a.lentAt.mono, b.lentAt.mono) })
		longest = slices.Insert(longest, at, s)
		longest = longest[:min(len(longest), holdersShown)]
	}
	p.holders, p.holdersAt = make([]Holder, 0, len(longest)), now
	for _, s := range longest {
		p.holders = append(p.holders, p.heldFor(s, now.since(s.lentAt)))
	}
	return slices.Clone(p.holders)
}

// Leaks are looked for by a timer that runs while something is lent. To set one for each checkout would
// cost more than all else that a checkout does.

// armLeakLocked starts looking, when something is lent.
func (p *Pool) armLeakLocked(in time.Duration) {
	if !p.leakArmed && !p.closed {
		p.leakArmed = true
		time.AfterFunc(in, p.findLeaks)
	}
}

// findLeaks reports the checkouts that have become too old, and looks again when the next may be.
func (p *Pool) findLeaks() {
	p.mu.Lock()
	p.leakArmed = false
	now, limit := p.clock.read(), p.cfg.LeakAfter
	next, more := limit, false
	var found []*ServerConn
	for s := range p.all {
		if s.idle || s.resting || s.leaked.Load() || s.unused() {
			continue
		}
		if out := now.since(s.lentAt); out >= limit {
			s.leaked.Store(true)
			p.counts.leaks++
			found = append(found, s)
		} else {
			more, next = true, min(next, limit-out)
		}
	}
	if more {
		p.armLeakLocked(max(next, limit/leakLooks))
	}
	slices.SortFunc(found, func(a, b *ServerConn) int { return cmp.Compare(a.id, b.id) })
	var holders []Holder
	for _, s := range found {
		holders = append(holders, p.heldFor(s, now.since(s.lentAt)))
	}
	p.mu.Unlock()
	for _, h := range holders {
		p.tellLeak(h)
	}
}

// leakLooks is how often within pool_leak_after the timer fires at most.
const leakLooks = 8

// leakOver is called when a checkout ends that was reported.
func (p *Pool) leakOver(s *ServerConn) {
	s.leaked.Store(false)
	p.mu.Lock()
	held := p.clock.read().since(s.lentAt)
	p.counts.leaksReturned++
	p.mu.Unlock()
	h := p.heldFor(s, held)
	h.Returned = true
	p.tellLeak(h)
}

func (p *Pool) tellLeak(h Holder) {
	defer p.logPanic(eventLeak)
	for _, f := range p.hooks.leak {
		f(h)
	}
}

// unused reports a borrow that Connector.Connect made and nobody has used yet: it is taken back when needed.
func (s *ServerConn) unused() bool {
	c := s.holder.Load()
	return c != nil && c.lend.Load() == lendUnused
}
