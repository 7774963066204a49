package pooled_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http/httptest"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pooled-go/pooled"
)

// dialPair is a connection made by pooled.DialContext, its other end, and what
// the pool remembers of it.
func dialPair(t testing.TB, network string) (ours, theirs net.Conn, socket pooled.Socket) {
	t.Helper()
	address := "127.0.0.1:0"
	if network == "unix" {
		address = filepath.Join(t.TempDir(), "socket")
	}
	listener, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	ctx, dialed := pooled.WithDialed(context.Background())
	if ours, err = pooled.DialContext(ctx, network, listener.Addr().String()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ours.Close() })
	if theirs, err = listener.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { theirs.Close() })
	return ours, theirs, dialed()
}

// peekSees waits until a peek shows the state; on platforms that can't see, it ends the test.
func peekSees(t *testing.T, s pooled.Socket, want string) error {
	t.Helper()
	switch runtime.GOOS {
	case "linux", "darwin", "freebsd", "netbsd", "openbsd", "dragonfly":
	default:
		t.Skip("socket_other.go can't look at a socket on " + runtime.GOOS + ", and says unknown")
	}
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		have, err := s.Peek()
		if have == want {
			if (err != nil) != (want == "gone") {
				t.Errorf("%s, error: %v", have, err)
			}
			return err
		}
		if time.Now().After(end) {
			t.Fatalf("peek: have %s (%v), want %s", have, err, want)
		}
	}
}

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

func TestSocketPeek(t *testing.T) {
	for _, network := range []string{"tcp", "unix"} {
		t.Run(network, func(t *testing.T) {
			ours, theirs, s := dialPair(t, network)
			peekSees(t, s, "quiet")
			write(t, theirs, "bye")
			peekSees(t, s, "pending")
			theirs.Close()
			peekSees(t, s, "pending") // what is behind the bytes is not seen
			wantRead(t, ours, "bye")  // and nothing was taken
			if err := peekSees(t, s, "gone"); err != io.EOF {
				t.Errorf("have %v, want %v", err, io.EOF)
			}
		})
	}
	t.Run("reset", func(t *testing.T) {
		_, theirs, s := dialPair(t, "tcp")
		theirs.(*net.TCPConn).SetLinger(0)
		theirs.Close()
		if err := peekSees(t, s, "gone"); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("have %v, want %v", err, syscall.ECONNRESET)
		}
	})
	t.Run("closed here", func(t *testing.T) {
		ours, _, s := dialPair(t, "tcp")
		ours.Close()
		if err := peekSees(t, s, "gone"); !errors.Is(err, net.ErrClosed) {
			t.Errorf("have %v, want %v", err, net.ErrClosed)
		}
	})
	t.Run("after a deadline", func(t *testing.T) {
		ours, _, s := dialPair(t, "tcp")
		ours.SetDeadline(time.Unix(1, 0))
		peekSees(t, s, "quiet")
	})
	t.Run("not a socket", func(t *testing.T) {
		ours, theirs := net.Pipe()
		defer ours.Close()
		theirs.Close()
		peekSees(t, pooled.NewSocket(ours), "unknown")
	})
	t.Run("not known", func(t *testing.T) {
		var s pooled.Socket
		peekSees(t, s, "unknown")
		if n, counted := s.Sent(); n != 0 || counted || s.LastErr() != nil {
			t.Errorf("sent %d, counted %t, error %v", n, counted, s.LastErr())
		}
		s.Bound(context.Background())()
	})
}

// TestSocketPeekUnderTLS: the pool looks at the socket below what the parent has made of it.
func TestSocketPeekUnderTLS(t *testing.T) {
	ours, theirs, s := dialPair(t, "tcp")
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
	peekSees(t, s, "quiet")
	theirs.Close()
	peekSees(t, s, "gone")
}

func TestSocketPeekAllocatesNothing(t *testing.T) {
	_, theirs, s := dialPair(t, "tcp")
	for _, want := range []string{"quiet", "pending"} {
		peekSees(t, s, want)
		if n := testing.AllocsPerRun(100, func() { s.Peek() }); n != 0 {
			t.Errorf("%s: have %v allocations, want 0", want, n)
		}
		write(t, theirs, "x")
	}
}

func BenchmarkSocketPeek(b *testing.B) {
	_, _, s := dialPair(b, "tcp")
	b.ReportAllocs()
	for b.Loop() {
		if state, err := s.Peek(); state == "gone" {
			b.Fatal(err)
		}
	}
}

func TestDialContext(t *testing.T) {
	t.Run("remembers the connection itself", func(t *testing.T) {
		for _, network := range []string{"tcp", "unix"} {
			ours, _, s := dialPair(t, network)
			switch ours.(type) {
			case *net.TCPConn, *net.UnixConn:
			default:
				t.Errorf("%s: a %T", network, ours)
			}
			if !s.Known() || s.Conn() != ours {
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
		ctx, dialed := pooled.WithDialed(context.Background())
		if dialed().Known() {
			t.Error("known before the first dial")
		}
		var last net.Conn
		for range 2 {
			if last, err = pooled.DialContext(ctx, "tcp", address); err != nil {
				t.Fatal(err)
			}
			defer last.Close()
		}
		if dialed().Conn() != last {
			t.Error("it is not the last")
		}
		plain, err := pooled.DialContext(context.Background(), "tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		plain.Close()
		listener.Close()
		_, want := new(net.Dialer).DialContext(ctx, "tcp", address)
		conn, err := pooled.DialContext(ctx, "tcp", address)
		if conn != nil || err == nil || err.Error() != want.Error() {
			t.Errorf("have %v %v, want %v", conn, err, want)
		}
		if dialed().Conn() != last {
			t.Error("what failed, or belongs to nobody, was remembered")
		}
	})
}

func TestSocketBound(t *testing.T) {
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
			ours, theirs, s := dialPair(t, "tcp")
			ours.SetWriteDeadline(time.Unix(1, 0)) // as writeTimeout leaves one behind
			ctx, cancel := test.ctx()
			defer cancel()
			release := s.Bound(ctx)
			_, err := ours.Read(make([]byte, 1))
			if err = pooled.BoundError(ctx, err); !errors.Is(err, test.want) {
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
		ours, theirs, s := dialPair(t, "tcp")
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

// TestSocketBoundReleasedWhileCanceled: a cancel that comes at the very moment of the
// release must not hit the next operation.
func TestSocketBoundReleasedWhileCanceled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for range 200 {
			conn := new(deadlines)
			s := pooled.NewSocket(conn)
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

func TestSocketBoundErrorOfOthers(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := pooled.BoundError(ctx, io.EOF); err != io.EOF {
		t.Errorf("have %v, want %v: the deadline did not do that", err, io.EOF)
	}
	if err := pooled.BoundError(ctx, nil); err != nil {
		t.Errorf("have %v, want nil: it was in time", err)
	}
}

// TestPQDialer: what lib/pq dials for a connection is counted. What it dials besides,
// to cancel a query, is the connection itself.
func TestPQDialer(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	dial := func(ctx context.Context) net.Conn {
		conn, err := pooled.PQDialer.DialContext(ctx, "tcp", listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		return conn
	}
	if conn := dial(context.Background()); fmt.Sprintf("%T", conn) != "*net.TCPConn" {
		t.Errorf("have a %T, want a *net.TCPConn", conn)
	}
	ctx, dialed := pooled.WithDialed(context.Background())
	conn, s := dial(ctx), dialed()
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
	if conn, err := pooled.PQDialer.DialContext(ctx, "tcp", listener.Addr().String()); conn != nil || err == nil {
		t.Errorf("have %v %v, want an error alone", conn, err)
	}
}
