package serverconn_test

import (
	"context"
	"database/sql/driver"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/ngrok/sqlmw"

	"github.com/pooled-go/pooled/internal/dialect"
	"github.com/pooled-go/pooled/internal/intercept"
	"github.com/pooled-go/pooled/internal/pooledtest"
	"github.com/pooled-go/pooled/internal/serverconn"
	"github.com/pooled-go/pooled/internal/socket"
	"github.com/pooled-go/pooled/internal/sqltext"
	"github.com/pooled-go/pooled/internal/stmtcache"
)

func TestInit(t *testing.T) {
	shared := newShared()
	shared.Dialect.SessionID = func(conn driver.Conn) string {
		if _, drivers := conn.(fullConn); !drivers {
			t.Errorf("it was given %T", conn)
		}
		return "42"
	}
	dialed, _ := piped(t)
	conn := fullConn{plainConn{new(server)}}
	c := opened(shared, conn, dialed)
	if c.SessionID != "42" || c.Driver.Conn != driver.Conn(conn) || c.Driver.Execer == nil || c.Socket != dialed {
		t.Errorf("have session %q, driver's %+v, socket %p", c.SessionID, c.Driver, c.Socket)
	}
	if c.Connector != driver.Connector(connector{}) {
		t.Errorf("have the connector %v", c.Connector)
	}
	if c.Via != &c.Driver {
		t.Error("without interceptors there is something before the driver's connection")
	}
	if c, _ := open(newShared()); c.SessionID != "" {
		t.Errorf("of a driver that doesn't tell: have the session %q", c.SessionID)
	}
}

// The session is looked after if that was asked for, prepared statements if they are kept.
func TestInitWatches(t *testing.T) {
	for _, watch := range []bool{false, true} {
		for _, keeps := range []bool{false, true} {
			shared, _ := keeping()
			shared.WatchSession = watch
			if !keeps {
				shared.Stmts = nil
			}
			c, _ := open(shared)
			want := sqltext.Verdict{Touches: watch}
			if keeps {
				want.Invalidates = sqltext.InvalidatesSession
			}
			if have := c.State.Judge("USE other"); have != want {
				t.Errorf("session %t, statements %t:\nhave %+v\nwant %+v", watch, keeps, have, want)
			}
		}
	}
}

func TestCacheKept(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(*serverconn.Shared)
		kept   bool
		why    []string
	}{
		{"kept", func(*serverconn.Shared) {}, true, nil},
		{"not asked for", func(s *serverconn.Shared) { s.Stmts = nil }, false, nil},
		{"of a server that has no rules", func(s *serverconn.Shared) { s.Dialect.Stmts = nil }, false,
			[]string{stmtcache.OtherDriver}},
		{"of another connector", func(s *serverconn.Shared) {
			s.Dialect.Stmts.Unsupported = func(have driver.Connector) string {
				if have == driver.Connector(connector{}) {
					return "this connector"
				}
				return ""
			}
		}, false, []string{"this connector"}},
		{"of another connection", func(s *serverconn.Shared) {
			s.Dialect.Stmts.Inspect = func(have driver.Conn) (facts stmtcache.Facts, why string) {
				if _, drivers := have.(fullConn); drivers {
					return facts, "this connection"
				}
				return facts, ""
			}
		}, false, []string{"this connection"}},
	} {
		shared, why := keeping()
		test.change(shared)
		c, _ := open(shared)
		if before := c.Driver.Execer == driver.ExecerContext(c.Cache); (c.Cache != nil) != test.kept || before != test.kept {
			t.Errorf("%s: have a cache %t, before the connection %t", test.name, c.Cache != nil, before)
		}
		if !slices.Equal(*why, test.why) {
			t.Errorf("%s:\nhave %q\nwant %q", test.name, *why, test.why)
		}
	}
}

// interceptor writes down where it is, and who asks.
type interceptor struct {
	sqlmw.NullInterceptor
	log *[]string
	id  uint64
}

func (i *interceptor) ConnExecContext(
	ctx context.Context, conn driver.ExecerContext, query string, args []driver.NamedValue,
) (driver.Result, error) {
	*i.log = append(*i.log, "intercepted "+query)
	i.id = intercept.ConnID(ctx)
	result, err := conn.ExecContext(ctx, "/* seen */ "+query, args)
	if err != nil {
		*i.log = append(*i.log, "saw "+err.Error())
	}
	return result, err
}

func TestInterceptors(t *testing.T) {
	shared, s := newShared(), new(server)
	i := &interceptor{log: &s.log}
	shared.Interceptors = []sqlmw.Interceptor{i}
	c := opened(shared, fullConn{plainConn{s}}, nil)
	if _, err := c.Via.Exec(t.Context(), "BEGIN", nil); err != nil {
		t.Fatal(err)
	}
	s.want(t, "intercepted BEGIN", "/* seen */ BEGIN")
	if i.id != 7 {
		t.Errorf("have the connection's number %d, want 7", i.id)
	}
	// What the interceptor made of it is what was sent.
	wantStatement(t, c, 0, "/* seen */ BEGIN")
	if !c.State.MayHoldTx() {
		t.Error("it is not known that there may be a transaction")
	}
	if err := c.Exec(t.Context(), "SELECT 1"); err != nil {
		t.Fatal(err)
	}
	s.want(t, "SELECT 1") // the pool's own are not shown
}

func TestVeto(t *testing.T) {
	shared, s := newShared(), new(server)
	shared.Interceptors = []sqlmw.Interceptor{&interceptor{log: &s.log}}
	var asked []string
	shared.Veto = func(query string, args []driver.NamedValue) error {
		asked = append(asked, query)
		if len(args) != 1 {
			t.Errorf("have the arguments %v", args)
		}
		if strings.Contains(query, "DROP") {
			return errBoom
		}
		return nil
	}
	c := opened(shared, fullConn{plainConn{s}}, nil)
	args := []driver.NamedValue{{Ordinal: 1, Value: int64(1)}}
	c.Via.Exec(t.Context(), "SELECT ?", args)
	if _, err := c.Via.Exec(t.Context(), "DROP DATABASE ?", args); err != errBoom {
		t.Errorf("have %v, want %v", err, errBoom)
	}
	if want := []string{"/* seen */ SELECT ?", "/* seen */ DROP DATABASE ?"}; !slices.Equal(asked, want) {
		t.Errorf("asked about:\nhave %q\nwant %q", asked, want)
	}
	s.want(t, "intercepted SELECT ?", "/* seen */ SELECT ?", "intercepted DROP DATABASE ?", "saw boom")
	wantStatement(t, c, 0, "/* seen */ SELECT ?")
}

// An interceptor that would send a statement again is told whether it can.
func TestInterceptorsSeeTrueErrors(t *testing.T) {
	shared, s := newShared(), new(server)
	shared.Interceptors = []sqlmw.Interceptor{&interceptor{log: &s.log}}
	dialed, conn := counted(t)
	c := opened(shared, fullConn{plainConn{s}}, dialed)
	s.on = func(string) error {
		write(t, conn)
		return driver.ErrBadConn
	}
	c.Start()
	if _, err := c.Via.Exec(t.Context(), "SELECT 1", nil); err != errLost {
		t.Errorf("have %v, want %v", err, errLost)
	}
	s.want(t, "intercepted SELECT 1", "/* seen */ SELECT 1", "saw sent and not answered")
}

// The end of a transaction that the program began is known; that of an interceptor's is not.
func TestInterceptorsBegin(t *testing.T) {
	for _, programs := range []bool{false, true} {
		shared, s := newShared(), new(server)
		shared.Interceptors = []sqlmw.Interceptor{&interceptor{log: &s.log}}
		c := opened(shared, fullConn{plainConn{s}}, nil)
		if programs {
			c.State.BeginTx()
		}
		if _, err := c.Via.Begin(t.Context(), driver.TxOptions{}); err != nil {
			t.Fatal(err)
		}
		s.want(t, "begin")
		if c.State.EndTx(true); c.State.MayHoldTx() == programs {
			t.Errorf("the program's %t: after its end there may be a transaction: %t", programs, !programs)
		}
	}
}

func wantStatement(t *testing.T, c *serverconn.Conn, lease uint64, want string) {
	t.Helper()
	if have, _ := c.Activity.Look(lease, func() bool { return true }); have != want {
		t.Errorf("lease %d: have the statement %q, want %q", lease, have, want)
	}
}

func TestBegin(t *testing.T) {
	c, _ := open(newShared())
	c.Activity.StartLease(1)
	c.Sending("SELECT 1")
	c.Activity.StartLease(2)
	c.Begin()
	wantStatement(t, c, 0, "SELECT 1")
	wantStatement(t, c, 2, "")
	c.Sending("SELECT 1")
	wantStatement(t, c, 2, "SELECT 1")
	c.Activity.StartLease(3)
	c.Begin()
	wantStatement(t, c, 3, "")
	c.SendingJudged("SELECT 1", sqltext.Verdict{})
	wantStatement(t, c, 3, "SELECT 1")
}

// Each way to send tells the state of the session and the cache; what nobody's statement is, is no activity.
func TestSending(t *testing.T) {
	const all = "USE other; BEGIN; SET autocommit = 0"
	verdict := sqltext.Verdict{Leaves: sqltext.EffectTx, Touches: true, Invalidates: sqltext.InvalidatesForNow}
	type state struct {
		statement           string
		tx, off, dirty, old bool // old: what is kept is not used
	}
	for _, test := range []struct {
		name string
		do   func(*serverconn.Conn)
		want state
	}{
		{"harmless", func(c *serverconn.Conn) { c.Sending("SELECT 1") }, state{statement: "SELECT 1"}},
		{"a transaction", func(c *serverconn.Conn) { c.Sending("BEGIN") }, state{statement: "BEGIN", tx: true}},
		{"the session", func(c *serverconn.Conn) { c.Sending("USE other") },
			state{statement: "USE other", dirty: true, old: true}},
		{"all", func(c *serverconn.Conn) { c.Sending(all) }, state{all, true, true, true, true}},
		{"judged", func(c *serverconn.Conn) { c.SendingJudged("SELECT 1", verdict) },
			state{"SELECT 1", true, false, true, true}},
		{"anything", func(c *serverconn.Conn) { c.SendingAnything() }, state{"", true, true, true, true}},
		{"unused, harmless", func(c *serverconn.Conn) { c.SendingUnused("SELECT 1") }, state{}},
		{"unused", func(c *serverconn.Conn) { c.SendingUnused(all) }, state{"", true, true, false, true}},
	} {
		shared, _ := keeping()
		shared.WatchSession = true
		c, _ := open(shared)
		test.do(c)
		statement, _ := c.Activity.Look(0, func() bool { return true })
		have := state{statement, c.State.MayHoldTx(), c.State.AutoOff(), c.State.Dirty(), c.Cache.NeedsCleanUp()}
		if have != test.want {
			t.Errorf("%s:\nhave %+v\nwant %+v", test.name, have, test.want)
		}
	}
}

// Where nothing is kept, the same calls do without a cache.
func TestSendingWithoutCache(t *testing.T) {
	c, _ := open(newShared())
	c.Sending("USE other")
	c.SendingJudged("BEGIN", sqltext.Verdict{Leaves: sqltext.EffectTx, Invalidates: sqltext.InvalidatesSessions})
	c.SendingUnused("USE other")
	c.SendingAnything()
	if c.Cache != (*stmtcache.Cache)(nil) || c.NeedsCleanUp() {
		t.Error("there is something to tidy")
	}
}

func TestUsable(t *testing.T) {
	s := new(server)
	for _, test := range []struct {
		name   string
		conn   driver.Conn
		change func(*serverconn.Conn)
		want   bool
	}{
		{"new", fullConn{plainConn{s}}, func(*serverconn.Conn) {}, true},
		{"broken", fullConn{plainConn{s}}, func(c *serverconn.Conn) { c.Broken = true }, false},
		{"busy", fullConn{plainConn{s}}, func(c *serverconn.Conn) { c.Busy = true }, false},
		{"the driver says so", judgedConn{fullConn{plainConn{s}}, true}, func(*serverconn.Conn) {}, true},
		{"the driver says no", judgedConn{fullConn{plainConn{s}}, false}, func(*serverconn.Conn) {}, false},
		{"the driver does not know", judgedConn{fullConn{plainConn{s}}, true},
			func(c *serverconn.Conn) { c.Broken = true }, false},
	} {
		c := opened(newShared(), test.conn, nil)
		test.change(c)
		if have := c.Usable(); have != test.want {
			t.Errorf("%s: have %t, want %t", test.name, have, test.want)
		}
	}
}

// A driver that shows a connection's inside: its socket is looked at, and by nothing else touched; and what it has
// given up is of no use, whatever the server then does.
func TestInside(t *testing.T) {
	ours, theirs, inner := pooledtest.SocketPair(t, "tcp")
	_, _, dialed := pooledtest.SocketPair(t, "tcp")
	shared, closed := newShared(), false
	shared.Dialect.BoundBySocket = true
	shared.Dialect.Inside = func(driver.Conn) *dialect.Inside {
		return &dialect.Inside{Socket: inner, Closed: func() bool { return closed }}
	}
	if c := opened(shared, fullConn{plainConn{new(server)}}, dialed); c.Socket != dialed || c.Bounds() {
		t.Errorf("dialed by the pool: have its socket %t, bounds %t", c.Socket == dialed, c.Bounds())
	}
	c := opened(shared, fullConn{plainConn{new(server)}}, nil)
	if c.Socket != inner || c.Bounds() {
		t.Errorf("dialed by the driver: have its socket %t, bounds %t", c.Socket == inner, c.Bounds())
	}
	for _, closed = range []bool{false, true} {
		if c.Usable() == closed || c.OpenInside() == closed {
			t.Errorf("closed %t: have usable %t, open %t", closed, c.Usable(), c.OpenInside())
		}
	}
	theirs.Close()
	pooledtest.PeekSees(t, inner, socket.Gone)
	if err := c.HungUp(t.Context()); err != nil {
		t.Errorf("after the driver has given it up: have %v, want nothing", err)
	}
	closed = false
	if err := c.HungUp(t.Context()); err == nil {
		t.Error("the server has hung up, and nothing says so")
	}
	ours.Close()
}

func TestInsideOfOthers(t *testing.T) {
	shared := newShared()
	shared.Dialect.Inside = func(driver.Conn) *dialect.Inside { return nil }
	c := opened(shared, fullConn{plainConn{new(server)}}, nil)
	if c.Socket != nil || c.OpenInside() || !c.Usable() {
		t.Errorf("have a socket %t, open %t, usable %t", c.Socket != nil, c.OpenInside(), c.Usable())
	}
}

func TestWhy(t *testing.T) {
	c, _ := open(newShared())
	if err := c.Why(); err != serverconn.ErrBroken {
		t.Errorf("have %v, want %v", err, serverconn.ErrBroken)
	}
	wantErr(t, c.Why(), "pooled: the connection is broken")
	c.Ended = context.DeadlineExceeded
	wantErr(t, c.Why(), "pooled: the connection is broken: a context ended while it was in use: "+
		"context deadline exceeded", serverconn.ErrBroken, context.DeadlineExceeded)
	if errors.Is(c.Why(), context.Canceled) {
		t.Error("it is another context's end")
	}
	c.Cause = errBoom
	if err := c.Why(); err != errBoom {
		t.Errorf("have %v, want %v", err, errBoom)
	}
}
