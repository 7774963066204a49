package postgres

import (
	"context"
	"database/sql/driver"
	"net"
	"time"

	"github.com/lib/pq"

	"github.com/pooled-go/pooled/internal/socket"
)

// connect connects until ctx ends, and what ctx has ended is its error. lib/pq heeds it only while it dials, and would
// wait for ever for a server that accepts a connection and says nothing.
func connect(ctx context.Context, connector *pq.Connector) (driver.Conn, error) {
	d := &dials{ctx: ctx}
	defer d.stop()
	conn, err := connector.Connect(context.WithValue(ctx, dialsKey{}, d))
	switch {
	case d.stop() && err == nil:
		return conn, nil
	case err == nil: // closed at the last moment
		conn.Close()
		return nil, ctx.Err()
	case ctx.Err() != nil:
		return nil, ctx.Err()
	}
	return nil, err
}

type dialsKey struct{}

// dials are what lib/pq has dialed for one connect. They are closed when ctx ends.
type dials struct {
	ctx   context.Context
	stops []func() bool
}

// stop leaves them open from now on. It reports false if they are closed already.
func (d *dials) stop() (open bool) {
	open = true
	for _, stop := range d.stops {
		open = stop() && open
	}
	d.stops = nil
	return open
}

// dialer is lib/pq's own dialer, but that the connection of a server connection is remembered, and counted (lib/pq
// uses nothing that net.Conn doesn't have, and says ErrBadConn also after a statement was sent). lib/pq dials
// cancel requests under contexts of its own, which collect nothing.
type dialer struct{ dialer net.Dialer }

var (
	_ pq.Dialer        = dialer{}
	_ pq.DialerContext = dialer{}
)

func (dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := socket.DialCounted(ctx, network, address)
	if d, ours := ctx.Value(dialsKey{}).(*dials); err == nil && ours {
		d.stops = append(d.stops, context.AfterFunc(d.ctx, func() { conn.Close() }))
	}
	return conn, err
}

// Dial and DialTimeout are what lib/pq wants of a dialer; it calls neither where there is a DialContext.

func (d dialer) Dial(network, address string) (net.Conn, error) {
	return d.dialer.Dial(network, address)
}

func (d dialer) DialTimeout(network, address string, timeout time.Duration) (net.Conn, error) {
	d.dialer.Timeout = timeout
	return d.dialer.Dial(network, address)
}
