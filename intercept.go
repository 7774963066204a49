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
	ConnectorConnect(ctx context.Context, next driver.Connector) (driver.Conn, error)

	ConnPing(ctx context.Context, next driver.Pinger) error
	ConnBeginTx(ctx context.Context, next driver.ConnBeginTx, opts driver.TxOptions) (context.Context, driver.Tx, error)
	ConnPrepareContext(ctx context.Context, next driver.ConnPrepareContext, query string) (
		context.Context, driver.Stmt, error)

	// The error driver.ErrSkip says that the driver wants the statement prepared first; it comes again that way.
	ConnExecContext(ctx context.Context, next driver.ExecerContext, query string, args []driver.NamedValue) (
		driver.Result, error)
	ConnQueryContext(ctx context.Context, next driver.QueryerContext, query string, args []driver.NamedValue) (
		context.Context, driver.Rows, error)

	// Statements are given with their text. StmtClose may come long after the statement was used.
	StmtExecContext(ctx context.Context, next driver.StmtExecContext, query string, args []driver.NamedValue) (
		driver.Result, error)
	StmtQueryContext(ctx context.Context, next driver.StmtQueryContext, query string, args []driver.NamedValue) (
		context.Context, driver.Rows, error)
	StmtClose(ctx context.Context, next driver.Stmt) error

	RowsNext(ctx context.Context, next driver.Rows, dest []driver.Value) error
	RowsClose(ctx context.Context, next driver.Rows) error

	ResultLastInsertId(next driver.Result) (int64, error)
	ResultRowsAffected(next driver.Result) (int64, error)

	TxCommit(ctx context.Context, next driver.Tx) error
	TxRollback(ctx context.Context, next driver.Tx) error
}

// ConnID returns the ID (ServerConn.ID) of the server connection for which an interceptor is called. It is 0 in
// ConnectorConnect, and outside of interceptors.
func ConnID(ctx context.Context) uint64 { return intercept.ConnID(ctx) }
