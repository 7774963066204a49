package pooled

import "context"

// Hooks are functions that the pool calls when something happens to a server connection. A nil function costs nothing.
// The pool's own checks are Hooks, too, and come first: a connection that reaches your hook has passed them. The names
// are those of SQLAlchemy's PoolEvents.
//
// A server connection's life, and what is called:
//
//	opened        BeforeConnect, FirstConnect (the first of the pool), Connect
//	checked out   Checkout
//	returned      Reset, Checkin
//	found dead    Invalidate, Close
//	detached      Detach, and Close when its sql.Conn is closed
//	not needed    Close
//
// and of the pool: ConnectError, Timeout, Canceled, Leak, OutageBegan, OutageEnded, Demoted, Dispose, Fork. These get
// no server connection.
//
// Functions run on the goroutine that checks out or in, or that calls Invalidate, SoftInvalidate or Detach. Those about
// opening run on a goroutine of the pool, except in class direct. So do those about outages, most often. Invalidate,
// Close and Leak may run on either. No lock is held. Functions may run for different server connections at the same
// time, but never for the same one.
//
// If a function panics, its server connection is closed, and the panic continues. On a goroutine of the pool, the
// program could not recover it, so it is logged instead. A panic while a connection is opened is logged with its stack,
// and becomes the error of the checkout. A function that hangs keeps its server connection, so return when the context
// ends.
type Hooks struct {
	// BeforeConnect is called before each dial. It may change what the driver is given, such as a password that
	// rotates. The context has the caller's values and ends with the dial. An error fails the checkout. With a
	// connector from NewConnector there is no DSN: p.DSN is empty, and a change is an error. With this hook the driver
	// itself looks up the names of hosts, as the hook may set others than those in the pool's DSN.
	BeforeConnect func(ctx context.Context, p *ConnectParams) error

	// FirstConnect is called once for a pool, with its first server connection, before Connect. Meanwhile, other new
	// ones wait. An error closes the server connection and fails the checkout, and FirstConnect is called for the next
	// one.
	FirstConnect func(ctx context.Context, s *ServerConn) error

	// Connect is called once for each new server connection, before anybody uses it. An error closes it and fails the
	// checkout. A session reset undoes what it sets on the session; use pool_init_sql for what has to stay.
	Connect func(ctx context.Context, s *ServerConn) error

	// Checkout is called before a server connection is handed out, also right after Connect. The context is the
	// caller's. Any error closes the server connection. If it is ErrDisconnect, the checkout tries another one, and
	// gives up when a third new one is refused. Any other error fails the checkout. (In class direct, database/sql
	// opens another after any error on an idle connection.)
	Checkout func(ctx context.Context, s *ServerConn) error

	// Reset is called when a server connection is returned, before Checkin, even if there was nothing to reset: see
	// state. The context ends after pool_reset_timeout. An error closes the server connection. Reset is not called for
	// one that will be closed anyway, because it is broken or too old, or because of Dispose or SoftInvalidate.
	Reset func(ctx context.Context, s *ServerConn, state ResetState) error

	// Checkin is called after Reset, right before the server connection becomes idle, or is closed in class null. Where
	// Reset is not called, Checkin is not called either.
	Checkin func(s *ServerConn)

	// Invalidate is called before Close, when a server connection was found broken, or the program called [Invalidate].
	// cause is never nil. It is not called for one that is closed because of its age, by Dispose, or because nobody
	// needs it.
	Invalidate func(s *ServerConn, cause error)

	// SoftInvalidate is called by [SoftInvalidate], while the server connection is in use. Close follows when it is
	// returned.
	SoftInvalidate func(s *ServerConn, cause error)

	// Detach is called by [Detach], after the server connection has left the pool.
	Detach func(s *ServerConn)

	// Close is called before a server connection is closed, whatever the reason. cause is nil if nobody needed it,
	// ErrRecycled for its age, and ErrDisposed after Dispose. It is not called for one whose FirstConnect or Connect
	// failed, nor for one that a forked child leaves to its parent process.
	Close func(s *ServerConn, cause error)

	// ConnectError is called when a server connection could not be opened, before a caller gets the error. It is also
	// called if no caller gets it: the connection was opened in advance, or the server said "too many connections" and
	// the caller continues to wait.
	ConnectError func(err error)

	// Timeout is called with the error of a checkout that failed because of pool_timeout.
	Timeout func(err *TimeoutError)

	// Canceled is called when the caller's own context ended while it waited in the queue, or for a server connection
	// that was being opened. The caller gets this error or the context's own: see Config.ContextErrors.
	Canceled func(err *ContextError)

	// Leak is called once when a checkout lasts longer than pool_leak_after, and again, with h.Returned, when it ends.
	// Without the option it is never called.
	Leak func(h Holder)

	// OutageBegan is called once when no server can be reached any more, and OutageEnded, with the same Since, when one
	// can be. See Config.OutageWait.
	OutageBegan func(o Outage)
	OutageEnded func(o Outage)

	// Demoted is called when a server takes no writes any more that took them when the pool first connected. Its
	// connections are closed, and a primary is looked for.
	Demoted func(h Host)

	// Dispose is called by Pool.Dispose, before any server connection is closed for it.
	Dispose func()

	// Fork is called in a forked child, at its first use of the pool, with both process numbers.
	Fork func(parent, child int)
}

// ResetState is what a Reset hook is given.
type ResetState struct {
	// TransactionOver: before it sent anything, the pool knew that no transaction was open.
	TransactionOver bool
	// Sent is what the pool sent to reset the session; empty if nothing.
	Sent string
}
