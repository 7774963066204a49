package pooled

import (
	"context"
	"database/sql/driver"
)

// acquire is the server connection of this connection, leased now if it has none.
func (c *pooledConn) acquire(ctx context.Context) (*ServerConn, error) {
	if c.server != nil {
		if s, err := c.leased(ctx); s != nil || err != nil {
			return s, err
		}
	}
	switch {
	case c.poisoned:
		return nil, driver.ErrBadConn // nothing was sent
	case c.tx.open:
		return nil, errTxInvalidated // not outside of it, on another connection
	}
	if err := c.pool.current().checkout(ctx, c); err != nil {
		return nil, err
	}
	c.pristine, c.turn = true, 0
	c.noteTaker(c.server)
	return c.server, nil
}

// leased is the server connection that this connection holds, or another if that is of no use any more. Nil: it holds
// none.
func (c *pooledConn) leased(ctx context.Context) (*ServerConn, error) {
	unused := c.lease.Unused()
	s := c.claim()
	switch {
	case s == nil:
		return nil, nil
	case s.foreign():
		return nil, errForked
	case s.conn.Cut:
		return nil, driver.ErrBadConn
	case !unused:
		err := s.conn.Over(ctx, s.slot.LeasedBefore())
		if err != nil && c.afterError(s, err, true) {
			return nil, nil // nothing was sent in this lease, so another one takes its place
		}
		return s, err
	}
	if !c.pool.direct() && c.pool.current().core.LongUnused(&s.slot) {
		if err := c.pool.current().checkoutHeld(ctx, c, s); err != nil {
			return nil, err
		}
	}
	c.noteTaker(c.server)
	return c.server, nil
}

// noteTaker remembers who is about to use s, if leaks are looked for.
func (c *pooledConn) noteTaker(s *ServerConn) {
	if c.pool.cfg.LeakAfter != NoLimit {
		s.conn.Activity.SetStack()
		s.slot.Take()
	}
}

// claim is the server connection that this connection holds, and from now on uses, or nil.
func (c *pooledConn) claim() *ServerConn {
	if !c.lease.Claimed() {
		c.beginUse()
	}
	return c.server
}

// beginUse begins the use of the lease that was made by Connect.
func (c *pooledConn) beginUse() {
	if !c.lease.Claim() || c.server.foreign() {
		c.server = nil // taken back, or left to the parent process
		if c.pool.current().core.LongAgo(c.turnSince) {
			c.turn = 0 // its caller has gone, most likely, and database/sql has kept this connection for another
		}
		return
	}
	c.turn = 0
}

// connect makes the first lease.
func (c *pooledConn) connect(ctx context.Context) error {
	defer c.lostToPanic()
	if err := c.pool.current().checkout(ctx, c); err != nil {
		return err
	}
	c.server.conn.Begin()
	return nil
}

// leave ends the lease and returns its server connection, which this connection holds no longer. Every lease that ends
// goes through here, whatever becomes of the server connection, so that nothing of it is left behind. hand says what
// becomes of a statement that was prepared in the lease.
func (c *pooledConn) leave(hand func(*pooledStmt, *ServerConn)) *ServerConn {
	s := c.server
	c.server, c.tx.server = nil, nil
	c.endLease(s, hand)
	return s
}

// endLease ends the lease. In class direct this connection keeps its server connection.
func (c *pooledConn) endLease(s *ServerConn, hand func(*pooledStmt, *ServerConn)) {
	for st := c.stmts; st != nil; {
		next := st.next
		hand(st, s)
		st.prepared, st.next = nil, nil
		st = next
	}
	c.stmts = nil
	if s.watched() && !s.foreign() {
		c.pool.current().endUse(s)
	}
}

// drop discards the server connection.
func (c *pooledConn) drop(cause error) {
	s := c.leave((*pooledStmt).drop)
	if s.slot.Detached() {
		c.pool.closeDetached(s, cause)
	} else {
		c.pool.current().discard(s, cause)
	}
}

// putAside takes a server connection out of the lease and out of the pool's count. It is closed when the lease ends:
// until then Rows or a Tx may be open on it.
func (c *pooledConn) putAside(s *ServerConn) {
	tx := c.tx.server
	c.leave((*pooledStmt).drop)
	c.tx.server = tx // it can still be rolled back there
	c.aside = append(c.aside, s)
	if !s.slot.Detached() {
		c.pool.current().core.Invalidate(&s.slot)
	}
}
