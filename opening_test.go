package pooled_test

import (
	"cmp"
	"context"
	"database/sql/driver"
	"errors"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/internal/pooledtest"
)

func TestDialErrorReachesWhoseTurnItIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		refused := errors.New("connection refused")
		fake := pooledtest.NewFake(t)
		fake.On(pooledtest.StageConnect, pooledtest.Slow(time.Second).Then(pooledtest.Fail(refused)).Times(2))
		db, _ := open(t, fake, func(c *pooled.Config) { c.ConnectLimit = 1 })
		defer db.Close()
		results := make([]error, 3)
		var wg sync.WaitGroup
		for i := range results {
			wg.Go(func() { _, results[i] = db.ExecContext(t.Context(), "UPDATE") })
			synctest.Wait()
		}
		wg.Wait()
		if want := []error{refused, refused, nil}; !slices.Equal(results, want) {
			t.Errorf("have %v, want %v", results, want)
		}
	})
}

// lib/pq returns a nil *conn with its errors, which is not a nil driver.Conn.
func TestConnectThatReturnsATypedNil(t *testing.T) {
	db, _ := open(t, typedNil{})
	if err := db.Ping(); err != errTypedNil {
		t.Errorf("have %v, want %v itself", err, errTypedNil)
	}
}

type typedNil struct{ pooledtest.Null }

type nilConn struct{ driver.Conn }

var errTypedNil = errors.New("refused")

func (typedNil) Connect(context.Context) (driver.Conn, error) { return (*nilConn)(nil), errTypedNil }

func TestPanicInConnectIsAnError(t *testing.T) {
	fake := pooledtest.NewFake(t)
	fake.On(pooledtest.StageConnect, pooledtest.Panic("boom").Times(1))
	db, _ := open(t, fake)
	if err := db.Ping(); err == nil || !strings.Contains(err.Error(), "boom") {
		t.Errorf("have %v, want an error that tells of the panic", err)
	}
	if err := db.Ping(); err != nil {
		t.Errorf("after it: %v", err)
	}
}

// "Too many connections" is no caller's error while connections will come back.
func TestCeiling(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := pooledtest.NewFake(t, func(f *pooledtest.Fake) {
			f.MaxConns, f.TooManyConns = 3, stateError("53300")
		})
		db, pool := open(t, fake, speaks("postgres"))
		defer db.Close()
		var wg sync.WaitGroup
		for range 30 {
			wg.Go(func() { pooledtest.MustExec(t, db, "SLEEP 1s") })
		}
		time.Sleep(500 * time.Millisecond)
		if s := pool.Stats(); s.Ceiling != 3 || s.CheckedOut != 3 {
			t.Errorf("have %+v, want a ceiling of 3", s)
		}
		wg.Wait()
		if dialed := fake.Counts().Dialed; dialed > 16 {
			t.Errorf("have %d dials for a limit of 3 in 10s, want tries for more only now and then", dialed)
		}

		fake.MaxConns = 0
		time.Sleep(time.Minute)
		for range 30 {
			wg.Go(func() { pooledtest.MustExec(t, db, "SLEEP 1s") })
		}
		wg.Wait()
		if s := pool.Stats(); s.Ceiling != 0 {
			t.Errorf("have %+v, want no ceiling once the server accepts more", s)
		}
	})
}

// With nothing that could come back, waiting would be in vain.
func TestTooManyConnectionsIsAnErrorForAnEmptyPool(t *testing.T) {
	full := stateError("53300")
	fake := pooledtest.NewFake(t)
	fake.On(pooledtest.StageConnect, pooledtest.Fail(full))
	db, _ := open(t, fake, speaks("postgres"))
	if err := db.Ping(); err != error(full) {
		t.Errorf("have %v, want %v itself", err, full)
	}
}

// Nor is it an error while another dial is on its way: of the first dials, made
// at one time, some are refused before one is through.
func TestTooManyConnectionsDuringTheFirstDials(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := pooledtest.NewFake(t)
		fake.On(pooledtest.StageConnect, pooledtest.Slow(time.Millisecond).Then(
			pooledtest.Fail(stateError("53300"))).Times(3))
		fake.On(pooledtest.StageConnect, pooledtest.Slow(500*time.Millisecond).Times(1))
		fake.On(pooledtest.StageConnect, pooledtest.Fail(stateError("53300")))
		db, _ := open(t, fake, speaks("postgres"))
		defer db.Close()
		var wg sync.WaitGroup
		for range 10 {
			wg.Go(func() { pooledtest.MustExec(t, db, "SLEEP 1s") })
		}
		wg.Wait()
	})
}

type stateError string

func (e stateError) Error() string { return "state " + string(e) }

func (e stateError) SQLState() string { return string(e) }

func TestTimeoutError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := pooledtest.NewFake(t)
		db, _ := open(t, fake, size(1, 1), func(c *pooled.Config) { c.Timeout, c.Name = 2*time.Second, "orders" })
		defer db.Close()
		a, _ := grab(t, db)
		b, _ := grab(t, db)
		defer pooledtest.Give(t, a, b)

		began := time.Now()
		_, err := db.ExecContext(t.Context(), "UPDATE")
		if waited := time.Since(began); waited != 2*time.Second {
			t.Errorf("waited %v, want 2s, once", waited)
		}
		var timeout *pooled.TimeoutError
		if !errors.As(err, &timeout) || !errors.Is(err, pooled.ErrTimeout) || errors.Is(err, driver.ErrBadConn) {
			t.Fatalf("have %v, want a TimeoutError that is ErrTimeout and not ErrBadConn", err)
		}
		holders := []pooled.Holder{
			{Conn: 1, Statement: "SELECT conn", Held: 2 * time.Second}, {Conn: 2, Statement: "SELECT conn",
				Held: 2 * time.Second},
		}
		slices.SortFunc(timeout.Holders, func(a, b pooled.Holder) int { return cmp.Compare(a.Conn, b.Conn) })
		want := pooled.TimeoutError{Pool: "orders", Phase: pooled.PhaseWaiting, Size: 1, MaxOverflow: 1, CheckedOut: 2,
			Waiting: 1, Waited: 2 * time.Second, Limit: 2 * time.Second, Holders: holders}
		if !reflect.DeepEqual(*timeout, want) {
			t.Errorf("have %+v\nwant %+v", *timeout, want)
		}
		text := `pooled: pool "orders": timeout waiting for a connection: waited 2s (pool_timeout=2s): ` +
			`size 1, overflow 1, checked out 2, idle 0, opening 0, waiting 1; ` +
			`held longest: conn 1 for 2s: SELECT conn, conn 2 for 2s: SELECT conn` // as in docs/leaks.md
		if err.Error() != text {
			t.Errorf("have %q\nwant %q", err, text)
		}
	})
}

// A server that is slower to let us in than pool_timeout is still reached: the
// dial goes on and serves a later caller.
func TestDialOutlivesPoolTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := pooledtest.NewFake(t)
		fake.On(pooledtest.StageConnect, pooledtest.Slow(4500*time.Millisecond))
		db, _ := open(t, fake, func(c *pooled.Config) { c.Timeout = time.Second })
		defer db.Close()
		var failed int
		for db.PingContext(t.Context()) != nil {
			if failed++; failed > 10 {
				t.Fatal("the server is never reached")
			}
		}
		if failed != 4 {
			t.Errorf("have %d timeouts, want 4 before the dial of 4.5s is through", failed)
		}
	})
}

// A dial into the void gives its place up in the end.
func TestDialTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := pooledtest.NewFake(t)
		fake.On(pooledtest.StageConnect, pooledtest.Hang().Times(1))
		db, _ := open(t, fake, func(c *pooled.Config) { c.ConnectLimit, c.Timeout = 1, 10*time.Second })
		defer db.Close()
		began := time.Now()
		for db.PingContext(t.Context()) != nil {
		}
		if waited := time.Since(began); waited != 30*time.Second {
			t.Errorf("waited %v, want 30s", waited)
		}
	})
}

func TestTimeoutWhileOpening(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := pooledtest.NewFake(t)
		fake.On(pooledtest.StageConnect, pooledtest.Slow(time.Hour))
		db, _ := open(t, fake, func(c *pooled.Config) { c.Timeout = time.Second })
		defer db.Close()
		var timeout *pooled.TimeoutError
		if err := db.PingContext(t.Context()); !errors.As(err, &timeout) || timeout.Phase != pooled.PhaseOpening {
			t.Errorf("have %v, want a TimeoutError in phase %q", err, pooled.PhaseOpening)
		}
	})
}

// A full server is told apart from a full pool by the error's cause.
func TestTimeoutErrorHasTheServersRefusal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := pooledtest.NewFake(t, func(f *pooledtest.Fake) { f.MaxConns, f.TooManyConns = 1, stateError("53300") })
		db, _ := open(t, fake, speaks("postgres"))
		defer db.Close()
		held, _ := grab(t, db)
		defer pooledtest.Give(t, held)
		var timeout *pooled.TimeoutError
		if err := db.PingContext(t.Context()); !errors.As(err, &timeout) || timeout.Err != error(stateError("53300")) {
			t.Errorf("have %v, want a TimeoutError with the server's word", err)
		}
	})
}

func TestTimeoutZeroAndNone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := pooledtest.NewFake(t)
		fake.On(pooledtest.StageConnect, pooledtest.Slow(20*time.Second))
		db, _ := open(t, fake, size(1, 0), func(c *pooled.Config) { c.Timeout = 0 })
		defer db.Close()
		held, _ := grab(t, db) // opening takes its time: that is not a wait for somebody else's
		began := time.Now()
		if err := db.PingContext(t.Context()); !errors.Is(err, pooled.ErrTimeout) || time.Since(began) != 0 {
			t.Errorf("pool_timeout=0: have %v after %v, want ErrTimeout at once", err, time.Since(began))
		}
		pooledtest.Give(t, held)

		db, _ = open(t, fake, size(1, 0), func(c *pooled.Config) { c.Timeout = -1 })
		defer db.Close()
		held, _ = grab(t, db)
		time.AfterFunc(24*time.Hour, func() { held.Close() })
		if err := db.PingContext(t.Context()); err != nil {
			t.Errorf("pool_timeout=-1: have %v, want success after a day", err)
		}
	})
}

// A stale connection is replaced also if there is no place for another while it
// is being closed, and no time to wait.
func TestStaleConnectionWithoutTimeToWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := pooledtest.NewFake(t)
		db, _ := open(t, fake, size(1, 0), func(c *pooled.Config) { c.Timeout = 0 })
		defer db.Close()
		pooledtest.MustExec(t, db, "UPDATE")
		fake.Kill(nil)
		fake.On(pooledtest.StageClose, pooledtest.Slow(time.Second).Times(1))
		pooledtest.MustExec(t, db, "UPDATE")
	})
}
