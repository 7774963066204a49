// Package opener finds a wrapped driver by its name, makes a connector for each host of a DSN, and chooses its dialect.
// The drivers for PostgreSQL and MySQL that come with the module are registered by it.
package opener

import (
	"cmp"
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/pooled-go/pooled/internal/dialect"
	"github.com/pooled-go/pooled/internal/dialect/mysql"
	"github.com/pooled-go/pooled/internal/dialect/postgres"
	"github.com/pooled-go/pooled/internal/dsn"
)

// Driver is the wrapped driver of one pool, with its connectors. Its methods may be called at the same time.
type Driver struct {
	Dialect *dialect.Dialect

	// DSN is the driver's own, with all hosts and the password, if it HasDSN.
	DSN string

	hasDSN bool
	name   string
	hosts  []Host
	closed error // of a pool that is closed

	mu      sync.Mutex
	shut    bool
	recent  []made      // for the DSNs that were last asked for
	closers []io.Closer // connectors that were made for another DSN
}

// Host is one of those that the driver can connect to.
type Host struct {
	Name   string // host:port, the path of a socket, or any other name to show
	Lookup bool   // Name is looked up by the pool: the driver dials an address that is given to it by socket.At

	DSN       string // the driver's, with this host alone; empty if there is none to be changed
	Connector driver.Connector
}

type made struct {
	dsn       string
	connector driver.Connector
}

// maxRecent is how many connectors are kept for the next dial of each host.
const maxRecent = 4

// Open finds a registered driver and makes its connectors. It connects to nothing. static: there is one connection
// at a time. closed is the error of a connector that was closed.
func Open(name, whole string, static bool, closed error) (*Driver, error) {
	split, err := dsn.Hosts(name, whole)
	if err != nil {
		return nil, err
	}
	registered, err := find(name, split.Hosts[0].DSN)
	if err != nil {
		return nil, err
	}
	d := &Driver{Dialect: DialectOf(name, registered), name: name, closed: closed}
	for _, h := range split.Hosts {
		if err := d.addHost(registered, h, static); err != nil {
			return nil, errors.Join(err, d.CloseConnector())
		}
	}
	if d.Dialect.InMemory != nil && d.Dialect.InMemory(d.Connector()) {
		d.hosts[0].DSN = ""
		return d, nil
	}
	d.DSN, d.hasDSN = whole, true
	return d, nil
}

// addHost makes the connector of a host.
func (d *Driver) addHost(registered driver.Driver, h dsn.Host, static bool) (err error) {
	added := Host{Name: h.Name, DSN: h.DSN}
	if d.Dialect.Share == nil {
		var known *dialect.Dialect
		added.Connector, known, err = connectorOf(registered, h.DSN)
		added.Lookup = h.Lookup && known != nil && known.DialsByName
	} else {
		open := func(dsn string) (driver.Connector, error) {
			connector, _, err := connectorOf(registered, dsn)
			return connector, err
		}
		how := dialect.Sharing{Open: open, Static: static, Closed: d.closed}
		added.Connector, err = d.Dialect.Share(h.DSN, how)
	}
	if err == nil {
		d.hosts = append(d.hosts, added)
	}
	return err
}

// Of is for a connector of the program's. name only says what its server speaks if the driver's type does not tell.
func Of(name string, connector driver.Connector) *Driver {
	d := &Driver{Dialect: DialectOf(name, connector.Driver())}
	d.hosts = []Host{{Name: cmp.Or(name, d.Dialect.Name), Connector: connector}}
	return d
}

// Anew is the same for another pool.
func (d *Driver) Anew() *Driver {
	return &Driver{
		Dialect: d.Dialect, DSN: d.DSN, hasDSN: d.hasDSN,
		name: d.name, hosts: d.hosts, closed: d.closed,
	}
}

// find finds a driver by name. database/sql shows it by way of a sql.DB only; nothing is connected.
func find(name, dsn string) (driver.Driver, error) {
	db, err := sql.Open(name, dsn)
	if err != nil {
		return nil, err
	}
	return db.Driver(), db.Close()
}

// connectorOf makes a driver's connector, or that of a dialect which knows the driver better than others.
func connectorOf(d driver.Driver, dsn string) (driver.Connector, *dialect.Dialect, error) {
	for _, known := range dialects {
		if known.Connector == nil {
			continue
		}
		if c, err := known.Connector(d, dsn); c != nil || err != nil {
			return c, known, err
		}
	}
	if d, ok := d.(driver.DriverContext); ok {
		c, err := d.OpenConnector(dsn)
		return c, nil, err
	}
	return &dsnConnector{dsn: dsn, driver: d}, nil, nil
}

// dsnConnector is the connector of a driver that has none.
type dsnConnector struct {
	dsn    string
	driver driver.Driver
}

func (c *dsnConnector) Connect(context.Context) (driver.Conn, error) { return c.driver.Open(c.dsn) }
func (c *dsnConnector) Driver() driver.Driver                        { return c.driver }

// Hosts are those that the driver can connect to, at least one. They are not to be changed.
func (d *Driver) Hosts() []Host { return d.hosts }

// Connector is the driver's connector for the first host.
func (d *Driver) Connector() driver.Connector { return d.hosts[0].Connector }

// HasDSN tells whether there is a DSN that can be changed for one dial: not if the connector is the program's or
// the database is in memory.
func (d *Driver) HasDSN() bool { return d.hasDSN }

// Private tells that each connection has a database of its own, so that a pool must keep to a single one, and keep
// it.
func (d *Driver) Private() bool { return d.Dialect.Private != nil && d.Dialect.Private(d.Connector()) }

// HasRoles tells that its servers are primaries or standbys.
func (d *Driver) HasRoles() bool {
	return d.Dialect == postgres.Dialect || d.Dialect == mysql.Dialect
}

// ErrNoRoles is for a role that is wanted of others.
var ErrNoRoles = errors.New("servers have roles with drivers for PostgreSQL and MySQL, and not with this one: leave " +
	"it out")

// Veto is a check to make before a statement is sent; nil: none. args are nil when the statement is prepared.
func (d *Driver) Veto() func(query string, args []driver.NamedValue) error {
	if d.Dialect.Veto == nil {
		return nil
	}
	return d.Dialect.Veto(d.Connector())
}

// Changed is the DSN for one dial of a host of which something else is asked: another DSN, a user, a password,
// arguments. If nothing is, it reports false.
func (d *Driver) Changed(host Host, asked, user, password string, args map[string]string) (
	changed string, is bool, err error) {
	switch {
	case asked == host.DSN && user == "" && password == "" && len(args) == 0:
		return "", false, nil
	case !d.hasDSN:
		return "", false, errors.New("pooled: BeforeConnect hook: there is no DSN to change: " +
			"the driver was given to NewConnector, or the database is in memory")
	}
	changed, err = dsn.MergeLogin(d.name, asked, user, password, args)
	return changed, true, err
}

// ConnectorFor makes the connector for another DSN, if there is one of this. The last few are kept: what rotates
// does so now and then, not with each dial.
func (d *Driver) ConnectorFor(changed string) (driver.Connector, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.shut {
		return nil, d.closed
	}
	for _, m := range d.recent {
		if m.dsn == changed {
			return m.connector, nil
		}
	}
	c, _, err := connectorOf(d.Connector().Driver(), changed)
	if err != nil {
		return nil, dsn.Scrub(fmt.Errorf("BeforeConnect hook: %s: %w", d.name, err), changed)
	}
	if closer, ok := c.(io.Closer); ok {
		d.closers = append(d.closers, closer)
	}
	d.recent = append(d.recent[max(0, len(d.recent)+1-maxRecent*len(d.hosts)):], made{changed, c})
	return c, nil
}

// CloseConnector closes the connectors that Open made or Of was given, if they can be closed.
func (d *Driver) CloseConnector() (err error) {
	for _, h := range d.hosts {
		if closer, ok := h.Connector.(io.Closer); ok {
			err = errors.Join(err, closer.Close())
		}
	}
	return err
}

// Close closes those that ConnectorFor made.
func (d *Driver) Close() (err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.shut = true
	for _, closer := range d.closers {
		err = errors.Join(err, closer.Close())
	}
	d.closers = nil
	return err
}

// Lock keeps everybody out until unlock is called, as a fork does that happens while the lock is held.
func (d *Driver) Lock() (unlock func()) {
	d.mu.Lock()
	return d.mu.Unlock
}
