package servertest_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/lib/pq"

	"github.com/pooled-go/pooled/internal/pooledtest"
)

// cacheServers are those that the statement cache is for.
var cacheServers = []server{onPostgres, onMySQL}

// cacheOf is the option.
func cacheOf(n int) string { return fmt.Sprintf("pool_stmt_cache=%d", n) }

// cacheSize is more than the texts of most tests.
const cacheSize = 64

// operator is a sql.DB, a sql.Conn or a sql.Tx.
type operator interface {
	QueryContext(context.Context, string, ...any) (*sql.Rows, error)
	QueryRowContext(context.Context, string, ...any) *sql.Row
	ExecContext(context.Context, string, ...any) (sql.Result, error)
}

// openOne opens a server by a driver with one connection, on which all that a test
// does comes after one another.
func openOne(t testing.TB, s server, driver string, options ...string) *sql.DB {
	t.Helper()
	if s.name == "mysql" {
		options = append([]string{"readTimeout=5s"}, options...) // a driver that waits for what does not come waits for ever
	}
	db := openServer(t, driver, s.dsn(t), options...)
	db.SetMaxOpenConns(1)
	return db
}

// openCached is openOne with the cache.
func openCached(t testing.TB, s server, options ...string) *sql.DB {
	t.Helper()
	return openOne(t, s, "pooled", append([]string{cacheOf(cacheSize)}, options...)...)
}

// shownError is all that a program can learn from an error. Where in its source the
// server has found it is not among that: the server looks at some things later if a
// statement is prepared.
func shownError(err error) string {
	if err == nil {
		return "no error"
	}
	text := fmt.Sprintf("%q", err)
	for e := err; e != nil; e = errors.Unwrap(e) {
		text += fmt.Sprintf(" %T", e)
	}
	var ofPostgres *pq.Error
	if errors.As(err, &ofPostgres) {
		e := ofPostgres
		text += fmt.Sprintf(" %q %q", []string{e.Severity, string(e.Code), e.Message, e.Detail, e.Hint, e.Position,
			e.InternalPosition, e.InternalQuery,
			e.Where, e.Schema, e.Table, e.Column, e.DataTypeName, e.Constraint}, e.ErrorWithDetail())
	}
	var ofMySQL *mysql.MySQLError
	if errors.As(err, &ofMySQL) {
		text += fmt.Sprintf(" %d %s", ofMySQL.Number, ofMySQL.SQLState)
	}
	return text
}

// shownValue is a value with its type.
func shownValue(v any) string {
	switch v := v.(type) {
	case time.Time:
		return "time " + v.Format(time.RFC3339Nano) + " " + v.Location().String()
	case []byte:
		return fmt.Sprintf("bytes %t %q", v == nil, v)
	}
	return fmt.Sprintf("%T %v", v, v)
}

// answered is all that a program can see of a query: columns, rows, errors.
func answered(ctx context.Context, db operator, query string, args ...any) string {
	rows, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return shownError(err)
	}
	defer rows.Close()
	var text strings.Builder
	types, err := rows.ColumnTypes()
	if err != nil {
		return shownError(err)
	}
	for _, c := range types {
		fmt.Fprintf(&text, "[%s] ", column(c))
	}
	row := make([]any, len(types))
	into := make([]any, len(types))
	for i := range row {
		into[i] = &row[i]
	}
	for more := true; more; more = rows.NextResultSet() {
		for rows.Next() {
			if err := rows.Scan(into...); err != nil {
				return text.String() + shownError(err)
			}
			text.WriteString("row: ")
			for _, v := range row {
				text.WriteString(shownValue(v) + ", ")
			}
		}
	}
	return text.String() + shownError(rows.Err()) + ", " + shownError(rows.Close())
}

// done is all that a program can see of an Exec.
func done(ctx context.Context, db operator, query string, args ...any) string {
	r, err := db.ExecContext(ctx, query, args...)
	if err != nil {
		return shownError(err)
	}
	last, lastErr := r.LastInsertId()
	n, nErr := r.RowsAffected()
	return fmt.Sprintf("last %d, %s, affected %d, %s", last, shownError(lastErr), n, shownError(nErr))
}

// wantSame compares, line by line, what two drivers answered, and shows the first few differences.
func wantSame(t testing.TB, have, want []string) {
	t.Helper()
	if len(have) != len(want) {
		t.Errorf("have %d answers, want %d", len(have), len(want))
	}
	const most = 8
	different := 0
	for i := range min(len(have), len(want)) {
		if have[i] == want[i] {
			continue
		}
		if different++; different <= most {
			t.Errorf("answer %d\nhave %s\nwant %s", i, have[i], want[i])
		}
	}
	if different > most {
		t.Errorf("and %d more of %d answers differ", different-most, len(want))
	}
}

// kept is how many statements a session of PostgreSQL's has prepared, of this text,
// or of all if it is empty.
func kept(t testing.TB, db operator, text string) int {
	t.Helper()
	query := "SELECT count(*) FROM pg_prepared_statements"
	if text != "" {
		query += " WHERE statement = " + pq.QuoteLiteral(text)
	}
	return pooledtest.ScanOne[int](t, db, query)
}

// keptByAll is how many statements all sessions of MySQL have prepared.
func keptByAll(t testing.TB, admin *sql.DB) (n int) {
	t.Helper()
	var name string
	if err := admin.QueryRow("SHOW GLOBAL STATUS LIKE 'Prepared_stmt_count'").Scan(&name, &n); err != nil {
		t.Fatal(err)
	}
	return n
}

// waitKeptByAll waits for the server, which does not answer to the close of a
// statement, to have so many.
func waitKeptByAll(t testing.TB, admin *sql.DB, want int) {
	t.Helper()
	pooledtest.WaitUntil(t, func() bool { return keptByAll(t, admin) == want }, func() string {
		return fmt.Sprintf("have %d prepared statements at the server, want %d", keptByAll(t, admin), want)
	})
}

// isKept tells whether the text is prepared on the one connection of db.
func (s server) isKept(t testing.TB, db *sql.DB, text string) bool {
	t.Helper()
	if s.name == "postgres" {
		return kept(t, db, text) > 0
	}
	return s.prepares(t, db, func() { answered(t.Context(), db, text, 1) }) == 0
}

// prepares is how many statements the session behind db prepares while f runs.
func (s server) prepares(t testing.TB, db *sql.DB, f func()) int {
	t.Helper()
	count := func() (n int) {
		var name string
		if err := db.QueryRow("SHOW SESSION STATUS LIKE 'Com_stmt_prepare'").Scan(&name, &n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	before := count()
	f()
	return count() - before
}
