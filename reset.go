package pooled

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"

	"github.com/pooled-go/pooled/internal/dialect"
	"github.com/pooled-go/pooled/internal/driverconn"
	"github.com/pooled-go/pooled/internal/socket"
)

// sessionGuard is reset on return as a Hooks value, with what it has to know of a new
// session. Modes:
//
//	rollback  what was not committed is rolled back
//	commit    what was not rolled back is committed
//	session   the session is as it was after connect
//	auto      rollback, and session after a statement that changes session state
//	none      nothing is done, the next user is in the transaction
//
// Nothing is sent when it is certain that there is nothing to undo: every
// statement that was sent is known to leave nothing (see sqltext.Rules), autocommit is
// on, and every transaction begun through the driver has ended. Only session
// trusts no statement.
//
// What it decides by, the session.State, is told of statements as they go by.
func (p *Pool) sessionGuard() Hooks {
	h := Hooks{Connect: p.greet}
	if p.cfg.ResetOnReturn != ResetNone {
		h.Reset = p.resetSession
	}
	if p.driver.Dialect.ResetsAtCheckout && p.cfg.InitSQL != "" {
		h.Checkout = func(ctx context.Context, s *ServerConn) error {
			if !s.slot.Used() {
				return nil
			}
			return p.runInitSQL(ctx, s)
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
	return s.state.MayHoldTx() || s.state.Dirty()
}

// greet makes a new session ready and learns what it is born with, whoever gave it that: the server's
// configuration, the account, the DSN or pool_init_sql, which comes first for this reason.
func (p *Pool) greet(ctx context.Context, s *ServerConn) error {
	if err := p.runInitSQL(ctx, s); err != nil {
		return err
	}
	if p.driver.Dialect.Probe == nil {
		return nil
	}
	wants := dialect.Wants{
		IdleLimit:  !p.idleAsked.Swap(true),
		Statements: s.cache != nil,
		Reset:      p.cfg.ResetOnReturn == ResetSession || p.cfg.ResetOnReturn == ResetAuto,
	}
	facts, err := p.driver.Dialect.Probe(ctx, (*dialectSession)(s), wants)
	if wants.IdleLimit && !facts.IdleLimitKnown {
		p.idleAsked.Store(false) // the next session is asked
	}
	p.take(s, facts)
	if err != nil {
		return err
	}
	s.state.SetNew()
	return nil
}

// take takes note of what a new session has said.
func (p *Pool) take(s *ServerConn, facts dialect.Facts) {
	s.facts = facts
	s.state.SetAutoOff(facts.AutoOff)
	if facts.SessionID != "" {
		s.session = facts.SessionID
	}
	if facts.IdleLimit > 0 && p.core.IdleLimit() == 0 {
		p.learnIdleLimit(facts.IdleLimit)
	}
	if facts.StmtLimited {
		p.learnStmtLimit(facts.StmtLimit)
	}
	if facts.NoStatements != "" {
		s.cache.TurnOff(facts.NoStatements)
	}
}

func (p *Pool) runInitSQL(ctx context.Context, s *ServerConn) error {
	if p.cfg.InitSQL == "" {
		return nil
	}
	if s.cache != nil {
		s.cache.Invalidate(p.driver.Dialect.Rules.InvalidatesBy(p.cfg.InitSQL))
	}
	if err := s.exec(ctx, p.cfg.InitSQL); err != nil {
		return fmt.Errorf("pooled: pool_init_sql: %w", err)
	}
	return nil
}

// resetSession is the Reset hook.
func (p *Pool) resetSession(ctx context.Context, s *ServerConn, _ ResetState) error {
	switch {
	case !p.needsReset(s):
		return nil
	case p.reuse && (p.cfg.ResetOnReturn == ResetSession || s.state.Dirty()):
		return p.renew(ctx, s)
	case !s.state.MayHoldTx(): // class null: the session ends now
		return nil
	}
	return p.endTransaction(ctx, s)
}

// endTransaction ends the transaction that may be open.
func (p *Pool) endTransaction(ctx context.Context, s *ServerConn) error {
	d := p.driver.Dialect
	text := d.Rollback
	if p.cfg.ResetOnReturn == ResetCommit {
		text = d.Commit
	}
	if s.state.AutoOff() {
		text += d.NoChain
	}
	err := s.send(ctx, text)
	if err != nil && (d.NoTransaction == nil || !d.NoTransaction(err)) {
		return fmt.Errorf("pooled: reset on return (%s): %w", text, err)
	}
	s.state.RolledBack()
	return nil
}

// renew gives the session the state it had after connect.
func (p *Pool) renew(ctx context.Context, s *ServerConn) error {
	if p.driver.Dialect.Reset == nil {
		return errReopening
	}
	switch err := p.driver.Dialect.Reset(ctx, (*dialectSession)(s), s.facts); {
	case errors.Is(err, dialect.ErrReopen):
		return errReopening
	case err != nil:
		return err
	}
	if !p.driver.Dialect.ResetsAtCheckout {
		if err := p.runInitSQL(ctx, s); err != nil {
			return err
		}
	}
	s.state.Reset()
	return nil
}

// dialectSession is a ServerConn as its dialect sees it.
type dialectSession ServerConn

var _ dialect.Session = (*dialectSession)(nil)

func (d *dialectSession) server() *ServerConn { return (*ServerConn)(d) }

func (d *dialectSession) Exec(ctx context.Context, query string) error {
	return d.server().send(ctx, query)
}
func (d *dialectSession) Sent(what string)            { d.server().sent(what) }
func (d *dialectSession) Driver() *driverconn.Conn    { return &d.driver }
func (d *dialectSession) Connector() driver.Connector { return d.connector }
func (d *dialectSession) Socket() *socket.Socket      { return d.socket }
func (d *dialectSession) MayHoldTx() bool             { return d.state.MayHoldTx() }
func (d *dialectSession) ForgetStatements()           { d.server().forgetStatements() }

func (d *dialectSession) QueryRow(ctx context.Context, query string) ([]driver.Value, error) {
	return d.server().queryRow(ctx, query)
}
