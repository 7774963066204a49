package pooled

import (
	"context"
	"database/sql/driver"
	"errors"
)

// parentConn is the parent driver's connection with its optional interfaces,
// asserted once. A nil field is an interface that it lacks. The methods do what
// database/sql would do with such a connection, fallbacks and words of errors
// included (Go's database/sql/ctxutil.go), so that a program can't tell.
type parentConn struct {
	conn      driver.Conn
	execerCtx driver.ExecerContext
	queryCtx  driver.QueryerContext
	preparer  driver.ConnPrepareContext
	beginner  driver.ConnBeginTx
	pinger    driver.Pinger
	resetter  driver.SessionResetter
	validator driver.Validator
	checker   driver.NamedValueChecker
}

func inspect(conn driver.Conn) parentConn {
	p := parentConn{conn: conn}
	p.execerCtx = execerOf(conn)
	p.queryCtx = queryerOf(conn)
	p.preparer, _ = conn.(driver.ConnPrepareContext)
	p.beginner, _ = conn.(driver.ConnBeginTx)
	p.pinger, _ = conn.(driver.Pinger)
	p.resetter, _ = conn.(driver.SessionResetter)
	p.validator, _ = conn.(driver.Validator)
	p.checker, _ = conn.(driver.NamedValueChecker)
	return p
}

// keepsConnOnRollback reports whether database/sql would keep this connection
// after it rolled a transaction back because the context ended.
func (p *parentConn) keepsConnOnRollback() bool {
	return p.resetter != nil && p.validator != nil
}

func (p *parentConn) canExec() bool  { return p.execerCtx != nil }
func (p *parentConn) canQuery() bool { return p.queryCtx != nil }

// exec answers driver.ErrSkip if the parent wants a prepared statement.
func (p *parentConn) exec(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	if p.execerCtx != nil {
		return p.execerCtx.ExecContext(ctx, query, args)
	}
	return nil, driver.ErrSkip
}

// query answers driver.ErrSkip if the parent wants a prepared statement.
func (p *parentConn) query(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	if p.queryCtx != nil {
		return p.queryCtx.QueryContext(ctx, query, args)
	}
	return nil, driver.ErrSkip
}

// oldExecer is a parent that knows no contexts.
type oldExecer struct{ driver.Execer } //nolint:staticcheck // it may have nothing newer

func (e oldExecer) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	values, err := unnamed(ctx, args)
	if err != nil {
		return nil, err
	}
	return e.Exec(query, values)
}

func execerOf(conn driver.Conn) driver.ExecerContext {
	switch c := conn.(type) {
	case driver.ExecerContext:
		return c
	case driver.Execer: //nolint:staticcheck // see oldExecer
		return oldExecer{c}
	}
	return nil
}

// oldQueryer is a parent that knows no contexts.
type oldQueryer struct{ driver.Queryer } //nolint:staticcheck // it may have nothing newer

func (q oldQueryer) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	values, err := unnamed(ctx, args)
	if err != nil {
		return nil, err
	}
	return q.Query(query, values)
}

func queryerOf(conn driver.Conn) driver.QueryerContext {
	switch c := conn.(type) {
	case driver.QueryerContext:
		return c
	case driver.Queryer: //nolint:staticcheck // see oldQueryer
		return oldQueryer{c}
	}
	return nil
}

func (p *parentConn) prepare(ctx context.Context, query string) (driver.Stmt, error) {
	if p.preparer != nil {
		return p.preparer.PrepareContext(ctx, query)
	}
	stmt, err := p.conn.Prepare(query)
	if err == nil && ctx.Err() != nil {
		stmt.Close()
		return nil, ctx.Err()
	}
	return stmt, err
}

// begin refuses what a parent without ConnBeginTx can't do; it drops nothing
// in silence.
func (p *parentConn) begin(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	if p.beginner != nil {
		return p.beginner.BeginTx(ctx, opts)
	}
	if opts.Isolation != 0 {
		return nil, errors.New("sql: driver does not support non-default isolation level")
	}
	if opts.ReadOnly {
		return nil, errors.New("sql: driver does not support read-only transactions")
	}
	tx, err := p.conn.Begin() //nolint:staticcheck // all such a parent has
	if err == nil && ctx.Err() != nil {
		tx.Rollback()
		return nil, ctx.Err()
	}
	return tx, err
}

func stmtExec(ctx context.Context, stmt driver.Stmt, args []driver.NamedValue) (driver.Result, error) {
	if s, ok := stmt.(driver.StmtExecContext); ok {
		return s.ExecContext(ctx, args)
	}
	values, err := unnamed(ctx, args)
	if err != nil {
		return nil, err
	}
	return stmt.Exec(values) //nolint:staticcheck // all such a parent has
}

func stmtQuery(ctx context.Context, stmt driver.Stmt, args []driver.NamedValue) (driver.Rows, error) {
	if s, ok := stmt.(driver.StmtQueryContext); ok {
		return s.QueryContext(ctx, args)
	}
	values, err := unnamed(ctx, args)
	if err != nil {
		return nil, err
	}
	return stmt.Query(values) //nolint:staticcheck // all such a parent has
}

// unnamed prepares a call that knows neither names nor contexts: names are
// refused, and a context that has ended is noticed before anything is sent.
func unnamed(ctx context.Context, args []driver.NamedValue) ([]driver.Value, error) {
	values := make([]driver.Value, len(args))
	for i, arg := range args {
		if arg.Name != "" {
			return nil, errors.New("sql: driver does not support the use of Named Parameters")
		}
		values[i] = arg.Value
	}
	return values, ctx.Err()
}
