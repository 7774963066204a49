package mysql

import (
	"context"
	"database/sql/driver"
	"errors"
	"slices"
	"strings"

	"github.com/go-sql-driver/mysql"

	"github.com/pooled-go/pooled/internal/dialect"
	"github.com/pooled-go/pooled/internal/socket"
)

// Dialect is MySQL's and MariaDB's.
var Dialect = &dialect.Dialect{
	Name:           "mysql",
	Names:          []string{"mysql", "mariadb"},
	Connector:      connectorOf,
	DialsByName:    true,
	Rules:          rules,
	Rollback:       "ROLLBACK",
	Commit:         "COMMIT",
	NoChain:        " AND NO CHAIN NO RELEASE",
	Probe:          probe,
	Stmts:          stmts,
	Reset:          reset,
	SilentWhenIdle: silentWhenIdle,
	TooManyConns:   tooManyConns,
	ConnLost:       connLost,
	Away:           away,
	ReadOnly:       refusesWrites,
	Role:           role,
	Refuses:        refuses,
	Ask:            "DO 1",
}

// tooManyConns: ER_CON_COUNT_ERROR is the server's limit, ER_TOO_MANY_USER_CONNECTIONS the account's.
func tooManyConns(err error) bool {
	var e *mysql.MySQLError
	return errors.As(err, &e) && (e.Number == 1040 || e.Number == 1203)
}

// connLost: 1053 ER_SERVER_SHUTDOWN, 1927 ER_CONNECTION_KILLED, 4031 ER_CLIENT_INTERACTION_TIMEOUT; 2006 and 2013
// are the client library's, which some drivers and proxies use.
func connLost(err error) bool {
	if errors.Is(err, mysql.ErrInvalidConn) {
		return true
	}
	var e *mysql.MySQLError
	if !errors.As(err, &e) {
		return false
	}
	switch e.Number {
	case 1053, 1927, 2006, 2013, 4031:
		return true
	}
	return false
}

// refuses: a node of a Galera cluster that is not part of the primary component takes none but SET, SHOW and SELECTs
// without tables. 1047 is ER_UNKNOWN_COM_ERROR, which alone would be about a command of the protocol.
func refuses(err error) bool { return isError(err, 1047) && strings.Contains(err.Error(), "WSREP") }

// connector is the connector that go-sql-driver makes of a DSN, but it dials by the pool's dialer, and remembers
// what a session reset has to know.
type connector struct {
	driver.Connector
	cfg        *mysql.Config
	compresses bool     // the DSN wants that
	tickets    *tickets // nil: without TLS, or with a TLS configuration of the program's
}

func connectorOf(d driver.Driver, dsn string) (driver.Connector, error) {
	if _, ours := d.(*mysql.MySQLDriver); !ours {
		return nil, nil
	}
	return newConnector(dsn)
}

func newConnector(dsn string) (driver.Connector, error) {
	cfg, err := mysql.ParseDSN(dsn)
	if err != nil {
		return nil, err
	}
	c := &connector{cfg: cfg, compresses: compresses(cfg)}
	if cfg.Net == "tcp" || cfg.Net == "unix" { // another name may be a dialer that the program registered
		cfg.DialFunc = socket.Dial
		cfg.CheckConnLiveness = false // the same look at the socket as the pool's own
		if slices.Contains([]string{"true", "skip-verify", "preferred"}, cfg.TLSConfig) {
			c.tickets = newTickets()
		}
	}
	if c.Connector, err = mysql.NewConnector(cfg); err != nil {
		return nil, err
	}
	return c, nil
}

// Connect opens a connection.
func (c *connector) Connect(ctx context.Context) (driver.Conn, error) {
	if c.tickets == nil {
		return c.Connector.Connect(ctx)
	}
	return c.tickets.connect(ctx, c.cfg)
}

// silentWhenIdle: what arrives without TLS is a packet, and MySQL sends none that nobody asked for but the last. Over
// TLS, and with a connector of the program's, which may use it, only a ping tells.
func silentWhenIdle(c driver.Connector) bool {
	ours, known := c.(*connector)
	return known && ours.cfg.TLS == nil
}

// InterpolatesParams tells whether the driver puts arguments into the text by itself.
func (c *connector) InterpolatesParams() bool { return c.cfg.InterpolateParams }

// compresses looks for the option in a DSN that the driver makes of nothing else that could pass for it: a Config
// does not show it.
func compresses(cfg *mysql.Config) bool {
	cfg = cfg.Clone()
	cfg.User, cfg.Passwd, cfg.Addr, cfg.DBName, cfg.Params = "", "", "", "", nil
	_, params, _ := strings.Cut(cfg.FormatDSN(), "?")
	return slices.Contains(strings.Split(params, "&"), "compress=true")
}
