package pooled

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
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
// statement that was sent is known to leave nothing (see classify and touchesSession), autocommit is
// on, and every transaction begun through the driver has ended. Only session
// trusts no statement.
//
// What it decides by, the session.State, is told of statements as they go by.
func (p *Pool) sessionGuard() Hooks {
	h := Hooks{Connect: p.greet}
	if p.cfg.ResetOnReturn != ResetNone {
		h.Reset = p.resetSession
	}
	if p.dialect.resetsAtCheckout && p.cfg.InitSQL != "" {
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
	if p.dialect.greet == nil {
		return nil
	}
	if err := p.dialect.greet(ctx, p, s); err != nil {
		return err
	}
	s.state.SetNew()
	return nil
}

func (p *Pool) runInitSQL(ctx context.Context, s *ServerConn) error {
	if p.cfg.InitSQL == "" {
		return nil
	}
	if s.cache != nil {
		s.cache.Invalidate(p.dialect.rules.InvalidatesBy(p.cfg.InitSQL))
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
	d := p.dialect
	text := d.rollback
	if p.cfg.ResetOnReturn == ResetCommit {
		text = d.commit
	}
	if s.state.AutoOff() {
		text += d.unchained
	}
	err := s.send(ctx, text)
	if err != nil && (d.noTransaction == nil || !d.noTransaction(err)) {
		return fmt.Errorf("pooled: reset on return (%s): %w", text, err)
	}
	s.state.RolledBack()
	return nil
}

// renew gives the session the state it had after connect.
func (p *Pool) renew(ctx context.Context, s *ServerConn) error {
	if p.dialect.renew == nil {
		return errReopening
	}
	if err := p.dialect.renew(ctx, p, s); err != nil {
		return err
	}
	if !p.dialect.resetsAtCheckout {
		if err := p.runInitSQL(ctx, s); err != nil {
			return err
		}
	}
	s.state.Reset()
	return nil
}

// unanswered is the error of a question that the pool can do without: nil, unless
// the connection was lost. It does not match driver.ErrBadConn, at which database/sql would
// connect three times.
func (d *dialect) unanswered(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil && (errors.Is(err, driver.ErrBadConn) || connectionLost(err) || d.gone(err)):
		return fmt.Errorf("pooled: open connection: it was lost at once: %v", err)
	}
	return nil
}
