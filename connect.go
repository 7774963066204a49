package pooled

import (
	"context"
	"database/sql/driver"
	"net"

	"github.com/pooled-go/pooled/internal/intercept"
	"github.com/pooled-go/pooled/internal/observe"
	"github.com/pooled-go/pooled/internal/pool"
	"github.com/pooled-go/pooled/internal/socket"
)

// DialContext dials like the zero [net.Dialer]. If ctx is one that the pool has given to a driver, the pool remembers
// the connection for its liveness check. The drivers for PostgreSQL and MySQL that the pool opens by DSN dial with it
// already. It is for programs that configure a driver themselves, as its dial function or called by one of the
// program's own:
//
//	cfg.DialFunc = pooled.DialContext // a mysql.Config or a pgconn.Config
//
//	mysql.RegisterDialContext("tunnel", func(ctx context.Context, addr string) (net.Conn, error) {
//		return pooled.DialContext(ctx, "tcp", tunnelTo(addr))
//	})
//
// It returns the *net.TCPConn or *net.UnixConn itself, which may be wrapped, as by TLS: the pool looks at the socket
// below. With any other context it is a plain dial.
//
// Without it, the pool finds out by a ping only whether such a connection is alive; see Config.PrePing.
func DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	return socket.Dial(ctx, network, address)
}

// openSlot opens a server connection for the core, and runs the hooks about opening. No error of it shows a password:
// drivers repeat their DSN here if anywhere.
func (p *Pool) openSlot(ctx context.Context, o opening) (*pool.Slot[*ServerConn], error) {
	s, err := p.open(ctx, o)
	if err != nil {
		return nil, p.secrets.Error(err)
	}
	return &s.slot, nil
}

type opening = pool.Opening[*ServerConn]

func (p *Pool) open(ctx context.Context, o opening) (_ *ServerConn, err error) {
	var conn driver.Conn
	var s *ServerConn
	opened := false
	defer func() { // also after a panic, which goes on
		if !opened && conn != nil {
			p.closeUnopened(conn, s)
		}
	}()
	if p.current() != p { // a copy of a goroutine of the parent process
		return nil, errForked
	}
	began := p.clocked()
	connector, err := p.connector(ctx)
	if err != nil {
		return nil, err
	}
	watched, dialed := socket.Collect(ctx)
	connected, err := intercept.Connect(watched, p.shared.Interceptors, connector)
	if err != nil { // then connected may be a nil pointer in an interface that isn't nil
		return nil, err
	}
	conn = connected
	s = p.newServerConn(o, conn, connector, dialed.Last())
	if err = p.runFirstConnect(ctx, s); err != nil {
		return nil, err
	}
	if err = runUntilError(ctx, p.hooks.connect, s); err != nil {
		return nil, err
	}
	if s.conn.Cache != nil {
		s.conn.Cache.Opened()
	}
	p.observe(TimingConnect, began)
	opened = true
	return s, nil
}

// closeUnopened closes what the driver has opened and the pool has not: a hook has refused it, or something has
// panicked before s was made of it.
func (p *Pool) closeUnopened(conn driver.Conn, s *ServerConn) {
	defer p.logPanic("close")
	if s != nil {
		s.close()
		return
	}
	conn.Close()
}

// runFirstConnect runs the hooks for the first server connection of the pool. Of several that are being opened, one is
// the first; the others wait.
func (p *Pool) runFirstConnect(ctx context.Context, s *ServerConn) error {
	if len(p.hooks.firstConnect) == 0 || p.firstDone.Load() {
		return nil
	}
	select {
	case p.first <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-p.first }()
	if p.firstDone.Load() {
		return nil
	}
	err := runUntilError(ctx, p.hooks.firstConnect, s)
	p.firstDone.Store(err == nil)
	return err
}

// fireConnectError runs the hooks before anybody gets the error.
func (p *Pool) fireConnectError(err error) {
	defer p.logPanic(observe.EventConnectError)
	if p.core.Closed() {
		return
	}
	for _, f := range p.hooks.connectError {
		f(err)
	}
}
