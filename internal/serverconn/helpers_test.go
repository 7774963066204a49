package serverconn_test

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"
	"net"
	"slices"
	"testing"

	"github.com/pooled-go/pooled/internal/dialect"
	"github.com/pooled-go/pooled/internal/dialect/mysql"
	"github.com/pooled-go/pooled/internal/pooledtest"
	"github.com/pooled-go/pooled/internal/serverconn"
	"github.com/pooled-go/pooled/internal/socket"
	"github.com/pooled-go/pooled/internal/stmtcache"
)

func TestMain(m *testing.M) { pooledtest.Main(m) }

var (
	errBoom  = errors.New("boom")
	errLost  = errors.New("sent and not answered")
	errStale = errors.New("stale statement")
	errFull  = errors.New("no more statements")
)

// server writes down what reaches it, and answers as a test says.
type server struct {
	log []string
	on  func(what string) error // the answer; nil: success
	row []driver.Value          // the answer to each query
}

func (s *server) reached(what string) error {
	s.log = append(s.log, what)
	if s.on != nil {
		return s.on(what)
	}
	return nil
}

// fails answers with an error to one thing, and with success to all else.
func (s *server) fails(what string, err error) {
	s.on = func(have string) error {
		if have == what {
			return err
		}
		return nil
	}
}

// want compares what has reached the server since the last look.
func (s *server) want(t *testing.T, want ...string) {
	t.Helper()
	if !slices.Equal(s.log, want) {
		t.Errorf("reached the server:\nhave %q\nwant %q", s.log, want)
	}
	s.log = nil
}

// plainConn is a driver's connection with the least that there is.
type plainConn struct{ *server }

func (c plainConn) Begin() (driver.Tx, error) { return tx(c), c.reached("begin") }
func (c plainConn) Close() error              { return c.reached("close") }

func (c plainConn) Prepare(query string) (driver.Stmt, error) {
	if err := c.reached("prepare " + query); err != nil {
		return nil, err
	}
	return &stmt{c.server, query}, nil
}

// fullConn takes texts too.
type fullConn struct{ plainConn }

func (c fullConn) ExecContext(_ context.Context, query string, _ []driver.NamedValue) (driver.Result, error) {
	return driver.ResultNoRows, c.reached(query)
}

func (c fullConn) QueryContext(_ context.Context, query string, _ []driver.NamedValue) (driver.Rows, error) {
	if err := c.reached(query); err != nil {
		return nil, err
	}
	return &rows{c.row}, nil
}

// judgedConn says itself whether it is of use.
type judgedConn struct {
	fullConn
	valid bool
}

func (c judgedConn) IsValid() bool { return c.valid }

type stmt struct {
	*server
	text string
}

func (s *stmt) NumInput() int { return -1 }
func (s *stmt) Close() error  { return s.reached("drop " + s.text) }
func (s *stmt) Exec([]driver.Value) (driver.Result, error) {
	return driver.ResultNoRows, s.reached("run " + s.text)
}

func (s *stmt) Query([]driver.Value) (driver.Rows, error) {
	if err := s.reached("run " + s.text); err != nil {
		return nil, err
	}
	return &rows{s.row}, nil
}

type tx struct{ *server }

func (t tx) Commit() error   { return t.reached("commit") }
func (t tx) Rollback() error { return t.reached("rollback") }

// rows are one.
type rows struct{ row []driver.Value }

func (r *rows) Columns() []string { return make([]string, len(r.row)) }
func (r *rows) Close() error      { return nil }

func (r *rows) Next(dest []driver.Value) error {
	if r.row == nil {
		return io.EOF
	}
	copy(dest, r.row)
	r.row = nil
	return nil
}

type connector struct{ driver.Connector }

// newShared is for connections of a server that reads texts as MySQL does. No statements are kept.
func newShared() *serverconn.Shared {
	return &serverconn.Shared{
		Dialect: &dialect.Dialect{
			Rules: mysql.Dialect.Rules, Rollback: "ROLLBACK", Commit: "COMMIT", NoChain: " AND NO CHAIN",
		},
		Lost:     func(error) error { return errLost },
		MakeRoom: func(context.Context, *serverconn.Conn) bool { return false },
	}
}

// keeping is newShared with statements kept, and the causes why they are not.
func keeping() (shared *serverconn.Shared, why *[]string) {
	shared, why = newShared(), new([]string)
	shared.Stmts = stmtcache.NewShared(8, false, func(s string) { *why = append(*why, s) })
	shared.Dialect.Stmts = &stmtcache.Rules{
		Unsupported:   func(driver.Connector) string { return "" },
		Inspect:       func(driver.Conn) (stmtcache.Facts, string) { return stmtcache.Facts{}, "" },
		Preparable:    mysql.Dialect.Rules.Preparable,
		ReturnsRows:   mysql.Dialect.Rules.ReturnsRows,
		Stale:         func(err error) bool { return errors.Is(err, errStale) },
		Unfit:         func(error) bool { return false },
		Changed:       func(error) bool { return false },
		Full:          func(err error) bool { return errors.Is(err, errFull) },
		ClosesLocally: true,
	}
	return shared, why
}

// open is a connection with nothing special.
func open(shared *serverconn.Shared) (*serverconn.Conn, *server) {
	s := new(server)
	return opened(shared, fullConn{plainConn{s}}, nil), s
}

func opened(shared *serverconn.Shared, conn driver.Conn, s *socket.Socket) *serverconn.Conn {
	c := new(serverconn.Conn)
	c.Init(shared, 7, conn, connector{}, s)
	return c
}

// exec runs a text with an argument as a program does.
func exec(ctx context.Context, c *serverconn.Conn, query string) error {
	c.Start()
	c.Sending(query)
	_, err := c.Via.Exec(ctx, query, []driver.NamedValue{{Ordinal: 1, Value: int64(1)}})
	c.Cache.Publish()
	c.Busy = false
	return err
}

// keep uses a text until its statement is kept.
func keep(t *testing.T, c *serverconn.Conn, query string) {
	t.Helper()
	for range 2 {
		if err := exec(t.Context(), c, query); err != nil {
			t.Fatal(err)
		}
	}
}

// piped is a socket whose other end says nothing: what reads from it waits until a deadline.
func piped(t *testing.T) (*socket.Socket, net.Conn) {
	ours, theirs := net.Pipe()
	t.Cleanup(func() { ours.Close(); theirs.Close() })
	return socket.New(ours), ours
}

// counted is a socket on which what is written is counted.
func counted(t *testing.T) (*socket.Socket, net.Conn) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	ctx, dialed := socket.Collect(t.Context())
	conn, err := socket.DialCounted(ctx, "tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	theirs, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { theirs.Close() })
	return dialed.Last(), conn
}

// write sends a byte.
func write(t *testing.T, to net.Conn) {
	t.Helper()
	if _, err := to.Write([]byte{0}); err != nil {
		t.Error(err)
	}
}

// ended is a context that has ended.
func ended(t *testing.T) context.Context {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}

func wantErr(t *testing.T, have error, text string, is ...error) {
	t.Helper()
	if have == nil || have.Error() != text {
		t.Errorf("\nhave %v\nwant %s", have, text)
	}
	for _, target := range is {
		if !errors.Is(have, target) {
			t.Errorf("%v is not %v", have, target)
		}
	}
}
