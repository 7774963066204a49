package pooled

import (
	"context"
	"database/sql/driver"

	"github.com/pooled-go/pooled/internal/intercept"
)

// Interceptor is called in the place of the wrapped driver for the program's operations on a server connection. It
// goes on by calling the same method of what it is given, or answers by itself. A method that returns a context has it
// used for what follows: the rows, the statement or the transaction.
//
// Its methods are those of github.com/ngrok/sqlmw, whose interceptors can be used as they are; embed its
// NullInterceptor in one that is interested in a few methods only. Unlike sqlmw's driver, the pool calls an
// interceptor only where the wrapped driver can do what is asked, in whatever old or new way.
//
// An interceptor is called for all server connections of a pool, and for several at the same time.
type Interceptor interface {
	// ConnectorConnect opens a server connection.
	ConnectorConnect(context.Context, driver.Connector) (driver.Conn, error)

	ConnPing(context.Context, driver.Pinger) error
	ConnBeginTx(context.Context, driver.ConnBeginTx, driver.TxOptions) (context.Context, driver.Tx, error)
	ConnPrepareContext(context.Context, driver.ConnPrepareContext, string) (context.Context, driver.Stmt, error)

	// The error driver.ErrSkip says that the driver wants the statement prepared first; it comes again that way.
	ConnExecContext(context.Context, driver.ExecerContext, string, []driver.NamedValue) (driver.Result, error)
	ConnQueryContext(context.Context, driver.QueryerContext, string, []driver.NamedValue) (
		context.Context, driver.Rows, error)

	// Statements are given with their text. StmtClose may come long after the statement was used.
	StmtExecContext(context.Context, driver.StmtExecContext, string, []driver.NamedValue) (driver.Result, error)
	StmtQueryContext(context.Context, driver.StmtQueryContext, string, []driver.NamedValue) (
		context.Context, driver.Rows, error)
	StmtClose(context.Context, driver.Stmt) error

	RowsNext(context.Context, driver.Rows, []driver.Value) error
	RowsClose(context.Context, driver.Rows) error

	ResultLastInsertId(driver.Result) (int64, error)
	ResultRowsAffected(driver.Result) (int64, error)

	TxCommit(context.Context, driver.Tx) error
	TxRollback(context.Context, driver.Tx) error
}

// ConnID is the ID of the server connection that an Interceptor's context belongs to, as ServerConn.ID, in all its
// functions but ConnectorConnect; elsewhere 0.
func ConnID(ctx context.Context) uint64 { return intercept.ConnID(ctx) }
