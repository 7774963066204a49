package servertest_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/lib/pq"

	"github.com/pooled-go/pooled/internal/pooledtest"
)

// The tests of these files hold a pool with pool_stmt_cache against the bare driver:
// a program must not be able to tell the two apart, but by the time they take.

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
		text += fmt.Sprintf(" %q %q", []string{e.Severity, string(e.Code), e.Message, e.Detail, e.Hint, e.Position, e.InternalPosition, e.InternalQuery,
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

// keptByAll is how many statements all sessions of MariaDB have prepared.
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

// The first use of a text goes as it always went, the second prepares, and from the
// third on there is one round trip, in which nothing is prepared.
func TestStmtCacheSends(t *testing.T) {
	const inserts = "INSERT INTO cache_sends VALUES "
	for _, s := range cacheServers {
		one, two := "SELECT "+cast(s, s.arg(1)), inserts+"("+s.arg(1)+")"
		for _, query := range []string{one, two} {
			once := map[string][]string{
				"postgres": {"Parse " + query, "Describe", "Sync", "Bind", "Execute", "Sync"},
				"mysql":    {"Prepare " + query, "Execute", "CloseStmt"},
			}[s.name]
			prepares := once
			if s.name == "mysql" {
				prepares = once[:2]
			}
			hits := map[string][]string{"postgres": {"Bind", "Execute", "Sync"}, "mysql": {"Execute"}}[s.name]
			for _, how := range []string{"query", "exec"} {
				t.Run(s.name+", "+how+", "+query, func(t *testing.T) {
					table(t, openServer(t, s.bare, s.dsn(t)), "cache_sends", "a INT")
					have := sent(t, s, "pooled", []string{cacheOf(cacheSize)}, func(t *testing.T, db *sql.DB) {
						for range 4 {
							if how == "exec" {
								pooledtest.MustExec(t, db, query, 1)
							} else if have := answered(t.Context(), db, query, 1); !strings.HasSuffix(have, "no error, no error") {
								t.Error(have)
							}
						}
					})
					want := slices.Concat(once, prepares, hits, hits)
					if s.name == "mysql" && how == "exec" && query == one {
						want = slices.Concat(once, once, once, once) // go-sql-driver may wait for ever for rows of a second execution
						have = append(have, "CloseStmt")             // it is under way
						have = have[:len(want)]
					}
					if !slices.Equal(have, want) {
						t.Errorf("have %q, want %q", have, want)
					}
				})
			}
		}
	}
}

// A text counts in the whole pool: what one connection has seen once, another
// prepares at its own first use.
func TestStmtCacheCountsInThePool(t *testing.T) {
	for _, s := range cacheServers {
		t.Run(s.name, func(t *testing.T) {
			proxy := pooledtest.NewProxy(t, s.dsn(t))
			db := openServer(t, "pooled", proxy.DSN(), cacheOf(cacheSize))
			query := "SELECT " + cast(s, s.arg(1))
			var conns []*sql.Conn
			for range 3 {
				conn, err := db.Conn(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				conns = append(conns, conn)
				pooledtest.ScanOne[int](t, conn, "SELECT 1")
				pooledtest.ScanOne[int](t, conn, query, 1)
			}
			before := len(proxy.Messages())
			for _, conn := range conns[1:] {
				pooledtest.ScanOne[int](t, conn, query, 1)
			}
			hit := map[string][]string{"postgres": {"Bind", "Execute", "Sync"}, "mysql": {"Execute"}}[s.name]
			if have, want := proxy.Messages()[before:], slices.Concat(hit, hit); !slices.Equal(have, want) {
				t.Errorf("have %q, want %q", have, want)
			}
			pooledtest.Give(t, conns...)
		})
	}
}

// Texts that are used once are not prepared, however many there are, and do not
// push out those that are used again and again.
func TestStmtCacheLeavesOneOffsAlone(t *testing.T) {
	for _, s := range cacheServers {
		t.Run(s.name, func(t *testing.T) {
			db := openOne(t, s, "pooled", cacheOf(4))
			hot := "SELECT " + cast(s, s.arg(1))
			for range 3 {
				pooledtest.ScanOne[int](t, db, hot, 1)
			}
			for i := range 200 {
				pooledtest.ScanOne[int](t, db, fmt.Sprintf("SELECT %s + %d", cast(s, s.arg(1)), i), 1)
			}
			if s.name == "postgres" {
				if have := kept(t, db, ""); have != 1 {
					t.Errorf("have %d statements kept, want 1", have)
				}
			} else {
				admin := openServer(t, s.bare, s.dsn(t))
				waitKeptByAll(t, admin, 1)
			}
			if !s.isKept(t, db, hot) {
				t.Error("the text that was used again is not kept")
			}
		})
	}
}

// The server never has more than N statements for a session. A text that comes again and again finds
// room in the end, and what has been longest without use is closed for it.
func TestStmtCacheEvicts(t *testing.T) {
	const size, patience = 4, 50
	for _, s := range cacheServers {
		t.Run(s.name, func(t *testing.T) {
			admin := openServer(t, s.bare, s.dsn(t))
			waitIfMySQL(t, s, admin, 0)
			db := openOne(t, s, "pooled", cacheOf(size))
			text := func(i int) string { return fmt.Sprintf("SELECT %s + %d", cast(s, s.arg(1)), i) }
			ask := func(i int) {
				t.Helper()
				if have := pooledtest.ScanOne[int](t, db, text(i), 1000); have != 1000+i {
					t.Fatalf("have %d, want %d", have, 1000+i)
				}
			}
			for i := range size {
				ask(i)
				ask(i)
			}
			for newcomer := size; newcomer < 3*size; newcomer++ {
				for range patience {
					ask(newcomer)
				}
				s.wantAtMost(t, db, admin, size)
				oldest := newcomer - size
				if s.name == "postgres" && kept(t, db, text(oldest)) > 0 {
					t.Errorf("%s is kept, want it evicted by %s", text(oldest), text(newcomer))
				}
				for i := oldest + 1; i <= newcomer; i++ {
					if !s.isKept(t, db, text(i)) {
						t.Errorf("%s is not kept", text(i))
					}
				}
			}
			for i := range 100 {
				ask(i % 12)
				ask(i % 12)
			}
			s.wantAtMost(t, db, admin, size)
			db.Close()
			waitIfMySQL(t, s, admin, 0)
		})
	}
}

// wantAtMost wants no more statements than so many for the one session of db. MariaDB does not answer to the close of one.
func (s server) wantAtMost(t testing.TB, db, admin *sql.DB, most int) {
	t.Helper()
	have := func() int {
		if s.name == "postgres" {
			return kept(t, db, "")
		}
		return keptByAll(t, admin)
	}
	pooledtest.WaitUntil(t, func() bool { return have() <= most }, func() string { return fmt.Sprintf("have %d statements kept, want at most %d", have(), most) })
}

// However many texts are used in turn, if there is room for them they are all kept before
// long.
func TestStmtCacheKeepsAllThatFit(t *testing.T) {
	for _, s := range cacheServers {
		t.Run(s.name, func(t *testing.T) {
			proxy := pooledtest.NewProxy(t, s.dsn(t))
			db := openServer(t, "pooled", proxy.DSN(), cacheOf(cacheSize))
			db.SetMaxOpenConns(1)
			all := func() {
				for i := range cacheSize {
					pooledtest.ScanOne[int](t, db, fmt.Sprintf("SELECT %s + %d", cast(s, s.arg(1)), i), 1)
				}
			}
			for range 5 {
				all()
			}
			before := len(proxy.Messages())
			all()
			parsed := slices.DeleteFunc(proxy.Messages()[before:], func(m string) bool { return !strings.HasPrefix(m, "P") })
			if len(parsed) > 0 {
				t.Errorf("have %d of %d texts prepared at the sixth use, such as %s, want none", len(parsed), cacheSize, parsed[0])
			}
		})
	}
}

// waitIfMySQL is waitKeptByAll; PostgreSQL shows no session the statements of another.
func waitIfMySQL(t testing.TB, s server, admin *sql.DB, want int) {
	t.Helper()
	if s.name == "mysql" {
		waitKeptByAll(t, admin, want)
	}
}

// With a cache of one, two texts in turn push each other out, also while the rows of
// one are open in a transaction, and also within one transaction.
func TestStmtCacheOfOne(t *testing.T) {
	for _, s := range cacheServers {
		t.Run(s.name, func(t *testing.T) {
			db := openOne(t, s, "pooled", cacheOf(1))
			a, b := "SELECT "+cast(s, s.arg(1)), "SELECT 1 + "+cast(s, s.arg(1))
			for i := range 10 {
				tx, err := db.Begin()
				if err != nil {
					t.Fatal(err)
				}
				for _, op := range []operator{tx, tx} {
					if have := pooledtest.ScanOne[int](t, op, a, i); have != i {
						t.Errorf("have %d, want %d", have, i)
					}
					if have := pooledtest.ScanOne[int](t, op, b, i); have != i+1 {
						t.Errorf("have %d, want %d", have, i+1)
					}
				}
				if err := tx.Commit(); err != nil {
					t.Error(err)
				}
				if have := pooledtest.ScanOne[int](t, db, b, i); have != i+1 {
					t.Errorf("have %d, want %d", have, i+1)
				}
			}
			if s.name == "postgres" {
				if have := kept(t, db, ""); have != 1 {
					t.Errorf("have %d statements kept, want 1", have)
				}
			}
		})
	}
}

// Where the cache has no use it is silently off: all that reaches the server is what
// reaches it without.
func TestStmtCacheHasNoEffect(t *testing.T) {
	for _, test := range []struct {
		server
		name    string
		cache   string
		options []string
		use     func(context.Context, operator)
	}{
		{onPostgres, "binary_parameters", cacheOf(cacheSize), []string{"binary_parameters=yes"}, useThrice("SELECT $1::int", 1)},
		{onMySQL, "interpolateParams", cacheOf(cacheSize), []string{"interpolateParams=true"}, useThrice("SELECT ?", 1)},
		{onPostgres, "without arguments", cacheOf(cacheSize), nil, useThrice("SELECT 1")},
		{onMySQL, "without arguments", cacheOf(cacheSize), nil, useThrice("SELECT 1")},
		{onPostgres, "off", cacheOf(0), nil, useThrice("SELECT $1::int", 1)},
		{onMySQL, "off", cacheOf(0), nil, useThrice("SELECT ?", 1)},
		{onPostgres, "now", cacheOf(cacheSize), nil, useThrice("SELECT 'now'::timestamptz, $1::int", 1)},
		{onPostgres, "Today", cacheOf(cacheSize), nil, useThrice("SELECT date 'Today', $1::int", 1)},
		{onPostgres, "tomorrow in an INSERT", cacheOf(cacheSize), nil, useThrice("INSERT INTO cache_off VALUES ($1, ' tomorrow')", 1)},
		{onPostgres, "yesterday in dollars", cacheOf(cacheSize), nil, useThrice("SELECT $$yesterday$$::date, $1::int", 1)},
		{onPostgres, "now in an escape string", cacheOf(cacheSize), nil, useThrice(`SELECT E'n\x6fw'::timestamptz, $1::int`, 1)},
		{onPostgres, "now in a unicode string", cacheOf(cacheSize), nil, useThrice(`SELECT U&'n\006fw'::timestamptz, $1::int`, 1)},
		{onPostgres, "now in two parts", cacheOf(cacheSize), nil, useThrice("SELECT 'no'\n'w'::timestamptz, $1::int", 1)},
		{onPostgres, "today with an hour", cacheOf(cacheSize), nil, useThrice("SELECT 'today 12:00'::timestamptz, $1::int", 1)},
		{onPostgres, "SHOW", cacheOf(cacheSize), nil, useThrice("SHOW TIMEZONE", 1)},
		{onPostgres, "CREATE", cacheOf(cacheSize), nil, useThrice("CREATE TABLE IF NOT EXISTS cache_off (a int DEFAULT $1)", 1)},
		{onPostgres, "EXPLAIN", cacheOf(cacheSize), nil, useThrice("EXPLAIN SELECT $1::int", 1)},
		{onMySQL, "CALL", cacheOf(cacheSize), nil, useThrice("CALL cache_off_procedure(?)", 1)},
		{onMySQL, "SET", cacheOf(cacheSize), nil, useThrice("SET @cache_off = ?", 1)},
		{onMySQL, "SHOW", cacheOf(cacheSize), nil, useThrice("SHOW TABLES LIKE ?", "x")},
		{onMySQL, "DO", cacheOf(cacheSize), nil, useThrice("DO ?", 1)},
		{onMySQL, "EXPLAIN", cacheOf(cacheSize), nil, useThrice("EXPLAIN SELECT ?", 1)},
	} {
		t.Run(test.server.name+", "+test.name, func(t *testing.T) {
			admin := openServer(t, test.bare, test.dsn(t))
			table(t, admin, "cache_off", map[string]string{"postgres": "a INT, b TIMESTAMPTZ", "mysql": "a INT"}[test.server.name])
			if test.server.name == "mysql" {
				pooledtest.MustExec(t, admin, "CREATE OR REPLACE PROCEDURE cache_off_procedure(a INT) SELECT a")
				t.Cleanup(func() { admin.Exec("DROP PROCEDURE IF EXISTS cache_off_procedure") })
			}
			work := func(t *testing.T, db *sql.DB) {
				test.use(t.Context(), db)
				pooledtest.ScanOne[int](t, db, "SELECT 1") // all that came before it has arrived
			}
			want := sent(t, test.server, "pooled", test.options, work)
			with := append([]string{test.cache}, test.options...)
			if have := sent(t, test.server, "pooled", with, work); !slices.Equal(have, want) {
				t.Errorf("have %q, want %q", have, want)
			}
		})
	}
}

// useThrice uses a text in autocommit, and in vain or not is the same.
func useThrice(query string, args ...any) func(context.Context, operator) {
	return func(ctx context.Context, db operator) {
		for range 3 {
			answered(ctx, db, query, args...)
		}
	}
}
