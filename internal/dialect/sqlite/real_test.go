package sqlite_test

import (
	"context"
	"database/sql"
	"strings"
	"testing"
	"time"

	_ "modernc.org/sqlite"

	"github.com/pooled-go/pooled/internal/dialect/sqlite"
	"github.com/pooled-go/pooled/internal/pooledtest"
)

// The tests of this file hold what is said of a text against a real SQLite.

// fresh is a session with a database of its own, in memory.
func fresh(t *testing.T) *sql.Conn {
	t.Helper()
	db, err := sql.Open("sqlite", ":memory:")
	if err != nil {
		t.Fatal(err)
	}
	conn, err := db.Conn(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = conn.Close()
		_ = db.Close()
	})
	return conn
}

// inTransaction tells whether a transaction is open: COMMIT fails if there is nothing to commit.
func inTransaction(conn *sql.Conn) bool {
	_, err := conn.ExecContext(context.Background(), "COMMIT")
	return !sqlite.Dialect.NoTransaction(err)
}

// A parameter with parentheses takes in quotes. Its value must be given, or the text fails before it comes to BEGIN.
func TestTclParameter(t *testing.T) {
	for _, sigil := range []string{"$", "@", ":", "#"} {
		q := "SELECT " + sigil + "a(');BEGIN --')"
		conn := fresh(t)
		_, err := conn.ExecContext(t.Context(), q, sql.Named("a(')", 1))
		if err != nil || !inTransaction(conn) {
			t.Errorf("%q left nothing (error %v), want a transaction", q, err)
		}
		if have := sqlite.Dialect.Rules.Leaves(q); have != leavesTx {
			t.Errorf("Leaves(%q)\nhave %v\nwant %v", q, have, leavesTx)
		}
	}
}

// FuzzLeavesNothing runs what is said to leave nothing.
func FuzzLeavesNothing(f *testing.F) {
	for _, q := range pooledtest.SQLiteCorpus.Statements {
		f.Add(q)
	}
	f.Fuzz(func(t *testing.T, q string) {
		lower := strings.ToLower(q)
		if sqlite.Dialect.Rules.Leaves(q) != leavesNone ||
			strings.Contains(lower, "into") && strings.Contains(lower, "vacuum") {
			return // VACUUM INTO writes a file of a name the fuzzer made up
		}
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		conn := fresh(t)
		_, _ = conn.ExecContext(ctx, q)
		if conn.PingContext(context.Background()) == nil && inTransaction(conn) {
			t.Errorf("Leaves(%q)\nhave none\nwant tx: a transaction is open", q)
		}
	})
}
