package pooled

import (
	"time"

	"github.com/pooled-go/pooled/internal/observe"
	"github.com/pooled-go/pooled/internal/pool"
	"github.com/pooled-go/pooled/internal/session"
)

// Holder describes a checkout: which server connection is held, and what for.
type Holder struct {
	Conn      uint64        // the server connection's ID
	Session   string        // the server's number of the session, if it is known
	Statement string        // the last of this checkout, cut at 256 bytes, without arguments; empty: none yet
	Held      time.Duration // how long it has been held
	Stack     string        // where the checkout was made, as in a panic; empty without pool_leak_after
	Returned  bool          // it was returned after all
}

type holding = pool.Holding[*ServerConn]

// holder describes who has a server connection. It runs without a lock: to read a stack takes long.
func (p *Pool) holder(h holding) Holder {
	s := h.Value
	statement, stack := s.conn.Look(p.secrets, h.Uses, s.slot.Taken)
	return Holder{Conn: s.ID(), Session: s.conn.SessionID, Statement: statement, Held: h.Held,
		Stack: session.FormatStack(stack)}
}

// fireLeaks tells of the checkouts that have become too old.
func (p *Pool) fireLeaks(found []holding) {
	for _, h := range found {
		p.fireLeak(p.holder(h))
	}
}

// endLeak is called when a checkout ends that was reported. The hooks are told in the background: they may want to use
// the database, whose server connection has not come back yet.
func (p *Pool) endLeak(s *ServerConn) {
	h := p.holder(p.core.EndOverdue(&s.slot))
	h.Returned = true
	p.core.Go(func() { p.fireLeak(h) })
}

func (p *Pool) fireLeak(h Holder) {
	defer p.logPanic(observe.EventLeak)
	for _, f := range p.hooks.leak {
		f(h)
	}
}
