package pooled

import (
	"database/sql/driver"
)

// What the tests of SQLite see of the package's inside.
var (
	SQLiteConnector       = sqliteConnector
	SQLiteStaticConnector = sqliteStaticConnector
	SQLiteNoTransaction   = sqliteNoTransaction
	SQLiteSingle          = sqliteSingle
	SQLiteGuard           = sqliteGuard
)

// SQLitePlace tells where the database of a DSN is: "disk", "private" or "shared".
func SQLitePlace(dsn string) string {
	switch parseSQLiteDSN(dsn).place() {
	case sqlitePrivate:
		return "private"
	case sqliteSharedByName:
		return "shared"
	}
	return "disk"
}

// SQLiteKnown is the package of the SQLite driver that d is or wraps, "" if none
// is found.
func SQLiteKnown(d driver.Driver) string {
	if known := findSQLiteDriver(d); known != nil {
		return known.pkg
	}
	return ""
}

// SQLiteRewrite is the DSN that a private memory database gets, and the one it gets
// in a pool of one, with the driver of package pkg.
func SQLiteRewrite(dsn, pkg string) (several, one string) {
	for i := range sqliteDrivers {
		if known := &sqliteDrivers[i]; known.pkg == pkg {
			d := parseSQLiteDSN(dsn)
			return d.memdb(known), d.sharedCache(known)
		}
	}
	return "", ""
}
