package pooledtest

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"strings"
	"sync/atomic"
)

var (
	errClosedConn = errors.New("fake: connection is closed")
	errClosedStmt = errors.New("fake: statement is closed")
	errTxOver     = errors.New("fake: transaction is over")
)

// conn is a connection with no optional interface. The profiles add those; see fake_profiles.go.
type conn struct {
	f    *Fake
	id   int
	busy atomic.Pointer[running] // the call that is running

	// touched is written by every call without any lock, so that the race detector sees calls that nothing orders.
	touched int

	// Guarded by f.mu, because tests look at it from other goroutines.
	closed   bool
	inTx     bool
	returned bool  // IsValid was called, ResetSession not yet
	bad      bool  // an operation returned ErrBadConn: its statements may never be closed
	refused  bool  // the same, save in a transaction or by Next: nothing may follow
	broken   bool  // not valid any more
	killed   error // what the next operations fail with
	rows     int   // open Rows
	stmts    int   // open statements
	vars     map[string]string
}

// ConnID returns which connection of a Fake c is, or 0 if it is none. Tests meet c in sql.Conn.Raw.
func ConnID(c any) int {
	if c, ok := c.(interface{ number() int }); ok {
		return c.number()
	}
	return 0
}

func (c *conn) number() int { return c.id }

// running is a call that runs on a connection.
type running struct {
	what    string
	clashed atomic.Bool // another call was made meanwhile
}

// enter marks c as in use until leave is called, and says why it can't be used. what is the operation's name.
func (c *conn) enter(what string) (leave func(), err error) {
	if !c.f.unwatched {
		c.touched++
	}
	mine := &running{what: what}
	leave = func() { c.leave(mine) }
	if !c.busy.CompareAndSwap(nil, mine) {
		if other := c.busy.Load(); other != nil {
			other.clashed.Store(true)
		}
		c.f.violation("c%d: two calls at the same moment, %s is the second:%s", c.id, what, callers())
		leave = func() {}
	}
	c.f.mu.Lock()
	closed := c.closed
	c.f.mu.Unlock()
	if closed {
		c.f.violation("c%d: used after its Close: %s%s", c.id, what, callers())
		return leave, errClosedConn
	}
	return leave, nil
}

// leave ends a call. Where it came from is found out here, and only if that is to be told: it takes long.
func (c *conn) leave(mine *running) {
	c.busy.Store(nil)
	if mine.clashed.Load() {
		c.f.violation("c%d: two calls at the same moment, %s is the first:%s", c.id, mine.what, callers())
	}
}

// op is an operation on its way to the server.
type op struct {
	stage string // where faults are looked up
	name  string // what the log calls it
	query string
	args  []driver.NamedValue
	run   func() error // what it does there; may be nil
}

// do performs an operation: everything that reaches the server comes through here.
func (c *conn) do(ctx context.Context, o op) error {
	leave, err := c.enter(o.name)
	defer leave()
	if err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	call := c.f.begun(Call{Conn: c.id, Op: o.name, Query: o.query, Args: o.args, Mark: markOf(ctx)})
	if err = c.allowed(o); err == nil {
		err = c.f.stage(ctx, o.stage, o.query, c.id)
	}
	if err == nil && o.run != nil {
		err = o.run()
	}
	c.f.failed(call, err)
	c.ended(ctx, err)
	if errors.Is(err, driver.ErrBadConn) {
		c.refuse()
	}
	return err
}

// refuse remembers that an operation returned ErrBadConn. A transaction's user may go on trying.
func (c *conn) refuse() {
	c.f.mu.Lock()
	defer c.f.mu.Unlock()
	c.refused = !c.inTx
}

// allowed reports why the server, or the contract, does not permit o now.
func (c *conn) allowed(o op) error {
	f := c.f
	isEnd := endsTx(o.query) || o.stage == StageCommit || o.stage == StageRollback
	f.mu.Lock()
	killed, rows, returned, refused := c.killed, c.rows, c.returned, c.refused
	if o.stage == StageResetSession {
		c.returned = false
	}
	if killed != nil {
		c.broken = true
	}
	inTx := c.inTx
	f.mu.Unlock()

	switch {
	case o.stage == StageResetSession:
		if f.RefuseDirty && inTx {
			f.violation("c%d: handed to the next caller inside a transaction", c.id)
		}
	case f.RequireReset && returned && !isEnd && f.profile().Has(HasSessionResetter):
		f.violation("c%d: %s %s after IsValid without ResetSession", c.id, o.name, o.query)
	}
	if f.RefuseBad && refused {
		f.violation("c%d: %s %s after ErrBadConn", c.id, o.name, o.query)
	}
	if killed != nil {
		return killed
	}
	if f.OneAtATime && rows > 0 && o.stage != StageResetSession {
		f.violation("c%d: %s %s while Rows are open", c.id, o.name, o.query)
		return ErrBusy
	}
	return nil
}

// ended draws the conclusions from an operation's outcome.
func (c *conn) ended(ctx context.Context, err error) {
	if err == nil {
		return
	}
	c.f.mu.Lock()
	defer c.f.mu.Unlock()
	if errors.Is(err, driver.ErrBadConn) {
		c.bad = true
	}
	if c.f.BreakOnCancel && ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		c.broken = true
	}
}

// setTx changes the transaction's state.
func (c *conn) setTx(open bool) {
	c.f.mu.Lock()
	defer c.f.mu.Unlock()
	c.inTx = open
	c.f.changedLocked()
}

func (c *conn) isInTx() bool {
	c.f.mu.Lock()
	defer c.f.mu.Unlock()
	return c.inTx
}

func (c *conn) Prepare(query string) (driver.Stmt, error) {
	return c.prepare(context.Background(), query)
}

func (c *conn) prepare(ctx context.Context, query string) (driver.Stmt, error) {
	err := c.do(ctx, op{stage: StagePrepare, name: "prepare", query: query, run: func() error {
		return refuse(query, "prepare")
	}})
	if err != nil {
		return nil, err
	}
	c.f.update(func(n *Counts) { c.stmts++; n.StmtsOpen++; n.Prepared++ })
	return c.f.profile().stmt(&stmt{c: c, query: query}), nil
}

func (c *conn) Begin() (driver.Tx, error) {
	return c.begin(context.Background(), driver.TxOptions{})
}

func (c *conn) begin(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	err := c.do(ctx, op{stage: StageBegin, name: "begin", query: txText(opts), run: func() error {
		if sql.IsolationLevel(opts.Isolation) == sql.LevelLinearizable {
			return &ServerError{Text: "isolation level not supported"}
		}
		if c.isInTx() {
			return &ServerError{Text: "already in a transaction"}
		}
		c.setTx(true)
		return nil
	}})
	if err != nil {
		return nil, err
	}
	return &tx{c: c}, nil
}

// txText is "serializable read-only" and the like, empty for the default.
func txText(opts driver.TxOptions) string {
	var words []string
	if level := sql.IsolationLevel(opts.Isolation); level != sql.LevelDefault {
		words = append(words, strings.ToLower(level.String()))
	}
	if opts.ReadOnly {
		words = append(words, "read-only")
	}
	return strings.Join(words, " ")
}

func (c *conn) exec(ctx context.Context, name, query string, args []driver.NamedValue) (driver.Result, error) {
	var res driver.Result
	err := c.do(ctx, op{stage: StageExec, name: name, query: query, args: args, run: func() (err error) {
		res, err = c.runExec(ctx, query, args)
		return err
	}})
	return res, err
}

func (c *conn) query(ctx context.Context, name, query string, args []driver.NamedValue, s *stmt) (driver.Rows, error) {
	var sets []resultSet
	err := c.do(ctx, op{stage: StageQuery, name: name, query: query, args: args, run: func() (err error) {
		sets, err = c.runQuery(ctx, query, args)
		return err
	}})
	if err != nil {
		return nil, err
	}
	return newRows(ctx, c, s, query, sets), nil
}

func (c *conn) ping(ctx context.Context) error {
	return c.do(ctx, op{stage: StagePing, name: "ping"})
}

func (c *conn) resetSession(ctx context.Context) error {
	c.f.update(func(n *Counts) { n.Resets++ })
	c.f.mu.Lock()
	broken := c.broken
	c.f.mu.Unlock()
	return c.do(ctx, op{stage: StageResetSession, name: "resetSession", run: func() error {
		if broken {
			return driver.ErrBadConn
		}
		return nil
	}})
}

func (c *conn) isValid() bool {
	leave, err := c.enter("isValid")
	defer leave()
	if err != nil {
		return false
	}
	if c.f.LogIsValid {
		c.f.begun(Call{Conn: c.id, Op: "isValid"})
	}
	if c.f.stage(context.Background(), StageIsValid, "", c.id) != nil {
		return false
	}
	c.f.mu.Lock()
	defer c.f.mu.Unlock()
	c.returned = true
	return !c.broken
}

// Close closes the connection, also when a fault makes it report an error. It counts as open until it returns.
func (c *conn) Close() error {
	leave, err := c.enter("close")
	defer leave()
	if err != nil {
		return err
	}
	call := c.f.begun(Call{Conn: c.id, Op: "close"})
	defer c.gone()
	err = c.f.stage(context.Background(), StageClose, "", c.id)
	c.f.failed(call, err)
	return err
}

// gone takes a closed connection off the books, with what was open on it.
func (c *conn) gone() {
	f := c.f
	f.mu.Lock()
	c.closed, c.inTx = true, false
	rows, stmts, bad := c.rows, c.stmts, c.bad
	delete(f.conns, c.id)
	f.counts.Open--
	f.counts.Closed++
	if bad {
		f.counts.StmtsOpen -= c.stmts
		c.stmts = 0
	}
	f.changedLocked()
	f.mu.Unlock()

	if rows > 0 {
		f.violation("c%d: closed with %d Rows open", c.id, rows)
	}
	// After ErrBadConn database/sql itself leaves a transaction's statements behind.
	if stmts > 0 && !bad {
		f.violation("c%d: closed with %d statements open", c.id, stmts)
	}
}

// tx is a transaction.
type tx struct {
	c    *conn
	over bool
}

func (t *tx) Commit() error   { return t.end(StageCommit) }
func (t *tx) Rollback() error { return t.end(StageRollback) }

// end leaves the transaction open on the server if a fault hits it.
func (t *tx) end(stage string) error {
	if t.over {
		t.c.f.violation("c%d: %s of a transaction that is over", t.c.id, stage)
		return errTxOver
	}
	t.over = true
	return t.c.do(context.Background(), op{stage: stage, name: stage, run: func() error {
		t.c.setTx(false)
		return nil
	}})
}
