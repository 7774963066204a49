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

// pooledStmt is a prepared statement of a connection that leases one server connection after another. So it knows its
// text and is prepared again where it lands, unless that server connection has the text already, left there by this
// connection or by another.
type pooledStmt struct {
	conn    *pooledConn
	query   string
	verdict sqltext.Verdict // what it leaves behind when it is sent

	// prepared is the driver's statement on the server connection that is leased now; nil: there is none yet. next
	// links those of one connection.
	prepared driver.Stmt
	next     *pooledStmt

	// texts is where this is counted: it outlived the lease in which it was prepared, so its text is kept on server
	// connections until it is closed.
	texts *stmtcache.Texts
}

// attach makes prepared the driver's statement until the lease ends.
func (st *pooledStmt) attach(prepared driver.Stmt) {
	st.prepared = prepared
	st.next = st.conn.stmts
	st.conn.stmts = st
}

// detach takes the statement off the connection's list.
func (st *pooledStmt) detach() {
	for at := &st.conn.stmts; *at != nil; at = &(*at).next {
		if *at == st {
			*at = st.next
			break
		}
	}
	st.prepared, st.next = nil, nil
}

// park, drop and abandon are what becomes of the driver's statement when the lease ends in which it was prepared.

// park leaves it with the server connection, for whoever needs the same text there.
func (st *pooledStmt) park(s *ServerConn) {
	if texts := &st.conn.pool.current().shared.Texts; st.texts != texts {
		texts.Add(st.query)
		st.texts = texts
	}
	s.conn.Parked.Park(st.query, st.prepared)
}

// drop leaves it to be closed with the server connection.
func (st *pooledStmt) drop(s *ServerConn) { s.conn.Parked.Discard(st.prepared) }

// abandon leaves it to the parent process.
func (st *pooledStmt) abandon(*ServerConn) { process.KeepAlive(st.prepared) }

// on is the driver's statement on s, prepared if there is none.
func (st *pooledStmt) on(ctx context.Context, s *ServerConn) (driver.Stmt, error) {
	if st.prepared != nil {
		return st.prepared, nil
	}
	prepared := s.conn.Parked.Take(st.query)
	if prepared == nil {
		var err error
		if prepared, err = s.conn.Via.Prepare(ctx, st.query); err != nil {
			return nil, err
		}
	}
	st.attach(prepared)
	return prepared, nil
}

// ExecContext runs the statement on the server connection that its connection holds, or leases now.
func (st *pooledStmt) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	return runStmt(ctx, st, args, driverconn.ExecStmt)
}

// QueryContext is like ExecContext. The driver's Rows are returned as they are.
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
		s, prepared, err := st.ready(ctx)
		if err != nil {
			return none, err
		}
		values, err := c.given.Convert(s.conn.Driver.StmtArgRules(intercept.Unwrap(prepared)), args, try, c.mayRetry(s))
		if err != nil {
			return none, err
		}
		s.conn.Start()
		s.conn.SendingJudged(st.query, st.verdict)
		result, err := send(ctx, prepared, values)
		if err = s.conn.TrueErr(err); err != nil && c.moves(ctx, s, st.query, err, try) {
			continue
		}
		if !c.retry(s, err, false) {
			return result, err
		}
	}
}

// ready is the server connection and the driver's statement on it. To prepare changes nothing that the next caller
// could see, so it may be done again like the operation itself.
func (st *pooledStmt) ready(ctx context.Context) (*ServerConn, driver.Stmt, error) {
	c := st.conn
	for {
		s, err := c.acquire(ctx)
		if err != nil {
			return nil, nil, err
		}
		untouched := c.pristine
		s.conn.Start()
		prepared, err := st.on(ctx, s)
		if !c.retry(s, err, true) {
			c.pristine = untouched && err == nil
			return s, prepared, err
		}
	}
}

// Close closes the driver's statement if its server connection is leased by this connection. One that was left with a
// server connection is closed by whoever leases that next: it may be in use by another at this moment.
//
// It has no context, so with lib/pq it ends after pool_reset_timeout at the latest, and costs the server connection
// then. A COPY has no such limit: it does its work when it is closed.
func (st *pooledStmt) Close() error {
	p := st.conn.pool.current()
	if st.texts == &p.shared.Texts { // else it is not counted, or in the parent process
		st.texts.Drop(st.query)
	}
	st.texts = nil
	if st.prepared == nil {
		return nil
	}
	prepared, s := st.prepared, st.conn.server
	st.detach()
	if s.foreign() {
		process.KeepAlive(prepared)
		return nil
	}
	ctx := context.Background()
	if s.conn.Bounds() && !isCopy(st.query) {
		var cancel context.CancelFunc
		ctx, cancel = p.shared.ResetContext(ctx)
		defer cancel()
	}
	defer st.conn.lostToPanic()
	s.conn.Start()
	err := s.conn.CloseStmt(ctx, prepared)
	s.conn.Busy = false
	return err
}

// isCopy tells a COPY in lib/pq's way: it takes the text for one that is sent by closing the statement.
func isCopy(query string) bool { return len(query) >= 4 && strings.EqualFold(query[:4], "COPY") }

// NumInput says that the number of arguments is not known. The wrapped driver knows it, for the server connection that
// is leased, and is asked when the arguments are converted.
func (st *pooledStmt) NumInput() int { return -1 }

// CheckNamedValue accepts every argument; see pooledConn.CheckNamedValue.
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
