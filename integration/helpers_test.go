package integration

import (
	"database/sql"
	"database/sql/driver"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pooled-go/pooled"
)

// openBare opens a database without pooled.
func openBare(t *testing.T, driverName, dsn string) *sql.DB {
	t.Helper()
	db, err := sql.Open(driverName, dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func openPooled(t *testing.T, dsn string) *sql.DB {
	t.Helper()
	return openBare(t, "pooled", dsn)
}

// wrapPooled opens a database over a connector that the program made.
func wrapPooled(t *testing.T, parent driver.Connector) *sql.DB {
	t.Helper()
	connector, err := pooled.NewConnector(parent, pooled.NewConfig())
	if err != nil {
		t.Fatal(err)
	}
	db := sql.OpenDB(connector)
	t.Cleanup(func() { db.Close() })
	return db
}

type execer interface {
	Exec(query string, args ...any) (sql.Result, error)
}

func mustExec(t *testing.T, db execer, query string, args ...any) {
	t.Helper()
	if _, err := db.Exec(query, args...); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}

type queryer interface {
	QueryRow(query string, args ...any) *sql.Row
}

func queryInt(t *testing.T, db queryer, query string, args ...any) int {
	t.Helper()
	var n int
	if err := db.QueryRow(query, args...).Scan(&n); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return n
}

func checkInt(t *testing.T, what string, have, want int) {
	t.Helper()
	if have != want {
		t.Errorf("%s: have %d, want %d", what, have, want)
	}
}

// checkSame compares what two databases answered, line by line.
func checkSame(t *testing.T, what string, have, want []string) {
	t.Helper()
	for i := range max(len(have), len(want)) {
		h, w := "(nothing)", "(nothing)"
		if i < len(have) {
			h = have[i]
		}
		if i < len(want) {
			w = want[i]
		}
		if h != w {
			t.Errorf("%s, line %d:\nhave %s\nwant %s", what, i+1, h, w)
		}
	}
}

// rawConn gives the parent's own conn to f, as a program that knows pooled does.
func rawConn(t *testing.T, db *sql.DB, f func(driver.Conn) error) {
	t.Helper()
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	err = conn.Raw(func(c any) error {
		return f(c.(interface{ Raw() driver.Conn }).Raw())
	})
	if err != nil {
		t.Error(err)
	}
}

// forgetTransaction runs statements, such as a BEGIN, and gives the conn back as it is.
func forgetTransaction(t *testing.T, db *sql.DB, statements ...string) {
	t.Helper()
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range statements {
		if _, err := conn.ExecContext(t.Context(), s); err != nil {
			t.Errorf("%s: %v", s, err)
		}
	}
	if err := conn.Close(); err != nil {
		t.Error(err)
	}
}

// withScheme replaces a URL's scheme.
func withScheme(t *testing.T, dsn, scheme string) string {
	t.Helper()
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	return scheme + strings.TrimPrefix(dsn, u.Scheme)
}

// sqliteFile is the path of a database file of the test's own.
func sqliteFile(t *testing.T) string {
	t.Helper()
	return filepath.Join(t.TempDir(), "test.db")
}
