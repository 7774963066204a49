package pooled

import (
	"context"
	"database/sql/driver"
	"fmt"
	"io"
	"net"

	"github.com/pooled-go/pooled/internal/dsn"
	"github.com/pooled-go/pooled/internal/hosts"
	"github.com/pooled-go/pooled/internal/observe"
	"github.com/pooled-go/pooled/internal/pool"
	"github.com/pooled-go/pooled/internal/socket"
)

// DialContext lets the pool check the sockets of a driver that your program configures. Use it as the driver's dial
// function, or call it in yours. lib/pq, go-sql-driver/mysql and go-mssqldb, if the pool opens them by DSN, already do
// so, and pgx does not need it: its connections show their sockets.
//
//	cfg.DialFunc = pooled.DialContext // a mysql.Config
//
//	mysql.RegisterDialContext("tunnel", func(ctx context.Context, addr string) (net.Conn, error) {
//		return pooled.DialContext(ctx, "tcp", tunnelTo(addr))
//	})
//
// It dials like the zero [net.Dialer] and returns the *net.TCPConn or *net.UnixConn itself. You may wrap that, for
// example with TLS. With a ctx that is not from the pool, it only dials.
//
// Without it, only a ping tells the pool whether such a connection is alive, see Config.PrePing, and Config.DeadAfter
// has no effect.
func DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	return socket.Dial(ctx, network, address)
}

// ConnectParams is what a BeforeConnect hook may change for one dial.
type ConnectParams struct {
	// DSN is the wrapped driver's, with its secrets. With a connector from NewConnector, and for a database in memory,
	// it is empty, and any change is an error.
	DSN string
	// User and Password, if not empty, replace those of the DSN, for MySQL, PostgreSQL and SQL Server. For another
	// driver change DSN.
	User, Password string
	// Args are merged into the DSN, as Config.ConnectArgs are.
	Args map[string]string
}

// String is the DSN with its secrets masked, and nothing else.
func (p ConnectParams) String() string { return "pooled.ConnectParams(" + dsn.Mask(p.DSN) + ")" }

// Format prints String for every verb.
func (p ConnectParams) Format(f fmt.State, _ rune) { io.WriteString(f, p.String()) }

// MarshalText returns String, for JSON and logs.
func (p ConnectParams) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// connector is the driver's connector for the next dial of a host, after the BeforeConnect hooks had their say.
func (p *Pool) connector(ctx context.Context, a hosts.Address) (driver.Connector, error) {
	host := p.driver.Hosts()[a.Entry]
	if len(p.hooks.beforeConnect) == 0 {
		return host.Connector, nil
	}
	asked := ConnectParams{DSN: host.DSN}
	for _, hook := range p.hooks.beforeConnect {
		if err := hook(ctx, &asked); err != nil {
			return nil, err
		}
	}
	changed, is, err := p.driver.Changed(host, asked.DSN, asked.User, asked.Password, asked.Args)
	if err != nil || !is {
		return host.Connector, err
	}
	p.learn(changed)
	return p.driver.ConnectorFor(changed)
}

// keepSecrets masks the secrets that the pool was configured with.
func (p *Pool) keepSecrets() {
	p.secrets.Keep(p.cfg.DSN, p.cfg.ConnectArgs)
	if p.driver.HasDSN() {
		p.secrets.Keep(p.driver.DSN, nil)
	}
}

// learn adds the secrets of a DSN that a hook made to those that are masked. Of those that are forgotten for it, the
// statements that the server connections keep are cleaned first: they are kept as they are, and cleaned when somebody
// reads them, since to clean each would cost more than the rest of a checkout.
func (p *Pool) learn(made string) {
	if !p.secrets.Learn(made) {
		return
	}
	for _, s := range p.core.All() {
		s.conn.Forget(p.secrets)
	}
	p.secrets.Forget()
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

// open opens a server connection to a host that fits.
func (p *Pool) open(ctx context.Context, o opening) (*ServerConn, error) {
	if p.current() != p { // a copy of a goroutine of the parent process
		return nil, errForked
	}
	began := p.clocked()
	for try := 1; ; try++ {
		s, err := p.dialAny(ctx, o)
		if err != nil {
			return nil, err
		}
		err = p.prepare(ctx, s)
		if err == nil {
			p.observe(TimingConnect, began)
			return s, nil
		}
		if _, again := err.(*unreadyError); !again || try == maxTries {
			return nil, err
		}
	}
}

// unreadyError says that a connection was lost, or is of no use, before anybody has used it.
type unreadyError struct{ error }

func (e *unreadyError) Unwrap() error { return e.error }

// dialAny dials the hosts until one fits.
func (p *Pool) dialAny(ctx context.Context, o opening) (*ServerConn, error) {
	ctx = socket.Watch(ctx, o.Where)
	for {
		dial := func(ctx context.Context, a hosts.Address) (*ServerConn, hosts.Role, error) { return p.dial(ctx, o, a) }
		s, _, err := hosts.Dial(ctx, p.hosts, dial, p.closeUnopened)
		switch err := err.(type) {
		case nil:
			return s, nil
		case *hosts.OwnError:
			return nil, err.Err
		case *hosts.DownError:
			if !p.direct() || p.cfg.Timeout == 0 {
				return nil, p.down(err)
			}
		default:
			return nil, err
		}
		if err := p.waitOut(ctx); err != nil {
			return nil, err
		}
	}
}

// prepare makes a new connection ready, and runs the hooks about opening.
func (p *Pool) prepare(ctx context.Context, s *ServerConn) (err error) {
	ready := false
	defer func() { // also after a panic, which goes on
		if !ready {
			p.closeUnopened(s)
		}
	}()
	if err := p.runFirstConnect(ctx, s); err != nil {
		return err
	}
	if err := runUntilError(ctx, p.hooks.connect, s); err != nil {
		return err
	}
	if s.conn.Cache != nil {
		s.conn.Cache.Opened()
	}
	ready = true
	return nil
}

// closeUnopened closes what the driver has opened and the pool has not: a hook has refused it, or it does not fit.
func (p *Pool) closeUnopened(s *ServerConn) {
	defer p.logPanic("close")
	s.close()
}

// runFirstConnect runs the hooks for the first server connection of the pool. Of several that are being opened, one is
// the first; the others wait.
func (p *Pool) runFirstConnect(ctx context.Context, s *ServerConn) error {
	if len(p.hooks.firstConnect) == 0 {
		return nil
	}
	return p.first.Do(ctx, func() error { return runUntilError(ctx, p.hooks.firstConnect, s) })
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
