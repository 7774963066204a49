package pooled

import (
	"context"
	"fmt"
)

// resetGuard is reset on return as a Hooks value: no transaction outlives its
// checkout. Modes:
//
//	rollback  what was not committed is rolled back
//	commit    what was not rolled back is committed
//	none      nothing is done, the next borrower is in the transaction
//
// Nothing is sent when it is certain that there is no transaction: every
// statement that was sent is known to leave none (see classify), autocommit is
// on, and every transaction begun through the driver has ended.
//
// What it decides by, openTx, textTx and autoOff, is kept by the Conn as
// statements go by.
func resetGuard(d *dialect, mode ResetMode) Hooks {
	statement := d.rollback
	switch mode {
	case ResetNone:
		return Hooks{}
	case ResetCommit:
		statement = d.commit
	}
	return Hooks{
		Connect: func(ctx context.Context, s *ServerConn) error { return learnAutocommit(ctx, s, d) },
		Reset: func(ctx context.Context, s *ServerConn) error {
			if !s.mayHoldTx() {
				return nil
			}
			text := statement
			if s.autoOff {
				text += d.unchained
			}
			err := s.exec(ctx, text)
			if err != nil && (d.noTransaction == nil || !d.noTransaction(err)) {
				return fmt.Errorf("pooled: reset on return (%s): %w", text, err)
			}
			s.openTx, s.textTx = false, false
			return nil
		},
	}
}

// learnAutocommit finds out whether a new session commits by itself. Whoever
// turned that off, from then on every statement opens a transaction. A server
// (or a proxy before it) that does not answer is taken for one that does not
// commit: that costs round trips, the opposite could leak a transaction.
func learnAutocommit(ctx context.Context, s *ServerConn, d *dialect) error {
	if d.autocommit == "" {
		return nil
	}
	value, err := s.queryValue(ctx, d.autocommit)
	s.autoOff = err != nil || fmt.Sprint(value) != "1"
	return ctx.Err()
}
