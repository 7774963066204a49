package pooled

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/pooled-go/pooled/internal/observe"
	"github.com/pooled-go/pooled/internal/visible"
)

var (
	// ErrTimeout is found by errors.Is in every *[TimeoutError].
	ErrTimeout = errors.New("pooled: timeout")

	// ErrClosed is returned by a checkout that is waiting when the pool is closed, or that comes later. Most programs
	// see database/sql's "sql: database is closed" instead.
	ErrClosed = errors.New("pooled: pool is closed")

	// ErrDisconnect is what a Checkout hook returns to refuse a server connection. The connection is closed, and the
	// checkout tries another one. Wrap it to give the reason.
	ErrDisconnect = errors.New("pooled: disconnect")

	// ErrConnLost means that the connection broke after the operation was sent. The server may have executed it or not,
	// and it is not sent again. ErrConnLost replaces driver.ErrBadConn where a driver (lib/pq, pgx) returns that, and
	// never matches it. It wraps what lib/pq has from the network. Other drivers return an error of their own.
	ErrConnLost = errors.New("pooled: connection lost")

	// ErrSessionEnded means that the server had ended the session before the operation, which was not sent. A
	// transaction that was open is rolled back. The server's reason is in the error, as the driver's own error or as
	// the socket's. Later operations of the same transaction or sql.Conn get it again. It never matches
	// driver.ErrBadConn. Ping returns that instead.
	ErrSessionEnded = errors.New("pooled: the server has ended the session")

	errPanicked      = errors.New("pooled: a hook or the wrapped driver panicked")
	errGoexit        = errors.New("pooled: open connection: a hook ended its goroutine (runtime.Goexit)")
	errTxLost        = errors.New("pooled: the transaction's connection was closed, which rolls it back")
	errTxInvalidated = errors.New("pooled: the transaction's connection was invalidated: it can only be rolled back")
)

// reasonError is one of the errors above, by a text and with a reason.
type reasonError struct {
	text       string
	is, reason error // reason may be nil
}

func (e *reasonError) Error() string        { return e.text }
func (e *reasonError) Is(target error) bool { return target == e.is }
func (e *reasonError) Unwrap() error        { return e.reason }

// errLost is ErrConnLost with what the socket said.
func (p *Pool) errLost(reason error) error {
	text := fmt.Sprintf("pooled: pool %q: connection lost after the statement was sent; "+
		"the server may have executed it, so check before you send it again", p.name)
	if reason != nil {
		text += ": " + reason.Error()
	}
	return &reasonError{text, ErrConnLost, reason}
}

// errEnded is ErrSessionEnded with the server's reason.
func (p *Pool) errEnded(reason error) error {
	text := fmt.Sprintf("pooled: pool %q: not sent: the server has ended the session: %v", p.name, reason)
	return &reasonError{text, ErrSessionEnded, reason}
}

// Phase is what a checkout was doing when pool_timeout ended it.
type Phase string

const (
	// PhaseWaiting: the pool was at its limit, and no connection was returned in time.
	PhaseWaiting Phase = "waiting for a connection"
	// PhaseOpening: the limit was not reached, and the server was slow to accept a connection.
	PhaseOpening Phase = "opening a connection"
)

// PhaseOutage says that no server could be reached meanwhile; see Wait.Hosts.
const PhaseOutage Phase = "waiting for a server to be back"

// Wait is the information in a [TimeoutError] and a [ContextError]: how long the checkout waited and for what, and the
// state of its pool when it gave up.
type Wait struct {
	Pool        string        // the name of the pool
	Phase       Phase         // what took so long
	Address     string        // in PhaseOpening, what was being dialed, as ip:port or a socket's path; empty: not known
	Size        int           // pool_size
	MaxOverflow int           // pool_max_overflow, -1: no limit
	CheckedOut  int           // server connections in use at that moment
	Idle        int           // server connections free at that moment
	Opening     int           // server connections being opened
	Waiting     int           // callers in the queue, this one included
	Waited      time.Duration // how long this caller waited
	Limit       time.Duration // pool_timeout
	// Err is the server's last "too many connections", if that kept the pool from opening more; nil otherwise.
	Err error
	// Hosts are the servers of the pool, if Phase is PhaseOpening or PhaseOutage.
	Hosts []Host
	// Holders are the callers that had held a server connection longest at that moment, at most five.
	Holders []Holder
}

func (w *Wait) told() observe.Wait {
	holders := make([]observe.Holder, len(w.Holders))
	for i, h := range w.Holders {
		holders[i] = observe.Holder(h)
	}
	return observe.Wait{
		For: string(w.Phase), To: w.Address, Waited: w.Waited, Limit: w.Limit, Size: w.Size, Overflow: w.MaxOverflow,
		CheckedOut: w.CheckedOut, Idle: w.Idle, Opening: w.Opening, Waiting: w.Waiting, Refused: w.Err,
		Hosts: hostsLine(w.Hosts), Holders: holders,
	}
}

// line is all figures after what happened. What a server or a program put into it stays in its line.
func (w *Wait) line(happened string) string {
	name := ""
	if w.Pool != "" {
		name = fmt.Sprintf("pool %q: ", w.Pool)
	}
	return visible.Line("pooled: " + name + happened + " " + w.told().Line())
}

// TimeoutError is returned, unwrapped, by an operation that waited for a server connection for longer than
// pool_timeout.
//
// It never matches driver.ErrBadConn, so database/sql does not try again, with another wait. If the caller's own
// context ended, the error is a [ContextError] instead.
type TimeoutError struct{ Wait }

// Error is one line with all figures, the holders, and the place of each holder's checkout if it is known. The verb %+v
// also prints the whole stacks.
func (e *TimeoutError) Error() string { return e.line("timeout") }

// Format prints the holders' stacks, too, for the verb %+v.
func (e *TimeoutError) Format(f fmt.State, verb rune) { e.told().FormatError(f, verb, e.Error()) }

// Is makes errors.Is(err, ErrTimeout) true. There is no Unwrap on purpose: Err may be a driver.ErrBadConn, at which
// database/sql would try, and wait, three times.
func (e *TimeoutError) Is(target error) bool { return target == ErrTimeout }

// Timeout is true, for os.IsTimeout.
func (e *TimeoutError) Timeout() bool { return true }

// ContextError is returned, unwrapped, by an operation whose context ended while it waited in the pool's queue. With
// pool_context_errors=all it is also returned if the context ended while a server connection was opened for the
// operation; Phase tells which it was. Hooks.Canceled is given one for each of these waits.
//
// With errors.Is you find in it what ended the context: context.DeadlineExceeded or context.Canceled, and
// context.Cause. It never matches [ErrTimeout] or driver.ErrBadConn.
//
// It is never returned with pool_context_errors=plain, in class direct, or if there was no wait. If the context had
// ended before the operation, or ended while the server worked on it, the error is the context's or the driver's.
type ContextError struct {
	Wait
	// Ended is the context's error: context.DeadlineExceeded or context.Canceled.
	Ended error
	// Cause is context.Cause: what the program ended the context with, or Ended.
	Cause error
}

// Error is like that of a [TimeoutError], and also says what ended the context.
func (e *ContextError) Error() string {
	happened := textOf(e.Ended)
	if cause := textOf(e.Cause); cause != happened {
		happened += " (" + cause + ")"
	}
	return e.line(happened + " while")
}

// Format prints the holders' stacks, too, for the verb %+v.
func (e *ContextError) Format(f fmt.State, verb rune) { e.told().FormatError(f, verb, e.Error()) }

// Unwrap is Ended and Cause, without one that is driver.ErrBadConn: database/sql would wait again.
func (e *ContextError) Unwrap() []error {
	return slices.DeleteFunc([]error{e.Ended, e.Cause}, func(err error) bool { return errors.Is(err, driver.ErrBadConn) })
}

// Timeout tells whether it was a deadline that ended the context, as context.DeadlineExceeded does. With Temporary it
// makes the error a net.Error.
func (e *ContextError) Timeout() bool { return errors.Is(e.Ended, context.DeadlineExceeded) }

// Temporary is Timeout, as it is for context.DeadlineExceeded.
func (e *ContextError) Temporary() bool { return e.Timeout() }

// AssertError is what a second checkout at the same time returns with pool_class=assert.
type AssertError struct {
	// Stack is where the first checkout was made, written like the stack of a panic.
	Stack string
}

func (e *AssertError) Error() string {
	return "pooled: pool_class=assert: a second checkout before the first was returned; the first was made at\n" + e.Stack
}

// textOf is the text of an error of others: if its method panics, fmt says so.
func textOf(err error) string { return fmt.Sprint(err) }

// Causes that Hooks.Close gets when nothing was wrong with the server connection.
var (
	// ErrRecycled: it was older than pool_recycle, or idle for almost as long as its server allows.
	ErrRecycled = errors.New("pooled: recycled")
	// ErrDisposed: it was closed by Pool.Dispose.
	ErrDisposed = errors.New("pooled: closed by Pool.Dispose")
)

// retirement is why a server connection with which nothing is wrong leaves the pool. To a checkout that meets it, it
// is ErrDisconnect.
type retirement struct {
	text string
	of   error // what it is an instance of, or the program's cause; or nil
}

func (r *retirement) Error() string        { return r.text }
func (r *retirement) Unwrap() error        { return r.of }
func (r *retirement) Is(target error) bool { return target == ErrDisconnect }

var (
	errRecycled  = &retirement{text: "pooled: recycled: older than pool_recycle", of: ErrRecycled}
	errIdledOut  = &retirement{text: "pooled: recycled: idle for almost as long as the server allows", of: ErrRecycled}
	errDisposed  = &retirement{text: "pooled: closed by Pool.Dispose", of: ErrDisposed}
	errReopening = &retirement{text: "pooled: closed to reset its session"}
)

// invalidates tells whether a server connection that is closed for this cause was of no use.
func invalidates(cause error) bool {
	var r *retirement
	return cause != nil && !errors.As(cause, &r)
}
