package pooled

import (
	"context"
	"database/sql/driver"
	"errors"

	"github.com/pooled-go/pooled/internal/driverconn"
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

	// claim tells whether the lease was made by Connect and not yet used. It is
	// the one field that the pool touches while the Conn is not in its hands.
	claim pool.Lease

	// untouched: nothing reached the server in this borrow, so if the parent
	// says the connection is bad, another one may take its place.
	untouched bool
	stale     int         // server connections replaced in the operation under way
	turn      uint64      // ServerConn.turn of one that was, or may yet be, taken away before it is used; 0: none
	turnSince pool.Moment // when Connect was given it

	tx    tx                  // the transaction under way
	stmts *Stmt               // those prepared on server in this borrow, a list
	limbo []*ServerConn       // put aside in this borrow, to be closed when it ends
	bad   bool                // an operation panicked
	given []driver.NamedValue // arguments as the program gave them, for a second try
}

// acquire is the server connection of this Conn, borrowed now if it has none.
func (c *Conn) acquire(ctx context.Context) (*ServerConn, error) {
	if c.server != nil {
		if s, err := c.inHand(ctx); s != nil || err != nil {
			return s, err
		}
	}
	switch {
	case c.bad:
		return nil, driver.ErrBadConn // nothing was sent
	case c.tx.open:
		return nil, errTxInvalidated // not outside of it, on another connection
	}
	if err := c.pool.here().checkout(ctx, c); err != nil {
		return nil, err
	}
	c.untouched, c.turn = true, 0
	c.taken(c.server)
	return c.server, nil
}

// inHand is the server connection that this Conn holds, or another if that is of no use any more. Nil: it holds none.
func (c *Conn) inHand(ctx context.Context) (*ServerConn, error) {
	unused := c.claim.Unused()
	s := c.held()
	switch {
	case s == nil:
		return nil, nil
	case s.foreign():
		return nil, errForked
	case s.cut:
		return nil, driver.ErrBadConn
	case !unused:
		return s, nil
	}
	if !c.pool.direct() && c.pool.here().core.LongUnused(&s.slot) {
		if err := c.pool.here().checkoutHeld(ctx, c, s); err != nil {
			return nil, err
		}
	}
	c.taken(c.server)
	return c.server, nil
}

// taken remembers who is about to use s, if leaks are looked for.
func (c *Conn) taken(s *ServerConn) {
	if c.pool.cfg.LeakAfter != off {
		s.takenHere()
	}
}

// held is the server connection this Conn holds, and from now on uses, or nil.
func (c *Conn) held() *ServerConn {
	if !c.claim.Claimed() {
		c.use()
	}
	return c.server
}

// use begins the use of a borrow that was made by Connect.
func (c *Conn) use() {
	if !c.claim.Claim() || c.server.foreign() {
		c.server = nil // taken back, or left to the parent process
		if c.pool.here().core.LongAgo(c.turnSince) {
			c.turn = 0 // its caller has gone, most likely, and database/sql has kept the Conn for another
		}
		return
	}
	c.turn = 0
}

// again decides, after an operation on s answered err, whether it is to be done
// again on another server connection. That is so when the parent says the
// connection is bad, which means that nothing reached the server, and nothing did
// before it in this borrow: then what failed is the pool's stale connection, and
// neither the program nor database/sql, which tries only twice, need know. An
// operation that is harmless, because it has no effect beyond its connection, is
// done again also if it may have been sent. A connection that has never been used
// before is not stale: its error is news.
func (c *Conn) again(s *ServerConn, err error, harmless bool) bool {
	s.busy = false
	if s.cache != nil {
		s.cache.published()
	}
	if err == nil {
		c.untouched, c.stale = false, 0
		return false
	}
	return c.failed(s, err, harmless)
}

// failed is again for an error.
func (c *Conn) failed(s *ServerConn, err error, harmless bool) bool {
	if err == driver.ErrSkip {
		return false // nothing was sent
	}
	bad, lost := c.blame(s, err)
	if !bad && !(harmless && lost) || !c.untouched || !s.slot.Used() || c.stale == maxStale {
		c.untouched, c.stale = false, 0
		return false
	}
	c.turn = s.slot.Turn()
	c.drop(err)
	if c.stale++; c.stale == maxStale {
		c.pool.here().core.CloseSuspects(nil, err)
	}
	return true
}

// blame draws the conclusions for s, and for the pool's others, from an
// operation's error: whether it is driver.ErrBadConn, and whether it says in
// some way that the connection is lost.
func (c *Conn) blame(s *ServerConn, err error) (bad, lost bool) {
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
		c.pool.here().core.Suspect()
	}
	return bad, true
}

// maxStale is how many stale server connections one operation may meet. When
// there are as many, those that are idle and have not been seen alive since are
// closed, and none of them is tried.
const maxStale = 2

// connect makes the first borrow.
func (c *Conn) connect(ctx context.Context) error {
	defer c.lostToPanic()
	borrow := c.pool.here().checkout
	if c.pool.direct() {
		borrow = c.pool.here().openDirect
	}
	if err := borrow(ctx, c); err != nil {
		return err
	}
	c.server.noStatementYet()
	return nil
}

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
		c.pool.here().discard(c.leave((*Stmt).orphan), errPanicked)
		return
	}
	s.busy = false
	s.broken, s.cause = true, errPanicked
	c.bad = true
	if c.untouched {
		c.drop(errPanicked)
		return
	}
	c.putAside(s)
}

// putAside takes a server connection out of the borrow and out of the pool's count.
// It is closed when the borrow ends: until then Rows or a Tx may be open on it.
func (c *Conn) putAside(s *ServerConn) {
	tx := c.tx.server
	c.leave((*Stmt).orphan)
	c.tx.server = tx // it can still be rolled back there
	c.limbo = append(c.limbo, s)
	if !s.slot.Detached() {
		c.pool.here().core.Invalidate(&s.slot)
	}
}

// drop discards the server connection.
func (c *Conn) drop(cause error) {
	s := c.leave((*Stmt).orphan)
	if s.slot.Detached() {
		c.pool.closeDetached(s, cause)
		return
	}
	c.pool.here().discard(s, cause)
}

// arguments converts args as the parent wants them. While the operation may
// have to be done again, it keeps a copy of what the program gave: for a parent
// with rules of its own, to convert twice is not the same as once.
func (c *Conn) arguments(s *ServerConn, rules driverconn.ArgRules, args []driver.NamedValue, try int) ([]driver.NamedValue, error) {
	if rules.Custom() {
		switch {
		case try > 0:
			copy(args, c.given)
		case c.untouched && s.slot.Used():
			c.given = append(c.given[:0], args...)
		}
	}
	return rules.Convert(args)
}

// sending is the last moment before a statement goes to the parent: what it may
// leave behind is written down. It returns the arguments as the parent wants them.
func (c *Conn) sending(s *ServerConn, query string, args []driver.NamedValue, try int) (_ []driver.NamedValue, err error) {
	if len(args) > 0 {
		if args, err = c.arguments(s, s.driver.ArgRules(), args, try); err != nil {
			return nil, err
		}
	}
	if err := c.refusal(query, args); err != nil {
		return nil, err
	}
	s.start()
	s.noteText(query)
	return args, nil
}

// refusal is the error of a statement that must not be sent; see sqliteGuard.
func (c *Conn) refusal(query string, args []driver.NamedValue) error {
	if c.pool.refuses == nil {
		return nil
	}
	return c.pool.refuses(query, args)
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
		values, err := c.sending(s, query, args, try)
		if err != nil {
			return nil, err
		}
		result, err := s.via.Execer.ExecContext(ctx, query, values)
		if err = s.honest(err); !c.again(s, err, false) {
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
		values, err := c.sending(s, query, args, try)
		if err != nil {
			return nil, err
		}
		rows, err := s.via.Queryer.QueryContext(ctx, query, values)
		if err = s.honest(err); !c.again(s, err, false) {
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
		if err := c.refusal(query, nil); err != nil {
			return nil, err
		}
		untouched := c.untouched
		s.noStatementYet()
		s.start()
		parent, err := s.via.Prepare(ctx, query)
		if c.again(s, err, true) {
			continue
		}
		c.untouched = untouched && err == nil // as in Stmt.ready: to prepare touches nothing
		if err != nil {
			return nil, err
		}
		st := &Stmt{conn: c, query: query}
		st.judgement = s.judge(query)
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
		s.noStatementYet()
		s.start()
		s.openTx = true
		parent, err := s.via.Begin(ctx, opts)
		if c.again(s, err, true) {
			continue
		}
		if err != nil { // it may have been sent: openTx stays
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
		s.noStatementYet()
		s.start()
		if err = s.via.Pinger.Ping(ctx); !c.again(s, err, true) {
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
	c.untouched = false
	s.noStatementYet()
	s.noteAnything()
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
	if len(c.given) > 0 { // an idle Conn keeps none of the program's values
		clear(c.given)
		c.given = c.given[:0]
	}
	if len(c.limbo) > 0 {
		return c.isValidWithLimbo()
	}
	s := c.held()
	if s == nil {
		c.turn = 0
		return !c.bad
	}
	switch {
	case s.foreign():
		c.abandon()
		return !c.pool.direct()
	case s.slot.Detached():
		return false // it is closed with its Conn
	case c.pool.direct():
		c.endLease(s, (*Stmt).park)
		return c.pool.here().restDirect(c, s)
	}
	c.pool.here().checkin(c.leave((*Stmt).park))
	return true
}

func (c *Conn) isValidWithLimbo() bool {
	limbo := c.limbo
	c.limbo = nil
	defer c.closeAside(limbo) // after what is held has gone back, whatever a hook does
	return c.IsValid()
}

// Close is called by database/sql for a Conn that it does not need, which
// holds nothing, and for one whose operation answered ErrBadConn, without IsValid
// before it: what is still held and used is discarded.
func (c *Conn) Close() error {
	unused := c.claim.Unused()
	s := c.held()
	if len(c.limbo) > 0 {
		defer c.closeAside(c.limbo)
		c.limbo = nil
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
		c.pool.here().putBack(c.leave((*Stmt).park))
		return nil
	case c.pool.direct():
		return c.pool.here().closeDirect(c.leave((*Stmt).orphan))
	}
	c.drop(s.why())
	return nil
}

// leave ends the lease and returns its server connection, which this Conn holds no longer. Every lease that ends goes
// through here, whatever becomes of the server connection, so that nothing of it is left behind in the Conn. hand says
// what becomes of a statement that was prepared in the lease.
func (c *Conn) leave(hand func(*Stmt, *ServerConn)) *ServerConn {
	s := c.server
	c.server, c.tx.server = nil, nil
	c.endLease(s, hand)
	return s
}

// endLease ends the lease. In class direct the Conn keeps its server connection.
func (c *Conn) endLease(s *ServerConn, hand func(*Stmt, *ServerConn)) {
	for st := c.stmts; st != nil; {
		next := st.next
		hand(st, s)
		st.parent, st.next = nil, nil
		st = next
	}
	c.stmts = nil
	if s.watched() && !s.foreign() {
		c.pool.here().endUse(s)
	}
}
