package pooled_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/internal/pooledtest"
)

// A Stmt follows its Conn: prepared where it lands, once, and left there for
// the next.
func TestStmtFollowsItsConn(t *testing.T) {
	fake := pooledtest.NewFake(t)
	db, _ := open(t, fake)
	stmt, err := db.Prepare("UPDATE ?") // on connection 1
	if err != nil {
		t.Fatal(err)
	}
	run := func() {
		t.Helper()
		if _, err := stmt.Exec(1); err != nil {
			t.Fatal(err)
		}
	}
	run()
	one, _ := grab(t, db) // keeps 1 away
	run()                 // on 2, where it has to be prepared
	run()
	pooledtest.Give(t, one)
	stmt.Close()
	log := slices.DeleteFunc(fake.Log(), func(s string) bool { return strings.Contains(s, "resetSession") })
	want := []string{"c1 connect", "c1 prepare UPDATE ?", "c1 stmt exec UPDATE ? [1]", "c1 query SELECT conn",
		"c2 connect", "c2 prepare UPDATE ?", "c2 stmt exec UPDATE ? [1]", "c2 stmt exec UPDATE ? [1]"}
	if !slices.Equal(log, want) {
		t.Errorf("have %q\nwant %q", log, want)
	}
}

// 50 goroutines share statements over fewer connections: each text is prepared
// once for each connection at most, and closed when nobody needs it any more.
func TestStmtsSharedByManyGoroutines(t *testing.T) {
	const connections = 4
	fake := pooledtest.NewFake(t)
	db, _ := open(t, fake, size(connections, 0))
	db.SetMaxIdleConns(50)
	var stmts []*sql.Stmt
	for _, text := range []string{"SELECT n 1", "SELECT n 2"} {
		s, err := db.Prepare(text)
		if err != nil {
			t.Fatal(err)
		}
		stmts = append(stmts, s)
	}
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			for i := range 30 {
				rows, err := stmts[i%2].Query()
				if err != nil {
					t.Errorf("Query: %v", err)
					return
				}
				for rows.Next() {
				}
				rows.Close()
			}
		})
	}
	wg.Wait()
	c := fake.Counts()
	if c.StmtsOpen > 2*connections {
		t.Errorf("statements open: have %d, want at most %d", c.StmtsOpen, 2*connections)
	}
	for _, s := range stmts {
		s.Close()
	}
	var conns []*sql.Conn
	for range connections { // each is next in somebody's hands
		conn, _ := grab(t, db)
		conns = append(conns, conn)
	}
	pooledtest.Give(t, conns...)
	if have := fake.Counts().StmtsOpen; have != 0 {
		t.Errorf("statements open after Close: have %d, want 0", have)
	}
}

// A Stmt's Close can come while another Conn uses the server connection it was
// prepared on. The fake reports two calls at the same moment, the race
// detector what they share.
func TestStmtCloseWhileItsConnectionIsInUseElsewhere(t *testing.T) {
	fake := pooledtest.NewFake(t)
	db, _ := open(t, fake, size(2, 0))
	db.SetMaxIdleConns(20)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 50 {
				stmt, err := db.Prepare("UPDATE")
				if err != nil {
					t.Error(err)
					return
				}
				if _, err := stmt.Exec(); err != nil {
					t.Error(err)
				}
				stmt.Close()
			}
		})
	}
	wg.Wait()
}

// Two statements of one text at the same time on one connection are two.
func TestTwoStmtsOfOneText(t *testing.T) {
	fake := pooledtest.NewFake(t)
	db, _ := open(t, fake)
	for range 2 { // the second time with what the first has left
		tx, err := db.Begin()
		if err != nil {
			t.Fatal(err)
		}
		var all [2]*sql.Rows
		for i := range all {
			stmt, err := tx.Prepare("SELECT n 3")
			if err != nil {
				t.Fatal(err)
			}
			if all[i], err = stmt.Query(); err != nil {
				t.Fatal(err)
			}
		}
		for n := range 3 {
			for i, rows := range all {
				var have int
				if !rows.Next() || rows.Scan(&have) != nil || have != n+1 {
					t.Fatalf("rows %d: have %d, want %d", i, have, n+1)
				}
			}
		}
		for _, rows := range all {
			rows.Close()
		}
		if err := tx.Commit(); err != nil {
			t.Fatal(err)
		}
	}
}

// A one-off query that the driver wants prepared is prepared, run and closed on
// one connection, in one lease.
func TestOneOffPrepare(t *testing.T) {
	fake := pooledtest.NewFake(t, pooledtest.With(pooledtest.SkipQueries))
	db, pool := open(t, fake)
	pooledtest.MustExec(t, db, "UPDATE ?", 1)
	wantLog(t, fake, "c1 connect", "c1 prepare UPDATE ?", "c1 stmt exec UPDATE ? [1]", "c1 stmt close UPDATE ?")
	if s := pool.Stats(); s.Checkouts != 1 {
		t.Errorf("checkouts: have %d, want 1", s.Checkouts)
	}
}

// The connection a Stmt was left on has died: it is prepared on another.
func TestStmtOnAStaleConnection(t *testing.T) {
	fake := pooledtest.NewFake(t)
	db, _ := open(t, fake)
	stmt, err := db.Prepare("UPDATE ?")
	if err != nil {
		t.Fatal(err)
	}
	defer stmt.Close()
	fake.On(pooledtest.StageExec, pooledtest.BadConn().Times(1))
	if _, err := stmt.ExecContext(context.Background(), 5); err != nil {
		t.Fatal(err)
	}
	log := fake.Log()
	if last := log[len(log)-1]; last != "c2 stmt exec UPDATE ? [5]" && !slices.Contains(log, "c2 stmt exec UPDATE ? [5]") {
		t.Errorf("have %q, want it run on connection 2", log)
	}
}

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
					pooledtest.WaitUntil(t, func() bool { return pool.Stats().CheckedOut == 0 },
						func() string { return fmt.Sprintf("the lease did not end: %+v", pool.Stats()) })
					fake.ClearFaults()
					for _, stmt := range stmts {
						stmt.Exec()
						stmt.Close()
						stmt.Close()
					}
					pooledtest.MustExec(t, db, "UPDATE")
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
		pooledtest.Give(l.t, conn)
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
		pooledtest.Give(l.t, conn)
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
