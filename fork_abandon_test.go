//go:build linux

package pooled_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"runtime"
	"slices"
	"testing"
	"testing/synctest"
	"time"
	"weak"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/internal/pooledtest"
	"github.com/pooled-go/pooled/internal/process"
)

// What the parent's pool had is left alone in a child. The fork is pretended; see
// fork_test.go.

// noEnds fails t if a hook hears of the end of another process's server connection.
func noEnds(t *testing.T) func(*pooled.Config) {
	type openedBy struct{}
	opened := func(_ context.Context, s *pooled.ServerConn) error {
		s.SetValue(openedBy{}, process.ID())
		return nil
	}
	ends := func(s *pooled.ServerConn, cause error) {
		if s.Value(openedBy{}) != process.ID() {
			t.Errorf("a hook hears of the end of a server connection: %v", cause)
		}
	}
	return func(cfg *pooled.Config) {
		cfg.Hooks = pooled.Hooks{Connect: opened, Close: ends, Invalidate: ends, SoftInvalidate: ends}
	}
}

// TestForkInUse: everything that a child can do with what was in use leaves the
// server alone.
func TestForkInUse(t *testing.T) {
	for _, c := range []pooled.Class{pooled.ClassQueue, pooled.ClassDirect} {
		t.Run(string(c), func(t *testing.T) {
			fake := pooledtest.NewFake(t, allowLeaks)
			db, pool := open(t, fake, class(c), noEnds(t))
			ctx := t.Context()
			conn, _ := grab(t, db)
			stmt, err := conn.PrepareContext(ctx, "SELECT ?")
			if err != nil {
				t.Fatal(err)
			}
			left, err := conn.PrepareContext(ctx, "SELECT ?, ?") // open when conn is closed
			if err != nil {
				t.Fatal(err)
			}
			tx, err := conn.BeginTx(ctx, nil)
			if err != nil {
				t.Fatal(err)
			}
			idle, _ := grab(t, db)
			pooledtest.Give(t, idle)
			fake.ResetLog()
			pretendFork(t)

			operation := func(name string, f func() error) {
				t.Helper()
				if err := f(); !errors.Is(err, pooled.ErrForked) {
					t.Errorf("%s: have %v, want %v", name, err, pooled.ErrForked)
				}
			}
			operation("Exec", func() error { _, err := tx.ExecContext(ctx, "DELETE"); return err })
			operation("Query", func() error { _, err := tx.QueryContext(ctx, "SELECT 1"); return err })
			operation("Prepare", func() error { _, err := tx.PrepareContext(ctx, "SELECT 1"); return err })
			operation("Stmt", func() error { _, err := tx.Stmt(stmt).ExecContext(ctx, 1); return err })
			operation("Ping", func() error { return conn.PingContext(ctx) })
			operation("Commit", tx.Commit)
			if err := errors.Join(stmt.Close(), conn.Close(), left.Close()); err != nil {
				t.Errorf("close: %v", err)
			}
			if have := pool.Stats().Open(); have != 0 {
				t.Errorf("have %d open in the child, want 0", have)
			}
			if have := number(t, db); have != 3 {
				t.Errorf("afterwards: have connection %d, want 3", have)
			}
			db.Close()
			want := []string{"c3 connect", "c3 query SELECT conn", "c3 close"}
			if have := fake.Log(); !slices.Equal(have, want) {
				t.Errorf("reached the server:\nhave %q\nwant %q", have, want)
			}
		})
	}
}

// grabAndGive leaves at least n server connections idle.
func grabAndGive(t testing.TB, db *sql.DB, n int) {
	t.Helper()
	var conns []*sql.Conn
	for range n {
		conn, _ := grab(t, db)
		conns = append(conns, conn)
	}
	pooledtest.Give(t, conns...)
}

// TestForkIdleInDatabaseSQL: in class direct database/sql itself has idle ones.
func TestForkIdleInDatabaseSQL(t *testing.T) {
	fake := pooledtest.NewFake(t, allowLeaks)
	db, pool := open(t, fake, class(pooled.ClassDirect))
	db.SetMaxIdleConns(8)
	grabAndGive(t, db, 8)
	fake.ResetLog()
	pretendFork(t)
	if have := number(t, db); have != 9 {
		t.Errorf("have connection %d, want 9", have)
	}
	if have := pool.Stats().Open(); have != 1 {
		t.Errorf("have %d open in the child, want 1", have)
	}
	db.Close()
	if have := pool.Stats().Open(); have != 0 {
		t.Errorf("have %d open in the child after Close, want 0", have)
	}
	want := []string{"c9 connect", "c9 query SELECT conn", "c9 close"}
	if have := fake.Log(); !slices.Equal(have, want) {
		t.Errorf("reached the server:\nhave %q\nwant %q", have, want)
	}
}

// TestForkUnusedLease: database/sql has a Conn with a lease that was never
// used, so nothing is lost when the child's Conn leases another.
func TestForkUnusedLease(t *testing.T) {
	fake := pooledtest.NewFake(t, allowLeaks)
	connector := connectorTo(t, fake, size(2, 0))
	connect := func() driver.Conn {
		conn, err := connector.Connect(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return conn
	}
	conns := []driver.Conn{connect(), connect()}
	fake.ResetLog()
	pretendFork(t)
	if _, err := conns[0].(driver.ExecerContext).ExecContext(t.Context(), "UPDATE", nil); err != nil {
		t.Error(err)
	}
	conns[0].(driver.Validator).IsValid()
	conns[0].Close()
	conns[1].Close()
	connect().Close() // unused too, but the child's own
	if have := connector.Pool().Stats(); have.Idle != 1 || have.CheckedOut != 0 {
		t.Errorf("in the child: have %+v, want one idle", have)
	}
	connector.Close()
	want := []string{"c3 connect", "c3 exec UPDATE", "c3 resetSession", "c3 close"}
	if have := fake.Log(); !slices.Equal(have, want) {
		t.Errorf("reached the server:\nhave %q\nwant %q", have, want)
	}
}

// TestForkTimers: the child has copies of the parent's timers, and they fire.
func TestForkTimers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := pooledtest.NewFake(t, allowLeaks)
		db, pool := open(t, fake, size(1, 10), noEnds(t))
		grabAndGive(t, db, 4)
		fake.ResetLog()
		pretendFork(t)
		time.Sleep(10 * pooled.NewConfig().IdleTimeout)
		synctest.Wait()
		db.Close()
		if have := fake.Log(); len(have) > 0 {
			t.Errorf("reached the server: %q", have)
		}
		if have := pool.Stats().Closed; have != 0 {
			t.Errorf("have %d closed in the child, want 0", have)
		}
	})
}

// TestForkDialInFlight: the child may have a copy of a goroutine that dials, and
// of one that is about to.
func TestForkDialInFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := pooledtest.NewFake(t, allowLeaks)
		fake.On(pooledtest.StageConnect, pooledtest.Hang().Times(1))
		db, _ := open(t, fake)
		result := make(chan error, 1)
		go func() { _, err := db.ExecContext(t.Context(), "UPDATE 1"); result <- err }()
		synctest.Wait()
		pretendFork(t)
		fake.Release()
		if err := <-result; !errors.Is(err, pooled.ErrForked) {
			t.Errorf("have %v, want %v", err, pooled.ErrForked)
		}
		pooledtest.MustExec(t, db, "UPDATE 2")
		db.Close()
		want := []string{"c1 connect", "c2 connect", "c2 exec UPDATE 2", "c2 close"}
		if have := fake.Log(); !slices.Equal(have, want) {
			t.Errorf("reached the server:\nhave %q\nwant %q", have, want)
		}
	})
}

// TestForkDuringOutage: the child probes nothing on the parent's account, and begins anew: it has never connected.
func TestForkDuringOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := pooledtest.NewFake(t)
		db, pool := open(t, fake, speaks("postgres"), outageWait(pooled.NoLimit), waitsLong)
		pooledtest.MustExec(t, db, "UPDATE")
		crash(fake)
		result := make(chan error, 1)
		go func() { _, err := db.Exec("UPDATE"); result <- err }()
		time.Sleep(time.Second)
		synctest.Wait()
		outages := pool.Stats().Outages
		back, _ := pretendFork(t)
		before := dials(fake)
		time.Sleep(time.Minute)
		if have := dials(fake); have != before {
			t.Errorf("%d probes in the child", have-before)
		}
		if s := pool.Stats(); outages != 1 || s.Outages != 0 || s.Probes != 0 {
			t.Errorf("have %d outages in the parent, and in the child %+v", outages, s)
		}
		if h := pool.Hosts()[0]; h.State != pooled.HostUnknown {
			t.Errorf("in the child: have %+v", h)
		}
		back()
		fake.ClearFaults()
		if err := <-result; err != nil {
			t.Errorf("in the parent: have %v", err)
		}
	})
}

// TestForkByHand: what was detached or invalidated is the parent's as well.
func TestForkByHand(t *testing.T) {
	fake := pooledtest.NewFake(t, allowLeaks)
	db, _ := open(t, fake, noEnds(t))
	ctx := t.Context()
	var conns []*sql.Conn
	for range 3 {
		conn, _ := grab(t, db)
		conns = append(conns, conn)
	}
	if err := errors.Join(pooled.Detach(ctx, conns[0]), pooled.Invalidate(conns[1], nil)); err != nil {
		t.Fatal(err)
	}
	fake.ResetLog()
	pretendFork(t)
	for name, f := range map[string]func() error{
		"Detach":         func() error { return pooled.Detach(ctx, conns[2]) },
		"SoftInvalidate": func() error { return pooled.SoftInvalidate(ctx, conns[2], nil) },
		"Raw":            func() error { return pooled.Raw(ctx, conns[2], func(driver.Conn) error { return nil }) },
	} {
		if err := f(); !errors.Is(err, pooled.ErrForked) {
			t.Errorf("%s: have %v, want %v", name, err, pooled.ErrForked)
		}
	}
	if err := pooled.Invalidate(conns[2], nil); err != nil {
		t.Errorf("Invalidate: %v", err)
	}
	pooledtest.Give(t, conns...)
	db.Close()
	if have := fake.Log(); len(have) > 0 {
		t.Errorf("reached the server: %q", have)
	}
}

// TestForkWithLocksHeld: what the parent's threads held at the fork is never released
// in the child, which must wait for none of it.
func TestForkWithLocksHeld(t *testing.T) {
	for _, c := range []pooled.Class{pooled.ClassQueue, pooled.ClassDirect} {
		t.Run(string(c), func(t *testing.T) {
			fake := pooledtest.NewFake(t, allowLeaks)
			db, pool := open(t, fake, class(c))
			stmt, err := db.Prepare("UPDATE ?")
			if err != nil {
				t.Fatal(err)
			}
			used, _ := grab(t, db)
			tx, err := db.Begin()
			if err != nil {
				t.Fatal(err)
			}
			idle, _ := grab(t, db)
			pooledtest.Give(t, idle)
			back, _ := pretendFork(t)
			unlock := pooled.LockForGood(pool)

			done := make(chan struct{})
			go func() {
				defer close(done)
				grabAndGive(t, db, 3)
				fake.On(pooledtest.StageQuery, pooledtest.BadConn().Times(2))
				number(t, db)
				mustExecStmt(t, stmt, 1)
				stmt.Close()
				used.PingContext(t.Context())
				used.Close()
				tx.Rollback()
				pool.Dispose()
				db.Close()
				pool.Stats()
			}()
			select {
			case <-done:
			case <-time.After(10 * time.Second):
				t.Error("the child waits for a lock of the parent's")
			}
			unlock()
			<-done
			back()
		})
	}
}

// A collectable is a connection that shows whether it was collected, as one with a
// finalizer would be.
type collectable struct {
	driver.Conn
	_ [1]byte
}

// collectables is a connector that remembers them without keeping them.
type collectables struct {
	pooledtest.Null
	made *[]weak.Pointer[collectable]
}

func (c collectables) Connect(ctx context.Context) (driver.Conn, error) {
	parent, err := c.Null.Connect(ctx)
	conn := &collectable{Conn: parent}
	*c.made = append(*c.made, weak.Make(conn))
	return conn, err
}

// collected opens connections, lets atFork happen, drops everything, waits until no timer
// of the pool's is left that could keep it, and counts what was collected.
func collected(t *testing.T, atFork func(*testing.T, *sql.DB)) (n, of int) {
	t.Helper()
	var made []weak.Pointer[collectable]
	synctest.Test(t, func(t *testing.T) {
		func() {
			db := sql.OpenDB(connectorTo(t, collectables{made: &made}, noRecycle))
			pooledtest.MustExec(t, db, "UPDATE") // leaves one idle
			atFork(t, db)
			db.Close()
		}()
		time.Sleep(24 * time.Hour)
		synctest.Wait()
		for range 5 { // a finalizer may free what has one itself
			runtime.GC()
		}
		for _, p := range made {
			if p.Value() == nil {
				n++
			}
		}
	})
	return n, len(made)
}

func TestForkAbandonedIsNeverCollected(t *testing.T) {
	for name, atFork := range map[string]func(*testing.T, *sql.DB){
		"idle": func(t *testing.T, _ *sql.DB) { pretendFork(t) },
		"detached": func(t *testing.T, db *sql.DB) {
			conn, err := db.Conn(t.Context())
			if err == nil {
				err = pooled.Detach(t.Context(), conn)
			}
			if err != nil {
				t.Fatal(err)
			}
			pretendFork(t)
			pooledtest.Give(t, conn)
		},
		"twice": func(t *testing.T, db *sql.DB) {
			pretendFork(t)
			pooledtest.MustExec(t, db, "UPDATE")
			pretendFork(t)
		},
	} {
		if have, of := collected(t, atFork); have != 0 {
			t.Errorf("%s: have %d of %d collected, want none", name, have, of)
		}
	}
	if have, of := collected(t, func(*testing.T, *sql.DB) {}); have != of {
		t.Errorf("without a fork: have %d of %d collected, want all, else this test shows nothing", have, of)
	}
}

// What a child of class direct leaves to its parent is in no count of the child's.
func TestForkCountsOfClassDirect(t *testing.T) {
	fake := pooledtest.NewFake(t, allowLeaks) // what the child leaves to its parent
	db, pool := open(t, fake, class(pooled.ClassDirect))
	idle, _ := grab(t, db)
	pooledtest.Give(t, idle)
	back, _ := pretendFork(t)
	defer back()
	held, _ := grab(t, db)
	if s := pool.Stats(); s.Idle != 0 || s.CheckedOut != 1 {
		t.Errorf("have %d idle and %d in use, want one in use", s.Idle, s.CheckedOut)
	}
	pooledtest.Give(t, held)
	if s := pool.Stats(); s.Idle != 1 || s.CheckedOut != 0 {
		t.Errorf("have %d idle and %d in use, want one idle", s.Idle, s.CheckedOut)
	}
	db.Close()
}
