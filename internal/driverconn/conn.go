// Package driverconn calls a driver's connection in the same way as database/sql: through the optional interfaces if
// the driver has them, otherwise through the old ones (Go's database/sql/ctxutil.go and convert.go). Results, order of
// calls and words of errors are the same, so that a program can't tell who made the calls.
package driverconn

import (
	"context"
	"database/sql/driver"
	"errors"
)

// Conn is a driver's connection with its optional interfaces, asserted once. A nil field is an interface that it
// lacks; Execer and Queryer stand for the old ones too. A copy in which some of them are replaced is a connection with
// something before it. Like the connection itself it is used by one goroutine at a time.
type Conn struct {
	Conn      driver.Conn
	Execer    driver.ExecerContext
	Queryer   driver.QueryerContext
	Preparer  driver.ConnPrepareContext
	Beginner  driver.ConnBeginTx
	Pinger    driver.Pinger
	Resetter  driver.SessionResetter
	Validator driver.Validator
	Checker   driver.NamedValueChecker
}

// Of is the connection with the interfaces that it has.
func Of(conn driver.Conn) Conn {
	c := Conn{Conn: conn}
	c.Execer = execerOf(conn)
	c.Queryer = queryerOf(conn)
	c.Preparer, _ = conn.(driver.ConnPrepareContext)
	c.Beginner, _ = conn.(driver.ConnBeginTx)
	c.Pinger, _ = conn.(driver.Pinger)
	c.Resetter, _ = conn.(driver.SessionResetter)
	c.Validator, _ = conn.(driver.Validator)
	c.Checker, _ = conn.(driver.NamedValueChecker)
	return c
}

// KeptOnRollback reports whether database/sql keeps this connection after it rolled a transaction back because the
// context ended.
func (c *Conn) KeptOnRollback() bool {
	return c.Resetter != nil && c.Validator != nil
}

// Exec answers driver.ErrSkip if the driver wants a prepared statement.
func (c *Conn) Exec(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	if c.Execer != nil {
		return c.Execer.ExecContext(ctx, query, args)
	}
	return nil, driver.ErrSkip
}

// Query answers driver.ErrSkip if the driver wants a prepared statement.
func (c *Conn) Query(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	if c.Queryer != nil {
		return c.Queryer.QueryContext(ctx, query, args)
	}
	return nil, driver.ErrSkip
}

// Prepare prepares a statement.
func (c *Conn) Prepare(ctx context.Context, query string) (driver.Stmt, error) {
	if c.Preparer != nil {
		return c.Preparer.PrepareContext(ctx, query)
	}
	stmt, err := c.Conn.Prepare(query)
	if err == nil && ctx.Err() != nil {
		stmt.Close()
		return nil, ctx.Err()
	}
	return stmt, err
}

// Begin begins a transaction. Options that the driver can't be told are an error.
func (c *Conn) Begin(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	if c.Beginner != nil {
		return c.Beginner.BeginTx(ctx, opts)
	}
	if opts.Isolation != 0 {
		return nil, errors.New("sql: driver does not support non-default isolation level")
	}
	if opts.ReadOnly {
		return nil, errors.New("sql: driver does not support read-only transactions")
	}
	tx, err := c.Conn.Begin() //nolint:staticcheck // all that such a driver has
	if err == nil && ctx.Err() != nil {
		tx.Rollback()
		return nil, ctx.Err()
	}
	return tx, err
}

// oldExecer is a connection that knows no contexts.
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

// oldQueryer is a connection that knows no contexts.
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
