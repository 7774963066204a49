package observe_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ngrok/sqlmw"

	"github.com/pooled-go/pooled/internal/observe"
)

// book is a slog.Handler that writes down what is logged, one line a record, what takes time by its name alone.
type book struct {
	slog.Handler
	least slog.Level
	lines []string
}

func (b *book) Enabled(_ context.Context, level slog.Level) bool { return level >= b.least }

func (b *book) Handle(_ context.Context, r slog.Record) error {
	line := r.Level.String() + " " + r.Message
	r.Attrs(func(a slog.Attr) bool {
		if strings.HasSuffix(a.Key, "_ms") {
			line += " " + a.Key
		} else {
			line += fmt.Sprintf(" %s=%v", a.Key, a.Value)
		}
		return true
	})
	b.lines = append(b.lines, line)
	return nil
}

func (b *book) want(t *testing.T, what string, want ...string) {
	t.Helper()
	if !slices.Equal(b.lines, want) {
		t.Errorf("%s:\nhave %s\nwant %s", what, strings.Join(b.lines, "\n     "), strings.Join(want, "\n     "))
	}
	b.lines = nil
}

func logTo(b *book, mask observe.Redactor) observe.Log {
	return observe.Log{
		Pool: func() string { return "shop" }, Logger: func() *slog.Logger { return slog.New(b) }, Redact: mask,
	}
}

func TestLog(t *testing.T) {
	b, mask := new(book), new(masker)
	mask.learn("tiger")
	l := logTo(b, mask)
	l.Record(t.Context(), slog.LevelInfo, "close", slog.Uint64("conn", 1), slog.String("err", "tiger\nline 2"))
	b.want(t, "a text", `INFO pooled: close pool=shop event=close conn=1 err=***\nline 2`)
	l.Record(t.Context(), slog.LevelDebug, "close")
	b.want(t, "nobody listens")
	if l.Enabled(t.Context(), slog.LevelDebug) || !l.Enabled(t.Context(), slog.LevelWarn) {
		t.Error("Enabled does not say what the logger says")
	}
}

// db is a driver's connection, statement and rows in one, which answers what it is told to.
type db struct {
	err  error
	next error // of Next
}

func (d db) ExecContext(context.Context, string, []driver.NamedValue) (driver.Result, error) {
	if d.err != nil {
		return nil, d.err
	}
	return driver.RowsAffected(3), nil
}
func (d db) QueryContext(context.Context, string, []driver.NamedValue) (driver.Rows, error) {
	return d, d.err
}
func (d db) PrepareContext(context.Context, string) (driver.Stmt, error)  { return nil, d.err }
func (d db) BeginTx(context.Context, driver.TxOptions) (driver.Tx, error) { return d, d.err }
func (d db) Commit() error                                                { return d.err }
func (d db) Rollback() error                                              { return d.err }
func (d db) Columns() []string                                            { return []string{"a"} }
func (d db) Close() error                                                 { return nil }
func (d db) Next(dest []driver.Value) error                               { dest[0] = "tiger"; return d.next }

// stmt is a prepared one.
type stmt struct{ db }

func (s stmt) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	return s.db.ExecContext(ctx, "", args)
}
func (s stmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	return s.db.QueryContext(ctx, "", args)
}

func newStatementLog(b *book) *observe.StatementLog {
	return &observe.StatementLog{Log: logTo(b, new(masker)), ConnID: func(context.Context) uint64 { return 7 }}
}

var one = []driver.NamedValue{{Ordinal: 1, Value: int64(1)}}

func TestStatementLog(t *testing.T) {
	var _ sqlmw.Interceptor = new(observe.StatementLog)
	b := new(book)
	l := newStatementLog(b)
	all := func(d db) {
		ctx := t.Context()
		l.ConnExecContext(ctx, d, "EXEC", one)
		l.StmtExecContext(ctx, stmt{d}, "EXEC", one)
		l.ConnQueryContext(ctx, d, "QUERY", one)
		l.StmtQueryContext(ctx, stmt{d}, "QUERY", nil)
		l.ConnPrepareContext(ctx, d, "PREPARE")
		l.ConnBeginTx(ctx, d, driver.TxOptions{})
		l.TxCommit(ctx, d)
		l.TxRollback(ctx, d)
	}
	all(db{})
	b.want(t, "well",
		"INFO pooled: exec pool=shop event=exec conn=7 stmt=EXEC args=[1] duration_ms rows=3",
		"INFO pooled: exec pool=shop event=exec conn=7 stmt=EXEC args=[1] duration_ms rows=3",
		"INFO pooled: query pool=shop event=query conn=7 stmt=QUERY args=[1] duration_ms",
		"INFO pooled: query pool=shop event=query conn=7 stmt=QUERY duration_ms",
		"INFO pooled: prepare pool=shop event=prepare conn=7 stmt=PREPARE duration_ms",
		"INFO pooled: begin pool=shop event=begin conn=7 duration_ms",
		"INFO pooled: commit pool=shop event=commit conn=7 duration_ms",
		"INFO pooled: rollback pool=shop event=rollback conn=7 duration_ms")
	all(db{err: errors.New("no")})
	b.want(t, "with errors",
		"WARN pooled: exec pool=shop event=exec conn=7 stmt=EXEC args=[1] duration_ms err=no",
		"WARN pooled: exec pool=shop event=exec conn=7 stmt=EXEC args=[1] duration_ms err=no",
		"WARN pooled: query pool=shop event=query conn=7 stmt=QUERY args=[1] duration_ms err=no",
		"WARN pooled: query pool=shop event=query conn=7 stmt=QUERY duration_ms err=no",
		"WARN pooled: prepare pool=shop event=prepare conn=7 stmt=PREPARE duration_ms err=no",
		"WARN pooled: begin pool=shop event=begin conn=7 duration_ms err=no",
		"WARN pooled: commit pool=shop event=commit conn=7 duration_ms err=no",
		"WARN pooled: rollback pool=shop event=rollback conn=7 duration_ms err=no")
	all(db{err: driver.ErrSkip})
	b.want(t, "what the driver wants in another way")
	b.least = slog.LevelWarn
	all(db{})
	b.want(t, "nobody listens")
	l.HideParameters = true
	l.ConnExecContext(t.Context(), db{err: errors.New("no")}, "EXEC", one)
	b.want(t, "hidden arguments", "WARN pooled: exec pool=shop event=exec conn=7 stmt=EXEC duration_ms err=no")
}

func TestStatementLogOfRows(t *testing.T) {
	b := new(book)
	l := newStatementLog(b)
	row := func(next error) {
		ctx, rows, _ := l.ConnQueryContext(t.Context(), db{next: next}, "QUERY", nil)
		b.lines = nil
		l.RowsNext(ctx, rows, make([]driver.Value, 1))
	}
	row(nil)
	row(io.EOF)
	b.want(t, "rows that nobody asked for")
	row(errors.New("no"))
	b.want(t, "an error", "WARN pooled: row pool=shop event=row conn=7 stmt=QUERY duration_ms err=no")
	l.Rows = true
	row(nil)
	b.want(t, "a row", `INFO pooled: row pool=shop event=row conn=7 row=["tiger"]`)
	row(io.EOF)
	b.want(t, "the end")
	l.HideParameters = true
	row(nil)
	b.want(t, "a hidden row", "INFO pooled: row pool=shop event=row conn=7")
}

func TestArguments(t *testing.T) {
	mask := new(masker)
	mask.learn("tiger")
	b := new(book)
	l := newStatementLog(b)
	l.Redact = mask
	for _, args := range []struct {
		given []any
		want  string
	}{
		{[]any{int64(7), 1.5, true, nil}, "[7, 1.5, true, NULL]"},
		{[]any{[]byte("a\x00b")}, `["a\x00b"]`},
		{[]any{[]byte(strings.Repeat("b", 130))}, `["` + strings.Repeat("b", 100) + `" and 30 bytes more]`},
		{[]any{time.Date(2020, 2, 3, 4, 5, 6, 7, time.UTC)}, "[2020-02-03T04:05:06.000000007Z]"},
		{[]any{sql.Named("id", 3)}, "[id=3]"},
		{make([]any, 25), "[" + strings.Repeat("NULL, ", 20) + "and 5 more]"},
		{[]any{strings.Repeat("x", 130)}, `["` + strings.Repeat("x", 100) + `…"]`},
		{[]any{"a tiger", []byte("a tiger")}, `["a ***", "a ***"]`},
	} {
		values := make([]driver.NamedValue, len(args.given))
		for i, value := range args.given {
			if named, ok := value.(sql.NamedArg); ok {
				values[i].Name, value = named.Name, named.Value
			}
			values[i].Value = value
		}
		l.ConnExecContext(t.Context(), db{}, "EXEC", values)
		b.want(t, "args", "INFO pooled: exec pool=shop event=exec conn=7 stmt=EXEC args="+args.want+" duration_ms rows=3")
	}
}
