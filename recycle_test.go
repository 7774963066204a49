package pooled_test

import (
	"context"
	"database/sql"
	"errors"
	"math"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/internal/pooledtest"
)

func recycle(age time.Duration, jitter pooled.Jitter) func(*pooled.Config) {
	return func(c *pooled.Config) { c.Recycle, c.RecycleJitter = age, jitter }
}

// lifetimes collects when server connections were opened and closed.
type lifetimes struct {
	mu   sync.Mutex
	born map[uint64]time.Time
	ages []time.Duration
	live int
	most int
}

func (b *lifetimes) hooks() pooled.Hooks {
	b.born = map[uint64]time.Time{}
	return pooled.Hooks{
		Connect: func(_ context.Context, s *pooled.ServerConn) error {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.born[s.ID()] = time.Now()
			b.live++
			b.most = max(b.most, b.live)
			return nil
		},
		Close: func(s *pooled.ServerConn, _ error) {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.ages = append(b.ages, time.Since(b.born[s.ID()]))
			b.live--
		},
	}
}

// Idle ones are replaced in the background, each at an age of its own, and no
// caller ever waits for a connect.
func TestRecycleInTheBackground(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := pooledtest.NewFake(t)
		fake.On(pooledtest.StageConnect, pooledtest.Slow(time.Second))
		var b lifetimes
		db, pool := open(t, fake, size(8, -1), recycle(10*time.Minute, pooled.Jitter{Percent: 50}), hooks(b.hooks()))
		var conns []*sql.Conn
		for range 8 {
			c, _ := grab(t, db)
			conns = append(conns, c)
		}
		pooledtest.Give(t, conns...)
		for range 2000 { // an hour and forty minutes
			time.Sleep(3 * time.Second)
			began := time.Now()
			pooledtest.MustExec(t, db, "UPDATE")
			if waited := time.Since(began); waited != 0 {
				t.Fatalf("a caller waited %v", waited)
			}
		}
		b.mu.Lock()
		defer b.mu.Unlock()
		if len(b.ages) < 8*10 || b.most > 8+4 {
			t.Errorf("replaced %d, at most %d open: want at least 80 and at most 12 (pool_size and pool_connect_limit)",
				len(b.ages), b.most)
		}
		distinct := map[time.Duration]bool{}
		for _, age := range b.ages {
			distinct[age.Round(time.Second)] = true
			if age < 5*time.Minute-15*time.Second || age > 10*time.Minute {
				t.Errorf("one was closed at the age of %v, want between 5m and 10m", age)
			}
		}
		if len(distinct) < len(b.ages)/4 {
			t.Errorf("%d ages for %d server connections: they end together", len(distinct), len(b.ages))
		}
		if s := pool.Stats(); s.Recycled != s.Closed || s.Open() < 8 {
			t.Errorf("have %+v, want all closed counted as recycled, 8 open", s)
		}
	})
}

// All are due at the same moment: they are replaced all the same, a few at a time.
func TestRecycleKeepsTheConnectLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := pooledtest.NewFake(t)
		fake.On(pooledtest.StageConnect, pooledtest.Slow(100*time.Millisecond))
		db, pool := open(t, fake, size(50, -1), recycle(time.Hour, pooled.Jitter{}),
			func(c *pooled.Config) { c.ConnectLimit = 3 })
		var conns []*sql.Conn
		for range 50 {
			c, _ := grab(t, db)
			conns = append(conns, c)
		}
		pooledtest.Give(t, conns...)
		time.Sleep(time.Hour)
		if s := pool.Stats(); s.Recycled < 45 || s.Open() < 45 {
			t.Errorf("have %+v, want about 50 replaced and open", s)
		}
		if c := fake.Counts(); c.MaxDialing > 3 {
			t.Errorf("have %d dials at one moment, want at most 3", c.MaxDialing)
		}
	})
}

// At the limit there is no room for both: the old one makes way, and the limit is kept.
func TestRecycleAtTheLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := pooledtest.NewFake(t)
		db, pool := open(t, fake, size(2, 0), recycle(time.Minute, pooled.Jitter{}))
		a, _ := grab(t, db)
		c, _ := grab(t, db)
		pooledtest.Give(t, a, c)
		for range 60 {
			time.Sleep(time.Minute)
			pooledtest.MustExec(t, db, "UPDATE")
		}
		synctest.Wait()
		if c := fake.Counts(); c.MaxOpen > 2 || c.Opened < 60 {
			t.Errorf("have %+v, want never more than 2 open, and all replaced each minute", c)
		}
		if s := pool.Stats(); s.Idle != 2 {
			t.Errorf("have %+v, want 2 idle", s)
		}
	})
}

// One in use is left alone, and replaced when it comes back.
func TestRecycleInUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := pooledtest.NewFake(t)
		db, pool := open(t, fake, size(1, 0), recycle(time.Minute, pooled.Jitter{}))
		c, n := grab(t, db)
		time.Sleep(time.Hour)
		if now := number(t, c); now != n {
			t.Errorf("the server connection changed in use: %d, %d", n, now)
		}
		pooledtest.Give(t, c)
		synctest.Wait()
		if s := pool.Stats(); s.Idle != 1 || s.Opened != 2 || s.Recycled != 1 {
			t.Errorf("have %+v, want another one idle", s)
		}
	})
}

// One whose time is up in the middle of its return is replaced, too.
func TestRecycleDuringReturn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := hooks(pooled.Hooks{Checkin: func(*pooled.ServerConn) { time.Sleep(2 * time.Minute) }})
		db, pool := open(t, pooledtest.NewFake(t), size(1, 0), recycle(time.Hour, pooled.Jitter{}), slow)
		defer db.Close()
		c, _ := grab(t, db)
		time.Sleep(59 * time.Minute)
		pooledtest.Give(t, c)
		synctest.Wait()
		if s := pool.Stats(); s.Idle != 1 || s.Opened != 2 || s.Recycled != 1 {
			t.Errorf("have %+v, want another one idle", s)
		}
	})
}

// While the server can't be reached, old connections are kept until their time is up;
// the pool tries again, and not without a pause.
func TestRecycleWhenTheServerRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := pooledtest.NewFake(t)
		db, pool := open(t, fake, size(1, 1), recycle(10*time.Minute, pooled.Jitter{}))
		pooledtest.MustExec(t, db, "UPDATE")
		fake.On(pooledtest.StageConnect, pooledtest.Fail(errors.New("no")))
		time.Sleep(9*time.Minute + 55*time.Second) // ten seconds before its time it is due
		pooledtest.MustExec(t, db, "UPDATE")
		if dialed := fake.Counts().Dialed; dialed < 2 || dialed > 6 {
			t.Errorf("dialed %d times in five seconds, want a few", dialed)
		}
		fake.ClearFaults()
		time.Sleep(4 * time.Second) // before its time is up
		if s := pool.Stats(); s.Recycled != 1 || s.Idle != 1 {
			t.Errorf("have %+v, want it replaced by now", s)
		}
	})
}

// A machine that slept: the monotonic clock stood still, and so did the timers,
// but the server's clock did not. The wall clock tells.
func TestRecycleAfterSleep(t *testing.T) {
	fake := pooledtest.NewFake(t)
	var clock pooled.FakeClock
	db, pool := open(t, fake, size(2, 0), recycle(time.Hour, pooled.Jitter{}))
	pooled.SetClock(pool, &clock)
	c, _ := grab(t, db)
	_, n := c, number(t, c)
	pooledtest.Give(t, c)
	clock.Sleep(2 * time.Hour)
	pooled.StopClock(pool) // as after a quiet quarter of a second
	c, now := grab(t, db)
	pooledtest.Give(t, c)
	if now == n {
		t.Errorf("have connection %d after two hours of sleep, want another", now)
	}
}

func TestJitterIsWithinItsPart(t *testing.T) {
	for range 1000 {
		age := time.Duration(1 + rand.Int64N(int64(time.Hour)))
		for _, test := range []struct {
			jitter pooled.Jitter
			least  time.Duration
		}{
			{pooled.Jitter{}, age},
			{pooled.Jitter{Percent: 10}, age - age/10 - 1},
			{pooled.Jitter{Percent: 100}, 0},
			{pooled.Jitter{Duration: time.Second}, max(0, age-time.Second)},
		} {
			if have := pooled.AgeLimit(age, test.jitter); have < test.least || have > age {
				t.Fatalf("%v with %+v: have %v", age, test.jitter, have)
			}
		}
	}
}

// A jitter of less than a second is one.
func TestJitterIsFine(t *testing.T) {
	seen := map[time.Duration]bool{}
	for range 50 {
		seen[pooled.AgeLimit(time.Second, pooled.Jitter{Percent: 10})] = true
	}
	if len(seen) < 40 {
		t.Errorf("have %d ages of 50, want hardly any twice", len(seen))
	}
}

func TestDisposeLeavesThePoolUsable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := pooledtest.NewFake(t)
		db, pool := open(t, fake, size(2, 2))
		defer db.Close()
		a, inUse := grab(t, db)
		b, _ := grab(t, db)
		pooledtest.Give(t, b)
		pool.Dispose()
		synctest.Wait()
		if s := pool.Stats(); s.Idle != 0 || s.CheckedOut != 1 {
			t.Errorf("have %+v, want the idle one closed and the other in use", s)
		}
		if n := number(t, a); n != inUse {
			t.Errorf("have %d, want %d still", n, inUse)
		}
		pooledtest.Give(t, a)
		synctest.Wait()
		if s := pool.Stats(); s.Open() != 0 {
			t.Errorf("have %+v, want it closed on return", s)
		}
		c, n := grab(t, db)
		pooledtest.Give(t, c)
		if n != 3 {
			t.Errorf("have %d, want a new one", n)
		}
	})
}

// What was being opened at Dispose belongs to the past as well.
func TestDisposeWhileOpening(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := pooledtest.NewFake(t)
		fake.On(pooledtest.StageConnect, pooledtest.Slow(time.Second))
		db, pool := open(t, fake)
		defer db.Close()
		go func() {
			time.Sleep(time.Second / 2)
			pool.Dispose()
		}()
		c, n := grab(t, db)
		pooledtest.Give(t, c)
		if n != 2 {
			t.Errorf("have connection %d, want the one that was opened after", n)
		}
	})
}

func TestDisposeInClassDirect(t *testing.T) {
	fake := pooledtest.NewFake(t)
	db, pool := open(t, fake, class(pooled.ClassDirect))
	c, _ := grab(t, db)
	pooledtest.Give(t, c)
	pool.Dispose()
	c, n := grab(t, db)
	pooledtest.Give(t, c)
	if n != 2 {
		t.Errorf("have %d, want a new one", n)
	}
}

// A server that ends idle sessions is not given the chance.
func TestServersIdleLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := pooledtest.NewFake(t)
		db, pool := open(t, fake, noRecycle)
		defer db.Close()
		pooled.LearnIdleLimit(pool, 8*time.Second)
		a, first := grab(t, db)
		pooledtest.Give(t, a)
		time.Sleep(5 * time.Second)
		a, n := grab(t, db)
		pooledtest.Give(t, a)
		if n != first {
			t.Errorf("after 5s: have %d, want %d", n, first)
		}
		time.Sleep(7 * time.Second)
		synctest.Wait()
		if s := pool.Stats(); s.Idle != 0 || s.Recycled != 1 {
			t.Errorf("after 7s: have %+v, want it closed in the background", s)
		}
		a, n = grab(t, db)
		pooledtest.Give(t, a)
		if n == first {
			t.Errorf("after 7s: have %d again", n)
		}
	})
}

// In class direct, and while one is being opened, Dispose is nobody's error.
func TestDisposeWhileOpeningDirect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := pooledtest.NewFake(t)
		fake.On(pooledtest.StageConnect, pooledtest.Slow(time.Second))
		db, pool := open(t, fake, class(pooled.ClassDirect))
		defer db.Close()
		go func() {
			time.Sleep(time.Second / 2)
			pool.Dispose()
		}()
		pooledtest.MustExec(t, db, "UPDATE")
	})
}

// In a full pool under load what is replaced does not stay due for ever.
func TestRecycleUnderLoadOwesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := pooledtest.NewFake(t)
		db, pool := open(t, fake, size(5, 0), recycle(time.Minute, pooled.Jitter{Percent: 10}))
		defer db.Close()
		stop := time.Now().Add(20 * time.Minute)
		var wg sync.WaitGroup
		for range 30 {
			wg.Go(func() {
				for time.Now().Before(stop) {
					pooledtest.MustExec(t, db, "SLEEP 1s")
				}
			})
		}
		wg.Wait()
		if have := pooled.Replacements(pool); have > 2 {
			t.Errorf("%d are to be replaced after 20 minutes, want hardly any", have)
		}
	})
}

// A lease that database/sql keeps in its free list without ever having used it
// passes the guards when it is used at last.
func TestUnusedBorrowPassesTheGuards(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := pooledtest.NewFake(t)
		connector := connectorTo(t, fake, noRecycle)
		defer connector.Close()
		conn, err := connector.Connect(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		fake.Kill(errors.New("unexpected EOF"))
		if _, err := conn.(*pooled.Conn).ExecContext(t.Context(), "UPDATE", nil); err != nil {
			t.Errorf("have %v, want another server connection", err)
		}
		conn.(*pooled.Conn).IsValid()

		unused, err := connector.Connect(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		connector.Pool().Dispose()
		synctest.Wait()
		if s := connector.Pool().Stats(); s.Open() != 0 {
			t.Errorf("have %+v, want the unused lease disposed of", s)
		}
		unused.Close()
	})
}

// When the machine wakes up, all are pinged before they are used.
func TestAfterSleepAllArePinged(t *testing.T) {
	fake := pooledtest.NewFake(t)
	var clock pooled.FakeClock
	db, pool := open(t, fake, noRecycle, size(1, 0), func(c *pooled.Config) { c.PrePing = 8 * time.Hour })
	pooled.SetClock(pool, &clock)
	pooledtest.MustExec(t, db, "UPDATE")
	clock.Sleep(time.Hour)
	pooledtest.WaitUntil(t, func() bool { pooledtest.MustExec(t, db, "UPDATE"); return pings(fake) > 0 },
		func() string { return "no ping" })
}

// What the pool does not keep is not replaced.
func TestOverflowIsNotReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := pooledtest.NewFake(t)
		db, pool := open(t, fake, size(1, 4), recycle(time.Hour, pooled.Jitter{}),
			func(c *pooled.Config) { c.IdleTimeout = -1 })
		defer db.Close()
		burst(t, db, 3)
		time.Sleep(time.Hour)
		synctest.Wait()
		if s := pool.Stats(); s.Open() != 1 || s.Recycled != 3 || s.Opened != 4 {
			t.Errorf("have %+v, want 3 gone and one new", s)
		}
	})
}

// One that is leased while its replacement is being opened goes when it comes back.
func TestReplacedWhileInUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := pooledtest.NewFake(t)
		db, pool := open(t, fake, size(1, 1), recycle(time.Hour, pooled.Jitter{}))
		defer db.Close()
		pooledtest.MustExec(t, db, "UPDATE")
		fake.On(pooledtest.StageConnect, pooledtest.Slow(2*time.Second))
		time.Sleep(time.Hour - 9*time.Second) // due for a second
		conn, _ := grab(t, db)
		time.Sleep(4 * time.Second)
		pooledtest.Give(t, conn)
		synctest.Wait()
		if s := pool.Stats(); s.Recycled != 1 || s.Open() != 1 || s.Opened != 2 {
			t.Errorf("have %+v, want the old one gone before its time is up", s)
		}
	})
}

// After a sleep the timers are late, and the server has ended what was idle.
func TestServersIdleLimitAfterSleep(t *testing.T) {
	fake := pooledtest.NewFake(t)
	var clock pooled.FakeClock
	db, pool := open(t, fake, noRecycle, size(1, 0))
	pooled.SetClock(pool, &clock)
	pooled.LearnIdleLimit(pool, time.Hour)
	conn, n := grab(t, db)
	pooledtest.Give(t, conn)
	clock.Sleep(2 * time.Hour)
	pooled.StopClock(pool)
	conn, now := grab(t, db)
	pooledtest.Give(t, conn)
	if now == n {
		t.Errorf("have connection %d after two hours, want another", now)
	}
}

// However busy the pool is and however many are due at once, nobody waits for a connect: those in use go when
// another is there, or one after the other.
func TestRecycleUnderLoadMakesNobodyWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const all, busy = 10, 8 // three seconds are enough to replace all in use, one after the other
		fake := pooledtest.NewFake(t)
		db, pool := open(t, fake, size(all, 0), recycle(time.Minute, pooled.Jitter{}))
		defer db.Close()
		var conns []*sql.Conn
		for range all {
			conn, _ := grab(t, db)
			conns = append(conns, conn)
		}
		pooledtest.Give(t, conns...)
		fake.On(pooledtest.StageConnect, pooledtest.Slow(20*time.Millisecond))
		before := pool.Stats()
		stop := time.Now().Add(200 * time.Second)
		var wg sync.WaitGroup
		for i := range busy {
			wg.Go(func() {
				time.Sleep(time.Duration(i) * time.Millisecond) // they do not all come back at once
				for time.Now().Before(stop) {
					pooledtest.MustExec(t, db, "SLEEP 100ms")
				}
			})
		}
		wg.Wait()
		s := pool.Stats()
		if waits, recycled := s.Waits-before.Waits, s.Recycled-before.Recycled; waits > 0 || recycled < 3*all {
			t.Errorf("have %d waits and %d recycled, want no wait and %d at least: %+v", waits, recycled, 3*all, s)
		}
	})
}

const forever = time.Duration(math.MaxInt64)

// An age limit is above 0 and at most pool_recycle, whatever the two options are, and the jitter is not lost.
func TestAgeLimit(t *testing.T) {
	for _, age := range []time.Duration{1, 2, time.Hour, forever - 1, forever} {
		for _, jitter := range []pooled.Jitter{
			{}, {Percent: 1e-9}, {Percent: 100}, {Duration: 1}, {Duration: time.Hour}, {Duration: forever},
		} {
			different := map[time.Duration]bool{}
			for range 200 {
				limit := pooled.AgeLimit(age, jitter)
				different[limit] = true
				if limit <= 0 || limit > age {
					t.Fatalf("%v, %+v: have %v", age, jitter, limit)
				}
			}
			if all := age >= time.Hour && (jitter.Percent == 100 || jitter.Duration >= time.Hour); all && len(different) < 100 {
				t.Errorf("%v, %+v: have %d different limits of 200", age, jitter, len(different))
			}
		}
	}
}

// The longest pool_idle_timeout is not over after a part of it.
func TestIdleTimeoutForGood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := pooledtest.NewFake(t)
		db, pool := open(t, fake, size(1, -1), noRecycle, func(cfg *pooled.Config) { cfg.IdleTimeout = forever })
		defer db.Close()
		burst(t, db, 4)
		time.Sleep(forever / 3)
		if s := pool.Stats(); s.Idle != 4 || s.Closed != 0 {
			t.Errorf("have %+v, want all four idle", s)
		}
	})
}
