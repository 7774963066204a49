package mysql

import (
	"context"
	"database/sql/driver"
)

var (
	ResetConnection = resetConnection
	NewConnector    = newConnector
	LacksVariable   = lacksVariable
)

func Plain(c driver.Connector) bool { return c.(*connector).plain() }

func SetParams(c driver.Connector) string { return c.(*connector).setParams() }

func RestoreTexts(ctx context.Context, c driver.Connector, conn driver.Conn) ([]string, error) {
	return c.(*connector).restoreTexts(ctx, conn)
}
