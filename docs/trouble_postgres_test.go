package docs_test

import (
	"context"
	"database/sql"
	"errors"
	"net"
	"net/url"
	"testing"
	"time"

	"github.com/lib/pq"

	"github.com/pooled-go/pooled/internal/pooledtest"
	"github.com/pooled-go/pooled/internal/pooltest"
)

var postgresTroubles = troubles{
	`sorry, too many clients already`: func(t *testing.T) error {
		fillPostgres(t, pooledtest.Postgres(t))
		return ping(t, pooledtest.Postgres(t))
	},
	`remaining connection slots are reserved`: func(t *testing.T) error {
		plain := asRole(t, "trouble_plain", "LOGIN")
		fillPostgres(t, plain)
		return ping(t, plain)
	},
	`too many connections for role`: func(t *testing.T) error {
		return ping(t, asRole(t, "trouble_limited", "LOGIN CONNECTION LIMIT 0"))
	},
	`too many connections for database`: func(t *testing.T) error {
		plain := asRole(t, "trouble_elsewhere", "LOGIN") // a superuser may connect to any database
		db := pooledtest.OpenDB(t, "postgres", pooledtest.Postgres(t))
		pooledtest.MustExec(t, db, "DROP DATABASE IF EXISTS trouble_limited")
		pooledtest.MustExec(t, db, "CREATE DATABASE trouble_limited CONNECTION LIMIT 0")
		t.Cleanup(func() { pooledtest.MustExec(t, db, "DROP DATABASE trouble_limited") })
		return ping(t, change(t, plain, func(u *url.URL) { u.Path = "/trouble_limited" }))
	},
	`no pg_hba.conf entry for host`: func(t *testing.T) error {
		connector, err := pq.NewConnector(pooledtest.Postgres(t))
		if err != nil {
			t.Fatal(err)
		}
		connector.Dialer(dialFrom("127.0.0.2")) // the server lets only 127.0.0.1 in
		db := sql.OpenDB(pooltest.Connector(t, connector))
		defer db.Close()
		return db.Ping()
	},
	`password authentication failed for user`: func(t *testing.T) error {
		return ping(t, change(t, pooledtest.Postgres(t), func(u *url.URL) { u.User = url.UserPassword("postgres", "wrong") }))
	},
	`pq: database "…" does not exist`: func(t *testing.T) error {
		return ping(t, change(t, pooledtest.Postgres(t), func(u *url.URL) { u.Path = "/no_such_shop" }))
	},
	`unrecognized configuration parameter "…"`: func(t *testing.T) error { // without pooled, its option goes to the server
		dsn := pooledtest.WithOptions(pooledtest.Postgres(t), "pool_max_conns=2")
		return pooledtest.OpenDB(t, "postgres", dsn).Ping()
	},
	`canceling statement due to user request`: func(t *testing.T) error {
		db := pooledtest.OpenDB(t, "pooled", pooledtest.Postgres(t))
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			defer cancel()
			awaitSleeping(t)
		}()
		_, err := db.ExecContext(ctx, "SELECT pg_sleep(60)")
		if errors.Is(err, context.Canceled) {
			t.Error("errors.Is finds the context's error, which the page denies")
		}
		return err
	},
	`canceling statement due to statement timeout`: func(t *testing.T) error {
		db := pooledtest.OpenDB(t, "pooled", pooledtest.WithOptions(pooledtest.Postgres(t), "statement_timeout=10"))
		_, err := db.Exec("SELECT pg_sleep(60)")
		return err
	},
	`cannot execute … in a read-only transaction`: func(t *testing.T) error {
		db := pooledtest.OpenDB(t, "pooled",
			pooledtest.WithOptions(pooledtest.Postgres(t), "default_transaction_read_only=on"))
		_, err := db.Exec("CREATE TABLE trouble (id int)")
		return err
	},
	`prepared statement "…" already exists`: func(t *testing.T) error {
		return inOneSession(t, "PREPARE notes AS SELECT 1", "PREPARE notes AS SELECT 1")
	},
	`prepared statement "…" does not exist`: func(t *testing.T) error { return inOneSession(t, "EXECUTE notes") },
	`cached plan must not change result type`: func(t *testing.T) error {
		return inOneSession(t, "CREATE TEMP TABLE trouble (id int)", "PREPARE notes AS SELECT * FROM trouble",
			"ALTER TABLE trouble ADD note text", "EXECUTE notes")
	},
	`current transaction is aborted, commands ignored until end of transaction block`: func(t *testing.T) error {
		tx := begin(t, pooledtest.OpenDB(t, "pooled", pooledtest.Postgres(t)))
		if _, err := tx.Exec("SELECT 1 / 0"); err == nil {
			t.Fatal("have no error, want one of the first statement")
		}
		_, err := tx.Exec("SELECT 1")
		return err
	},
	`unexpected transaction status idle in transaction`: func(t *testing.T) error {
		conn, err := pooledtest.OpenDB(t, "pooled", pooledtest.Postgres(t)).Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		pooledtest.MustExec(t, conn, "BEGIN")
		_, err = conn.BeginTx(t.Context(), nil)
		return err
	},
	`pq: there is already a query being processed on this connection`: func(t *testing.T) error {
		tx := begin(t, pooledtest.OpenDB(t, "pooled", pooledtest.Postgres(t)))
		rows, err := tx.Query("SELECT generate_series(1, 100000)")
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		_, err = tx.Exec("SELECT 1")
		return err
	},
	`pooled: pool "…": connection lost after the statement was sent`: func(t *testing.T) error {
		proxy := pooledtest.NewProxy(t, pooledtest.PostgresPlain(t))
		tx := begin(t, pooledtest.OpenDB(t, "pooled", proxy.DSN()))
		proxy.On("SELECT pg_sleep(60)", proxy.CloseAll)
		_, err := tx.Exec("SELECT pg_sleep(60)")
		return err
	},
	`pooled: pool "…": not sent: the server has ended the session`: func(t *testing.T) error {
		tx := begin(t, pooledtest.OpenDB(t, "pooled", pooledtest.Postgres(t)))
		session := pooledtest.ScanOne[string](t, tx, "SELECT pg_backend_pid()")
		admin := pooledtest.OpenDB(t, "postgres", pooledtest.Postgres(t))
		pooledtest.MustExec(t, admin, "SELECT pg_terminate_backend("+session+")")
		pooledtest.WaitUntil(t, func() bool {
			return pooledtest.ScanOne[int](t, admin, "SELECT count(*) FROM pg_stat_activity WHERE pid = "+session) == 0
		}, func() string { return "the session did not end" })
		return tx.Commit()
	},
}

func begin(t *testing.T, db *sql.DB) *sql.Tx {
	t.Helper()
	tx, err := db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tx.Rollback() })
	return tx
}

// dialFrom dials from another of this machine's addresses.
type dialFrom string

func (from dialFrom) Dial(network, address string) (net.Conn, error) {
	return from.DialTimeout(network, address, 0)
}

func (from dialFrom) DialTimeout(network, address string, timeout time.Duration) (net.Conn, error) {
	d := net.Dialer{Timeout: timeout, LocalAddr: &net.TCPAddr{IP: net.ParseIP(string(from))}}
	return d.Dial(network, address)
}

// change is a URL of the server's with something else in it.
func change(t *testing.T, dsn string, f func(*url.URL)) string {
	t.Helper()
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	f(u)
	return u.String()
}

// asRole is the URL for a role that is there until the test ends.
func asRole(t *testing.T, name, is string) string {
	t.Helper()
	db := pooledtest.OpenDB(t, "postgres", pooledtest.Postgres(t))
	pooledtest.MustExec(t, db, "DROP ROLE IF EXISTS "+name)
	pooledtest.MustExec(t, db, "CREATE ROLE "+name+" PASSWORD 'tiger' "+is)
	t.Cleanup(func() { pooledtest.MustExec(t, db, "DROP ROLE "+name) })
	return change(t, pooledtest.Postgres(t), func(u *url.URL) { u.User = url.UserPassword(name, "tiger") })
}

// fillPostgres opens connections until the server takes no more. They are gone when the test ends.
func fillPostgres(t *testing.T, dsn string) {
	t.Helper()
	db := pooledtest.OpenDB(t, "postgres", pooledtest.WithOptions(dsn, "application_name=trouble"))
	var conns []*sql.Conn
	t.Cleanup(func() {
		for _, c := range conns {
			c.Close()
		}
		db.Close()
		awaitRoom(t)
	})
	for range 1000 {
		conn, err := db.Conn(t.Context())
		if err != nil {
			return
		}
		conns = append(conns, conn)
	}
	t.Fatal("the server takes a thousand connections")
}

// awaitRoom waits until the sessions of fillPostgres have ended, which they do a little after their connections.
func awaitRoom(t *testing.T) {
	t.Helper()
	db := pooledtest.OpenDB(t, "postgres", pooledtest.Postgres(t))
	left := -1
	for deadline := time.Now().Add(20 * time.Second); left != 0; time.Sleep(10 * time.Millisecond) {
		err := db.QueryRow("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'trouble'").Scan(&left)
		if time.Now().After(deadline) { // err is not nil as long as the server is full
			t.Fatalf("have %d connections, %v, want none", left, err)
		}
	}
}

// inOneSession is the error of the last of some statements.
func inOneSession(t *testing.T, statements ...string) (err error) {
	t.Helper()
	dsn := pooledtest.WithOptions(pooledtest.Postgres(t), "pool_reset_on_return=session")
	conn, err := pooledtest.OpenDB(t, "pooled", dsn).Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for i, s := range statements {
		if _, err = conn.ExecContext(t.Context(), s); err != nil && i < len(statements)-1 {
			t.Fatalf("%s: %v", s, err)
		}
	}
	return err
}

// awaitSleeping waits until the server works on a pg_sleep.
func awaitSleeping(t *testing.T) {
	pooledtest.WantNone(t, "postgres", pooledtest.Postgres(t),
		"SELECT 1 - sign(count(*))::int FROM pg_stat_activity WHERE state = 'active' AND query = 'SELECT pg_sleep(60)'")
}
