package pooled_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/internal/pooledtest"
)

// timeout sets pool_timeout.
func timeout(d time.Duration) func(*pooled.Config) { return func(c *pooled.Config) { c.Timeout = d } }

// unused is a Conn that was given a connection by Connect and has not used it.
func unused(t testing.TB, connector *pooled.Connector) *pooled.Conn {
	t.Helper()
	c, err := connector.Connect(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return c.(*pooled.Conn)
}

// giveUp is what database/sql does with a Conn that it does not keep.
func giveUp(c *pooled.Conn) {
	c.IsValid()
	c.Close()
}

// execAsync starts a statement, and returns when its caller waits for a connection, or has got all it wanted.
func execAsync(t testing.TB, db *sql.DB) <-chan error {
	t.Helper()
	done := make(chan error, 1)
	go func() {
		_, err := db.ExecContext(context.Background(), "UPDATE")
		done <- err
	}()
	synctest.Wait()
	return done
}

// A connection that becomes idle, in whatever way, goes to who waits.
func TestNobodyWaitsWhileOneIsIdle(t *testing.T) {
	for name, happens := range map[string]func(t *testing.T, connector *pooled.Connector, born time.Time){
		// The first connection falls due. It is in use, and the second was given to a Conn that has not used it.
		"recycling": func(_ *testing.T, _ *pooled.Connector, born time.Time) {
			time.Sleep(time.Until(born.Add(time.Hour - 10*time.Second)))
		},
		"Dispose":        func(_ *testing.T, c *pooled.Connector, _ time.Time) { c.Pool().Dispose() },
		"InvalidateConn": func(_ *testing.T, c *pooled.Connector, _ time.Time) { c.Pool().InvalidateConn(2, nil) },
		"the time after which a lease that nobody uses is taken back": func(*testing.T, *pooled.Connector, time.Time) {
			time.Sleep(time.Second)
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				connector := connectorTo(t, pooledtest.NewFake(t), size(2, 0), recycle(time.Hour, pooled.Jitter{}), timeout(-1))
				db := sql.OpenDB(connector)
				defer db.Close()
				born := time.Now()
				held, _ := grab(t, db)
				defer pooledtest.Give(t, held)
				time.Sleep(10 * time.Minute)
				idle := unused(t, connector)
				defer giveUp(idle)
				time.Sleep(time.Until(born.Add(time.Hour - 10*time.Second - 5*time.Millisecond)))
				done := execAsync(t, db)
				if name != "the time after which a lease that nobody uses is taken back" {
					if s := connector.Pool().Stats(); s.Waiting != 1 {
						t.Fatalf("have %+v, want one that waits", s)
					}
				}
				happens(t, connector, born)
				synctest.Wait()
				if s := connector.Pool().Stats(); s.Waiting > 0 {
					t.Fatalf("have %+v, want nobody to wait", s)
				}
				if err := <-done; err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// The same, whatever happens in whatever order: at each moment at which nothing moves, either nothing is idle or
// nobody waits, and nobody waits where another connection may be opened.
func TestNobodyWaitsInVain(t *testing.T) {
	for seed := range uint64(20) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { waitInVain(t, rand.New(rand.NewPCG(seed, 3))) })
		})
	}
}

func waitInVain(t *testing.T, random *rand.Rand) {
	const limit = 3
	fake := pooledtest.NewFake(t)
	fake.On(pooledtest.StageConnect, pooledtest.Slow(time.Millisecond))
	connector := connectorTo(t, fake, size(2, limit-2), timeout(-1), func(c *pooled.Config) {
		c.Recycle, c.RecycleJitter, c.IdleTimeout = 2*time.Second, pooled.Jitter{Percent: 50}, 300*time.Millisecond
	})
	pool := connector.Pool()
	db := sql.OpenDB(connector)
	defer db.Close()
	var users sync.WaitGroup
	defer users.Wait()
	use := func(ctx context.Context, before, during time.Duration) {
		defer users.Done()
		c, err := connector.Connect(ctx)
		if err != nil {
			return
		}
		defer giveUp(c.(*pooled.Conn))
		time.Sleep(before)
		c.(*pooled.Conn).ExecContext(ctx, fmt.Sprintf("SLEEP %v", during), nil)
	}
	some := func(most time.Duration) time.Duration { return time.Duration(random.Int64N(int64(most))) }
	for range 150 {
		switch random.IntN(12) {
		case 0:
			pool.Dispose()
		case 1:
			pool.InvalidateConn(random.Uint64N(pool.Stats().Opened+1), nil)
		case 2:
			fake.Kill(driver.ErrBadConn)
		case 3:
			ctx, cancel := context.WithTimeout(context.Background(), some(50*time.Millisecond))
			defer cancel()
			users.Add(1)
			go use(ctx, some(20*time.Millisecond), some(100*time.Millisecond))
		default:
			users.Add(1)
			go use(context.Background(), some(3*time.Second), some(100*time.Millisecond))
		}
		time.Sleep(some(200 * time.Millisecond))
		synctest.Wait()
		s := pool.Stats()
		if s.Waiting > 0 && (s.Idle > 0 || s.Opening == 0 && s.Closing == 0 && s.Open() < limit) {
			t.Fatalf("have %+v: somebody waits in vain", s)
		}
	}
}

// A caller that had its turn keeps it, if what it was given is taken away before it was used: it is served before all
// that came later, and those that had their turns before it are served before it.
func TestTurnIsKept(t *testing.T) {
	for name, happens := range map[string]func(fake *pooledtest.Fake, pool *pooled.Pool){
		"Dispose": func(_ *pooledtest.Fake, pool *pooled.Pool) { pool.Dispose() },
		"InvalidateConn": func(_ *pooledtest.Fake, pool *pooled.Pool) {
			pool.InvalidateConn(1, nil)
			pool.InvalidateConn(2, nil)
		},
		"loss": func(fake *pooledtest.Fake, _ *pooled.Pool) {
			fake.On(pooledtest.StageExec, pooledtest.BadConn().Times(2))
		},
		"loss after a while": func(fake *pooledtest.Fake, _ *pooled.Pool) {
			fake.On(pooledtest.StageExec, pooledtest.BadConn().Times(2))
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				fake := pooledtest.NewFake(t)
				fake.On(pooledtest.StageConnect, pooledtest.Slow(time.Millisecond))
				connector := connectorTo(t, fake, size(2, 0), timeout(-1), func(c *pooled.Config) { c.ConnectLimit = 1 })
				defer connector.Close()
				first, second := unused(t, connector), unused(t, connector)
				giveUp(first)
				giveUp(second)
				first, second = unused(t, connector), unused(t, connector)
				if name == "loss after a while" { // so that they have to pass the guards again
					time.Sleep(time.Minute)
				}
				q := queued{t: t}
				q.connect(connector, "third", "fourth", "fifth")
				happens(fake, connector.Pool())
				// The second comes back before the first, and stands behind it all the same.
				q.all.Go(func() { q.use("second", second) })
				time.Sleep(100 * time.Microsecond)
				q.all.Go(func() { q.use("first", first) })
				q.all.Wait()
				if want := []string{"first", "second", "third", "fourth", "fifth"}; !slices.Equal(q.order, want) {
					t.Errorf("served in the order %q, want %q", q.order, want)
				}
			})
		})
	}
}

// The same for one that falls due before it is used.
func TestTurnIsKeptByRecycling(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := pooledtest.NewFake(t)
		fake.On(pooledtest.StageConnect, pooledtest.Slow(100*time.Microsecond))
		connector := connectorTo(t, fake, size(1, 0), recycle(time.Hour, pooled.Jitter{}), timeout(-1))
		defer connector.Close()
		giveUp(unused(t, connector))
		time.Sleep(time.Hour - 10*time.Second - time.Millisecond)
		first := unused(t, connector)
		q := queued{t: t}
		q.connect(connector, "second", "third")
		time.Sleep(2 * time.Millisecond)
		q.all.Go(func() { q.use("first", first) })
		q.all.Wait()
		if want := []string{"first", "second", "third"}; !slices.Equal(q.order, want) {
			t.Errorf("served in the order %q, want %q", q.order, want)
		}
		if s := connector.Pool().Stats(); s.Recycled != 1 {
			t.Errorf("have %+v, want one recycled", s)
		}
	})
}

// The same for one that is refused time and again.
func TestTurnIsKeptThroughRefusals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := pooledtest.NewFake(t)
		refuse := uint64(3) // the first that comes after those that were taken away
		connector := connectorTo(t, fake, size(1, 0), timeout(-1), hooks(pooled.Hooks{
			Checkout: func(_ context.Context, s *pooled.ServerConn) error {
				if s.ID() == refuse {
					return pooled.ErrDisconnect
				}
				return nil
			},
		}))
		defer connector.Close()
		first := unused(t, connector)
		connector.Pool().Dispose()
		second := unused(t, connector)
		connector.Pool().Dispose()
		fake.On(pooledtest.StageConnect, pooledtest.Slow(time.Millisecond))
		q := queued{t: t}
		q.all.Go(func() { q.use("second", second) })
		q.all.Go(func() { q.use("first", first) })
		q.all.Wait()
		if want := []string{"first", "second"}; !slices.Equal(q.order, want) {
			t.Errorf("served in the order %q, want %q", q.order, want)
		}
	})
}

// A turn is for what was taken away, and for nothing that the same Conn does later.
func TestTurnIsForOneLease(t *testing.T) {
	for name, before := range map[string]func(t *testing.T, pool *pooled.Pool, c *pooled.Conn){
		"used":       func(t *testing.T, _ *pooled.Pool, c *pooled.Conn) { c.ExecContext(t.Context(), "UPDATE", nil) },
		"not used":   func(*testing.T, *pooled.Pool, *pooled.Conn) {},
		"taken away": func(_ *testing.T, pool *pooled.Pool, _ *pooled.Conn) { pool.Dispose() },
		"taken away and used": func(t *testing.T, pool *pooled.Pool, c *pooled.Conn) {
			pool.Dispose()
			c.ExecContext(t.Context(), "UPDATE", nil)
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				connector := connectorTo(t, pooledtest.NewFake(t), size(1, 0), timeout(-1))
				defer connector.Close()
				c := unused(t, connector)
				before(t, connector.Pool(), c)
				c.IsValid()
				held := unused(t, connector)
				held.ExecContext(t.Context(), "UPDATE", nil)
				q := queued{t: t}
				q.connect(connector, "first", "second")
				q.all.Go(func() { q.use("third", c) })
				synctest.Wait()
				giveUp(held)
				q.all.Wait()
				if want := []string{"first", "second", "third"}; !slices.Equal(q.order, want) {
					t.Errorf("served in the order %q, want %q", q.order, want)
				}
			})
		})
	}
}

// A Conn whose caller gave up while database/sql connected for it is kept for another. That one comes now.
func TestTurnIsNotInherited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		connector := connectorTo(t, pooledtest.NewFake(t), size(1, 0), timeout(-1))
		db := sql.OpenDB(connector)
		defer db.Close()
		kept := unused(t, connector)
		if err := <-execAsync(t, db); err != nil { // takes the connection from it
			t.Fatal(err)
		}
		time.Sleep(2 * time.Second)
		held := unused(t, connector)
		held.ExecContext(t.Context(), "UPDATE", nil)
		q := queued{t: t}
		q.connect(connector, "first")
		q.all.Go(func() { q.use("second", kept) })
		synctest.Wait()
		giveUp(held)
		q.all.Wait()
		if want := []string{"first", "second"}; !slices.Equal(q.order, want) {
			t.Errorf("served in the order %q, want %q", q.order, want)
		}
	})
}

// What comes back without having been used may be dead by now, as any that comes back.
func TestWhatComesBackUnusedIsLookedAt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := pooledtest.NewFake(t)
		connector := connectorTo(t, fake, size(1, 0), noRecycle, timeout(-1))
		defer connector.Close()
		c := unused(t, connector)
		q := queued{t: t}
		q.connect(connector, "next")
		fake.Kill(driver.ErrBadConn)
		c.Close()
		q.all.Wait() // without an error
	})
}

// What nobody has used goes to who waits. It costs who had it no turn.
func TestTurnIsKeptThoughOthersHadItsConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		connector := connectorTo(t, pooledtest.NewFake(t), size(1, 0), noRecycle, timeout(-1))
		defer connector.Close()
		first := unused(t, connector)
		q := queued{t: t}
		q.connect(connector, "second", "third")
		time.Sleep(time.Second) // less than the second takes
		if s := connector.Pool().Stats(); s.Waiting != 1 {
			t.Fatalf("have %+v, want the second served", s)
		}
		q.all.Go(func() { q.use("first", first) })
		q.all.Wait()
		if want := []string{"second", "first", "third"}; !slices.Equal(q.order, want) {
			t.Errorf("served in the order %q, want %q", q.order, want)
		}
	})
}

// What nobody has used for a while is looked after as if it had been idle: it was.
func TestWhatWasNotUsedIsPinged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := pooledtest.NewFake(t)
		db, _ := open(t, fake, size(1, 0), noRecycle)
		defer db.Close()
		keep, err := db.Conn(context.Background()) // takes a connection, and does nothing with it
		if err != nil {
			t.Fatal(err)
		}
		defer keep.Close()
		time.Sleep(time.Minute)
		pooledtest.MustExec(t, db, "UPDATE")
		if n := pings(fake); n != 1 {
			t.Errorf("have %d pings, want 1", n)
		}
	})
}

// queued is callers that use connections, in the order in which they were served.
type queued struct {
	t     *testing.T
	all   sync.WaitGroup
	mu    sync.Mutex
	order []string
}

// connect makes them come one after the other, each of whom waits.
func (q *queued) connect(connector *pooled.Connector, names ...string) {
	for _, who := range names {
		q.all.Go(func() {
			c, err := connector.Connect(context.Background())
			if err != nil {
				q.t.Errorf("%s: %v", who, err)
				return
			}
			q.use(who, c.(*pooled.Conn))
		})
		synctest.Wait()
	}
	if s := connector.Pool().Stats(); s.Waiting != len(names) {
		q.t.Fatalf("have %+v, want %d that wait", s, len(names))
	}
}

func (q *queued) use(who string, c *pooled.Conn) {
	if _, err := c.ExecContext(context.Background(), "SLEEP 5s", nil); err != nil {
		q.t.Errorf("%s: %v", who, err)
	}
	q.mu.Lock()
	q.order = append(q.order, who)
	q.mu.Unlock()
	giveUp(c)
}

// A caller that is served again, for what it got was of no use, has waited since its first wait began.
func TestTimeoutOfAWaitThatGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const limit = time.Second
		fake := pooledtest.NewFake(t)
		var refuse bool
		db, pool := open(t, fake, size(1, 0), timeout(limit), hooks(pooled.Hooks{
			Checkout: func(context.Context, *pooled.ServerConn) error {
				if refuse {
					refuse = false
					return pooled.ErrDisconnect
				}
				return nil
			},
		}))
		defer db.Close()
		held, _ := grab(t, db)
		began := time.Now()
		first := execAsync(t, db)
		time.Sleep(100 * time.Millisecond)
		second := execAsync(t, db)
		time.Sleep(400 * time.Millisecond)
		refuse = true
		fake.On(pooledtest.StageConnect, pooledtest.Slow(time.Minute))
		pooledtest.Give(t, held) // it is refused to the first, and no other comes
		for i, done := range []<-chan error{first, second} {
			var timeout *pooled.TimeoutError
			if err := <-done; !errors.As(err, &timeout) || timeout.Waited != limit {
				t.Errorf("caller %d: have %v, want a timeout after %v", i, err, limit)
			}
			if since := time.Since(began); since != limit+time.Duration(i)*100*time.Millisecond {
				t.Errorf("caller %d timed out %v after the first came", i, since)
			}
		}
		if s := pool.Stats(); s.Waiting != 0 {
			t.Errorf("have %+v, want nobody left", s)
		}
	})
}

// Who keeps a turn stands before others whose time is up earlier.
func TestTimeoutBehindAKeptTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const limit = time.Second
		fake := pooledtest.NewFake(t)
		connector := connectorTo(t, fake, size(1, 0), timeout(limit))
		db := sql.OpenDB(connector)
		defer db.Close()
		first := unused(t, connector)
		defer giveUp(first)
		fake.On(pooledtest.StageConnect, pooledtest.Slow(time.Minute))
		connector.Pool().Dispose()
		began := time.Now()
		second := execAsync(t, db)
		time.Sleep(limit / 2)
		done := make(chan error)
		go func() {
			_, err := first.ExecContext(context.Background(), "UPDATE", nil)
			done <- err
		}()
		for i, ended := range []<-chan error{second, done} {
			if err := <-ended; !errors.Is(err, pooled.ErrTimeout) {
				t.Errorf("have %v, want ErrTimeout", err)
			}
			if since, want := time.Since(began), limit+time.Duration(i)*limit/2; since != want {
				t.Errorf("a wait ended after %v, want %v", since, want)
			}
		}
	})
}

// A timer that is used again can have a tick left of its last use, as all timers before Go 1.23, and with this setting
// still.
func TestNoTimeoutBeforeItsTime(t *testing.T) {
	t.Setenv("GODEBUG", "asynctimerchan=1")
	const limit = 20 * time.Millisecond
	db, pool := open(t, pooledtest.NewFake(t), size(1, 0), timeout(limit))
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			for range 100 {
				began := time.Now()
				_, err := db.ExecContext(context.Background(), "SLEEP 1ms")
				if waited := time.Since(began); errors.Is(err, pooled.ErrTimeout) && waited < limit {
					t.Errorf("timed out after %v, want %v", waited, limit)
				}
			}
		})
	}
	all.Wait()
	if s := pool.Stats(); s.Timeouts == 0 || s.Waits == s.Timeouts {
		t.Errorf("have %+v, want some that were served, and some that were not", s)
	}
}
