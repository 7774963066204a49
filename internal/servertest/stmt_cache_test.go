package servertest_test

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/pooled-go/pooled/internal/pooledtest"
)

// The tests of these files hold a pool with pool_stmt_cache against the bare driver:
// a program must not be able to tell the two apart, but by the time they take.

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
			proxy := pooledtest.NewProxy(t, s.plain(t))
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

// wantAtMost wants no more statements than so many for the one session of db. MySQL does not answer to the close of
// one.
func (s server) wantAtMost(t testing.TB, db, admin *sql.DB, most int) {
	t.Helper()
	have := func() int {
		if s.name == "postgres" {
			return kept(t, db, "")
		}
		return keptByAll(t, admin)
	}
	pooledtest.WaitUntil(t, func() bool { return have() <= most },
		func() string { return fmt.Sprintf("have %d statements kept, want at most %d", have(), most) })
}

// However many texts are used in turn, if there is room for them they are all kept before
// long.
func TestStmtCacheKeepsAllThatFit(t *testing.T) {
	for _, s := range cacheServers {
		t.Run(s.name, func(t *testing.T) {
			proxy := pooledtest.NewProxy(t, s.plain(t))
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
		{onPostgres, "binary_parameters", cacheOf(cacheSize), []string{"binary_parameters=yes"},
			useThrice("SELECT $1::int", 1)},
		{onMySQL, "interpolateParams", cacheOf(cacheSize), []string{"interpolateParams=true"}, useThrice("SELECT ?", 1)},
		{onPostgres, "without arguments", cacheOf(cacheSize), nil, useThrice("SELECT 1")},
		{onMySQL, "without arguments", cacheOf(cacheSize), nil, useThrice("SELECT 1")},
		{onPostgres, "off", cacheOf(0), nil, useThrice("SELECT $1::int", 1)},
		{onMySQL, "off", cacheOf(0), nil, useThrice("SELECT ?", 1)},
		{onPostgres, "now", cacheOf(cacheSize), nil, useThrice("SELECT 'now'::timestamptz, $1::int", 1)},
		{onPostgres, "Today", cacheOf(cacheSize), nil, useThrice("SELECT date 'Today', $1::int", 1)},
		{onPostgres, "tomorrow in an INSERT", cacheOf(cacheSize), nil,
			useThrice("INSERT INTO cache_off VALUES ($1, ' tomorrow')", 1)},
		{onPostgres, "yesterday in dollars", cacheOf(cacheSize), nil, useThrice("SELECT $$yesterday$$::date, $1::int", 1)},
		{onPostgres, "now in an escape string", cacheOf(cacheSize), nil,
			useThrice(`SELECT E'n\x6fw'::timestamptz, $1::int`, 1)},
		{onPostgres, "now in a unicode string", cacheOf(cacheSize), nil,
			useThrice(`SELECT U&'n\006fw'::timestamptz, $1::int`, 1)},
		{onPostgres, "now in two parts", cacheOf(cacheSize), nil, useThrice("SELECT 'no'\n'w'::timestamptz, $1::int", 1)},
		{onPostgres, "today with an hour", cacheOf(cacheSize), nil,
			useThrice("SELECT 'today 12:00'::timestamptz, $1::int", 1)},
		{onPostgres, "SHOW", cacheOf(cacheSize), nil, useThrice("SHOW TIMEZONE", 1)},
		{onPostgres, "CREATE", cacheOf(cacheSize), nil, useThrice("CREATE TABLE IF NOT EXISTS cache_off (a int "+
			"DEFAULT $1)", 1)},
		{onPostgres, "EXPLAIN", cacheOf(cacheSize), nil, useThrice("EXPLAIN SELECT $1::int", 1)},
		{onMySQL, "CALL", cacheOf(cacheSize), nil, useThrice("CALL cache_off_procedure(?)", 1)},
		{onMySQL, "SET", cacheOf(cacheSize), nil, useThrice("SET @cache_off = ?", 1)},
		{onMySQL, "SHOW", cacheOf(cacheSize), nil, useThrice("SHOW TABLES LIKE ?", "x")},
		{onMySQL, "DO", cacheOf(cacheSize), nil, useThrice("DO ?", 1)},
		{onMySQL, "EXPLAIN", cacheOf(cacheSize), nil, useThrice("EXPLAIN SELECT ?", 1)},
	} {
		t.Run(test.server.name+", "+test.name, func(t *testing.T) {
			admin := openServer(t, test.bare, test.dsn(t))
			table(t, admin, "cache_off", map[string]string{"postgres": "a INT, b TIMESTAMPTZ",
				"mysql": "a INT"}[test.server.name])
			if test.server.name == "mysql" {
				pooledtest.Make(t, admin, "PROCEDURE", "cache_off_procedure", "(a INT) SELECT a")
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
