// Package opener finds a wrapped driver by its name, makes its connector for a DSN, and chooses its dialect. The
// drivers for PostgreSQL and MySQL that come with the module are registered by it.
package opener

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/pooled-go/pooled/internal/dialect"
	"github.com/pooled-go/pooled/internal/dsn"
)

// Driver is the wrapped driver of one pool, with its connector. Its methods may be called at the same time.
type Driver struct {
	Dialect *dialect.Dialect

	// DSN is the driver's own, with its password, if it HasDSN.
	DSN string

	hasDSN    bool
	name      string
	connector driver.Connector
	closed    error // of a pool that is closed

	mu      sync.Mutex
	shut    bool
	recent  []made      // for the DSNs that were last asked for
	closers []io.Closer // connectors that were made for another DSN
}

type made struct {
	dsn       string
	connector driver.Connector
}

// maxRecent is how many connectors are kept for the next dial.
const maxRecent = 4

// Open finds a registered driver and makes its connector. It connects to nothing. static: there is one connection
// at a time. closed is the error of a connector that was closed.
func Open(name, dsn string, static bool, closed error) (*Driver, error) {
	registered, err := find(name, dsn)
	if err != nil {
		return nil, err
	}
	d := &Driver{Dialect: DialectOf(name, registered), name: name, closed: closed}
	open := func(dsn string) (driver.Connector, error) { return connectorOf(registered, dsn) }
	if d.Dialect.Share == nil {
		d.connector, err = open(dsn)
	} else {
		d.connector, err = d.Dialect.Share(dsn, dialect.Sharing{Open: open, Static: static, Closed: closed})
	}
	if err != nil {
		return nil, err
	}
	if d.Dialect.InMemory == nil || !d.Dialect.InMemory(d.connector) {
		d.DSN, d.hasDSN = dsn, true
	}
	return d, nil
}

// Of is for a connector of the program's. name only says what its server speaks if the driver's type does not tell.
func Of(name string, connector driver.Connector) *Driver {
	return &Driver{Dialect: DialectOf(name, connector.Driver()), connector: connector}
}

// Anew is the same for another pool.
func (d *Driver) Anew() *Driver {
	return &Driver{
		Dialect: d.Dialect, DSN: d.DSN, hasDSN: d.hasDSN,
		name: d.name, connector: d.connector, closed: d.closed,
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

func connectorOf(d driver.Driver, dsn string) (driver.Connector, error) {
	for _, known := range dialects {
		if known.Connector == nil {
			continue
		}
		if c, err := known.Connector(d, dsn); c != nil || err != nil {
			return c, err
		}
	}
	if d, ok := d.(driver.DriverContext); ok {
		return d.OpenConnector(dsn)
	}
	return &dsnConnector{dsn: dsn, driver: d}, nil
}

// dsnConnector is the connector of a driver that has none.
type dsnConnector struct {
	dsn    string
	driver driver.Driver
}

func (c *dsnConnector) Connect(context.Context) (driver.Conn, error) { return c.driver.Open(c.dsn) }
func (c *dsnConnector) Driver() driver.Driver                        { return c.driver }

// Connector is the driver's connector.
func (d *Driver) Connector() driver.Connector { return d.connector }

// HasDSN tells whether there is a DSN that can be changed for one dial: not if the connector is the program's or
// the database is in memory.
func (d *Driver) HasDSN() bool { return d.hasDSN }

// Private tells that each connection has a database of its own, so that a pool must keep to a single one, and keep
// it.
func (d *Driver) Private() bool { return d.Dialect.Private != nil && d.Dialect.Private(d.connector) }

// Veto is a check to make before a statement is sent; nil: none. args are nil when the statement is prepared.
func (d *Driver) Veto() func(query string, args []driver.NamedValue) error {
	if d.Dialect.Veto == nil {
		return nil
	}
	return d.Dialect.Veto(d.connector)
}

// Changed is the DSN for one dial of which something else is asked: another DSN, a user, a password, arguments. If
// nothing is, it reports false.
func (d *Driver) Changed(asked, user, password string, args map[string]string) (changed string, is bool, err error) {
	switch {
	case asked == d.DSN && user == "" && password == "" && len(args) == 0:
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
	c, err := connectorOf(d.connector.Driver(), changed)
	if err != nil {
		return nil, dsn.Scrub(fmt.Errorf("BeforeConnect hook: %s: %w", d.name, err), changed)
	}
	if closer, ok := c.(io.Closer); ok {
		d.closers = append(d.closers, closer)
	}
	d.recent = append(d.recent[max(0, len(d.recent)+1-maxRecent):], made{changed, c})
	return c, nil
}

// CloseConnector closes the connector that Open made or Of was given, if it can be closed.
func (d *Driver) CloseConnector() error {
	if closer, ok := d.connector.(io.Closer); ok {
		return closer.Close()
	}
	return nil
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
