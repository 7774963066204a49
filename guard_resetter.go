package pooled

import (
	"context"
	"fmt"
)

// resetterGuard tells the driver's connection that it is about to be used again, as database/sql would. database/sql
// ignores an error that isn't ErrBadConn and hands the connection out all the same; here any error discards it, since
// nobody knows what state it is in.
var resetterGuard = Hooks{
	Checkout: func(ctx context.Context, s *ServerConn) error {
		if !s.slot.Used() || s.conn.Driver.Resetter == nil {
			return nil
		}
		if err := s.conn.Driver.Resetter.ResetSession(ctx); err != nil {
			return fmt.Errorf("%w: the driver's ResetSession: %w", ErrDisconnect, err)
		}
		return nil
	},
}
