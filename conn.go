package pooled

import (
	"context"
	"database/sql/driver"

	"github.com/pooled-go/pooled/internal/pool"
)

var (
	_ driver.Conn               = (*Conn)(nil)
	_ driver.ConnPrepareContext = (*Conn)(nil)
	_ driver.ConnBeginTx        = (*Conn)(nil)
	_ driver.ExecerContext      = (*Conn)(nil)
	_ driver.QueryerContext     = (*Conn)(nil)
	_ driver.NamedValueChecker  = (*Conn)(nil)
	_ driver.Pinger             = (*Conn)(nil)
	_ driver.SessionResetter    = (*Conn)(nil)
	_ driver.Validator          = (*Conn)(nil)
)

// Conn is what database/sql holds. It borrows a server connection from its
// first operation (or from Connector.Connect) until database/sql gets it back,
// and holds none while it is idle. In class direct it keeps one for life.
//
// Like any driver's, a Conn is used by one goroutine at a time; database/sql
// sees to that.
type Conn struct {
	pool   *Pool
	server *ServerConn // nil: nothing borrowed

	// lease tells whether the lease was made by Connect and not yet used. It is
	// the one field that the pool touches while the Conn is not in its hands.
	lease pool.Lease

	// pristine: nothing reached the server in this borrow, so if the parent
	// says the connection is bad, another one may take its place.
	pristine  bool
	tries     int         // server connections replaced in the operation under way
	turn      uint64      // ServerConn.turn of one that was, or may yet be, taken away before it is used; 0: none
	turnSince pool.Moment // when Connect was given it

	tx       tx                  // the transaction under way
	stmts    *Stmt               // those prepared on server in this borrow, a list
	aside    []*ServerConn       // put aside in this borrow, to be closed when it ends
	poisoned bool                // an operation panicked
	args     []driver.NamedValue // arguments as the program gave them, for a second try
}

// ExecContext runs a statement on the borrowed server connection. It blocks
// while there is none to borrow, until ctx or pool_timeout ends.
func (c *Conn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	defer c.lostToPanic()
	for try := 0; ; try++ {
		s, err := c.acquire(ctx)
		if err != nil {
			return nil, err
		}
		if s.via.Execer == nil {
			return nil, driver.ErrSkip // before any argument is looked at
		}
		values, err := c.beforeSend(s, query, args, try)
		if err != nil {
			return nil, err
		}
		result, err := s.via.Execer.ExecContext(ctx, query, values)
		if err = s.trueErr(err); !c.retry(s, err, false) {
			return result, err
		}
	}
}

// QueryContext is like ExecContext. The parent's Rows are returned as they are.
func (c *Conn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	defer c.lostToPanic()
	for try := 0; ; try++ {
		s, err := c.acquire(ctx)
		if err != nil {
			return nil, err
		}
		if s.via.Queryer == nil {
			return nil, driver.ErrSkip // before any argument is looked at
		}
		values, err := c.beforeSend(s, query, args, try)
		if err != nil {
			return nil, err
		}
		rows, err := s.via.Queryer.QueryContext(ctx, query, values)
		if err = s.trueErr(err); !c.retry(s, err, false) {
			return rows, err
		}
	}
}

// PrepareContext prepares on the borrowed server connection. The Stmt follows
// its Conn to whatever server connection that borrows later.
func (c *Conn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	defer c.lostToPanic()
	for {
		s, err := c.acquire(ctx)
		if err != nil {
			return nil, err
		}
		if err := c.veto(query, nil); err != nil {
			return nil, err
		}
		untouched := c.pristine
		s.begin()
		s.start()
		parent, err := s.via.Prepare(ctx, query)
		if c.retry(s, err, true) {
			continue
		}
		c.pristine = untouched && err == nil // as in Stmt.ready: to prepare touches nothing
		if err != nil {
			return nil, err
		}
		st := &Stmt{conn: c, query: query}
		st.verdict = s.state.Judge(query)
		st.attach(parent)
		return st, nil
	}
}

// BeginTx begins a transaction on the borrowed server connection.
func (c *Conn) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	defer c.lostToPanic()
	for {
		s, err := c.acquire(ctx)
		if err != nil {
			return nil, err
		}
		s.begin()
		s.start()
		s.state.BeginTx()
		parent, err := s.via.Begin(ctx, opts)
		if c.retry(s, err, true) {
			continue
		}
		if err != nil { // it may have been sent: the transaction may be open
			return nil, err
		}
		c.tx = tx{conn: c, server: s, parent: parent, ctx: ctx, open: true}
		return &c.tx, nil
	}
}

// Ping borrows a server connection and pings it, if the parent can.
func (c *Conn) Ping(ctx context.Context) error {
	defer c.lostToPanic()
	for {
		s, err := c.acquire(ctx)
		if err != nil {
			return err
		}
		if s.driver.Pinger == nil {
			return nil
		}
		s.begin()
		s.start()
		if err = s.via.Pinger.Ping(ctx); !c.retry(s, err, true) {
			return err
		}
	}
}

// Begin and Prepare are what driver.Conn asks for; database/sql does not call them.

// Begin is BeginTx without a context.
func (c *Conn) Begin() (driver.Tx, error) {
	return c.BeginTx(context.Background(), driver.TxOptions{})
}

// Prepare is PrepareContext without a context.
func (c *Conn) Prepare(query string) (driver.Stmt, error) {
	return c.PrepareContext(context.Background(), query)
}

// CheckNamedValue accepts every argument as it is. The operation that follows
// converts it as the parent wants it: at this moment there may be no parent
// connection to ask, and no context to borrow one with.
func (c *Conn) CheckNamedValue(*driver.NamedValue) error { return nil }

// Raw is the parent's connection, for use inside sql.Conn.Raw:
//
//	conn.Raw(func(dc any) error {
//		parent := dc.(interface{ Raw() driver.Conn }).Raw()
//
// The function [Raw] does the same with a context. The connection is valid until that function returns. If nothing is borrowed yet, Raw
// borrows. It has no context to do that with, so it blocks until pool_timeout at most, and
// returns nil if that fails; an operation before Raw borrows with a context. What
// the program does with the parent's connection is not seen by the pool, so it
// counts as a statement that may leave a transaction open.
func (c *Conn) Raw() driver.Conn {
	defer c.lostToPanic()
	s, err := c.acquire(context.Background())
	if err != nil {
		return nil
	}
	c.pristine = false
	s.begin()
	s.sendingAnything()
	return s.driver.Conn
}

// ResetSession is called by database/sql before it uses this Conn again. There
// is nothing to reset: that was done when the server connection came back. It
// does no I/O and never fails; database/sql would ignore an error that isn't
// ErrBadConn.
func (c *Conn) ResetSession(ctx context.Context) error {
	if c.pool.direct() {
		return c.readmit(ctx)
	}
	return nil
}

// IsValid is called by database/sql when it gets this Conn back: the moment the
// server connection is given back to the pool. A Conn that holds none is always
// valid.
func (c *Conn) IsValid() bool {
	if len(c.args) > 0 { // an idle Conn keeps none of the program's values
		clear(c.args)
		c.args = c.args[:0]
	}
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
		return false // it is closed with its Conn
	case c.pool.direct():
		c.endLease(s, (*Stmt).park)
		return c.pool.current().restDirect(c, s)
	}
	c.pool.current().checkin(c.leave((*Stmt).park))
	return true
}

func (c *Conn) isValidWithAside() bool {
	limbo := c.aside
	c.aside = nil
	defer c.closeAside(limbo) // after what is held has gone back, whatever a hook does
	return c.IsValid()
}

// Close is called by database/sql for a Conn that it does not need, which
// holds nothing, and for one whose operation answered ErrBadConn, without IsValid
// before it: what is still held and used is discarded.
func (c *Conn) Close() error {
	unused := c.lease.Unused()
	s := c.claim()
	if len(c.aside) > 0 {
		defer c.closeAside(c.aside)
		c.aside = nil
	}
	switch {
	case s == nil:
		return nil
	case s.foreign():
		c.abandon()
		return nil
	case s.slot.Detached():
		return c.pool.closeDetached(c.leave((*Stmt).orphan), nil)
	case unused && !c.pool.direct():
		c.pool.current().putBack(c.leave((*Stmt).park))
		return nil
	case c.pool.direct():
		return c.pool.current().closeDirect(c.leave((*Stmt).orphan))
	}
	c.drop(s.why())
	return nil
}
