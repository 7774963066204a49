package socket_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http/httptest"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pooled-go/pooled/internal/pooledtest"
	"github.com/pooled-go/pooled/internal/socket"
)

func write(t testing.TB, to net.Conn, text string) {
	t.Helper()
	if _, err := to.Write([]byte(text)); err != nil {
		t.Fatalf("write: %v", err)
	}
}

func wantRead(t testing.TB, from net.Conn, want string) {
	t.Helper()
	have := make([]byte, len(want))
	if _, err := io.ReadFull(from, have); err != nil || string(have) != want {
		t.Fatalf("read: have %q %v, want %q", have, err, want)
	}
}

func TestPeek(t *testing.T) {
	for _, network := range []string{"tcp", "unix"} {
		t.Run(network, func(t *testing.T) {
			ours, theirs, s := pooledtest.SocketPair(t, network)
			pooledtest.PeekSees(t, s, socket.Quiet)
			write(t, theirs, "bye")
			pooledtest.PeekSees(t, s, socket.Pending)
			theirs.Close()
			pooledtest.PeekSees(t, s, socket.Pending) // what is behind the bytes is not seen
			wantRead(t, ours, "bye")                  // and nothing was taken
			if err := pooledtest.PeekSees(t, s, socket.Gone); err != io.EOF {
				t.Errorf("have %v, want %v", err, io.EOF)
			}
		})
	}
	t.Run("reset", func(t *testing.T) {
		_, theirs, s := pooledtest.SocketPair(t, "tcp")
		theirs.(*net.TCPConn).SetLinger(0)
		theirs.Close()
		if err := pooledtest.PeekSees(t, s, socket.Gone); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("have %v, want %v", err, syscall.ECONNRESET)
		}
	})
	t.Run("closed here", func(t *testing.T) {
		ours, _, s := pooledtest.SocketPair(t, "tcp")
		ours.Close()
		if err := pooledtest.PeekSees(t, s, socket.Gone); !errors.Is(err, net.ErrClosed) {
			t.Errorf("have %v, want %v", err, net.ErrClosed)
		}
	})
	t.Run("after a deadline", func(t *testing.T) {
		ours, _, s := pooledtest.SocketPair(t, "tcp")
		ours.SetDeadline(time.Unix(1, 0))
		pooledtest.PeekSees(t, s, socket.Quiet)
	})
	t.Run("not a socket", func(t *testing.T) {
		ours, theirs := net.Pipe()
		defer ours.Close()
		theirs.Close()
		pooledtest.PeekSees(t, socket.New(ours), socket.Unknown)
	})
	t.Run("not known", func(t *testing.T) {
		var s *socket.Socket
		pooledtest.PeekSees(t, s, socket.Unknown)
		if n, counted := s.Sent(); n != 0 || counted || s.LastErr() != nil {
			t.Errorf("sent %d, counted %t, error %v", n, counted, s.LastErr())
		}
		s.Bound(context.Background())()
	})
}

// TestPeekUnderTLS: the socket is seen below what the driver has made of it.
func TestPeekUnderTLS(t *testing.T) {
	ours, theirs, s := pooledtest.SocketPair(t, "tcp")
	made := httptest.NewTLSServer(nil) // for its certificate
	cert := made.TLS.Certificates[0]
	made.Close()
	server := tls.Server(theirs, &tls.Config{Certificates: []tls.Certificate{cert}})
	client := tls.Client(ours, &tls.Config{InsecureSkipVerify: true})
	var echoed sync.WaitGroup
	echoed.Go(func() { io.CopyN(server, server, 5) })
	write(t, client, "hello")
	wantRead(t, client, "hello")
	echoed.Wait()
	pooledtest.PeekSees(t, s, socket.Quiet)
	theirs.Close()
	pooledtest.PeekSees(t, s, socket.Gone)
}

func TestPeekAllocatesNothing(t *testing.T) {
	_, theirs, s := pooledtest.SocketPair(t, "tcp")
	for _, want := range []socket.State{socket.Quiet, socket.Pending} {
		pooledtest.PeekSees(t, s, want)
		if n := testing.AllocsPerRun(100, func() { s.Peek() }); n != 0 {
			t.Errorf("%s: have %v allocations, want 0", want, n)
		}
		write(t, theirs, "x")
	}
}

func BenchmarkPeek(b *testing.B) {
	_, _, s := pooledtest.SocketPair(b, "tcp")
	b.ReportAllocs()
	for b.Loop() {
		if state, err := s.Peek(); state == socket.Gone {
			b.Fatal(err)
		}
	}
}

func TestDial(t *testing.T) {
	t.Run("remembers the connection itself", func(t *testing.T) {
		for _, network := range []string{"tcp", "unix"} {
			ours, _, s := pooledtest.SocketPair(t, network)
			switch ours.(type) {
			case *net.TCPConn, *net.UnixConn:
			default:
				t.Errorf("%s: a %T", network, ours)
			}
			if s == nil || s.Conn() != ours {
				t.Errorf("%s: not remembered", network)
			}
			if _, counted := s.Sent(); counted {
				t.Errorf("%s: says it counts", network)
			}
		}
	})
	t.Run("the last one counts, and only if it was made", func(t *testing.T) {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		address := listener.Addr().String()
		ctx, dialed := socket.Collect(context.Background())
		if dialed.Last() != nil {
			t.Error("known before the first dial")
		}
		var last net.Conn
		for range 2 {
			if last, err = socket.Dial(ctx, "tcp", address); err != nil {
				t.Fatal(err)
			}
			defer last.Close()
		}
		if dialed.Last().Conn() != last {
			t.Error("it is not the last")
		}
		plain, err := socket.Dial(context.Background(), "tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		plain.Close()
		listener.Close()
		_, want := new(net.Dialer).DialContext(ctx, "tcp", address)
		conn, err := socket.Dial(ctx, "tcp", address)
		if conn != nil || err == nil || err.Error() != want.Error() {
			t.Errorf("have %v %v, want %v", conn, err, want)
		}
		if dialed.Last().Conn() != last {
			t.Error("what failed, or belongs to nobody, was remembered")
		}
	})
}

func TestBound(t *testing.T) {
	canceled := func() (context.Context, context.CancelFunc) {
		ctx, cancel := context.WithCancel(context.Background())
		time.AfterFunc(10*time.Millisecond, cancel)
		return ctx, cancel
	}
	within := func(d time.Duration) func() (context.Context, context.CancelFunc) {
		return func() (context.Context, context.CancelFunc) { return context.WithTimeout(context.Background(), d) }
	}
	for _, test := range []struct {
		name string
		ctx  func() (context.Context, context.CancelFunc)
		want error
	}{
		{"end", within(10 * time.Millisecond), context.DeadlineExceeded},
		{"cancel", canceled, context.Canceled},
		{"over before", within(-1), context.DeadlineExceeded},
	} {
		t.Run(test.name, func(t *testing.T) {
			ours, theirs, s := pooledtest.SocketPair(t, "tcp")
			ours.SetWriteDeadline(time.Unix(1, 0)) // as writeTimeout leaves one behind
			ctx, cancel := test.ctx()
			defer cancel()
			release := s.Bound(ctx)
			_, err := ours.Read(make([]byte, 1))
			if err = socket.BoundError(ctx, err); !errors.Is(err, test.want) {
				t.Errorf("have %v, want %v", err, test.want)
			}
			release()
			release()
			write(t, ours, "x") // no deadline is left
			wantRead(t, theirs, "x")
			write(t, theirs, "y")
			wantRead(t, ours, "y")
		})
	}
	t.Run("old deadline", func(t *testing.T) {
		ours, theirs, s := pooledtest.SocketPair(t, "tcp")
		ours.SetDeadline(time.Unix(1, 0))
		defer s.Bound(context.Background())()
		write(t, ours, "x")
		wantRead(t, theirs, "x")
	})
}

// deadlines notes what is set.
type deadlines struct {
	net.Conn
	mu   sync.Mutex
	list []time.Time
}

func (d *deadlines) SetDeadline(t time.Time) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.list = append(d.list, t)
	return nil
}

// TestBoundReleasedWhileCanceled: a cancel that comes at the very moment of the
// release must not hit the next operation.
func TestBoundReleasedWhileCanceled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for range 200 {
			conn := new(deadlines)
			s := socket.New(conn)
			ctx, cancel := context.WithCancel(context.Background())
			release := s.Bound(ctx)
			cancel() // starts a goroutine that sets the deadline
			release()
			synctest.Wait()
			if have := conn.list[len(conn.list)-1]; !have.IsZero() {
				t.Fatalf("a deadline is left: %v", conn.list)
			}
		}
	})
}

// Run is for drivers that must not see the end of ctx.
func TestRun(t *testing.T) {
	ours, theirs, s := pooledtest.SocketPair(t, "tcp")
	ctx, cancel := context.WithCancel(context.Background())
	failed := errors.New("no")
	for _, want := range []error{nil, failed} {
		err := s.Run(ctx, func(inner context.Context) error {
			if inner.Done() != nil {
				t.Error("the driver sees a context that can end")
			}
			return want
		})
		if err != want {
			t.Errorf("have %v, want %v", err, want)
		}
	}
	write(t, ours, "x") // no deadline is left
	wantRead(t, theirs, "x")
	time.AfterFunc(10*time.Millisecond, cancel)
	err := s.Run(ctx, func(context.Context) error {
		_, err := ours.Read(make([]byte, 1))
		return err
	})
	if err != context.Canceled {
		t.Errorf("have %v, want %v", err, context.Canceled)
	}
	if err := s.Run(ctx, func(context.Context) error { return nil }); err != nil {
		t.Errorf("what was done in spite of the end: have %v, want nil", err)
	}
}

func TestBoundErrorOfOthers(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := socket.BoundError(ctx, io.EOF); err != io.EOF {
		t.Errorf("have %v, want %v: the deadline did not do that", err, io.EOF)
	}
	if err := socket.BoundError(ctx, nil); err != nil {
		t.Errorf("have %v, want nil: it was in time", err)
	}
}

// TestDialOne: two connections of a driver that uses either of them are as good as none.
func TestDialOne(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	dial := func(ctx context.Context, network, address string) net.Conn {
		conn, err := socket.DialOne(ctx, new(net.Dialer), false, network, address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		return conn
	}
	ctx, dialed := socket.Collect(t.Context())
	dial(ctx, "udp", listener.Addr().String()) // asks where the server is
	if dialed.Last() != nil {
		t.Error("what is not TCP was remembered")
	}
	if conn := dial(ctx, "tcp", listener.Addr().String()); dialed.Last().Conn() != conn {
		t.Error("it was not remembered")
	}
	dial(context.Background(), "tcp", listener.Addr().String())
	if dialed.Last() == nil {
		t.Error("another's counts")
	}
	if dial(ctx, "tcp", listener.Addr().String()); dialed.Last() != nil {
		t.Error("of two one is remembered")
	}
	listener.Close()
	conn, err := socket.DialOne(ctx, new(net.Dialer), false, "tcp", listener.Addr().String())
	if conn != nil || err == nil {
		t.Errorf("have %v %v, want an error alone", conn, err)
	}
}

// TestBelow: the socket is below what wraps a connection, and its own if nothing does.
func TestBelow(t *testing.T) {
	ours, _, _ := pooledtest.SocketPair(t, "tcp")
	for _, conn := range []net.Conn{ours, tls.Client(ours, nil), tls.Client(tls.Client(ours, nil), nil)} {
		s := socket.Below(conn)
		if s.Conn() != ours {
			t.Errorf("have a %T, want a *net.TCPConn", s.Conn())
		}
		pooledtest.PeekSees(t, s, socket.Quiet)
	}
	pooledtest.PeekSees(t, socket.Below(nil), socket.Unknown)
}

// TestDialCounted: what is dialed under a collector counts. Any other is the connection
// itself.
func TestDialCounted(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	dial := func(ctx context.Context) net.Conn {
		conn, err := socket.DialCounted(ctx, "tcp", listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		return conn
	}
	if conn := dial(context.Background()); fmt.Sprintf("%T", conn) != "*net.TCPConn" {
		t.Errorf("have a %T, want a *net.TCPConn", conn)
	}
	ctx, dialed := socket.Collect(context.Background())
	conn, s := dial(ctx), dialed.Last()
	wantSent := func(want uint64) {
		t.Helper()
		if have, counted := s.Sent(); have != want || !counted {
			t.Errorf("sent: have %d, counted %t, want %d", have, counted, want)
		}
	}
	wantSent(0)
	write(t, conn, "hello")
	wantSent(5)
	if err := s.LastErr(); err != nil {
		t.Errorf("have %v, want no error", err)
	}
	conn.SetDeadline(time.Unix(1, 0))
	if _, err := conn.Read(make([]byte, 1)); err == nil || s.LastErr() != err {
		t.Errorf("have %v, want %v", s.LastErr(), err)
	}
	conn.Close()
	if _, err := conn.Write([]byte("not sent")); err == nil || s.LastErr() != err {
		t.Errorf("have %v, want %v", s.LastErr(), err)
	}
	wantSent(5)
	listener.Close()
	if conn, err := socket.DialCounted(ctx, "tcp", listener.Addr().String()); conn != nil || err == nil {
		t.Errorf("have %v %v, want an error alone", conn, err)
	}
}
