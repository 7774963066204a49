package servertest_test

import (
	"bytes"
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/lib/pq"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/internal/pooledtest"
)

const idleInTx = "terminating connection due to idle-in-transaction timeout"

// openFakePostgres is a pool before a fake server, for each way to it.
func openFakePostgres(t *testing.T, do func(*testing.T, *pooledtest.FakePostgres, *sql.DB)) {
	for _, overTLS := range []bool{false, true} {
		for _, class := range []string{"queue", "direct"} {
			t.Run(fmt.Sprintf("TLS %t, %s", overTLS, class), func(t *testing.T) {
				server := pooledtest.NewFakePostgres(t, overTLS)
				db, err := sql.Open("pooled", server.DSN+"&pool_name=shop&pool_class="+class)
				if err != nil {
					t.Fatal(err)
				}
				defer db.Close()
				pooledtest.MustExec(t, db, "UPDATE") // all sessions were used before
				server.Log()
				do(t, server, db)
			})
		}
	}
}

// pause is longer than what counts as one.
func pause() { time.Sleep(5 * time.Millisecond) }

// wantEnded wants the error of what was not sent, with the server's own error in it.
func wantEnded(t *testing.T, what string, err error, code, text string) {
	t.Helper()
	pooledtest.CheckError(t, what, err, "not sent: the server has ended the session: "+text)
	var reason *pq.Error
	if !errors.Is(err, pooled.ErrSessionEnded) || errors.Is(err, driver.ErrBadConn) || errors.Is(err, pooled.ErrConnLost) {
		t.Errorf("%s: have %v, want ErrSessionEnded and nothing else", what, err)
	}
	if errors.As(err, &reason); code != "" && (reason == nil || string(reason.Code) != code || !reason.Fatal()) {
		t.Errorf("%s: have the reason %+v, want a FATAL %s", what, reason, code)
	}
}

func wantLogOf(t *testing.T, server *pooledtest.FakePostgres, want ...string) {
	t.Helper()
	if have := server.Log(); !slices.Equal(have, want) {
		t.Errorf("the server has got\n%q, want\n%q", have, want)
	}
}

// A transaction whose session the server ended in a pause: nothing is sent, and every operation says why.
func TestEndedInATransaction(t *testing.T) {
	openFakePostgres(t, func(t *testing.T, server *pooledtest.FakePostgres, db *sql.DB) {
		tx, err := db.Begin()
		if err != nil {
			t.Fatal(err)
		}
		stmt, err := tx.Prepare("INSERT")
		if err != nil {
			t.Fatal(err)
		}
		pooledtest.MustExec(t, tx, "UPDATE")
		wantLogOf(t, server, "BEGIN READ WRITE", "prepare INSERT", "UPDATE")
		server.End("25P03", idleInTx)
		pause()
		_, err = tx.Exec("UPDATE")
		wantEnded(t, "Exec", err, "25P03", "pq: "+idleInTx)
		const text = `pooled: pool "shop": not sent: the server has ended the session: ` +
			`pq: terminating connection due to idle-in-transaction timeout (25P03)`
		if err.Error() != text {
			t.Errorf("have %v\nwant %s", err, text)
		}
		_, err = tx.Query("SELECT")
		wantEnded(t, "Query, at once", err, "25P03", "pq: "+idleInTx)
		_, err = stmt.Exec() // which database/sql tries again after an ErrBadConn
		wantEnded(t, "Stmt.Exec", err, "25P03", "pq: "+idleInTx)
		_, err = tx.Prepare("DELETE")
		wantEnded(t, "Prepare", err, "25P03", "pq: "+idleInTx)
		wantLogOf(t, server)
		if tx.Rollback() == nil {
			t.Error("Rollback: have no error")
		}
		pooledtest.MustExec(t, db, "DELETE")
		if have := server.Log(); !slices.Contains(have, "DELETE") {
			t.Errorf("the server has got %q, want a session of which nothing is known", have)
		}
	})
}

// A COMMIT that was not sent committed nothing, which is worth knowing.
func TestEndedBeforeCommit(t *testing.T) {
	openFakePostgres(t, func(t *testing.T, server *pooledtest.FakePostgres, db *sql.DB) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		tx, err := db.BeginTx(ctx, nil)
		if err != nil {
			t.Fatal(err)
		}
		server.End("25P04", "terminating connection due to transaction timeout")
		pause()
		wantEnded(t, "Commit", tx.Commit(), "25P04", "pq: terminating connection due to transaction timeout")
		if have := server.Log(); slices.Contains(have, "COMMIT") {
			t.Errorf("the server has got %q", have)
		}
		pooledtest.WaitUntil(t, func() bool {
			stacks := make([]byte, 1<<20)
			return !bytes.Contains(stacks[:runtime.Stack(stacks, true)], []byte("watchCancel"))
		}, func() string { return "the driver still holds on to the transaction's context" })
	})
}

// The same on a sql.Conn outside of a transaction.
func TestEndedOnAConn(t *testing.T) {
	openFakePostgres(t, func(t *testing.T, server *pooledtest.FakePostgres, db *sql.DB) {
		conn, err := db.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		pooledtest.MustExec(t, conn, "SET a")
		server.Log()
		server.End("57P05", "terminating connection due to idle-session timeout")
		time.Sleep(300 * time.Millisecond) // the first pause is measured by a coarse clock
		for range 2 {
			_, err = conn.ExecContext(t.Context(), "UPDATE")
			wantEnded(t, "Exec", err, "57P05", "pq: terminating connection due to idle-session timeout")
		}
		_, err = conn.BeginTx(t.Context(), nil)
		wantEnded(t, "BeginTx", err, "57P05", "pq: ")
		if err := conn.PingContext(t.Context()); err != driver.ErrBadConn {
			t.Errorf("Ping: have %v, want %v", err, driver.ErrBadConn)
		}
		wantLogOf(t, server)
		conn.Close()
		pool, _ := pooled.PoolOf(db)
		if have := pool.Stats().Open(); have != 0 {
			t.Errorf("have %d connections in the pool, want none", have)
		}
	})
}

// If nothing was sent in the lease, but statements to prepare, another session does as well.
func TestEndedBeforeTheFirstStatement(t *testing.T) {
	server := pooledtest.NewFakePostgres(t, false)
	db, err := sql.Open("pooled", server.DSN)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	pooledtest.MustExec(t, db, "UPDATE")
	server.Log()
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	stmt, err := conn.PrepareContext(t.Context(), "INSERT")
	if err != nil {
		t.Fatal(err)
	}
	defer stmt.Close()
	server.End("57P01", "terminating connection due to administrator command")
	time.Sleep(300 * time.Millisecond)
	if _, err := stmt.Exec(); err != nil {
		t.Error(err)
	}
	wantLogOf(t, server, "prepare INSERT", "prepare INSERT", "execute")
}

// A server that hangs up without a word has no reason to give.
func TestEndedWithoutAWord(t *testing.T) {
	openFakePostgres(t, func(t *testing.T, server *pooledtest.FakePostgres, db *sql.DB) {
		tx, err := db.Begin()
		if err != nil {
			t.Fatal(err)
		}
		server.HangUp()
		pause()
		_, err = tx.Exec("UPDATE")
		wantEnded(t, "Exec", err, "", "the server has closed the connection: EOF")
		tx.Rollback()
	})
}

// What the server says without being asked is no end of the session, and is not lost.
func TestNotificationsInAPause(t *testing.T) {
	openFakePostgres(t, func(t *testing.T, server *pooledtest.FakePostgres, db *sql.DB) {
		tx, err := db.Begin()
		if err != nil {
			t.Fatal(err)
		}
		server.Say('A', "\x00\x00\x00\x07channel\x00payload\x00")
		server.Say('N', "SNOTICE\x00VNOTICE\x00C00000\x00Mhello\x00\x00")
		pause()
		began := time.Now()
		pooledtest.MustExec(t, tx, "UPDATE")
		if took := time.Since(began); took > 200*time.Millisecond {
			t.Errorf("it took %v: something waited for more", took)
		}
		server.Say('A', "\x00\x00\x00\x07channel\x00payload\x00")
		server.End("57P01", "terminating connection due to administrator command")
		pause()
		_, err = tx.Exec("UPDATE")
		wantEnded(t, "Exec", err, "57P01", "pq: ")
		tx.Rollback()
	})
}

// The end in answer to a statement: it was sent, and the reason is the server's.
func TestFakeEndsByAStatement(t *testing.T) {
	openFakePostgres(t, func(t *testing.T, server *pooledtest.FakePostgres, db *sql.DB) {
		tx, err := db.Begin()
		if err != nil {
			t.Fatal(err)
		}
		server.EndAt("25P04", "terminating connection due to transaction timeout")
		_, err = tx.Exec("UPDATE")
		pooledtest.CheckError(t, "Exec", err, "connection lost after the statement was sent")
		var reason *pq.Error
		if !errors.Is(err, pooled.ErrConnLost) || !errors.As(err, &reason) || reason.Code != "25P04" {
			t.Errorf("have %v, want ErrConnLost with 25P04", err)
		}
		wantEnded(t, "Commit", tx.Commit(), "25P04", "pq: ")
		if have := server.Log(); slices.Contains(have, "COMMIT") {
			t.Errorf("the server has got %q", have)
		}
	})
}

// One that was killed while it was idle needs no ping, and its Close hook is told the reason.
func TestReasonOfAnIdleOne(t *testing.T) {
	server := pooledtest.NewFakePostgres(t, true)
	var causes []error
	cfg, err := pooled.ParseDSN(server.DSN)
	if err != nil {
		t.Fatal(err)
	}
	cfg.Hooks.Invalidate = func(_ *pooled.ServerConn, cause error) { causes = append(causes, cause) }
	db, err := pooled.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	pooledtest.MustExec(t, db, "UPDATE")
	server.Log()
	server.End("57P01", "terminating connection due to administrator command")
	pause()
	pooledtest.MustExec(t, db, "UPDATE")
	wantLogOf(t, server, "UPDATE")
	var reason *pq.Error
	if len(causes) != 1 || !errors.As(causes[0], &reason) || reason.Code != "57P01" {
		t.Errorf("have the causes %v, want 57P01", causes)
	}
}
