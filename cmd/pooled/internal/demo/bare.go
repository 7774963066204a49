package demo

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"sync/atomic"
)

// counting is a driver's own Connector and counts the connections it opens, which are handed on as they are.
type counting struct {
	driver.Connector
	opened atomic.Int64
}

func (c *counting) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err == nil {
		c.opened.Add(1)
	}
	return conn, err
}

// connectorOf is the Connector that sql.Open(name, dsn) would use.
func connectorOf(name, dsn string) (driver.Connector, error) {
	db, err := sql.Open(name, dsn) // connects to nothing
	if err != nil {
		return nil, err
	}
	defer db.Close()
	if d, ok := db.Driver().(driver.DriverContext); ok {
		return d.OpenConnector(dsn)
	}
	return opener{db.Driver(), dsn}, nil
}

// opener is the Connector of a driver that has none.
type opener struct {
	driver driver.Driver
	dsn    string
}

func (o opener) Connect(context.Context) (driver.Conn, error) { return o.driver.Open(o.dsn) }
func (o opener) Driver() driver.Driver                        { return o.driver }
