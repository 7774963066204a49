package pooled_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/internal/pooledtest"
	"github.com/pooled-go/pooled/internal/socket"
)

func ping(when time.Duration) func(*pooled.Config) {
	return func(c *pooled.Config) { c.PrePing = when }
}

// pings counts them in the log.
func pings(fake *pooledtest.Fake) (n int) {
	for _, line := range fake.Log() {
		if strings.Contains(line, " ping") {
			n++
		}
	}
	return n
}

// When pool_pre_ping pings: have never been idle, just used, idle for long.
func TestPrePing(t *testing.T) {
	for _, test := range []struct {
		when               time.Duration
		fresh, hot, second int
	}{
		{pooled.PingOff, 0, 0, 0},
		{pooled.PingAlways, 0, 1, 1},
		{pooled.PingAuto, 0, 0, 0}, // a second is not above a second
		{500 * time.Millisecond, 0, 0, 1},
		{10 * time.Second, 0, 0, 0},
	} {
		t.Run(fmt.Sprint(test.when), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				fake := pooledtest.NewFake(t)
				db, _ := open(t, fake, ping(test.when))
				defer db.Close()
				check := func(what string, want int) {
					t.Helper()
					before := pings(fake)
					pooledtest.MustExec(t, db, "UPDATE")
					if have := pings(fake) - before; have != want {
						t.Errorf("%s: have %d pings, want %d", what, have, want)
					}
				}
				check("fresh", test.fresh)
				check("just used", test.hot)
				time.Sleep(time.Second)
				check("idle for a second", test.second)
				check("just used again", test.hot)
				time.Sleep(time.Minute)
				want := 1
				if test.when == pooled.PingOff {
					want = 0
				}
				check("idle for a minute", want)
			})
		})
	}
}

// One that was opened ahead of need and never used may be as dead as any.
func TestPrePingOfOneThatWasNeverUsed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := pooledtest.NewFake(t)
		db, _ := open(t, fake, noRecycle, func(c *pooled.Config) { c.MinIdle = 1 })
		defer db.Close()
		time.Sleep(time.Hour)
		fake.Kill(nil)
		pooledtest.MustExec(t, db, "UPDATE")
		if have := pings(fake); have == 0 {
			t.Error("have no ping")
		}
	})
}

// All that died idle are replaced inside the checkout that meets them.
func TestPingFindsTheDead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := pooledtest.NewFake(t)
		db, pool := open(t, fake, noRecycle, size(8, 0))
		defer db.Close()
		burst(t, db, 8)
		fake.Kill(errors.New("connection refused")) // nothing a driver calls a bad connection
		time.Sleep(2 * time.Second)
		burst(t, db, 16)
		if s := pool.Stats(); s.Invalidated != 8 {
			t.Errorf("have %+v, want the 8 dead ones invalidated", s)
		}
	})
}

// openSilent is a pool of 8 whose server has fallen silent two seconds ago. It is for
// a synctest bubble.
func openSilent(t *testing.T) (*sql.DB, *pooled.Pool) {
	fake := pooledtest.NewFake(t)
	db, pool := open(t, fake, noRecycle, size(8, 0))
	burst(t, db, 8)
	fake.On(pooledtest.StagePing, pooledtest.Hang())
	time.Sleep(2 * time.Second)
	return db, pool
}

// A ping that hangs costs pool_ping_timeout once, not once for each of the dead.
func TestPingThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db, pool := openSilent(t)
		defer db.Close()
		began := time.Now()
		pooledtest.MustExec(t, db, "UPDATE")
		if waited := time.Since(began); waited != 5*time.Second {
			t.Errorf("waited %v, want pool_ping_timeout", waited)
		}
		synctest.Wait()
		if s := pool.Stats(); s.Invalidated != 8 || s.Open() != 1 {
			t.Errorf("have %+v, want the 7 others closed too", s)
		}
	})
}

// It takes no more than half of the time that the caller has left: the other half is
// for another connection. And it finds out about the others.
func TestPingLeavesTheCallerTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db, pool := openSilent(t)
		defer db.Close()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := db.ExecContext(ctx, "UPDATE"); err != nil {
			t.Errorf("have %v, want another connection in time", err)
		}
		synctest.Wait()
		if s := pool.Stats(); s.Invalidated != 8 {
			t.Errorf("have %+v, want the 7 others closed too", s)
		}
	})
}

// One that hangs says nothing about those that were used since.
func TestPingThatHangsSparesTheOthersInUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := pooledtest.NewFake(t)
		db, pool := open(t, fake, noRecycle, size(8, 0))
		defer db.Close()
		burst(t, db, 8)
		time.Sleep(2 * time.Second)
		fake.On(pooledtest.StagePing, pooledtest.Hang().Times(1))
		stuck := make(chan error, 1)
		go func() { _, err := db.Exec("UPDATE"); stuck <- err }()
		time.Sleep(time.Second)
		burst(t, db, 7)
		if err := <-stuck; err != nil {
			t.Error(err)
		}
		if s := pool.Stats(); s.Invalidated != 1 {
			t.Errorf("have %+v, want one invalidated", s)
		}
	})
}

// Its end is the caller's context, if that is sooner, and the caller's error.
func TestPingWithinTheCallersContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := pooledtest.NewFake(t)
		db, pool := open(t, fake, size(1, 0))
		defer db.Close()
		pooledtest.MustExec(t, db, "UPDATE")
		fake.On(pooledtest.StagePing, pooledtest.Hang().Times(1))
		time.Sleep(2 * time.Second)
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		if _, err := db.ExecContext(ctx, "UPDATE"); err != context.DeadlineExceeded {
			t.Errorf("have %v, want context.DeadlineExceeded", err)
		}
		pooledtest.MustExec(t, db, "UPDATE")
		synctest.Wait()
		if s := pool.Stats(); s.Open() != 1 || s.Opened != 2 {
			t.Errorf("have %+v, want the silent one replaced", s)
		}
	})
}

// After one was lost in use, all the others are pinged before they are used again,
// however short they were idle, and once.
func TestSuspicion(t *testing.T) {
	for _, lost := range []error{driver.ErrBadConn, io.ErrUnexpectedEOF, &net.OpError{Op: "read", Err: io.EOF}} {
		fake := pooledtest.NewFake(t)
		db, _ := open(t, fake, size(4, 0))
		burst(t, db, 4)
		c, _ := grab(t, db)
		fake.On(pooledtest.StageExec, pooledtest.Fail(lost).Match("BREAK"))
		if _, err := c.ExecContext(t.Context(), "BREAK"); err == nil {
			t.Fatal("no error")
		}
		c.Close()
		if have := pings(fake); have != 0 {
			t.Errorf("%v: have %d pings before anybody came", lost, have)
		}
		burst(t, db, 3)
		burst(t, db, 3)
		if have := pings(fake); have != 3 {
			t.Errorf("%v: have %d pings, want 3: one for each that was open", lost, have)
		}
	}
}

// An error of a statement says nothing about the connection.
func TestNoSuspicionWithoutALoss(t *testing.T) {
	fake := pooledtest.NewFake(t)
	db, _ := open(t, fake, size(2, 0))
	burst(t, db, 2)
	fake.On(pooledtest.StageExec, pooledtest.Fail(errors.New("syntax error")).Match("WRONG"))
	db.Exec("WRONG")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	db.ExecContext(ctx, "UPDATE")
	burst(t, db, 2)
	if have := pings(fake); have != 0 {
		t.Errorf("have %d pings", have)
	}
}

// parentWithSockets dials a real socket for each connection of the fake's.
type parentWithSockets struct {
	*pooledtest.Fake
	listener net.Listener
	opened   chan *socketConn // in the order of the fake's connections
}

func withSockets(t *testing.T, fake *pooledtest.Fake) *parentWithSockets {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return &parentWithSockets{Fake: fake, listener: l, opened: make(chan *socketConn, 100)}
}

func (p *parentWithSockets) Connect(ctx context.Context) (driver.Conn, error) {
	dialed, err := pooled.DialContext(ctx, "tcp", p.listener.Addr().String())
	if err != nil {
		return nil, err
	}
	server, err := p.listener.Accept()
	if err != nil {
		return nil, err
	}
	conn, err := p.Fake.Connect(ctx)
	if err != nil {
		return nil, err
	}
	opened := &socketConn{conn.(fullConn), dialed, server}
	p.opened <- opened
	return opened, nil
}

type fullConn interface {
	driver.Conn
	driver.ExecerContext
	driver.QueryerContext
	driver.ConnPrepareContext
	driver.ConnBeginTx
	driver.Pinger
	driver.SessionResetter
	driver.Validator
}

type socketConn struct {
	fullConn
	dialed, server net.Conn
}

func (c *socketConn) Close() error {
	c.dialed.Close()
	c.server.Close()
	return c.fullConn.Close()
}

// A look at the socket finds a server that has hung up without a ping; what
// bytes nobody asked for mean depends on the server.
func TestPeek(t *testing.T) {
	for _, test := range []struct {
		name      string
		speaks    string
		does      func(net.Conn)
		seen      socket.State
		pings     int
		survives  bool
		unhealthy bool // the ping fails
	}{
		{"quiet", "mysql", func(net.Conn) {}, socket.Quiet, 0, true, false},
		{"hung up", "mysql", func(c net.Conn) { c.Close() }, socket.Gone, 0, false, false},
		{"hung up", "postgres", func(c net.Conn) { c.Close() }, socket.Gone, 0, false, false},
		// What opens these is the test's, and might speak TLS: see TestLastWordsOnIdleConnections.
		{"bytes", "mysql", func(c net.Conn) { c.Write([]byte{1}) }, socket.Pending, 1, true, false},
		{"bytes, and dead", "mysql", func(c net.Conn) { c.Write([]byte{1}) }, socket.Pending, 1, false, true},
		{"bytes", "postgres", func(c net.Conn) { c.Write([]byte{1}) }, socket.Pending, 1, true, false},
		{"bytes, and dead", "postgres", func(c net.Conn) { c.Write([]byte{1}) }, socket.Pending, 1, false, true},
	} {
		t.Run(test.speaks+" "+test.name, func(t *testing.T) {
			fake := pooledtest.NewFake(t)
			wrapped := withSockets(t, fake)
			// Not even with pool_pre_ping=off may a dead one be leased.
			db, _ := open(t, wrapped, speaks(test.speaks), ping(pooled.PingOff))
			pooledtest.MustExec(t, db, "SELECT 1")
			first := <-wrapped.opened
			test.does(first.server)
			pooledtest.PeekSees(t, socket.New(first.dialed), test.seen)
			if test.unhealthy {
				fake.On(pooledtest.StagePing, pooledtest.Fail(io.EOF))
			}
			before := pings(fake)
			c, n := grab(t, db)
			pooledtest.Give(t, c)
			if survives := n == 1; survives != test.survives {
				t.Errorf("have connection %d, want the first to survive: %t", n, test.survives)
			}
			if have := pings(fake) - before; have != test.pings {
				t.Errorf("have %d pings, want %d", have, test.pings)
			}
		})
	}
}

// SQLite has no server that could go away.
func TestNoLivenessForAnEmbeddedDatabase(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := pooledtest.NewFake(t)
		db, pool := open(t, fake, speaks("sqlite"))
		defer db.Close()
		pooledtest.MustExec(t, db, "SELECT 1")
		time.Sleep(24 * time.Hour)
		pooledtest.MustExec(t, db, "SELECT 1")
		if s := pool.Stats(); pings(fake) != 0 || s.Opened != 1 {
			t.Errorf("have %d pings and %+v, want none, and one connection", pings(fake), s)
		}
	})
}

// The dead are closed in the background: that can take longer than the caller has.
func TestClosingTheDeadDelaysNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := pooledtest.NewFake(t)
		db, _ := open(t, fake, size(2, 0))
		defer db.Close()
		burst(t, db, 2)
		fake.Kill(errors.New("no route"))
		fake.On(pooledtest.StageClose, pooledtest.Slow(time.Minute).Deaf().Times(1))
		time.Sleep(2 * time.Second)
		began := time.Now()
		pooledtest.MustExec(t, db, "UPDATE")
		if waited := time.Since(began); waited > time.Second {
			t.Errorf("waited %v", waited)
		}
		time.Sleep(2 * time.Minute)
	})
}

// An error that was a false alarm is not remembered against the connection.
func TestAFalseAlarmIsForgotten(t *testing.T) {
	fake := pooledtest.NewFake(t)
	var causes []error
	db, _ := open(t, fake, speaks("postgres"), size(2, 0), hooks(pooled.Hooks{
		Invalidate: func(_ *pooled.ServerConn, cause error) { causes = append(causes, cause) },
	}))
	burst(t, db, 2)
	conn, _ := grab(t, db)
	fake.On(pooledtest.StageExec, pooledtest.Fail(stateError("08001")).Match("DBLINK").Times(1))
	conn.ExecContext(t.Context(), "DBLINK")
	pooledtest.Give(t, conn)
	burst(t, db, 2) // pings for the alarm
	before := pings(fake)
	conn, _ = grab(t, db)
	fake.On(pooledtest.StageExec, pooledtest.BadConn().Match("BREAK").Times(1))
	conn.ExecContext(t.Context(), "BREAK")
	conn.Close()
	burst(t, db, 1)
	if have := pings(fake) - before; have != 1 {
		t.Errorf("have %d pings after a real loss, want 1", have)
	}
	if len(causes) != 1 || !errors.Is(causes[0], driver.ErrBadConn) {
		t.Errorf("have %v, want the loss as the cause", causes)
	}
}

// A dead one that takes long to close does not keep its place from the caller.
func TestALongGoodbyeKeepsNoPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := pooledtest.NewFake(t)
		db, _ := open(t, fake, size(1, 0))
		defer db.Close()
		pooledtest.MustExec(t, db, "UPDATE")
		fake.Kill(errors.New("no route"))
		fake.On(pooledtest.StageClose, pooledtest.Slow(time.Minute).Deaf().Times(1))
		time.Sleep(2 * time.Second)
		began := time.Now()
		pooledtest.MustExec(t, db, "UPDATE")
		if waited := time.Since(began); waited > 2*time.Second {
			t.Errorf("waited %v", waited)
		}
		time.Sleep(2 * time.Minute)
	})
}
