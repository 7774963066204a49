package pooled_test

import (
	"context"
	"database/sql/driver"
	"errors"
	"log/slog"
	"runtime"
	"testing"

	"github.com/ngrok/sqlmw"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/internal/pooledtest"
)

// failsAfterConnect is an interceptor that has connected, and then does not hand the connection on.
type failsAfterConnect struct {
	sqlmw.NullInterceptor
	times int // it connects
	fail  func()
}

func (i *failsAfterConnect) ConnectorConnect(ctx context.Context, c driver.Connector) (conn driver.Conn, err error) {
	if i.fail == nil {
		return c.Connect(ctx)
	}
	for range i.times {
		conn, err = c.Connect(ctx)
	}
	i.fail()
	return conn, err
}

// Whatever goes wrong between the driver's Connect and the pool's first count of the connection, it is closed, and the
// pool works on.
func TestAnOpenedConnectionIsNotLost(t *testing.T) {
	panics := func() { panic("boom") }
	interceptor := &failsAfterConnect{}
	hook := func(f func(*pooled.Hooks)) func(*pooled.Config) { return func(cfg *pooled.Config) { f(&cfg.Hooks) } }
	intercept := func(times int, fail func()) func(*pooled.Config) {
		return func(cfg *pooled.Config) {
			interceptor = &failsAfterConnect{times: times, fail: fail}
			cfg.Interceptors = []pooled.Interceptor{sqlmw.NullInterceptor{}, interceptor, sqlmw.NullInterceptor{}}
		}
	}
	var fails func() error // in a hook
	inHook := func(context.Context, *pooled.ServerConn) error {
		if fails == nil {
			return nil
		}
		return fails()
	}
	boom := func() error { panic("boom") }
	ends := func() error { runtime.Goexit(); return nil }
	refuses := func() error { return errors.New("no") }
	for name, test := range map[string]struct {
		set   func(*pooled.Config)
		fails func() error
		pool  func(*pooled.Pool)
	}{
		"the pool's own work panics":         {set: func(*pooled.Config) {}, pool: pooled.PanicOnce},
		"an interceptor panics":              {set: intercept(1, panics)},
		"an interceptor panics with two":     {set: intercept(2, panics)},
		"an interceptor ends":                {set: intercept(1, runtime.Goexit)},
		"the FirstConnect hook panics":       {set: hook(func(h *pooled.Hooks) { h.FirstConnect = inHook }), fails: boom},
		"the Connect hook panics":            {set: hook(func(h *pooled.Hooks) { h.Connect = inHook }), fails: boom},
		"the Connect hook ends":              {set: hook(func(h *pooled.Hooks) { h.Connect = inHook }), fails: ends},
		"the Connect hook refuses":           {set: hook(func(h *pooled.Hooks) { h.Connect = inHook }), fails: refuses},
		"the Checkout hook panics":           {set: hook(func(h *pooled.Hooks) { h.Checkout = inHook }), fails: boom},
		"the Checkout hook refuses for good": {set: hook(func(h *pooled.Hooks) { h.Checkout = inHook }), fails: refuses},
	} {
		for _, c := range []pooled.Class{pooled.ClassQueue, pooled.ClassDirect} {
			t.Run(name+" "+string(c), func(t *testing.T) {
				fake := pooledtest.NewFake(t)
				quiet := func(cfg *pooled.Config) { cfg.Logger = slog.New(slog.DiscardHandler) }
				db, pool := open(t, fake, quiet, class(c), test.set)
				if fails = test.fails; test.pool != nil {
					test.pool(pool)
				}
				done := make(chan struct{})
				go func() { // which may end
					defer close(done)
					defer func() { recover() }()
					if err := db.Ping(); err == nil {
						t.Error("have no error")
					}
				}()
				<-done
				fake.Await(t, func(c pooledtest.Counts) bool { return c.Opened > 0 && c.Open == 0 })
				interceptor.fail, fails = nil, nil
				empty := func() bool { s := pool.Stats(); return s.Opening+s.Open()+s.Closing == 0 }
				waitUntil(t, empty, pool.String)
				mustExec(t, db, "UPDATE")
			})
		}
	}
}
