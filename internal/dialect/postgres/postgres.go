package postgres

import (
	"context"
	"database/sql/driver"
	"net/netip"
	"strings"

	"github.com/lib/pq"

	"github.com/pooled-go/pooled/internal/dialect"
	"github.com/pooled-go/pooled/internal/dsn"
	"github.com/pooled-go/pooled/internal/socket"
)

// Dialect is PostgreSQL's.
var Dialect = &dialect.Dialect{
	Name:          "postgres",
	Names:         []string{"postgres", "pgx", "pq.", "stdlib."}, // the last is pgx's package
	Connector:     connectorOf,
	DialsByName:   true,
	Rules:         rules,
	BoundBySocket: true,
	Rollback:      "ROLLBACK",
	Commit:        "COMMIT",
	Probe:         probe,
	Stmts:         stmts,
	Inside:        inside,
	SessionID:     sessionID,
	Fatal:         fatalOf,
	Reset:         reset,
	TooManyConns:  tooManyConns,
	ConnLost:      connLost,
	Away:          away,
	ReadOnly:      refusesWrites,
	Role:          role,
	NoTransaction: noTransaction,
}

// tooManyConns: 53300 is the server's word. PgBouncer has none of its own for its limits on clients, only a text.
func tooManyConns(err error) bool {
	switch sqlState(err) {
	case "53300":
		return true
	case "08P01":
		text := err.Error()
		return strings.Contains(text, "no more connections allowed") ||
			strings.Contains(text, "client connections exceeded")
	}
	return false
}

// noTransaction: where PostgreSQL warns, CockroachDB fails. Its older versions have no state of their own for that.
func noTransaction(err error) bool {
	return sqlState(err) == "25P01" || strings.Contains(err.Error(), "there is no transaction in progress")
}

// connLost: class 08 is connection exceptions, 57P01 to 57P03 are the shutdowns. 57P05, 25P03 and 25P04 are the ends
// of idle_session_timeout, idle_in_transaction_session_timeout and transaction_timeout.
func connLost(err error) bool {
	state := sqlState(err)
	switch state {
	case "57P01", "57P02", "57P03", "57P05", "25P03", "25P04":
		return true
	}
	return strings.HasPrefix(state, "08")
}

// connector makes lib/pq's Connector behave as its Driver does under sql.Open, but for the context, which that does
// not know. A DSN that lib/pq refuses is the error of the first connection, not of sql.Open; and a dial that a
// caller's context ended is that context's error.
type connector struct {
	wrapped *pq.Connector // nil: lib/pq refuses the DSN
	cfg     pq.Config
	dsn     string
}

func connectorOf(d driver.Driver, dsn string) (driver.Connector, error) {
	if _, ours := d.(*pq.Driver); !ours {
		return nil, nil
	}
	return newConnector(dsn)
}

func newConnector(name string) (driver.Connector, error) {
	cfg, err := pq.NewConfig(name)
	told := name
	if !strings.Contains(name, "://") {
		told = "pool_driver=postgres " + name // which its keys alone may not tell
	}
	switch {
	case err == nil:
		return connectorFor(cfg, name)
	case dsn.Leaks(err.Error(), told):
		return nil, err // not as it is: it shows more than it should
	}
	return &connector{dsn: name}, nil
}

func connectorFor(cfg pq.Config, dsn string) (*connector, error) {
	wrapped, err := pq.NewConnectorConfig(cfg)
	if err != nil {
		return nil, err
	}
	wrapped.Dialer(dialer{})
	return &connector{wrapped: wrapped, cfg: cfg, dsn: dsn}, nil
}

func (c *connector) Connect(ctx context.Context) (driver.Conn, error) {
	if c.wrapped == nil { // what was missing, such as a service file, may be there by now
		now, err := newConnector(c.dsn)
		if err != nil || now.(*connector).wrapped == nil {
			return pq.Open(c.dsn) // for its error
		}
		return now.Connect(ctx)
	}
	wrapped := c.wrapped
	if at, err := netip.ParseAddrPort(socket.Placed(ctx)); err == nil {
		if wrapped, err = c.at(at.Addr()); err != nil {
			return nil, err
		}
	}
	return connect(ctx, wrapped)
}

// at is a connector for one address of the host. lib/pq dials its requests to cancel a statement by the configuration,
// and they have to reach the same server.
func (c *connector) at(address netip.Addr) (*pq.Connector, error) {
	cfg := c.cfg.Clone()
	cfg.Hostaddr = address
	there, err := connectorFor(cfg, c.dsn)
	if err != nil {
		return nil, err
	}
	return there.wrapped, nil
}

func (c *connector) Driver() driver.Driver { return &pq.Driver{} }
