package pooled

import (
	"context"
	"database/sql/driver"
)

// In class direct database/sql is the only pool: each of its connections has one server connection, opened by Connect
// on the caller's goroutine, and keeps it until it is closed. The hooks run as in the other classes.

func (p *Pool) direct() bool { return p.cfg.Class == ClassDirect }

// restDirect is a checkin in class direct. It reports whether database/sql may keep the connection.
func (p *Pool) restDirect(c *pooledConn, s *ServerConn) bool {
	released := false
	defer func() {
		if !released {
			c.drop(errPanicked)
		}
	}()
	s.conn.Cause = p.release(s)
	if released = true; s.conn.Cause != nil {
		return false
	}
	p.core.Rest(&s.slot)
	return true
}

// readmit is a checkout in class direct: database/sql uses the connection again. Any refusal is ErrBadConn to it, the
// one answer it takes: nothing was sent yet, and it opens another.
func (c *pooledConn) readmit(ctx context.Context) error {
	if c.server.foreign() {
		c.abandon()
		return driver.ErrBadConn
	}
	defer c.lostToPanic()
	p, s := c.pool.current(), c.server
	c.server = nil // until it is admitted
	began := p.clocked()
	p.core.Resume(&s.slot)
	if p.admit(ctx, c, s) != nil {
		return driver.ErrBadConn
	}
	c.noteTaker(s)
	if !began.IsZero() {
		p.waited(s, began)
	}
	return nil
}

func (p *Pool) closeDirect(s *ServerConn) (err error) {
	defer func() { err = p.core.Discard(&s.slot, s.conn.Cause, true) }() // also if a hook panics
	p.fireClose(s, s.conn.Cause)
	return nil
}
