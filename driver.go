package pooled

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/pooled-go/pooled/internal/dsn"
	"github.com/pooled-go/pooled/internal/opener"
	"github.com/pooled-go/pooled/internal/option"
)

// DriverName is the name under which the driver is registered.
const DriverName = "pooled"

func init() { sql.Register(DriverName, &Driver{}) }

var (
	_ driver.Driver        = (*Driver)(nil)
	_ driver.DriverContext = (*Driver)(nil)
	_ driver.Connector     = (*Connector)(nil)
	_ io.Closer            = (*Connector)(nil)
)

// Driver is the database/sql driver "pooled". Programs use it by name:
//
//	db, err := sql.Open("pooled", dsn)
type Driver struct{}

// OpenConnector parses a DSN and makes a pool for it. It does not connect, unless pool_min_idle is set. An empty DSN is
// refused by Connect, not here: tracing libraries open a driver without a DSN only to find it.
func (d *Driver) OpenConnector(name string) (driver.Connector, error) {
	connector, err := openDSN(name)
	switch err {
	case nil:
		return connector, nil
	case dsn.ErrEmpty:
		return emptyConnector{d}, nil
	}
	return nil, err
}

func openDSN(dsn string) (*Connector, error) {
	cfg, err := ParseDSN(dsn)
	if err != nil {
		return nil, err
	}
	return openConnector(cfg, option.OriginDSN)
}

// emptyConnector is for a DSN that says nothing.
type emptyConnector struct{ driver *Driver }

func (c emptyConnector) Connect(context.Context) (driver.Conn, error) { return nil, dsn.ErrEmpty }
func (c emptyConnector) Driver() driver.Driver                        { return c.driver }

// Open is sql.Open for a Config. Get the Config from [ParseDSN], or from [NewConfig] and set its DSN. Use Open for what
// a DSN cannot contain, such as hooks in code and ConnectArgs. Like sql.Open, it does not connect.
func Open(cfg Config) (*sql.DB, error) {
	connector, err := openConnector(cfg, option.OriginProgram)
	if err != nil {
		return nil, err
	}
	db := sql.OpenDB(connector)
	connector.pool.above.Show(db)
	return db, nil
}

func openConnector(cfg Config, set string) (*Connector, error) {
	asked := origin{cfg: cfg.clone(), set: set}
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	name, parentDSN, err := dsn.Resolve(cfg.Driver, cfg.DSN, cfg.ConnectArgs, sql.Drivers())
	if err != nil {
		return nil, err
	}
	if name == DriverName {
		return nil, errors.New("pooled: pool_driver=pooled: the wrapped driver has to be another one: write its name")
	}
	if err := cfg.heed(name, parentDSN, cfg.Target != TargetAny, cfg.HostOrder != HostsInOrder); err != nil {
		return nil, err
	}
	static := cfg.Class == ClassStatic || cfg.Class == ClassAssert
	opened, err := opener.Open(name, parentDSN, static, ErrClosed)
	if err != nil {
		return nil, dsn.Scrub(fmt.Errorf("driver %s refuses its DSN: %w; its documentation says what to write", name, err),
			parentDSN)
	}
	cfg.Driver = name
	if err := suitSingle(opened.Private(), &cfg); err != nil {
		opened.CloseConnector() // it has opened nothing
		return nil, err
	}
	connector, err := newConnector(opened, cfg, asked)
	if err != nil {
		opened.CloseConnector()
		return nil, err
	}
	return connector, nil
}

// suitSingle fits the configuration to a database that ends with its one connection.
func suitSingle(single bool, cfg *Config) error {
	switch {
	case !single:
		return nil
	case cfg.Class == ClassNull || cfg.Class == ClassDirect:
		return fmt.Errorf("pooled: pool_class=%s: with driver %s each connection has an in-memory database of its own: "+
			"use pool_class=static",
			cfg.Class, cfg.Driver)
	case cfg.ResetOnReturn == ResetAuto || cfg.ResetOnReturn == ResetSession:
		return fmt.Errorf("pooled: pool_reset_on_return=%s: with driver %s an in-memory database would end with its "+
			"connection: use rollback",
			cfg.ResetOnReturn, cfg.Driver)
	}
	cfg.Class = ClassStatic
	return nil
}

// Open is for programs that call a driver directly. The connection has its own pool, which is closed together with it.
// database/sql calls OpenConnector instead.
func (d *Driver) Open(dsn string) (driver.Conn, error) {
	connector, err := openDSN(dsn)
	if err != nil {
		return nil, err
	}
	c, err := connector.Connect(context.Background())
	if err != nil {
		connector.Close()
		return nil, err
	}
	return &ownedConn{pooledConn: c.(*pooledConn), owner: connector}, nil
}

// ownedConn is a pooledConn that takes its pool with it when it is closed.
type ownedConn struct {
	*pooledConn
	owner *Connector
}

func (c *ownedConn) Close() error { return errors.Join(c.pooledConn.Close(), c.owner.Close()) }

// Connector makes connections for database/sql that share one pool. It is for sql.OpenDB; sql.Open("pooled", dsn)
// makes one from a DSN.
type Connector struct {
	pool   *Pool
	driver *boundDriver
}

// NewConnector puts a pool in front of any driver's connector. Make cfg with NewConfig or ParseDSN; its DSN is not
// used. If the pool does not know the driver's type, set cfg.Driver to say which server it is: "postgres", "mysql",
// "sqlite" or "sqlserver". Any other value is only a name. Closing the sql.DB closes the connector, too, if that is an
// io.Closer.
func NewConnector(connector driver.Connector, cfg Config) (*Connector, error) {
	if connector == nil {
		return nil, errors.New("pooled: new connector: the connector is nil")
	}
	return newConnector(opener.Of(cfg.Driver, connector), cfg, origin{cfg: cfg.clone(), set: option.OriginProgram})
}

func newConnector(d *opener.Driver, cfg Config, asked origin) (*Connector, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	if cfg.Target != TargetAny && !d.HasRoles() {
		return nil, badValue("pool_target", string(cfg.Target), opener.ErrNoRoles)
	}
	named, err := registeredHooks.All(cfg.HookNames)
	if err != nil {
		return nil, err
	}
	if err := cfg.findLogger(); err != nil {
		return nil, err
	}
	if slices.Contains(cfg.Interceptors, nil) {
		return nil, errors.New("pooled: Config.Interceptors: one is nil")
	}
	pool := newPool(d, cfg.clone(), append(named, cfg.Hooks))
	pool.asked = &asked
	pool.register()
	if cfg.Timings {
		pool.measure()
	}
	pool.core.Refill()
	return &Connector{pool: pool, driver: &boundDriver{pool: pool}}, nil
}

// Connect makes a connection for database/sql and checks out a server connection for it at once. So it returns the
// error if one cannot be opened, as the driver alone does. It blocks until it has one, until pool_timeout, or until ctx
// ends.
func (c *Connector) Connect(ctx context.Context) (driver.Conn, error) {
	if c.pool.above.Pending() {
		c.pool.lookAbove()
	}
	made := &pooledConn{pool: c.pool}
	if err := made.connect(ctx); err != nil {
		return nil, err
	}
	made.pristine = !c.pool.direct()
	made.turn, made.turnSince = made.server.slot.Turn(), made.server.slot.LeasedAt()
	// The last step: from here on the pool may take the lease back at any moment.
	made.server.slot.Offer(&made.lease)
	return made, nil
}

// Driver is what sql.DB.Driver returns. [PoolOf] finds the pool by it.
func (c *Connector) Driver() driver.Driver { return c.driver }

// Pool is the pool of the server connections.
func (c *Connector) Pool() *Pool { return c.pool }

// Close closes the pool: idle server connections at once, those in use when they are returned. Callers in the queue get
// ErrClosed. It waits up to five seconds for the pool's goroutines. sql.DB.Close calls it.
func (c *Connector) Close() error { return c.pool.current().close() }

// boundDriver is the Driver of one Connector. database/sql shows a driver nothing of its sql.DB, but it gives back the
// driver it was given.
type boundDriver struct {
	Driver
	pool *Pool
}

func (d *boundDriver) Pool() *Pool { return d.pool }

// String keeps a printed driver from showing its pool's DSN.
func (d *boundDriver) String() string { return "pooled.Driver" }
