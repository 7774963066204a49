package pooled

import (
	"context"
	"database/sql/driver"
	"strings"

	"github.com/pooled-go/pooled/internal/driverconn"
	"github.com/pooled-go/pooled/internal/intercept"
	"github.com/pooled-go/pooled/internal/process"
	"github.com/pooled-go/pooled/internal/sqltext"
	"github.com/pooled-go/pooled/internal/stmtcache"
)

var (
	_ driver.Stmt              = (*pooledStmt)(nil)
	_ driver.StmtExecContext   = (*pooledStmt)(nil)
	_ driver.StmtQueryContext  = (*pooledStmt)(nil)
	_ driver.NamedValueChecker = (*pooledStmt)(nil)
)

// Stmt is a prepared statement of a Conn. A Conn borrows one server connection
// after another, so a Stmt knows its text and is prepared again where it lands,
// unless that server connection has the text already, left there by this Conn or by
// another.
type pooledStmt struct {
	conn    *pooledConn
	query   string
	verdict sqltext.Verdict // what it leaves behind when it is sent

	// parent is the parent's statement on the server connection that the Conn
	// holds now; nil if there is none yet. next links those of one Conn.
	parent driver.Stmt
	next   *pooledStmt

	// texts is where this Stmt is counted: it outlived the borrow it was prepared
	// in, so its text is kept on server connections until it is closed.
	texts *stmtcache.Texts
}

// attach makes parent this Stmt's statement until the Conn gives back.
func (st *pooledStmt) attach(parent driver.Stmt) {
	st.parent = parent
	st.next = st.conn.stmts
	st.conn.stmts = st
}

// detach takes the statement off the Conn's list.
func (st *pooledStmt) detach() {
	for at := &st.conn.stmts; *at != nil; at = &(*at).next {
		if *at == st {
			*at = st.next
			break
		}
	}
	st.parent, st.next = nil, nil
}

// park, orphan and abandon are what becomes of the parent's statement when the lease ends that it was prepared in.

// park leaves it with the server connection, for whoever needs the same text there.
func (st *pooledStmt) park(s *ServerConn) {
	if texts := &st.conn.pool.current().texts; st.texts != texts {
		texts.Add(st.query)
		st.texts = texts
	}
	s.parked.Park(st.query, st.parent)
}

// orphan leaves it to be closed with the server connection.
func (st *pooledStmt) orphan(s *ServerConn) { s.parked.Discard(st.parent) }

// abandon leaves it to the parent process.
func (st *pooledStmt) abandon(*ServerConn) { process.KeepAlive(st.parent) }

// on is the parent's statement on s, prepared if there is none.
func (st *pooledStmt) on(ctx context.Context, s *ServerConn) (driver.Stmt, error) {
	if st.parent != nil {
		return st.parent, nil
	}
	parent := s.parked.Take(st.query)
	if parent == nil {
		var err error
		if parent, err = s.via.Prepare(ctx, st.query); err != nil {
			return nil, err
		}
	}
	st.attach(parent)
	return parent, nil
}

// ExecContext runs the statement on the server connection that its Conn holds
// or borrows now.
func (st *pooledStmt) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	return runStmt(ctx, st, args, driverconn.ExecStmt)
}

// QueryContext is like ExecContext. The parent's Rows are returned as they are.
func (st *pooledStmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	return runStmt(ctx, st, args, driverconn.QueryStmt)
}

func runStmt[T any](
	ctx context.Context, st *pooledStmt, args []driver.NamedValue,
	send func(context.Context, driver.Stmt, []driver.NamedValue) (T, error),
) (none T, err error) {
	c := st.conn
	defer c.lostToPanic()
	for try := 0; ; try++ {
		s, parent, err := st.ready(ctx)
		if err != nil {
			return none, err
		}
		values, err := c.arguments(s, s.driver.StmtArgRules(intercept.Unwrap(parent)), args, try)
		if err != nil {
			return none, err
		}
		s.start()
		s.activity.SetStatement(st.query, s.slot.Uses())
		s.state.Leave(st.verdict)
		s.leaves(st.verdict)
		result, err := send(ctx, parent, values)
		if err = s.trueErr(err); !c.retry(s, err, false) {
			return result, err
		}
	}
}

// ready is the server connection and the parent's statement on it. To prepare
// changes nothing that a next borrower could see, so it may be done again like
// the operation itself.
func (st *pooledStmt) ready(ctx context.Context) (*ServerConn, driver.Stmt, error) {
	c := st.conn
	for {
		s, err := c.acquire(ctx)
		if err != nil {
			return nil, nil, err
		}
		untouched := c.pristine
		s.start()
		parent, err := st.on(ctx, s)
		if !c.retry(s, err, true) {
			c.pristine = untouched && err == nil
			return s, parent, err
		}
	}
}

// Close closes the parent's statement if this Conn has it in hand. One that was
// left with a server connection is closed by whoever holds that next: it may be in
// use by another Conn at this moment.
//
// It has no context, so with lib/pq it ends after pool_reset_timeout at the latest, and costs the server connection
// then. A COPY has no such limit: it does its work when it is closed.
func (st *pooledStmt) Close() error {
	p := st.conn.pool.current()
	if st.texts == &p.texts { // else it is not counted, or in the parent process
		st.texts.Drop(st.query)
	}
	st.texts = nil
	if st.parent == nil {
		return nil
	}
	parent, s := st.parent, st.conn.server
	st.detach()
	if s.foreign() {
		process.KeepAlive(parent)
		return nil
	}
	ctx := context.Background()
	if s.bounds() && !isCopy(st.query) {
		var cancel context.CancelFunc
		ctx, cancel = p.resetContext(ctx)
		defer cancel()
	}
	defer st.conn.lostToPanic()
	s.start()
	err := s.closeStmt(ctx, parent)
	s.busy = false
	return err
}

// isCopy tells a COPY in lib/pq's way: it takes the text for one that is sent by closing the statement.
func isCopy(query string) bool { return len(query) >= 4 && strings.EqualFold(query[:4], "COPY") }

// NumInput says that the driver does not know. The parent does, for the server
// connection at hand, and is asked when the arguments are converted.
func (st *pooledStmt) NumInput() int { return -1 }

// CheckNamedValue accepts every argument; see Conn.CheckNamedValue.
func (st *pooledStmt) CheckNamedValue(*driver.NamedValue) error { return nil }

// Exec and Query are what driver.Stmt asks for; database/sql does not call them.

// Exec is ExecContext without a context.
func (st *pooledStmt) Exec(args []driver.Value) (driver.Result, error) {
	return st.ExecContext(context.Background(), driverconn.Named(args))
}

// Query is QueryContext without a context.
func (st *pooledStmt) Query(args []driver.Value) (driver.Rows, error) {
	return st.QueryContext(context.Background(), driverconn.Named(args))
}
