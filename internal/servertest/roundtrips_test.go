package servertest_test

import (
	"database/sql"
	"fmt"
	"slices"
	"testing"

	"github.com/pooled-go/pooled/internal/pooledtest"
)

// plainWork is what leaves nothing behind that would have to be reset.
func (s server) plainWork(t *testing.T, db *sql.DB) {
	t.Helper()
	for i := range 20 {
		pooledtest.ScanOne[int](t, db, "SELECT 1")
		pooledtest.ScanOne[int](t, db, "SELECT "+cast(s, s.arg(1)), i)
		pooledtest.MustExec(t, db, "UPDATE round_trips SET a = "+s.arg(1), i)
		pooledtest.MustExec(t, db, "INSERT INTO round_trips VALUES (1)")
		tx, err := db.Begin()
		if err != nil {
			t.Fatal(err)
		}
		pooledtest.MustExec(t, tx, "DELETE FROM round_trips WHERE a = 1")
		if i%2 == 0 {
			err = tx.Commit()
		} else {
			err = tx.Rollback()
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// sent is what reaches the server while work runs on a connection that has been used before.
func sent(t *testing.T, s server, driver string, options []string, work func(*testing.T, *sql.DB)) []string {
	t.Helper()
	proxy := pooledtest.NewProxy(t, s.plain(t))
	db := openServer(t, driver, proxy.DSN(), options...)
	db.SetMaxOpenConns(1)
	pooledtest.ScanOne[int](t, db, "SELECT 1")
	before := len(proxy.Messages())
	work(t, db)
	return proxy.Messages()[before:]
}

// Work that needs no reset costs no round trip: message for message, the server
// gets what it gets from the bare driver.
func TestNoRoundTripWithoutNeed(t *testing.T) {
	for _, s := range []server{onPostgres, onMySQL} {
		t.Run(s.name, func(t *testing.T) {
			table(t, openServer(t, s.bare, s.dsn(t)), "round_trips", "a INT")
			work := func(t *testing.T, db *sql.DB) { s.plainWork(t, db) }
			want := sent(t, s, s.bare, nil, work)
			if len(want) < 140 {
				t.Fatalf("bare: have %d messages, want at least 140", len(want))
			}
			for _, options := range [][]string{
				nil,
				{"pool_reset_on_return=commit"},
				{"pool_reset_on_return=auto"},
				{"pool_class=direct"},
				{"pool_class=direct", "pool_reset_on_return=auto"},
			} {
				have := sent(t, s, "pooled", options, work)
				if !slices.Equal(have, want) {
					t.Errorf("%s: have %d messages, want %d, the bare driver's: %s", options, len(have), len(want),
						firstDifference(have, want))
				}
			}
		})
	}
}

func firstDifference(have, want []string) string {
	for i := range min(len(have), len(want)) {
		if have[i] != want[i] {
			return fmt.Sprintf("message %d: have %q, want %q", i, have[i], want[i])
		}
	}
	return "one has more than the other"
}

// What a new connection is asked, message for message: one question each, and with PostgreSQL the first of a pool two
// more.
func TestGreetingSends(t *testing.T) {
	const (
		pgIdle = "Query SELECT setting FROM pg_catalog.pg_settings WHERE name = 'idle_session_timeout'"
		pgRole = "Query SELECT CASE WHEN pg_catalog.pg_is_in_recovery() OR EXISTS (SELECT 1 FROM " +
			"pg_catalog.pg_settings WHERE name = 'default_transaction_read_only' AND reset_val = 'on' " +
			"AND source <> 'client') THEN 1 ELSE 0 END"
		pgStmts   = "Query SELECT pg_catalog.pg_backend_pid()"
		myUsual   = "Query SELECT @@autocommit, @@completion_type, @@wait_timeout, CONNECTION_ID()"
		my        = myUsual + ", @@read_only, @@innodb_read_only"
		myStmts   = myUsual + ", @@max_prepared_stmt_count, @@read_only, @@innodb_read_only"
		pgInit    = "Query SET a.b = 1"
		myInit    = "Query SET @b = 1"
		myInitial = "Query SET completion_type = 1"
	)
	for _, test := range []struct {
		server
		options       []string
		first, second []string
	}{
		{onPostgres, nil, []string{pgRole, pgIdle}, nil},
		{onPostgres, []string{"pool_reset_on_return=session"}, []string{pgRole, pgIdle}, nil},
		{onPostgres, []string{cacheOf(9)}, []string{pgStmts, pgRole, pgIdle}, []string{pgStmts}},
		{onPostgres, []string{"pool_init_sql=SET a.b = 1"}, []string{pgInit, pgRole, pgIdle}, []string{pgInit}},
		{onMySQL, nil, []string{my}, []string{my}},
		{onMySQL, []string{cacheOf(9)}, []string{myStmts}, []string{myStmts}},
		{onMySQL, []string{"completion_type=1"}, []string{myInitial, my}, []string{myInitial, my}},
		{onMySQL, []string{"pool_init_sql=SET @b = 1"}, []string{myInit, my}, []string{myInit, my}},
	} {
		t.Run(fmt.Sprint(test.name, test.options), func(t *testing.T) {
			proxy := pooledtest.NewProxy(t, test.plain(t))
			db := openServer(t, "pooled", proxy.DSN(), append(test.options, "pool_size=2")...)
			for _, want := range [][]string{test.first, test.second} {
				before := len(proxy.Messages())
				conn, err := db.Conn(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				defer conn.Close()
				pooledtest.ScanOne[int](t, conn, "SELECT 1") // what is unused could be given to the next
				want = append(want, "Query SELECT 1")
				if have := proxy.Messages()[before:]; !slices.Equal(have, want) {
					t.Errorf("have %q, want %q", have, want)
				}
			}
		})
	}
}

// What a reset sends, message for message: docs/reset.md names its price.
func TestResetSends(t *testing.T) {
	t.Run("postgres", func(t *testing.T) {
		const tx, session = "BEGIN", "SET work_mem = '1MB'"
		onPostgres.resetSends(t, "rollback", tx, "Query ROLLBACK")
		onPostgres.resetSends(t, "rollback", session)
		onPostgres.resetSends(t, "auto", tx, "Query ROLLBACK")
		onPostgres.resetSends(t, "auto", session, "Query DISCARD ALL")
		onPostgres.resetSends(t, "session", "SELECT 1", "Query DISCARD ALL")
		onPostgres.resetSends(t, "session", tx, "Query ROLLBACK", "Query DISCARD ALL")
	})
	t.Run("mysql", func(t *testing.T) {
		const tx, session = "BEGIN", "SET @reset = 1"
		collation := pooledtest.ScanOne[string](t, openServer(t, "mysql", onMySQL.dsn(t)), "SELECT @@collation_connection")
		reset := []string{
			"Reset",
			"Query SET character_set_client = 'utf8mb4', character_set_results = 'utf8mb4', collation_connection = '" +
				collation + "'" + pooledtest.MySQLFacts(t).RestoresMore + ", autocommit = 1, completion_type = 'NO_CHAIN'",
			"Query SET ROLE NONE",
			"Query USE `pooled_test`",
		}
		onMySQL.resetSends(t, "rollback", tx, "Query ROLLBACK")
		onMySQL.resetSends(t, "rollback", session, "Query ROLLBACK")
		onMySQL.resetSends(t, "auto", tx, "Query ROLLBACK")
		onMySQL.resetSends(t, "auto", session, reset...)
		onMySQL.resetSends(t, "session", "SELECT 1", reset...)
	})
}

// resetSends compares what is sent for a statement and for the reset after it.
func (s server) resetSends(t *testing.T, mode, do string, want ...string) {
	t.Helper()
	have := sent(t, s, "pooled", []string{"pool_reset_on_return=" + mode}, func(t *testing.T, db *sql.DB) {
		pooledtest.MustExec(t, db, do)
	})
	if want := append([]string{"Query " + do}, want...); !slices.Equal(have, want) {
		t.Errorf("%s, %s: have %q, want %q", mode, do, have, want)
	}
}
