package pooled

import (
	"context"
	"database/sql/driver"
	"errors"
)

// In class direct database/sql is the only pool: a Conn has one server
// connection, opened by Connect on the caller's goroutine, and keeps it until it is
// closed. The hooks run as in the other classes.

func (p *Pool) direct() bool { return p.cfg.Class == ClassDirect }

// openDirect opens one for c, and another if a Checkout hook refuses it.
func (p *Pool) openDirect(ctx context.Context, c *Conn) error {
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
			return &refusedError{refused, p.secrets.cleanError(err)}
		}
	}
}

func (p *Pool) openOneDirect(ctx context.Context, c *Conn) error {
	s, err := p.openLent(ctx)
	if err != nil {
		p.tellConnectError(err)
		return err
	}
	return p.admitDirect(ctx, c, s)
}

// openLent opens a server connection that was never idle, on the caller's goroutine.
func (p *Pool) openLent(ctx context.Context) (s *ServerConn, err error) {
	p.mu.Lock()
	p.nextID++
	id := p.nextID
	p.opening++
	p.mu.Unlock()
	err = errGoexit
	defer func() { // also if a hook ends the goroutine
		p.mu.Lock()
		defer p.mu.Unlock()
		p.opening--
		if err != nil {
			p.counts.connectErrors++
			return
		}
		p.counts.opened++
		p.lent++
		s.lentAt = p.nowLocked()
		p.joinLocked(s)
	}()
	return p.open(ctx, id, p.generation.Load())
}

func (p *Pool) admitDirect(ctx context.Context, c *Conn, s *ServerConn) error {
	p.mu.Lock()
	p.lent-- // it is counted for as long as it is open
	p.lendLocked(s, 0)
	p.unrestLocked(s)
	p.mu.Unlock()
	err := p.admit(ctx, c, s)
	if err == nil {
		c.taken(s)
	}
	return err
}

// restDirect is a checkin in class direct. It reports whether database/sql may
// keep the Conn.
func (p *Pool) restDirect(c *Conn, s *ServerConn) bool {
	released := false
	defer func() {
		if !released {
			c.drop(errPanicked)
		}
	}()
	s.cause = p.release(s)
	if released = true; s.cause != nil {
		return false
	}
	p.mu.Lock()
	s.idleSince = p.nowLocked()
	s.resting = true
	p.resting++
	p.counts.checkins++
	p.mu.Unlock()
	return true
}

func (p *Pool) unrestLocked(s *ServerConn) {
	if s.resting {
		s.resting = false
		p.resting--
	}
}

// readmit is a checkout in class direct: database/sql uses the Conn again. Any
// refusal is ErrBadConn to it, the one answer it takes: nothing was sent yet, and it
// opens another.
func (c *Conn) readmit(ctx context.Context) error {
	defer c.lostToPanic()
	s := c.server
	c.server = nil // until it is admitted
	p := c.pool.here()
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
	defer func() { err = p.retire(s, s.cause, true) }() // also if a hook panics
	p.goodbye(s, s.cause)
	return nil
}
