package pooled_test

import (
	"context"
	"crypto/rand"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/internal/pooledtest"
)

// events is a Hooks value that writes down what happens.
type events struct {
	mu   sync.Mutex
	list []string
}

func (e *events) add(format string, args ...any) {
	e.mu.Lock()
	e.list = append(e.list, fmt.Sprintf(format, args...))
	e.mu.Unlock()
}

func (e *events) take() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	list := e.list
	e.list = nil
	return list
}

func (e *events) hooks() pooled.Hooks {
	return pooled.Hooks{
		BeforeConnect: func(context.Context, *pooled.ConnectParams) error { e.add("before connect"); return nil },
		FirstConnect:  func(_ context.Context, s *pooled.ServerConn) error { e.add("first connect %d", s.ID()); return nil },
		Connect:       func(_ context.Context, s *pooled.ServerConn) error { e.add("connect %d", s.ID()); return nil },
		Checkout:      func(_ context.Context, s *pooled.ServerConn) error { e.add("checkout %d", s.ID()); return nil },
		Reset: func(_ context.Context, s *pooled.ServerConn, state pooled.ResetState) error {
			e.add("reset %d %+v", s.ID(), state)
			return nil
		},
		Checkin:        func(s *pooled.ServerConn) { e.add("checkin %d", s.ID()) },
		Invalidate:     func(s *pooled.ServerConn, cause error) { e.add("invalidate %d: %v", s.ID(), cause) },
		SoftInvalidate: func(s *pooled.ServerConn, cause error) { e.add("soft invalidate %d: %v", s.ID(), cause) },
		Detach:         func(s *pooled.ServerConn) { e.add("detach %d", s.ID()) },
		Close:          func(s *pooled.ServerConn, cause error) { e.add("close %d: %v", s.ID(), cause) },
		ConnectError:   func(err error) { e.add("connect error: %v", err) },
		Timeout:        func(err *pooled.TimeoutError) { e.add("timeout %s", err.Phase) },
		Dispose:        func() { e.add("dispose") },
	}
}

func hooks(h pooled.Hooks) func(*pooled.Config) { return func(c *pooled.Config) { c.Hooks = h } }

// clean is what a Reset hook is told when there was nothing to reset.
const clean = "{TransactionOver:true Sent:}"

// Every event of a checkout, a checkin, a disconnect, what is done by hand and an
// end, in its order.
func TestHooksSequence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var e events
		fake := pooledtest.NewFake(t)
		db, pool := open(t, fake, speaks("sqlserver"),
			func(c *pooled.Config) { c.Recycle = time.Hour; c.RecycleJitter = pooled.Jitter{} }, hooks(e.hooks()))
		conn := func() *sql.Conn {
			t.Helper()
			conn, err := db.Conn(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			pooledtest.MustExec(t, conn, "SELECT 1")
			return conn
		}
		want := func(what string, want ...string) {
			t.Helper()
			synctest.Wait()
			if have := e.take(); !slices.Equal(have, want) {
				t.Errorf("%s:\nhave %q\nwant %q", what, have, want)
			}
		}
		fake.On(pooledtest.StageQuery, pooledtest.Fail(errors.New("not SQL Server")).Match("@@OPTIONS"))

		pooledtest.MustExec(t, db, "SELECT 1")
		const ended = "{TransactionOver:false Sent:IF @@TRANCOUNT > 0 ROLLBACK}"
		want("a first statement", "before connect", "first connect 1", "connect 1", "checkout 1", "reset 1 "+ended,
			"checkin 1")
		pooledtest.MustExec(t, db, "SELECT 1")
		want("a second", "checkout 1", "reset 1 "+ended, "checkin 1")

		fake.On(pooledtest.StageResetSession, pooledtest.BadConn().Times(1))
		pooledtest.MustExec(t, db, "SELECT 1")
		stale := "pooled: disconnect: the driver's ResetSession: driver: bad connection"
		want("one that meets a stale connection", "invalidate 1: "+stale, "close 1: "+stale,
			"before connect", "connect 2", "checkout 2", "reset 2 "+ended, "checkin 2")

		fake.On(pooledtest.StageIsValid, pooledtest.Fail(errors.New("no")).Times(1))
		pooledtest.MustExec(t, db, "SELECT 1")
		want("one that breaks its connection", "checkout 2",
			"invalidate 2: pooled: the connection is broken", "close 2: pooled: the connection is broken")

		c := conn()
		e.take()
		if err := pooled.Detach(t.Context(), c); err != nil {
			t.Error(err)
		}
		want("detach", "detach 3")
		pooledtest.Give(t, c)
		want("closing what was detached", "close 3: <nil>")

		c = conn()
		e.take()
		if err := pooled.Invalidate(c, errors.New("read only")); err != nil {
			t.Error(err)
		}
		want("invalidate", "invalidate 4: read only")
		pooledtest.MustExec(t, c, "SELECT 1")
		want("going on with another", "before connect", "connect 5", "checkout 5")
		pooledtest.Give(t, c)
		want("closing what was invalidated", "reset 5 "+ended, "checkin 5", "close 4: read only")

		c = conn()
		e.take()
		if err := pooled.SoftInvalidate(t.Context(), c, errors.New("old")); err != nil {
			t.Error(err)
		}
		want("soft invalidate", "soft invalidate 5: old")
		pooledtest.MustExec(t, c, "SELECT 1")
		pooledtest.Give(t, c)
		want("giving it back", "close 5: pooled: invalidated softly: old")

		pooledtest.MustExec(t, db, "SELECT 1")
		e.take()
		pool.Dispose()
		want("dispose", "dispose", "close 6: pooled: closed by Pool.Dispose")

		pooledtest.MustExec(t, db, "SELECT 1")
		e.take()
		time.Sleep(time.Hour)
		want("growing old", "before connect", "connect 8", "close 7: pooled: recycled: older than pool_recycle")

		db.Close()
		want("closing the pool", "close 8: <nil>")
	})
}

// A Reset hook is told what the pool sent, also nothing.
func TestResetState(t *testing.T) {
	var e events
	fake := pooledtest.NewFake(t)
	db, _ := open(t, fake, speaks("sqlite"), hooks(pooled.Hooks{Reset: e.hooks().Reset}))
	pooledtest.MustExec(t, db, "SELECT 1")
	pooledtest.MustExec(t, db, "BEGIN")
	tx, err := db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	want := []string{"reset 1 " + clean, "reset 1 {TransactionOver:false Sent:ROLLBACK}", "reset 1 " + clean}
	if have := e.take(); !slices.Equal(have, want) {
		t.Errorf("have %q\nwant %q", have, want)
	}
}

// Values belong to a server connection, and end with it.
func TestServerConnValues(t *testing.T) {
	type key struct{}
	fake := pooledtest.NewFake(t)
	var have []any
	db, pool := open(t, fake, hooks(pooled.Hooks{Checkout: func(_ context.Context, s *pooled.ServerConn) error {
		have = append(have, s.Value(key{}))
		uses, _ := s.Value(key{}).(int)
		s.SetValue(key{}, uses+1)
		return nil
	}}))
	pooledtest.MustExec(t, db, "UPDATE")
	pooledtest.MustExec(t, db, "UPDATE")
	pool.Dispose()
	pooledtest.MustExec(t, db, "UPDATE")
	if want := []any{nil, 1, nil}; !slices.Equal(have, want) {
		t.Errorf("have %v, want %v", have, want)
	}
}

func TestRegisterHooks(t *testing.T) {
	var order []string
	note := func(name string) pooled.Hooks {
		return pooled.Hooks{Checkout: func(context.Context, *pooled.ServerConn) error {
			order = append(order,
				name)
			return nil
		}}
	}
	audit, trace := "audit-"+rand.Text(), "trace-"+rand.Text()
	pooled.RegisterHooks(audit, note("audit"))
	pooled.RegisterHooks(trace, note("trace"))
	fake := pooledtest.NewFake(t)
	db, _ := open(t, fake, hooks(note("own")), func(c *pooled.Config) { c.HookNames = []string{trace, audit} })
	pooledtest.MustExec(t, db, "UPDATE")
	if want := []string{"trace", "audit", "own"}; !slices.Equal(order, want) {
		t.Errorf("have %v, want %v", order, want)
	}

	_, err := sql.Open("pooled", "postgres://u:hunter2@h/db?pool_hooks="+audit+",nobody")
	want := `pooled: pool_hooks: nothing is registered as "nobody" (registered: `
	if err == nil || !strings.HasPrefix(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("have %v, want %s…", err, want)
	}
	for _, name := range []string{"", "a,b", audit} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("register hooks %q: no panic", name)
				}
			}()
			pooled.RegisterHooks(name, pooled.Hooks{})
		}()
	}
}

// The first connect happens once, however many server connections are opened at
// the same moment, and no other is connected before it is over.
func TestFirstConnect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := pooledtest.NewFake(t)
		var mu sync.Mutex
		var order []string
		note := func(what string) { mu.Lock(); order = append(order, what); mu.Unlock() }
		fail := true
		db, _ := open(t, fake, hooks(pooled.Hooks{
			FirstConnect: func(context.Context, *pooled.ServerConn) error {
				time.Sleep(time.Second)
				note("first")
				if fail {
					fail = false
					return errors.New("not yet")
				}
				return nil
			},
			Connect: func(context.Context, *pooled.ServerConn) error { note("connect"); return nil },
		}))
		defer db.Close()
		var failed atomic.Int32
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				if _, err := db.Exec("SLEEP 10s"); err != nil {
					failed.Add(1)
				}
			})
		}
		wg.Wait()
		if want := []string{"first", "first", "connect", "connect", "connect"}; !slices.Equal(order[:5], want) ||
			failed.Load() != 1 {
			t.Errorf("have %v and %d errors, want it to begin with %v, and 1", order, failed.Load(), want)
		}
	})
}

// The pool's own guards come before the user's hooks: what these see is reset.
func TestUsersHooksComeAfterTheGuards(t *testing.T) {
	fake := pooledtest.NewFake(t)
	var inTx []bool
	look := func(_ context.Context, s *pooled.ServerConn) error {
		inTx = append(inTx, fake.InTx(pooledtest.ConnID(s.Raw())))
		return nil
	}
	db, _ := open(t, fake, hooks(pooled.Hooks{Checkout: look,
		Reset: func(ctx context.Context, s *pooled.ServerConn, _ pooled.ResetState) error { return look(ctx, s) }}))
	pooledtest.MustExec(t, db, "BEGIN")
	if want := []bool{false, false}; !slices.Equal(inTx, want) {
		t.Errorf("in a transaction at checkout and reset: have %v, want %v", inTx, want)
	}
}

func TestConnectHookThatFails(t *testing.T) {
	refused := errors.New("wrong time zone")
	fake := pooledtest.NewFake(t)
	db, pool := open(t, fake, hooks(pooled.Hooks{
		Connect: func(context.Context, *pooled.ServerConn) error { return refused },
	}))
	if err := db.Ping(); err != refused {
		t.Errorf("have %v, want %v itself", err, refused)
	}
	if c, s := fake.Counts(), pool.Stats(); c.Open != 0 || s.Open() != 0 || s.ConnectErrors != 1 {
		t.Errorf("have %d open and %+v, want it closed", c.Open, s)
	}
}

func TestCheckoutHookDisconnects(t *testing.T) {
	fake := pooledtest.NewFake(t)
	bad := map[uint64]bool{1: true, 2: true}
	db, _ := open(t, fake, hooks(pooled.Hooks{
		Checkout: func(_ context.Context, s *pooled.ServerConn) error {
			if bad[s.ID()] {
				return fmt.Errorf("%w: read only", pooled.ErrDisconnect)
			}
			return nil
		},
	}))
	conn, n := grab(t, db)
	pooledtest.Give(t, conn)
	if n != 3 {
		t.Errorf("have connection %d, want 3", n)
	}
}

func TestCheckoutHookThatAlwaysDisconnects(t *testing.T) {
	fake := pooledtest.NewFake(t)
	db, _ := open(t, fake, hooks(pooled.Hooks{
		Checkout: func(context.Context, *pooled.ServerConn) error { return pooled.ErrDisconnect },
	}))
	err := db.Ping()
	if !errors.Is(err, pooled.ErrDisconnect) || !strings.Contains(err.Error(), "in a row") {
		t.Errorf("have %v, want an error after a few tries", err)
	}
	if have := fake.Counts().Opened; have > 4 {
		t.Errorf("opened: have %d, want a few", have)
	}
}

func TestCheckoutHookThatFails(t *testing.T) {
	refused := errors.New("not today")
	fake := pooledtest.NewFake(t)
	db, pool := open(t, fake, hooks(pooled.Hooks{
		Checkout: func(context.Context, *pooled.ServerConn) error { return refused },
	}))
	if err := db.Ping(); err != refused {
		t.Errorf("have %v, want %v itself", err, refused)
	}
	if s := pool.Stats(); s.Open() != 0 {
		t.Errorf("have %+v, want it closed", s)
	}
}

// A hook that panics costs the server connection, not its place in the pool.
func TestHookThatPanics(t *testing.T) {
	for _, event := range []string{"Checkout", "Reset", "Checkin", "Invalidate", "Close"} {
		t.Run(event, func(t *testing.T) {
			armed := true
			boom := func() {
				if armed {
					armed = false
					panic("boom")
				}
			}
			var h pooled.Hooks
			switch event {
			case "Checkout":
				h.Checkout = func(context.Context, *pooled.ServerConn) error { boom(); return nil }
			case "Reset":
				h.Reset = func(context.Context, *pooled.ServerConn, pooled.ResetState) error { boom(); return nil }
			case "Checkin":
				h.Checkin = func(*pooled.ServerConn) { boom() }
			case "Invalidate":
				h.Invalidate = func(*pooled.ServerConn, error) { boom() }
			case "Close":
				h.Close = func(*pooled.ServerConn, error) { boom() }
			}
			fake := pooledtest.NewFake(t)
			if h.Invalidate != nil || h.Close != nil { // something has to end it
				fake.On(pooledtest.StageIsValid, pooledtest.Fail(errors.New("no")).Times(1))
			}
			connector := connectorTo(t, fake, size(1, 0), hooks(h))
			defer connector.Close()
			func() {
				defer func() {
					if v := recover(); v != "boom" {
						t.Errorf("have %v, want the panic to go on", v)
					}
				}()
				conn, err := connector.Connect(t.Context())
				if err != nil {
					t.Error(err)
				}
				conn.(*pooled.Conn).ExecContext(t.Context(), "UPDATE", nil)
				conn.(*pooled.Conn).IsValid()
			}()
			conn, err := connector.Connect(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			conn.(*pooled.Conn).IsValid()
			if s := connector.Pool().Stats(); s.Open() != 1 || s.Opened != 2 {
				t.Errorf("have %+v, want one open, the second", s)
			}
		})
	}
}

// The reset hooks have a deadline of their own.
func TestResetHookThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := pooledtest.NewFake(t)
		db, pool := open(t, fake, func(c *pooled.Config) { c.ResetTimeout = time.Second }, hooks(pooled.Hooks{
			Reset: func(ctx context.Context, _ *pooled.ServerConn, _ pooled.ResetState) error {
				<-ctx.Done()
				return ctx.Err()
			},
		}))
		defer db.Close()
		began := time.Now()
		pooledtest.MustExec(t, db, "UPDATE")
		if waited := time.Since(began); waited != time.Second {
			t.Errorf("waited %v, want pool_reset_timeout", waited)
		}
		synctest.Wait()
		if s := pool.Stats(); s.Open() != 0 {
			t.Errorf("have %+v, want it discarded", s)
		}
	})
}

// What a Checkout hook does on the session is the user's to be undone.
func TestWhatACheckoutHookDoesIsReset(t *testing.T) {
	do := map[string]func(ctx context.Context, s *pooled.ServerConn) error{
		"Exec": func(ctx context.Context, s *pooled.ServerConn) error { return s.Exec(ctx, "BEGIN") },
		"Raw": func(ctx context.Context, s *pooled.ServerConn) error {
			_, err := s.Raw().(driver.ExecerContext).ExecContext(ctx, "BEGIN", nil)
			return err
		},
	}
	for name, hook := range do {
		fake := pooledtest.NewFake(t)
		db, _ := open(t, fake, speaks("sqlite"), hooks(pooled.Hooks{Checkout: hook}))
		pooledtest.MustExec(t, db, "SELECT 1")
		if fake.InTx(1) {
			t.Errorf("%s: the transaction outlived its checkout", name)
		}
	}
}

// A hook that ends its goroutine, as t.Fatal does, costs no place.
func TestHookThatEndsItsGoroutine(t *testing.T) {
	for _, c := range []pooled.Class{pooled.ClassQueue, pooled.ClassDirect} {
		fake := pooledtest.NewFake(t)
		ends := true
		db, pool := open(t, fake, class(c), hooks(pooled.Hooks{Connect: func(context.Context, *pooled.ServerConn) error {
			if ends {
				ends = false
				runtime.Goexit()
			}
			return nil
		}}))
		done := make(chan struct{})
		go func() {
			defer close(done)
			db.Exec("UPDATE")
		}()
		<-done
		if c == pooled.ClassQueue {
			pooledtest.MustExec(t, db, "UPDATE")
		}
		if s := pool.Stats(); s.Opening != 0 {
			t.Errorf("%s: have %+v", c, s)
		}
	}
}

// Only new ones count: three that are refused in a row.
func TestHowManyAreRefused(t *testing.T) {
	for _, c := range []pooled.Class{pooled.ClassQueue, pooled.ClassDirect} {
		fake := pooledtest.NewFake(t)
		refuses := false
		db, _ := open(t, fake, class(c), hooks(pooled.Hooks{Checkout: func(context.Context, *pooled.ServerConn) error {
			if refuses {
				return pooled.ErrDisconnect
			}
			return nil
		}}))
		if c == pooled.ClassQueue {
			burst(t, db, 5)
		}
		refuses = true
		before := fake.Counts().Opened
		if err := db.Ping(); !errors.Is(err, pooled.ErrDisconnect) {
			t.Errorf("%s: have %v", c, err)
		}
		if have := fake.Counts().Opened - before; have != 3 {
			t.Errorf("%s: have %d new ones tried, want 3", c, have)
		}
	}
}

// A Close hook that panics leaves nothing open, in no class and also when detached.
func TestCloseHookThatPanics(t *testing.T) {
	for _, c := range []pooled.Class{pooled.ClassQueue, pooled.ClassDirect} {
		for _, detach := range []bool{false, true} {
			fake := pooledtest.NewFake(t)
			db, pool := open(t, fake, class(c), hooks(pooled.Hooks{Close: func(*pooled.ServerConn, error) { panic("boom") }}))
			conn, _ := grab(t, db)
			if detach {
				if err := pooled.Detach(t.Context(), conn); err != nil {
					t.Fatal(err)
				}
			} else if err := pooled.SoftInvalidate(t.Context(), conn, nil); err != nil {
				t.Fatal(err)
			}
			func() {
				defer func() { recover() }()
				conn.Close()
			}()
			fake.Await(t, func(c pooledtest.Counts) bool { return c.Open == 0 })
			if s := pool.Stats(); s.CheckedOut != 0 {
				t.Errorf("%s: have %+v", c, s)
			}
		}
	}
}

// A driver that panics in Close does not end the program.
func TestParentThatPanicsInClose(t *testing.T) {
	fake := pooledtest.NewFake(t, func(f *pooledtest.Fake) { f.AllowLeaks = true })
	db, pool := open(t, fake)
	pooledtest.MustExec(t, db, "UPDATE")
	fake.On(pooledtest.StageClose, pooledtest.Panic("boom").Times(1))
	pool.Dispose()
	pooledtest.WaitUntil(t, func() bool { return pool.Stats().Closing == 0 }, func() string { return "still closing" })
}

// Those who only look on can do no harm: a panic is logged, an ended goroutine costs no place.
func TestWatchersThatPanic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var book pooledtest.LogBook
		fake := pooledtest.NewFake(t)
		fake.On(pooledtest.StageConnect, pooledtest.Fail(errors.New("refused")).Times(2))
		ended := false
		db, pool := open(t, fake, size(1, 0), logTo(&book), func(c *pooled.Config) {
			c.LeakAfter, c.Timeout = time.Second, 5*time.Second
			c.Hooks.Leak = func(pooled.Holder) { panic("leak") }
			c.Hooks.ConnectError = func(error) {
				if ended {
					panic("connect_error")
				}
				ended = true
				runtime.Goexit()
			}
		})
		defer db.Close()
		pool.Observe(func(pooled.Timing, time.Duration) { panic("timing") })
		for range 2 {
			if _, err := db.Exec("UPDATE"); err == nil || err.Error() != "refused" {
				t.Errorf("have %v, want that the server refuses", err)
			}
		}
		conn, _ := grab(t, db)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		pooledtest.Give(t, conn)
		pooledtest.MustExec(t, db, "UPDATE")
		if s := pool.Stats(); s.Idle != 1 || s.CheckedOut+s.Opening+s.Waiting != 0 {
			t.Errorf("have %+v, want one idle and no more", s)
		}
		logged := strings.Join(book.Take(), "\n")
		for _, what := range []string{"leak", "connect_error", "timing"} {
			if !strings.Contains(logged, "a hook or an observer panicked pool=shop panic="+what) {
				t.Errorf("the panic of %s is not logged in\n%s", what, logged)
			}
		}
	})
}

// A Timeout hook is told what the caller gets.
func TestTimeoutHook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told []*pooled.TimeoutError
		db, _ := open(t, pooledtest.NewFake(t), size(1, 0), func(c *pooled.Config) {
			c.Timeout = time.Second
			c.Hooks.Timeout = func(err *pooled.TimeoutError) { told = append(told, err) }
		})
		defer db.Close()
		conn, _ := grab(t, db)
		defer pooledtest.Give(t, conn)
		_, err := db.Exec("UPDATE")
		if len(told) != 1 || told[0] != err {
			t.Errorf("told %v, the caller has %v", told, err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if db.ExecContext(ctx, "UPDATE"); len(told) != 1 {
			t.Errorf("told of the caller's own timeout: %v", told[1:])
		}
	})
}
