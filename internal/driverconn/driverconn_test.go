package driverconn_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"testing"

	"github.com/pooled-go/pooled/internal/driverconn"
	"github.com/pooled-go/pooled/internal/pooledtest"
)

func TestMain(m *testing.M) { pooledtest.Main(m) }

// TestConformance: database/sql over a wrapper that does everything by this package is the same to a program, and to
// the server, as database/sql alone, whatever interfaces the driver has.
func TestConformance(t *testing.T) {
	pooledtest.Conform(t, pooledtest.Everything, func(_ *testing.T, parent driver.Connector) *sql.DB {
		return sql.OpenDB(connector{parent})
	})
}

type connector struct{ driver.Connector }

func (c connector) Connect(ctx context.Context) (driver.Conn, error) {
	inner, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return &conn{Conn: driverconn.Of(inner)}, nil
}

// conn has every optional interface. Arguments are converted by the operation, as a pool has to that knows the
// connection no sooner.
type conn struct {
	driverconn.Conn
	lost bool // database/sql would have closed it
}

func (c *conn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	if c.Execer == nil {
		return nil, driver.ErrSkip
	}
	args, err := c.ArgRules().Convert(args)
	if err != nil {
		return nil, err
	}
	return c.Exec(ctx, query, args)
}

func (c *conn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	if c.Queryer == nil {
		return nil, driver.ErrSkip
	}
	args, err := c.ArgRules().Convert(args)
	if err != nil {
		return nil, err
	}
	rows, err := c.Conn.Query(ctx, query, args)
	return wrap(rows), err
}

func wrap(rows driver.Rows) driver.Rows {
	if rows == nil {
		return nil
	}
	return driverconn.Rows{Rows: rows}
}

func (c *conn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	inner, err := c.Conn.Prepare(ctx, query)
	if err != nil {
		return nil, err
	}
	return &stmt{inner, c}, nil
}

func (c *conn) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	inner, err := c.Conn.Begin(ctx, opts)
	if err != nil {
		return nil, err
	}
	return &tx{inner, c, ctx}, nil
}

func (c *conn) Ping(ctx context.Context) error {
	if c.Pinger == nil {
		return nil
	}
	return c.Pinger.Ping(ctx)
}

func (c *conn) ResetSession(ctx context.Context) error {
	if c.Resetter == nil {
		return nil
	}
	return c.Resetter.ResetSession(ctx)
}

func (c *conn) IsValid() bool {
	return !c.lost && (c.Validator == nil || c.Validator.IsValid())
}

func (c *conn) Close() error                              { return c.Conn.Conn.Close() }
func (c *conn) CheckNamedValue(*driver.NamedValue) error  { return nil }
func (c *conn) Begin() (driver.Tx, error)                 { panic("database/sql uses BeginTx") }
func (c *conn) Prepare(query string) (driver.Stmt, error) { panic("database/sql uses PrepareContext") }

type stmt struct {
	driver.Stmt
	conn *conn
}

func (s *stmt) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	args, err := s.conn.StmtArgRules(s.Stmt).Convert(args)
	if err != nil {
		return nil, err
	}
	return driverconn.ExecStmt(ctx, s.Stmt, args)
}

func (s *stmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	args, err := s.conn.StmtArgRules(s.Stmt).Convert(args)
	if err != nil {
		return nil, err
	}
	rows, err := driverconn.QueryStmt(ctx, s.Stmt, args)
	return wrap(rows), err
}

func (s *stmt) NumInput() int                            { return -1 }
func (s *stmt) CheckNamedValue(*driver.NamedValue) error { return nil }

type tx struct {
	driver.Tx
	conn *conn
	ctx  context.Context
}

func (t *tx) Rollback() error {
	if t.ctx.Err() != nil && !t.conn.KeptOnRollback() {
		t.conn.lost = true
	}
	return t.Tx.Rollback()
}
