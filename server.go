package pooled

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/pooled-go/pooled/internal/driverconn"
	"github.com/pooled-go/pooled/internal/intercept"
	"github.com/pooled-go/pooled/internal/pool"
	"github.com/pooled-go/pooled/internal/process"
	"github.com/pooled-go/pooled/internal/socket"
	"github.com/pooled-go/pooled/internal/sqltext"
	"github.com/pooled-go/pooled/internal/stmtcache"
)

// ServerConn is one connection of the parent driver, with what the pool knows
// of it. Hooks are given it. It belongs to whoever has checked it out, and to
// the pool while it is idle; its methods must not be used outside the hook
// that was given it.
type ServerConn struct {
	pool    *Pool            // that opened it
	driver  driverconn.Conn  // the driver's connection, with the cache of statements before it
	via     *driverconn.Conn // driver, with the interceptors before it: what the program's operations go through
	socket  *socket.Socket   // what the driver dialed; nil: not known
	slot    pool.Slot[*ServerConn]
	born    time.Time
	process uint64 // in which it was opened; zero: no fork guard
	kind    sqltext.Kind

	// watch: statements that change session state are of interest.
	watch bool

	// The fields below belong to the holder.

	lending      bool      // the Checkout hooks are running
	busy         bool      // an operation is under way; still true at checkin if it panicked
	broken       bool      // must not go back into the pool
	cut          bool      // this borrow can't go on on it
	invalid      bool      // the Invalidate hooks were told
	cause        error     // why, if that is known
	ended        error     // the last error of this borrow that was a context's
	openTx       bool      // a transaction begun through the driver is not known to have ended
	textTx       bool      // a statement was seen that may have opened a transaction
	autoOff      bool      // autocommit may be off, or COMMIT begin the next: every statement may open a transaction
	sessionDirty bool      // a statement was seen that may have changed the session; if watch
	bornAutoOff  bool      // what autoOff is after a session reset: what it was when this was new
	lastJudged   bool      // the last statement was judged:
	judged       judgement // what it leaves
	resetBy      string    // what the last reset sent
	sentBefore   uint64    // bytes on the socket before the operation under way

	last    string    // the last statement, as in seen
	lastUse uint64    // and the checkout it was sent in
	took    time.Time // when it was lent, if somebody measures

	parked stmtcache.Parked // statements left here by Conns that moved on

	cache *stmtcache.Cache // nil: none is kept

	values map[any]any // the hooks' own

	mysql mysqlBirth // what a session reset has to restore

	seen    seen
	session string // the server's own number of the session, empty: not known
}

func (p *Pool) newServerConn(o opening, parent driver.Conn, sock *socket.Socket) *ServerConn {
	s := &ServerConn{
		pool: p, driver: driverconn.Of(parent), socket: sock, born: time.Now(), process: p.process,
		kind: p.dialect.kind, watch: p.cfg.ResetOnReturn == ResetAuto,
	}
	s.slot.Init(o, s)
	if p.dialect.session != nil {
		s.session = p.dialect.session(parent)
	}
	s.cacheStmts(p)
	s.via = intercept.Before(&s.driver, p.interceptors, o.ID, (*interceptGuard)(s))
	return s
}

// ID numbers the server connections of a pool from 1 in the order they were
// asked for.
func (s *ServerConn) ID() uint64 { return s.slot.ID() }

// Opened is when the parent driver had connected.
func (s *ServerConn) Opened() time.Time { return s.born }

// Idle is for how long this was idle before it was lent, by the pool's coarse clock, which is a quarter of
// a second off at most; 0 for a new one.
func (s *ServerConn) Idle() time.Duration { return s.slot.IdleFor() }

// Session is the server's own number of this session, as pg_backend_pid() or CONNECTION_ID() give it; empty
// if it is not known, as with SQLite and some drivers.
func (s *ServerConn) Session() string { return s.session }

// Raw is the parent driver's connection. What a hook does with it is not seen by the
// pool. In a Checkout hook it counts as something that may leave a transaction
// open and change the session, so reset on return has to undo it; [ServerConn.Exec] says
// more precisely what there is to undo.
func (s *ServerConn) Raw() driver.Conn {
	if s.lending {
		s.noteAnything()
	} else {
		s.cache.Invalidate(sqltext.UnsettledForAll)
	}
	return s.driver.Conn
}

// Exec runs a statement on the parent driver's connection, for hooks. What it
// leaves on the session is the borrower's, as if the borrower had sent it, in a Checkout
// hook; in a Connect hook it is a part of the session from its beginning, though
// a session reset undoes it: what is to last is pool_init_sql's.
func (s *ServerConn) Exec(ctx context.Context, query string) error {
	if s.lending {
		s.noteText(query)
	} else {
		s.noteBirth(query)
	}
	return s.exec(ctx, query)
}

// String is the number and the session of the server connection, for a log.
func (s *ServerConn) String() string {
	return fmt.Sprintf("pooled.ServerConn(%d, session %q)", s.ID(), s.session)
}

// Format prints String by every verb, so that none shows the last statement, in which there may be a password.
func (s *ServerConn) Format(f fmt.State, _ rune) { io.WriteString(f, s.String()) }

// SetValue keeps a value of a hook's with the server connection, for as long as that
// lives; nil removes it. Keys are compared with ==; a type of your own keeps
// them from meeting others'. It is SQLAlchemy's ConnectionRecord.info.
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

// noteText records, before it is sent, what a text may leave behind. It has a
// memory of one: programs send the same text over and over, and to compare it with
// itself takes no time.
func (s *ServerConn) noteText(query string) {
	s.inUse()
	if query != s.last || !s.lastJudged {
		s.noteNew(query)
	}
	s.note(s.judged)
}

func (s *ServerConn) noteNew(query string) {
	s.saw(query)
	s.judged = s.judge(query)
	s.lastJudged = true
}

// judgement is what a text may leave behind: a transaction, and, if that is of interest, a changed session and
// kept statements that are unfit.
type judgement struct {
	leaves    sqltext.Effect
	touches   bool
	unsettles sqltext.Unsettling
}

func (s *ServerConn) judge(query string) judgement {
	j := judgement{leaves: sqltext.Classify(s.kind, query), touches: s.watch && sqltext.TouchesSession(s.kind, query)}
	if s.cache != nil {
		j.unsettles = sqltext.Unsettles(s.kind, query)
	}
	return j
}

// note is noteText for a text that was judged before.
func (s *ServerConn) note(j judgement) {
	if j.touches && s.watch {
		s.sessionDirty = true
	}
	if j.unsettles != sqltext.Settled {
		s.cache.Invalidate(j.unsettles)
	}
	if j.leaves != sqltext.EffectNone {
		s.cache.MayEndTx()
	}
	switch j.leaves {
	case sqltext.EffectAny:
		s.autoOff = true
		s.textTx = true
	case sqltext.EffectTx:
		s.textTx = true
	}
}

// noteAnything records that the program did what cannot be seen.
func (s *ServerConn) noteAnything() { s.note(judgement{s.kind.Worst(), true, sqltext.UnsettledForAll}) }

// noteBirth records what a text does that is sent while nobody uses this. What it sets is a part of the session; but
// without autocommit the statements of all who use it begin transactions. Of an unknown server all that is not plain
// would count as such.
func (s *ServerConn) noteBirth(query string) {
	if s.kind != sqltext.Unknown && sqltext.Classify(s.kind, query) == sqltext.EffectAny {
		s.autoOff = true
	}
	if s.cache != nil {
		s.cache.Invalidate(sqltext.Unsettles(s.kind, query))
	}
}

// mayHoldTx reports whether a transaction may be open on the server.
func (s *ServerConn) mayHoldTx() bool { return s.openTx || s.textTx || s.autoOff }

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

// start is the moment before an operation of the parent's.
func (s *ServerConn) start() {
	s.busy = true
	if s.socket != nil {
		s.sentBefore, _ = s.socket.Sent()
	}
}

// trueErr replaces a driver.ErrBadConn that is not true: it means that nothing
// was sent, and database/sql sends the statement again. lib/pq answers with it also when the
// connection broke after the statement was on its way. Where the pool counts
// what is written to the socket, it knows better.
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

// close closes this with the statements on it, unless it is another
// process's: nothing else in the pool closes a connection of the parent driver's.
func (s *ServerConn) close(p *Pool) (err error) {
	if s.foreign() {
		process.KeepAlive(s)
		return nil
	}
	defer func() { err = s.driver.Conn.Close() }() // also if a statement panics
	if s.parked.NeedsCleanUp() {
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

// bounded runs an operation that has to end with ctx. lib/pq answers the end of a
// context by dialing the server once more, to cancel, and on a silent network waits
// for that; so if its socket is known it is bounded there.
func (s *ServerConn) bounded(ctx context.Context, operation func(context.Context) error) error {
	if !s.bounds() {
		return operation(ctx)
	}
	return s.socket.Run(ctx, operation)
}

// bounds tells whether it is the socket by which an operation is made to end.
func (s *ServerConn) bounds() bool { return s.socket != nil && s.kind == sqltext.Postgres }

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
