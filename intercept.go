package pooled

import (
	"context"
	"database/sql/driver"
	"slices"
	"sync"

	"github.com/ngrok/sqlmw"
	"github.com/pooled-go/pooled/internal/driverconn"
)

// Interceptors stand between a Conn and the parent's connection, and see every operation of the
// program's, not those of the pool. Their interface is sqlmw's; the rest of that package, which wraps a
// driver, is not used, because it makes up what a parent lacks. Here an interceptor is called where the parent can
// do a thing, in whatever old or new way; where it can't, nothing changes.
//
// Each is a link in a chain that ends with the parent. Without interceptors there is no chain:
// ServerConn.via is the parent itself.

// connIDKey is the key of a server connection's ID in the context of an Interceptor.
type connIDKey struct{}

// ConnID is the ID of the server connection that an Interceptor's context belongs to, as ServerConn.ID, in
// all its functions but ConnectorConnect; elsewhere 0.
func ConnID(ctx context.Context) uint64 {
	id, _ := ctx.Value(connIDKey{}).(uint64)
	return id
}

// before is the driver's connection with the interceptors before it; without any, the connection itself.
func before(conn *driverconn.Conn, list []sqlmw.Interceptor, id uint64, guard guard) *driverconn.Conn {
	if len(list) == 0 {
		return conn
	}
	var next linkConn = &chainEnd{driver: conn, guard: guard}
	for _, i := range slices.Backward(list) {
		next = &link{Interceptor: i, next: next}
	}
	front := &chainFront{linkConn: next, id: id}
	via := *conn // what it is not asked for below is the driver's own
	via.Preparer, via.Beginner = front, front
	if via.Execer != nil {
		via.Execer = front
	}
	if via.Queryer != nil {
		via.Queryer = front
	}
	if via.Pinger != nil {
		via.Pinger = front
	}
	return &via
}

// connectThrough connects parent, with the interceptors' ConnectorConnect before it. If one of them panics, or ends
// the goroutine, nobody has what was opened behind it: it is closed.
func connectThrough(
	ctx context.Context, interceptors []sqlmw.Interceptor, parent driver.Connector,
) (driver.Conn, error) {
	if len(interceptors) == 0 {
		return parent.Connect(ctx)
	}
	end := &endConnector{Connector: parent}
	parent = end
	for _, i := range slices.Backward(interceptors) {
		parent = &linkConnector{Connector: parent, interceptor: i}
	}
	returned := false
	defer func() {
		if !returned {
			end.closeAll()
		}
	}()
	conn, err := parent.Connect(ctx)
	returned = true
	return conn, err
}

// endConnector is the parent, with what it has opened. An interceptor may connect more than once, and at the same
// time.
type endConnector struct {
	driver.Connector
	mu     sync.Mutex
	opened []driver.Conn
}

func (c *endConnector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err == nil {
		c.mu.Lock()
		c.opened = append(c.opened, conn)
		c.mu.Unlock()
	}
	return conn, err
}

func (c *endConnector) closeAll() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, conn := range c.opened {
		conn.Close()
	}
}

type linkConnector struct {
	driver.Connector
	interceptor sqlmw.Interceptor
}

func (c *linkConnector) Connect(ctx context.Context) (driver.Conn, error) {
	return c.interceptor.ConnectorConnect(ctx, c.Connector)
}

// linkConn is what an interceptor is given to go on with.
type linkConn interface {
	driver.ExecerContext
	driver.QueryerContext
	driver.ConnPrepareContext
	driver.ConnBeginTx
	driver.Pinger
}

// chainFront adds the ID to the context.
type chainFront struct {
	linkConn
	id uint64
}

func (c *chainFront) with(ctx context.Context) context.Context {
	return context.WithValue(ctx, connIDKey{}, c.id)
}

func (c *chainFront) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	return c.linkConn.ExecContext(c.with(ctx), query, args)
}

func (c *chainFront) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	return c.linkConn.QueryContext(c.with(ctx), query, args)
}

func (c *chainFront) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	stmt, err := c.linkConn.PrepareContext(c.with(ctx), query)
	if err != nil {
		return nil, err
	}
	return &frontStmt{Stmt: stmt, front: c}, nil
}

func (c *chainFront) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	return c.linkConn.BeginTx(c.with(ctx), opts)
}

func (c *chainFront) Ping(ctx context.Context) error { return c.linkConn.Ping(c.with(ctx)) }

// frontStmt adds the ID to the context.
type frontStmt struct {
	driver.Stmt
	front *chainFront
}

func (s *frontStmt) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	return driverconn.ExecStmt(s.front.with(ctx), s.Stmt, args)
}

func (s *frontStmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	return driverconn.QueryStmt(s.front.with(ctx), s.Stmt, args)
}

// guard is what stands between the last interceptor and the driver: what an interceptor made of a statement, or sends by
// itself, is treated as if the program had sent it.
type guard interface {
	// allow is asked before a statement goes to the driver; its error is the answer then.
	allow(query string, args []driver.NamedValue) error

	// sending is told of a statement that is about to be sent, after allow.
	sending(query string)

	// beginning is told that a transaction is about to be begun.
	beginning()

	// trueErr is what an operation's error means.
	trueErr(err error) error
}

// chainEnd is the driver's connection. It may lack what a linkConn has; what it lacks altogether is not asked of it.
type chainEnd struct {
	driver *driverconn.Conn
	guard  guard
}

// sending is the last moment before a statement goes to the driver.
func (c *chainEnd) sending(query string, args []driver.NamedValue) error {
	if err := c.guard.allow(query, args); err != nil {
		return err
	}
	c.guard.sending(query)
	return nil
}

func (c *chainEnd) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	if err := c.sending(query, args); err != nil {
		return nil, err
	}
	result, err := c.driver.Exec(ctx, query, args)
	return result, c.guard.trueErr(err)
}

func (c *chainEnd) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	if err := c.sending(query, args); err != nil {
		return nil, err
	}
	rows, err := c.driver.Query(ctx, query, args)
	return rows, c.guard.trueErr(err)
}

func (c *chainEnd) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	if err := c.guard.allow(query, nil); err != nil {
		return nil, err
	}
	stmt, err := c.driver.Prepare(ctx, query)
	if err != nil {
		return nil, err
	}
	return &endStmt{Stmt: stmt, end: c, query: query}, nil
}

func (c *chainEnd) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	c.guard.beginning()
	tx, err := c.driver.Begin(ctx, opts)
	if err != nil {
		return nil, err
	}
	return &endTx{Tx: tx, end: c}, nil
}

func (c *chainEnd) Ping(ctx context.Context) error { return c.driver.Pinger.Ping(ctx) }

// endStmt is a statement of the driver's.
type endStmt struct {
	driver.Stmt
	end   *chainEnd
	query string
}

func (s *endStmt) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	s.end.guard.sending(s.query)
	result, err := driverconn.ExecStmt(ctx, s.Stmt, args)
	return result, s.end.guard.trueErr(err)
}

func (s *endStmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	s.end.guard.sending(s.query)
	rows, err := driverconn.QueryStmt(ctx, s.Stmt, args)
	return rows, s.end.guard.trueErr(err)
}

// endTx is a transaction of the driver's.
type endTx struct {
	driver.Tx
	end *chainEnd
}

func (t *endTx) Commit() error { return t.end.guard.trueErr(t.Tx.Commit()) }

// link is one interceptor, and what follows it.
type link struct {
	sqlmw.Interceptor
	next linkConn
}

func (l *link) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	result, err := l.ConnExecContext(ctx, l.next, query, args)
	return l.result(result, err)
}

func (l *link) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	returned, rows, err := l.ConnQueryContext(ctx, l.next, query, args)
	return l.rows(follow(returned, ctx), rows, err)
}

func (l *link) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	returned, stmt, err := l.ConnPrepareContext(ctx, l.next, query)
	if err != nil {
		return nil, err
	}
	return &linkStmt{Stmt: stmt, link: l, query: query, ctx: follow(returned, ctx)}, nil
}

func (l *link) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	returned, tx, err := l.ConnBeginTx(ctx, l.next, opts)
	if err != nil {
		return nil, err
	}
	return &linkTx{Tx: tx, link: l, ctx: follow(returned, ctx)}, nil
}

// follow is the context that an interceptor returned, for what follows; an interceptor that returned none, or lost the ID, means no harm.
func follow(returned, given context.Context) context.Context {
	if returned == nil {
		return given
	}
	if id := ConnID(given); id != ConnID(returned) {
		return context.WithValue(returned, connIDKey{}, id)
	}
	return returned
}

func (l *link) Ping(ctx context.Context) error { return l.ConnPing(ctx, l.next) }

func (l *link) result(result driver.Result, err error) (driver.Result, error) {
	if err != nil {
		return nil, err
	}
	return &linkResult{result, l}, nil
}

func (l *link) rows(ctx context.Context, rows driver.Rows, err error) (driver.Rows, error) {
	if err != nil {
		return nil, err
	}
	return newLinkRows(ctx, l, rows), nil
}

// linkStmt is a prepared statement. ctx is what the interceptor made of the context it was prepared in.
type linkStmt struct {
	driver.Stmt
	link  *link
	query string
	ctx   context.Context
}

func (s *linkStmt) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	result, err := s.link.StmtExecContext(ctx, plainStmt{s.Stmt}, s.query, args)
	return s.link.result(result, err)
}

func (s *linkStmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	returned, rows, err := s.link.StmtQueryContext(ctx, plainStmt{s.Stmt}, s.query, args)
	return s.link.rows(follow(returned, ctx), rows, err)
}

func (s *linkStmt) Close() error { return s.link.StmtClose(context.WithoutCancel(s.ctx), s.Stmt) }

// plainStmt gives a statement the functions that its driver may lack.
type plainStmt struct{ driver.Stmt }

func (s plainStmt) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	return driverconn.ExecStmt(ctx, s.Stmt, args)
}

func (s plainStmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	return driverconn.QueryStmt(ctx, s.Stmt, args)
}

// parentStmt is the parent's own statement behind those of the chain.
func parentStmt(stmt driver.Stmt) driver.Stmt {
	for {
		switch s := stmt.(type) {
		case *frontStmt:
			stmt = s.Stmt
		case *linkStmt:
			stmt = s.Stmt
		case *endStmt:
			stmt = s.Stmt
		default:
			return stmt
		}
	}
}

// linkTx is a transaction.
type linkTx struct {
	driver.Tx
	link *link
	ctx  context.Context
}

func (t *linkTx) Commit() error { return t.link.TxCommit(t.ctx, t.Tx) }

// Rollback may come because the context has ended.
func (t *linkTx) Rollback() error { return t.link.TxRollback(context.WithoutCancel(t.ctx), t.Tx) }

// linkResult is what a statement did.
type linkResult struct {
	driver.Result
	link *link
}

func (r *linkResult) LastInsertId() (int64, error) { return r.link.ResultLastInsertId(r.Result) }
func (r *linkResult) RowsAffected() (int64, error) { return r.link.ResultRowsAffected(r.Result) }
