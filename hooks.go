package pooled

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
)

// Hooks watches the life of a pool's server connections. It is a struct of
// functions; those that are nil cost nothing. The pool's own guards are Hooks
// values in the same chain, before the user's, so what a user's hook sees has
// passed them. The names are SQLAlchemy's (its PoolEvents).
//
// A server connection's life, and what is called:
//
//	opened        BeforeConnect, FirstConnect (the first of the pool), Connect
//	lent          Checkout
//	comes back    Reset, Checkin
//	found dead    Invalidate, Close
//	taken out     Detach, and Close when its sql.Conn is closed
//	done with     Close
//
// and of the pool: ConnectError, Timeout, Canceled, Leak, Dispose, Fork. These are given no
// server connection.
//
// Every function runs on the goroutine that checks out or checks in, or calls
// [Invalidate], [SoftInvalidate] or [Detach]; except that those about opening run
// on one of the pool's own (in class direct on the caller's), and Invalidate,
// Close and Leak may. None is called with a lock held. They may be called for
// different server connections at the same time, never for one.
//
// A function that panics costs the server connection, which is closed and given up
// in the pool's count; the panic goes on. While opening it is logged with its stack
// (slog.Default) and becomes the error of the checkout; on a goroutine of the
// pool's own, where nobody could recover it, it is logged. A function that hangs
// holds its server connection; those with a context should heed it.
type Hooks struct {
	// BeforeConnect is called before each dial, and may change what the parent
	// driver is told: a password that rotates, say. The context has the values of
	// the caller's and ends with the dial. An error is the checkout's. For a parent
	// that the program gave to NewConnector there is no DSN: p.DSN is empty, and to ask
	// for a change is an error.
	BeforeConnect func(ctx context.Context, p *ConnectParams) error

	// FirstConnect is called once for a pool, with its first server connection and
	// before Connect; others that are being opened wait for it. With an error
	// the server connection is closed, the error is the checkout's, and the
	// next one is the first.
	FirstConnect func(ctx context.Context, s *ServerConn) error

	// Connect is called once for each new server connection, before anybody
	// uses it. With an error it is closed, and the error is the checkout's. What
	// it sets on the session is undone by a session reset; pool_init_sql is not.
	Connect func(ctx context.Context, s *ServerConn) error

	// Checkout is called when a server connection is about to be lent, also
	// right after Connect. The context is the caller's. With an error that is
	// ErrDisconnect the server connection is closed and the checkout goes on
	// with another, until three new ones have been refused; with any other
	// error it is closed too, and the error is the checkout's. (In class direct,
	// when an idle Conn is used again, database/sql opens another for any error.)
	Checkout func(ctx context.Context, s *ServerConn) error

	// Reset is called when a server connection comes back, before Checkin,
	// also when there was nothing to reset; state tells. The context ends
	// after pool_reset_timeout. With an error the server connection is closed. It is not
	// called for one that is broken, too old or disposed of.
	Reset func(ctx context.Context, s *ServerConn, state ResetState) error

	// Checkin is called when a server connection has come back and was reset,
	// right before it is free for others, or closed in class null. It is not called
	// where Reset is not.
	Checkin func(s *ServerConn)

	// Invalidate is called when a server connection was found to be of no use, or
	// the program said so ([Invalidate]), before Close; cause is never nil. It is not
	// called for one that is closed for its age, by Dispose or as no longer needed.
	Invalidate func(s *ServerConn, cause error)

	// SoftInvalidate is called by [SoftInvalidate], when the server connection is still
	// in use. Close follows when it comes back.
	SoftInvalidate func(s *ServerConn, cause error)

	// Detach is called by [Detach], when the server connection has left the pool.
	Detach func(s *ServerConn)

	// Close is called before a server connection is closed, whatever the
	// reason; cause is nil for one that was merely no longer needed, ErrRecycled and
	// ErrDisposed for one that had its time. It is
	// not called for one whose FirstConnect or Connect failed, and for one that a
	// forked child leaves to its parent process.
	Close func(s *ServerConn, cause error)

	// ConnectError is called when a server connection could not be opened, also if that was
	// ahead of need and nobody's error, or if the server said "too many connections" and the caller
	// goes on waiting. It runs before a caller gets the error.
	ConnectError func(err error)

	// Timeout is called with the error of a checkout that ran into pool_timeout.
	Timeout func(err *TimeoutError)

	// Canceled is called when the caller's own context ended while it waited in line. The caller gets the context's error
	// as it is; this err wraps it, and says how long the wait was and who holds the server connections, like a TimeoutError.
	Canceled func(err error)

	// Leak is called when a checkout has lasted longer than pool_leak_after, once, and
	// when it ends after all, with h.Returned. Not without that option.
	Leak func(h Holder)

	// Dispose is called by Pool.Dispose, before any server connection is closed for it.
	Dispose func()

	// Fork is called in a forked child, at its first use of the pool, with both
	// process numbers.
	Fork func(parent, child int)
}

// ResetState is what a Reset hook is told.
type ResetState struct {
	// TransactionOver: it was certain, before anything was sent, that no
	// transaction was open.
	TransactionOver bool
	// Sent is what the pool sent to reset the session; empty if nothing.
	Sent string
}

var registeredHooks = byName[Hooks]{what: "hooks", option: "pool_hooks"}

// RegisterHooks makes hooks available to DSNs by name: pool_hooks=name, or
// several, name,name, which are called in that order. It is meant for init functions and
// panics if the name is empty, has a comma or white space in it, or is taken.
func RegisterHooks(name string, h Hooks) { registeredHooks.register(name, h) }

// hooksNamed finds registered hooks.
func hooksNamed(names []string) ([]Hooks, error) {
	var found []Hooks
	for _, name := range names {
		h, err := registeredHooks.named(name)
		if err != nil {
			return nil, err
		}
		found = append(found, h)
	}
	return found, nil
}

// chain is the Hooks of a pool by event, without the nil ones: the guards in
// their order, then the user's, then those that only watch.
type chain struct {
	beforeConnect  []func(context.Context, *ConnectParams) error
	firstConnect   []func(context.Context, *ServerConn) error
	connect        []func(context.Context, *ServerConn) error
	checkout       []func(context.Context, *ServerConn) error
	checkoutAgain  []func(context.Context, *ServerConn) error // checkout without what holds for the moment; see Pool.holds
	reset          []func(context.Context, *ServerConn, ResetState) error
	checkin        []func(*ServerConn)
	invalidate     []func(*ServerConn, error)
	softInvalidate []func(*ServerConn, error)
	detach         []func(*ServerConn)
	close          []func(*ServerConn, error)
	connectError   []func(error)
	timeout        []func(*TimeoutError)
	canceled       []func(error)
	leak           []func(Holder)
	dispose        []func()
	fork           []func(parent, child int)

	// onReturn: a hook that is no guard runs on each return. The guards have nothing
	// to do on most.
	onReturn bool
}

func newChain(momentary, guards, others []Hooks) chain {
	var c chain
	for i, h := range slices.Concat(momentary, guards, others) {
		add(&c.beforeConnect, h.BeforeConnect, h.BeforeConnect != nil)
		add(&c.firstConnect, h.FirstConnect, h.FirstConnect != nil)
		add(&c.connect, h.Connect, h.Connect != nil)
		add(&c.checkout, h.Checkout, h.Checkout != nil)
		add(&c.checkoutAgain, h.Checkout, h.Checkout != nil && i >= len(momentary))
		add(&c.reset, h.Reset, h.Reset != nil)
		add(&c.checkin, h.Checkin, h.Checkin != nil)
		add(&c.invalidate, h.Invalidate, h.Invalidate != nil)
		add(&c.softInvalidate, h.SoftInvalidate, h.SoftInvalidate != nil)
		add(&c.detach, h.Detach, h.Detach != nil)
		add(&c.close, h.Close, h.Close != nil)
		add(&c.connectError, h.ConnectError, h.ConnectError != nil)
		add(&c.timeout, h.Timeout, h.Timeout != nil)
		add(&c.canceled, h.Canceled, h.Canceled != nil)
		add(&c.leak, h.Leak, h.Leak != nil)
		add(&c.dispose, h.Dispose, h.Dispose != nil)
		add(&c.fork, h.Fork, h.Fork != nil)
	}
	for _, h := range others {
		c.onReturn = c.onReturn || h.Reset != nil || h.Checkin != nil
	}
	return c
}

func add[F any](list *[]F, f F, ok bool) {
	if ok {
		*list = append(*list, f)
	}
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

// logPanic is deferred on a goroutine of the pool's own around hooks whose panic
// nobody could recover there: it must not end the program.
func (p *Pool) logPanic(event string) {
	if v := recover(); v != nil {
		p.logPanicked("pooled: a hook panicked", v, "event", event)
	}
}

func (p *Pool) logPanicked(message string, v any, attrs ...any) {
	attrs = slices.Concat([]any{"pool", p.name}, attrs,
		[]any{"panic", p.secrets.logged(fmt.Sprint(v)), "stack", string(debug.Stack())})
	p.log().Error(message, attrs...)
}

// What Hooks.Close is told of a server connection with which nothing was wrong.
var (
	// ErrRecycled: it was older than pool_recycle, or idle for almost as long as its server allows.
	ErrRecycled = errors.New("pooled: recycled")
	// ErrDisposed: Pool.Dispose retired it.
	ErrDisposed = errors.New("pooled: disposed of")
)

// retirement is why a server connection with which nothing is wrong leaves the
// pool. To a checkout that meets it, it is ErrDisconnect.
type retirement struct {
	text string
	of   error // what it is an instance of, or the program's cause; or nil
}

func (r *retirement) Error() string { return r.text }

func (r *retirement) Unwrap() error { return r.of }

func (r *retirement) Is(target error) bool { return target == ErrDisconnect }

var (
	errRecycled  = &retirement{text: "pooled: recycled: older than pool_recycle", of: ErrRecycled}
	errIdledOut  = &retirement{text: "pooled: recycled: idle for almost as long as the server allows", of: ErrRecycled}
	errDisposed  = &retirement{text: "pooled: disposed of", of: ErrDisposed}
	errReopening = &retirement{text: "pooled: closed to reset its session"}
)

// invalidates tells whether a server connection that is closed for this cause was
// of no use.
func invalidates(cause error) bool {
	var r *retirement
	return cause != nil && !errors.As(cause, &r)
}
