package pooled

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

// The pool gives lib/pq and go-sql-driver/mysql their dialer, and remembers what
// they dialed. With the socket at hand it can see without a round trip that the
// server has hung up, bound a parent's operation by time where the parent can't,
// and say to a server what a parent has no words for (mysql_reset.go).

// DialContext dials as a zero [net.Dialer] does, and if the pool called, it
// remembers the connection for its liveness check. The pool's own parents for PostgreSQL
// and MySQL, opened by DSN, dial with it already. It is for programs that open
// their connections themselves, to be given to the driver as it is or called by
// the program's own dial function, with the context that came from the driver:
//
//	cfg.DialFunc = pooled.DialContext // a mysql.Config or a pgconn.Config
//
//	mysql.RegisterDialContext("tunnel", func(ctx context.Context, addr string) (net.Conn, error) {
//		return pooled.DialContext(ctx, "tcp", tunnelTo(addr))
//	})
//
// What it returns is the *net.TCPConn or *net.UnixConn itself. It may be wrapped, as
// by TLS: the pool looks at the socket below, where a server's goodbye is seen all
// the same. Under any other context it is a plain dial.
//
// Without it nothing breaks: the pool then knows of such a connection only by
// pool_pre_ping's round trips whether it is alive.
func DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, network, address)
	if err == nil {
		if d := dialedFrom(ctx); d != nil {
			d.remember(newSocket(conn, nil))
		}
	}
	return conn, err
}

// dialed collects what is dialed under the context of one parent.Connect.
type dialed struct {
	last atomic.Pointer[socket] // a parent may dial from goroutines of its own
}

type dialedKey struct{}

// withDialed makes a context for one parent.Connect, and the collector that goes
// with it. A parent that keeps the context for later dials, such as cancel requests, would
// have those remembered as well: nobody asks the collector then.
func withDialed(ctx context.Context) (context.Context, *dialed) {
	d := new(dialed)
	return context.WithValue(ctx, dialedKey{}, d), d
}

func dialedFrom(ctx context.Context) *dialed {
	d, _ := ctx.Value(dialedKey{}).(*dialed)
	return d
}

func (d *dialed) remember(s *socket) { d.last.Store(s) }

// socket is the one that was dialed last, nil if none was. A parent goes on
// dialing only while what it has is of no use (the next host of a list,
// sslmode=prefer without SSL), so the last one is the one that it connected by.
func (d *dialed) socket() *socket { return d.last.Load() }

// socket is what the pool knows below a parent's connection. A nil *socket is one
// that is not known; its methods say so. The methods belong to the holder of the
// server connection, but for sent and lastErr, which may be called at any time.
type socket struct {
	conn    net.Conn // the parent owns it; it may be closed at any time
	counted *countedConn

	// For peek, made once, so that a peek allocates nothing.
	raw   syscall.RawConn // nil: conn has none
	look  func(fd uintptr)
	state socketState
	cause error
	buf   [1]byte
}

// newSocket: counted is what the parent was given in place of conn, or nil.
func newSocket(conn net.Conn, counted *countedConn) *socket {
	s := &socket{conn: conn, counted: counted}
	if c, ok := conn.(syscall.Conn); ok {
		s.raw, _ = c.SyscallConn()
	}
	s.look = func(fd uintptr) { s.state, s.cause = peekSocket(fd, s.buf[:]) }
	return s
}

// socketState is what a peek at an idle socket shows.
type socketState uint8

const (
	socketUnknown socketState = iota // can't be seen on this platform or connection
	socketQuiet                      // open, as far as this machine knows, and nothing to read
	socketPending                    // bytes wait to be read; what is behind them is not seen
	socketGone                       // closed by either side, or failed
)

func (s socketState) String() string {
	return [...]string{"unknown", "quiet", "pending", "gone"}[s]
}

// peek looks, without waiting and without taking anything, at what has arrived. For
// socketGone it returns the reason too. It goes by Control and not by the runtime's
// Read, which fails when an old deadline has passed.
func (s *socket) peek() (socketState, error) {
	if s == nil || s.raw == nil {
		return socketUnknown, nil
	}
	if err := s.raw.Control(s.look); err != nil {
		return socketGone, err // closed on this side, by the parent
	}
	return s.state, s.cause
}

// bound makes reads and writes fail when ctx ends, until release is called. It is for
// parents that take no context, or, as lib/pq, answer its end by dialing the
// server once more, which on a silent network takes ten seconds. What fails by the
// end of ctx fails after it: ctx.Err says so then. Deadlines that were set before
// are gone afterwards: both drivers set theirs anew for each read and write. Whoever
// got an error from a bounded operation discards the connection.
func (s *socket) bound(ctx context.Context) (release func()) {
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

// boundError is err, the result of a bounded operation, by its real name: the end
// of ctx, if that was what ended it.
func boundError(ctx context.Context, err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) && ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// sent is how many bytes the parent has written so far; false: nobody counts them.
func (s *socket) sent() (uint64, bool) {
	if s == nil || s.counted == nil {
		return 0, false
	}
	return s.counted.sent.Load(), true
}

// lastErr is the last error of the parent's reads and writes, where they are counted:
// the reason behind a parent's bare ErrBadConn. Nil: there was none.
func (s *socket) lastErr() error {
	if s == nil || s.counted == nil {
		return nil
	}
	if err := s.counted.err.Load(); err != nil {
		return *err
	}
	return nil
}

// countedConn counts what is written. It is for a parent that says ErrBadConn
// whether or not anything was sent, and that does not look at the type
// of its connection: the wrapper hides what net.Conn doesn't have. The parent may
// write from several goroutines.
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
