package pooled

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"math"

	"github.com/pooled-go/pooled/internal/stmtcache"
)

// What the pool does with the statements on a server connection: those that Stmts left there, and those of the cache.

// stmtHost is a ServerConn as its cache of statements sees it.
type stmtHost ServerConn

var _ stmtcache.Host = (*stmtHost)(nil)

func (h *stmtHost) server() *ServerConn { return (*ServerConn)(h) }

func (h *stmtHost) Start()          { h.server().start() }
func (h *stmtHost) InTx() bool      { return h.state.OpenTx() }
func (h *stmtHost) MayHoldTx() bool { return h.state.MayHoldTx() }
func (h *stmtHost) Lost()           { h.broken = true }
func (h *stmtHost) Cut(err error)   { h.cut, h.broken, h.ended = true, true, err }

func (h *stmtHost) CloseStmt(ctx context.Context, stmt driver.Stmt) error {
	err := h.server().bounded(ctx, func(context.Context) error { return stmt.Close() })
	if err != nil {
		h.broken = true
	}
	return err
}

func (h *stmtHost) MakeRoom(ctx context.Context) bool {
	return h.pool.current().makeRoom(ctx, h.server())
}

// cacheStmts puts a cache before the driver's connection, if statements are to be kept.
func (s *ServerConn) cacheStmts(p *Pool) {
	rules := p.driver.Dialect.Stmts
	switch {
	case p.stmts == nil:
		return
	case rules == nil || !rules.Supports(p.driver.Connector()):
		p.stmts.NotKept("it is for lib/pq and go-sql-driver/mysql, without interpolateParams")
		return
	}
	s.cache = p.stmts.Before(&s.driver, rules, (*stmtHost)(s))
	if s.cache == nil {
		p.stmts.NotKept("the driver's connection is not plainly that of lib/pq, without binary_parameters, " +
			"or of go-sql-driver/mysql")
	}
}

// logStmtsNotKept says that no statements are kept though they were asked for.
func (p *Pool) logStmtsNotKept(cause string) {
	p.log().Info("pooled: pool_stmt_cache rests", "pool", p.name, "cause", cause)
}

// sweep closes the parked statements whose text no Stmt needs any more, within ctx and pool_reset_timeout. It is
// ErrDisconnect if that shows that the server connection is dead.
func (s *ServerConn) sweep(ctx context.Context, p *Pool) error {
	ctx, cancel := p.resetContext(ctx)
	defer cancel()
	s.parked.Sweep(ctx, &p.texts, s.closeStmt)
	return s.stillThere()
}

// closeDiscarded is sweep for the statements that nobody can use.
func (s *ServerConn) closeDiscarded(ctx context.Context) error {
	s.parked.CloseDiscarded(ctx, s.closeStmt)
	return s.stillThere()
}

// closeStmts closes all statements, as database/sql does, for drivers in this process.
func (s *ServerConn) closeStmts(p *Pool) {
	ctx, cancel := p.resetContext(context.Background())
	defer cancel()
	s.parked.CloseAll(ctx, s.closeStmt)
}

// closeStmt closes a statement within ctx, which it can't be told. If that shows that the server connection is dead,
// that is what it is from now on.
func (s *ServerConn) closeStmt(ctx context.Context, stmt driver.Stmt) error {
	err := s.bounded(ctx, func(context.Context) error { return stmt.Close() })
	if err != nil && (ctx.Err() != nil || errors.Is(err, driver.ErrBadConn)) {
		s.broken = true
		if s.cause == nil && s.ended == nil { // the driver has closed it for a context's end
			s.cause = fmt.Errorf("pooled: close statement: %w", err)
		}
	}
	return err
}

// stillThere is ErrDisconnect, and why, if this is known to be dead.
func (s *ServerConn) stillThere() error {
	if s.broken {
		return fmt.Errorf("%w: %w", ErrDisconnect, s.why())
	}
	return nil
}

// forgetStatements is for a session whose server has dropped all prepared statements.
func (s *ServerConn) forgetStatements() {
	s.parked.Forget()
	s.cache.Forget()
}

// makeRoom closes kept statements when the server takes no more, those of s or else of a server connection that is
// idle, and from now on fewer are kept. It reports whether any was closed.
func (p *Pool) makeRoom(ctx context.Context, s *ServerConn) (closed bool) {
	p.stmts.Halve()
	if s.cache.CloseAll(ctx) {
		return true
	}
	var idle []*ServerConn
	defer func() { // also if the driver panics
		for _, other := range idle {
			p.takeBackFrom(other)
		}
	}()
	for !closed {
		slot := p.core.TryTake(0)
		if slot == nil {
			break
		}
		other := slot.Value()
		idle = append(idle, other)
		other.busy = true
		closed = other.cache.CloseAll(ctx) && p.answers(ctx, other)
		other.busy = false
	}
	return closed
}

// takeBackFrom is the end of a lease that makeRoom gave to itself.
func (p *Pool) takeBackFrom(s *ServerConn) {
	if s.busy || s.broken {
		p.discard(s, errBroken)
		return
	}
	p.putBack(s)
}

// answers asks the server for an answer, so that it has read what it was told before.
func (p *Pool) answers(ctx context.Context, s *ServerConn) bool {
	if s.driver.Pinger == nil {
		return true
	}
	if err := p.ping(ctx, s); err != nil {
		s.broken = true
	}
	return !s.broken
}

// stmtsOfServer is the part of a server's limit on statements that a pool takes at most.
const stmtsOfServer = 1.0 / 3

// learnStmtLimit takes note of the server's limit on prepared statements, which all its clients share. Each new server
// connection tells it, so that what makeRoom took away comes back when others have made room.
func (p *Pool) learnStmtLimit(most int) {
	share := int64(stmtsOfServer*float64(most)/float64(p.mostConns())) - 1 // one is for what is prepared to be run once
	p.stmts.SetShare(max(0, share))
	if share <= 0 {
		p.stmts.NotKept("the server's max_prepared_stmt_count leaves none for each connection")
	}
}

// mostConns is how many server connections there may be; where there is no limit, a few times those that are kept.
func (p *Pool) mostConns() int {
	const burst = 4
	limit, keep := p.bounds()
	switch {
	case limit != math.MaxInt:
		return limit
	case keep != math.MaxInt:
		return max(1, keep) * burst
	}
	return burst * burst
}
