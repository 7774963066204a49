package pooled_test

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/internal/pooledtest"
)

// hookedBefore sets a hook.
func hookedBefore(hook func() error) func(*pooled.Config) {
	return func(c *pooled.Config) {
		c.Hooks.BeforeConnect = func(context.Context, *pooled.ConnectParams) error { return hook() }
	}
}

// waitsLong lets callers wait in the queue for as long as it takes.
func waitsLong(c *pooled.Config) { c.Timeout = pooled.NoLimit }

// A BeforeConnect hook that fails or panics in a probe says nothing of the server, and the probes go on.
func TestProbesAndHooks(t *testing.T) {
	for name, happens := range map[string]func() error{
		"error":        func() error { return errors.New("the vault is sealed") },
		"away":         func() error { return errRefused },
		"panic":        func() error { panic("boom") },
		"ErrBadConn":   func() error { return driver.ErrBadConn },
		"no such host": func() error { return syscall.ENOENT },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				fake := pooledtest.NewFake(t)
				var failing atomic.Bool
				var called atomic.Int32
				db, pool := open(t, fake, speaks("postgres"), outageWait(pooled.NoLimit), waitsLong, hookedBefore(func() error {
					called.Add(1)
					if failing.Load() {
						return happens()
					}
					return nil
				}))
				pooledtest.MustExec(t, db, "UPDATE")
				crash(fake)
				done := make(chan error)
				go func() {
					_, err := db.Exec("UPDATE")
					done <- err
				}()
				time.Sleep(time.Second)
				failing.Store(true)
				fake.ClearFaults()
				before, calls := dials(fake), called.Load()
				time.Sleep(time.Minute)
				if dials(fake) != before || called.Load() < calls+10 {
					t.Errorf("have %d dials and %d probes, want 0 and some", dials(fake)-before, called.Load()-calls)
				}
				if h := pool.Hosts()[0]; h.State != pooled.HostDown || pool.Health(t.Context()).Reachable {
					t.Errorf("have %+v, want it down as before", h)
				}
				failing.Store(false)
				if err := <-done; err != nil {
					t.Errorf("have %v, want none when the hook is well again", err)
				}
			})
		})
	}
}

// outageOfAnother is what another pool says, as to a hook that asks it for a password.
func outageOfAnother(t *testing.T) error {
	fake := pooledtest.NewFake(t)
	fake.On(pooledtest.StageConnect, pooledtest.Fail(errRefused))
	db, _ := open(t, fake, func(c *pooled.Config) { c.Timeout, c.OutageWait = 0, pooled.NoLimit })
	return db.Ping()
}

// What hooks about opening say is the caller's at once, even if it looks like an outage.
func TestHooksBeginNoOutage(t *testing.T) {
	for name, set := range map[string]func(*pooled.Config, *error){
		"BeforeConnect": func(c *pooled.Config, err *error) { hookedBefore(func() error { return *err })(c) },
		"FirstConnect": func(c *pooled.Config, err *error) {
			c.Hooks.FirstConnect = func(context.Context, *pooled.ServerConn) error { return *err }
		},
		"Connect": func(c *pooled.Config, err *error) {
			c.Hooks.Connect = func(context.Context, *pooled.ServerConn) error { return *err }
		},
	} {
		for _, class := range []pooled.Class{pooled.ClassQueue, pooled.ClassDirect} {
			t.Run(name+" "+string(class), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					said := errRefused
					db, pool := open(t, pooledtest.NewFake(t), speaks("postgres"), outageWait(pooled.NoLimit),
						func(c *pooled.Config) {
							c.Class = class
							set(c, &said)
						})
					start := time.Now()
					for _, said = range []error{errRefused, io.EOF, driver.ErrBadConn, outageOfAnother(t)} {
						if err := db.Ping(); err != said || time.Since(start) != 0 {
							t.Errorf("have %v after %v, want the hook's error at once", err, time.Since(start))
						}
					}
					if s := pool.Stats(); s.Outages+s.Probes+s.OutageErrors != 0 {
						t.Errorf("have %+v, want no outage", s)
					}
				})
			})
		}
	}
}

// The password that a driver repeats in its error is nowhere in what is told of an outage.
func TestOutageShowsNoPassword(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const secret = "SuperSecretPassword"
		var book pooledtest.LogBook
		var told []pooled.Outage
		fake := pooledtest.NewFake(t)
		db, pool := open(t, fake, logTo(&book), func(c *pooled.Config) {
			c.Driver, c.DSN = "postgres", "postgres://scott:"+secret+"@h/db"
			c.Hooks.OutageBegan = func(o pooled.Outage) { told = append(told, o) }
			c.Hooks.OutageEnded = func(o pooled.Outage) { told = append(told, o) }
		})
		pooledtest.MustExec(t, db, "UPDATE")
		crash(fake)
		fake.ClearFaults()
		fake.On(pooledtest.StageConnect, pooledtest.Fail(fmt.Errorf("password=%s: %w", secret, syscall.ECONNREFUSED)))
		_, err := db.Exec("UPDATE")
		var outage *pooled.OutageError
		if !errors.As(err, &outage) || !errors.Is(err, syscall.ECONNREFUSED) {
			t.Fatalf("have %v, want an outage with its cause", err)
		}
		all := fmt.Sprint(err, outage.Err, outage.Hosts, pool.Hosts(), pool.Health(t.Context()), pool.Events())
		fake.ClearFaults()
		time.Sleep(6 * time.Second)
		synctest.Wait()
		all += fmt.Sprint(told, book.Take(), pool.Events())
		if len(told) != 2 || strings.Contains(all, secret) || strings.Count(all, "password=") < 5 {
			t.Errorf("%d times told, the password occurs or there is nothing: %s", len(told), all)
		}
	})
}

// A connection that is lost while it is greeted is opened anew, once.
func TestLostWhileGreetedIsOpenedAnew(t *testing.T) {
	for _, class := range []pooled.Class{pooled.ClassQueue, pooled.ClassDirect} {
		for lost, want := range map[int]string{0: "", 1: "", 2: "it was lost before its first use"} {
			t.Run(fmt.Sprint(class, " ", lost), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					fake := pooledtest.NewFake(t)
					db, _ := open(t, fake, speaks("postgres"), func(c *pooled.Config) { c.Class = class })
					if lost > 0 {
						fake.On(pooledtest.StageQuery, pooledtest.Fail(io.EOF).Times(lost))
					}
					_, err := db.Exec("UPDATE")
					if err == nil && want != "" || err != nil && (want == "" || !strings.Contains(err.Error(), want)) ||
						errors.Is(err, driver.ErrBadConn) {
						t.Errorf("have %v, want %q", err, want)
					}
					if have, want := dials(fake), min(lost+1, 2); have != want {
						t.Errorf("have %d dials, want %d", have, want)
					}
				})
			})
		}
	}
}
