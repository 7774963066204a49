package pooled

import (
	"context"
	"database/sql/driver"
	"net"
)

// Socket shows a socket to the tests in package pooled_test.
type Socket struct{ s *socket }

// WithDialed is withDialed; the function returns what was dialed last.
func WithDialed(ctx context.Context) (context.Context, func() Socket) {
	ctx, d := withDialed(ctx)
	return ctx, func() Socket { return Socket{d.socket()} }
}

func NewSocket(conn net.Conn) Socket { return Socket{newSocket(conn, nil)} }

func (s Socket) Known() bool           { return s.s != nil }
func (s Socket) Conn() net.Conn        { return s.s.conn }
func (s Socket) Sent() (uint64, bool)  { return s.s.sent() }
func (s Socket) LastErr() error        { return s.s.lastErr() }
func (s Socket) Peek() (string, error) { state, err := s.s.peek(); return state.String(), err }

func (s Socket) Bound(ctx context.Context) (release func()) { return s.s.bound(ctx) }

func (s Socket) ResetMySQL(ctx context.Context) error { return resetMySQLConnection(ctx, s.s) }

var (
	BoundError = boundError
	PQDialer   = pqDialer{}
)

// OpenParent makes the connector that the pool makes of a driver's name and DSN.
func OpenParent(name, dsn string) (driver.Connector, error) {
	return openParent(name, dsn, ClassQueue)
}

func MySQLPlain(c driver.Connector) bool { return c.(*mysqlConnector).plain() }

func MySQLSetParams(c driver.Connector) string { return c.(*mysqlConnector).setParams() }

func MySQLRestoreTexts(ctx context.Context, c driver.Connector, conn driver.Conn) ([]string, error) {
	return c.(*mysqlConnector).restoreTexts(ctx, conn)
}
