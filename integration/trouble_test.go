package integration

import (
	"database/sql"
	"database/sql/driver"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/stdlib"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/internal/pooledtest"
)

// What docs/troubleshooting.md has of pgx, which says more of a connection that broke than lib/pq does.
func TestTroublesPgx(t *testing.T) {
	for message, happen := range map[string]func(t *testing.T, tx *sql.Tx, pid int) error{
		`failed to connect to`: func(t *testing.T, _ *sql.Tx, _ int) error {
			return openPooled(t, "postgresql+pgx://scott:tiger@127.0.0.1:1/shop").PingContext(t.Context())
		},
		`terminating connection due to administrator command`: func(t *testing.T, tx *sql.Tx, pid int) error {
			mustExec(t, openBare(t, "postgres", pooledtest.Postgres(t)), "SELECT pg_terminate_backend($1)", pid)
			awaitNoBackend(t, pid)
			_, err := tx.Exec("SELECT 1")
			return err
		},
		`terminating connection due to idle-in-transaction timeout`: func(t *testing.T, tx *sql.Tx, pid int) error {
			mustExec(t, tx, "SET LOCAL idle_in_transaction_session_timeout = 1")
			awaitNoBackend(t, pid)
			_, err := tx.Exec("SELECT 1")
			return err
		},
		`conn busy`: func(t *testing.T, _ *sql.Tx, _ int) error { return queryBusy(t) },
		`terminating connection due to idle-session timeout`: func(t *testing.T, _ *sql.Tx, _ int) error {
			conn := onePgx(t)
			defer conn.Close()
			var pid int
			if err := conn.QueryRowContext(t.Context(), "SELECT pg_backend_pid()").Scan(&pid); err != nil {
				t.Fatal(err)
			}
			if _, err := conn.ExecContext(t.Context(), "SET idle_session_timeout = 1"); err != nil {
				t.Fatal(err)
			}
			awaitNoBackend(t, pid)
			_, err := conn.ExecContext(t.Context(), "SELECT 1")
			return err
		},
	} {
		t.Run(message, func(t *testing.T) {
			tx, err := openPooled(t, withScheme(t, pooledtest.Postgres(t), "postgresql+pgx")).Begin()
			if err != nil {
				t.Fatal(err)
			}
			defer tx.Rollback()
			err = happen(t, tx, queryInt(t, tx, "SELECT pg_backend_pid()"))
			if err == nil || !strings.Contains(err.Error(), message) {
				t.Errorf("have %v, want %s", err, message)
			}
		})
	}
}

// onePgx is a sql.Conn of a pool of pgx.
func onePgx(t *testing.T) *sql.Conn {
	t.Helper()
	conn, err := openPooled(t, withScheme(t, pooledtest.Postgres(t), "postgresql+pgx")).Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

// queryBusy is the error of pgx's own connection that is used while rows of it are open.
func queryBusy(t *testing.T) error {
	conn := onePgx(t)
	defer conn.Close()
	return pooled.Raw(t.Context(), conn, func(raw driver.Conn) error {
		native := raw.(*stdlib.Conn).Conn()
		rows, err := native.Query(t.Context(), "SELECT generate_series(1, 100000)")
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		_, err = native.Exec(t.Context(), "SELECT 1")
		return err
	})
}

// What pgx says of a connection that ended while it was read.
func TestTroubleUnexpectedEOF(t *testing.T) {
	const message = `unexpected EOF`
	proxy := pooledtest.NewProxy(t, pooledtest.Postgres(t))
	rows, err := openPooled(t, withScheme(t, proxy.DSN(), "postgresql+pgx")).Query("SELECT generate_series(1, 10000000)")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	proxy.CloseAll()
	for rows.Next() {
	}
	err = rows.Err()
	if err == nil || !strings.Contains(err.Error(), message) {
		t.Errorf("have %v, want %s", err, message)
	}
}

func awaitNoBackend(t *testing.T, pid int) {
	t.Helper()
	pooledtest.WantNone(t, "postgres", pooledtest.Postgres(t),
		fmt.Sprintf("SELECT count(*) FROM pg_stat_activity WHERE pid = %d", pid))
}
