package serverconn_test

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pooled-go/pooled/internal/dialect"
	"github.com/pooled-go/pooled/internal/serverconn"
	"github.com/pooled-go/pooled/internal/socket"
)

func TestStart(t *testing.T) {
	c, _ := open(newShared())
	if c.Start(); !c.Busy {
		t.Error("the connection is not busy")
	}
}

func TestTrueErr(t *testing.T) {
	wrapped := fmt.Errorf("wrapped: %w", driver.ErrBadConn)
	reset := &net.OpError{Op: "read", Err: syscall.ECONNRESET}
	for _, test := range []struct {
		name      string
		sent      bool
		err, want error
	}{
		{"no error", false, nil, nil},
		{"no error, sent", true, nil, nil},
		{"nothing was sent", false, driver.ErrBadConn, driver.ErrBadConn},
		{"sent", true, driver.ErrBadConn, errLost},
		{"wrapped, nothing was sent", false, wrapped, wrapped},
		{"wrapped, sent", true, wrapped, errLost},
		{"another error, nothing was sent", false, errBoom, errBoom},
		{"another error, sent", true, errBoom, errBoom},
		{"reset, nothing was sent", false, reset, reset},
		{"reset, sent", true, reset, errLost},
		{"hung up, sent", true, io.ErrUnexpectedEOF, errLost},
	} {
		s, conn := counted(t)
		c := opened(newShared(), fullConn{plainConn{new(server)}}, s)
		write(t, conn) // what was sent before does not count
		c.Start()
		if test.sent {
			write(t, conn)
		}
		if have := c.TrueErr(test.err); have != test.want {
			t.Errorf("%s: have %v, want %v", test.name, have, test.want)
		}
	}
}

// Where nobody counts, the driver is believed.
func TestTrueErrUncounted(t *testing.T) {
	dialed, _ := piped(t)
	for _, s := range []*socket.Socket{nil, dialed} {
		c := opened(newShared(), fullConn{plainConn{new(server)}}, s)
		c.Start()
		if have := c.TrueErr(driver.ErrBadConn); have != driver.ErrBadConn {
			t.Errorf("socket %t: have %v, want %v", s != nil, have, driver.ErrBadConn)
		}
	}
}

// A driver that shows its inside is believed if its connection was closed before, or is still open. Of what it has
// closed since, all but the server's own words and the end of a context is a loss, and is said to be one once.
func TestTrueErrInside(t *testing.T) {
	answer, ended := errors.New("the server's"), fmt.Errorf("timeout: %w", context.DeadlineExceeded)
	for _, test := range []struct {
		before, after bool // closed
		err, want     error
		lost          error // why
	}{
		{true, true, driver.ErrBadConn, driver.ErrBadConn, nil},
		{false, false, driver.ErrBadConn, driver.ErrBadConn, nil}, // it is busy
		{false, false, errBoom, errBoom, nil},
		{false, true, driver.ErrBadConn, errLost, nil},
		{false, true, errBoom, errLost, errBoom},
		{false, true, answer, answer, nil},
		{false, true, ended, ended, nil},
		{false, true, context.Canceled, context.Canceled, nil},
		{false, true, nil, nil, nil},
	} {
		dialed, _ := piped(t)
		shared, closed := newShared(), test.before
		shared.Dialect.Inside = func(driver.Conn) *dialect.Inside {
			return &dialect.Inside{
				Socket: dialed, Closed: func() bool { return closed }, Answered: func(err error) bool { return err == answer },
			}
		}
		var why error
		shared.Lost = func(err error) error { why = err; return errLost }
		c := opened(shared, fullConn{plainConn{new(server)}}, nil)
		c.Start()
		closed = test.after
		have := c.TrueErr(test.err)
		if have != test.want || why != test.lost || c.TrueErr(have) != have || why != test.lost {
			t.Errorf("closed before %t, after %t, %v: have %v, for %v, want %v, for %v", test.before, test.after, test.err,
				have, why, test.want, test.lost)
		}
	}
}

// What was lost has the socket's own error for a cause.
func TestTrueErrCause(t *testing.T) {
	shared := newShared()
	var cause error
	shared.Lost = func(err error) error {
		cause = err
		return errLost
	}
	s, conn := counted(t)
	c := opened(shared, fullConn{plainConn{new(server)}}, s)
	c.Start()
	write(t, conn)
	conn.Close()
	_, failed := conn.Read(make([]byte, 1))
	if c.TrueErr(driver.ErrBadConn); cause == nil || cause != failed {
		t.Errorf("have the cause %v, want %v", cause, failed)
	}
}

func TestBounds(t *testing.T) {
	dialed, _ := piped(t)
	for _, test := range []struct {
		socket   *socket.Socket
		bySocket bool
		want     bool
	}{{nil, false, false}, {nil, true, false}, {dialed, false, false}, {dialed, true, true}} {
		shared := newShared()
		shared.Dialect.BoundBySocket = test.bySocket
		c := opened(shared, fullConn{plainConn{new(server)}}, test.socket)
		if have := c.Bounds(); have != test.want {
			t.Errorf("a socket %t, bound by it %t: have %t", test.socket != nil, test.bySocket, have)
		}
		// Bound by the socket, the operation does not see the context's end, but its caller does.
		var seen error
		have := c.Bounded(ended(t), func(ctx context.Context) error {
			seen = ctx.Err()
			return errBoom
		})
		want, wantSeen := errBoom, context.Canceled
		if test.want {
			want, wantSeen = context.Canceled, nil
		}
		if have != want || seen != wantSeen {
			t.Errorf("a socket %t, bound by it %t: have %v, and the operation saw %v", test.socket != nil, test.bySocket,
				have, seen)
		}
	}
}

func TestBoundedEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shared := newShared()
		shared.Dialect.BoundBySocket = true
		dialed, conn := piped(t)
		c := opened(shared, fullConn{plainConn{new(server)}}, dialed)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		begun := time.Now()
		err := c.Bounded(ctx, func(context.Context) error {
			_, err := io.ReadFull(conn, make([]byte, 1))
			return err
		})
		if took := time.Since(begun); err != context.DeadlineExceeded || took != time.Minute {
			t.Errorf("have %v after %s", err, took)
		}
	})
}

func TestExec(t *testing.T) {
	c, s := open(newShared())
	if err := c.Exec(t.Context(), "SELECT 1"); err != nil {
		t.Error(err)
	}
	s.want(t, "SELECT 1")
	s.fails("SELECT 1", errBoom)
	if err := c.Exec(t.Context(), "SELECT 1"); err != errBoom {
		t.Errorf("have %v, want %v", err, errBoom)
	}
}

// What has to be prepared is closed again, by which the connection may turn out to be dead.
func TestExecPrepared(t *testing.T) {
	s := new(server)
	c := opened(newShared(), plainConn{s}, nil)
	if err := c.Exec(t.Context(), "SELECT 1"); err != nil {
		t.Error(err)
	}
	s.want(t, "prepare SELECT 1", "run SELECT 1", "drop SELECT 1")
	if c.Broken {
		t.Error("the connection is broken")
	}
	s.fails("drop SELECT 1", driver.ErrBadConn)
	if err := c.Exec(t.Context(), "SELECT 1"); !errors.Is(err, driver.ErrBadConn) || !c.Broken {
		t.Errorf("have %v, broken: %t", err, c.Broken)
	}
}

func TestResetContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for timeout, bounded := range map[time.Duration]bool{-1: false, 0: false, time.Second: true} {
			shared := serverconn.Shared{ResetTimeout: timeout}
			ctx, cancel := shared.ResetContext(t.Context())
			if end, have := ctx.Deadline(); have != bounded || bounded && time.Until(end) != timeout {
				t.Errorf("%s: have a deadline %t, in %s", timeout, have, time.Until(end))
			}
			if cancel(); (ctx.Err() != nil) != bounded {
				t.Errorf("%s: after cancel: have %v", timeout, ctx.Err())
			}
			outer, cancelOuter := context.WithCancel(t.Context())
			ctx, cancel = shared.ResetContext(outer)
			if cancelOuter(); ctx.Err() != context.Canceled {
				t.Errorf("%s: it did not end with the other", timeout)
			}
			cancel()
		}
	})
}

func TestClose(t *testing.T) {
	shared, _ := keeping()
	c, s := open(shared)
	keep(t, c, "SELECT ?")
	c.Parked.Discard(&stmt{s, "discarded"})
	c.Parked.Park("parked", &stmt{s, "parked"})
	s.log = nil
	s.fails("close", errBoom)
	if err := c.Close(); err != errBoom {
		t.Errorf("have %v, want %v", err, errBoom)
	}
	s.want(t, "drop discarded", "drop parked", "drop SELECT ?", "close")
}

func TestCloseWithoutStatements(t *testing.T) {
	c, s := open(newShared())
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	s.want(t, "close")
}

func TestClosePanics(t *testing.T) {
	c, s := open(newShared())
	c.Parked.Park("parked", &stmt{s, "parked"})
	s.on = func(what string) error {
		if what == "drop parked" {
			panic(what)
		}
		return nil
	}
	func() {
		defer func() {
			if have := recover(); have != "drop parked" {
				t.Errorf("have %v", have)
			}
		}()
		c.Close()
	}()
	s.want(t, "drop parked", "close")
}

// Statements on a dead connection hold nobody up for longer than a reset would.
func TestCloseIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shared := newShared()
		shared.ResetTimeout = time.Second
		c, s := silent(t, shared)
		c.Parked.Park("parked", &stmt{s, "parked"})
		c.Parked.Park("other", &stmt{s, "other"})
		begun := time.Now()
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		if took := time.Since(begun); took != time.Second {
			t.Errorf("it took %s", took)
		}
		if len(s.log) != 3 || s.log[2] != "close" {
			t.Errorf("reached the server: %q", s.log)
		}
	})
}

// silent is a connection on which a statement's close waits for an answer that doesn't come, until a deadline.
func silent(t *testing.T, shared *serverconn.Shared) (*serverconn.Conn, *server) {
	shared.Dialect.BoundBySocket = true
	dialed, conn := piped(t)
	s := new(server)
	s.on = func(what string) error {
		if what == "close" {
			return nil
		}
		_, err := io.ReadFull(conn, make([]byte, 1))
		return err
	}
	return opened(shared, fullConn{plainConn{s}}, dialed), s
}
