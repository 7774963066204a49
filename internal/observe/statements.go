package observe

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/ngrok/sqlmw"
)

// StatementLog is an interceptor that logs statements: next to the server, what is sent
// there. Those that went wrong are logged at level Warn, the others at Info.
type StatementLog struct {
	sqlmw.NullInterceptor
	Log
	ConnID         func(context.Context) uint64 // the connection's number
	HideParameters bool                         // neither arguments nor rows are logged
	Rows           bool                         // each row is logged
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

// done logs a statement that has been answered. One that the driver did not take in this way
// (driver.ErrSkip) comes again in another.
func (l *StatementLog) done(ctx context.Context, s statement) {
	took := time.Since(s.began)
	level := slog.LevelInfo
	switch {
	case errors.Is(s.err, driver.ErrSkip):
		return
	case s.err != nil:
		level = slog.LevelWarn
	}
	if !l.Enabled(ctx, level) {
		return
	}
	attrs := append(make([]slog.Attr, 0, 5), slog.Uint64("conn", l.ConnID(ctx)))
	if s.text != "" {
		attrs = append(attrs, slog.String("stmt", s.text))
	}
	if len(s.args) > 0 && !l.HideParameters {
		attrs = append(attrs, slog.String("args", l.formatArgs(s.args)))
	}
	attrs = append(attrs, millis("duration_ms", took))
	if s.err != nil {
		attrs = append(attrs, slog.String("err", s.err.Error()))
	} else if s.rows != nil {
		if n, err := s.rows(); err == nil {
			attrs = append(attrs, slog.Int64("rows", n))
		}
	}
	l.Record(ctx, level, s.event, attrs...)
}

func (l *StatementLog) ConnExecContext(
	ctx context.Context, conn driver.ExecerContext, text string, args []driver.NamedValue,
) (driver.Result, error) {
	began := time.Now()
	result, err := conn.ExecContext(ctx, text, args)
	l.done(ctx, statement{event: eventExec, text: text, args: args, began: began, rows: affected(result), err: err})
	return result, err
}

func (l *StatementLog) StmtExecContext(
	ctx context.Context, stmt driver.StmtExecContext, text string, args []driver.NamedValue,
) (driver.Result, error) {
	began := time.Now()
	result, err := stmt.ExecContext(ctx, args)
	l.done(ctx, statement{event: eventExec, text: text, args: args, began: began, rows: affected(result), err: err})
	return result, err
}

func affected(result driver.Result) func() (int64, error) {
	if result == nil {
		return nil
	}
	return result.RowsAffected
}

func (l *StatementLog) ConnQueryContext(
	ctx context.Context, conn driver.QueryerContext, text string, args []driver.NamedValue,
) (context.Context, driver.Rows, error) {
	began := time.Now()
	rows, err := conn.QueryContext(ctx, text, args)
	l.done(ctx, statement{event: eventQuery, text: text, args: args, began: began, err: err})
	return withStatement(ctx, text), rows, err
}

func (l *StatementLog) StmtQueryContext(
	ctx context.Context, stmt driver.StmtQueryContext, text string, args []driver.NamedValue,
) (context.Context, driver.Rows, error) {
	began := time.Now()
	rows, err := stmt.QueryContext(ctx, args)
	l.done(ctx, statement{event: eventQuery, text: text, args: args, began: began, err: err})
	return withStatement(ctx, text), rows, err
}

// queryKey is the key of a sentQuery in the context of its Rows.
type queryKey struct{}

type sentQuery struct {
	text  string
	began time.Time
}

func withStatement(ctx context.Context, text string) context.Context {
	return context.WithValue(ctx, queryKey{}, sentQuery{text, time.Now()})
}

// RowsNext logs an error that comes while rows are read, and if asked for each row.
func (l *StatementLog) RowsNext(ctx context.Context, rows driver.Rows, dest []driver.Value) error {
	err := rows.Next(dest)
	if err != nil && err != io.EOF {
		q, _ := ctx.Value(queryKey{}).(sentQuery)
		l.done(ctx, statement{event: eventRow, text: q.text, began: q.began, err: err})
	}
	if err == nil && l.Rows && l.Enabled(ctx, slog.LevelInfo) {
		attrs := []slog.Attr{slog.Uint64("conn", l.ConnID(ctx))}
		if !l.HideParameters {
			attrs = append(attrs, slog.String("row", l.formatRow(dest)))
		}
		l.Record(ctx, slog.LevelInfo, eventRow, attrs...)
	}
	return err
}

// ConnPrepareContext logs a statement that is prepared.
func (l *StatementLog) ConnPrepareContext(
	ctx context.Context, conn driver.ConnPrepareContext, text string,
) (context.Context, driver.Stmt, error) {
	began := time.Now()
	stmt, err := conn.PrepareContext(ctx, text)
	l.done(ctx, statement{event: eventPrepare, text: text, began: began, err: err})
	return ctx, stmt, err
}

func (l *StatementLog) ConnBeginTx(
	ctx context.Context, conn driver.ConnBeginTx, opts driver.TxOptions,
) (context.Context, driver.Tx, error) {
	began := time.Now()
	tx, err := conn.BeginTx(ctx, opts)
	l.done(ctx, statement{event: eventBegin, began: began, err: err})
	return ctx, tx, err
}

func (l *StatementLog) TxCommit(ctx context.Context, tx driver.Tx) error {
	began := time.Now()
	err := tx.Commit()
	l.done(ctx, statement{event: eventCommit, began: began, err: err})
	return err
}

func (l *StatementLog) TxRollback(ctx context.Context, tx driver.Tx) error {
	began := time.Now()
	err := tx.Rollback()
	l.done(ctx, statement{event: eventRollback, began: began, err: err})
	return err
}

// How much of arguments is logged: characters of one, and how many.
const (
	argLimit  = 100
	argsLimit = 20
	// argWindow is how much of a byte slice is looked at: far more than the masks in argLimit characters can stand for.
	argWindow = 1 << 20
)

// formatRow is the values of a row, as arguments are logged.
func (l *StatementLog) formatRow(row []driver.Value) string {
	values := make([]driver.NamedValue, len(row))
	for i, value := range row {
		values[i].Value = value
	}
	return l.formatArgs(values)
}

// formatArgs is the arguments, long ones cut, on one line.
func (l *StatementLog) formatArgs(args []driver.NamedValue) string {
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
		b.WriteString(l.formatArg(arg.Value))
	}
	return b.String() + "]"
}

func (l *StatementLog) formatArg(value driver.Value) string {
	switch v := value.(type) {
	case nil:
		return "NULL"
	case string:
		return strconv.Quote(l.Redact.Clip(v, argLimit))
	case []byte:
		text := l.Redact.Head(string(v[:min(len(v), argWindow)]), argLimit)
		if len(v) > argLimit {
			return fmt.Sprintf("%q and %d bytes more", text, len(v)-argLimit)
		}
		return strconv.Quote(text)
	case time.Time:
		return v.Format(time.RFC3339Nano)
	}
	return l.Redact.Clip(fmt.Sprint(value), argLimit)
}
