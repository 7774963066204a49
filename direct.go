package pooled

import (
	"context"
	"database/sql/driver"
	"errors"
)

// In class direct database/sql is the only pool: each of its connections has one server connection, opened by Connect
// on the caller's goroutine, and keeps it until it is closed. The hooks run as in the other classes.

func (p *Pool) direct() bool { return p.cfg.Class == ClassDirect }

// openDirect opens one for c, and another if a Checkout hook refuses it.
func (p *Pool) openDirect(ctx context.Context, c *pooledConn) error {
	began := p.clocked()
	for refused := 1; ; refused++ {
		err := p.openOneDirect(ctx, c)
		switch {
		case err == nil:
			if !began.IsZero() {
				p.waited(c.server, began)
			}
			return nil
		case !errors.Is(err, ErrDisconnect):
			return err
		case refused == maxRefused:
			return &refusedError{refused, p.secrets.Error(err)}
		}
	}
}

func (p *Pool) openOneDirect(ctx context.Context, c *pooledConn) error {
	slot, err := p.core.OpenLeased(ctx)
	if err != nil {
		return err
	}
	return p.admitDirect(ctx, c, slot.Value())
}

func (p *Pool) admitDirect(ctx context.Context, c *pooledConn, s *ServerConn) error {
	p.core.Resume(&s.slot)
	err := p.admit(ctx, c, s)
	if err == nil {
		c.noteTaker(s)
	}
	return err
}

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
	defer c.lostToPanic()
	s := c.server
	c.server = nil // until it is admitted
	p := c.pool.current()
	began := p.clocked()
	if p.admitDirect(ctx, c, s) != nil {
		return driver.ErrBadConn
	}
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
