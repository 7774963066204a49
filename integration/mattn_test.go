//go:build cgo

package integration

import (
	"context"
	"crypto/rand"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mattn/go-sqlite3"
	"github.com/pooled-go/pooled"
)

// The second SQLite driver, of other habits than the first: cgo, times as time.Time
// by the column's type, and an unlock notify of its own.

func TestMattnForms(t *testing.T) {
	want := mattnTranscript(t, openBare(t, "sqlite3", sqliteFile(t)))
	file := sqliteFile(t)
	for name, dsn := range map[string]string{
		"memory":      "sqlite://?pool_driver=sqlite3",
		"native":      ":memory:?pool_driver=sqlite3",
		"scheme":      "sqlite+sqlite3://",
		"file":        file + "?pool_driver=sqlite3",
		"file URI":    "file:" + sqliteFile(t) + "?_busy_timeout=5000&pool_driver=sqlite3&_foreign_keys=1",
		"URL":         "sqlite:///" + sqliteFile(t) + "?pool_driver=sqlite3",
		"direct file": "file:" + sqliteFile(t) + "?pool_driver=sqlite3&pool_class=direct",
	} {
		t.Run(name, func(t *testing.T) {
			checkSame(t, "go-sqlite3 through pooled", mattnTranscript(t, openPooled(t, dsn)), want)
		})
	}
}

func mattnTranscript(t *testing.T, db *sql.DB) (lines []string) {
	t.Helper()
	log := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	mustExec(t, db, "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT UNIQUE, at TIMESTAMP, b BLOB, ok BOOLEAN)")
	at := time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC)
	res, err := db.Exec("INSERT INTO t (name, at, b, ok) VALUES (?, ?, ?, ?)", "ada", at, []byte{0, 255}, true)
	if err != nil {
		t.Fatal(err)
	}
	id, err := res.LastInsertId()
	log("id %d %v", id, err)
	n, err := res.RowsAffected()
	log("rows %d %v", n, err)

	var name string
	var have time.Time
	var b []byte
	var ok any
	err = db.QueryRow("SELECT name, at, b, ok FROM t WHERE name = @n", sql.Named("n", "ada")).Scan(&name, &have, &b, &ok)
	log("row %s %s %x %T %v", name, have.UTC(), b, ok, err)
	lines = append(lines, columnTypes(t, db, "SELECT id, name, at, b, ok, 1+1 FROM t")...)

	_, err = db.Exec("INSERT INTO t (name) VALUES (?)", "ada")
	var constraint sqlite3.Error
	log("error %v %v %v", errors.As(err, &constraint), constraint.ExtendedCode, err)
	tx, err := db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	mustExec(t, tx, "INSERT INTO t (name) VALUES ('bob')")
	log("rollback %v", tx.Rollback())
	log("count %d", queryInt(t, db, "SELECT count(*) FROM t"))
	_, err = db.Exec("INSERT INTO t (name) VALUES ('x'); INSERT INTO t (name) VALUES ('y')")
	log("two statements %v, count %d", err, queryInt(t, db, "SELECT count(*) FROM t"))
	return lines
}

// TestMattnMemory: one memory database for all goroutines, as with the first
// SQLite driver.
func TestMattnMemory(t *testing.T) {
	for _, dsn := range []string{"sqlite://?pool_driver=sqlite3", ":memory:?pool_driver=sqlite3", "file::memory:?pool_driver=sqlite3"} {
		t.Run(dsn, func(t *testing.T) {
			db := openPooled(t, dsn)
			mustExec(t, db, "CREATE TABLE t (n INTEGER)")
			var wg sync.WaitGroup
			for range 8 {
				wg.Go(func() {
					for i := range 50 {
						if _, err := db.Exec("INSERT INTO t VALUES (?)", i); err != nil {
							t.Errorf("insert: %v", err)
							return
						}
						var n int
						if err := db.QueryRow("SELECT count(*) FROM t").Scan(&n); err != nil {
							t.Errorf("count: %v", err)
							return
						}
					}
				})
			}
			wg.Wait()
			checkInt(t, "rows", queryInt(t, db, "SELECT count(*) FROM t"), 400)
			second := openPooled(t, dsn)
			checkInt(t, "tables of another sql.Open", queryInt(t, second, "SELECT count(*) FROM sqlite_master"), 0)
		})
	}
}

func TestMattnReset(t *testing.T) {
	db := openPooled(t, "file:"+sqliteFile(t)+"?pool_driver=sqlite3&pool_size=1&pool_max_overflow=0")
	mustExec(t, db, "CREATE TABLE t (n INTEGER)")
	forgetTransaction(t, db, "BEGIN", "INSERT INTO t VALUES (1)")
	checkInt(t, "rows of a forgotten BEGIN", queryInt(t, db, "SELECT count(*) FROM t"), 0)
}

// TestMattnHook: a driver that the program registered with a hook of its own,
// reached by its name, and the raw conn under it.
func TestMattnHook(t *testing.T) {
	name := "sqlite3_" + strings.ToLower(rand.Text()[:8]) // a process may register a name once
	sql.Register(name, &sqlite3.SQLiteDriver{ConnectHook: func(c *sqlite3.SQLiteConn) error {
		return c.RegisterFunc("twice", func(n int64) int64 { return 2 * n }, true)
	}})
	db := openPooled(t, sqliteFile(t)+"?pool_driver="+name)
	checkInt(t, "twice(21)", queryInt(t, db, "SELECT twice(21)"), 42)
	rawConn(t, db, func(c driver.Conn) error {
		conn := c.(*sqlite3.SQLiteConn)
		if !conn.AutoCommit() {
			t.Error("have a transaction open, want none")
		}
		return conn.RegisterFunc("thrice", func(n int64) int64 { return 3 * n }, true)
	})
}

// TestMattnRollbackAfterItsContext: mattn's driver can't tell database/sql whether a connection is still good, so that
// closes it if it was the first to roll back after a context's end. Here the connection stays, whoever was first, and
// with it what the program has set there.
func TestMattnRollbackAfterItsContext(t *testing.T) {
	for _, class := range []string{"queue", "static", "direct"} {
		for _, byProgram := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s program=%t", class, byProgram), func(t *testing.T) {
				db := openPooled(t, "file:"+sqliteFile(t)+"?pool_driver=sqlite3&pool_class="+class)
				db.SetMaxOpenConns(1)
				mustExec(t, db, "CREATE TABLE t (n INTEGER)")
				mustExec(t, db, "PRAGMA cache_size = 4321")
				for range 50 {
					ctx, cancel := context.WithCancel(t.Context())
					tx, err := db.BeginTx(ctx, nil)
					if err != nil {
						t.Fatal(err)
					}
					mustExec(t, tx, "INSERT INTO t VALUES (1)")
					cancel()
					if byProgram {
						tx.Rollback()
					}
					checkInt(t, "cache_size", queryInt(t, db, "PRAGMA cache_size"), 4321)
				}
				checkInt(t, "rows", queryInt(t, db, "SELECT count(*) FROM t"), 0)
				if pool, _ := pooled.PoolOf(db); pool.Stats().Opened != 1 {
					t.Errorf("have %d connections opened, want 1", pool.Stats().Opened)
				}
			})
		}
	}
}
