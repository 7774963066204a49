package pooled_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/internal/pooledtest"
)

// The same calls with the same results, errors and traffic as the bare driver,
// for drivers with every set of optional interfaces, with a pool and without.
// What arrives at a connection is the same in class direct. Where connections
// come from, when they are given up, and how an operation is tried again is not.
func TestConformance(t *testing.T) {
	for c, what := range map[pooled.Class]pooledtest.About{
		pooled.ClassQueue:  pooledtest.Everything,
		pooled.ClassDirect: pooledtest.Connecting | pooledtest.Connections | pooledtest.Transactions,
	} {
		t.Run(string(c), func(t *testing.T) {
			pooledtest.Conform(t, what, func(t *testing.T, wrapped driver.Connector) *sql.DB {
				db, _ := open(t, wrapped, class(c))
				return db
			})
		})
	}
}

// A dial's error is db.Conn's, as it is.
func TestDialErrorIsTheCallersAsItIs(t *testing.T) {
	refused := &pooledtest.ServerError{Text: "no such user"}
	fake := pooledtest.NewFake(t)
	fake.On(pooledtest.StageConnect, pooledtest.Fail(refused))
	db, _ := open(t, fake)
	_, connErr := db.Conn(t.Context())
	_, execErr := db.Exec("UPDATE")
	if connErr != error(refused) || execErr != error(refused) {
		t.Errorf("have %v and %v, want %v itself", connErr, execErr, refused)
	}
}

// At reuse, a checkout's error is the operation's: not lost, as it would be if
// ResetSession returned it, and not wrapped into "converting argument".
func TestCheckoutErrorAtReuseIsTheOperations(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := pooledtest.NewFake(t)
		db, _ := open(t, fake, size(1, 0))
		defer db.Close()
		db.SetMaxIdleConns(10)
		a, _ := grab(t, db)
		go func() { time.Sleep(time.Second); a.Close() }()
		b, _ := grab(t, db) // a second Conn
		pooledtest.Give(t, b)
		held, _ := grab(t, db)
		defer pooledtest.Give(t, held)
		for name, op := range map[string]func() error{
			"Exec with an argument": func() error { _, err := db.Exec("UPDATE ?", 1); return err },
			"Exec":                  func() error { _, err := db.Exec("UPDATE"); return err },
			"Query":                 func() error { _, err := db.Query("SELECT 1"); return err },
			"Prepare":               func() error { _, err := db.Prepare("SELECT 1"); return err },
			"Begin":                 func() error { _, err := db.Begin(); return err },
			"Ping":                  db.Ping,
		} {
			began := time.Now()
			err := op()
			if _, ok := err.(*pooled.TimeoutError); !ok {
				t.Errorf("%s: have %v, want a TimeoutError as it is", name, err)
			}
			if waited := time.Since(began); waited != 30*time.Second {
				t.Errorf("%s: waited %v, want pool_timeout once", name, waited)
			}
		}
	})
}

// The context of the operation counts, not that of db.Conn long ago.
func TestReusedConnUsesTheContextOfItsOperation(t *testing.T) {
	fake := pooledtest.NewFake(t)
	db, _ := open(t, fake)
	pooledtest.MustExec(t, db, "UPDATE")
	ctx, cancel := context.WithCancel(t.Context())
	conn, err := db.Conn(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	cancel()
	pooledtest.MustExec(t, conn, "UPDATE ?", 1)
	if _, err := conn.ExecContext(pooledtest.WithMark(t.Context(), "mine"), "UPDATE"); err != nil {
		t.Error(err)
	}
	log := fake.Log()
	if last := log[len(log)-1]; last != "c1 exec UPDATE {mine}" {
		t.Errorf("have %q, want the operation's context to reach the driver", last)
	}
}

// db.Conn on an idle Conn reserves nothing until its first operation.
func TestReusedConnBorrowsAtItsFirstOperation(t *testing.T) {
	fake := pooledtest.NewFake(t)
	db, pool := open(t, fake)
	pooledtest.MustExec(t, db, "UPDATE")
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if have := pool.Stats().CheckedOut; have != 0 {
		t.Errorf("checked out after Conn: have %d, want 0", have)
	}
	number(t, conn)
	if have := pool.Stats().CheckedOut; have != 1 {
		t.Errorf("checked out after its first operation: have %d, want 1", have)
	}
	pooledtest.Give(t, conn)
	if have := pool.Stats().CheckedOut; have != 0 {
		t.Errorf("checked out after Close: have %d, want 0", have)
	}
}

// However many idle connections have died, the pool replaces them; database/sql
// tries only twice, and the user sees nothing. The statement runs once.
func TestStaleConnectionsAreReplacedInsideTheOperation(t *testing.T) {
	ops := map[string]func(*sql.DB) error{
		"exec":  func(db *sql.DB) error { _, err := db.Exec("UPDATE ?", 7); return err },
		"query": func(db *sql.DB) error { var n int; return db.QueryRow("SELECT 5").Scan(&n) },
		"prepare": func(db *sql.DB) error {
			s, err := db.Prepare("UPDATE")
			if err == nil {
				s.Close()
			}
			return err
		},
		"begin": func(db *sql.DB) error {
			tx, err := db.Begin()
			if err == nil {
				err = tx.Rollback()
			}
			return err
		},
		"ping": func(db *sql.DB) error { return db.Ping() },
	}
	for stage, op := range ops {
		for _, dead := range []string{stage, pooledtest.StageResetSession} {
			t.Run(stage+" fails at "+dead, func(t *testing.T) {
				fake := pooledtest.NewFake(t)
				db, pool := open(t, fake, size(8, 0))
				var conns []*sql.Conn
				for range 8 {
					c, _ := grab(t, db)
					conns = append(conns, c)
				}
				pooledtest.Give(t, conns...)
				for id := range 8 {
					fake.On(dead, pooledtest.BadConn().OnConn(id+1))
				}
				if err := op(db); err != nil {
					t.Errorf("have %v, want the stale ones replaced", err)
				}
				if s := pool.Stats(); s.Opened != 9 {
					t.Errorf("opened: have %d, want 8 and one more", s.Opened)
				}
			})
		}
	}
}

// A driver may say "bad" when the statement was on its way already. So an
// operation is not done again without end: twice on connections that were idle, once
// on a new one, as database/sql does it.
func TestAStatementIsTriedNoMoreOftenThanBare(t *testing.T) {
	fake := pooledtest.NewFake(t)
	db, _ := open(t, fake, size(8, 0))
	var conns []*sql.Conn
	for range 8 {
		c, _ := grab(t, db)
		conns = append(conns, c)
	}
	pooledtest.Give(t, conns...)
	fake.ResetLog()
	fake.On(pooledtest.StageExec, pooledtest.BadConn().Times(3))
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.ExecContext(t.Context(), "UPDATE"); !errors.Is(err, driver.ErrBadConn) {
		t.Errorf("have %v, want ErrBadConn", err)
	}
	sent := 0
	for _, line := range fake.Log() {
		if strings.Contains(line, "exec UPDATE") {
			sent++
		}
	}
	if sent != 3 {
		t.Errorf("sent %d times, want 3", sent)
	}
}

// What was given, not what an earlier try made of it, is converted again.
func TestArgumentsOfASecondTry(t *testing.T) {
	fake := pooledtest.NewFake(t, pooledtest.With(pooledtest.CheckerConn))
	db, _ := open(t, fake)
	pooledtest.MustExec(t, db, "INSERT")
	fake.On(pooledtest.StageExec, pooledtest.BadConn().Times(1))
	var converted int
	arg := countingValuer{&converted}
	pooledtest.MustExec(t, db, "INSERT ? ?", arg, 5)
	if converted != 2 {
		t.Errorf("argument converted %d times, want twice, from what was given", converted)
	}
	if want := "c2 exec INSERT ? ? [v 5]"; !slices.Contains(fake.Log(), want) {
		t.Errorf("have %q, want %q in it", fake.Log(), want)
	}
}

type countingValuer struct{ n *int }

func (v countingValuer) Value() (driver.Value, error) { *v.n++; return "v", nil }

// A connection that fails when it has never been used before is not stale: the
// error is database/sql's to deal with, as with the bare driver.
func TestNewConnectionThatIsBadIsReported(t *testing.T) {
	fake := pooledtest.NewFake(t)
	fake.On(pooledtest.StageExec, pooledtest.BadConn())
	db, pool := open(t, fake)
	if _, err := db.Exec("UPDATE"); !errors.Is(err, driver.ErrBadConn) {
		t.Errorf("have %v, want ErrBadConn", err)
	}
	if s := pool.Stats(); s.Opened != 3 { // database/sql's three tries
		t.Errorf("opened: have %d, want 3", s.Opened)
	}
}

// Once a statement of this lease has reached the server, a later one that
// fails is not moved to another session.
func TestNoReplacementInTheMiddle(t *testing.T) {
	fake := pooledtest.NewFake(t)
	db, _ := open(t, fake)
	pooledtest.MustExec(t, db, "UPDATE 0")
	conn, _ := grab(t, db)
	fake.On(pooledtest.StageExec, pooledtest.BadConn().Times(1))
	if _, err := conn.ExecContext(t.Context(), "UPDATE 1"); !errors.Is(err, driver.ErrBadConn) {
		t.Errorf("have %v, want ErrBadConn", err)
	}
	conn.Close()
	pooledtest.MustExec(t, db, "UPDATE 2")
	wantLog(t, fake, "c1 connect", "c1 exec UPDATE 0", "c1 resetSession", "c1 query SELECT conn",
		"c1 exec UPDATE 1 -> driver: bad connection", "c2 connect", "c2 exec UPDATE 2")
}

// The program's own function in sql.Conn.Raw returns ErrBadConn: IsValid is not
// called, Close comes at once, and the server connection must not be reused.
func TestErrBadConnFromRawDiscards(t *testing.T) {
	fake := pooledtest.NewFake(t)
	db, pool := open(t, fake)
	conn, _ := grab(t, db)
	err := conn.Raw(func(any) error { return driver.ErrBadConn })
	if !errors.Is(err, driver.ErrBadConn) {
		t.Errorf("have %v, want ErrBadConn", err)
	}
	if s := pool.Stats(); s.Open() != 0 {
		t.Errorf("have %+v, want it discarded", s)
	}
}

func TestRaw(t *testing.T) {
	fake := pooledtest.NewFake(t)
	db, pool := open(t, fake)
	pooledtest.MustExec(t, db, "UPDATE")
	raw := func(ctx context.Context) (id int) {
		conn, err := db.Conn(ctx)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if err := conn.Raw(func(dc any) error {
			wrapped := dc.(interface{ Raw() driver.Conn }).Raw()
			id = pooledtest.ConnID(wrapped)
			_, err := wrapped.(driver.ExecerContext).ExecContext(t.Context(), "BEGIN", nil)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		return id
	}
	if have := raw(t.Context()); have != 1 {
		t.Errorf("have connection %d, want 1", have)
	}
	// The pool did not see the BEGIN, and rolls back all the same.
	wantLog(t, fake, "c1 connect", "c1 exec UPDATE", "c1 resetSession", "c1 exec BEGIN", "c1 exec ROLLBACK")
	if s := pool.Stats(); s.CheckedOut != 0 {
		t.Errorf("have %+v, want it given back", s)
	}
}

// Raw has no context of its own, and that of db.Conn may be over. It leases all
// the same, for as long as pool_timeout allows, and is nil if there is nothing to have.
func TestRawBorrows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := pooledtest.NewFake(t)
		connector := connectorTo(t, fake, size(1, 0))
		db := sql.OpenDB(connector)
		defer db.Close()
		pooledtest.MustExec(t, db, "UPDATE")
		raw := func() (wrapped driver.Conn) {
			ctx, cancel := context.WithCancel(t.Context())
			conn, err := db.Conn(ctx) // an idle one, which holds nothing
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			cancel()
			conn.Raw(func(dc any) error { wrapped = dc.(interface{ Raw() driver.Conn }).Raw(); return nil })
			return wrapped
		}
		if raw() == nil {
			t.Error("have nil, want the driver's connection")
		}
		holder, err := connector.Connect(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := holder.(*pooled.Conn).ExecContext(t.Context(), "UPDATE", nil); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		if wrapped := raw(); wrapped != nil || time.Since(began) != 30*time.Second {
			t.Errorf("have %v after %v while another has the only one, want nil after pool_timeout", wrapped, time.Since(began))
		}
		holder.(*pooled.Conn).IsValid()
	})
}

// A statement in a transaction says that the connection is bad, the rollback
// does not: it is bad all the same.
func TestBadInATransactionDiscards(t *testing.T) {
	fake := pooledtest.NewFake(t, pooledtest.With(pooledtest.NoValidator))
	fake.On(pooledtest.StageExec, pooledtest.BadConn().Times(1))
	db, pool := open(t, fake)
	tx, err := db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec("UPDATE"); !errors.Is(err, driver.ErrBadConn) {
		t.Errorf("have %v, want ErrBadConn", err)
	}
	if err := tx.Rollback(); err != nil {
		t.Errorf("Rollback: %v", err)
	}
	if s := pool.Stats(); s.Open() != 0 {
		t.Errorf("have %+v, want it discarded", s)
	}
}

// An operation that panics leaves the driver's connection in a state nobody
// knows; it is not leased again, and it is not lost from the count.
func TestPanicInAnOperationDiscards(t *testing.T) {
	fake := pooledtest.NewFake(t)
	fake.On(pooledtest.StageExec, pooledtest.Panic("boom").Times(1))
	db, pool := open(t, fake, size(1, 0))
	func() {
		defer func() {
			if v := recover(); v != "boom" {
				t.Errorf("have %v, want the panic to go on", v)
			}
		}()
		db.Exec("UPDATE")
	}()
	conn, n := grab(t, db)
	pooledtest.Give(t, conn)
	if s := pool.Stats(); n != 2 || s.Open() != 1 {
		t.Errorf("have connection %d and %+v, want a second one and the first gone", n, s)
	}
}

// The driver says on return that its connection is no good any more.
func TestInvalidOnReturnIsDiscarded(t *testing.T) {
	fake := pooledtest.NewFake(t)
	db, pool := open(t, fake)
	pooledtest.MustExec(t, db, "UPDATE")
	fake.On(pooledtest.StageIsValid, pooledtest.Fail(errors.New("no")).Times(1))
	pooledtest.MustExec(t, db, "BEGIN")
	pooledtest.MustExec(t, db, "UPDATE")
	wantLog(t, fake, "c1 connect", "c1 exec UPDATE", "c1 resetSession", "c1 exec BEGIN", "c2 connect",
		"c2 exec UPDATE")
	if s := pool.Stats(); s.Open() != 1 {
		t.Errorf("have %+v, want one open", s)
	}
}

// database/sql keeps a conn whose transaction it rolled back because the context ended only if the driver has
// SessionResetter and Validator, for else nobody makes sure that the transaction is over. The pool does: with a
// driver that lacks one it sends a ROLLBACK of its own, and keeps the server connection if that works. Who was first
// to call Rollback, database/sql or the program, makes no difference.
func TestRollbackByContext(t *testing.T) {
	works, fails := pooledtest.Pass(), pooledtest.Fail(errors.New("no rollback"))
	full := pooledtest.Full
	lacking := []pooledtest.Profile{pooledtest.NoResetter, pooledtest.NoValidator, pooledtest.Minimal}
	tests := []rollbackByContext{
		{full, pooled.ResetRollback, works, works, "", true},
		{full, pooled.ResetRollback, fails, works, "ROLLBACK", true},
		{full, pooled.ResetCommit, fails, works, "", false}, // a COMMIT would commit what was to be rolled back
	}
	for _, p := range lacking {
		tests = append(tests,
			rollbackByContext{p, pooled.ResetRollback, works, works, "ROLLBACK", true},
			rollbackByContext{p, pooled.ResetCommit, works, works, "COMMIT", true},
			rollbackByContext{p, pooled.ResetCommit, fails, works, "", false},
			rollbackByContext{p, pooled.ResetRollback, fails, works, "ROLLBACK", true},
			rollbackByContext{p, pooled.ResetRollback, works, fails, "ROLLBACK", false},
			rollbackByContext{p, pooled.ResetNone, works, works, "", true},
			rollbackByContext{p, pooled.ResetNone, fails, works, "", false},
		)
	}
	for i, test := range tests {
		for _, c := range []pooled.Class{pooled.ClassQueue, pooled.ClassDirect} {
			for _, byProgram := range []bool{false, true} {
				t.Run(fmt.Sprint(i, " ", test.profile.Name, " ", test.mode, " ", c, " program=", byProgram), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) { test.run(t, c, byProgram) })
				})
			}
		}
	}
}

type rollbackByContext struct {
	profile       pooledtest.Profile
	mode          pooled.ResetMode
	theirs, reset pooledtest.Fault // what becomes of the transaction's rollback, and of what the pool sends
	sent          string           // by the pool
	kept          bool
}

func (test rollbackByContext) run(t *testing.T, c pooled.Class, byProgram bool) {
	fake := pooledtest.NewFake(t, pooledtest.With(test.profile))
	db, pool := open(t, fake, class(c), func(cfg *pooled.Config) { cfg.ResetOnReturn = test.mode })
	defer db.Close()
	ctx, cancel := context.WithCancel(t.Context())
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	fake.On(pooledtest.StageRollback, test.theirs)
	fake.On(pooledtest.StageExec, test.reset)
	cancel()
	if !byProgram {
		synctest.Wait()
	}
	tx.Rollback()
	synctest.Wait()
	var sent []string
	for _, call := range fake.Calls() {
		if call.Query == "ROLLBACK" || call.Query == "COMMIT" {
			sent = append(sent, call.Query)
		}
	}
	sent = slices.Compact(sent) // prepared and run, with some drivers
	if have := strings.Join(sent, " "); have != test.sent {
		t.Errorf("the pool sent %q, want %q", have, test.sent)
	}
	if s := pool.Stats(); (s.Open() == 1) != test.kept {
		t.Errorf("have %+v, want the server connection kept: %t", s, test.kept)
	}
}

func TestIsolationIsRefusedNotDropped(t *testing.T) {
	fake := pooledtest.NewFake(t, pooledtest.With(pooledtest.NoBeginTx))
	db, _ := open(t, fake)
	for _, opts := range []*sql.TxOptions{{Isolation: sql.LevelSerializable}, {ReadOnly: true}} {
		if _, err := db.BeginTx(t.Context(), opts); err == nil || !strings.Contains(err.Error(), "driver does not support") {
			t.Errorf("%+v: have %v, want it refused", *opts, err)
		}
	}
	tx, err := db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	tx.Commit()
}

// What database/sql keeps or retires are empty Conns; the pool's connections are not touched.
func TestConnMaxLifetimeRetiresEmptyConns(t *testing.T) {
	fake := pooledtest.NewFake(t)
	db, pool := open(t, fake)
	db.SetConnMaxLifetime(time.Nanosecond)
	for range 5 {
		pooledtest.MustExec(t, db, "UPDATE")
	}
	if s := pool.Stats(); s.Opened != 1 {
		t.Errorf("opened: have %d, want 1", s.Opened)
	}
	db.SetMaxIdleConns(-1)
	pooledtest.MustExec(t, db, "UPDATE")
	if s := pool.Stats(); s.Opened != 1 || s.Idle != 1 {
		t.Errorf("have %+v, want the same one, idle", s)
	}
}

func TestPoolOf(t *testing.T) {
	fake := pooledtest.NewFake(t)
	db, want := open(t, fake)
	if have, ok := pooled.PoolOf(db); !ok || have != want {
		t.Errorf("have %p %t, want %p", have, ok, want)
	}
	bare := sql.OpenDB(fake)
	defer bare.Close()
	if _, ok := pooled.PoolOf(bare); ok {
		t.Error("a sql.DB of another driver has a pool")
	}
}

// The driver used by hand: the connection brings its pool and takes it away.
func TestDriverOpen(t *testing.T) {
	conn, err := (&pooled.Driver{}).Open("sqlite://")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.(driver.ExecerContext).ExecContext(t.Context(), "CREATE TABLE t (a)", nil); err != nil {
		t.Error(err)
	}
	if err := conn.Close(); err != nil {
		t.Error(err)
	}
	if conn, err := (&pooled.Driver{}).Open("mysql://scott:tiger@localhost/db?pool_siez=5"); err == nil {
		t.Errorf("have %v, want an error", conn)
	} else if strings.Contains(fmt.Sprint(err), "tiger") {
		t.Errorf("the password is in %q", err)
	}
}

// What has no effect beyond its connection is done again elsewhere even if it may
// have been sent: to begin, to prepare, to ping. A statement is not.
func TestHarmlessOperationsAreDoneAgain(t *testing.T) {
	for _, test := range []struct {
		stage string
		do    func(*sql.DB) error
		again bool
	}{
		{pooledtest.StageBegin, func(db *sql.DB) error {
			tx, err := db.Begin()
			if err == nil {
				tx.Rollback()
			}
			return err
		}, true},
		{pooledtest.StagePrepare, func(db *sql.DB) error {
			stmt, err := db.Prepare("UPDATE")
			if err == nil {
				stmt.Close()
			}
			return err
		}, true},
		{pooledtest.StagePing, (*sql.DB).Ping, true},
		{pooledtest.StageExec, func(db *sql.DB) error { _, err := db.Exec("INSERT"); return err }, false},
		{pooledtest.StageQuery, func(db *sql.DB) error { return db.QueryRow("SELECT conn").Scan(new(int)) }, false},
	} {
		fake := pooledtest.NewFake(t)
		db, _ := open(t, fake, size(1, 0))
		pooledtest.MustExec(t, db, "UPDATE")
		fake.On(test.stage, pooledtest.Fail(io.ErrUnexpectedEOF).Times(1))
		if err := test.do(db); (err == nil) != test.again {
			t.Errorf("%s: have %v, want it done again: %t", test.stage, err, test.again)
		}
		sent := 0
		for _, line := range fake.Log() {
			if strings.Contains(line, "INSERT") || strings.Contains(line, "SELECT conn") {
				sent++
			}
		}
		if sent > 1 {
			t.Errorf("%s: a statement was sent %d times", test.stage, sent)
		}
		db.Close()
	}
}
