package pooledtest

import (
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// WithOptions adds options to a DSN that has its parameters behind a question mark.
func WithOptions(dsn string, options ...string) string {
	separator := "?"
	if strings.Contains(dsn, "?") {
		separator = "&"
	}
	return dsn + separator + strings.Join(options, "&")
}

// OpenDB is sql.Open. What it opens is closed with the test.
func OpenDB(tb testing.TB, driver, dsn string) *sql.DB {
	tb.Helper()
	db, err := sql.Open(driver, dsn)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { db.Close() })
	return db
}

// MustExec runs a statement on a sql.DB, sql.Conn or sql.Tx. An error ends the test.
func MustExec(tb testing.TB, db interface {
	ExecContext(context.Context, string, ...any) (sql.Result, error)
}, query string, args ...any) {
	tb.Helper()
	if _, err := db.ExecContext(context.Background(), query, args...); err != nil {
		tb.Fatalf("%s: %v", query, err)
	}
}

// WantNone asks a query of one number until the answer is 0: a session ends a little after its connection.
func WantNone(tb testing.TB, driver, dsn, query string) {
	tb.Helper()
	db, err := sql.Open(driver, dsn)
	if err != nil {
		tb.Fatal(err)
	}
	defer db.Close()
	for deadline := time.Now().Add(10 * time.Second); ; {
		var n int
		if err := db.QueryRowContext(tb.Context(), query).Scan(&n); err != nil {
			tb.Fatal(err)
		}
		if n == 0 {
			return
		}
		if time.Now().After(deadline) {
			tb.Fatalf("%s: have %d, want 0", query, n)
		}
	}
}

// Snapshot is the names and contents of all files in a directory.
func Snapshot(tb testing.TB, dir string) string {
	tb.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		tb.Fatal(err)
	}
	var all strings.Builder
	for _, e := range entries {
		content, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			tb.Fatal(err)
		}
		all.WriteString(e.Name() + "\x00" + string(content) + "\x00")
	}
	return all.String()
}

// ScanOne is the only value that a query gives.
func ScanOne[T any](tb testing.TB, db interface {
	QueryRowContext(context.Context, string, ...any) *sql.Row
}, query string, args ...any) T {
	tb.Helper()
	var v T
	if err := db.QueryRowContext(context.Background(), query, args...).Scan(&v); err != nil {
		tb.Fatalf("%s: %v", query, err)
	}
	return v
}

// Give closes conns, which gives their connections back.
func Give(tb testing.TB, conns ...*sql.Conn) {
	tb.Helper()
	for _, c := range conns {
		if err := c.Close(); err != nil {
			tb.Fatalf("Close: %v", err)
		}
	}
}

// Anew are the statements that make something, such as a ROLE or a FUNCTION, that may be there from an earlier run. Not
// every server has CREATE OR REPLACE.
func Anew(kind, name, rest string) []string {
	return []string{"DROP " + kind + " IF EXISTS " + name, "CREATE " + kind + " " + name + " " + rest}
}

// Make makes it.
func Make(tb testing.TB, db *sql.DB, kind, name, rest string) {
	tb.Helper()
	for _, text := range Anew(kind, name, rest) {
		MustExec(tb, db, text)
	}
}
