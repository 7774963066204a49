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

// errRefused is what a dial says when nobody listens.
var errRefused = fmt.Errorf("dial tcp 127.0.0.1:5432: connect: %w", syscall.ECONNREFUSED)

func outageWait(d time.Duration) func(*pooled.Config) {
	return func(cfg *pooled.Config) { cfg.OutageWait = d }
}

// crash ends all connections, and refuses new ones.
func crash(fake *pooledtest.Fake) {
	fake.On(pooledtest.StageConnect, pooledtest.Fail(errRefused))
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
		fake.On(pooledtest.StageConnect, pooledtest.Fail(errRefused))
		for range 2 {
			if err := db.Ping(); err != errRefused {
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

// How long a caller waits, and what it gets, by the settings; and what the next one gets.
func TestOutageSettings(t *testing.T) {
	type test struct {
		set   func(*pooled.Config)
		fresh bool // the pool has never connected
		wait  time.Duration
		next  time.Duration // of the next caller
		want  error         // an error of this type
	}
	down, late, ended := &pooled.OutageError{}, &pooled.TimeoutError{}, &pooled.ContextError{}
	patience := func(timeout, wait time.Duration) func(*pooled.Config) {
		return func(c *pooled.Config) { c.Timeout, c.OutageWait = timeout, wait }
	}
	const auto, never = pooled.OutageWaitAuto, pooled.NoLimit
	for name, tt := range map[string]test{
		"the defaults":         {patience(30*time.Second, auto), false, 10 * time.Second, 0, down},
		"a time":               {patience(never, 3*time.Second), false, 3 * time.Second, 0, down},
		"a time, fresh":        {patience(never, 3*time.Second), true, 3 * time.Second, 0, down},
		"no limit":             {patience(never, never), false, time.Minute, time.Minute, ended},
		"no limit, fresh":      {patience(never, never), true, time.Minute, time.Minute, ended},
		"not at all":           {patience(never, 0), false, 0, 0, down},
		"not at all, fresh":    {patience(never, 0), true, 0, 0, errRefused},
		"auto, fresh":          {patience(never, auto), true, 0, 0, errRefused},
		"pool_timeout":         {patience(3*time.Second, auto), false, 3 * time.Second, 3 * time.Second, late},
		"pool_timeout=0":       {patience(0, auto), false, 0, 0, down},
		"pool_timeout=0, too":  {patience(0, never), false, 0, 0, down},
		"pool_timeout=0, both": {patience(0, 0), false, 0, 0, down},
		"static":               {class(pooled.ClassStatic), false, 10 * time.Second, 0, down},
		"null":                 {class(pooled.ClassNull), false, 10 * time.Second, 0, down},
		"assert":               {class(pooled.ClassAssert), false, 10 * time.Second, 0, down},
		"direct":               {class(pooled.ClassDirect), false, 10 * time.Second, 0, down},
		"direct, fresh":        {class(pooled.ClassDirect), true, 0, 0, errRefused},
		"direct, not at all": {func(c *pooled.Config) {
			c.Class, c.OutageWait = pooled.ClassDirect, 0
		}, false, 0, 0, down},
		"direct, no limit": {func(c *pooled.Config) {
			c.Class, c.OutageWait = pooled.ClassDirect, never
		}, false, time.Minute, time.Minute, context.DeadlineExceeded},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				fake := pooledtest.NewFake(t)
				db, _ := open(t, fake, speaks("postgres"), tt.set)
				if !tt.fresh {
					pooledtest.MustExec(t, db, "UPDATE")
				}
				crash(fake)
				for _, want := range []time.Duration{tt.wait, tt.next} {
					ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
					start := time.Now()
					_, err := db.ExecContext(ctx, "UPDATE")
					cancel()
					took := time.Since(start)
					if fmt.Sprintf("%T", err) != fmt.Sprintf("%T", tt.want) || took != want || errors.Is(err, driver.ErrBadConn) {
						t.Errorf("have %T (%v) after %v, want %T after %v", err, err, took, tt.want, want)
					}
				}
			})
		})
	}
}

// Whatever a dial has said, what a caller gets does not make database/sql try again.
func TestOutageIsNeverErrBadConn(t *testing.T) {
	for _, class := range []pooled.Class{pooled.ClassQueue, pooled.ClassDirect} {
		synctest.Test(t, func(t *testing.T) {
			fake := pooledtest.NewFake(t)
			db, pool := open(t, fake, speaks("postgres"), outageWait(0), func(c *pooled.Config) { c.Class = class })
			pooledtest.MustExec(t, db, "UPDATE")
			crash(fake)
			fake.ClearFaults()
			fake.On(pooledtest.StageConnect, pooledtest.BadConn())
			if _, err := db.Exec("UPDATE"); !errors.Is(err, pooled.ErrServerDown) || errors.Is(err, driver.ErrBadConn) {
				t.Errorf("%s: have %v", class, err)
			}
			if s := pool.Stats(); s.OutageErrors != 1 {
				t.Errorf("%s: have %d errors, want the one: %+v", class, s.OutageErrors, s)
			}
		})
	}
}

// Those who wait for a server when the pool is closed get ErrClosed, and nothing goes on.
func TestCloseDuringOutage(t *testing.T) {
	for _, class := range []pooled.Class{
		pooled.ClassQueue, pooled.ClassNull, pooled.ClassStatic, pooled.ClassDirect,
	} {
		t.Run(string(class), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { // which fails if a goroutine is left
				fake := pooledtest.NewFake(t)
				var ended atomic.Int32
				db, pool := open(t, fake, speaks("postgres"), outageWait(pooled.NoLimit), waitsLong, func(c *pooled.Config) {
					c.Class = class
					c.Hooks.OutageEnded = func(pooled.Outage) { ended.Add(1) }
				})
				pooledtest.MustExec(t, db, "UPDATE")
				crash(fake)
				var callers sync.WaitGroup
				for range 5 {
					callers.Go(func() {
						if _, err := db.Exec("UPDATE"); !errors.Is(err, pooled.ErrClosed) {
							t.Errorf("have %v, want ErrClosed", err)
						}
					})
				}
				time.Sleep(3 * time.Second)
				start := time.Now()
				if err := db.Close(); err != nil {
					t.Error(err)
				}
				callers.Wait()
				before := dials(fake)
				time.Sleep(time.Minute)
				if time.Since(start) != time.Minute || dials(fake) != before || ended.Load() != 0 {
					t.Errorf("took %v, then %d dials, %d ends told", time.Since(start)-time.Minute, dials(fake)-before, ended.Load())
				}
				if h := pool.Health(t.Context()); h.Reachable || h.Err != pooled.ErrClosed {
					t.Errorf("have %+v", h)
				}
			})
		})
	}
}

// An outage is told once at its beginning and once at its end, by the hooks, the log and the events, with the same
// figures.
func TestOutageIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := pooledtest.NewFake(t)
		var book pooledtest.LogBook
		var began, ended []pooled.Outage
		db, pool := open(t, fake, speaks("postgres"), logTo(&book), func(c *pooled.Config) {
			c.Hooks.OutageBegan = func(o pooled.Outage) { began = append(began, o) }
			c.Hooks.OutageEnded = func(o pooled.Outage) { ended = append(ended, o) }
		})
		pooledtest.MustExec(t, db, "UPDATE")
		crash(fake)
		start := time.Now()
		done := make(chan error)
		go func() {
			_, err := db.Exec("UPDATE")
			done <- err
		}()
		time.Sleep(3 * time.Second)
		fake.ClearFaults()
		if err := <-done; err != nil {
			t.Error(err)
		}
		took := time.Since(start)
		synctest.Wait()
		if len(began) != 1 || began[0].Since != start || began[0].Err != errRefused {
			t.Errorf("began: have %+v", began)
		}
		probes := int(pool.Stats().Probes)
		if len(ended) != 1 || ended[0].Since != start || ended[0].Took != took || ended[0].Probes != probes || probes < 5 {
			t.Errorf("ended: have %+v, want one after %v and %d probes", ended, took, probes)
		}
		var events []string
		for _, e := range pool.Events() {
			if strings.HasPrefix(e.Name, "outage") {
				events = append(events, e.Name+" "+e.Detail)
			}
		}
		end := fmt.Sprintf("outage_ended after %v, %d probes", took.Round(time.Millisecond), probes)
		if have := fmt.Sprint(events); have != fmt.Sprintf("[outage_began %v %s]", errRefused, end) {
			t.Errorf("events: have %s", have)
		}
		lines := strings.Join(book.Take(), "\n")
		if strings.Count(lines, "WARN") != 2 || strings.Count(lines, fmt.Sprint("probes=", probes)) != 1 {
			t.Errorf("log: have\n%s", lines)
		}
	})
}

// Hooks that panic change nothing.
func TestOutageHooksPanic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := pooledtest.NewFake(t)
		var book pooledtest.LogBook
		db, _ := open(t, fake, speaks("postgres"), logTo(&book), func(c *pooled.Config) {
			c.Hooks.OutageBegan = func(pooled.Outage) { panic("boom") }
			c.Hooks.OutageEnded = func(pooled.Outage) { panic("boom") }
			c.Hooks.Demoted = func(pooled.Host) { panic("boom") }
		})
		pooledtest.MustExec(t, db, insert)
		for _, goes := range []func(){
			func() { crash(fake) },
			func() { fake.Demote(errReadOnly) },
		} {
			goes()
			done := make(chan error)
			go func() {
				_, err := db.Exec(insert)
				done <- err
			}()
			time.Sleep(3 * time.Second)
			fake.ClearFaults()
			fake.TakeOver()
			if err := <-done; err != nil {
				t.Error(err)
			}
			synctest.Wait()
		}
		if have := strings.Join(book.Take(), "\n"); strings.Count(have, "boom") != 5 {
			t.Errorf("have %d panics in the log, want 5:\n%s", strings.Count(have, "boom"), have)
		}
	})
}

// While connections still work callers go on with those, as if the pool were full, however long the outage.
func TestOutageOfNewConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := pooledtest.NewFake(t)
		db, pool := open(t, fake, speaks("postgres"), size(4, 0))
		burst(t, db, 2)
		fake.On(pooledtest.StageConnect, pooledtest.Fail(errRefused))
		var callers sync.WaitGroup
		for range 6 {
			callers.Go(func() {
				for range 100 {
					if _, err := db.Exec("UPDATE"); err != nil {
						t.Error(err)
						return
					}
					conn, _ := grab(t, db)
					time.Sleep(100 * time.Millisecond)
					conn.Close()
				}
			})
		}
		callers.Wait()
		if s := pool.Stats(); s.Outages != 1 || s.OutageErrors != 0 || s.Opened != 2 {
			t.Errorf("have %+v", s)
		}
		held, _ := grab(t, db)
		defer held.Close()
		other, _ := grab(t, db)
		defer other.Close()
		start := time.Now() // nothing comes back any more
		if _, err := db.Exec("UPDATE"); !errors.Is(err, pooled.ErrServerDown) || time.Since(start) > time.Second {
			t.Errorf("have %v after %v", err, time.Since(start))
		}
	})
}

// A database in the process is never away: a connect that takes too long, as when the file is locked, is its caller's
// error and no outage.
func TestNoOutageOfSQLite(t *testing.T) {
	for _, class := range []pooled.Class{pooled.ClassQueue, pooled.ClassDirect} {
		t.Run(string(class), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				fake := pooledtest.NewFake(t)
				db, pool := open(t, fake, speaks("sqlite"), size(1, 1), func(c *pooled.Config) { c.Class = class })
				conn, _ := grab(t, db)
				fake.On(pooledtest.StageConnect, pooledtest.Hang())
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				var outage *pooled.OutageError
				if _, err := db.ExecContext(ctx, "UPDATE"); err == nil || errors.As(err, &outage) {
					t.Errorf("have %v, want an error that is no outage", err)
				}
				fake.ClearFaults()
				time.Sleep(time.Second) // what was opened in vain has ended
				if _, is := pool.Outage(); is || pool.Stats().Probes != 0 || pool.Hosts()[0].State == pooled.HostDown {
					t.Errorf("have an outage %t, %+v, %+v", is, pool.Stats(), pool.Hosts())
				}
				pooledtest.MustExec(t, db, "UPDATE")
				conn.Close()
				db.Close()
			})
		})
	}
}

// With pool_timeout=0 nobody waits for the end of an outage, in any class.
func TestNoTimeoutNoWaitForServer(t *testing.T) {
	for _, class := range []pooled.Class{pooled.ClassQueue, pooled.ClassNull, pooled.ClassDirect} {
		t.Run(string(class), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				fake := pooledtest.NewFake(t)
				db, _ := open(t, fake, speaks("postgres"), func(c *pooled.Config) { c.Class, c.Timeout = class, 0 })
				pooledtest.MustExec(t, db, "UPDATE")
				crash(fake)
				began := time.Now()
				for range 2 {
					if _, err := db.Exec("UPDATE"); !errors.Is(err, pooled.ErrServerDown) || time.Since(began) != 0 {
						t.Errorf("have %v after %v, want ErrServerDown at once", err, time.Since(began))
					}
				}
				db.Close()
			})
		})
	}
}

// The error names each of several hosts, and what was said by it.
func TestOutageErrorOfSeveralHosts(t *testing.T) {
	db, _ := openWith(t, "", "host=127.0.0.1,127.0.0.2 port=1 user=scott sslmode=disable", outageWait(time.Millisecond))
	err := db.Ping()
	var outage *pooled.OutageError
	if !errors.As(err, &outage) || len(outage.Hosts) != 2 || !errors.Is(err, syscall.ECONNREFUSED) {
		t.Fatalf("have %v", err)
	}
	for _, h := range outage.Hosts {
		if h.State != pooled.HostDown || !strings.Contains(err.Error(), h.Name+" down for ") {
			t.Errorf("have %v, want %s in it", err, h.Name)
		}
	}
}
