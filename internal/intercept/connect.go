package intercept

import (
	"context"
	"database/sql/driver"
	"slices"
	"sync"

	"github.com/ngrok/sqlmw"
)

// Connect connects by connector, with the interceptors' ConnectorConnect before it. If one of them panics, or ends the
// goroutine, nobody has what was opened behind it, so it is closed.
func Connect(ctx context.Context, list []sqlmw.Interceptor, connector driver.Connector) (driver.Conn, error) {
	if len(list) == 0 {
		return connector.Connect(ctx)
	}
	end := &endConnector{Connector: connector}
	connector = end
	for _, i := range slices.Backward(list) {
		connector = &linkConnector{Connector: connector, interceptor: i}
	}
	returned := false
	defer func() {
		if !returned {
			end.closeAll()
		}
	}()
	conn, err := connector.Connect(ctx)
	returned = true
	return conn, err
}

// endConnector is the driver's connector, with what it has opened. An interceptor may connect more than once, and at
// the same time.
type endConnector struct {
	driver.Connector
	mu     sync.Mutex
	opened []driver.Conn
}

func (c *endConnector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err == nil {
		c.mu.Lock()
		c.opened = append(c.opened, conn)
		c.mu.Unlock()
	}
	return conn, err
}

func (c *endConnector) closeAll() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, conn := range c.opened {
		conn.Close()
	}
}

type linkConnector struct {
	driver.Connector
	interceptor sqlmw.Interceptor
}

func (c *linkConnector) Connect(ctx context.Context) (driver.Conn, error) {
	return c.interceptor.ConnectorConnect(ctx, c.Connector)
}
