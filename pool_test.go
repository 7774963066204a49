package pooled_test

import (
	"cmp"
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"math/rand/v2"
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

// No moment sees more than size + overflow, counting those being opened and
// being closed: the fake's server refuses one more.
func TestLimitCountsOpeningAndClosing(t *testing.T) {
	const limit = 4
	fake := pooledtest.NewFake(t, func(f *pooledtest.Fake) { f.MaxConns = limit })
	fake.On(pooledtest.StageConnect, pooledtest.Slow(200*time.Microsecond))
	fake.On(pooledtest.StageClose, pooledtest.Slow(300*time.Microsecond))
	fake.On(pooledtest.StageExec, pooledtest.Fail(driver.ErrBadConn).Skip(3).Match("UNLUCKY"))
	db, pool := open(t, fake, size(2, limit-2), func(c *pooled.Config) { c.IdleTimeout = time.Millisecond })

	var wg sync.WaitGroup
	for range 32 {
		wg.Go(func() {
			for range 40 {
				conn, err := db.Conn(context.Background())
				if err != nil {
					t.Errorf("Conn: %v", err)
					return
				}
				text := "UPDATE"
				if rand.IntN(4) == 0 {
					text = "UNLUCKY"
				}
				conn.ExecContext(context.Background(), text)
				if s := pool.Stats(); s.Open()+s.Opening+s.Closing > limit {
					t.Errorf("have %+v, want at most %d in all", s, limit)
				}
				conn.Close()
			}
		})
	}
	wg.Wait()
	if c := fake.Counts(); c.MaxOpen > limit || c.MaxOpen < 2 {
		t.Errorf("most open: have %d, want up to %d", c.MaxOpen, limit)
	}
}

func TestWaitersAreServedFirstComeFirstServed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := pooledtest.NewFake(t)
		db, pool := open(t, fake, size(1, 0))
		defer db.Close()
		held, _ := grab(t, db)

		var mu sync.Mutex
		var order []int
		var wg sync.WaitGroup
		for i := range 10 {
			wg.Go(func() {
				conn, err := db.Conn(t.Context())
				if err != nil {
					t.Errorf("waiter %d: %v", i, err)
					return
				}
				number(t, conn)
				mu.Lock()
				order = append(order, i)
				mu.Unlock()
				conn.Close()
			})
			synctest.Wait() // it stands in line now
		}
		if have := pool.Stats().Waiting; have != 10 {
			t.Errorf("waiting: have %d, want 10", have)
		}
		give(t, held)
		wg.Wait()
		if want := []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}; !slices.Equal(order, want) {
			t.Errorf("have %v, want %v", order, want)
		}
	})
}

func TestWaiterLeavesWhenItsContextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := pooledtest.NewFake(t)
		db, pool := open(t, fake, size(1, 0))
		defer db.Close()
		held, _ := grab(t, db)

		ctx, cancel := context.WithCancel(t.Context())
		results := make(chan error, 2)
		go func() { _, err := db.ExecContext(ctx, "UPDATE 1"); results <- err }()
		synctest.Wait()
		go func() { _, err := db.ExecContext(t.Context(), "UPDATE 2"); results <- err }()
		synctest.Wait()

		cancel()
		synctest.Wait()
		if err := <-results; err != context.Canceled {
			t.Errorf("have %v, want context.Canceled itself", err)
		}
		if have := pool.Stats().Waiting; have != 1 {
			t.Errorf("waiting: have %d, want 1", have)
		}
		give(t, held)
		if err := <-results; err != nil {
			t.Errorf("the next in line: %v", err)
		}
	})
}

// A waiter whose turn brought it a dead connection keeps its place.
func TestWaiterKeepsItsPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := pooledtest.NewFake(t)
		db, _ := open(t, fake, size(1, 0))
		defer db.Close()
		held, _ := grab(t, db)
		var wg sync.WaitGroup
		for i := range 2 {
			wg.Go(func() { mustExec(t, db, fmt.Sprint("UPDATE ", i)) })
			synctest.Wait()
		}
		fake.On(pooledtest.StageResetSession, pooledtest.BadConn().Times(1))
		fake.On(pooledtest.StageConnect, pooledtest.Slow(time.Millisecond)) // no dial is done before who needs it is in line again
		give(t, held)
		wg.Wait()
		if log := strings.Join(fake.Log(), "\n"); strings.Index(log, "UPDATE 0") > strings.Index(log, "UPDATE 1") {
			t.Errorf("have\n%s\nwant UPDATE 0 before UPDATE 1", log)
		}
	})
}

func TestReuseOrder(t *testing.T) {
	for lifo, want := range map[bool][]int{true: {3, 2, 1}, false: {1, 2, 3}} {
		t.Run(fmt.Sprintf("lifo=%t", lifo), func(t *testing.T) {
			fake := pooledtest.NewFake(t)
			db, _ := open(t, fake, func(c *pooled.Config) { c.UseLIFO = lifo })
			db.SetMaxIdleConns(10)
			a, _ := grab(t, db)
			b, _ := grab(t, db)
			c, _ := grab(t, db)
			give(t, a, b, c)
			var have []int
			var conns []*sql.Conn
			for range 3 {
				conn, n := grab(t, db)
				conns, have = append(conns, conn), append(have, n)
			}
			give(t, conns...)
			if !slices.Equal(have, want) {
				t.Errorf("have %v, want %v", have, want)
			}
		})
	}
}

// Overflow is not closed at once, but after pool_idle_timeout, and no sooner;
// what is within pool_size stays.
func TestOverflowLingers(t *testing.T) {
	for _, timeout := range []time.Duration{time.Minute, 0, -1} {
		t.Run(timeout.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				fake := pooledtest.NewFake(t)
				db, pool := open(t, fake, size(2, -1), func(c *pooled.Config) { c.IdleTimeout = timeout })
				defer db.Close()
				var conns []*sql.Conn
				for range 6 {
					conn, _ := grab(t, db)
					conns = append(conns, conn)
				}
				give(t, conns...)
				wantIdle := func(when string, want int) {
					t.Helper()
					synctest.Wait()
					if have := pool.Stats().Idle; have != want {
						t.Errorf("%s: idle: have %d, want %d", when, have, want)
					}
				}
				if timeout == 0 {
					wantIdle("on return", 2)
					return
				}
				wantIdle("on return", 6)
				time.Sleep(time.Minute - time.Nanosecond)
				wantIdle("before the timeout", 6)
				time.Sleep(time.Minute/4 + time.Second)
				if timeout < 0 {
					wantIdle("without a timeout", 6)
					return
				}
				wantIdle("after the timeout and a quarter", 2)
				time.Sleep(time.Hour)
				wantIdle("an hour later", 2)
			})
		})
	}
}

// A server connection in use every now and then is not idle.
func TestOverflowInUseIsNotSwept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := pooledtest.NewFake(t)
		db, pool := open(t, fake, size(1, -1))
		defer db.Close()
		for range 20 {
			a, _ := grab(t, db)
			b, _ := grab(t, db)
			time.Sleep(20 * time.Second)
			give(t, a, b)
		}
		if s := pool.Stats(); s.Opened != 2 {
			t.Errorf("opened: have %d, want 2", s.Opened)
		}
	})
}

func TestMinIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := pooledtest.NewFake(t)
		fake.On(pooledtest.StageConnect, pooledtest.Fail(errors.New("not yet")).Times(4))
		db, pool := open(t, fake, size(5, -1), func(c *pooled.Config) { c.MinIdle = 3 })
		defer db.Close()
		wantIdle := func(when string, want int) {
			t.Helper()
			synctest.Wait()
			if have := pool.Stats().Idle; have != want {
				t.Errorf("%s: idle: have %d, want %d", when, have, want)
			}
		}
		wantIdle("while the server refuses", 0)
		time.Sleep(10 * time.Second)
		wantIdle("when it no longer does", 3)

		a, _ := grab(t, db)
		b, _ := grab(t, db)
		wantIdle("with two in use", 3)
		give(t, a, b)
		wantIdle("with those back", 5)
		time.Sleep(time.Hour)
		wantIdle("an hour later", 5)
	})
}

func TestMinIdleIsKeptWhenOverflowIsSwept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := pooledtest.NewFake(t)
		db, pool := open(t, fake, size(1, 7), noRecycle, func(c *pooled.Config) { c.MinIdle = 4 })
		defer db.Close()
		time.Sleep(time.Hour)
		if have := pool.Stats(); have.Idle != 4 || have.Opened != 4 {
			t.Errorf("have %+v, want 4 idle and never more opened", have)
		}
	})
}

// A caller takes whatever comes first; the dial that was begun for it serves
// somebody else, or is laid down.
func TestWaiterTakesWhatComesFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := pooledtest.NewFake(t)
		fake.On(pooledtest.StageConnect, pooledtest.Slow(time.Second).Skip(1))
		db, pool := open(t, fake)
		defer db.Close()
		held, _ := grab(t, db)
		began := time.Now()
		got := make(chan int)
		go func() {
			conn, n := grab(t, db)
			conn.Close()
			got <- n
		}()
		synctest.Wait()
		give(t, held)
		if n := <-got; n != 1 || time.Since(began) != 0 {
			t.Errorf("have connection %d after %v, want 1 at once", n, time.Since(began))
		}
		time.Sleep(2 * time.Second)
		if s := pool.Stats(); s.Idle != 2 {
			t.Errorf("have %+v, want the dialed one idle too", s)
		}
	})
}

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
			wg.Go(func() { mustExec(t, db, "SLEEP 1s") })
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
			wg.Go(func() { mustExec(t, db, "SLEEP 1s") })
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
		fake.On(pooledtest.StageConnect, pooledtest.Slow(time.Millisecond).Then(pooledtest.Fail(stateError("53300"))).Times(3))
		fake.On(pooledtest.StageConnect, pooledtest.Slow(500*time.Millisecond).Times(1))
		fake.On(pooledtest.StageConnect, pooledtest.Fail(stateError("53300")))
		db, _ := open(t, fake, speaks("postgres"))
		defer db.Close()
		var wg sync.WaitGroup
		for range 10 {
			wg.Go(func() { mustExec(t, db, "SLEEP 1s") })
		}
		wg.Wait()
	})
}

type stateError string

func (e stateError) Error() string    { return "state " + string(e) }
func (e stateError) SQLState() string { return string(e) }

func TestTimeoutError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := pooledtest.NewFake(t)
		db, _ := open(t, fake, size(1, 1), func(c *pooled.Config) { c.Timeout, c.Name = 2*time.Second, "orders" })
		defer db.Close()
		a, _ := grab(t, db)
		b, _ := grab(t, db)
		defer give(t, a, b)

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
			{Conn: 1, Statement: "SELECT conn", Held: 2 * time.Second}, {Conn: 2, Statement: "SELECT conn", Held: 2 * time.Second},
		}
		slices.SortFunc(timeout.Holders, func(a, b pooled.Holder) int { return cmp.Compare(a.Conn, b.Conn) })
		want := pooled.TimeoutError{Pool: "orders", Phase: pooled.PhaseWaiting, Size: 1, MaxOverflow: 1, CheckedOut: 2,
			Waiting: 1, Waited: 2 * time.Second, Limit: 2 * time.Second, Holders: holders}
		if !reflect.DeepEqual(*timeout, want) {
			t.Errorf("have %+v\nwant %+v", *timeout, want)
		}
		text := `pooled: pool "orders": timeout waiting for a connection: waited 2s (pool_timeout=2s): size 1, overflow 1, checked out 2, idle 0, opening 0, waiting 1; held longest: conn 1 for 2s: SELECT conn, conn 2 for 2s: SELECT conn` // as in docs/leaks.md
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
		defer give(t, held)
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
		give(t, held)

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
		mustExec(t, db, "UPDATE")
		fake.Kill(nil)
		fake.On(pooledtest.StageClose, pooledtest.Slow(time.Second).Times(1))
		mustExec(t, db, "UPDATE")
	})
}

func TestClassNull(t *testing.T) {
	fake := pooledtest.NewFake(t)
	db, pool := open(t, fake, class(pooled.ClassNull))
	for want := 1; want <= 3; want++ {
		conn, have := grab(t, db)
		give(t, conn)
		if have != want {
			t.Errorf("have connection %d, want a new one each time: %d", have, want)
		}
	}
	db.Close()
	if s := pool.Stats(); s.Opened != 3 || s.Closed != 3 || s.Idle != 0 {
		t.Errorf("have %+v, want 3 opened and closed", s)
	}
}

// In class null a dial whose caller gave up is not kept either.
func TestClassNullKeepsNothingNobodyWants(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := pooledtest.NewFake(t)
		fake.On(pooledtest.StageConnect, pooledtest.Slow(time.Second))
		db, pool := open(t, fake, class(pooled.ClassNull))
		defer db.Close()
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if err := db.PingContext(ctx); err != context.DeadlineExceeded {
			t.Errorf("have %v, want context.DeadlineExceeded", err)
		}
		time.Sleep(2 * time.Second)
		if s := pool.Stats(); s.Opened != 1 || s.Closed != 1 || s.Idle != 0 {
			t.Errorf("have %+v, want it closed", s)
		}
	})
}

func TestClassStatic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := pooledtest.NewFake(t)
		db, pool := open(t, fake, noRecycle, class(pooled.ClassStatic))
		defer db.Close()
		var wg sync.WaitGroup
		for range 10 {
			wg.Go(func() { mustExec(t, db, "SLEEP 1s") })
		}
		wg.Wait()
		time.Sleep(24 * time.Hour)
		mustExec(t, db, "UPDATE")
		if s := pool.Stats(); s.Opened != 1 {
			t.Errorf("have %+v, want one connection ever", s)
		}
	})
}

func TestClassAssert(t *testing.T) {
	fake := pooledtest.NewFake(t)
	db, _ := open(t, fake, class(pooled.ClassAssert))
	first, _ := grabFirst(t, db)
	_, err := db.Exec("UPDATE")
	var assert *pooled.AssertError
	if !errors.As(err, &assert) || !strings.Contains(assert.Stack, "grabFirst") || !strings.Contains(err.Error(), "pool_test.go") {
		t.Errorf("have %v, want an AssertError with the stack of grabFirst", err)
	}
	give(t, first)
	mustExec(t, db, "UPDATE")
}

func grabFirst(t *testing.T, db *sql.DB) (*sql.Conn, int) { return grab(t, db) }

func TestClassDirect(t *testing.T) {
	fake := pooledtest.NewFake(t)
	db, pool := open(t, fake, class(pooled.ClassDirect))
	db.SetMaxOpenConns(2)
	db.SetMaxIdleConns(2)
	a, _ := grab(t, db)
	b, _ := grab(t, db)
	mustExec(t, a, "BEGIN")
	give(t, a, b)
	if have := fake.Counts().Open; have != 2 {
		t.Errorf("open: have %d, want both kept by database/sql", have)
	}
	mustExec(t, db, "UPDATE")
	if s := pool.Stats(); s.Opened != 2 {
		t.Errorf("have %+v, want 2 opened", s)
	}
	db.SetMaxIdleConns(-1)
	if have := fake.Counts().Open; have != 0 {
		t.Errorf("open: have %d, want what database/sql closes closed", have)
	}
	wantLog(t, fake, "c1 connect", "c1 query SELECT conn", "c2 connect", "c2 query SELECT conn", "c1 exec BEGIN",
		"c1 exec ROLLBACK", "c2 resetSession", "c2 exec UPDATE")
}

func TestCloseWakesWaiters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := pooledtest.NewFake(t)
		db, pool := open(t, fake, size(2, 0))
		a, _ := grab(t, db)
		b, _ := grab(t, db)
		give(t, b)
		b, _ = grab(t, db)
		results := make(chan error, 10)
		for range cap(results) {
			go func() { _, err := db.ExecContext(t.Context(), "UPDATE"); results <- err }()
		}
		synctest.Wait()
		began := time.Now()
		if err := db.Close(); err != nil || time.Since(began) != 0 {
			t.Errorf("Close: have %v after %v, want nil at once", err, time.Since(began))
		}
		for range cap(results) {
			if err := <-results; !errors.Is(err, pooled.ErrClosed) {
				t.Errorf("have %v, want ErrClosed", err)
			}
		}
		if have := fake.Counts().Open; have != 2 {
			t.Errorf("open: have %d, want the two in use", have)
		}
		a.Close()
		b.Close()
		if s := pool.Stats(); s.Open()+s.Closing != 0 || fake.Counts().Open != 0 {
			t.Errorf("have %+v, want everything closed on return", s)
		}
		if have := fake.Counts().ConnectorCloses; have != 1 {
			t.Errorf("parent connector closed %d times, want once", have)
		}
	})
}

func TestCloseEndsDials(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := pooledtest.NewFake(t)
		fake.On(pooledtest.StageConnect, pooledtest.Hang())
		db, _ := open(t, fake)
		result := make(chan error)
		go func() { result <- db.PingContext(t.Context()) }()
		synctest.Wait()
		db.Close()
		if err := <-result; !errors.Is(err, pooled.ErrClosed) {
			t.Errorf("have %v, want ErrClosed", err)
		}
	})
}

// A parent that hangs can't make Close hang.
func TestCloseDoesNotHang(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := pooledtest.NewFake(t)
		db, _ := open(t, fake)
		mustExec(t, db, "UPDATE")
		fake.On(pooledtest.StageClose, pooledtest.Hang())
		began := time.Now()
		db.Close()
		if waited := time.Since(began); waited != 5*time.Second {
			t.Errorf("waited %v, want 5s", waited)
		}
		fake.Release()
	})
}

func TestCloseGivesTheParentsErrors(t *testing.T) {
	broken := errors.New("goodbye failed")
	fake := pooledtest.NewFake(t)
	fake.On(pooledtest.StageClose, pooledtest.Fail(broken))
	db, _ := open(t, fake)
	mustExec(t, db, "UPDATE")
	if err := db.Close(); !errors.Is(err, broken) {
		t.Errorf("have %v, want %v", err, broken)
	}
}

// Two pools on top of each other can't starve each other: the Conns in
// database/sql's free list hold nothing.
func TestIdleConnsHoldNothing(t *testing.T) {
	fake := pooledtest.NewFake(t)
	db, pool := open(t, fake, size(1, 0))
	db.SetMaxIdleConns(10)
	// With two Conns that database/sql takes for idle, the second borrows what
	// the first gave back, and the other way round.
	a, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	number(t, a)
	result := make(chan *sql.Conn)
	go func() {
		b, err := db.Conn(context.Background())
		if err != nil {
			t.Error(err)
		}
		result <- b
	}()
	for pool.Stats().Waiting == 0 {
		time.Sleep(time.Millisecond)
	}
	give(t, a)
	give(t, <-result)
	if have := db.Stats().Idle; have != 2 {
		t.Fatalf("idle for database/sql: have %d, want 2", have)
	}
	if s := pool.Stats(); s.Idle != 1 || s.CheckedOut != 0 {
		t.Errorf("have %+v, want the one idle", s)
	}
	for range 3 {
		conn, _ := grab(t, db)
		give(t, conn)
	}
}

// database/sql can put a Conn with an unused borrow into its free list. The
// pool takes it back when there is nothing else, and the Conn borrows again.
func TestUnusedBorrowIsTakenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := pooledtest.NewFake(t)
		connector := connectorTo(t, fake, size(1, 0))
		unused, err := connector.Connect(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		db := sql.OpenDB(connector)
		defer db.Close()
		conn, n := grab(t, db)
		if n != 1 {
			t.Errorf("have connection %d, want 1", n)
		}
		result := make(chan error)
		go func() {
			_, err := unused.(driver.ExecerContext).ExecContext(t.Context(), "UPDATE", nil)
			result <- err
		}()
		synctest.Wait()
		give(t, conn)
		if err := <-result; err != nil {
			t.Errorf("the Conn whose borrow was taken back: %v", err)
		}
		unused.(driver.Validator).IsValid()
		unused.Close()
	})
}

// Conns that take their time between Connect and their first operation lose and
// regain their borrows all the time; the fake sees to it that no two ever have one
// server connection.
func TestUnusedBorrowsAreTakenBackUnderLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := pooledtest.NewFake(t)
		connector := connectorTo(t, fake, size(2, 0))
		defer connector.Close()
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				for range 50 {
					c, err := connector.Connect(t.Context())
					if err != nil {
						t.Errorf("Connect: %v", err)
						return
					}
					time.Sleep(rand.N(50 * time.Millisecond))
					conn := c.(*pooled.Conn)
					if _, err := conn.ExecContext(t.Context(), "SLEEP 1ms", nil); err != nil {
						t.Errorf("ExecContext: %v", err)
					}
					conn.IsValid()
					conn.Close()
				}
			})
		}
		wg.Wait()
		if s := connector.Pool().Stats(); s.Idle != 2 || s.CheckedOut != 0 || s.Opened != 2 {
			t.Errorf("have %+v, want both idle", s)
		}
	})
}

func TestUsedBorrowIsNotTakenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := pooledtest.NewFake(t)
		db, _ := open(t, fake, size(1, 0))
		defer db.Close()
		held, _ := grab(t, db)
		defer give(t, held)
		if err := db.PingContext(t.Context()); !errors.Is(err, pooled.ErrTimeout) {
			t.Errorf("have %v, want ErrTimeout", err)
		}
	})
}

// A waiter that is delivered to while its context ends passes it on.
func TestDeliveryIsNeverLost(t *testing.T) {
	fake := pooledtest.NewFake(t)
	db, pool := open(t, fake, size(1, 0))
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 300 {
				ctx, cancel := context.WithTimeout(context.Background(), time.Duration(rand.IntN(60))*time.Microsecond)
				db.ExecContext(ctx, "UPDATE")
				cancel()
			}
		})
	}
	wg.Wait()
	if err := db.Ping(); err != nil {
		t.Error(err)
	}
	if s := pool.Stats(); s.Idle != 1 || s.CheckedOut != 0 || s.Waiting != 0 {
		t.Errorf("have %+v, want the one idle", s)
	}
}

func TestZeroConfigIsRefused(t *testing.T) {
	_, err := pooled.NewConnector(pooledtest.Null{}, pooled.Config{})
	if err == nil || !strings.Contains(err.Error(), "NewConfig") {
		t.Errorf("have %v, want an error that names NewConfig", err)
	}
}
