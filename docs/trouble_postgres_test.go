package docs_test

import (
	"context"
	"database/sql"
	"errors"
	"net/url"
	"testing"
	"time"

	"github.com/pooled-go/pooled/internal/pooledtest"
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
	`password authentication failed for user`: func(t *testing.T) error {
		return ping(t, change(t, pooledtest.Postgres(t), func(u *url.URL) { u.User = url.UserPassword("postgres", "wrong") }))
	},
	`pq: database "…" does not exist`: func(t *testing.T) error {
		return ping(t, change(t, pooledtest.Postgres(t), func(u *url.URL) { u.Path = "/no_such_shop" }))
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
		proxy := pooledtest.NewProxy(t, pooledtest.Postgres(t))
		tx := begin(t, pooledtest.OpenDB(t, "pooled", proxy.DSN()))
		proxy.On("SELECT pg_sleep(60)", proxy.CloseAll)
		_, err := tx.Exec("SELECT pg_sleep(60)")
		return err
	},
	`deadlock detected`: func(t *testing.T) error {
		return deadlock(t, pooledtest.OpenDB(t, "pooled", pooledtest.Postgres(t)), "SET LOCAL deadlock_timeout = 1")
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

// deadlock is the error of one of two transactions that wait for each other.
func deadlock(t *testing.T, db *sql.DB, first ...string) error {
	t.Helper()
	pooledtest.MustExec(t, db, "DROP TABLE IF EXISTS trouble")
	pooledtest.MustExec(t, db, "CREATE TABLE trouble (id int PRIMARY KEY, n int)")
	t.Cleanup(func() { pooledtest.MustExec(t, db, "DROP TABLE trouble") })
	pooledtest.MustExec(t, db, "INSERT INTO trouble VALUES (1, 0), (2, 0)")
	const lock = "UPDATE trouble SET n = n + 1 WHERE id = "
	one, two := begin(t, db), begin(t, db)
	for _, tx := range []*sql.Tx{one, two} {
		for _, s := range first {
			pooledtest.MustExec(t, tx, s)
		}
	}
	pooledtest.MustExec(t, one, lock+"1")
	pooledtest.MustExec(t, two, lock+"2")
	other := make(chan error)
	go func() { _, err := one.Exec(lock + "2"); one.Rollback(); other <- err }()
	_, err := two.Exec(lock + "1")
	two.Rollback()
	if otherErr := <-other; err == nil {
		err = otherErr
	}
	return err
}
