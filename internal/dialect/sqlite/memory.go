package sqlite

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"
)

var (
	_ driver.Connector = (*memoryConnector)(nil)
	_ io.Closer        = (*memoryConnector)(nil)
	_ driver.Connector = (*privateMemory)(nil)
	_ io.Closer        = (*privateMemory)(nil)
)

// memoryConnector opens connections to one SQLite database in memory. Such a database vanishes with its last
// connection, so this keeps one, the anchor, from before the first Connect succeeds until Close. Nobody leases it,
// and it counts in no limit.
type memoryConnector struct {
	wrapped driver.Connector
	closed  error // of Connect after Close
	guarded bool  // see veto

	// state holds one value. Who has taken it may open or close the anchor; to wait for it is to wait in a select,
	// beside a context.
	state chan anchorState
}

type anchorState struct {
	anchor driver.Conn // nil: not opened yet
	closed bool
}

func newMemoryConnector(wrapped driver.Connector, closed error, guarded bool) *memoryConnector {
	c := &memoryConnector{wrapped: wrapped, closed: closed, guarded: guarded, state: make(chan anchorState, 1)}
	c.state <- anchorState{}
	return c
}

// Connect opens the anchor if there is none, then a connection, both with ctx. If the anchor fails its error is
// returned, and the next Connect tries again. After Close, or if Close comes meanwhile, the error is that of a
// closed pool: another connection would find an empty database.
func (c *memoryConnector) Connect(ctx context.Context) (driver.Conn, error) {
	if err := c.openAnchor(ctx); err != nil {
		return nil, err
	}
	conn, err := c.wrapped.Connect(ctx)
	if err != nil {
		return nil, err
	}
	s := <-c.state
	c.state <- s
	if s.closed {
		return nil, errors.Join(c.closed, conn.Close())
	}
	return conn, nil
}

func (c *memoryConnector) openAnchor(ctx context.Context) (err error) {
	var s anchorState
	select {
	case s = <-c.state:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { c.state <- s }()
	switch {
	case s.closed:
		return c.closed
	case s.anchor == nil:
		s.anchor, err = c.wrapped.Connect(ctx)
	}
	return err
}

// Driver is the wrapped driver.
func (c *memoryConnector) Driver() driver.Driver { return c.wrapped.Driver() }

// Close closes the anchor and, if it can be closed, the driver's connector. The database is gone when the
// connections that Connect has made are closed too, before or after. A second Close does nothing.
func (c *memoryConnector) Close() error {
	s := <-c.state
	defer func() { c.state <- s }()
	if s.closed {
		return nil
	}
	s.closed = true
	var err error
	if s.anchor != nil {
		err = s.anchor.Close()
		s.anchor = nil
	}
	return errors.Join(err, closeConnector(c.wrapped))
}

// privateMemory is the connector of a SQLite database in memory that its driver can't share: each connection has
// one of its own.
type privateMemory struct{ driver.Connector }

// Close closes the driver's connector, if it can be closed.
func (c *privateMemory) Close() error { return closeConnector(c.Connector) }

func closeConnector(c driver.Connector) error {
	if closer, ok := c.(io.Closer); ok {
		return closer.Close()
	}
	return nil
}

// isInMemory tells a connector whose database is in memory, so that there is no other to connect to.
func isInMemory(c driver.Connector) bool {
	_, shared := c.(*memoryConnector)
	return shared || isPrivate(c)
}

// isPrivate reports whether every connection has a database of its own, so that a pool must keep to a single one,
// and keep it.
func isPrivate(c driver.Connector) bool {
	_, ok := c.(*privateMemory)
	return ok
}
