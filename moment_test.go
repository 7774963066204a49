package pooled_test

import (
	"context"
	"runtime"
	"testing"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/internal/pooledtest"
)

// A server connection that has just passed the guards passes them no more when something happens, though the coarse
// clock has not moved. In class direct it rests with its Conn then, so the guards alone can tell.
func TestGuardsWithinOneMoment(t *testing.T) {
	for name, happens := range map[string]func(*pooled.Pool, *pooledtest.Fake){
		"disposed of": func(p *pooled.Pool, _ *pooledtest.Fake) { p.Dispose() },
		"invalidated": func(p *pooled.Pool, _ *pooledtest.Fake) { p.InvalidateConn(1, nil) },
	} {
		t.Run(name, func(t *testing.T) {
			fake := pooledtest.NewFake(t)
			db, pool := open(t, fake, class(pooled.ClassDirect))
			mustExec(t, db, "UPDATE")
			mustExec(t, db, "UPDATE")
			happens(pool, fake)
			mustExec(t, db, "UPDATE")
			if s := pool.Stats(); s.Opened != 2 || s.Open() != 1 {
				t.Errorf("have %+v, want one open, the second", s)
			}
		})
	}
}

// A loss is one of these events: those that are left are pinged.
func TestPingAfterALossWithinOneMoment(t *testing.T) {
	fake := pooledtest.NewFake(t)
	db, pool := open(t, fake, size(2, 0))
	first, _ := grab(t, db)
	second, _ := grab(t, db)
	give(t, first, second)
	mustExec(t, db, "UPDATE")
	mustExec(t, db, "UPDATE")
	if n := pings(fake); n != 0 {
		t.Fatalf("have %d pings before the loss", n)
	}
	pooled.Suspect(pool)
	mustExec(t, db, "UPDATE")
	if n := pings(fake); n != 1 {
		t.Errorf("have %d pings, want 1", n)
	}
	mustExec(t, db, "UPDATE")
	if n := pings(fake); n != 1 {
		t.Errorf("have %d pings, want no other", n)
	}
}

// A Checkout hook that panics, or ends its goroutine, costs no place, whatever the borrow was for.
func TestCheckoutHookThatPanicsAnywhere(t *testing.T) {
	ctx := context.Background()
	stmtOf := func(c *pooled.Conn) *pooled.Stmt {
		st, err := c.PrepareContext(ctx, "UPDATE")
		if err != nil {
			t.Fatal(err)
		}
		c.IsValid()
		return st.(*pooled.Stmt)
	}
	for name, borrow := range map[string]func(c *pooled.Conn) func(){
		"exec":    func(c *pooled.Conn) func() { return func() { c.ExecContext(ctx, "UPDATE", nil) } },
		"query":   func(c *pooled.Conn) func() { return func() { c.QueryContext(ctx, "SELECT conn", nil) } },
		"prepare": func(c *pooled.Conn) func() { return func() { c.PrepareContext(ctx, "UPDATE") } },
		"begin":   func(c *pooled.Conn) func() { return func() { c.Begin() } },
		"ping":    func(c *pooled.Conn) func() { return func() { c.Ping(ctx) } },
		"raw":     func(c *pooled.Conn) func() { return func() { c.Raw() } },
		"stmt": func(c *pooled.Conn) func() {
			st := stmtOf(c)
			return func() { st.ExecContext(ctx, nil) }
		},
	} {
		for ending, end := range map[string]func(){"panics": func() { panic("boom") }, "ends": runtime.Goexit} {
			t.Run(name+" "+ending, func(t *testing.T) {
				armed := false
				connector := connectorTo(t, pooledtest.NewFake(t), size(1, 0), hooks(pooled.Hooks{
					Checkout: func(context.Context, *pooled.ServerConn) error {
						if armed {
							armed = false
							end()
						}
						return nil
					},
				}))
				defer connector.Close()
				conn, err := connector.Connect(ctx)
				if err != nil {
					t.Fatal(err)
				}
				c := conn.(*pooled.Conn)
				c.IsValid()
				operation := borrow(c)
				armed = true
				apart(operation)
				wantPlace(t, connector)
			})
		}
	}
}

// The same for the borrows that no operation makes: Connect, and class direct's use of an idle Conn.
func TestCheckoutHookThatPanicsInConnect(t *testing.T) {
	ctx := context.Background()
	for ending, end := range map[string]func(){"panics": func() { panic("boom") }, "ends": runtime.Goexit} {
		for _, c := range []pooled.Class{pooled.ClassQueue, pooled.ClassDirect} {
			t.Run(string(c)+" "+ending, func(t *testing.T) {
				armed := true
				connector := connectorTo(t, pooledtest.NewFake(t), class(c), size(1, 0), hooks(pooled.Hooks{
					Checkout: func(context.Context, *pooled.ServerConn) error {
						if armed {
							armed = false
							end()
						}
						return nil
					},
				}))
				defer connector.Close()
				apart(func() { connector.Connect(ctx) })
				conn, err := connector.Connect(ctx)
				if err != nil {
					t.Fatal(err)
				}
				own := conn.(*pooled.Conn)
				own.IsValid()
				if c == pooled.ClassDirect {
					armed = true
					apart(func() { own.ResetSession(ctx) })
					if s := connector.Pool().Stats(); s.Open() != 0 { // though nobody closes the Conn
						t.Errorf("have %+v, want nothing open", s)
					}
					return
				}
				wantPlace(t, connector)
			})
		}
	}
}

// apart runs f on a goroutine of its own, which it may end or let panic.
func apart(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() { recover() }()
		f()
	}()
	<-done
}

// wantPlace expects that the only place of the pool is free.
func wantPlace(t *testing.T, connector *pooled.Connector) {
	t.Helper()
	conn, err := connector.Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	conn.(*pooled.Conn).IsValid()
	if s := connector.Pool().Stats(); s.Open() != 1 || s.CheckedOut != 0 {
		t.Errorf("have %+v, want one open, and idle", s)
	}
}

// What was judged is the text at hand, also if a prepared statement was sent with it before.
func TestTextAfterAStatementOfTheSameText(t *testing.T) {
	fake := pooledtest.NewFake(t)
	db, pool := open(t, fake, one(pooled.ClassQueue), speaks("postgres"))
	mustExec(t, db, "UPDATE")
	stmt, err := db.Prepare("BEGIN")
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := stmt.Exec(); err != nil {
			t.Fatal(err)
		}
	}
	before := pool.Stats().Resets
	mustExec(t, db, "BEGIN")
	if n := pool.Stats().Resets - before; n != 1 {
		t.Errorf("have %d resets after BEGIN, want 1", n)
	}
	stmt.Close()
}
