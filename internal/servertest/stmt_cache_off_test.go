package servertest_test

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/internal/pooledtest"
)

// openTold opens a pool with a statement cache that tells a book what it logs.
func openTold(t *testing.T, dsn string, set ...func(*pooled.Config)) (*sql.DB, *pooled.Pool, *pooledtest.LogBook) {
	t.Helper()
	var book pooledtest.LogBook
	cfg, err := pooled.ParseDSN(pooledtest.WithOptions(dsn, cacheOf(cacheSize)))
	if err != nil {
		t.Fatal(err)
	}
	cfg.Logger = slog.New(&book)
	db, pool := openFrom(t, cfg, set...)
	return db, pool, &book
}

// hits is how many of ten uses of a text find a kept statement.
func (s server) hits(t *testing.T, db *sql.DB, pool *pooled.Pool) int {
	t.Helper()
	before := pool.Stats().StmtHits
	for i := range 10 {
		if have := pooledtest.ScanOne[int](t, db, "SELECT 1 + "+cast(s, s.arg(1)), i); have != 1+i {
			t.Errorf("have %d, want %d", have, 1+i)
		}
	}
	return int(pool.Stats().StmtHits - before)
}

// An error of one statement, or of a connection, does not end the cache, of whatever kind it was and wherever it came
// from.
func TestStmtCacheGoesOnAfterErrors(t *testing.T) {
	canceled := func(context.Context) context.Context {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		return ctx
	}
	same := func(ctx context.Context) context.Context { return ctx }
	for _, s := range []server{onPostgres, onMySQL} {
		for name, test := range map[string]struct {
			ctx   func(context.Context) context.Context
			query string
			cut   bool
		}{
			"canceled":       {canceled, "SELECT 2 + " + cast(s, s.arg(1)), false},
			"canceled, kept": {canceled, "SELECT 1 + " + cast(s, s.arg(1)), false},
			"wrong":          {same, "SELECT nothing + " + s.arg(1), false},
			"no statement":   {same, "NONSENSE " + s.arg(1), false},
			"lost":           {same, "SELECT 3 + " + cast(s, s.arg(1)), true},
		} {
			t.Run(s.name+"/"+name, func(t *testing.T) {
				proxy := pooledtest.NewProxy(t, s.plain(t))
				db, pool, book := openTold(t, proxy.DSN(), size(2, 0))
				s.hits(t, db, pool)
				conn, err := db.Conn(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				pooledtest.MustExec(t, conn, "SELECT 1")
				if test.cut {
					proxy.On("SELECT 3", proxy.CloseAll)
				}
				_, err = conn.ExecContext(test.ctx(t.Context()), test.query, 1)
				if err == nil && name != "canceled, kept" { // which lib/pq may have run before it looks
					t.Error("have no error")
				}
				conn.Close()
				if have := s.hits(t, db, pool); have < 8 { // a new connection prepares it once
					t.Errorf("have %d hits of 10 after the error", have)
				}
				if lines := offLines(book); len(lines) > 0 {
					t.Errorf("have %q, want no word of it", lines)
				}
			})
		}
	}
}

// A connection that is lost while it is asked, whatever it is asked, is replaced at once, and nothing is concluded from
// it.
func TestProbeThatIsLost(t *testing.T) {
	for _, test := range []struct {
		server
		at   string
		mode pooled.ResetMode
	}{
		{onPostgres, "pg_backend_pid", pooled.ResetRollback},
		{onPostgres, "idle_session_timeout", pooled.ResetRollback},
		{onMySQL, "@@autocommit", pooled.ResetRollback},
		{onMySQL, "@@init_connect", pooled.ResetSession}, // what is to be restored
		{onMySQL, "@@init_connect", pooled.ResetAuto},
	} {
		t.Run(test.name+"/"+test.at+"/"+string(test.mode), func(t *testing.T) {
			proxy := pooledtest.NewProxy(t, test.plain(t))
			proxy.On(test.at, proxy.CloseAll)
			db, pool, book := openTold(t, proxy.DSN(), resetMode(test.mode), size(1, 0))
			if err := db.Ping(); err != nil {
				t.Error(err)
			}
			if have := test.hits(t, db, pool); have < 8 && test.mode == pooled.ResetRollback {
				t.Errorf("have %d hits of 10", have)
			}
			if lines := offLines(book); len(lines) > 0 {
				t.Errorf("have %q, want no word of it", lines)
			}
			if s := pool.Stats(); s.Opened != 1 {
				t.Errorf("have %+v, want one connection that stays, whatever the mode", s)
			}
		})
	}
}

// The log has each cause for which the cache is off, once, and the true one.
func TestStmtCacheIsOffForTheTrueReason(t *testing.T) {
	const question = "SELECT pg_catalog.pg_backend_pid()"
	proxy := pooledtest.NewProxy(t, onPostgres.plain(t))
	db, pool, book := openTold(t, proxy.DSN(), size(1, 0))
	for _, step := range []struct {
		by   string // what the server is asked instead
		want string // in the log
		hits int
	}{
		{"SELECT pg_catalog.pg_backend_pix()", "did not say which session answers", 0},
		{"SELECT pg_catalog.pg_backend_pix()", "", 0},
		{fmt.Sprintf("SELECT %-*d", len(question)-len("SELECT "), 1), "behind a pooler", 0},
		{question, "", 8},
	} {
		proxy.Replace(question, step.by)
		pool.Dispose()
		if have := onPostgres.hits(t, db, pool); have < step.hits || step.hits == 0 && have > 0 {
			t.Errorf("%s: have %d hits, want %d", step.by, have, step.hits)
		}
		lines := strings.Join(offLines(book), "\n")
		if step.want == "" && lines != "" || !strings.Contains(lines, step.want) {
			t.Errorf("%s: have %q, want %q", step.by, lines, step.want)
		}
	}
}

// Where a query needs one round trip anyway, the log names the parameter that makes it so.
func TestStmtCacheIsOffByTheDSN(t *testing.T) {
	for _, test := range []struct {
		server
		parameter string
	}{{onPostgres, "binary_parameters=yes"}, {onMySQL, "interpolateParams=true"}} {
		db, pool, book := openTold(t, pooledtest.WithOptions(test.dsn(t), test.parameter))
		if have := test.hits(t, db, pool); have != 0 {
			t.Errorf("%s: have %d hits, want none", test.parameter, have)
		}
		want := test.parameter + " is set: a query needs one round trip anyway"
		if lines := offLines(book); len(lines) != 1 || !strings.Contains(lines[0], want) {
			t.Errorf("have %q, want %q once", lines, want)
		}
	}
}

// The server's limit on statements is told by each new connection, so what was taken away when it was reached comes
// back.
func TestStmtLimitIsLearntAnew(t *testing.T) {
	admin := openServer(t, onMySQL.bare, onMySQL.dsn(t))
	limit := func(n int) { pooledtest.MustExec(t, admin, fmt.Sprint("SET GLOBAL max_prepared_stmt_count = ", n)) }
	before := pooledtest.ScanOne[int](t, admin, "SELECT @@max_prepared_stmt_count")
	defer limit(before)
	waitKeptByAll(t, admin, 0)
	db, pool, book := openTold(t, onMySQL.dsn(t), size(1, 0))
	if have := onMySQL.hits(t, db, pool); have < 8 {
		t.Errorf("have %d hits of 10", have)
	}
	for _, step := range []struct {
		limit int
		want  string
		hits  int
	}{{3, "max_prepared_stmt_count is too low", 0}, {before, "", 8}, {3, "", 0}} {
		limit(step.limit)
		pool.Dispose()
		waitKeptByAll(t, admin, 0)
		if have := onMySQL.hits(t, db, pool); have < step.hits || step.hits == 0 && have > 0 {
			t.Errorf("limit %d: have %d hits, want %d", step.limit, have, step.hits)
		}
		lines := strings.Join(offLines(book), "\n")
		if step.want == "" && lines != "" || !strings.Contains(lines, step.want) {
			t.Errorf("limit %d: have %q, want %q", step.limit, lines, step.want)
		}
	}
}

// offLines are the lines that say that the cache is off.
func offLines(book *pooledtest.LogBook) []string {
	return slices.DeleteFunc(book.Take(), func(l string) bool { return !strings.Contains(l, "statement cache not used") })
}
