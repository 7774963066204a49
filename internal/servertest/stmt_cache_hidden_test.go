package servertest_test

import (
	"database/sql"
	"fmt"
	"testing"
	"time"

	"github.com/pooled-go/pooled/internal/pooledtest"
)

// What one connection of the pool does to a table, the others know, also those that are in use, and whether it has come
// back or not.
func TestStmtCacheChangesInThePool(t *testing.T) {
	s := onPostgres
	now := time.Date(2024, 2, 29, 12, 0, 0, 0, time.FixedZone("", 5*3600))
	for _, how := range []string{"autocommit", "conn", "transaction", "prepared", "prepared and back", "rolled back"} {
		for _, user := range []string{"autocommit", "conn"} {
			t.Run(how+", "+user, func(t *testing.T) {
				db := openServer(t, "pooled", s.dsn(t), cacheOf(cacheSize), "pool_max_conns=2")
				table(t, db, "cache_shared", "a TIMESTAMP")
				conns := []*sql.Conn{}
				for range 2 { // a conn for each
					conn, err := db.Conn(t.Context())
					if err != nil {
						t.Fatal(err)
					}
					defer conn.Close()
					conns = append(conns, conn)
					for range 3 {
						pooledtest.MustExec(t, conn, "INSERT INTO cache_shared VALUES ($1)", now)
					}
				}
				const change = "ALTER TABLE cache_shared ALTER a TYPE TIMESTAMPTZ"
				switch how {
				case "autocommit":
					pooledtest.Give(t, conns[1])
					pooledtest.MustExec(t, db, change)
				case "conn": // it is kept: what has been done is done
					pooledtest.MustExec(t, conns[1], change)
				case "prepared", "prepared and back":
					stmt, err := conns[1].PrepareContext(t.Context(), change)
					if err != nil {
						t.Fatal(err)
					}
					defer stmt.Close()
					if _, err := stmt.Exec(); err != nil {
						t.Fatal(err)
					}
				case "transaction", "rolled back":
					tx, err := conns[1].BeginTx(t.Context(), nil)
					if err != nil {
						t.Fatal(err)
					}
					pooledtest.MustExec(t, tx, change)
					if how == "rolled back" {
						err = tx.Rollback()
						pooledtest.MustExec(t, conns[1], change)
					} else {
						err = tx.Commit()
					}
					if err != nil {
						t.Fatal(err)
					}
				}
				if how == "prepared and back" {
					pooledtest.Give(t, conns[1])
				}
				var op operator = conns[0]
				if user == "autocommit" {
					pooledtest.Give(t, conns[0])
					op = db
				}
				pooledtest.MustExec(t, op, "DELETE FROM cache_shared")
				for range 3 {
					pooledtest.MustExec(t, op, "INSERT INTO cache_shared VALUES ($1)", now)
				}
				if have := pooledtest.ScanOne[int](t, op, "SELECT count(*) FROM cache_shared WHERE a = '2024-02-29 "+
					"07:00Z'"); have != 3 {
					t.Errorf("have %d rows of that moment, want 3", have)
				}
			})
		}
	}
}

// sideways lets one connection of a pool keep a statement and use it, another change what it is about, and the first
// use it again. It returns what the program sees before and after.
func (s server) sideways(t *testing.T, driver string, setup, clean []string, change change, use func(operator) string,
	options ...string) (seen []string) {
	t.Helper()
	admin := openServer(t, s.bare, s.dsn(t))
	for _, text := range append(clean, setup...) {
		pooledtest.MustExec(t, admin, text)
	}
	defer func() {
		for _, text := range clean {
			pooledtest.MustExec(t, admin, text)
		}
	}()
	if driver == "pooled" {
		options = append(options, cacheOf(cacheSize), "pool_max_conns=2")
	}
	db := openServer(t, driver, s.dsn(t), options...)
	defer db.Close()
	db.SetMaxOpenConns(2)
	conns := [2]*sql.Conn{}
	for i := range conns {
		conn, err := db.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		conns[i] = conn
	}
	for range 3 {
		seen = append(seen, use(conns[0]))
	}
	change(t, db, conns[1])
	for range 3 {
		seen = append(seen, use(conns[0]))
	}
	return seen
}

// change is what happens on another connection of the same pool.
type change func(*testing.T, *sql.DB, *sql.Conn)

// by is a change by one statement, whose error is a part of the story.
func by(text string) change {
	return func(t *testing.T, _ *sql.DB, conn *sql.Conn) { conn.ExecContext(t.Context(), text) }
}

// What can hide a change to a table counts as one: the statements that other connections keep are prepared again.
func TestStmtCacheHiddenChangesInThePool(t *testing.T) {
	const (
		alter = "ALTER TABLE cache_shared ALTER a TYPE TIMESTAMPTZ"
		noon  = "2024-02-29 12:00:00+05"
	)
	clean := []string{"DROP TABLE IF EXISTS cache_shared", "DROP PROCEDURE IF EXISTS cache_shared_p"}
	procedure := func(body string) string {
		return "CREATE PROCEDURE cache_shared_p() LANGUAGE plpgsql AS $$ BEGIN " + body + " END $$"
	}
	insert := func(op operator) string {
		done(t.Context(), op, "DELETE FROM cache_shared")
		return done(t.Context(), op, "INSERT INTO cache_shared VALUES ($1)", noon) + " " +
			answered(t.Context(), op, "SELECT a AT TIME ZONE 'UTC' FROM cache_shared")
	}
	for name, test := range map[string]struct {
		procedure string
		change    change
	}{
		"DO":                          {"NULL;", by("DO $$ BEGIN " + alter + "; END $$")},
		"DO of a string":              {"NULL;", by("DO 'BEGIN " + alter + "; END'")},
		"CALL":                        {alter + ";", by("CALL cache_shared_p()")},
		"CALL behind a query":         {alter + ";", by("SELECT 'a\\'; CALL cache_shared_p()")},
		"CALL that commits and fails": {alter + "; COMMIT; RAISE 'enough';", by("CALL cache_shared_p()")},
		"behind a query":              {"NULL;", by("SELECT 1; " + alter)},
		"in a transaction by texts": {"NULL;", func(t *testing.T, _ *sql.DB, conn *sql.Conn) {
			for _, text := range []string{"BEGIN", alter, "SELECT 1", "COMMIT"} {
				pooledtest.MustExec(t, conn, text)
			}
		}},
		"prepared": {alter + ";", func(t *testing.T, _ *sql.DB, conn *sql.Conn) {
			stmt, err := conn.PrepareContext(t.Context(), "CALL cache_shared_p()")
			if err != nil {
				t.Fatal(err)
			}
			defer stmt.Close()
			if _, err := stmt.Exec(); err != nil {
				t.Error(err)
			}
		}},
		"in a transaction": {alter + ";", func(t *testing.T, _ *sql.DB, conn *sql.Conn) {
			tx, err := conn.BeginTx(t.Context(), nil)
			if err != nil {
				t.Fatal(err)
			}
			pooledtest.MustExec(t, tx, "CALL cache_shared_p()")
			if err := tx.Commit(); err != nil {
				t.Error(err)
			}
		}},
		"Raw": {"NULL;", func(t *testing.T, db *sql.DB, conn *sql.Conn) {
			pooledtest.Give(t, conn)
			if err := behind(t.Context(), db, alter); err != nil {
				t.Error(err)
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			setup := []string{"CREATE TABLE cache_shared (a TIMESTAMP)", procedure(test.procedure)}
			want := onPostgres.sideways(t, "postgres", setup, clean, test.change, insert, "TimeZone=UTC")
			wantSame(t, onPostgres.sideways(t, "pooled", setup, clean, test.change, insert, "TimeZone=UTC"), want)
			if want[0] == want[5] {
				t.Errorf("have %q before and after the change, want two answers: there is no change to be seen", want)
			}
		})
	}
}

// A table that is new may come before the one that a kept statement is about.
func TestStmtCacheNewTablesInThePool(t *testing.T) {
	clean := []string{"DROP SCHEMA IF EXISTS cache_x, cache_y CASCADE"}
	setup := []string{"CREATE SCHEMA cache_x", "CREATE SCHEMA cache_y", "CREATE TABLE cache_y.cache_shared (a INT)"}
	ask := func(op operator) string {
		return answered(t.Context(), op, "SELECT * FROM cache_shared WHERE 1 = $1", 1)
	}
	for _, create := range []string{
		"CREATE TABLE cache_x.cache_shared AS SELECT 26 AS z",
		"SELECT 26 AS z INTO cache_x.cache_shared",
		"EXPLAIN ANALYZE CREATE TABLE cache_x.cache_shared AS SELECT 26 AS z",
		"EXPLAIN ANALYZE SELECT 26 AS z INTO cache_x.cache_shared",
		"DO $$ BEGIN CREATE TABLE cache_x.cache_shared AS SELECT 26 AS z; END $$",
	} {
		t.Run(create, func(t *testing.T) {
			const path = "search_path=cache_x,cache_y"
			want := onPostgres.sideways(t, "postgres", setup, clean, by(create), ask, path)
			wantSame(t, onPostgres.sideways(t, "pooled", setup, clean, by(create), ask, path), want)
			if want[0] == want[5] {
				t.Errorf("have %q before and after, want two answers", want)
			}
		})
	}
}

// MySQL prepares a statement again by itself when a table is another, whoever has changed it, so nothing has to be
// hidden from the pool. These are the ways to hide it.
func TestStmtCacheHiddenChangesOnMySQL(t *testing.T) {
	clean := []string{"DROP TABLE IF EXISTS cache_shared", "DROP PROCEDURE IF EXISTS cache_shared_p"}
	for _, columns := range [][3]any{
		{"a INT", "a TEXT", 7},
		{"a TIMESTAMP", "a DATE", "2020-01-01 10:00:00"},
		{"a VARCHAR(8) CHARACTER SET latin1", "a VARCHAR(8) CHARACTER SET utf8mb4", "é"},
		{"a DECIMAL(10,3)", "a INT", "1.2345"},
		{"a ENUM('a', 'b')", "a ENUM('b', 'a')", "a"},
		{"a FLOAT", "a DOUBLE", 1.23456789},
		{"a INT, b INT DEFAULT 1", "a INT, ADD c INT DEFAULT 3", 5},
	} {
		alter := fmt.Sprint("ALTER TABLE cache_shared MODIFY ", columns[1])
		use := func(op operator) string {
			done(t.Context(), op, "DELETE FROM cache_shared")
			return fmt.Sprint(
				done(t.Context(), op, "INSERT INTO cache_shared (a) VALUES (?)", columns[2]),
				answered(t.Context(), op, "SELECT * FROM cache_shared WHERE 1 = ?", 1),
				answered(t.Context(), op, "SELECT COUNT(*) FROM cache_shared WHERE a = ?", columns[2]))
		}
		setup := []string{
			fmt.Sprintf("CREATE TABLE cache_shared (%s)", columns[0]),
			"CREATE PROCEDURE cache_shared_p() " + alter,
		}
		for _, change := range []string{
			"CALL cache_shared_p()",
			"EXECUTE IMMEDIATE \"" + alter + "\"",
			"BEGIN NOT ATOMIC " + alter + "; END",
		} {
			t.Run(fmt.Sprint(columns[1], " by ", change[:7]), func(t *testing.T) {
				want := onMySQL.sideways(t, "mysql", setup, clean, by(change), use)
				wantSame(t, onMySQL.sideways(t, "pooled", setup, clean, by(change), use), want)
			})
		}
	}
}
