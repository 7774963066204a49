package serverconn_test

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pooled-go/pooled/internal/dialect"
	"github.com/pooled-go/pooled/internal/pooledtest"
	"github.com/pooled-go/pooled/internal/serverconn"
	"github.com/pooled-go/pooled/internal/socket"
)

// ending is a connection whose server has hung up, and what its driver knows of that.
func ending(t *testing.T, fatal dialect.Fatal) (*serverconn.Conn, *socket.Socket) {
	_, theirs, s := pooledtest.SocketPair(t, "tcp")
	shared := newShared()
	shared.Ended = func(cause error) error { return &endedError{cause} }
	if fatal != nil {
		shared.Dialect.Fatal = func(driver.Conn) dialect.Fatal { return fatal }
	}
	c := opened(shared, fullConn{plainConn{new(server)}}, s)
	c.StartLease(1)
	theirs.Close()
	pooledtest.PeekSees(t, s, socket.Gone)
	return c, s
}

type endedError struct{ error }

func (e *endedError) Unwrap() error { return e.error }

// said is what a driver knows: what it has not read, and what it has.
type said struct {
	unread, read error
	busy         bool
}

func (s said) Busy() bool                  { return s.busy }
func (s said) Unread(arrived func()) error { arrived(); return s.unread }
func (s said) Read() error                 { return s.read }

// Statements that follow each other at once cost no look. After a millisecond one does, and what it has found stays.
func TestOver(t *testing.T) {
	c, _ := ending(t, nil)
	synctest.Test(t, func(t *testing.T) {
		c.Used()
		for range 2 {
			time.Sleep(time.Millisecond - 1)
			if err := c.Over(t.Context(), time.Time{}); err != nil {
				t.Fatalf("after less than a millisecond: have %v", err)
			}
		}
		time.Sleep(time.Millisecond)
		err := c.Over(t.Context(), time.Time{})
		wantErr(t, err, "the server has closed the connection: EOF", io.EOF)
		if again := c.Over(t.Context(), time.Time{}); again != err {
			t.Errorf("at once: have %v, want %v", again, err)
		}
		c.StartLease(2)
		if err := c.Over(t.Context(), time.Now()); err != nil {
			t.Errorf("in another lease: have %v", err)
		}
	})
}

// Before the second operation the pause is at most as long as the lease.
func TestOverInTheFirstPause(t *testing.T) {
	c, _ := ending(t, nil)
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		time.Sleep(time.Millisecond)
		if err := c.Over(t.Context(), began.Add(time.Nanosecond)); err != nil {
			t.Errorf("have %v", err)
		}
		c.StartLease(2)
		if err := c.Over(t.Context(), began); err == nil {
			t.Error("have no error")
		}
	})
}

// After an operation that lost the connection there is always a look.
func TestOverAfterALoss(t *testing.T) {
	c, _ := ending(t, nil)
	synctest.Test(t, func(t *testing.T) {
		c.Used()
		c.Cause = errBoom
		wantErr(t, c.Over(t.Context(), time.Time{}), "the server has closed the connection: EOF", io.EOF)
	})
}

// What ends while the driver reads, as during a COPY, is told by the driver.
func TestOverWhileTheDriverReads(t *testing.T) {
	c, _ := ending(t, said{unread: errBoom, read: errBoom, busy: true})
	if err := c.Over(t.Context(), time.Time{}); err != nil {
		t.Errorf("have %v", err)
	}
	c.Cause = errBoom
	wantErr(t, c.Over(t.Context(), time.Time{}), "boom")
}

// A driver that says driver.ErrBadConn, so nothing was sent, says it again.
func TestOverAfterBadConn(t *testing.T) {
	c, _ := ending(t, said{read: errBoom})
	c.Cause = driver.ErrBadConn
	if err := c.Over(t.Context(), time.Time{}); err != nil {
		t.Errorf("have %v", err)
	}
}

// What the server said may be in a buffer of the driver's, or of TLS. A driver that shows its inside is made to read
// it.
func TestOverInABuffer(t *testing.T) {
	said := errors.New("the server's")
	for _, test := range []struct {
		read error
		want string
		is   error
	}{
		{said, "the server's", said},
		{errBoom, "the server has closed the connection: EOF", io.EOF}, // the driver's own
		{nil, "the server has closed the connection: EOF", io.EOF},
	} {
		_, theirs, inner := pooledtest.SocketPair(t, "tcp")
		shared := newShared()
		shared.Ended = func(cause error) error { return &endedError{cause} }
		shared.Dialect.Inside = func(driver.Conn) *dialect.Inside {
			return &dialect.Inside{
				Socket: inner, Closed: func() bool { return false }, Answered: func(err error) bool { return err == said },
			}
		}
		server := new(server)
		server.fails(";", test.read)
		c := opened(shared, fullConn{plainConn{server}}, nil)
		c.StartLease(1)
		theirs.Close()
		pooledtest.PeekSees(t, inner, socket.Gone)
		wantErr(t, c.Over(t.Context(), time.Time{}), test.want, test.is)
		server.want(t, ";")
	}
}

// The driver's own end of a connection is told by the driver.
func TestOverClosedHere(t *testing.T) {
	c, s := ending(t, nil)
	s.Conn().Close()
	if err := c.Over(t.Context(), time.Time{}); err != nil {
		t.Errorf("have %v", err)
	}
}

// The server's words come before the socket's. What the driver has read is looked at only after an operation failed:
// before that it may still be reading.
func TestWhatTheServerSaid(t *testing.T) {
	errRead := errors.New("read")
	for _, test := range []struct {
		name string
		said said
		lost bool
		want string
	}{
		{"not read", said{unread: errBoom, read: errRead}, false, "boom"},
		{"read", said{unread: errBoom, read: errRead}, true, "read"},
		{"nothing", said{}, false, "the server has closed the connection: EOF"},
		{"nothing, lost", said{}, true, "the server has closed the connection: EOF"},
		{"the end of a layer above", said{unread: io.EOF}, false, "the server has closed the connection: EOF"},
	} {
		c, _ := ending(t, test.said)
		if test.lost {
			c.Cause = errBoom
		}
		wantErr(t, c.Over(t.Context(), time.Time{}), test.want)
		if _, err := c.Peek(t.Context()); err == nil || err.Error() != test.want {
			t.Errorf("%s: idle: have %v, want %s", test.name, err, test.want)
		}
	}
}

// A ping's error is the server's own.
func TestPingReason(t *testing.T) {
	c, _ := ending(t, said{read: errBoom})
	c.Driver.Pinger = pinger{}
	if _, err := c.Ping(t.Context(), time.Minute); err != errBoom {
		t.Errorf("have %v, want %v", err, errBoom)
	}
}

type pinger struct{}

func (pinger) Ping(context.Context) error { return driver.ErrBadConn }

// A server that has once taken no statements is asked by one, and a new connection too: it might lead there.
func TestAskedAfterRefusal(t *testing.T) {
	shared := newShared()
	shared.Dialect.Refuses, shared.Dialect.Ask = func(err error) bool { return errors.Is(err, errFull) }, "ASK"
	c, s := open(shared)
	c.Driver.Pinger = pinger{}
	for _, err := range []error{nil, errBoom} {
		if c.Refused(err) {
			t.Errorf("%v is taken for a refusal", err)
		}
	}
	if err := c.Ready(t.Context()); err != nil {
		t.Errorf("before: have %v, want none", err)
	}
	if _, err := c.Ping(t.Context(), 0); err != driver.ErrBadConn {
		t.Errorf("before: have %v, want the driver's ping", err)
	}
	if !c.Refused(fmt.Errorf("query: %w", errFull)) {
		t.Error("a refusal is not recognised")
	}
	if _, err := c.Ping(t.Context(), 0); err != nil {
		t.Errorf("after: have %v, want none", err)
	}
	s.want(t, "ASK")

	other, s := open(shared)
	if err := other.Ready(t.Context()); err != nil {
		t.Error(err)
	}
	s.want(t, "ASK")
	s.fails("ASK", errFull)
	if err := other.Ready(t.Context()); !errors.Is(err, errFull) {
		t.Errorf("have %v, want %v", err, errFull)
	}
}
