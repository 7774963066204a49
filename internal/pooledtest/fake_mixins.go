package pooledtest

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
)

// Each type below adds one optional interface to a connection or statement that embeds it.
type (
	execCtx    struct{ on *conn }
	queryCtx   struct{ on *conn }
	prepareCtx struct{ on *conn }
	beginTx    struct{ on *conn }
	pinger     struct{ on *conn }
	resetter   struct{ on *conn }
	validator  struct{ on *conn }
	execer     struct{ on *conn }
	queryer    struct{ on *conn }

	// These answer ErrSkip when there are arguments, as go-sql-driver/mysql does unless it interpolates.
	skipExecCtx  struct{ on *conn }
	skipQueryCtx struct{ on *conn }
	skipExecer   struct{ on *conn }
	skipQueryer  struct{ on *conn }

	connChecker struct{ on *conn }

	stmtExecCtx  struct{ on *stmt }
	stmtQueryCtx struct{ on *stmt }
	stmtChecker  struct{ on *stmt }
	converter    struct{ on *stmt }
	counted      struct{ on *stmt } // NumInput known
	uncounted    struct{}           // NumInput -1
)

func (m execCtx) ExecContext(ctx context.Context, q string, args []driver.NamedValue) (driver.Result, error) {
	return m.on.exec(ctx, "exec", q, args)
}

func (m queryCtx) QueryContext(ctx context.Context, q string, args []driver.NamedValue) (driver.Rows, error) {
	return m.on.query(ctx, "query", q, args, nil)
}

func (m prepareCtx) PrepareContext(ctx context.Context, q string) (driver.Stmt, error) {
	return m.on.prepare(ctx, q)
}

func (m beginTx) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	return m.on.begin(ctx, opts)
}

func (m pinger) Ping(ctx context.Context) error           { return m.on.ping(ctx) }
func (m resetter) ResetSession(ctx context.Context) error { return m.on.resetSession(ctx) }
func (m validator) IsValid() bool                         { return m.on.isValid() }

func (m execer) Exec(q string, args []driver.Value) (driver.Result, error) {
	return m.on.exec(context.Background(), "exec", q, named(args))
}

func (m queryer) Query(q string, args []driver.Value) (driver.Rows, error) {
	return m.on.query(context.Background(), "query", q, named(args), nil)
}

// skip enters the connection to find calls at the same moment, and sends nothing.
func (c *conn) skip(what string) error {
	leave, err := c.enter(what)
	defer leave()
	if err != nil {
		return err
	}
	return driver.ErrSkip
}

func (m skipExecCtx) ExecContext(ctx context.Context, q string, args []driver.NamedValue) (driver.Result, error) {
	if len(args) > 0 {
		return nil, m.on.skip("exec")
	}
	return m.on.exec(ctx, "exec", q, args)
}

func (m skipQueryCtx) QueryContext(ctx context.Context, q string, args []driver.NamedValue) (driver.Rows, error) {
	if len(args) > 0 {
		return nil, m.on.skip("query")
	}
	return m.on.query(ctx, "query", q, args, nil)
}

func (m skipExecer) Exec(q string, args []driver.Value) (driver.Result, error) {
	if len(args) > 0 {
		return nil, m.on.skip("exec")
	}
	return execer(m).Exec(q, args)
}

func (m skipQueryer) Query(q string, args []driver.Value) (driver.Rows, error) {
	if len(args) > 0 {
		return nil, m.on.skip("query")
	}
	return queryer(m).Query(q, args)
}

func (m stmtExecCtx) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	return m.on.exec(ctx, args)
}

func (m stmtQueryCtx) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	return m.on.run(ctx, args)
}

func (m counted) NumInput() int   { return inputs(m.on.query) }
func (m uncounted) NumInput() int { return -1 }

// Arguments that only some drivers understand.
type (
	// Custom is understood by checkers and column converters alone, which turn it into a string that names them:
	// "conn:x", "stmt:x" or "column 0:x".
	Custom struct{ Text string }

	// Removed is taken out of the arguments by a checker (driver.ErrRemoveArgument).
	Removed struct{}

	// Rejected is refused by a checker and a column converter with ErrRejected.
	Rejected struct{}
)

// ErrRejected is a driver's own error for an argument.
var ErrRejected = errors.New("fake: argument rejected")

func check(who string, nv *driver.NamedValue) error {
	switch v := nv.Value.(type) {
	case Custom:
		nv.Value = who + ":" + v.Text
		return nil
	case Removed:
		return driver.ErrRemoveArgument
	case Rejected:
		return ErrRejected
	case sql.Out:
		return nil
	}
	return driver.ErrSkip
}

func (m connChecker) CheckNamedValue(nv *driver.NamedValue) error {
	leave, err := m.on.enter("CheckNamedValue")
	defer leave()
	if err != nil {
		return err
	}
	return check("conn", nv)
}

func (m stmtChecker) CheckNamedValue(nv *driver.NamedValue) error {
	leave, err := m.on.c.enter("stmt CheckNamedValue")
	defer leave()
	if err != nil {
		return err
	}
	return check("stmt", nv)
}

// ColumnConverter marks each string with the column it is meant for.
func (m converter) ColumnConverter(i int) driver.ValueConverter { return columnConverter(i) }

type columnConverter int

func (i columnConverter) ConvertValue(v any) (driver.Value, error) {
	switch v := v.(type) {
	case Custom:
		return fmt.Sprintf("column %d:%s", i, v.Text), nil
	case Rejected:
		return nil, ErrRejected
	case string:
		return fmt.Sprintf("column %d:%s", i, v), nil
	}
	return driver.DefaultParameterConverter.ConvertValue(v)
}
