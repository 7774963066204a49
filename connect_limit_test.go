package pooled_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/internal/pooledtest"
)

func connectLimit(n int) func(*pooled.Config) { return func(c *pooled.Config) { c.ConnectLimit = n } }

// runAll has so many callers come at once, each with a statement, and waits for them.
func runAll(db *sql.DB, n int, statement string) (failed int) {
	var mu sync.Mutex
	var all sync.WaitGroup
	for range n {
		all.Go(func() {
			if _, err := db.Exec(statement); err != nil {
				mu.Lock()
				failed++
				mu.Unlock()
			}
		})
	}
	all.Wait()
	return failed
}

// What a server keeps up with it is asked for: twice as much each time, while callers wait whom nobody serves.
func TestConnectLimitRises(t *testing.T) {
	for start, want := range map[int]time.Duration{
		1: 7 * time.Second, 4: 5 * time.Second, 64: time.Second, -1: time.Second,
	} {
		t.Run(fmt.Sprint(start), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				fake := pooledtest.NewFake(t)
				fake.On(pooledtest.StageConnect, pooledtest.Slow(time.Second))
				db, pool := open(t, fake, connectLimit(start), noRecycle)
				defer db.Close()
				first := time.AfterFunc(time.Second/2, func() {
					if s := pool.Stats(); s.Opening != start && start != -1 {
						t.Errorf("have %d opened at first, want %d", s.Opening, start)
					}
				})
				defer first.Stop()
				began := time.Now()
				runAll(db, 64, "SLEEP 1h")
				if took := time.Since(began) - time.Hour; took > want {
					t.Errorf("the last was served after %v, want at most %v", took, want)
				}
				if c := fake.Counts(); c.Opened != 64 {
					t.Errorf("have %d opened, want one for each caller", c.Opened)
				}
				// The next burst begins as the first one did, once nothing is being opened.
				pool.Dispose()
				again := time.AfterFunc(time.Second/2, func() {
					if s := pool.Stats(); s.Opening != start && start != -1 {
						t.Errorf("have %d opened at first in the next burst, want %d", s.Opening, start)
					}
				})
				defer again.Stop()
				runAll(db, 64, "SLEEP 1h")
			})
		})
	}
}

// Where those in use come back in time, there are no more dials than pool_connect_limit alone would make.
func TestConnectLimitInABurstThatReturnsServe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := pooledtest.NewFake(t)
		fake.On(pooledtest.StageConnect, pooledtest.Slow(10*time.Millisecond))
		db, _ := open(t, fake, connectLimit(4), noRecycle)
		defer db.Close()
		runAll(db, 4, "SLEEP 1s")
		before := fake.Counts().Dialed
		runAll(db, 100, "SLEEP 1ms") // four serve forty of them while one is opened
		if c := fake.Counts(); c.Dialed-before > 2*4 || c.MaxDialing > 4 {
			t.Errorf("have %d dials, %d at one moment, want at most 8 and 4", c.Dialed-before, c.MaxDialing)
		}
	})
}

// A server in trouble is asked for less, down to one at a time, and for more when it has recovered.
func TestConnectLimitFalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := pooledtest.NewFake(t)
		refuse := pooledtest.Slow(time.Second).Then(pooledtest.Fail(errors.New("connection refused")))
		fake.On(pooledtest.StageConnect, refuse.Times(16))
		fake.On(pooledtest.StageConnect, pooledtest.Slow(time.Second))
		db, pool := open(t, fake, connectLimit(8), noRecycle)
		defer db.Close()
		var opening []int // in the middle of each second
		ticker := time.NewTicker(time.Second)
		defer ticker.Stop()
		done := make(chan int)
		time.Sleep(time.Second / 2)
		go func() { done <- runAll(db, 60, "SLEEP 1h") }()
		for len(opening) < 18 {
			<-ticker.C
			opening = append(opening, pool.Stats().Opening)
		}
		if failed := <-done; failed != 16 {
			t.Errorf("have %d errors, want 16: each failed dial is one caller's", failed)
		}
		// Eight fail at once, then one after the other. Those that succeed double it each time.
		want := "[8 1 1 1 1 1 1 1 1 1 2 4 8 16 13 0 0 0]"
		if have := fmt.Sprint(opening); have != want {
			t.Errorf("have %v being opened, second by second, want %v", have, want)
		}
	})
}

// It recovers without a burst, too: by those that are opened for nobody.
func TestConnectLimitRecovers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := pooledtest.NewFake(t)
		refuse := pooledtest.Slow(time.Second).Then(pooledtest.Fail(errors.New("connection refused")))
		fake.On(pooledtest.StageConnect, refuse.Times(8))
		fake.On(pooledtest.StageConnect, pooledtest.Slow(time.Second))
		db, pool := open(t, fake, connectLimit(8), noRecycle)
		defer db.Close()
		if failed := runAll(db, 8, "UPDATE"); failed != 8 {
			t.Fatalf("have %d errors, want 8", failed)
		}
		for i := range 12 {
			if have, want := pooled.ConnectWidth(pool), min(1+i, 8); have != want {
				t.Errorf("after %d were opened: have %d at one moment, want %d", i, have, want)
			}
			pool.Dispose()
			ctx, cancel := context.WithTimeout(context.Background(), time.Second/2) // who leaves before it is opened
			if _, err := db.ExecContext(ctx, "UPDATE"); err != context.DeadlineExceeded {
				t.Errorf("have %v, want the end of the context", err)
			}
			cancel()
			time.Sleep(time.Second)
		}
	})
}

// The server's own "too many" is a refusal as well.
func TestConnectLimitFallsAtTheServersLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := pooledtest.NewFake(t, func(f *pooledtest.Fake) {
			f.MaxConns, f.TooManyConns = 10, stateError("53300")
		})
		fake.On(pooledtest.StageConnect, pooledtest.Slow(time.Second))
		db, pool := open(t, fake, connectLimit(4), noRecycle, speaks("postgres"))
		defer db.Close()
		if failed := runAll(db, 40, "SLEEP 5s"); failed != 0 {
			t.Errorf("have %d errors, want none", failed)
		}
		if s := pool.Stats(); s.Opened != 10 {
			t.Errorf("have %+v, want ten opened", s)
		}
		if width := pooled.ConnectWidth(pool); width != 1 {
			t.Errorf("have %d at one moment, want one: the server refused more", width)
		}
	})
}
