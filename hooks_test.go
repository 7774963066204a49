package pooled_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
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
		Connect:  func(_ context.Context, s *pooled.ServerConn) error { e.add("connect %d", s.ID()); return nil },
		Checkout: func(_ context.Context, s *pooled.ServerConn) error { e.add("checkout %d", s.ID()); return nil },
		Reset: func(_ context.Context, s *pooled.ServerConn, _ pooled.ResetState) error {
			e.add("reset %d", s.ID())
			return nil
		},
		Checkin: func(s *pooled.ServerConn) { e.add("checkin %d", s.ID()) },
		Close:   func(s *pooled.ServerConn, cause error) { e.add("close %d: %v", s.ID(), cause) },
	}
}

func hooks(h pooled.Hooks) func(*pooled.Config) { return func(c *pooled.Config) { c.Hooks = h } }

func TestHooksSequence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var e events
		fake := pooledtest.NewFake(t)
		db, _ := open(t, fake, hooks(e.hooks()))
		want := func(what string, want ...string) {
			t.Helper()
			synctest.Wait()
			if have := e.take(); !slices.Equal(have, want) {
				t.Errorf("%s:\nhave %q\nwant %q", what, have, want)
			}
		}
		mustExec(t, db, "UPDATE")
		want("a first statement", "connect 1", "checkout 1", "reset 1", "checkin 1")
		mustExec(t, db, "UPDATE")
		want("a second", "checkout 1", "reset 1", "checkin 1")
		fake.On(pooledtest.StageResetSession, pooledtest.BadConn().Times(1))
		mustExec(t, db, "UPDATE")
		want("one that meets a stale connection",
			"close 1: pooled: disconnect: parent's ResetSession: driver: bad connection",
			"connect 2", "checkout 2", "reset 2", "checkin 2")
		fake.On(pooledtest.StageIsValid, pooledtest.Fail(errors.New("no")).Times(1))
		mustExec(t, db, "UPDATE")
		want("one that breaks its connection", "checkout 2", "close 2: pooled: the connection is broken")
		mustExec(t, db, "UPDATE")
		e.take()
		db.Close()
		want("closing the pool", "close 3: <nil>")
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
	mustExec(t, db, "BEGIN")
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
	give(t, conn)
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
	for _, event := range []string{"Checkout", "Reset", "Checkin"} {
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
			}
			fake := pooledtest.NewFake(t)
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
		mustExec(t, db, "UPDATE")
		if waited := time.Since(began); waited != time.Second {
			t.Errorf("waited %v, want pool_reset_timeout", waited)
		}
		synctest.Wait()
		if s := pool.Stats(); s.Open() != 0 {
			t.Errorf("have %+v, want it discarded", s)
		}
	})
}
