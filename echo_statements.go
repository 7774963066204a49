package pooled

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ngrok/sqlmw"

	"github.com/pooled-go/pooled/internal/driverconn"
)

// echoed are the interceptors with echo's behind them, if it is wanted: next to the server, it logs what is sent there.
func (p *Pool) echoed(interceptors []sqlmw.Interceptor) []sqlmw.Interceptor {
	if p.cfg.Echo == EchoOff {
		return interceptors
	}
	e := echo{pool: p.Name, log: p.log, secrets: p.secrets}
	return append(slices.Clone(interceptors), &statementEcho{echo: e, hide: p.cfg.HideParameters, rows: p.cfg.Echo == EchoDebug})
}

// statementEcho logs statements.
type statementEcho struct {
	sqlmw.NullInterceptor
	echo
	hide bool // arguments and rows
	rows bool // log each row
}

// Events of statements.
const (
	eventExec     = "exec"
	eventQuery    = "query"
	eventPrepare  = "prepare"
	eventBegin    = "begin"
	eventCommit   = "commit"
	eventRollback = "rollback"
	eventRow      = "row"
)

// statement is what is logged of one.
type statement struct {
	event string
	text  string // empty: none
	args  []driver.NamedValue
	began time.Time
	rows  func() (int64, error) // nil: not known
	err   error
}

// done logs a statement that has been answered. One that the parent did not take in this way
// (driver.ErrSkip) comes again in another.
func (e *statementEcho) done(ctx context.Context, s statement) {
	took := time.Since(s.began)
	level := slog.LevelInfo
	switch {
	case errors.Is(s.err, driver.ErrSkip):
		return
	case s.err != nil:
		level = slog.LevelWarn
	}
	if !e.log().Enabled(ctx, level) {
		return
	}
	attrs := []slog.Attr{slog.Uint64("conn", ConnID(ctx))}
	if s.text != "" {
		attrs = append(attrs, slog.String("stmt", s.text))
	}
	if len(s.args) > 0 && !e.hide {
		attrs = append(attrs, slog.String("args", e.formatArgs(s.args)))
	}
	attrs = append(attrs, slog.Duration("dur", took))
	if s.err != nil {
		attrs = append(attrs, slog.String("err", s.err.Error()))
	} else if s.rows != nil {
		if n, err := s.rows(); err == nil {
			attrs = append(attrs, slog.Int64("rows", n))
		}
	}
	e.record(ctx, level, s.event, attrs...)
}

func (e *statementEcho) ConnExecContext(ctx context.Context, conn driver.ExecerContext, text string, args []driver.NamedValue) (driver.Result, error) {
	began := time.Now()
	result, err := conn.ExecContext(ctx, text, args)
	e.done(ctx, statement{event: eventExec, text: text, args: args, began: began, rows: affected(result), err: err})
	return result, err
}

func (e *statementEcho) StmtExecContext(ctx context.Context, stmt driver.StmtExecContext, text string, args []driver.NamedValue) (driver.Result, error) {
	began := time.Now()
	result, err := stmt.ExecContext(ctx, args)
	e.done(ctx, statement{event: eventExec, text: text, args: args, began: began, rows: affected(result), err: err})
	return result, err
}

func affected(result driver.Result) func() (int64, error) {
	if result == nil {
		return nil
	}
	return result.RowsAffected
}

func (e *statementEcho) ConnQueryContext(
	ctx context.Context, conn driver.QueryerContext, text string, args []driver.NamedValue,
) (context.Context, driver.Rows, error) {
	began := time.Now()
	rows, err := conn.QueryContext(ctx, text, args)
	e.done(ctx, statement{event: eventQuery, text: text, args: args, began: began, err: err})
	return withStatement(ctx, text), rows, err
}

func (e *statementEcho) StmtQueryContext(
	ctx context.Context, stmt driver.StmtQueryContext, text string, args []driver.NamedValue,
) (context.Context, driver.Rows, error) {
	began := time.Now()
	rows, err := stmt.QueryContext(ctx, args)
	e.done(ctx, statement{event: eventQuery, text: text, args: args, began: began, err: err})
	return withStatement(ctx, text), rows, err
}

// echoedKey is the key of what was queried, in the context of its Rows.
type echoedKey struct{}

type echoedQuery struct {
	text  string
	began time.Time
}

func withStatement(ctx context.Context, text string) context.Context {
	return context.WithValue(ctx, echoedKey{}, echoedQuery{text, time.Now()})
}

// RowsNext logs an error that comes while rows are read, and if asked for each row.
func (e *statementEcho) RowsNext(ctx context.Context, rows driver.Rows, dest []driver.Value) error {
	err := rows.Next(dest)
	if err != nil && err != io.EOF {
		q, _ := ctx.Value(echoedKey{}).(echoedQuery)
		e.done(ctx, statement{event: eventRow, text: q.text, began: q.began, err: err})
	}
	if err == nil && e.rows && e.log().Enabled(ctx, slog.LevelInfo) {
		attrs := []slog.Attr{slog.Uint64("conn", ConnID(ctx))}
		if !e.hide {
			attrs = append(attrs, slog.String("row", e.formatArgs(driverconn.Named(dest))))
		}
		e.record(ctx, slog.LevelInfo, eventRow, attrs...)
	}
	return err
}

// ConnPrepareContext logs a statement that is prepared.
func (e *statementEcho) ConnPrepareContext(ctx context.Context, conn driver.ConnPrepareContext, text string) (context.Context, driver.Stmt, error) {
	began := time.Now()
	stmt, err := conn.PrepareContext(ctx, text)
	e.done(ctx, statement{event: eventPrepare, text: text, began: began, err: err})
	return ctx, stmt, err
}

func (e *statementEcho) ConnBeginTx(ctx context.Context, conn driver.ConnBeginTx, opts driver.TxOptions) (context.Context, driver.Tx, error) {
	began := time.Now()
	tx, err := conn.BeginTx(ctx, opts)
	e.done(ctx, statement{event: eventBegin, began: began, err: err})
	return ctx, tx, err
}

func (e *statementEcho) TxCommit(ctx context.Context, tx driver.Tx) error {
	began := time.Now()
	err := tx.Commit()
	e.done(ctx, statement{event: eventCommit, began: began, err: err})
	return err
}

func (e *statementEcho) TxRollback(ctx context.Context, tx driver.Tx) error {
	began := time.Now()
	err := tx.Rollback()
	e.done(ctx, statement{event: eventRollback, began: began, err: err})
	return err
}

// How much of arguments is logged: characters of one, and how many.
const (
	argLimit  = 100
	argsLimit = 20
	// argWindow is how much of a byte slice is looked at: far more than the masks in argLimit characters can stand for.
	argWindow = 1 << 20
)

// formatArgs is the arguments, long ones cut, on one line.
func (e *statementEcho) formatArgs(args []driver.NamedValue) string {
	var b strings.Builder
	b.WriteByte('[')
	for i, arg := range args {
		if i > 0 {
			b.WriteString(", ")
		}
		if i == argsLimit {
			fmt.Fprintf(&b, "and %d more", len(args)-i)
			break
		}
		if arg.Name != "" {
			b.WriteString(arg.Name + "=")
		}
		b.WriteString(e.formatArg(arg.Value))
	}
	return b.String() + "]"
}

func (e *statementEcho) formatArg(value driver.Value) string {
	switch v := value.(type) {
	case nil:
		return "NULL"
	case string:
		return strconv.Quote(e.secrets.Clip(v, argLimit))
	case []byte:
		text := e.secrets.Head(string(v[:min(len(v), argWindow)]), argLimit)
		if len(v) > argLimit {
			return fmt.Sprintf("%q and %d bytes more", text, len(v)-argLimit)
		}
		return strconv.Quote(text)
	case time.Time:
		return v.Format(time.RFC3339Nano)
	}
	return e.secrets.Clip(fmt.Sprint(value), argLimit)
}
