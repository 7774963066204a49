package pooledtest

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// Open makes a database over parent, through the wrapper under test. It may register a Cleanup that closes it.
type Open func(t *testing.T, parent driver.Connector) *sql.DB

// Conform checks that a wrapper is transparent: it performs the same operations through bare database/sql over one Fake
// and through open over another, for each profile, and compares results, errors (text, errors.Is, errors.As) and what
// reached the server. Not compared are when connections are opened, reset and closed, when statements are closed (the
// Fake still demands that they are), statements ROLLBACK and COMMIT, which are the pool's own, and how often something
// was tried that failed with ErrBadConn, which means that it did not reach the server.
//
// Performed are the operations about what. That is Everything for a wrapper of its own. For one that differs from
// another, which conforms, in some of its code, it is what this code has a part in.
//
// Both fakes demand a ResetSession between IsValid and the next use of a connection, and no use after ErrBadConn.
func Conform(t *testing.T, what About, open Open) {
	conform(t, strict, what, open, func(Profile) bool { return true })
}

// ConformLoosely is Conform for the profiles that the wrapper is for, but that it is left to it whether a statement is
// prepared.
func ConformLoosely(t *testing.T, what About, open Open, isFor func(Profile) bool) {
	conform(t, loose, what, open, isFor)
}

// strictness is what is compared of that which reaches the server.
type strictness int

const (
	strict   strictness = iota
	somewhat            // which connection a statement is prepared on, or whether it is at all, is left to the wrapper
	loose               // also whether a statement is run as a prepared one
)

func looselyIf(yes bool) strictness {
	if yes {
		return somewhat
	}
	return strict
}

func conform(t *testing.T, how strictness, what About, open Open, isFor func(Profile) bool) {
	for _, p := range Profiles {
		if !isFor(p) {
			continue
		}
		t.Run(p.Name, func(t *testing.T) {
			for _, op := range conformOps {
				if op.about&what == 0 || !p.concerns(op) {
					continue
				}
				t.Run(op.name, func(t *testing.T) {
					op.how = max(op.how, how)
					if diff := compare(t, p, op, open); diff != "" {
						t.Error(diff)
					}
				})
			}
		})
	}
}

// conformOp is one thing that programs do with a database.
type conformOp struct {
	name  string
	about About
	args  bool // it passes arguments
	run   func(*trial)
	how   strictness
}

// bare is database/sql without a wrapper.
func bare(_ *testing.T, parent driver.Connector) *sql.DB { return sql.OpenDB(parent) }

// outcome is what a program saw of an operation, and all that reached the server.
type outcome struct {
	lines []string
	calls []Call
}

// seen is the part of it that is compared.
func (o outcome) seen(how strictness) []string { return slices.Concat(o.lines, reached(o.calls, how)) }

// references are the outcomes without a wrapper, by profile and operation: the same for each wrapper.
var references sync.Map

// withoutWrapper returns op's outcome over database/sql.
func withoutWrapper(t *testing.T, p Profile, op conformOp) outcome {
	key := [2]string{p.Name, op.name}
	if known, ok := references.Load(key); ok {
		return known.(outcome)
	}
	o := attempt(t, p, op, bare)
	references.Store(key, o)
	return o
}

// compare returns how op differs between database/sql and open, empty if it doesn't.
func compare(t *testing.T, p Profile, op conformOp, open Open) string {
	wanted, had := withoutWrapper(t, p, op), attempt(t, p, op, open)
	want, have := wanted.seen(op.how), had.seen(op.how)
	if slices.Equal(have, want) {
		return ""
	}
	at := 0 // the first line that differs
	for at < min(len(have), len(want)) && have[at] == want[at] {
		at++
	}
	return fmt.Sprintf("have\n%s\nwant\n%s\nlog, have\n%s\nlog, want\n%s", around(have, at), around(want, at),
		around(logLines(had.calls), len(had.calls)), around(logLines(wanted.calls), len(wanted.calls)))
}

// around is the lines around at, which is marked.
func around(lines []string, at int) string {
	var b strings.Builder
	from, to := max(0, at-15), min(len(lines), at+8)
	if from > 0 {
		fmt.Fprintf(&b, "\t(%d lines before)\n", from)
	}
	for i := from; i < to; i++ {
		mark := "    "
		if i == at {
			mark = "--->"
		}
		fmt.Fprintf(&b, "\t%s %s\n", mark, lines[i])
	}
	return b.String()
}

// attempt performs op once.
func attempt(t *testing.T, p Profile, op conformOp, open Open) outcome {
	f := &Fake{Profile: p, RequireReset: true, RefuseBad: true}
	s := &trial{t: t, f: f, db: open(t, f), ctx: WithMark(context.Background(), "m")}
	s.db.SetMaxOpenConns(1) // what is not allowed to run at the same moment waits
	s.guard("panicked", func() { op.run(s) })
	s.err("close", s.db.Close())
	for _, wrong := range f.atEnd() {
		s.note("%s", wrong)
	}
	return outcome{s.lines, f.Calls()}
}

// reached is the part of a log that every wrapper should have in common.
func reached(calls []Call, how strictness) []string {
	var lines []string
	for _, c := range calls {
		switch c.Op {
		case "connect", "close", "resetSession", "stmt close":
			continue
		case "prepare":
			if how > strict {
				continue
			}
		}
		if c.Query != "" && endsTx(c.Query) || errors.Is(c.Err, driver.ErrBadConn) {
			continue
		}
		c.Conn = 0
		if how == loose {
			c.Op = strings.TrimPrefix(c.Op, "stmt ")
		}
		lines = append(lines, "server: "+c.String())
	}
	return lines
}

// trial is an operation being tried.
type trial struct {
	t     *testing.T
	f     *Fake
	db    *sql.DB
	ctx   context.Context
	lines []string
}

// note adds a line to what was seen. What is noted often is put together without fmt, most of whose time it would take.
func (s *trial) note(format string, args ...any) {
	s.lines = append(s.lines, fmt.Sprintf(format, args...))
}

// guard notes fn's panic.
func (s *trial) guard(what string, fn func()) {
	defer func() {
		if r := recover(); r != nil {
			s.note("%s: %v", what, r)
		}
	}()
	fn()
}

var sentinels = map[string]error{
	"ErrBadConn":       driver.ErrBadConn,
	"ErrSkip":          driver.ErrSkip,
	"Canceled":         context.Canceled,
	"DeadlineExceeded": context.DeadlineExceeded,
	"ErrNoRows":        sql.ErrNoRows,
	"ErrTxDone":        sql.ErrTxDone,
	"ErrConnDone":      sql.ErrConnDone,
	"ErrRejected":      ErrRejected,
	"errBoom":          errBoom,
}

var errBoom = errors.New("boom")

// describe is everything a program can learn about err.
func (s *trial) describe(err error) string {
	if err == nil {
		return "ok"
	}
	var is []string
	for name, sentinel := range sentinels {
		if errors.Is(err, sentinel) {
			is = append(is, name)
		}
	}
	slices.Sort(is)
	if server, ok := errors.AsType[*ServerError](err); ok {
		is = append(is, "ServerError "+server.Text)
	}
	return "error " + err.Error() + " is " + strings.Join(is, ", ")
}

func (s *trial) err(what string, err error) { s.add(what + ": " + s.describe(err)) }

func (s *trial) add(line string) { s.lines = append(s.lines, line) }

// runner is a *sql.DB, *sql.Conn or *sql.Tx.
type runner interface {
	ExecContext(context.Context, string, ...any) (sql.Result, error)
	QueryContext(context.Context, string, ...any) (*sql.Rows, error)
	PrepareContext(context.Context, string) (*sql.Stmt, error)
}

// typeOf is the type of on.
func typeOf(on any) string { return reflect.TypeOf(on).String() }

func (s *trial) exec(on runner, query string, args ...any) {
	res, err := on.ExecContext(s.ctx, query, args...)
	s.result(typeOf(on)+" exec "+query, res, err)
}

func (s *trial) query(on runner, query string, args ...any) {
	rows, err := on.QueryContext(s.ctx, query, args...)
	s.rows(typeOf(on)+" query "+query, rows, err)
}

// prepared executes and queries the same statement, twice each.
func (s *trial) prepared(on runner, query string, args func() []any) {
	what := typeOf(on) + " prepared " + query
	stmt, err := on.PrepareContext(s.ctx, query)
	s.err(what, err)
	if err != nil {
		return
	}
	defer func() { s.err(what+" close", stmt.Close()) }()
	for range 2 {
		res, err := stmt.ExecContext(s.ctx, args()...)
		s.result(what+" exec", res, err)
		rows, err := stmt.QueryContext(s.ctx, args()...)
		s.rows(what+" query", rows, err)
	}
}

func (s *trial) result(what string, res sql.Result, err error) {
	if err != nil {
		s.err(what, err)
		return
	}
	id, err := res.LastInsertId()
	s.err(what+": id "+strconv.FormatInt(id, 10), err)
	n, err := res.RowsAffected()
	s.err(what+": rows "+strconv.FormatInt(n, 10), err)
}

// rows notes everything that can be read from rows and closes them.
func (s *trial) rows(what string, rows *sql.Rows, err error) {
	if err != nil {
		s.err(what, err)
		return
	}
	for {
		cols, err := rows.Columns()
		s.err(what+": columns "+strings.Join(cols, ", "), err)
		types, err := rows.ColumnTypes()
		s.err(what+": types", err)
		for _, ct := range types {
			s.columnType(what, ct)
		}
		for rows.Next() {
			s.scan(what, rows, len(cols))
		}
		if !rows.NextResultSet() {
			break
		}
	}
	s.err(what+" end", rows.Err())
	s.err(what+" close", rows.Close())
}

func (s *trial) columnType(what string, ct *sql.ColumnType) {
	length, hasLength := ct.Length()
	precision, scale, hasPrecision := ct.DecimalSize()
	nullable, hasNullable := ct.Nullable()
	s.add(what + ": column " + ct.Name() + " " + ct.DatabaseTypeName() + " " + ct.ScanType().String())
	if hasLength || hasPrecision || hasNullable {
		s.note("length %d %t decimal %d %d %t nullable %t %t", length, hasLength, precision, scale, hasPrecision, nullable,
			hasNullable)
	}
}

func (s *trial) scan(what string, rows *sql.Rows, cols int) {
	dest := make([]any, cols)
	for i := range dest {
		dest[i] = new(any)
	}
	err := rows.Scan(dest...)
	texts := make([]string, cols)
	for i, d := range dest {
		switch v := (*d.(*any)).(type) {
		case int64:
			texts[i] = "int64 " + strconv.FormatInt(v, 10)
		case string:
			texts[i] = "string " + v
		default:
			texts[i] = fmt.Sprintf("%T %v", v, v)
		}
	}
	s.err(what+": row "+strings.Join(texts, ", "), err)
}

// id is the number of the connection that on uses now. Nothing of it is noted.
func (s *trial) id(on runner) int {
	rows, err := on.QueryContext(s.ctx, "SELECT conn")
	if err != nil {
		return -1
	}
	defer rows.Close()
	id := -1
	if rows.Next() {
		if err := rows.Scan(&id); err != nil {
			return -1
		}
	}
	return id
}

// same notes whether fn leaves the next caller the connection it had.
func (s *trial) same(what string, fn func()) {
	before := s.id(s.db)
	fn()
	s.note("%s: same connection %t", what, before == s.id(s.db))
}

// withTx runs fn in a transaction and ends it.
func (s *trial) withTx(fn func(*sql.Tx)) {
	tx, err := s.db.BeginTx(s.ctx, nil)
	s.err("begin", err)
	if err != nil {
		return
	}
	fn(tx)
	s.err("commit", tx.Commit())
}

// withConn runs fn with a connection of its own.
func (s *trial) withConn(fn func(*sql.Conn)) {
	conn, err := s.db.Conn(s.ctx)
	s.err("conn", err)
	if err != nil {
		return
	}
	fn(conn)
	s.err("conn close", conn.Close())
}

// each runs fn on the database, on a connection and in a transaction.
func (s *trial) each(fn func(runner)) {
	fn(s.db)
	s.withConn(func(c *sql.Conn) { fn(c) })
	s.withTx(func(tx *sql.Tx) { fn(tx) })
}
