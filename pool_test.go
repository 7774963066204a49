package pooled_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"math/rand/v2"
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
			synctest.Wait() // it stands in the queue now
		}
		if have := pool.Stats().Waiting; have != 10 {
			t.Errorf("waiting: have %d, want 10", have)
		}
		pooledtest.Give(t, held)
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
		if err := <-results; !errors.Is(err, context.Canceled) {
			t.Errorf("have %v, want context.Canceled", err)
		}
		if have := pool.Stats().Waiting; have != 1 {
			t.Errorf("waiting: have %d, want 1", have)
		}
		pooledtest.Give(t, held)
		if err := <-results; err != nil {
			t.Errorf("the next in the queue: %v", err)
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
			wg.Go(func() { pooledtest.MustExec(t, db, fmt.Sprint("UPDATE ", i)) })
			synctest.Wait()
		}
		fake.On(pooledtest.StageResetSession, pooledtest.BadConn().Times(1))
		// no dial is done before who needs it is in the queue again
		fake.On(pooledtest.StageConnect, pooledtest.Slow(time.Millisecond))
		pooledtest.Give(t, held)
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
			pooledtest.Give(t, a, b, c)
			var have []int
			var conns []*sql.Conn
			for range 3 {
				conn, n := grab(t, db)
				conns, have = append(conns, conn), append(have, n)
			}
			pooledtest.Give(t, conns...)
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
				pooledtest.Give(t, conns...)
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
			pooledtest.Give(t, a, b)
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
		pooledtest.Give(t, a, b)
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
		pooledtest.Give(t, held)
		if n := <-got; n != 1 || time.Since(began) != 0 {
			t.Errorf("have connection %d after %v, want 1 at once", n, time.Since(began))
		}
		time.Sleep(2 * time.Second)
		if s := pool.Stats(); s.Idle != 2 {
			t.Errorf("have %+v, want the dialed one idle too", s)
		}
	})
}

// database/sql can put a Conn with an unused lease into its free list. The
// pool takes it back when there is nothing else, and the Conn leases again.
func TestUnusedLeaseIsTakenBack(t *testing.T) {
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
		pooledtest.Give(t, conn)
		if err := <-result; err != nil {
			t.Errorf("the connection whose lease was taken back: %v", err)
		}
		unused.(driver.Validator).IsValid()
		unused.Close()
	})
}

// Conns that take their time between Connect and their first operation lose and
// regain their leases all the time; the fake sees to it that no two ever have one
// server connection.
func TestUnusedLeasesAreTakenBackUnderLoad(t *testing.T) {
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

func TestUsedLeaseIsNotTakenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := pooledtest.NewFake(t)
		db, _ := open(t, fake, size(1, 0))
		defer db.Close()
		held, _ := grab(t, db)
		defer pooledtest.Give(t, held)
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
