package serverconn_test

import (
	"context"
	"database/sql/driver"
	"errors"
	"testing"

	"github.com/pooled-go/pooled/internal/serverconn"
)

func TestMakeRoom(t *testing.T) {
	type key struct{}
	for _, room := range []bool{false, true} {
		shared, _ := keeping()
		c, s := open(shared)
		s.on = func(string) error { return errFull }
		shared.MakeRoom = func(ctx context.Context, have *serverconn.Conn) bool {
			if have != c || ctx.Value(key{}) != "the caller's" {
				t.Errorf("it was asked for %p in %v", have, ctx)
			}
			s.on = nil
			return room
		}
		_, err := c.Driver.Prepare(context.WithValue(t.Context(), key{}, "the caller's"), "SELECT 1")
		if room {
			s.want(t, "prepare SELECT 1", "prepare SELECT 1")
		} else {
			s.want(t, "prepare SELECT 1")
		}
		if (err == nil) != room {
			t.Errorf("room %t: have %v", room, err)
		}
	}
}

// A lease can't go on when its context ended while a kept statement ran, if the driver does not see to that.
func TestCut(t *testing.T) {
	shared, _ := keeping()
	shared.Dialect.Stmts.WatchRows = true
	c, _ := open(shared)
	keep(t, c, "SELECT ?")
	if err := exec(ended(t), c, "SELECT ?"); err != context.Canceled {
		t.Errorf("have %v", err)
	}
	if !c.Cut || !c.Broken || c.Ended != context.Canceled {
		t.Errorf("cut %t, broken %t, ended %v", c.Cut, c.Broken, c.Ended)
	}
	if err := c.Why(); !errors.Is(err, serverconn.ErrBroken) || !errors.Is(err, context.Canceled) {
		t.Errorf("have %v", err)
	}
}

// The driver closes the connection when a context ends, which is the context's error and no other.
func TestLost(t *testing.T) {
	shared, _ := keeping()
	c, s := open(shared)
	keep(t, c, "SELECT ?")
	ctx, cancel := context.WithCancel(t.Context())
	s.on = func(string) error {
		cancel()
		return driver.ErrBadConn
	}
	if err := exec(ctx, c, "SELECT ?"); err != context.Canceled {
		t.Errorf("have %v", err)
	}
	if !c.Broken || c.Cut || c.Usable() {
		t.Errorf("broken %t, cut %t, usable %t", c.Broken, c.Cut, c.Usable())
	}
}

// A stale statement is prepared again by an operation of its own: what was sent before does not count in it.
func TestStartAgain(t *testing.T) {
	shared, _ := keeping()
	s := new(server)
	dialed, conn := counted(t)
	c := opened(shared, fullConn{plainConn{s}}, dialed)
	keep(t, c, "SELECT ?")
	s.log = nil
	s.on = func(what string) error {
		if what == "run SELECT ?" {
			write(t, conn)
			return errStale
		}
		return driver.ErrBadConn
	}
	err := exec(t.Context(), c, "SELECT ?")
	s.want(t, "run SELECT ?", "prepare SELECT ?")
	if have := c.TrueErr(err); have != driver.ErrBadConn {
		t.Errorf("have %v, want %v", have, driver.ErrBadConn)
	}
}

// In a transaction, which may have ended with it, a stale statement is not run again.
func TestStaleInTransaction(t *testing.T) {
	shared, _ := keeping()
	c, s := open(shared)
	keep(t, c, "SELECT ?")
	c.Sending("BEGIN")
	s.log = nil
	s.fails("run SELECT ?", errStale)
	if err := exec(t.Context(), c, "SELECT ?"); err != errStale {
		t.Errorf("have %v, want %v", err, errStale)
	}
	s.want(t, "run SELECT ?")
}

// others is a second connection, which tells what it was told of changes.
type others struct {
	*serverconn.Conn
	*server
}

// told looks whether what it kept was dropped since the last look.
func (o others) told(t *testing.T, when string, want bool) {
	t.Helper()
	o.log = nil
	if err := exec(t.Context(), o.Conn, "SELECT ?"); err != nil {
		t.Fatal(err)
	}
	if have := o.log[0] == "prepare SELECT ?"; have != want {
		t.Errorf("%s: the others were told: %t, want %t", when, have, want)
	}
}

func newOthers(t *testing.T, shared *serverconn.Shared) others {
	t.Helper()
	c, s := open(shared)
	keep(t, c, "SELECT ?")
	return others{c, s}
}

// The others are told of a change when it is committed.
func TestChangeInTransaction(t *testing.T) {
	shared, _ := keeping()
	c, _ := open(shared)
	others := newOthers(t, shared)
	others.told(t, "before", false)
	c.State.BeginTx()
	exec(t.Context(), c, "ALTER TABLE t ADD c int")
	others.told(t, "in the transaction", false)
	c.State.EndTx(true)
	c.Cache.Publish()
	others.told(t, "after it", true)
	exec(t.Context(), c, "SELECT 1")
	others.told(t, "afterwards", false)
}

// Where it is not known whether there is a transaction they are told at once, and again when it may have ended.
func TestChangeInDoubt(t *testing.T) {
	shared, _ := keeping()
	c, _ := open(shared)
	others := newOthers(t, shared)
	exec(t.Context(), c, "BEGIN")
	exec(t.Context(), c, "ALTER TABLE t ADD c int")
	others.told(t, "at once", true)
	exec(t.Context(), c, "SELECT 1")
	others.told(t, "after a plain statement", false)
	exec(t.Context(), c, "COMMIT")
	others.told(t, "after a commit", true)
}
