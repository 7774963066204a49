package pooled

import (
	"errors"

	"github.com/go-sql-driver/mysql"
)

// mysqlDialect is MySQL's and MariaDB's. Autocommit can be off from the start,
// by a DSN variable, init_connect or the server's configuration, so it is asked
// for once on each new server connection.
var mysqlDialect = &dialect{
	kind:       dialectMySQL,
	rollback:   "ROLLBACK",
	commit:     "COMMIT",
	unchained:  " AND NO CHAIN NO RELEASE",
	autocommit: "SELECT @@autocommit",
	tooMany:    mysqlTooMany,
}

// mysqlTooMany: ER_CON_COUNT_ERROR is the server's limit, ER_TOO_MANY_USER_CONNECTIONS the account's.
func mysqlTooMany(err error) bool {
	var e *mysql.MySQLError
	return errors.As(err, &e) && (e.Number == 1040 || e.Number == 1203)
}
