package pooled_test

import (
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
