package servertest_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/lib/pq"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/internal/pooledtest"
)

// A context ends, in a transaction or outside of one, in the middle of a statement and between two, and then the
// program closes what it has prepared there: ordinary code, with nothing to panic about.
func TestStmtOutlivesItsContext(t *testing.T) {
	for _, s := range servers {
		for _, c := range []pooled.Class{pooled.ClassQueue, pooled.ClassNull, pooled.ClassStatic, pooled.ClassDirect} {
			for _, end := range contextEnds {
				t.Run(fmt.Sprint(s.name, " ", c, " ", end), func(t *testing.T) {
					db := openServer(t, "pooled", s.dsn(t), "pool_class="+string(c))
					stmts := end.prepare(t, db, s)
					for _, stmt := range stmts {
						stmt.Exec()
						stmt.Close()
					}
					pooledtest.MustExec(t, db, "SELECT 1")
				})
			}
		}
	}
}

// contextEnd is where a context ends.
type contextEnd struct{ inTx, detached, busy bool }

var contextEnds = []contextEnd{
	{}, {busy: true}, {detached: true}, {detached: true, busy: true},
	{inTx: true}, {inTx: true, busy: true}, {inTx: true, detached: true}, {inTx: true, detached: true, busy: true},
}

func (e contextEnd) String() string {
	return fmt.Sprintf("transaction=%t detached=%t busy=%t", e.inTx, e.detached, e.busy)
}

// prepare returns statements whose lease is over, since the context has ended.
func (e contextEnd) prepare(t *testing.T, db *sql.DB, s server) (stmts []*sql.Stmt) {
	t.Helper()
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var on interface {
		PrepareContext(context.Context, string) (*sql.Stmt, error)
		ExecContext(context.Context, string, ...any) (sql.Result, error)
	} = conn
	if e.inTx {
		if on, err = conn.BeginTx(ctx, nil); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		stmt, err := on.PrepareContext(t.Context(), "SELECT 1")
		if err != nil {
			t.Fatal(err)
		}
		stmts = append(stmts, stmt)
	}
	if e.detached {
		if err := pooled.Detach(t.Context(), conn); err != nil {
			t.Fatal(err)
		}
	}
	if e.busy && s.name != "sqlite" {
		const mark = "/* outlived */"
		s.during(t, openServer(t, s.bare, s.dsn(t)), mark, cancel, func() { on.ExecContext(ctx, s.sleep(60)+" "+mark) })
	}
	cancel()
	on.ExecContext(t.Context(), "SELECT 1") // which may find that the connection is bad
	conn.Close()                            // waits for the transaction's end
	return stmts
}

// Nothing that a return closes, and no statement that the program closes, waits for longer than pool_reset_timeout on
// a network that has fallen silent.
func TestStatementsOnASilentNetwork(t *testing.T) {
	for _, s := range []server{onPostgres, onMySQL} {
		for _, c := range []pooled.Class{pooled.ClassQueue, pooled.ClassDirect} {
			for _, test := range silentNetwork {
				t.Run(fmt.Sprint(s.name, " ", c, " ", test.name), func(t *testing.T) {
					proxy := pooledtest.NewProxy(t, s.dsn(t))
					db := openServer(t, "pooled", proxy.DSN(), "pool_reset_timeout=200ms", "pool_reset_on_return=none",
						"pool_class="+string(c))
					conn, err := db.Conn(t.Context())
					if err != nil {
						t.Fatal(err)
					}
					var stmts []*sql.Stmt
					for _, text := range []string{"SELECT 1", "SELECT 1", "SELECT 2"} {
						stmt, err := conn.PrepareContext(t.Context(), text)
						if err != nil {
							t.Fatal(err)
						}
						stmts = append(stmts, stmt)
					}
					within(t, func() { test.do(t, proxy, db, conn, stmts) })
				})
			}
		}
	}
}

// within fails if f does not return in a time that is long enough for everything that does not hang.
func within(t *testing.T, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	select {
	case <-done:
	case <-time.After(20 * time.Second):
		t.Fatal("it hangs")
	}
}

var silentNetwork = []struct {
	name string
	do   func(*testing.T, *pooledtest.Proxy, *sql.DB, *sql.Conn, []*sql.Stmt)
}{
	{"return", func(t *testing.T, proxy *pooledtest.Proxy, db *sql.DB, conn *sql.Conn, _ []*sql.Stmt) {
		proxy.Hang()
		conn.Close()
	}},
	{"statement closed", func(t *testing.T, proxy *pooledtest.Proxy, db *sql.DB, conn *sql.Conn, stmts []*sql.Stmt) {
		proxy.Hang()
		for _, stmt := range stmts {
			stmt.Close()
		}
		conn.Close()
	}},
	{"return to a closed pool", func(t *testing.T, proxy *pooledtest.Proxy, db *sql.DB, conn *sql.Conn, _ []*sql.Stmt) {
		db.Close()
		proxy.Hang()
		conn.Close()
	}},
	{"database closed", func(t *testing.T, proxy *pooledtest.Proxy, db *sql.DB, conn *sql.Conn, _ []*sql.Stmt) {
		conn.Close()
		proxy.Hang()
		db.Close()
	}},
	{"detached", func(t *testing.T, proxy *pooledtest.Proxy, db *sql.DB, conn *sql.Conn, _ []*sql.Stmt) {
		if err := pooled.Detach(t.Context(), conn); err != nil {
			t.Error(err)
		}
		proxy.Hang()
		conn.Close()
	}},
}

// A statement that can't be closed in time costs the server connection, and says so.
func TestStmtCloseOnASilentNetwork(t *testing.T) {
	proxy := pooledtest.NewProxy(t, onPostgres.dsn(t))
	db := openServer(t, "pooled", proxy.DSN(), "pool_reset_timeout=200ms")
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	stmt, err := conn.PrepareContext(t.Context(), "SELECT 1")
	if err != nil {
		t.Fatal(err)
	}
	proxy.Hang()
	within(t, func() { err = stmt.Close() })
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("have %v, want DeadlineExceeded", err)
	}
	pooledtest.Give(t, conn)
	pooledtest.MustExec(t, db, "SELECT 1")
	if pool, _ := pooled.PoolOf(db); pool.Stats().Invalidated != 1 {
		t.Errorf("have %+v, want one invalidated", pool.Stats())
	}
}

// A COPY does its work when its statement is closed, if the program has not ended it before. That may take longer than
// pool_reset_timeout.
func TestCopyIsClosedWithoutALimit(t *testing.T) {
	db := openServer(t, "pooled", onPostgres.dsn(t), "pool_reset_timeout=100ms", "pool_size=1", "pool_max_overflow=0")
	table(t, db, "copied_slowly", "a INT")
	pooledtest.MustExec(t, db, "CREATE OR REPLACE FUNCTION copied_slowly_row() RETURNS trigger LANGUAGE plpgsql "+
		"AS 'BEGIN PERFORM pg_sleep(0.5); RETURN NEW; END'")
	pooledtest.MustExec(t, db, "CREATE TRIGGER slow BEFORE INSERT ON copied_slowly FOR EACH ROW "+
		"EXECUTE FUNCTION copied_slowly_row()")
	tx, err := db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	stmt, err := tx.Prepare(pq.CopyIn("copied_slowly", "a"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stmt.Exec(1); err != nil {
		t.Fatal(err)
	}
	if err := stmt.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	if err := tx.Commit(); err != nil {
		t.Error(err)
	}
	if have := pooledtest.ScanOne[int](t, db, "SELECT count(*) FROM copied_slowly"); have != 1 {
		t.Errorf("have %d rows, want 1", have)
	}
}

// What is left to close at the next checkout is bounded, too: the caller gets another server connection.
func TestStatementsLeftOnASilentNetwork(t *testing.T) {
	for _, c := range []pooled.Class{pooled.ClassQueue, pooled.ClassDirect} {
		t.Run(string(c), func(t *testing.T) {
			proxy := pooledtest.NewProxy(t, onPostgres.dsn(t))
			db := openServer(t, "pooled", proxy.DSN(), "pool_reset_timeout=200ms", "pool_pre_ping=off", "pool_class="+string(c))
			stmt, err := db.Prepare("SELECT 1")
			if err != nil {
				t.Fatal(err)
			}
			stmt.Close() // while no Conn holds the server connection
			proxy.Hang()
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			if _, err := db.ExecContext(ctx, "SELECT 1"); err != nil {
				t.Errorf("have %v, want it done on another server connection", err)
			}
		})
	}
}
