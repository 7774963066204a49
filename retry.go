package pooled

import (
	"context"
	"database/sql/driver"
	"errors"

	"github.com/pooled-go/pooled/internal/driverconn"
)

// retry decides, after an operation on s answered err, whether it is to be done
// retry on another server connection. That is so when the parent says the
// connection is bad, which means that nothing reached the server, and nothing did
// before it in this borrow: then what failed is the pool's stale connection, and
// neither the program nor database/sql, which tries only twice, need know. An
// operation that is harmless, because it has no effect beyond its connection, is
// done retry also if it may have been sent. A connection that has never been used
// before is not stale: its error is news.
func (c *Conn) retry(s *ServerConn, err error, harmless bool) bool {
	s.busy = false
	if s.cache != nil {
		s.cache.Publish()
	}
	if err == nil {
		c.pristine, c.tries = false, 0
		return false
	}
	return c.afterError(s, err, harmless)
}

// afterError is again for an error.
func (c *Conn) afterError(s *ServerConn, err error, harmless bool) bool {
	if err == driver.ErrSkip {
		return false // nothing was sent
	}
	bad, lost := c.noteError(s, err)
	if !bad && !(harmless && lost) || !c.pristine || !s.slot.Used() || c.tries == maxTries {
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

// noteError draws the conclusions for s, and for the pool's others, from an
// operation's error: whether it is driver.ErrBadConn, and whether it says in
// some way that the connection is lost.
func (c *Conn) noteError(s *ServerConn, err error) (bad, lost bool) {
	bad = errors.Is(err, driver.ErrBadConn)
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		s.ended = err // with which many drivers close their connection
	}
	known := bad || errors.Is(err, ErrConnLost)
	if !known && !connectionLost(err) && !c.pool.dialect.gone(err) {
		return false, false
	}
	if known || s.driver.Validator == nil { // else the parent itself says, at checkin
		s.broken = true
	}
	if s.cause == nil { // the first is news, those after it are its echo
		s.cause = err
		c.pool.current().core.Suspect()
	}
	return bad, true
}

// maxTries is how many stale server connections one operation may meet. When
// there are as many, those that are idle and have not been seen alive since are
// closed, and none of them is tried.
const maxTries = 2

// lostToPanic is deferred around operations of the parent's. database/sql does not
// always give back the Conn of an operation that panicked, so its place in the pool
// is given up now. If it was the first of its borrow, the server connection is closed;
// if not, that has to wait until the Conn comes back, for Rows or a Tx may be open
// on it. Until then the Conn is bad, lest a program that recovers goes on elsewhere,
// outside of its transaction.
func (c *Conn) lostToPanic() {
	if s := c.server; s != nil && s.busy {
		c.panicked(s)
	}
}

func (c *Conn) panicked(s *ServerConn) {
	if s.lending { // a Checkout hook did
		c.pool.current().discard(c.leave((*Stmt).orphan), errPanicked)
		return
	}
	s.busy = false
	s.broken, s.cause = true, errPanicked
	c.poisoned = true
	if c.pristine {
		c.drop(errPanicked)
		return
	}
	c.putAside(s)
}

// arguments converts args as the parent wants them. While the operation may
// have to be done again, it keeps a copy of what the program gave: for a parent
// with rules of its own, to convert twice is not the same as once.
func (c *Conn) arguments(s *ServerConn, rules driverconn.ArgRules, args []driver.NamedValue, try int) ([]driver.NamedValue, error) {
	if rules.Custom() {
		switch {
		case try > 0:
			copy(args, c.args)
		case c.pristine && s.slot.Used():
			c.args = append(c.args[:0], args...)
		}
	}
	return rules.Convert(args)
}

// beforeSend is the last moment before a statement goes to the parent: what it may
// leave behind is written down. It returns the arguments as the parent wants them.
func (c *Conn) beforeSend(s *ServerConn, query string, args []driver.NamedValue, try int) (_ []driver.NamedValue, err error) {
	if len(args) > 0 {
		if args, err = c.arguments(s, s.driver.ArgRules(), args, try); err != nil {
			return nil, err
		}
	}
	if err := c.veto(query, args); err != nil {
		return nil, err
	}
	s.start()
	s.sending(query)
	return args, nil
}

// veto is the error of a statement that must not be sent; see sqliteGuard.
func (c *Conn) veto(query string, args []driver.NamedValue) error {
	if c.pool.refuses == nil {
		return nil
	}
	return c.pool.refuses(query, args)
}
