package pooled

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
)

// What a program can do by hand with the server connection behind a sql.Conn. These functions take a server connection
// from the pool if the sql.Conn holds none yet, which blocks until ctx or pool_timeout ends. They must not be called
// while another goroutine uses the sql.Conn; what is open on it (a Tx, Rows) stays usable.

// Raw calls f with the wrapped driver's connection, which has that driver's type:
//
//	err := pooled.Raw(ctx, conn, func(wrapped driver.Conn) error {
//		return wrapped.(*stdlib.Conn).Conn().DeallocateAll(ctx) // pgx's
//	})
//
// f must not close the connection or keep it. If conn holds no server connection, Raw takes one, which may block until
// ctx or pool_timeout ends. Meanwhile, no other goroutine may use conn. The pool does not see what f does, so it always
// resets the session on return, as far as Config.ResetOnReturn allows. The error is f's. If it is driver.ErrBadConn,
// the server connection is closed on return. Unlike sql.Conn.Raw, Raw does not close conn after such an error, and does
// not wait forever if a Tx is open. After a panic in f the server connection is closed.
func Raw(ctx context.Context, conn *sql.Conn, f func(wrapped driver.Conn) error) error {
	if f == nil {
		return errors.New("pooled: Raw: the function is nil")
	}
	return onConn(ctx, conn, func(c *pooledConn, s *ServerConn) error {
		s.conn.Begin()
		s.conn.SendingAnything()
		s.conn.Start()
		err := f(s.conn.Driver.Conn)
		s.conn.Busy = false
		if err != nil {
			c.noteError(s, err)
		}
		return err
	})
}

// Invalidate takes the server connection of conn out of the pool, which may open another one instead. It is closed
// together with conn. The next operation on conn uses another server connection. But if a Tx is open, operations and
// Commit fail until it is rolled back. The hooks get cause, which may be nil. If conn holds no server connection,
// nothing happens. Invalidate never blocks. In class direct, conn keeps its server connection, which is closed together
// with it.
func Invalidate(conn *sql.Conn, cause error) error {
	return withConn(conn, func(c *pooledConn) error {
		if s := c.claim(); s != nil {
			c.invalidate(s, orInvalidated(cause))
		}
		return nil
	})
}

func orInvalidated(cause error) error {
	if cause == nil {
		return errors.New("pooled: invalidated by the program")
	}
	return cause
}

// SoftInvalidate marks the server connection of conn to be closed when it is returned. Until then conn keeps it. The
// hooks get cause, which may be nil. It may block as [Raw] does.
func SoftInvalidate(ctx context.Context, conn *sql.Conn, cause error) error {
	return onConn(ctx, conn, func(c *pooledConn, s *ServerConn) error {
		cause := orInvalidated(cause)
		text := c.pool.current().secrets.Clean(textOf(cause))
		s.slot.SetLeaving(&retirement{text: "pooled: invalidated softly: " + text, of: cause})
		c.pool.current().tally.softInvalidated.Add(1)
		for _, f := range c.pool.hooks.softInvalidate {
			f(s, cause)
		}
		return nil
	})
}

// Detach takes the server connection of conn out of the pool, which may open another one instead. It then belongs to
// conn, and is closed together with conn. It does not count towards the pool's limit, and closing the sql.DB does not
// close it. Use it for a session that no other caller should get, or that has to outlive the pool. It may block as
// [Raw] does.
func Detach(ctx context.Context, conn *sql.Conn) error {
	return onConn(ctx, conn, func(c *pooledConn, s *ServerConn) error {
		c.pool.current().detach(s)
		return nil
	})
}

// onConn calls do with our connection behind a sql.Conn and its server connection.
func onConn(ctx context.Context, conn *sql.Conn, do func(*pooledConn, *ServerConn) error) error {
	return withConn(conn, func(c *pooledConn) error {
		s, err := c.acquire(ctx)
		if err != nil {
			return err
		}
		c.pristine = false
		return do(c, s)
	})
}

// withConn calls do with our connection behind a sql.Conn. database/sql gets to see no error and no panic: it would
// close the connection under an open Tx, and wait for itself.
func withConn(conn *sql.Conn, do func(*pooledConn) error) (err error) {
	if conn == nil {
		return errors.New("pooled: the sql.Conn is nil")
	}
	var panicked any
	raw := conn.Raw(func(dc any) error {
		c := connBehind(dc)
		if c == nil {
			err = errors.New("pooled: this sql.Conn is not of a sql.DB that was opened with driver pooled")
			return nil
		}
		defer func() {
			panicked = recover()
			c.lostToPanic()
		}()
		err = do(c)
		return nil
	})
	if panicked != nil {
		panic(panicked)
	}
	if raw != nil {
		return raw
	}
	return err
}

// connBehind finds our connection, also in a wrapper that shows what it wraps by a method Raw.
func connBehind(dc any) *pooledConn {
	for range 8 {
		switch v := dc.(type) {
		case *pooledConn:
			return v
		case *ownedConn:
			return v.pooledConn
		case interface{ Raw() driver.Conn }:
			dc = v.Raw()
		default:
			return nil
		}
	}
	return nil
}

// invalidate puts s aside until the lease ends: Rows or a Tx of it may still be open, and a connection must not be
// closed under them.
func (c *pooledConn) invalidate(s *ServerConn, cause error) {
	if s.foreign() {
		c.abandon()
		return
	}
	s.conn.Broken, s.conn.Cause = true, cause
	if !c.pool.direct() {
		c.putAside(s)
	}
	c.pool.fireInvalidate(s, cause)
}
