package serverconn

import (
	"cmp"
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/pooled-go/pooled/internal/socket"
)

// Peek looks at the socket of a connection that has been idle, which costs a system call and no round trip. An error
// says that the connection is dead. unsure: the server has sent something, and only a ping tells whether it is. Where
// the socket is not known there is nothing to see.
func (c *Conn) Peek(ctx context.Context) (unsure bool, err error) {
	switch state, err := c.peek(ctx); {
	case state == socket.Gone:
		return false, err
	case state == socket.Pending && c.silentWhenIdle():
		return false, errors.New("the server has sent a message to the idle connection, most likely that it ends the session")
	default:
		return state == socket.Pending, nil
	}
}

// peek looks at the socket. For Gone the error is the reason, if possible in the server's own words.
func (c *Conn) peek(ctx context.Context) (socket.State, error) {
	state, err := c.Socket.Peek()
	if said := c.said(ctx, state); said == io.EOF {
		state, err = socket.Gone, said
	} else if said != nil {
		return socket.Gone, said
	}
	if state == socket.Gone {
		err = fmt.Errorf("the server has closed the connection: %w", err)
	}
	return state, err
}

// said is what the server said at the end of the session, as far as dialect.Fatal knows. What that reads has arrived,
// or is not waited for.
func (c *Conn) said(ctx context.Context, state socket.State) error {
	switch {
	case c.fatal == nil:
		return nil
	case c.Cause != nil: // an operation has failed, so the driver reads no more, not even for a COPY
		return c.fatal.Read()
	case c.fatal.Busy() || state != socket.Pending && state != socket.Gone:
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, leastPing)
	defer cancel()
	defer c.Socket.Bound(ctx)()
	return c.fatal.Unread(cancel)
}

// leastPause is after how long without a statement the socket is looked at before the next one: the look costs a
// thousandth of that, and servers count their timeouts in milliseconds.
const leastPause = time.Millisecond

// Used notes that the next pause begins now.
func (c *Conn) Used() { c.usedAt = time.Now() }

// Over is the error of an operation that follows others of its lease, if the server has ended the session in a pause
// between them. It is not sent then, nor are those that follow. leased is a moment at which the lease had begun, which
// matters for the first pause.
func (c *Conn) Over(ctx context.Context, leased time.Time) error {
	if c.over != nil || c.Socket == nil {
		return c.over
	}
	then := c.usedAt
	if then.IsZero() {
		then = leased
	}
	c.Used()
	if c.Cause == nil && (c.usedAt.Sub(then) < leastPause || c.fatal != nil && c.fatal.Busy()) {
		return nil // one that was lost is looked at in any case
	}
	if errors.Is(c.Cause, driver.ErrBadConn) {
		return nil // that nothing was sent is the driver's own word, which it repeats
	}
	if err := c.HungUp(ctx); err != nil {
		c.over = c.shared.Ended(cmp.Or(c.buffered(ctx), err))
	}
	return c.over
}

// buffered is what the server said before it hung up, of a driver that shows its inside and has that in a buffer, or
// the TLS below it has: the driver reads it when it sends something. Nobody is there to receive what it sends.
func (c *Conn) buffered(ctx context.Context) error {
	if c.inside == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, leastPing)
	defer cancel()
	if err := c.Exec(ctx, ";"); err != nil && c.inside.Answered(err) {
		return err
	}
	return nil
}

// Refused tells whether an error means that the server takes no statements, and remembers it for all connections.
func (c *Conn) Refused(err error) bool {
	refused := err != nil && c.shared.Dialect.Refuses != nil && c.shared.Dialect.Refuses(err)
	if refused {
		c.shared.refused.Store(true)
	}
	return refused
}

// silentWhenIdle is the dialect's word that whatever the server sends now is its last.
func (c *Conn) silentWhenIdle() bool {
	silent := c.shared.Dialect.SilentWhenIdle
	return silent != nil && silent(c.Connector)
}

// Ping asks the server whether it is there, within ctx and a limit; 0 or less: none. silent: there was no answer within
// the limit. The driver has a Pinger. After a connection of the pool was Refused, a statement is sent instead.
func (c *Conn) Ping(ctx context.Context, limit time.Duration) (silent bool, err error) {
	limited, cancel := ctx, context.CancelFunc(func() {})
	if limit > 0 {
		limited, cancel = context.WithTimeout(ctx, limit)
	}
	defer cancel()
	ping := c.Driver.Pinger.Ping
	if c.shared.refused.Load() {
		ping = c.ask
	}
	err = c.Bounded(limited, ping)
	if err != nil && limited.Err() == nil && c.fatal != nil {
		err = cmp.Or(c.fatal.Read(), err)
	}
	return err != nil && limited.Err() != nil && ctx.Err() == nil, err
}

// Ready asks the server of a new connection whether it takes statements, if a connection of the pool was once Refused:
// that it accepts connections does not tell.
func (c *Conn) Ready(ctx context.Context) error {
	if !c.shared.refused.Load() {
		return nil
	}
	return c.Bounded(ctx, c.ask)
}

// ask sends a statement that tells whether the server takes any.
func (c *Conn) ask(ctx context.Context) error { return c.Exec(ctx, c.shared.Dialect.Ask) }

// leastPing is how long a ping may take in any case.
const leastPing = 250 * time.Millisecond

// PingLimit is the configured limit of a ping, or half of the time the caller has left: if the connection is dead, the
// caller needs the other half to get another. 0 or less: there is no limit.
func PingLimit(ctx context.Context, configured time.Duration) time.Duration {
	if end, ok := ctx.Deadline(); ok {
		half := max(time.Until(end)/2, leastPing)
		if configured <= 0 || half < configured {
			return half
		}
	}
	return configured
}

// PingContext is ctx with the limit of a ping.
func PingContext(ctx context.Context, configured time.Duration) (context.Context, context.CancelFunc) {
	if limit := PingLimit(ctx, configured); limit > 0 {
		return context.WithTimeout(ctx, limit)
	}
	return context.WithCancel(ctx)
}

// HungUp is the error of a connection whose server has hung up, as far as the socket tells; else nil. The driver itself
// closes a connection on which it gave up, which tells nothing about the server: neither that it is closed here, nor
// that the server then hangs up too.
func (c *Conn) HungUp(ctx context.Context) error {
	if c.ClosedInside() {
		return nil
	}
	if state, err := c.peek(ctx); state == socket.Gone && !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}
