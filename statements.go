package pooled

import (
	"context"

	"github.com/pooled-go/pooled/internal/serverconn"
)

// logStmtsNotKept says that no statements are kept though they were asked for.
func (p *Pool) logStmtsNotKept(cause string) {
	p.log().Info("pooled: statement cache not used", "pool", p.name, "cause", cause)
}

// makeRoom closes kept statements when the server takes no more, those of c or else of a server connection that is
// idle, and from now on fewer are kept. It reports whether any was closed.
func (p *Pool) makeRoom(ctx context.Context, c *serverconn.Conn) (closed bool) {
	p.shared.Stmts.Halve()
	if c.Cache.CloseAll(ctx) {
		return true
	}
	var idle []*ServerConn
	defer func() { // also if the driver panics
		for _, other := range idle {
			p.takeBackFrom(other)
		}
	}()
	for !closed {
		slot := p.core.TryTake(0)
		if slot == nil {
			break
		}
		other := slot.Value()
		idle = append(idle, other)
		other.conn.Busy = true
		closed = other.conn.Cache.CloseAll(ctx) && p.answers(ctx, other)
		other.conn.Busy = false
	}
	return closed
}

// takeBackFrom is the end of a lease that makeRoom gave to itself.
func (p *Pool) takeBackFrom(s *ServerConn) {
	if s.conn.Busy || s.conn.Broken {
		p.discard(s, serverconn.ErrBroken)
		return
	}
	p.putBack(s)
}

// answers asks the server for an answer, so that it has read what it was told before.
func (p *Pool) answers(ctx context.Context, s *ServerConn) bool {
	if s.conn.Driver.Pinger == nil {
		return true
	}
	if err := p.ping(ctx, s); err != nil {
		s.conn.Broken = true
	}
	return !s.conn.Broken
}
