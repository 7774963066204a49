package pooled

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
)

// What the pool does with the statements on a server connection: those that Stmts left there, and those of the cache.

// sweep closes the parked statements whose text no Stmt needs any more, within ctx and pool_reset_timeout. It is
// ErrDisconnect if that shows that the server connection is dead.
func (s *ServerConn) sweep(ctx context.Context, p *Pool) error {
	if !s.parked.NeedsSweep(&p.texts) {
		return nil
	}
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
	s.cache.forget()
}
