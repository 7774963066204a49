package serverconn

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/pooled-go/pooled/internal/socket"
)

// Peek looks at the socket of a connection that has been idle, which costs a system call and no round trip. An error
// says that the connection is dead. unsure: the server has sent something, and only a ping tells whether it is. Where
// the socket is not known there is nothing to see.
func (c *Conn) Peek() (unsure bool, err error) {
	if c.Socket == nil {
		return false, nil
	}
	switch state, err := c.Socket.Peek(); {
	case state == socket.Gone:
		return false, fmt.Errorf("the server has closed the connection: %w", err)
	case state == socket.Pending && c.silentWhenIdle():
		return false, errors.New("the server has sent a message to the idle connection, most likely that it ends the session")
	default:
		return state == socket.Pending, nil
	}
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
	return err != nil && limited.Err() != nil && ctx.Err() == nil, err
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

// HungUp is the error of a connection whose server has hung up, as far as the socket tells; else nil. The driver itself
// closes a connection on which it gave up, which tells nothing about the server: neither that it is closed here, nor
// that the server then hangs up too.
func (c *Conn) HungUp() error {
	if c.Socket == nil || c.ClosedInside() {
		return nil
	}
	if state, err := c.Socket.Peek(); state == socket.Gone && !errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("pooled: the server has closed the connection: %w", err)
	}
	return nil
}
