package intercept

import (
	"context"
	"database/sql/driver"

	"github.com/pooled-go/pooled/internal/driverconn"
)

// chainEnd is the driver's connection. It may lack what a linkConn has; what it lacks altogether is not asked of it.
type chainEnd struct {
	driver *driverconn.Conn
	guard  Guard
}

// sending is the last moment before a statement goes to the driver.
func (c *chainEnd) sending(query string, args []driver.NamedValue) error {
	if err := c.guard.Allow(query, args); err != nil {
		return err
	}
	c.guard.Sending(query)
	return nil
}

func (c *chainEnd) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	if err := c.sending(query, args); err != nil {
		return nil, err
	}
	result, err := c.driver.Exec(ctx, query, args)
	return result, c.guard.TrueErr(err)
}

func (c *chainEnd) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	if err := c.sending(query, args); err != nil {
		return nil, err
	}
	rows, err := c.driver.Query(ctx, query, args)
	return rows, c.guard.TrueErr(err)
}

func (c *chainEnd) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	if err := c.guard.Allow(query, nil); err != nil {
		return nil, err
	}
	stmt, err := c.driver.Prepare(ctx, query)
	if err != nil {
		return nil, err
	}
	return &endStmt{Stmt: stmt, end: c, query: query}, nil
}

func (c *chainEnd) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	c.guard.Beginning()
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
	s.end.guard.Sending(s.query)
	result, err := driverconn.ExecStmt(ctx, s.Stmt, args)
	return result, s.end.guard.TrueErr(err)
}

func (s *endStmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	s.end.guard.Sending(s.query)
	rows, err := driverconn.QueryStmt(ctx, s.Stmt, args)
	return rows, s.end.guard.TrueErr(err)
}

// endTx is a transaction of the driver's.
type endTx struct {
	driver.Tx
	end *chainEnd
}

func (t *endTx) Commit() error { return t.end.guard.TrueErr(t.Tx.Commit()) }
