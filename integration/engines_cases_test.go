package integration

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"testing"

	"github.com/pooled-go/pooled/internal/pooledtest"
)

const (
	refused  = "the server refuses to reset a session"
	restored = "SET character_set_client = 'utf8mb4', autocommit = 1, completion_type = 'NO_CHAIN'"

	// A statement of CockroachDB's that the pool does not know, and after which it rolls back.
	backup = "BACKUP INTO 'nodelocal://1/shop'"

	// What the pool sends to reset a session over another driver than lib/pq begins so.
	pgxReset = "CLOSE ALL; SET SESSION AUTHORIZATION DEFAULT; RESET ALL; "
)

var engineCases = []engineCase{
	{
		engine: "Galera", says: "1047 `" + notPrimary + "`",
		then: "the program gets the error, and the connection is closed. Such a node answers pings: so from then on, " +
			"`DO 1` is sent instead, and on each new connection",
		dsn: strings.Replace(mysqlEngine, "max_conns=1", "max_conns=2", 1),
		answer: func(session int, message string) (answer, bool) {
			return mysqlSays(1047, "08S01", notPrimary), session < 3 && message != "Ping" &&
				!strings.HasPrefix(message, "Query SELECT ")
		},
		do: func(t *testing.T, db *sql.DB) {
			used(t, db, 2)
			mysqlError(t, db, "UPDATE a", 1047)
			mustExec(t, db, "UPDATE b")
		},
		want: []string{
			"1 Query SELECT 1", "2 Query SELECT 1", "2 Query UPDATE a",
			"1 Query DO 1", "3 Query DO 1", "3 Query UPDATE b",
		},
	},
	{
		engine: "Galera, with `pool_pre_ping=off`", says: "the same",
		then:   "the connection is closed as well. Others are not asked",
		dsn:    strings.Replace(mysqlEngine, "max_conns=1", "max_conns=2&pool_pre_ping=off", 1),
		answer: onFirst("Query UPDATE", mysqlSays(1047, "08S01", notPrimary)),
		do: func(t *testing.T, db *sql.DB) {
			mysqlError(t, db, "UPDATE a", 1047)
			mustExec(t, db, "UPDATE b")
		},
		want: []string{"1 Query UPDATE a", "2 Query DO 1", "2 Query UPDATE b"},
	},
	{
		engine: "Galera", says: "the same to `START TRANSACTION`",
		then: "the next connection is taken, as long as it is not a new one: nothing was executed",
		dsn:  strings.Replace(mysqlEngine, "max_conns=1", "max_conns=2", 1),
		answer: func(session int, message string) (answer, bool) {
			return mysqlSays(1047, "08S01", notPrimary), session == 2 && message != "Ping" &&
				!strings.HasPrefix(message, "Query SELECT ")
		},
		do: func(t *testing.T, db *sql.DB) {
			used(t, db, 2)
			tx, err := db.Begin()
			if err != nil {
				t.Fatal(err)
			}
			mustExec(t, tx, "UPDATE a")
			if err := tx.Commit(); err != nil {
				t.Error(err)
			}
		},
		want: []string{
			"1 Query SELECT 1", "2 Query SELECT 1", "2 Query START TRANSACTION",
			"1 Query DO 1", "1 Query START TRANSACTION", "1 Query UPDATE a", "1 Query COMMIT",
		},
	},
	{
		engine: "Galera", says: "1213 at `COMMIT`",
		then: "the program gets the error, and repeats its transaction. The connection is kept",
		dsn:  mysqlEngine,
		answer: to("Query COMMIT",
			mysqlSays(1213, "40001", "Deadlock found when trying to get lock; try restarting transaction")),
		do: func(t *testing.T, db *sql.DB) {
			tx, err := db.Begin()
			if err != nil {
				t.Fatal(err)
			}
			mustExec(t, tx, "UPDATE a")
			if err := tx.Commit(); err == nil || !strings.Contains(err.Error(), "1213") {
				t.Errorf("have %v, want 1213", err)
			}
			mustExec(t, db, "UPDATE b")
		},
		want: []string{
			"1 Query START TRANSACTION", "1 Query UPDATE a", "1 Query COMMIT", "1 Query ROLLBACK", "1 Query UPDATE b",
		},
	},
	{
		engine: "Vitess", says: "OK to `COM_RESET_CONNECTION`, and keeps variables",
		then: "the pool knows Vitess by `@@version` and never sends it. A session reset closes the connection",
		dsn:  mysqlEngine + "pool_reset_on_return=auto",
		answer: func(_ int, message string) (answer, bool) {
			// What the server would make of the question, if its version is 8.0.30-Vitess.
			asked := strings.Contains(message, "OR LOWER(@@version) LIKE '%vitess%', NULL,")
			return answer{Row: []any{nil, nil, "USE `shop`"}}, asked
		},
		do:   each("SET @a = 1", "UPDATE b"),
		want: []string{"1 Query SET @a = 1", "2 Query UPDATE b"},
	},
	{
		engine: "Vitess of 2019", says: "1047 `" + unknownCommand.Text + "` to `COM_RESET_CONNECTION`",
		then:   "the connection is closed, which is logged once",
		dsn:    mysqlEngine + "pool_reset_on_return=session",
		answer: to("Reset", unknownCommand),
		do:     each("UPDATE a", "UPDATE b"),
		want:   []string{"1 Query UPDATE a", "1 Reset", "2 Query UPDATE b", "2 Reset"},
		log:    refused,
	},
	{
		engine: "ProxySQL, a session of its admin interface",
		says:   "1047 `Received unsupported 'COM_RESET_CONNECTION' …`, in a packet with the wrong number",
		then:   "the connection is closed, which is logged once",
		dsn:    mysqlEngine + "pool_reset_on_return=session",
		answer: to("Reset", answer{Raw: mysqlPacket(2, "\xff\x17\x04#28000"+
			"Received unsupported 'COM_RESET_CONNECTION' for session type 'PROXYSQL_SESSION_ADMIN'")}),
		do:   each("UPDATE a", "UPDATE b"),
		want: []string{"1 Query UPDATE a", "1 Reset", "2 Query UPDATE b", "2 Reset"},
		log:  refused,
	},
	{
		engine: "TiDB that shuts down", says: "1053 `Server shutdown in progress` to a ping",
		then: "the connection is closed, and the caller gets another",
		dsn:  mysqlEngine + "pool_pre_ping=on",
		answer: func(session int, message string) (answer, bool) {
			return mysqlSays(1053, "08S01", "Server shutdown in progress"), session == 1 && message == "Ping"
		},
		do:   each("UPDATE a", "UPDATE b"),
		want: []string{"1 Query UPDATE a", "1 Ping", "2 Query UPDATE b"},
	},
	{
		engine: "Aurora MySQL, a demoted writer", says: "1290 `" + readOnly + "`",
		then: "the pool asks whether the server takes writes. If not, its connections are closed, which is logged, and " +
			"the statement is run on another connection, which may lead to the new writer: " +
			"[outages](outages.md#a-failover)",
		dsn: mysqlEngine,
		answer: func(session int, message string) (answer, bool) {
			switch {
			case session != 1:
				return answer{}, false
			case strings.HasPrefix(message, "Query SELECT @@read_only"):
				return answer{Row: []any{0, 1}}, true
			}
			return mysqlSays(1290, "HY000", readOnly), strings.HasPrefix(message, "Query UPDATE")
		},
		do:   each("UPDATE a", "UPDATE b"),
		want: []string{"1 Query UPDATE a", "2 Query UPDATE a", "2 Query UPDATE b"},
		log:  "takes no writes any more",
	},
	{
		engine: "Aurora MySQL, a demoted writer, with `rejectReadOnly=true`", says: "1290",
		then: "the driver says that the connection is of no use. It is closed, and the statement is run on another " +
			"connection, which may lead to the new writer. Nothing was executed before",
		dsn:    mysqlEngine + "rejectReadOnly=true",
		answer: onFirst("Query UPDATE", mysqlSays(1290, "HY000", readOnly)),
		do:     each("SELECT 1", "UPDATE a", "UPDATE b"),
		want:   []string{"1 Query SELECT 1", "1 Query UPDATE a", "2 Query UPDATE a", "2 Query UPDATE b"},
	},
	{
		engine: "any that speaks MySQL's protocol", says: "an error to `SELECT @@autocommit …` on a new connection",
		then: "nothing is known of its session, so each return sends `ROLLBACK AND NO CHAIN NO RELEASE`. " +
			"If that is refused as well, each return closes the connection, which is logged once",
		dsn: mysqlEngine,
		answer: func(_ int, message string) (answer, bool) {
			return mysqlSays(1064, "42000", "syntax error"), strings.Contains(message, "@@") ||
				strings.Contains(message, "NO CHAIN")
		},
		do: each("UPDATE a", "UPDATE b"),
		want: []string{
			"1 Query UPDATE a", "1 Query ROLLBACK AND NO CHAIN NO RELEASE",
			"2 Query UPDATE b", "2 Query ROLLBACK AND NO CHAIN NO RELEASE",
		},
		log: refused,
	},
	{
		engine: "CockroachDB", says: "25P01 `" + noTx + "` to `ROLLBACK`, where PostgreSQL only warns",
		then:   "then there is nothing to roll back. The connection is kept",
		dsn:    postgresEngine + "pool_reset_on_return=auto",
		answer: to("Query ROLLBACK", postgresSays("25P01", noTx)),
		do:     each(backup, "UPSERT b", "UPDATE c"),
		want: []string{
			"1 Query " + backup, "1 Query ROLLBACK", "1 Query DISCARD ALL", "1 Query UPSERT b", "1 Query UPDATE c",
		},
	},
	{
		engine: "an older CockroachDB", says: "XXUUU `" + noTx + "` to `ROLLBACK`",
		then:   "the same",
		dsn:    postgresEngine,
		answer: to("Query ROLLBACK", postgresSays("XXUUU", noTx)),
		do:     each(backup, "UPDATE b"),
		want:   []string{"1 Query " + backup, "1 Query ROLLBACK", "1 Query UPDATE b"},
	},
	{
		engine: "an older CockroachDB, with pgx", says: "42601 `" + unlisten + "` to a session reset",
		then:   "the connection is closed, which is logged once",
		dsn:    pgxEngine + "pool_reset_on_return=session",
		answer: resetFails(postgresSays("42601", unlisten)),
		do:     each("UPDATE a", "UPDATE b"),
		want:   []string{"1 Query UPDATE a", "1 reset", "2 Query UPDATE b", "2 reset"},
		log:    refused,
	},
	{
		engine: "CockroachDB, with pgx", says: "0A000 `" + plans + "` to a session reset",
		then:   "the same. lib/pq's reset, `DISCARD ALL`, works",
		dsn:    pgxEngine + "pool_reset_on_return=session",
		answer: resetFails(postgresSays("0A000", plans)),
		do:     each("UPDATE a", "UPDATE b"),
		want:   []string{"1 Query UPDATE a", "1 reset", "2 Query UPDATE b", "2 reset"},
		log:    refused,
	},
	{
		engine: "YugabyteDB before 2025.1, with pgx", says: "0A000 `" + noLocks + "` to a session reset",
		then:   "the connection is closed, which is logged once",
		dsn:    pgxEngine + "pool_reset_on_return=auto",
		answer: resetFails(postgresSays("0A000", noLocks)),
		do:     each("SET work_mem = '5MB'", "UPDATE b", "UPDATE c"),
		want:   []string{"1 Query SET work_mem = '5MB'", "1 reset", "2 Query UPDATE b", "2 Query UPDATE c"},
		log:    refused,
	},
	{
		engine: "any that speaks PostgreSQL's protocol", says: "an error to `DISCARD ALL`",
		then:   "the connection is closed, which is logged once",
		dsn:    postgresEngine + "pool_reset_on_return=session",
		answer: to("Query DISCARD ALL", postgresSays("0A000", "DISCARD ALL is not supported")),
		do:     each("UPDATE a", "UPDATE b"),
		want: []string{
			"1 Query UPDATE a", "1 Query DISCARD ALL", "2 Query UPDATE b", "2 Query DISCARD ALL",
		},
		log: refused,
	},
	{
		engine: "any that speaks PostgreSQL's protocol",
		says:   "an error to `SELECT … FROM pg_catalog.pg_settings` on a new connection",
		then:   "the pool knows of no limit for idle sessions, and does not ask again",
		dsn:    postgresEngine,
		answer: func(_ int, message string) (answer, bool) {
			return postgresSays("42P01", "relation does not exist"), strings.Contains(message, "pg_settings")
		},
		do:   each("UPDATE a", "UPDATE b"),
		want: []string{"1 Query UPDATE a", "1 Query UPDATE b"},
	},
	{
		engine: "any that speaks PostgreSQL's protocol", says: "another number to `pg_backend_pid()` than at login",
		then: "the statement cache is not used, which is logged once",
		dsn:  postgresEngine + "pool_stmt_cache=8",
		answer: func(_ int, message string) (answer, bool) {
			return answer{Row: []any{-1}}, strings.Contains(message, "pg_backend_pid")
		},
		do:   each("UPDATE a", "UPDATE b"),
		want: []string{"1 Query UPDATE a", "1 Query UPDATE b"},
		log:  "statement cache not used",
	},
	slow(engineCase{
		engine: "RDS Proxy for PostgreSQL", says: "nothing to a `CancelRequest`, and goes on with the statement",
		then: "as without pooled, the caller waits until the statement ends, whatever its context says. The connection " +
			"is closed",
		dsn: postgresEngine,
	}, true),
	slow(engineCase{
		engine: "RDS Proxy for PostgreSQL, with pgx", says: "the same",
		then: "as without pooled, the caller gets its context's error at once, and the connection is closed. The " +
			"statement goes on at the server",
		dsn: pgxEngine,
	}, false),
	{
		engine: "RDS Proxy for PostgreSQL", says: "0A000 `" + noOption + "` at login",
		then:   "the connection can't be opened, and the caller gets this error. Leave the option out of the DSN",
		dsn:    postgresEngine + "statement_timeout=1000",
		answer: to("login", postgresSays("0A000", noOption)),
		do: func(t *testing.T, db *sql.DB) {
			if _, err := db.Exec("UPDATE a"); err == nil || !strings.Contains(err.Error(), noOption) {
				t.Errorf("have %v, want %s", err, noOption)
			}
		},
	},
}

// used makes connections that were used, and are idle.
func used(t *testing.T, db *sql.DB, n int) {
	t.Helper()
	var conns []*sql.Conn
	for range n {
		conn, err := db.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		pooledtest.MustExec(t, conn, "SELECT 1")
		conns = append(conns, conn)
	}
	pooledtest.Give(t, conns...)
}

// slow adds a statement whose context ends while it runs. It ends after the request to cancel, as if there had been
// none, or never.
func slow(c engineCase, ends bool) engineCase {
	sent, asked := make(chan struct{}, 1), make(chan struct{}, 1)
	note := func(happened chan struct{}) {
		select {
		case happened <- struct{}{}:
		default:
		}
	}
	c.answer = func(_ int, message string) (answer, bool) {
		switch message {
		case "CancelRequest":
			note(asked)
			return answer{}, true
		case "Query SELECT slow()":
			note(sent)
			if ends {
				<-asked
			}
			return answer{Silent: !ends}, !ends
		}
		return answer{}, false
	}
	c.do = func(t *testing.T, db *sql.DB) {
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			<-sent
			cancel()
		}()
		if _, err := db.ExecContext(ctx, "SELECT slow()"); !ends && !errors.Is(err, context.Canceled) {
			t.Errorf("have %v, want %v", err, context.Canceled)
		}
		mustExec(t, db, "UPDATE b")
	}
	c.want = []string{"1 Query SELECT slow()", "2 Query UPDATE b"}
	return c
}

// onFirst answers what begins so, in the first session.
func onFirst(begins string, says answer) func(int, string) (answer, bool) {
	return func(session int, message string) (answer, bool) {
		return says, session == 1 && strings.HasPrefix(message, begins)
	}
}

// resetFails answers the reset of a session over pgx.
func resetFails(says answer) func(int, string) (answer, bool) {
	return func(_ int, message string) (answer, bool) { return says, strings.HasPrefix(message, "Query "+pgxReset) }
}

// mysqlPacket is a packet of MySQL's protocol, with a number that the protocol might not allow.
func mysqlPacket(number byte, body string) []byte {
	return append([]byte{byte(len(body)), 0, 0, number}, body...)
}
