package serverconn

import (
	"context"
	"database/sql/driver"
	"errors"

	"github.com/pooled-go/pooled/internal/dialect"
)

// Start is the moment before an operation of the driver's.
func (c *Conn) Start() {
	c.Busy = true
	if c.Socket != nil {
		c.sentBefore, _ = c.Socket.Sent()
	}
	if c.inside != nil {
		c.openBefore = !c.inside.Closed()
	}
}

// TrueErr makes an error say what is known of the connection. driver.ErrBadConn means that nothing was sent, so
// database/sql sends the statement again; but lib/pq and pgx answer with it also when the connection broke after the
// statement was on its way, and lib/pq with the bare error of the network. Where what is written to the socket is
// counted, that tells. Where not, a driver that shows its inside is believed if it had closed the connection before, or
// has it still open.
func (c *Conn) TrueErr(err error) error {
	if err == nil {
		return nil
	}
	return c.trueErr(err)
}

func (c *Conn) trueErr(err error) error {
	bad := errors.Is(err, driver.ErrBadConn)
	if sent, counted := c.Socket.Sent(); counted && sent != c.sentBefore {
		switch {
		case bad:
			return c.shared.Lost(c.lastErr())
		case dialect.BrokenNetwork(err):
			return c.shared.Lost(err)
		}
	}
	if !c.openBefore || !c.ClosedInside() {
		return err
	}
	c.openBefore = false // said once: an interceptor may have been told, and then the program is
	switch {
	case bad:
		return c.shared.Lost(nil)
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded), c.inside.Answered(err):
		return err
	}
	return c.shared.Lost(err)
}

// lastErr is the server's own error, if it was the last thing that the driver has read; else the socket's.
func (c *Conn) lastErr() error {
	if c.fatal != nil {
		if err := c.fatal.Read(); err != nil {
			return err
		}
	}
	return c.Socket.LastErr()
}

// Bounded runs an operation that has to end with ctx. lib/pq answers the end of a context by dialing the server once
// more, to cancel, and on a silent network waits for that; so if its socket is known it is bounded there.
func (c *Conn) Bounded(ctx context.Context, operation func(context.Context) error) error {
	if !c.Bounds() {
		return operation(ctx)
	}
	return c.Socket.Run(ctx, operation)
}

// Bounds tells whether it is the socket by which an operation is made to end. A driver that shows its inside does that
// by itself, and sets deadlines of its own.
func (c *Conn) Bounds() bool {
	return c.Socket != nil && c.shared.Dialect.BoundBySocket && c.inside == nil
}

// Exec runs a statement of the pool's own.
func (c *Conn) Exec(ctx context.Context, query string) error {
	return c.Driver.Run(ctx, query, c.CloseStmt)
}

// queryRow runs a query of the pool's own that has one row of one column or more.
func (c *Conn) queryRow(ctx context.Context, query string) ([]driver.Value, error) {
	return c.Driver.QueryRow(ctx, query, c.CloseStmt)
}

// ResetContext ends with ctx, and after Shared.ResetTimeout.
func (s *Shared) ResetContext(ctx context.Context) (context.Context, context.CancelFunc) {
	if s.ResetTimeout > 0 {
		return context.WithTimeout(ctx, s.ResetTimeout)
	}
	return ctx, func() {}
}

// Close closes the connection with the statements on it.
func (c *Conn) Close() (err error) {
	defer func() { err = c.Driver.Conn.Close() }() // also if a statement panics
	if !c.Parked.Empty() {
		ctx, cancel := c.shared.ResetContext(context.Background())
		defer cancel()
		c.Parked.CloseAll(ctx, c.CloseStmt)
	}
	c.Cache.Close()
	return nil
}
