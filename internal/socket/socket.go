// Package socket gives the pool access to the socket of a driver's connection. With it the pool sees without a round
// trip that the server has hung up, ends an operation in time where the driver can't, and knows whether anything was
// sent.
//
// A socket is known if the driver dialed it by [Dial], [DialCounted] or [DialOne] under
// the context of [Collect], or shows its connection, which [Below] looks into. All methods
// of a [Socket] work on nil, which is one that is not known.
package socket

import (
	"context"
	"errors"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// Dial dials as a zero [net.Dialer] does, and collects the connection if ctx is from
// [Collect]. It returns the *net.TCPConn or *net.UnixConn itself.
func Dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, network, placed(ctx, network, address))
	if err == nil {
		if c := collectorOf(ctx); c != nil {
			keepAlive(conn, c.DeadAfter)
			c.last.Store(New(conn))
		}
	}
	return conn, err
}

// DialCounted is [Dial] with a connection that counts what is written, if ctx is from
// [Collect]. It is for a driver that uses nothing that net.Conn doesn't have, and that
// says ErrBadConn whether or not anything was sent.
func DialCounted(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, network, placed(ctx, network, address))
	if err != nil {
		return nil, err
	}
	c := collectorOf(ctx)
	if c == nil {
		return conn, nil
	}
	keepAlive(conn, c.DeadAfter)
	s := New(conn)
	s.counted = &countedConn{Conn: conn}
	c.last.Store(s)
	return s.counted, nil
}

// DialOne is [Dial] with a dialer, for a driver that may dial several addresses at once and
// use any of them: if there are two, it is not known which. It is only for TCP. tuned: the dialer's keepalive is the
// program's choice, and stays.
func DialOne(ctx context.Context, dialer *net.Dialer, tuned bool, network, address string) (net.Conn, error) {
	conn, err := dialer.DialContext(ctx, network, placed(ctx, network, address))
	if err != nil {
		return nil, err
	}
	c := collectorOf(ctx)
	if _, tcp := conn.(*net.TCPConn); !tcp || c == nil {
		return conn, nil
	}
	if !tuned {
		keepAlive(conn, c.DeadAfter)
	}
	if !c.last.CompareAndSwap(nil, New(conn)) {
		c.many.Store(true)
	}
	return conn, nil
}

// Collector knows what was dialed under a context.
type Collector struct {
	// DeadAfter is for each connection that is dialed: see [Socket.KeepAlive]. It is set before the first dial.
	DeadAfter time.Duration

	last atomic.Pointer[Socket] // a driver may dial from goroutines of its own
	many atomic.Bool            // DialOne was called for more than one
}

type collectorKey struct{}

// Collect makes a context for one connect of a driver, and the collector of what is
// dialed under it.
func Collect(ctx context.Context) (context.Context, *Collector) {
	c := new(Collector)
	return context.WithValue(ctx, collectorKey{}, c), c
}

func collectorOf(ctx context.Context) *Collector {
	c, _ := ctx.Value(collectorKey{}).(*Collector)
	return c
}

// Last is the socket that was dialed last, nil if none was, or several by [DialOne]. A driver goes on dialing
// only while what it has is of no use (the next host of a list, sslmode=prefer without
// SSL), so the last one is the one that it connected by.
func (c *Collector) Last() *Socket {
	if c.many.Load() {
		return nil
	}
	return c.last.Load()
}

// Socket is what is known below a driver's connection. The driver owns the socket, and
// may close it at any time. Sent and LastErr may be called at any time; the other methods
// belong to whoever uses the driver's connection.
type Socket struct {
	conn    net.Conn
	counted *countedConn // what the driver was given in place of conn, or nil

	// For Peek, made once, so that it allocates nothing.
	raw   syscall.RawConn // nil: conn has none
	look  func(fd uintptr)
	state State
	cause error
	buf   [1]byte
}

// New makes a Socket of a connection that was dialed otherwise.
func New(conn net.Conn) *Socket {
	s := &Socket{conn: conn}
	if c, ok := conn.(syscall.Conn); ok {
		s.raw, _ = c.SyscallConn()
	}
	s.look = func(fd uintptr) { s.state, s.cause = peek(fd, s.buf[:]) }
	return s
}

// Below is the Socket below a connection that may be wrapped, as by TLS.
func Below(conn net.Conn) *Socket {
	for {
		wrapper, ok := conn.(interface{ NetConn() net.Conn })
		if !ok {
			return New(conn)
		}
		conn = wrapper.NetConn()
	}
}

// Conn is the connection itself, for a caller that reads and writes while the driver
// does nothing. What goes through it is not counted.
func (s *Socket) Conn() net.Conn {
	if s == nil {
		return nil
	}
	return s.conn
}

// State is what [Socket.Peek] shows.
type State uint8

const (
	Unknown State = iota // can't be seen on this platform or connection
	Quiet                // open, as far as this machine knows, and nothing to read
	Pending              // bytes wait to be read; what is behind them is not seen
	Gone                 // closed by either side, or failed
)

func (s State) String() string {
	return [...]string{"unknown", "quiet", "pending", "gone"}[s]
}

// Peek looks at what has arrived, without waiting and without taking anything. For Gone
// it returns the reason too.
func (s *Socket) Peek() (State, error) {
	if s == nil || s.raw == nil {
		return Unknown, nil
	}
	// Not by the runtime's Read, which fails when an old deadline has passed.
	if err := s.raw.Control(s.look); err != nil {
		return Gone, err // closed on this side, by the driver
	}
	return s.state, s.cause
}

// Bound makes reads and writes fail when ctx ends, until release is called. What fails
// by the end of ctx fails after it, so ctx.Err tells. Deadlines that were set before are
// gone afterwards: drivers set theirs anew for each read and write. After an error the
// connection is to be discarded.
func (s *Socket) Bound(ctx context.Context) (release func()) {
	if s == nil {
		return func() {}
	}
	var (
		mu       sync.Mutex
		released bool
	)
	s.conn.SetDeadline(time.Time{}) // one may be left from before
	stop := context.AfterFunc(ctx, func() {
		mu.Lock()
		defer mu.Unlock()
		if !released { // else it would hit the next operation
			s.conn.SetDeadline(longAgo)
		}
	})
	return func() {
		stop()
		mu.Lock()
		defer mu.Unlock()
		if !released {
			released = true
			s.conn.SetDeadline(time.Time{})
		}
	}
}

var longAgo = time.Unix(1, 0)

// BoundError is the true reason of err, the result of a bounded operation: the end of
// ctx, if its deadline was what failed.
func BoundError(ctx context.Context, err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) && ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// Run ends a driver's operation with ctx by [Socket.Bound] alone: the driver sees a
// context that does not end. It is for drivers that answer the end of a context by
// dialing once more, which on a silent network takes long. Any error after the end of
// ctx is ctx's.
func (s *Socket) Run(ctx context.Context, operation func(context.Context) error) error {
	defer s.Bound(ctx)()
	err := operation(context.WithoutCancel(ctx))
	if err != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// Sent is how many bytes the driver has written so far; false: nobody counts them.
func (s *Socket) Sent() (uint64, bool) {
	if s == nil || s.counted == nil {
		return 0, false
	}
	return s.counted.sent.Load(), true
}

// LastErr is the last error of the driver's reads and writes, where they are counted:
// the reason behind a driver's bare ErrBadConn. Nil: there was none.
func (s *Socket) LastErr() error {
	if s == nil || s.counted == nil {
		return nil
	}
	if err := s.counted.err.Load(); err != nil {
		return *err
	}
	return nil
}

// countedConn counts what is written. The driver may write from several goroutines.
type countedConn struct {
	net.Conn
	sent atomic.Uint64
	err  atomic.Pointer[error]
}

func (c *countedConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if err != nil {
		c.failed(err)
	}
	return n, err
}

func (c *countedConn) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	c.sent.Add(uint64(n))
	if err != nil {
		c.failed(err)
	}
	return n, err
}

func (c *countedConn) failed(err error) { c.err.Store(&err) }
