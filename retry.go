package pooled

import (
	"context"
	"database/sql/driver"
	"errors"
)

// retry decides, after an operation on s answered err, whether it is to be done again on another server connection. It
// is if nothing was sent, as the driver says by driver.ErrBadConn, and nothing before it in this lease: then the
// pool's connection was stale, and neither the program nor database/sql, which tries only twice, need know. A harmless
// operation, which has no effect beyond its connection, is done again also if it may have been sent. A connection that
// has never been used is not stale: its error is the program's.
func (c *pooledConn) retry(s *ServerConn, err error, harmless bool) bool {
	s.conn.Busy = false
	if s.conn.Cache != nil {
		s.conn.Cache.Publish()
	}
	if err == nil {
		c.pristine, c.tries = false, 0
		return false
	}
	return c.afterError(s, err, harmless)
}

// afterError is retry for an error.
func (c *pooledConn) afterError(s *ServerConn, err error, harmless bool) bool {
	if err == driver.ErrSkip {
		return false // nothing was sent
	}
	bad, lost := c.noteError(s, err)
	if !bad && !(harmless && lost) || !c.mayRetry(s) || c.tries == maxTries {
		c.pristine, c.tries = false, 0
		return false
	}
	c.turn = s.slot.Turn()
	c.drop(err)
	if c.tries++; c.tries == maxTries {
		c.pool.current().core.CloseSuspects(nil, err)
	}
	return true
}

// noteError draws the conclusions for s, and for the pool's others, from an operation's error: whether it is
// driver.ErrBadConn, and whether it says in some way that the connection is lost.
func (c *pooledConn) noteError(s *ServerConn, err error) (bad, lost bool) {
	bad = errors.Is(err, driver.ErrBadConn)
	if bad && s.conn.OpenInside() {
		return false, false // it has not begun, as with a context that had ended, or while Rows are open
	}
	ended := errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
	if ended {
		s.conn.Ended = err // with which many drivers close their connection
	}
	known := bad || errors.Is(err, ErrConnLost) || errors.Is(err, ErrSessionEnded) || s.conn.Refused(err) ||
		!ended && s.conn.ClosedInside()
	if !known && !c.pool.driver.Dialect.IsLost(err) {
		return false, false
	}
	if known || s.conn.Driver.Validator == nil { // else the driver itself says, at checkin
		s.conn.Broken = true
	}
	if s.conn.Cause == nil { // the first is news, those after it are its echo
		s.conn.Cause = err
		c.pool.current().core.Suspect()
	}
	return bad, true
}

// maxTries is how many stale server connections one operation may meet. When there are as many, those that are idle
// and have not been seen alive since are closed, and none of them is tried.
const maxTries = 2

// lostToPanic is deferred around operations of the driver's. database/sql does not always give back the connection of
// an operation that panicked, so its place in the pool is given up now. If it was the first of its lease, the server
// connection is closed; if not, that has to wait until this connection comes back, because Rows or a Tx may be open on
// it. Until then it is poisoned: a program that recovers must not go on elsewhere, outside of its transaction.
func (c *pooledConn) lostToPanic() {
	if s := c.server; s != nil && s.conn.Busy {
		c.panicked(s)
	}
}

func (c *pooledConn) panicked(s *ServerConn) {
	if s.checkingOut { // a Checkout hook did
		c.pool.current().discard(c.leave((*pooledStmt).drop), errPanicked)
		return
	}
	s.conn.Busy = false
	s.conn.Broken, s.conn.Cause = true, errPanicked
	c.poisoned = true
	if c.pristine {
		c.drop(errPanicked)
		return
	}
	c.putAside(s)
}

// mayRetry reports whether an operation on s that failed could be done again; see retry.
func (c *pooledConn) mayRetry(s *ServerConn) bool { return c.pristine && s.slot.Used() }

// beforeSend is the last moment before a statement goes to the driver: what it may leave behind is written down. It
// returns the arguments as the driver wants them.
func (c *pooledConn) beforeSend(
	s *ServerConn, query string, args []driver.NamedValue, try int,
) (_ []driver.NamedValue, err error) {
	if len(args) > 0 {
		if args, err = c.given.Convert(s.conn.Driver.ArgRules(), args, try, c.mayRetry(s)); err != nil {
			return nil, err
		}
	}
	if err := c.pool.shared.Allow(query, args); err != nil {
		return nil, err
	}
	s.conn.Start()
	s.conn.Sending(query)
	return args, nil
}
