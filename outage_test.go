package pooled_test

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/internal/pooledtest"
)

// refused is what a dial says when nobody listens.
var refused = fmt.Errorf("dial tcp 127.0.0.1:5432: connect: %w", syscall.ECONNREFUSED)

func outageWait(d time.Duration) func(*pooled.Config) {
	return func(cfg *pooled.Config) { cfg.OutageWait = d }
}

// crash ends all connections, and refuses new ones.
func crash(fake *pooledtest.Fake) {
	fake.On(pooledtest.StageConnect, pooledtest.Fail(refused))
	fake.Kill(io.EOF)
}

func dials(fake *pooledtest.Fake) (n int) {
	for _, line := range fake.Log() {
		if strings.Contains(line, " connect") {
			n++
		}
	}
	return n
}

// Callers wait out a restart, and few dials are made meanwhile.
func TestOutage(t *testing.T) {
	for _, class := range []pooled.Class{
		pooled.ClassQueue, pooled.ClassNull, pooled.ClassStatic, pooled.ClassDirect,
	} {
		t.Run(string(class), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				fake := pooledtest.NewFake(t)
				var began, ended atomic.Int32
				db, pool := open(t, fake, speaks("postgres"), func(cfg *pooled.Config) {
					cfg.Class = class
					cfg.Hooks.OutageBegan = func(pooled.Outage) { began.Add(1) }
					cfg.Hooks.OutageEnded = func(o pooled.Outage) { ended.Add(1) }
				})
				pooledtest.MustExec(t, db, "SELECT 1")
				crash(fake)
				before := dials(fake)
				var wg sync.WaitGroup
				var failed atomic.Int32
				start := time.Now()
				for range 16 {
					wg.Go(func() {
						if _, err := db.Exec("SELECT 2"); err != nil {
							failed.Add(1)
							t.Log(err)
						}
					})
				}
				time.Sleep(3 * time.Second)
				if n := dials(fake) - before; n > 40 {
					t.Errorf("%d dials during the outage", n)
				}
				fake.ClearFaults()
				wg.Wait()
				if failed.Load() != 0 || time.Since(start) > 9*time.Second {
					t.Errorf("%d failed, after %v", failed.Load(), time.Since(start))
				}
				synctest.Wait() // the hooks run in the background
				s := pool.Stats()
				if s.Outages != 1 || s.Probes == 0 || began.Load() != 1 || ended.Load() != 1 {
					t.Errorf("have %+v", s)
				}
			})
		})
	}
}

// When the wait is over callers get an OutageError at once, without a dial, until the server is back.
func TestOutageError(t *testing.T) {
	for _, class := range []pooled.Class{pooled.ClassQueue, pooled.ClassDirect} {
		synctest.Test(t, func(t *testing.T) {
			fake := pooledtest.NewFake(t)
			db, pool := open(t, fake, speaks("mysql"), func(cfg *pooled.Config) { cfg.Class = class })
			pooledtest.MustExec(t, db, "SELECT 1")
			crash(fake)
			start := time.Now()
			_, err := db.Exec("SELECT 2")
			var outage *pooled.OutageError
			if !errors.As(err, &outage) || !errors.Is(err, pooled.ErrServerDown) || !errors.Is(err, syscall.ECONNREFUSED) ||
				errors.Is(err, driver.ErrBadConn) || time.Since(start) != 10*time.Second {
				t.Fatalf("have %v after %v", err, time.Since(start))
			}
			before := time.Now()
			if _, err := db.Exec("SELECT 2"); !errors.Is(err, pooled.ErrServerDown) || time.Since(before) != 0 {
				t.Errorf("have %v after %v", err, time.Since(before))
			}
			if h := pool.Health(t.Context()); h.Reachable || h.OutageSince != outage.Since {
				t.Errorf("have %+v", h)
			}
			fake.ClearFaults()
			time.Sleep(6 * time.Second)
			pooledtest.MustExec(t, db, "SELECT 3")
			if s := pool.Stats(); s.OutageErrors != 2 {
				t.Errorf("have %+v", s)
			}
		})
	}
}

// Before the pool has connected each caller gets the driver's own error at once.
func TestNoOutageBeforeTheFirstConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := pooledtest.NewFake(t)
		db, pool := open(t, fake, speaks("postgres"))
		fake.On(pooledtest.StageConnect, pooledtest.Fail(refused))
		for range 2 {
			if err := db.Ping(); err != refused {
				t.Errorf("have %v", err)
			}
		}
		fake.ClearFaults()
		if err := db.Ping(); err != nil {
			t.Error(err)
		}
		if s := pool.Stats(); s.Outages != 0 || s.Probes != 0 {
			t.Errorf("have %+v", s)
		}
	})
}

// A context, and pool_timeout, end the wait.
func TestOutageWaitEnds(t *testing.T) {
	for _, class := range []pooled.Class{pooled.ClassQueue, pooled.ClassDirect} {
		synctest.Test(t, func(t *testing.T) {
			fake := pooledtest.NewFake(t)
			db, _ := open(t, fake, speaks("postgres"), outageWait(pooled.NoLimit), func(cfg *pooled.Config) {
				cfg.Class = class
				if class == pooled.ClassQueue {
					cfg.Timeout = 3 * time.Second
				}
			})
			pooledtest.MustExec(t, db, "SELECT 1")
			crash(fake)
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			start := time.Now()
			if _, err := db.ExecContext(ctx, "SELECT 2"); !errors.Is(err, context.DeadlineExceeded) ||
				time.Since(start) != time.Second {
				t.Errorf("%s: have %v after %v", class, err, time.Since(start))
			}
			if class == pooled.ClassDirect {
				return
			}
			var timeout *pooled.TimeoutError
			if _, err := db.Exec("SELECT 2"); !errors.As(err, &timeout) || timeout.Phase != pooled.PhaseOutage ||
				len(timeout.Hosts) != 1 || timeout.Hosts[0].State != pooled.HostDown ||
				!strings.Contains(err.Error(), "down for") {
				t.Errorf("have %v", err)
			}
		})
	}
}

// An error that is not the server's absence is the caller's at once.
func TestNoOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := pooledtest.NewFake(t)
		db, pool := open(t, fake, speaks("postgres"))
		pooledtest.MustExec(t, db, "SELECT 1")
		denied := errors.New("password authentication failed")
		fake.On(pooledtest.StageConnect, pooledtest.Fail(denied))
		fake.Kill(io.EOF)
		if _, err := db.Exec("SELECT 2"); err != denied {
			t.Errorf("have %v", err)
		}
		if s := pool.Stats(); s.Outages != 0 {
			t.Errorf("have %+v", s)
		}
	})
}
