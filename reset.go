package pooled

import (
	"context"
	"database/sql/driver"
	"errors"

	"github.com/pooled-go/pooled/internal/dialect"
)

// sessionGuard is reset on return as a Hooks value, with what it has to know of a new session. Modes:
//
//	rollback  what was not committed is rolled back
//	commit    what was not rolled back is committed
//	session   the session is as it was after connect
//	auto      rollback, and session after a statement that changes session state
//	none      nothing is done, the next caller is in the transaction
//
// Nothing is sent when it is certain that there is nothing to undo: every statement that was sent is known to leave
// nothing (see sqltext.Rules), autocommit is on, and every transaction begun through the driver has ended. Only
// session trusts no statement.
//
// What it decides by, the session.State, is told of statements as they go by.
func (p *Pool) sessionGuard() Hooks {
	h := Hooks{Connect: p.prepareSession}
	if p.cfg.ResetOnReturn != ResetNone {
		h.Reset = p.resetSession
	}
	if p.driver.Dialect.ResetsAtCheckout && p.cfg.InitSQL != "" {
		h.Checkout = func(ctx context.Context, s *ServerConn) error {
			if !s.slot.Used() {
				return nil
			}
			return s.conn.RunInitSQL(ctx)
		}
	}
	return h
}

// needsReset tells whether a reset would have something to do.
func (p *Pool) needsReset(s *ServerConn) bool {
	switch p.cfg.ResetOnReturn {
	case ResetNone:
		return false
	case ResetSession:
		return true
	}
	return s.conn.State.MayHoldTx() || s.conn.State.Dirty()
}

// prepareSession makes a new session ready, and takes note of what that says.
func (p *Pool) prepareSession(ctx context.Context, s *ServerConn) error {
	wants := dialect.Wants{
		IdleLimit: !p.idleAsked.Swap(true),
		Reset:     p.cfg.ResetOnReturn == ResetSession || p.cfg.ResetOnReturn == ResetAuto,
		Role:      !p.roleAsked.Swap(true),
	}
	facts, err := s.conn.Prepare(ctx, wants)
	if wants.IdleLimit && !facts.IdleLimitKnown {
		p.idleAsked.Store(false) // the next session is asked
	}
	if wants.Role && err != nil {
		p.roleAsked.Store(false)
	}
	if facts.IdleLimit > 0 && p.core.IdleLimit() == 0 && p.reuse {
		p.core.LimitIdle(facts.IdleLimit)
	}
	if facts.StmtLimited {
		p.shared.Stmts.SetServerLimit(facts.StmtLimit, p.core.Likely())
	}
	if err == nil && facts.RoleKnown {
		p.hosts.Met(s.address, roleOf(facts.ReadOnly))
	}
	if p.driver.Dialect.IsAway(err) {
		return &unreadyError{err}
	}
	return err
}

// resetSession is the Reset hook.
func (p *Pool) resetSession(ctx context.Context, s *ServerConn, _ ResetState) error {
	switch {
	case !p.needsReset(s):
		return nil
	case p.reuse && (p.cfg.ResetOnReturn == ResetSession || s.conn.State.Dirty()):
		err := s.conn.ResetSession(ctx)
		if err == dialect.ErrReopen {
			return errReopening
		}
		return err
	case !s.conn.State.MayHoldTx(): // class null: the session ends now
		return nil
	}
	return s.conn.EndTx(ctx, p.cfg.ResetOnReturn == ResetCommit)
}

// logResetRefused says once that the server refuses to reset sessions, since each such return costs a connection.
func (p *Pool) logResetRefused(s *ServerConn, err error) {
	if err == errReopening || errors.Is(err, driver.ErrBadConn) || s.conn.Refused(err) ||
		p.driver.Dialect.IsLost(err) {
		return
	}
	p.resetRefused.Do(func() {
		p.log().Warn("pooled: the server refuses to reset a session, and so the connection is closed",
			"pool", p.name, "cause", p.secrets.Error(err))
	})
}
