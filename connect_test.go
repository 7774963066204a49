package pooled_test

import (
	"context"
	"crypto/rand"
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ngrok/sqlmw"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/internal/pooledtest"
	"github.com/pooled-go/pooled/internal/socket"
)

// TestDialContext: what a program dials for the pool is remembered, and is the connection itself.
func TestDialContext(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	ctx, dialed := socket.Collect(t.Context())
	conn, err := pooled.DialContext(ctx, "tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, ok := conn.(*net.TCPConn); !ok {
		t.Errorf("have a %T", conn)
	}
	if have := dialed.Last().Conn(); have != conn {
		t.Errorf("remembered: have %v, want %v", have, conn)
	}
}

// beforeConnect registers one hook for a DSN to name.
func beforeConnect(hook func(context.Context, *pooled.ConnectParams) error) string {
	name := "before-" + rand.Text()
	pooled.RegisterHooks(name, pooled.Hooks{BeforeConnect: hook})
	return name
}

// What the hook asks for reaches the driver, for that dial alone.
func TestBeforeConnectChangesTheDSN(t *testing.T) {
	fake := pooledtest.NewFake(t)
	driverName := "fake-" + strings.ToLower(rand.Text()[:6])
	sql.Register(driverName, fake.Driver())
	calls := 0
	name := beforeConnect(func(_ context.Context, p *pooled.ConnectParams) error {
		calls++
		switch calls {
		case 1:
			p.DSN += "&token=a"
		case 2:
			p.Args = map[string]string{"region": "north"}
		case 4:
			return errors.New("no token today")
		}
		return nil
	})
	db, err := sql.Open("pooled", "fake://h/db?x=1&pool_driver="+driverName+"&pool_hooks="+name)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	pool, _ := pooled.PoolOf(db)
	for range 3 {
		pooledtest.MustExec(t, db, "UPDATE")
		pool.Dispose()
	}
	if _, err := db.Exec("UPDATE"); err == nil || err.Error() != "no token today" {
		t.Errorf("have %v, want the hook's error itself", err)
	}
	want := []string{"fake://h/db?x=1&token=a", "fake://h/db?x=1&region=north", "fake://h/db?x=1"}
	if have := fake.DSNs(); !slices.Equal(have, want) {
		t.Errorf("have %q\nwant %q", have, want)
	}
}

// A driver that the program made itself has no DSN to change: to ask for that is an
// error, not in vain.
func TestBeforeConnectWithoutADSN(t *testing.T) {
	fake := pooledtest.NewFake(t)
	change := false
	db, _ := open(t, fake, hooks(pooled.Hooks{BeforeConnect: func(_ context.Context, p *pooled.ConnectParams) error {
		if change {
			p.Password = "hunter2"
		}
		return nil
	}}))
	pooledtest.MustExec(t, db, "UPDATE")
	pool, _ := pooled.PoolOf(db)
	pool.Dispose()
	change = true
	if _, err := db.Exec("UPDATE"); err == nil || !strings.Contains(err.Error(), "no DSN to change") ||
		strings.Contains(err.Error(), "hunter2") {
		t.Errorf("have %v", err)
	}
}

func TestConnectParamsShowNoSecret(t *testing.T) {
	p := pooled.ConnectParams{DSN: "postgres://u:hunter2@h/db", Password: "hunter2",
		Args: map[string]string{"password": "hunter2"}}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%d", "%q", "%x"} {
		if have := fmt.Sprintf(verb, p) + fmt.Sprintf(verb, &p); strings.Contains(have, "hunter2") {
			t.Errorf("%s: %s", verb, have)
		}
	}
	if have, err := json.Marshal(p); err != nil || strings.Contains(string(have), "hunter2") {
		t.Errorf("have %s, %v", have, err)
	}
}

// A Config that was changed in code, and needs no connector to be made by hand.
func TestOpenConfig(t *testing.T) {
	cfg, err := pooled.ParseDSN("sqlite://?pool_size=1")
	if err != nil {
		t.Fatal(err)
	}
	connected := 0
	cfg.Hooks.Connect = func(context.Context, *pooled.ServerConn) error { connected++; return nil }
	db, err := pooled.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.Ping(); err != nil || connected != 1 {
		t.Errorf("have %v and %d connects", err, connected)
	}
	if _, err := pooled.Open(pooled.Config{}); err == nil || !strings.Contains(err.Error(), "NewConfig") {
		t.Errorf("the zero Config: have %v", err)
	}
}

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
				pooledtest.WaitUntil(t, empty, pool.String)
				pooledtest.MustExec(t, db, "UPDATE")
			})
		}
	}
}

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
