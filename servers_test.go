package pooled_test

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"testing"

	_ "modernc.org/sqlite"

	"github.com/pooled-go/pooled/internal/pooledtest"
)

// server is a real database for tests that compare pooled with the bare driver.
type server struct {
	name string
	bare string                  // the bare driver's name
	dsn  func(testing.TB) string // its DSN; skips without a server
	arg  func(n int) string      // the n-th bind variable
}

var (
	onPostgres = server{name: "postgres", bare: "postgres", dsn: pooledtest.Postgres,
		arg: func(n int) string { return fmt.Sprint("$", n) }}
	onMySQL = server{name: "mysql", bare: "mysql", dsn: pooledtest.MySQL,
		arg: func(int) string { return "?" }}
)

// withOptions adds options to the DSN of any of these servers.
func withOptions(dsn string, options ...string) string {
	separator := "?"
	if strings.Contains(dsn, "?") {
		separator = "&"
	}
	return dsn + separator + strings.Join(options, "&")
}

// openServer opens the server by driver "pooled", with options, or bare.
func openServer(t testing.TB, driver, dsn string, options ...string) *sql.DB {
	t.Helper()
	if len(options) > 0 {
		dsn = withOptions(dsn, options...)
	}
	db, err := sql.Open(driver, dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// table makes a table for one test and drops it afterwards.
func table(t testing.TB, db *sql.DB, name, columns string) {
	t.Helper()
	mustExec(t, db, "DROP TABLE IF EXISTS "+name)
	mustExec(t, db, "CREATE TABLE "+name+" ("+columns+")")
	t.Cleanup(func() { db.ExecContext(context.Background(), "DROP TABLE IF EXISTS "+name) })
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
		return admin.QueryRow("SELECT count(*) "+sleeping).Scan(&n) == nil && n > 0
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
