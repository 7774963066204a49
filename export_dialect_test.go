package pooled

import (
	"context"
	"database/sql/driver"
)

// ResetMySQLConnection is resetMySQLConnection.
var ResetMySQLConnection = resetMySQLConnection

// OpenParent makes the connector that the pool makes of a driver's name and DSN.
func OpenParent(name, dsn string) (driver.Connector, error) {
	return openParent(name, dsn, ClassQueue)
}

func MySQLPlain(c driver.Connector) bool { return c.(*mysqlConnector).plain() }

func MySQLSetParams(c driver.Connector) string { return c.(*mysqlConnector).setParams() }

func MySQLRestoreTexts(ctx context.Context, c driver.Connector, conn driver.Conn) ([]string, error) {
	return c.(*mysqlConnector).restoreTexts(ctx, conn)
}
