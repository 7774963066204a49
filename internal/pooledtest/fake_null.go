package pooledtest

import (
	"context"
	"database/sql/driver"
	"io"
)

// Null is a connector for benchmarks: its connections do nothing, at once and without allocating, check nothing and
// may be used from any goroutine. Every interface a wrapper could look for is there.
type Null struct{}

type nullDriver struct{}
type nullConn struct{ _ byte } // not empty, so that each connection has an address of its own
type nullStmt struct{}
type nullTx struct{}
type nullRows struct{}

var (
	_ driver.Connector          = Null{}
	_ driver.ExecerContext      = (*nullConn)(nil)
	_ driver.QueryerContext     = (*nullConn)(nil)
	_ driver.ConnPrepareContext = (*nullConn)(nil)
	_ driver.ConnBeginTx        = (*nullConn)(nil)
	_ driver.Pinger             = (*nullConn)(nil)
	_ driver.SessionResetter    = (*nullConn)(nil)
	_ driver.Validator          = (*nullConn)(nil)
	_ driver.StmtExecContext    = nullStmt{}
	_ driver.StmtQueryContext   = nullStmt{}
)

// Connect returns a new connection.
func (Null) Connect(context.Context) (driver.Conn, error) { return &nullConn{}, nil }

// Driver returns a driver that opens the same.
func (Null) Driver() driver.Driver { return nullDriver{} }

func (nullDriver) Open(string) (driver.Conn, error) { return &nullConn{}, nil }

func (*nullConn) Close() error                        { return nil }
func (*nullConn) Begin() (driver.Tx, error)           { return nullTx{}, nil }
func (*nullConn) Prepare(string) (driver.Stmt, error) { return nullStmt{}, nil }
func (*nullConn) Ping(context.Context) error          { return nil }
func (*nullConn) ResetSession(context.Context) error  { return nil }
func (*nullConn) IsValid() bool                       { return true }

func (*nullConn) BeginTx(context.Context, driver.TxOptions) (driver.Tx, error) { return nullTx{}, nil }

func (*nullConn) PrepareContext(context.Context, string) (driver.Stmt, error) {
	return nullStmt{}, nil
}

func (*nullConn) ExecContext(context.Context, string, []driver.NamedValue) (driver.Result, error) {
	return driver.RowsAffected(1), nil
}

func (*nullConn) QueryContext(context.Context, string, []driver.NamedValue) (driver.Rows, error) {
	return nullRows{}, nil
}

func (nullStmt) Close() error                               { return nil }
func (nullStmt) NumInput() int                              { return -1 }
func (nullStmt) Exec([]driver.Value) (driver.Result, error) { return driver.RowsAffected(1), nil }
func (nullStmt) Query([]driver.Value) (driver.Rows, error)  { return nullRows{}, nil }

func (nullStmt) ExecContext(context.Context, []driver.NamedValue) (driver.Result, error) {
	return driver.RowsAffected(1), nil
}

func (nullStmt) QueryContext(context.Context, []driver.NamedValue) (driver.Rows, error) {
	return nullRows{}, nil
}

func (nullTx) Commit() error   { return nil }
func (nullTx) Rollback() error { return nil }

func (nullRows) Columns() []string         { return nil }
func (nullRows) Close() error              { return nil }
func (nullRows) Next([]driver.Value) error { return io.EOF }
