package integration

import (
	"database/sql"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/pooled-go/pooled/internal/pooledtest"
)

// pgbouncer is a database of the PgBouncer that scripts/with-servers starts, in one of its pool modes.
type pgbouncer struct {
	mode    string // as PgBouncer calls it, and the name of the database
	dsn     string
	plain   string // the same without TLS
	console *sql.DB
}

// newPgBouncer begins anew: nobody is connected, and PgBouncer has two connections to the server. They go round, so
// what comes after one another is sent on one, then the other.
func newPgBouncer(t *testing.T, mode string) *pgbouncer {
	t.Helper()
	find := func(name string) string {
		dsn := os.Getenv("POOLED_TEST_PGBOUNCER_" + name)
		if dsn == "" {
			pooledtest.SkipUnlessRequired(t, "pgbouncer", "needs make test, which starts PgBouncer")
		}
		return dsn
	}
	b := &pgbouncer{mode: mode, dsn: find(strings.ToUpper(mode)), plain: find(strings.ToUpper(mode) + "_PLAIN")}
	b.console = openBare(t, "postgres", find("CONSOLE"))
	t.Cleanup(func() { b.kill(t) }) // what it keeps idle are places at the server that others need
	b.renew(t)
	return b
}

// renew ends all connections, and makes those that newPgBouncer speaks of.
func (b *pgbouncer) renew(t *testing.T) {
	t.Helper()
	b.kill(t)
	if b.mode != "transaction" {
		return
	}
	db := openBare(t, "postgres", b.dsn)
	defer db.Close()
	for range 2 {
		tx, err := db.Begin()
		if err != nil {
			t.Fatal(err)
		}
		defer tx.Rollback()
	}
}

// kill ends all connections of this database on both sides of PgBouncer.
func (b *pgbouncer) kill(t *testing.T) {
	t.Helper()
	b.tell(t, "KILL "+b.mode)
	b.tell(t, "RESUME "+b.mode)
}

// tell sends a command to the console.
func (b *pgbouncer) tell(t *testing.T, command string) {
	t.Helper()
	mustExec(t, b.console, command)
}

// set changes a setting for the rest of the test.
func (b *pgbouncer) set(t *testing.T, setting, value, normal string) {
	t.Helper()
	b.tell(t, fmt.Sprintf("SET %s=%s", setting, value))
	t.Cleanup(func() { b.tell(t, fmt.Sprintf("SET %s=%s", setting, normal)) })
}

// clients counts those that are connected to this database, in a state if that is not empty.
func (b *pgbouncer) clients(t *testing.T, state string) (n int) {
	t.Helper()
	for _, row := range b.show(t, "CLIENTS") {
		if row["database"] == b.mode && (state == "" || row["state"] == state) {
			n++
		}
	}
	return n
}

// config is a setting; empty: this version has none of that name.
func (b *pgbouncer) config(t *testing.T, key string) string {
	t.Helper()
	for _, row := range b.show(t, "CONFIG") {
		if row["key"] == key {
			return row["value"]
		}
	}
	return ""
}

// minor is its version: 26 for 1.26.1.
func (b *pgbouncer) minor(t *testing.T) (minor int) {
	t.Helper()
	version := b.show(t, "VERSION")[0]["version"]
	if _, err := fmt.Sscanf(version, "PgBouncer 1.%d.", &minor); err != nil {
		t.Fatalf("%s: %v", version, err)
	}
	return minor
}

// show asks the console.
func (b *pgbouncer) show(t *testing.T, what string) (list []map[string]string) {
	t.Helper()
	rows, err := b.console.Query("SHOW " + what)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	values := make([]sql.NullString, len(columns))
	into := make([]any, len(columns))
	for i := range values {
		into[i] = &values[i]
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			t.Fatal(err)
		}
		row := map[string]string{}
		for i, name := range columns {
			row[name] = values[i].String
		}
		list = append(list, row)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return list
}

// open opens it over pooled, with options.
func (b *pgbouncer) open(t *testing.T, options string) *sql.DB {
	t.Helper()
	return openPooled(t, pooledtest.WithOptions(b.dsn, options))
}

// eventually polls.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("have waited 20s in vain, want %s", what)
		}
	}
}
