package servertest_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"testing"

	"github.com/go-sql-driver/mysql"
	"github.com/lib/pq"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/internal/pooledtest"
)

// conversation is what a Conn and a Tx have in common.
type conversation interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// waitGone waits until the server does not list a session any more.
func (s server) waitGone(t *testing.T, admin *sql.DB, session string) {
	t.Helper()
	list := "SELECT count(*) FROM information_schema.processlist WHERE id = " + session
	if s.name == "postgres" {
		list = "SELECT count(*) FROM pg_stat_activity WHERE pid = " + session
	}
	pooledtest.WaitUntil(t, func() bool {
		gone := pooledtest.ScanOne[int](t, admin, list) == 0
		if !gone {
			pooledtest.MustExec(t, admin, s.sleep(0.05))
		}
		return gone
	}, func() string { return "the server still lists the session" })
}

// has tells whether the server knows a setting.
func (s server) has(t *testing.T, admin *sql.DB, setting string) bool {
	list := "SELECT count(*) FROM information_schema.session_variables WHERE variable_name = '" + setting + "'"
	if s.name == "postgres" {
		list = "SELECT count(*) FROM pg_settings WHERE name = '" + setting + "'"
	}
	var n int
	if err := admin.QueryRow(list).Scan(&n); err != nil { // MySQL has another list
		var name, value string
		return admin.QueryRow("SHOW SESSION VARIABLES LIKE '"+setting+"'").Scan(&name, &value) == nil
	}
	return n > 0
}

// The server ends a session in a pause. The program gets the server's own reason, and nothing is sent, or what the
// driver returns by itself.
func TestEndedInAPause(t *testing.T) {
	for _, test := range []struct {
		server
		setting string // empty: an administrator does
		value   string
		inTx    bool
		code    string // of PostgreSQL
	}{
		{onPostgres, "idle_in_transaction_session_timeout", "100", true, "25P03"},
		{onPostgres, "transaction_timeout", "100", true, "25P04"},
		{onPostgres, "idle_session_timeout", "100", false, "57P05"},
		{onPostgres, "", "", true, "57P01"},
		{onPostgres, "", "", false, "57P01"},
		{onMySQL, "wait_timeout", "1", true, ""},
		{onMySQL, "wait_timeout", "1", false, ""},
		{onMySQL, "idle_transaction_timeout", "1", true, ""},
		{onMySQL, "", "", true, ""},
	} {
		t.Run(fmt.Sprintf("%s %s in a transaction %t", test.name, test.setting, test.inTx), func(t *testing.T) {
			admin := openServer(t, test.bare, test.dsn(t))
			if test.setting != "" && !test.has(t, admin, test.setting) {
				return // there is nothing to show: this server never ends a session so
			}
			conn, err := openServer(t, "pooled", test.dsn(t)).Conn(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if test.setting != "" {
				pooledtest.MustExec(t, conn, "SET "+test.setting+" = "+test.value)
			}
			var talk conversation = conn
			commit := func() error { return nil }
			if test.inTx {
				tx, err := conn.BeginTx(t.Context(), nil)
				if err != nil {
					t.Fatal(err)
				}
				defer tx.Rollback()
				talk, commit = tx, tx.Commit
			}
			session := pooledtest.ScanOne[string](t, talk, test.session())
			pooledtest.MustExec(t, talk, "SELECT 1") // from here on a pause is measured exactly
			if test.setting == "" {
				test.kill(t, admin, []string{session})
			}
			test.waitGone(t, admin, session)
			_, err = talk.ExecContext(t.Context(), "SELECT 1")
			wantReason(t, "Exec", err, test.code)
			if errors.Is(err, pooled.ErrSessionEnded) && test.inTx { // else the driver has read the reason, once
				wantReason(t, "Commit", commit(), test.code)
			}
		})
	}
}

func wantReason(t *testing.T, what string, err error, code string) {
	t.Helper()
	var (
		postgres *pq.Error
		timeout  *mysql.MySQLError
	)
	switch {
	case errors.Is(err, driver.ErrBadConn) || errors.Is(err, pooled.ErrConnLost):
		t.Errorf("%s: have %v", what, err)
	case code == "" && errors.As(err, &timeout) && timeout.Number == 4031: // MySQL says it to the driver
	case !errors.Is(err, pooled.ErrSessionEnded):
		t.Errorf("%s: have %v, want ErrSessionEnded", what, err)
	case code != "" && (!errors.As(err, &postgres) || string(postgres.Code) != code):
		t.Errorf("%s: have %v, want %s", what, err, code)
	}
}

// A statement that the server ends with the session was sent, and its error has the server's reason.
func TestEndedByAStatement(t *testing.T) {
	admin := openServer(t, "postgres", onPostgres.dsn(t))
	tx, err := openServer(t, "pooled", onPostgres.dsn(t)).Begin()
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	session := pooledtest.ScanOne[string](t, tx, onPostgres.session())
	onPostgres.during(t, admin, "ended_by", func() {
		pooledtest.MustExec(t, admin, "SELECT pg_terminate_backend("+session+")")
	}, func() {
		_, err := tx.Exec("SELECT pg_sleep(60) AS ended_by")
		var reason *pq.Error
		if !errors.Is(err, pooled.ErrConnLost) || !errors.As(err, &reason) || reason.Code != "57P01" {
			t.Errorf("have %v, want ErrConnLost with 57P01", err)
		}
	})
	wantReason(t, "Commit", tx.Commit(), "57P01")
}

// While a COPY goes on, or Rows are open, what has arrived belongs to the driver.
func TestPauseWhileTheDriverReads(t *testing.T) {
	db := openServer(t, "pooled", onPostgres.dsn(t))
	table(t, db, "pause_copy", "a INT")
	tx, err := db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	copying, err := tx.Prepare(pq.CopyIn("pause_copy", "a"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		if _, err := copying.Exec(i); err != nil {
			t.Fatal(err)
		}
		pooledtest.MustExec(t, openServer(t, "postgres", onPostgres.dsn(t)), "SELECT pg_sleep(0.01)")
	}
	if _, err := copying.Exec(); err != nil {
		t.Fatal(err)
	}
	if err := copying.Close(); err != nil {
		t.Fatal(err)
	}
	rows, err := tx.Query("SELECT generate_series(1, 100000)")
	if err != nil {
		t.Fatal(err)
	}
	rows.Next()
	pooledtest.MustExec(t, openServer(t, "postgres", onPostgres.dsn(t)), "SELECT pg_sleep(0.01)")
	if _, err := tx.Exec("SELECT 1"); err == nil || errors.Is(err, pooled.ErrSessionEnded) {
		t.Errorf("with Rows open: have %v, want lib/pq's error", err)
	}
	n := 1
	for rows.Next() {
		n++
	}
	if err := rows.Err(); err != nil || n != 100000 {
		t.Errorf("have %d rows and %v", n, err)
	}
	if have := pooledtest.ScanOne[int](t, tx, "SELECT count(*) FROM pause_copy"); have != 3 {
		t.Errorf("copied %d rows, want 3", have)
	}
}
