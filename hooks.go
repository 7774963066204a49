package pooled

import "context"

// Hooks are functions that are called in the life of a pool's server connections. Those that are nil cost nothing. The
// pool's own guards are Hooks values in the same chain, before the program's, so what a hook of the program's is given
// has passed them. The names are those of SQLAlchemy's PoolEvents.
//
// A server connection's life, and what is called:
//
//	opened        BeforeConnect, FirstConnect (the first of the pool), Connect
//	leased        Checkout
//	comes back    Reset, Checkin
//	found dead    Invalidate, Close
//	taken out     Detach, and Close when its sql.Conn is closed
//	done with     Close
//
// and of the pool: ConnectError, Timeout, Canceled, Leak, Dispose, Fork. These are given no server connection.
//
// Every function runs on the goroutine that checks out or in, or that calls Invalidate, SoftInvalidate or Detach. But
// those about opening run on a goroutine of the pool (in class direct on the caller's), and Invalidate, Close and Leak
// may. None is called with a lock held. They may be called for different server connections at the same time, but
// never for the same one.
//
// If a function panics, its server connection is closed and no longer counts, and the panic goes on. While a
// connection is opened, the panic is logged with its stack (slog.Default) and becomes the error of the checkout. On a
// goroutine of the pool, where it could not be recovered, it is logged. A function that hangs holds its server
// connection, so one with a context should heed it.
type Hooks struct {
	// BeforeConnect is called before each dial, and may change what the driver is given: a password that rotates, for
	// example. The context has the values of the caller's and ends with the dial. An error is the checkout's. If the
	// program gave the driver to NewConnector, there is no DSN: p.DSN is empty, and a change is an error.
	BeforeConnect func(ctx context.Context, p *ConnectParams) error

	// FirstConnect is called once for a pool, with its first server connection and before Connect; others that are
	// being opened wait for it. With an error the server connection is closed, the error is the checkout's, and the
	// next one is the first.
	FirstConnect func(ctx context.Context, s *ServerConn) error

	// Connect is called once for each new server connection, before anybody uses it. With an error it is closed, and
	// the error is the checkout's. What it sets on the session is undone by a session reset; pool_init_sql is not.
	Connect func(ctx context.Context, s *ServerConn) error

	// Checkout is called when a server connection is about to be leased, also right after Connect. The context is the
	// caller's. With an error that is ErrDisconnect the server connection is closed and the checkout goes on with
	// another, until three new ones have been refused; with any other error it is closed too, and the error is the
	// checkout's. (In class direct, when an idle connection is used again, database/sql opens another for any error.)
	Checkout func(ctx context.Context, s *ServerConn) error

	// Reset is called when a server connection comes back, before Checkin, also when there was nothing to reset; state
	// tells. The context ends after pool_reset_timeout. With an error the server connection is closed. It is not
	// called for one that is broken, too old, disposed of or marked by SoftInvalidate.
	Reset func(ctx context.Context, s *ServerConn, state ResetState) error

	// Checkin is called when a server connection has come back and was reset, right before it is free for others, or
	// closed in class null. It is not called where Reset is not.
	Checkin func(s *ServerConn)

	// Invalidate is called when a server connection was found to be of no use, or the program said so ([Invalidate]),
	// before Close; cause is never nil. It is not called for one that is closed for its age, by Dispose or as no
	// longer needed.
	Invalidate func(s *ServerConn, cause error)

	// SoftInvalidate is called by [SoftInvalidate], when the server connection is still in use. Close follows when it
	// comes back.
	SoftInvalidate func(s *ServerConn, cause error)

	// Detach is called by [Detach], when the server connection has left the pool.
	Detach func(s *ServerConn)

	// Close is called before a server connection is closed, whatever the reason. cause is nil for one that was no
	// longer needed, and ErrRecycled or ErrDisposed for one that was closed for its age or by Dispose. It is not
	// called for one whose FirstConnect or Connect failed, nor for one that a forked child leaves to its parent
	// process.
	Close func(s *ServerConn, cause error)

	// ConnectError is called when a server connection could not be opened, also one ahead of need, whose error no
	// caller gets, and also if the server said "too many connections" and the caller goes on waiting. It runs before a
	// caller gets the error.
	ConnectError func(err error)

	// Timeout is called with the error of a checkout that ran into pool_timeout.
	Timeout func(err *TimeoutError)

	// Canceled is called when the caller's own context ended while it waited in the queue. The caller gets the
	// context's error as it is; this err wraps it, and says how long the wait was and who holds the server
	// connections, like a TimeoutError.
	Canceled func(err error)

	// Leak is called once when a checkout has lasted longer than pool_leak_after, and again, with h.Returned, when
	// that checkout ends. Without the option it is not called.
	Leak func(h Holder)

	// Dispose is called by Pool.Dispose, before any server connection is closed for it.
	Dispose func()

	// Fork is called in a forked child, at its first use of the pool, with both process numbers.
	Fork func(parent, child int)
}

// ResetState is what a Reset hook is given.
type ResetState struct {
	// TransactionOver: it was certain, before anything was sent, that no transaction was open.
	TransactionOver bool
	// Sent is what the pool sent to reset the session; empty if nothing.
	Sent string
}
