package pooled

import (
	"context"
	"fmt"
)

// Hooks watches the life of a pool's server connections. It is a struct of
// functions; those that are nil cost nothing. The pool's own guards are Hooks
// values in the same chain, before the user's.
//
// Every function runs on the goroutine that checks out or checks in, except
// Connect and Close, which may run on one of the pool's own. None is called with a
// lock held. They may be called for different server connections at the same
// time, never for one. A function that panics costs the server connection, which is
// closed; the panic goes on, except that of a Connect on the pool's own goroutine,
// which becomes the error of the checkout.
type Hooks struct {
	// Connect is called once for each new server connection, before anybody
	// uses it. With an error it is closed, and the error is the checkout's.
	Connect func(ctx context.Context, s *ServerConn) error

	// Checkout is called when a server connection is about to be lent, also
	// right after Connect. The context is the caller's. With an error that is
	// ErrDisconnect the server connection is closed and the checkout goes on
	// with another; with any other error it is closed too, and the error is
	// the checkout's.
	Checkout func(ctx context.Context, s *ServerConn) error

	// Reset is called when a server connection comes back, before Checkin. The
	// context ends after pool_reset_timeout. With an error the server
	// connection is closed. It is not called for one that comes back broken.
	Reset func(ctx context.Context, s *ServerConn) error

	// Checkin is called when a server connection has come back and was reset,
	// right before it is free for others. It is not called for one that is to be
	// closed instead.
	Checkin func(s *ServerConn)

	// Close is called before a server connection is closed, whatever the
	// reason; cause is nil for one that was merely no longer needed. It should
	// not panic: on a goroutine of the pool's, that ends the program.
	Close func(s *ServerConn, cause error)
}

// chain is the Hooks of a pool by event, without the nil ones: the guards in
// their order, then the user's.
type chain struct {
	connect  []func(context.Context, *ServerConn) error
	checkout []func(context.Context, *ServerConn) error
	reset    []func(context.Context, *ServerConn) error
	checkin  []func(*ServerConn)
	close    []func(*ServerConn, error)

	// userOnReturn: a hook of the user's runs on each return. Ours have nothing
	// to do on most.
	userOnReturn bool
}

func newChain(user Hooks, guards ...Hooks) chain {
	c := chain{userOnReturn: user.Reset != nil || user.Checkin != nil}
	for _, h := range append(guards, user) {
		if h.Connect != nil {
			c.connect = append(c.connect, h.Connect)
		}
		if h.Checkout != nil {
			c.checkout = append(c.checkout, h.Checkout)
		}
		if h.Reset != nil {
			c.reset = append(c.reset, h.Reset)
		}
		if h.Checkin != nil {
			c.checkin = append(c.checkin, h.Checkin)
		}
		if h.Close != nil {
			c.close = append(c.close, h.Close)
		}
	}
	return c
}

// runUntilError runs the functions of one event in order, up to the first that fails.
func runUntilError(ctx context.Context, functions []func(context.Context, *ServerConn) error, s *ServerConn) error {
	for _, f := range functions {
		if err := f(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

// resetSessionGuard tells the parent's connection that it is about to be used
// again, as database/sql would. database/sql ignores an error that isn't
// ErrBadConn and hands the connection out all the same; here any error
// discards it, since nobody knows what state it is in.
var resetSessionGuard = Hooks{
	Checkout: func(ctx context.Context, s *ServerConn) error {
		if !s.used || s.parent.resetter == nil {
			return nil
		}
		if err := s.parent.resetter.ResetSession(ctx); err != nil {
			return fmt.Errorf("%w: parent's ResetSession: %w", ErrDisconnect, err)
		}
		return nil
	},
}
