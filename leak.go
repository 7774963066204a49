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
	Statement string        // the last of this checkout, cut at 256 bytes, without arguments; empty: none yet
	Held      time.Duration // since when
	Stack     string        // who took it, as in a panic; empty without pool_leak_after
	Returned  bool          // it came back after all
}

// heldFor describes who has a server connection that is lent.
func (p *Pool) heldFor(h heldServer) Holder {
	s := h.server
	statement, stack := s.look(p.secrets, h.uses)
	return Holder{Conn: s.id, Session: s.session, Statement: statement, Held: h.held, Stack: formatStack(stack)}
}

// holdersShown is how many holders a TimeoutError lists.
const holdersShown = 5

// lending is a server connection in a certain checkout.
type lending struct {
	server *ServerConn
	uses   uint64
}

// holdersLocked are those who have had a server connection for longest. When one caller runs into its timeout others do at
// the same moment, so they are looked for again only if one of them has given back, or after a while.
func (p *Pool) holdersLocked() []heldServer {
	now := p.clock.read()
	if p.holders == nil || now.since(p.holdersAt) >= coarsest || slices.ContainsFunc(p.holders, lending.over) {
		p.holders, p.holdersAt = p.findHoldersLocked(), now
	}
	list := make([]heldServer, len(p.holders))
	for i, l := range p.holders {
		list[i] = heldServer{l.server, l.uses, now.awake(l.server.lentAt)}
	}
	return list
}

func (l lending) over() bool { return l.server.idle || l.server.resting || l.server.uses != l.uses }

func (p *Pool) findHoldersLocked() []lending {
	longest := []lending{}
	for s := range p.all {
		if s.idle || s.resting || s.unused() {
			continue
		}
		at, _ := slices.BinarySearchFunc(longest, s, longerLent)
		longest = slices.Insert(longest, at, lending{s, s.uses})
		longest = longest[:min(len(longest), holdersShown)]
	}
	return longest
}

// longerLent orders by when they were lent, as far as the coarse clock tells, and by age.
func longerLent(l lending, s *ServerConn) int {
	return cmp.Or(cmp.Compare(l.server.lentAt.mono, s.lentAt.mono), cmp.Compare(l.server.id, s.id))
}

// heldServer is a server connection that is lent, and since when.
type heldServer struct {
	server *ServerConn
	uses   uint64
	held   time.Duration
}

// Leaks are looked for by a timer that runs while something is lent. To set one for each checkout would
// cost more than all else that a checkout does.

// armLeakLocked starts looking, when something is lent.
func (p *Pool) armLeakLocked(in time.Duration) {
	switch {
	case p.leakArmed || p.closed:
		return
	case p.leakTimer == nil:
		p.leakTimer = time.AfterFunc(in, p.findLeaks)
	default:
		p.leakTimer.Reset(in)
	}
	p.leakArmed = true
}

// findLeaks reports the checkouts that have become too old, and looks again when the next may be.
func (p *Pool) findLeaks() {
	found := p.findLeaksNow()
	slices.SortFunc(found, func(a, b heldServer) int { return cmp.Compare(a.server.id, b.server.id) })
	for _, f := range found {
		p.tellLeak(p.heldFor(f))
	}
}

func (p *Pool) findLeaksNow() (found []heldServer) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.leakArmed = false
	now, limit := p.clock.read(), p.cfg.LeakAfter
	next, more := limit, false
	for s := range p.all {
		if s.idle || s.resting || s.unused() {
			continue
		}
		out := now.awake(s.lentAt)
		if out < limit {
			more, next = true, min(next, limit-out)
		} else if s.use.CompareAndSwap(useTaken, useReported) {
			p.counts.leaks++
			found = append(found, heldServer{s, s.uses, out})
		} else if s.use.Load() == useNone { // it is on its way to somebody, or back
			more = true
		}
	}
	if more {
		p.armLeakLocked(max(next, limit/leakLooks))
	}
	return found
}

// leakLooks is how often within pool_leak_after the timer fires at most.
const leakLooks = 8

// leakOver is called when a checkout ends that was reported. The hooks are told in the background: they may want to use the database,
// whose server connection has not come back yet.
func (p *Pool) leakOver(s *ServerConn) {
	p.mu.Lock()
	held := p.clock.read().awake(s.lentAt)
	p.counts.leaksReturned++
	p.mu.Unlock()
	h := p.heldFor(heldServer{s, s.uses, held})
	h.Returned = true
	p.mu.Lock()
	p.goLocked(func() { p.tellLeak(h) })
	p.mu.Unlock()
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
