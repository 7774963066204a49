package pooled

import (
	"context"
	"database/sql/driver"
	"errors"

	"github.com/pooled-go/pooled/internal/driverconn"
	"github.com/pooled-go/pooled/internal/pool"
)

var (
	_ driver.Conn               = (*pooledConn)(nil)
	_ driver.ConnPrepareContext = (*pooledConn)(nil)
	_ driver.ConnBeginTx        = (*pooledConn)(nil)
	_ driver.ExecerContext      = (*pooledConn)(nil)
	_ driver.QueryerContext     = (*pooledConn)(nil)
	_ driver.NamedValueChecker  = (*pooledConn)(nil)
	_ driver.Pinger             = (*pooledConn)(nil)
	_ driver.SessionResetter    = (*pooledConn)(nil)
	_ driver.Validator          = (*pooledConn)(nil)
)

// pooledConn is the connection that database/sql holds. It leases a server connection from its first operation (or
// from Connector.Connect) until database/sql gets it back, and holds none while it is idle. In class direct it keeps
// one for life.
//
// Like any driver's connection it is used by one goroutine at a time; database/sql sees to that.
type pooledConn struct {
	pool   *Pool
	server *ServerConn // nil: none is leased

	// lease tells whether Connect's lease has been used. It is the one field that the pool touches while database/sql
	// has the connection.
	lease pool.Lease

	// pristine: nothing reached the server in this lease, so if the driver says that the connection is bad, another
	// one may take its place.
	pristine  bool
	tries     int         // server connections replaced in the operation under way
	turn      uint64      // of a slot that was taken away before it was used, or may yet be; 0: none
	turnSince pool.Moment // when Connect was given it

	tx       tx               // the transaction under way
	stmts    *pooledStmt      // those prepared on server in this lease, a list
	aside    []*ServerConn    // put aside in this lease, to be closed when it ends
	poisoned bool             // an operation panicked
	given    driverconn.Given // the arguments of the operation under way
}

// ExecContext runs a statement on the leased server connection. It blocks while there is none to lease, until ctx or
// pool_timeout ends.
func (c *pooledConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	defer c.lostToPanic()
	for try := 0; ; try++ {
		s, err := c.acquire(ctx)
		if err != nil {
			return nil, err
		}
		if s.conn.Via.Execer == nil {
			return nil, driver.ErrSkip // before any argument is looked at
		}
		values, err := c.beforeSend(s, query, args, try)
		if err != nil {
			return nil, err
		}
		result, err := s.conn.Via.Execer.ExecContext(ctx, query, values)
		if err = s.conn.TrueErr(err); err != nil && c.moves(ctx, s, query, err, try) {
			continue
		}
		if !c.retry(s, err, false) {
			return result, err
		}
	}
}

// QueryContext is like ExecContext. The driver's Rows are returned as they are.
func (c *pooledConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	defer c.lostToPanic()
	for try := 0; ; try++ {
		s, err := c.acquire(ctx)
		if err != nil {
			return nil, err
		}
		if s.conn.Via.Queryer == nil {
			return nil, driver.ErrSkip // before any argument is looked at
		}
		values, err := c.beforeSend(s, query, args, try)
		if err != nil {
			return nil, err
		}
		rows, err := s.conn.Via.Queryer.QueryContext(ctx, query, values)
		if err = s.conn.TrueErr(err); err != nil && c.moves(ctx, s, query, err, try) {
			continue
		}
		if !c.retry(s, err, false) {
			return rows, err
		}
	}
}

// PrepareContext prepares on the leased server connection. The statement follows its connection to whatever server
// connection that leases later.
func (c *pooledConn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	if err := c.pool.shared.Allow(query, nil); err != nil {
		return nil, err
	}
	st := &pooledStmt{conn: c, query: query}
	var pristine bool
	err := c.harmless(ctx, func(s *ServerConn) error {
		pristine = c.pristine
		prepared, err := s.conn.Via.Prepare(ctx, query)
		if err == nil {
			st.verdict = s.conn.State.Judge(query)
			st.attach(prepared)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	c.pristine = pristine // to prepare changes nothing
	return st, nil
}

// BeginTx begins a transaction on the leased server connection.
func (c *pooledConn) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	defer c.lostToPanic()
	for try := 0; ; try++ {
		s, err := c.acquire(ctx)
		if err != nil {
			return nil, err
		}
		s.conn.Begin()
		s.conn.Start()
		s.conn.State.BeginTx() // also after an error: it may have been sent
		begun, err := s.conn.Via.Begin(ctx, opts)
		switch {
		case err == nil:
			c.tx = tx{conn: c, server: s, begun: begun, ctx: ctx, open: true}
			s.conn.Used()
		case c.pool.refusesWrites(err) && c.leaves(ctx, s, try < maxMoves):
			continue
		}
		if c.retry(s, err, true) {
			continue
		}
		if err != nil {
			return nil, err
		}
		return &c.tx, nil
	}
}

// Ping leases a server connection and pings it, if the driver can. Of a session that has ended it says what
// driver.Pinger wants, and what drivers say.
func (c *pooledConn) Ping(ctx context.Context) error {
	defer c.lostToPanic()
	for {
		s, err := c.acquire(ctx)
		if errors.Is(err, ErrSessionEnded) {
			return driver.ErrBadConn
		}
		if err != nil || s.conn.Via.Pinger == nil {
			return err
		}
		s.conn.Begin()
		s.conn.Start()
		if err = s.conn.Via.Pinger.Ping(ctx); !c.retry(s, err, true) {
			return err
		}
	}
}

// harmless runs an operation that has no effect beyond its connection: it is done again on another one also if it may
// have been sent.
func (c *pooledConn) harmless(ctx context.Context, operation func(*ServerConn) error) error {
	defer c.lostToPanic()
	for {
		s, err := c.acquire(ctx)
		if err != nil {
			return err
		}
		s.conn.Begin()
		s.conn.Start()
		if err = operation(s); !c.retry(s, err, true) {
			return err
		}
	}
}

// Begin and Prepare are what driver.Conn asks for; database/sql does not call them.

// Begin is BeginTx without a context.
func (c *pooledConn) Begin() (driver.Tx, error) {
	return c.BeginTx(context.Background(), driver.TxOptions{})
}

// Prepare is PrepareContext without a context.
func (c *pooledConn) Prepare(query string) (driver.Stmt, error) {
	return c.PrepareContext(context.Background(), query)
}

// CheckNamedValue accepts every argument as it is. The operation that follows converts it as the driver wants it: at
// this moment there may be no driver's connection to ask, and there is no context to lease one with.
func (c *pooledConn) CheckNamedValue(*driver.NamedValue) error { return nil }

// Raw is the driver's connection, for use inside sql.Conn.Raw:
//
//	conn.Raw(func(dc any) error {
//		raw := dc.(interface{ Raw() driver.Conn }).Raw()
//
// The function [Raw] does the same with a context. The connection is valid until that function returns. If no server
// connection is leased yet, Raw leases one. It has no context to do that with, so it blocks until pool_timeout at
// most, and returns nil if that fails; an operation before Raw leases with a context. What the program does with the
// driver's connection is not seen by the pool, so it counts as a statement that may leave a transaction open.
func (c *pooledConn) Raw() driver.Conn {
	defer c.lostToPanic()
	s, err := c.acquire(context.Background())
	if err != nil {
		return nil
	}
	c.pristine = false
	s.conn.Begin()
	s.conn.SendingAnything()
	return s.conn.Driver.Conn
}

// ResetSession is called by database/sql before it uses this connection again. There is nothing to reset: that was
// done when the server connection came back. It does no I/O and never fails; database/sql would ignore an error that
// isn't ErrBadConn.
func (c *pooledConn) ResetSession(ctx context.Context) error {
	if c.pool.direct() {
		return c.readmit(ctx)
	}
	return nil
}

// IsValid is called by database/sql when it gets this connection back: the moment the server connection is given back
// to the pool. A connection that holds none is always valid.
func (c *pooledConn) IsValid() bool {
	c.given.Clear()
	if len(c.aside) > 0 {
		return c.isValidWithAside()
	}
	s := c.claim()
	if s == nil {
		c.turn = 0
		return !c.poisoned
	}
	switch {
	case s.foreign():
		c.abandon()
		return !c.pool.direct()
	case s.slot.Detached():
		return false // it is closed with this connection
	case c.pool.direct():
		c.endLease(s, (*pooledStmt).park)
		return c.pool.current().restDirect(c, s)
	}
	c.pool.current().checkin(c.leave((*pooledStmt).park))
	return true
}

func (c *pooledConn) isValidWithAside() bool {
	aside := c.aside
	c.aside = nil
	defer c.pool.current().closeAside(aside) // after what is held has gone back, whatever a hook does
	return c.IsValid()
}

// Close is called by database/sql for a connection that it does not need, which holds nothing, and for one whose
// operation answered ErrBadConn, without IsValid before it: what is still held and used is discarded.
func (c *pooledConn) Close() error {
	unused := c.lease.Unused()
	s := c.claim()
	if len(c.aside) > 0 {
		defer c.pool.current().closeAside(c.aside)
		c.aside = nil
	}
	switch {
	case s == nil:
		return nil
	case s.foreign():
		c.abandon()
		return nil
	case s.slot.Detached():
		return c.pool.closeDetached(c.leave((*pooledStmt).drop), nil)
	case unused && !c.pool.direct():
		c.pool.current().putBack(c.leave((*pooledStmt).park))
		return nil
	case c.pool.direct():
		return c.pool.current().closeDirect(c.leave((*pooledStmt).drop))
	}
	c.drop(s.conn.Why())
	return nil
}
