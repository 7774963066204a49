package pooled

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/pooled-go/pooled/internal/dialect"
	"github.com/pooled-go/pooled/internal/driverconn"
	"github.com/pooled-go/pooled/internal/dsn"
	"github.com/pooled-go/pooled/internal/intercept"
	"github.com/pooled-go/pooled/internal/pool"
	"github.com/pooled-go/pooled/internal/process"
	"github.com/pooled-go/pooled/internal/session"
	"github.com/pooled-go/pooled/internal/socket"
	"github.com/pooled-go/pooled/internal/sqltext"
	"github.com/pooled-go/pooled/internal/stmtcache"
)

// ServerConn is one connection of the wrapped driver, with what the pool knows of it. Hooks are given it. It belongs
// to whoever has checked it out, and to the pool while it is idle; its methods must not be used outside the hook that
// was given it.
type ServerConn struct {
	pool    *Pool            // that opened it
	driver  driverconn.Conn  // the driver's connection, with the cache of statements before it
	via     *driverconn.Conn // driver, with the interceptors before it: what the program's operations go through
	socket  *socket.Socket   // what the driver dialed; nil: not known
	slot    pool.Slot[*ServerConn]
	born    time.Time
	process uint64 // in which it was opened; zero: no fork guard

	connector driver.Connector // that opened it

	session string // the server's own number of the session, empty: not known

	activity session.Activity // what others see of it

	// The fields below belong to the holder.

	// The operation under way.
	checkingOut bool   // the Checkout hooks are running
	busy        bool   // true also at checkin, if it panicked
	sentBefore  uint64 // bytes on the socket before it

	// Whether it can be used on.
	broken  bool  // it must not go back into the pool
	cut     bool  // this lease can't go on on it
	invalid bool  // the Invalidate hooks were told
	cause   error // why, if that is known
	ended   error // the last error of this lease that was a context's

	took    time.Time     // when it was leased, if somebody measures
	state   session.State // what its statements may have left behind
	resetBy string        // what the last reset sent
	facts   dialect.Facts // what the session said when it was new

	parked stmtcache.Parked // statements left here by Conns that moved on
	cache  *stmtcache.Cache // nil: none is kept
	values map[any]any      // the hooks' own
}

func (p *Pool) newServerConn(o opening, conn driver.Conn, sock *socket.Socket) *ServerConn {
	s := &ServerConn{
		pool: p, driver: driverconn.Of(conn), socket: sock, born: time.Now(), process: p.process,
	}
	s.slot.Init(o, s)
	if p.driver.Dialect.SessionID != nil {
		s.session = p.driver.Dialect.SessionID(conn)
	}
	s.cacheStmts(p)
	s.state.Init(p.driver.Dialect.Rules, p.cfg.ResetOnReturn == ResetAuto, s.cache != nil)
	s.via = intercept.Before(&s.driver, p.interceptors, o.ID, (*interceptGuard)(s))
	return s
}

// ID numbers the server connections of a pool from 1 in the order they were asked for.
func (s *ServerConn) ID() uint64 { return s.slot.ID() }

// Opened is when the wrapped driver had connected.
func (s *ServerConn) Opened() time.Time { return s.born }

// Idle is for how long this was idle before it was checked out, by the pool's coarse clock, which is a quarter of a
// second off at most; 0 for a new one.
func (s *ServerConn) Idle() time.Duration { return s.slot.IdleFor() }

// Session is the server's own number of this session, as pg_backend_pid() or CONNECTION_ID() give it; empty if it is
// not known, as with SQLite and some drivers.
func (s *ServerConn) Session() string { return s.session }

// Raw is the wrapped driver's connection. The pool does not see what a hook does with it. In a Checkout hook it counts
// as something that may leave a transaction open and change the session, so reset on return has to undo it;
// [ServerConn.Exec] says more precisely what there is to undo.
func (s *ServerConn) Raw() driver.Conn {
	if s.checkingOut {
		s.sendingAnything()
	} else {
		s.cache.Invalidate(sqltext.InvalidatesSessions)
	}
	return s.driver.Conn
}

// Exec runs a statement on the wrapped driver's connection, for hooks. In a Checkout hook it counts as if the program
// had sent it. In a Connect hook, what it leaves is a part of the session from its beginning, but a session reset
// undoes it: what is to last belongs in pool_init_sql.
func (s *ServerConn) Exec(ctx context.Context, query string) error {
	if s.checkingOut {
		s.sending(query)
	} else {
		s.cache.Invalidate(s.state.SendingUnused(query).Invalidates)
	}
	return s.exec(ctx, query)
}

// String is the number and the session of the server connection, for a log.
func (s *ServerConn) String() string {
	return fmt.Sprintf("pooled.ServerConn(%d, session %q)", s.ID(), s.session)
}

// Format prints String by every verb, so that none shows the last statement, in which there may be a password.
func (s *ServerConn) Format(f fmt.State, _ rune) { io.WriteString(f, s.String()) }

// SetValue keeps a value of a hook's with the server connection, for as long as that lives; nil removes it. Keys are
// compared with ==; a type of your own keeps them from meeting others'. It is SQLAlchemy's ConnectionRecord.info.
func (s *ServerConn) SetValue(key, value any) {
	if value == nil {
		delete(s.values, key)
		return
	}
	if s.values == nil {
		s.values = make(map[any]any)
	}
	s.values[key] = value
}

// Value is what was last set for the key, or nil.
func (s *ServerConn) Value(key any) any { return s.values[key] }

// sending notes, before it is sent, what a text may leave behind.
func (s *ServerConn) sending(query string) {
	s.activity.SetStatement(query, s.slot.Uses())
	s.leaves(s.state.Sending(query))
}

// sendingAnything notes that the program does what cannot be seen.
func (s *ServerConn) sendingAnything() { s.leaves(s.state.SendingAnything()) }

// leaves tells the kept statements what a statement may leave behind.
func (s *ServerConn) leaves(v sqltext.Verdict) {
	if v.Invalidates != sqltext.InvalidatesNone {
		s.cache.Invalidate(v.Invalidates)
	}
	if v.Leaves != sqltext.EffectNone {
		s.cache.MayEndTx()
	}
}

// begin is told when a lease may last for a while before there is a statement in it.
func (s *ServerConn) begin() { s.activity.Begin(s.slot.Uses()) }

// statementLimit is how much of a statement's text is shown.
const statementLimit = 256

// look is the last statement, and the stack that leased this, if they are known. Of one in use it is the statement of
// this lease; 0: of whichever.
func (s *ServerConn) look(r *dsn.Redactor, lease uint64) (statement string, stack []uintptr) {
	statement, stack = s.activity.Look(lease, s.slot.Taken)
	return r.Clip(statement, statementLimit), stack
}

// trim lets go of a very long text, when the server connection comes back. What is shown of it may be cleaner than the
// text by then, see forget.
func (s *ServerConn) trim(r *dsn.Redactor) {
	s.state.Trim()
	s.activity.Trim(func(shown string) string { return r.Clip(shown, statementLimit) })
}

// forget takes the secrets that the redactor still knows out of what is shown of the last statement.
func (s *ServerConn) forget(r *dsn.Redactor) {
	s.activity.Replace(func(shown string) string {
		if clean := r.Clip(shown, statementLimit); clean != dsn.Cut(shown, statementLimit) {
			return clean
		}
		return shown
	})
}

// usable reports whether this may go back into the pool.
func (s *ServerConn) usable() bool {
	if s.broken || s.busy {
		return false
	}
	return s.driver.Validator == nil || s.driver.Validator.IsValid()
}

var errBroken = errors.New("pooled: the connection is broken")

// why is the reason that this must not be used again.
func (s *ServerConn) why() error {
	switch {
	case s.cause != nil:
		return s.cause
	case s.ended != nil:
		return fmt.Errorf("%w, since a context ended while it was in use: %w", errBroken, s.ended)
	}
	return errBroken
}

// start is the moment before an operation of the driver's.
func (s *ServerConn) start() {
	s.busy = true
	if s.socket != nil {
		s.sentBefore, _ = s.socket.Sent()
	}
}

// trueErr replaces a driver.ErrBadConn that is not true. It means that nothing was sent, so database/sql sends the
// statement again; but lib/pq answers with it also when the connection broke after the statement was on its way. Where
// the pool counts what is written to the socket, it knows better.
func (s *ServerConn) trueErr(err error) error {
	if err == nil {
		return nil
	}
	return s.checkBadConn(err)
}

func (s *ServerConn) checkBadConn(err error) error {
	if s.socket == nil || !errors.Is(err, driver.ErrBadConn) {
		return err
	}
	if sent, counted := s.socket.Sent(); counted && sent != s.sentBefore {
		return &lostError{cause: s.socket.LastErr()}
	}
	return err
}

// close closes this with the statements on it, unless it is another process's. Nothing else in the pool closes a
// connection of the driver's.
func (s *ServerConn) close(p *Pool) (err error) {
	if s.foreign() {
		process.KeepAlive(s)
		return nil
	}
	defer func() { err = s.driver.Conn.Close() }() // also if a statement panics
	if !s.parked.Empty() {
		s.closeStmts(p)
	}
	s.cache.Close()
	return nil
}

// send runs a statement of a reset, and writes it down.
func (s *ServerConn) send(ctx context.Context, query string) error {
	s.sent(query)
	return s.bounded(ctx, func(ctx context.Context) error { return s.exec(ctx, query) })
}

// bounded runs an operation that has to end with ctx. lib/pq answers the end of a context by dialing the server once
// more, to cancel, and on a silent network waits for that; so if its socket is known it is bounded there.
func (s *ServerConn) bounded(ctx context.Context, operation func(context.Context) error) error {
	if !s.bounds() {
		return operation(ctx)
	}
	return s.socket.Run(ctx, operation)
}

// bounds tells whether it is the socket by which an operation is made to end.
func (s *ServerConn) bounds() bool { return s.socket != nil && s.pool.driver.Dialect.BoundBySocket }

// sent writes down what a reset sends.
func (s *ServerConn) sent(what string) {
	if s.resetBy != "" {
		what = s.resetBy + "; " + what
	}
	s.resetBy = what
}

// exec runs a statement of the pool's own.
func (s *ServerConn) exec(ctx context.Context, query string) error {
	return s.driver.Run(ctx, query, s.closeStmt)
}

// queryRow runs a query of the pool's own that has one row of one column or more.
func (s *ServerConn) queryRow(ctx context.Context, query string) ([]driver.Value, error) {
	return s.driver.QueryRow(ctx, query, s.closeStmt)
}
