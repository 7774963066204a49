package mysql

import (
	"context"
	"database/sql/driver"
	"net"

	"github.com/pooled-go/pooled/internal/socket"
)

var (
	ResetConnection = resetConnection
	NewConnector    = newConnector
	LacksVariable   = lacksVariable
)

func Wire(c driver.Connector, conn driver.Conn, s *socket.Socket) net.Conn {
	return c.(*connector).wire(conn, s)
}

func SetParams(c driver.Connector) string { return c.(*connector).setParams() }

func RestoreTexts(ctx context.Context, c driver.Connector, conn driver.Conn, s *socket.Socket) ([]string, error) {
	return c.(*connector).restoreTexts(ctx, conn, s)
}
