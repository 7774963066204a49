package servertest_test

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	_ "modernc.org/sqlite"

	"github.com/pooled-go/pooled/internal/pooledtest"
)

// server is a real database for tests that compare pooled with the bare driver.
type server struct {
	name  string
	bare  string                  // the bare driver's name
	dsn   func(testing.TB) string // its DSN; skips without a server
	plain func(testing.TB) string // its DSN without TLS
	arg   func(n int) string      // the n-th bind variable
}

var (
	onPostgres = server{name: "postgres", bare: "postgres", dsn: pooledtest.Postgres, plain: pooledtest.PostgresPlain,
		arg: func(n int) string { return fmt.Sprint("$", n) }}
	onMySQL = server{name: "mysql", bare: "mysql", dsn: pooledtest.MySQL, plain: pooledtest.MySQLPlain,
		arg: func(int) string { return "?" }}
	onSQLite = server{name: "sqlite", bare: "sqlite", dsn: sqliteFile,
		arg: func(int) string { return "?" }}
	servers = []server{onPostgres, onMySQL, onSQLite}
)

func sqliteFile(t testing.TB) string {
	return "file:" + filepath.Join(t.TempDir(), "test.db") + "?_pragma=busy_timeout(10000)"
}

// openServer opens the server by driver "pooled", with options, or bare.
func openServer(t testing.TB, driver, dsn string, options ...string) *sql.DB {
	t.Helper()
	if len(options) > 0 {
		dsn = pooledtest.WithOptions(dsn, options...)
	}
	db, err := sql.Open(driver, dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// both runs f with the bare driver and with pooled before it and compares what
// it returns.
func both[T any](t *testing.T, s server, options []string, equal func(bare, pooled T) bool,
	f func(t *testing.T, db *sql.DB) T) {
	t.Helper()
	dsn := s.dsn(t)
	bare := f(t, openServer(t, s.bare, pooledtest.WithOptions(dsn, append(options, s.params()...)...)))
	with := f(t, openServer(t, "pooled", pooledtest.WithOptions(dsn, append(options, s.params()...)...)))
	if !equal(bare, with) {
		t.Errorf("bare:   %+v\npooled: %+v", bare, with)
	}
}

// params keeps withOptions from adding an empty list.
func (s server) params() []string {
	switch s.name {
	case "mysql":
		return []string{"parseTime=true"}
	case "postgres":
		return []string{"application_name=pooled_test"}
	}
	return []string{"_time_format=sqlite"}
}

// during does something with the server, and ends it as soon as the server sleeps in a statement that holds the mark.
func (s server) during(t testing.TB, admin *sql.DB, mark string, end, do func()) {
	t.Helper()
	sleeping := "FROM information_schema.processlist WHERE state = 'User sleep' AND info LIKE '%" + mark + "%'"
	if s.name == "postgres" {
		sleeping = "FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND query LIKE '%" + mark + "%'"
	}
	stop := pooledtest.When(func() bool {
		var n int
		if err := admin.QueryRow("SELECT count(*) " + sleeping).Scan(&n); err != nil {
			t.Errorf("whether a statement sleeps: %v", err)
			return true // it would not go away
		}
		return n > 0
	}, end)
	do()
	stop()
	if s.name == "mysql" { // which sleeps on when its client has gone
		var id string
		if admin.QueryRow("SELECT id "+sleeping).Scan(&id) == nil {
			admin.Exec("KILL " + id)
		}
	}
}

// table makes a table for one test and drops it afterwards. A session that a test has left in a transaction keeps its
// tables: the server would wait for it for a day, or for a year.
func table(t testing.TB, db *sql.DB, name, columns string) {
	t.Helper()
	drop := func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if _, err := db.ExecContext(ctx, "DROP TABLE IF EXISTS "+name); err != nil {
			t.Errorf("drop table %s: %v", name, err)
		}
	}
	drop()
	pooledtest.MustExec(t, db, "CREATE TABLE "+name+" ("+columns+")")
	t.Cleanup(drop)
}
