package pooled_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"log/slog"
	"testing"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/internal/pooledtest"
)

// A statement can outlive the lease it was prepared in, however that ends: to use it then, and to close it, gives nil
// or an error. The fake sees each statement closed once, on its own connection, in nobody else's hands.
func TestStmtOutlivesItsLease(t *testing.T) {
	for _, c := range []pooled.Class{pooled.ClassQueue, pooled.ClassNull, pooled.ClassStatic, pooled.ClassDirect} {
		for _, before := range []string{"", "Detach", "Invalidate", "SoftInvalidate"} {
			for _, end := range leaseEnds {
				t.Run(fmt.Sprint(c, " ", before, " ", end.name), func(t *testing.T) {
					fake := pooledtest.NewFake(t)
					db, pool := open(t, fake, class(c))
					l := &lease{t: t, fake: fake, db: db, before: before}
					stmts := end.run(l)
					waitUntil(t, func() bool { return pool.Stats().CheckedOut == 0 },
						func() string { return fmt.Sprintf("the lease did not end: %+v", pool.Stats()) })
					fake.ClearFaults()
					for _, stmt := range stmts {
						stmt.Exec()
						stmt.Close()
						stmt.Close()
					}
					mustExec(t, db, "UPDATE")
				})
			}
		}
	}
}

// A statement that panics when it is closed with its connection does not keep that open.
func TestPanicOfAStatementThatIsClosedWithItsConnection(t *testing.T) {
	for _, c := range []pooled.Class{pooled.ClassQueue, pooled.ClassDirect} {
		fake := pooledtest.NewFake(t)
		db, _ := open(t, fake, class(c), func(cfg *pooled.Config) { cfg.Logger = slog.New(slog.DiscardHandler) })
		conn, _ := grab(t, db)
		stmt, err := conn.PrepareContext(t.Context(), "UPDATE")
		if err != nil {
			t.Fatal(err)
		}
		fake.On(pooledtest.StageStmtClose, pooledtest.Panic("boom"))
		recovered(func() { conn.Raw(func(any) error { return driver.ErrBadConn }) })
		fake.Await(t, func(c pooledtest.Counts) bool { return c.Closed == 1 })
		stmt.Close()
	}
}

// lease is one that a test begins, and ends in one of many ways.
type lease struct {
	t      *testing.T
	fake   *pooledtest.Fake
	db     *sql.DB
	before string // what the program has done by hand
}

var leaseEnds = []struct {
	name string
	run  func(*lease) []*sql.Stmt
}{
	{"return", func(l *lease) []*sql.Stmt {
		conn := l.begin()
		stmts := l.prepare(conn)
		give(l.t, conn)
		return stmts
	}},
	{"closed without a return", func(l *lease) []*sql.Stmt {
		conn := l.begin()
		stmts := l.prepare(conn)
		conn.Raw(func(any) error { return driver.ErrBadConn })
		return stmts
	}},
	{"bad operation", func(l *lease) []*sql.Stmt {
		conn := l.begin()
		stmts := l.prepare(conn)
		l.fake.On(pooledtest.StageExec, pooledtest.BadConn())
		conn.ExecContext(context.Background(), "UPDATE")
		conn.Close()
		return stmts
	}},
	{"end of a transaction's context", func(l *lease) []*sql.Stmt { return l.cancelTx(pooledtest.Pass()) }},
	{"end of a transaction's context, bad", func(l *lease) []*sql.Stmt { return l.cancelTx(pooledtest.BadConn()) }},
	{"end of a transaction's context, failed", func(l *lease) []*sql.Stmt {
		return l.cancelTx(pooledtest.Fail(errors.New("no rollback")))
	}},
	{"panic", func(l *lease) []*sql.Stmt {
		conn := l.begin()
		stmts := l.prepare(conn)
		l.fake.On(pooledtest.StageExec, pooledtest.Panic("boom").Times(1))
		recovered(func() { conn.ExecContext(context.Background(), "UPDATE") })
		conn.Close()
		return stmts
	}},
	{"panic when a statement is closed", func(l *lease) []*sql.Stmt {
		conn := l.begin()
		stmts := l.prepare(conn)
		l.fake.On(pooledtest.StageStmtClose, pooledtest.Panic("boom").Times(1))
		recovered(func() { stmts[0].Close() })
		conn.Close()
		return stmts
	}},
	{"not valid on return", func(l *lease) []*sql.Stmt {
		conn := l.begin()
		stmts := l.prepare(conn)
		l.fake.On(pooledtest.StageIsValid, pooledtest.Fail(errors.New("no")))
		conn.Close()
		return stmts
	}},
	{"pool disposed of", func(l *lease) []*sql.Stmt {
		conn := l.begin()
		stmts := l.prepare(conn)
		pool, _ := pooled.PoolOf(l.db)
		pool.Dispose()
		give(l.t, conn)
		return stmts
	}},
}

// recovered runs f, which may panic.
func recovered(f func()) {
	defer func() { recover() }()
	f()
}

// begin is a connection in use, after what the program does with it by hand.
func (l *lease) begin() *sql.Conn {
	l.t.Helper()
	conn, _ := grab(l.t, l.db)
	l.byHand(conn)
	return conn
}

func (l *lease) byHand(conn *sql.Conn) {
	l.t.Helper()
	byHand := map[string]func() error{
		"":               func() error { return nil },
		"Detach":         func() error { return pooled.Detach(l.t.Context(), conn) },
		"Invalidate":     func() error { return pooled.Invalidate(conn, nil) },
		"SoftInvalidate": func() error { return pooled.SoftInvalidate(l.t.Context(), conn, nil) },
	}[l.before]
	if err := byHand(); err != nil {
		l.t.Fatal(err)
	}
}

// prepare is two statements of one text, and one of another.
func (l *lease) prepare(on interface {
	PrepareContext(context.Context, string) (*sql.Stmt, error)
}) (stmts []*sql.Stmt) {
	l.t.Helper()
	for _, text := range []string{"UPDATE 1", "UPDATE 1", "UPDATE 2"} {
		stmt, err := on.PrepareContext(context.Background(), text)
		if err != nil {
			l.t.Fatal(err)
		}
		stmts = append(stmts, stmt)
	}
	return stmts
}

// cancelTx ends the context of a transaction with statements in it, and lets its rollback go wrong or well.
func (l *lease) cancelTx(rollback pooledtest.Fault) []*sql.Stmt {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	conn, _ := grab(l.t, l.db)
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		l.t.Fatal(err)
	}
	stmts := l.prepare(tx)
	l.byHand(conn)
	l.fake.On(pooledtest.StageRollback, rollback)
	cancel()
	conn.Close() // waits for the transaction
	return stmts
}
