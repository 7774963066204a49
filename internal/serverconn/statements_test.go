package serverconn_test

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pooled-go/pooled/internal/dialect"
	"github.com/pooled-go/pooled/internal/serverconn"
)

func TestNeedsCleanUp(t *testing.T) {
	for _, test := range []struct {
		name string
		do   func(*serverconn.Conn, *server)
		want bool
	}{
		{"nothing", func(*serverconn.Conn, *server) {}, false},
		{"kept", func(c *serverconn.Conn, s *server) { keep(t, c, "SELECT ?") }, false},
		{"parked", func(c *serverconn.Conn, s *server) { c.Parked.Park("a", &stmt{s, "a"}) }, false},
		{"discarded", func(c *serverconn.Conn, s *server) { c.Parked.Discard(&stmt{s, "a"}) }, true},
		{"the cache", func(c *serverconn.Conn, s *server) { c.Sending("USE other") }, true},
	} {
		shared, _ := keeping()
		c, s := open(shared)
		if test.do(c, s); c.NeedsCleanUp() != test.want {
			t.Errorf("%s: have %t, want %t", test.name, !test.want, test.want)
		}
		c.Close()
	}
}

// drop is told that nobody needs the texts any more.
func drop(shared *serverconn.Shared, texts ...string) {
	for _, text := range texts {
		shared.Texts.Add(text)
		shared.Texts.Drop(text)
	}
}

func TestCleanUp(t *testing.T) {
	shared, _ := keeping()
	c, s := open(shared)
	keep(t, c, "SELECT ?")
	c.Sending("USE other") // drops what is kept
	c.Parked.Park("needed", &stmt{s, "needed"})
	c.Parked.Park("not needed", &stmt{s, "not needed"})
	c.Parked.Discard(&stmt{s, "discarded"})
	shared.Texts.Add("needed")
	if drop(shared, "not needed"); !c.NeedsCleanUp() {
		t.Error("there is nothing to tidy")
	}
	s.log = nil
	if err := c.CleanUp(); err != nil {
		t.Error(err)
	}
	s.want(t, "drop discarded", "drop not needed", "drop SELECT ?")
	if c.NeedsCleanUp() || c.Broken {
		t.Errorf("after it: untidy %t, broken %t", c.NeedsCleanUp(), c.Broken)
	}
	if err := c.CleanUp(); err != nil {
		t.Error(err)
	}
	s.want(t)
	c.Close()
}

// A connection that turns out to be dead is left alone from then on.
func TestCleanUpDead(t *testing.T) {
	const cause = "pooled: close statement: driver: bad connection"
	for _, test := range []struct {
		dead string
		want []string
	}{
		{"drop discarded", []string{"drop discarded"}},
		{"drop parked", []string{"drop discarded", "drop parked"}},
	} {
		shared, _ := keeping()
		c, s := open(shared)
		keep(t, c, "SELECT ?")
		c.Sending("USE other")
		c.Parked.Discard(&stmt{s, "discarded"})
		c.Parked.Park("parked", &stmt{s, "parked"})
		drop(shared, "parked")
		s.log = nil
		s.fails(test.dead, driver.ErrBadConn)
		wantErr(t, c.CleanUp(), cause, driver.ErrBadConn)
		s.want(t, test.want...)
		if !c.Broken || c.Usable() {
			t.Errorf("%s: broken %t, usable %t", test.dead, c.Broken, c.Usable())
		}
	}
}

// After an error of a kept statement's close nobody knows what is on the wire.
func TestCleanUpCache(t *testing.T) {
	shared, _ := keeping()
	c, s := open(shared)
	keep(t, c, "SELECT ?")
	c.Sending("USE other")
	s.fails("drop SELECT ?", errBoom)
	if err := c.CleanUp(); err != errBoom || !c.Broken {
		t.Errorf("have %v, broken: %t", err, c.Broken)
	}
	// The cause stays open for the operation that meets it, which is a loss and news to the pool.
	if c.Cause != nil {
		t.Errorf("have the cause %v", c.Cause)
	}
}

func TestCleanUpIsBounded(t *testing.T) {
	for _, what := range []string{"discarded", "parked", "kept"} {
		synctest.Test(t, func(t *testing.T) {
			shared, _ := keeping()
			shared.ResetTimeout = time.Second
			c, s := silent(t, shared)
			switch what {
			case "discarded":
				c.Parked.Discard(&stmt{s, "a"})
			case "parked":
				c.Parked.Park("a", &stmt{s, "a"})
				drop(shared, "a")
			case "kept":
				waits := s.on
				s.on = nil
				keep(t, c, "SELECT ?")
				s.on = waits
				c.Sending("USE other")
			}
			begun := time.Now()
			err := c.CleanUp()
			if took := time.Since(begun); !errors.Is(err, context.DeadlineExceeded) || took != time.Second || !c.Broken {
				t.Errorf("%s: have %v after %s, broken: %t", what, err, took, c.Broken)
			}
		})
	}
}

func TestCloseUnwanted(t *testing.T) {
	shared := newShared()
	c, s := open(shared)
	c.Parked.Park("a", &stmt{s, "a"})
	c.Parked.Park("b", &stmt{s, "b"})
	c.Parked.Discard(&stmt{s, "discarded"})
	if c.HasUnwanted() {
		t.Error("some are unwanted, though no text was dropped since")
	}
	shared.Texts.Add("b")
	drop(shared, "a")
	if !c.HasUnwanted() {
		t.Error("none is unwanted, though a text was dropped")
	}
	if err := c.CloseUnwanted(t.Context()); err != nil {
		t.Error(err)
	}
	s.want(t, "drop a")
	shared.Texts.Drop("b")
	s.fails("drop b", errBoom) // which says nothing of the connection
	if err := c.CloseUnwanted(t.Context()); err != nil || c.Broken {
		t.Errorf("have %v, broken: %t", err, c.Broken)
	}
	s.want(t, "drop b")
}

func TestCloseUnwantedDead(t *testing.T) {
	shared := newShared()
	c, s := open(shared)
	c.Parked.Park("a", &stmt{s, "a"})
	drop(shared, "a")
	s.fails("drop a", driver.ErrBadConn)
	wantErr(t, c.CloseUnwanted(t.Context()), "pooled: close statement: driver: bad connection", driver.ErrBadConn)
	if !c.Broken {
		t.Error("the connection is not broken")
	}
}

func TestCloseUnwantedIsBounded(t *testing.T) {
	for _, test := range []struct{ reset, caller, want time.Duration }{
		{time.Second, time.Minute, time.Second},
		{time.Minute, time.Second, time.Second},
		{0, time.Second, time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			shared := newShared()
			shared.ResetTimeout = test.reset
			c, s := silent(t, shared)
			c.Parked.Park("a", &stmt{s, "a"})
			drop(shared, "a")
			ctx, cancel := context.WithTimeout(t.Context(), test.caller)
			defer cancel()
			begun := time.Now()
			err := c.CloseUnwanted(ctx)
			if took := time.Since(begun); !errors.Is(err, context.DeadlineExceeded) || took != test.want {
				t.Errorf("%+v: have %v after %s", test, err, took)
			}
		})
	}
}

func TestCloseStmt(t *testing.T) {
	for _, test := range []struct {
		name         string
		ends         bool // the context
		err          error
		cause, ended error // before
		broken       bool
		why          string
	}{
		{name: "closed"},
		{name: "closed, but late", ends: true},
		{name: "an error of the statement's", err: errBoom},
		{name: "dead", err: driver.ErrBadConn, broken: true,
			why: "pooled: close statement: driver: bad connection"},
		{name: "not in time", ends: true, err: errBoom, broken: true, why: "pooled: close statement: boom"},
		{name: "the cause is known", err: driver.ErrBadConn, cause: io.EOF, broken: true, why: "EOF"},
		{name: "a context's end is", err: driver.ErrBadConn, ended: context.Canceled, broken: true,
			why: "pooled: the connection is broken: a context ended while it was in use: context canceled"},
	} {
		c, s := open(newShared())
		c.Cause, c.Ended = test.cause, test.ended
		s.fails("drop a", test.err)
		ctx := t.Context()
		if test.ends {
			ctx = ended(t)
		}
		if have := c.CloseStmt(ctx, &stmt{s, "a"}); have != test.err {
			t.Errorf("%s: have %v, want %v", test.name, have, test.err)
		}
		if c.Broken != test.broken {
			t.Errorf("%s: broken: %t", test.name, c.Broken)
		}
		if test.broken {
			wantErr(t, c.Why(), test.why)
		} else if c.Cause != nil {
			t.Errorf("%s: have the cause %v", test.name, c.Cause)
		}
		s.want(t, "drop a")
	}
}

// A question's own statement is closed like any other.
func TestQueryRowPrepared(t *testing.T) {
	shared := newShared()
	shared.Dialect.Probe = func(ctx context.Context, s dialect.Session, _ dialect.Wants) (dialect.Facts, error) {
		row, err := s.QueryRow(ctx, "SELECT 1")
		if err != nil || len(row) != 1 || row[0] != int64(1) {
			t.Errorf("have %v, %v", row, err)
		}
		return dialect.Facts{}, err
	}
	for _, dead := range []bool{false, true} {
		s := &server{row: []driver.Value{int64(1)}}
		c := opened(shared, plainConn{s}, nil)
		if dead {
			s.fails("drop SELECT 1", driver.ErrBadConn)
		}
		if _, err := c.Prepare(t.Context(), dialect.Wants{}); err != nil {
			t.Error(err)
		}
		s.want(t, "prepare SELECT 1", "run SELECT 1", "drop SELECT 1")
		if c.Broken != dead {
			t.Errorf("dead %t: broken %t", dead, c.Broken)
		}
	}
}
