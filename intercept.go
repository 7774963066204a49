package pooled

import (
	"context"
	"database/sql/driver"

	"github.com/pooled-go/pooled/internal/intercept"
)

// Interceptor is called instead of the wrapped driver for the program's operations on a server connection. It calls the
// same method of next, or returns a result of its own. If a method returns a context, it is used for what follows: the
// rows, the statement or the transaction.
//
// Its methods are those of github.com/ngrok/sqlmw, whose interceptors can be used unchanged. Embed
// sqlmw.NullInterceptor to write only a few methods. Unlike sqlmw's driver, the pool calls an interceptor only for
// operations that the wrapped driver supports, with its old interfaces or its new ones.
//
// An interceptor is called for all server connections of a pool, and for several at the same time.
type Interceptor interface {
	// ConnectorConnect opens a server connection.
	ConnectorConnect(ctx context.Context, next driver.Connector) (driver.Conn, error)

	ConnPing(ctx context.Context, next driver.Pinger) error
	ConnBeginTx(ctx context.Context, next driver.ConnBeginTx, opts driver.TxOptions) (context.Context, driver.Tx, error)
	ConnPrepareContext(ctx context.Context, next driver.ConnPrepareContext, query string) (
		context.Context, driver.Stmt, error)

	// The error driver.ErrSkip means that the driver wants to prepare the statement first. The interceptor is then
	// called for the prepared one.
	ConnExecContext(ctx context.Context, next driver.ExecerContext, query string, args []driver.NamedValue) (
		driver.Result, error)
	ConnQueryContext(ctx context.Context, next driver.QueryerContext, query string, args []driver.NamedValue) (
		context.Context, driver.Rows, error)

	// query is the statement's text. StmtClose may be called long after the statement was used.
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

// ConnID returns, in an interceptor, the [ServerConn.ID] of its server connection. It is 0 in ConnectorConnect, and
// outside of interceptors.
func ConnID(ctx context.Context) uint64 { return intercept.ConnID(ctx) }
