// Package serverconn is one connection of the wrapped driver as a pool uses it, together with its interceptors, its
// statement cache and its socket. It knows what the statements that were sent may have left behind, whether the
// connection can be used on, how its session is asked and reset, and how all that belongs to it is closed.
//
// It knows nothing of the pool in which it lies, but for what the connections of a pool have in [Shared]. A Conn is
// used by one goroutine at a time, its holder; Activity has methods for others.
package serverconn

import (
	"context"
	"database/sql/driver"
	"errors"
	"sync/atomic"
	"time"

	"github.com/ngrok/sqlmw"

	"github.com/pooled-go/pooled/internal/dialect"
	"github.com/pooled-go/pooled/internal/driverconn"
	"github.com/pooled-go/pooled/internal/intercept"
	"github.com/pooled-go/pooled/internal/session"
	"github.com/pooled-go/pooled/internal/socket"
	"github.com/pooled-go/pooled/internal/sqltext"
	"github.com/pooled-go/pooled/internal/stmtcache"
)

// Shared is what the connections of one pool have in common.
type Shared struct {
	Dialect      *dialect.Dialect
	Interceptors []sqlmw.Interceptor
	Veto         func(query string, args []driver.NamedValue) error // of a statement that must not be sent; nil: none
	Lost         func(cause error) error                            // the error of what was sent and not answered
	Ended        func(cause error) error                            // the error of what is not sent any more

	Stmts    *stmtcache.Shared // nil: no statements are kept
	Texts    stmtcache.Texts
	MakeRoom func(context.Context, *Conn) (closed bool) // closes statements when the server takes no more

	DeadAfter    time.Duration // for what a driver has dialed by itself: see socket.Socket.KeepAlive
	InitSQL      string        // prepares each session; empty: nothing does
	ResetTimeout time.Duration // bounds what is done for a connection between two uses; 0 or less: nothing does
	WatchSession bool          // statements that change the session are of interest

	refused atomic.Bool // the server has once taken no statements; see dialect.Dialect.Refuses
}

// Allow is the error of a statement that must not be sent.
func (s *Shared) Allow(query string, args []driver.NamedValue) error {
	if s.Veto == nil {
		return nil
	}
	return s.Veto(query, args)
}

// Conn is one connection.
type Conn struct {
	Driver    driverconn.Conn  // the driver's connection, with the cache of statements before it
	Via       *driverconn.Conn // Driver, with the interceptors before it: what the program's operations go through
	Socket    *socket.Socket   // below the driver's connection; nil: not known
	Connector driver.Connector // that opened it

	SessionID string // the server's own number of the session, empty: not known

	State    session.State    // what its statements may have left behind
	Activity session.Activity // what others see of it
	Parked   stmtcache.Parked // statements left here by leases that are over
	Cache    *stmtcache.Cache // nil: none is kept

	// The operation under way.
	Busy       bool   // true also when it comes back, if it panicked
	sentBefore uint64 // bytes on the socket before it
	openBefore bool   // the driver that shows its inside had not closed it before

	usedAt time.Time // when the last operation of this lease began; zero: not known
	over   error     // the session has ended, and nothing more is sent in this lease

	// Whether it can be used on.
	Broken bool  // it must not be used again
	Cut    bool  // this lease can't go on on it
	Cause  error // why it is broken, if that is known
	Ended  error // the last error of this lease that was a context's

	shared  *Shared
	inside  *dialect.Inside // nil: the driver shows nothing of it
	fatal   dialect.Fatal   // nil: the driver itself tells why the server ended the session
	restore []string        // dialect.Facts.Restore, all of the facts that is needed later
	sent    string          // what the last reset sent
}

// Init makes c the connection that a connector has just opened. number is its number in the pool, and s what was
// dialed for it, or nil.
func (c *Conn) Init(shared *Shared, number uint64, opened driver.Conn, connector driver.Connector, s *socket.Socket) {
	c.shared, c.Connector, c.Socket = shared, connector, s
	c.Driver = driverconn.Of(opened)
	if shared.Dialect.Inside != nil {
		c.inside = shared.Dialect.Inside(opened)
	}
	if c.inside != nil && s == nil {
		c.Socket = c.inside.Socket
		c.Socket.KeepAlive(shared.DeadAfter)
	}
	if shared.Dialect.SessionID != nil {
		c.SessionID = shared.Dialect.SessionID(opened)
	}
	if shared.Dialect.Fatal != nil && s != nil {
		c.fatal = shared.Dialect.Fatal(opened)
	}
	c.keepStmts()
	c.State.Init(shared.Dialect.Rules, shared.WatchSession, c.Cache != nil)
	c.Via = intercept.Before(&c.Driver, shared.Interceptors, number, guard{c})
}

// StartLease is told the number of the lease that begins.
func (c *Conn) StartLease(lease uint64) {
	c.usedAt, c.over = time.Time{}, nil
	c.Activity.StartLease(lease)
}

// Begin is told when a lease may last for a while before there is a statement in it.
func (c *Conn) Begin() { c.Activity.Begin() }

// Sending notes, before it is sent, what a statement may leave behind.
func (c *Conn) Sending(query string) {
	same := c.Activity.SetStatement(query)
	if v := c.State.Sending(query, same); v != (sqltext.Verdict{}) {
		c.leaves(v)
	}
}

// SendingJudged is Sending for a statement that was judged before.
func (c *Conn) SendingJudged(query string, v sqltext.Verdict) {
	if !c.Activity.SetStatement(query) {
		c.State.Forget()
	}
	if v != (sqltext.Verdict{}) {
		c.State.Leave(v)
		c.leaves(v)
	}
}

// SendingAnything notes that something is done that can't be seen.
func (c *Conn) SendingAnything() { c.leaves(c.State.SendingAnything()) }

// SendingUnused notes a statement that is sent while nobody uses the connection.
func (c *Conn) SendingUnused(query string) {
	c.Cache.Invalidate(c.State.SendingUnused(query).Invalidates)
}

// leaves tells the kept statements what a statement may leave behind.
func (c *Conn) leaves(v sqltext.Verdict) {
	if v.Invalidates != sqltext.InvalidatesNone {
		c.Cache.Invalidate(v.Invalidates)
	}
	if v.Leaves != sqltext.EffectNone {
		c.Cache.MayEndTx()
	}
}

// Usable reports whether the connection may be used again.
func (c *Conn) Usable() bool {
	if c.Broken || c.Busy {
		return false
	}
	return c.inside == nil && c.Driver.Validator == nil || c.usableToDriver()
}

// usableToDriver is apart, so that Usable is inlined.
func (c *Conn) usableToDriver() bool {
	return !c.ClosedInside() && (c.Driver.Validator == nil || c.Driver.Validator.IsValid())
}

// ClosedInside tells that the driver has given the connection up, where it does not say so by driver.Validator.
func (c *Conn) ClosedInside() bool { return c.inside != nil && c.inside.Closed() }

// OpenInside tells that the driver has not given the connection up, whatever it said of it.
func (c *Conn) OpenInside() bool { return c.inside != nil && !c.inside.Closed() }

// Why is the reason that the connection must not be used again.
func (c *Conn) Why() error {
	switch {
	case c.Cause != nil:
		return c.Cause
	case c.Ended != nil:
		return &endedError{c.Ended}
	}
	return ErrBroken
}

// ErrBroken is the reason where no better one is known.
var ErrBroken = errors.New("pooled: the connection is broken")

// endedError is ErrBroken after the end of a context, with which many drivers close their connection.
type endedError struct{ ended error }

func (e *endedError) Error() string {
	return ErrBroken.Error() + ": a context ended while it was in use: " + e.ended.Error()
}

func (e *endedError) Unwrap() []error { return []error{ErrBroken, e.ended} }
