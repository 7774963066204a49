package intercept

import (
	"context"
	"database/sql/driver"

	"github.com/ngrok/sqlmw"

	"github.com/pooled-go/pooled/internal/driverconn"
)

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

// follow is the context for what follows: the one that an interceptor returned, unless it returned none, and with the
// ID if that was lost.
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
