package pooledtest

import (
	"context"
	"database/sql/driver"
	"fmt"

	"github.com/ngrok/sqlmw"
)

var _ sqlmw.Interceptor = Tracer{}

// Tracer is an interceptor that writes down each of its calls and puts a mark into the contexts that it returns.
type Tracer struct {
	Name   string
	ConnID func(context.Context) uint64 // what the context says of its connection
	Calls  *[]string                    // may be that of several, if they are called one at a time
}

type tracerKey struct{ name string }

func (i Tracer) add(ctx context.Context, format string, args ...any) {
	mark := ""
	if ctx.Value(tracerKey{i.Name}) != nil {
		mark = " marked"
	}
	id := ""
	if n := i.ConnID(ctx); n != 0 {
		id = fmt.Sprint(" conn ", n)
	}
	*i.Calls = append(*i.Calls, i.Name+" "+fmt.Sprintf(format, args...)+id+mark)
}

func (i Tracer) marked(ctx context.Context) context.Context {
	return context.WithValue(ctx, tracerKey{i.Name}, true)
}

func (i Tracer) ConnBeginTx(
	ctx context.Context, c driver.ConnBeginTx, o driver.TxOptions,
) (context.Context, driver.Tx, error) {
	i.add(ctx, "begin")
	tx, err := c.BeginTx(ctx, o)
	return i.marked(ctx), tx, err
}

func (i Tracer) ConnPrepareContext(
	ctx context.Context, c driver.ConnPrepareContext, q string,
) (context.Context, driver.Stmt, error) {
	i.add(ctx, "prepare %s", q)
	st, err := c.PrepareContext(ctx, q)
	return i.marked(ctx), st, err
}

func (i Tracer) ConnPing(ctx context.Context, c driver.Pinger) error {
	i.add(ctx, "ping")
	return c.Ping(ctx)
}

func (i Tracer) ConnExecContext(
	ctx context.Context, c driver.ExecerContext, q string, args []driver.NamedValue,
) (driver.Result, error) {
	i.add(ctx, "exec %s", q)
	return c.ExecContext(ctx, q, args)
}

func (i Tracer) ConnQueryContext(
	ctx context.Context, c driver.QueryerContext, q string, args []driver.NamedValue,
) (context.Context, driver.Rows, error) {
	i.add(ctx, "query %s", q)
	rows, err := c.QueryContext(ctx, q, args)
	return i.marked(ctx), rows, err
}

func (i Tracer) ConnectorConnect(ctx context.Context, c driver.Connector) (driver.Conn, error) {
	i.add(ctx, "connect")
	return c.Connect(ctx)
}

//lint:ignore ST1003 it is the interface's name
func (i Tracer) ResultLastInsertId(r driver.Result) (int64, error) {
	i.add(context.Background(), "last insert id")
	return r.LastInsertId()
}

func (i Tracer) ResultRowsAffected(r driver.Result) (int64, error) {
	i.add(context.Background(), "rows affected")
	return r.RowsAffected()
}

func (i Tracer) RowsNext(ctx context.Context, r driver.Rows, dest []driver.Value) error {
	i.add(ctx, "next")
	return r.Next(dest)
}

func (i Tracer) RowsClose(ctx context.Context, r driver.Rows) error {
	i.add(ctx, "close rows")
	return r.Close()
}

func (i Tracer) StmtExecContext(
	ctx context.Context, st driver.StmtExecContext, q string, args []driver.NamedValue,
) (driver.Result, error) {
	i.add(ctx, "stmt exec %s", q)
	return st.ExecContext(ctx, args)
}

func (i Tracer) StmtQueryContext(
	ctx context.Context, st driver.StmtQueryContext, q string, args []driver.NamedValue,
) (context.Context, driver.Rows, error) {
	i.add(ctx, "stmt query %s", q)
	rows, err := st.QueryContext(ctx, args)
	return i.marked(ctx), rows, err
}

func (i Tracer) StmtClose(ctx context.Context, st driver.Stmt) error {
	i.add(ctx, "close stmt")
	return st.Close()
}

func (i Tracer) TxCommit(ctx context.Context, tx driver.Tx) error {
	i.add(ctx, "commit")
	return tx.Commit()
}

func (i Tracer) TxRollback(ctx context.Context, tx driver.Tx) error {
	i.add(ctx, "rollback")
	return tx.Rollback()
}
