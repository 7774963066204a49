package sqlite

import "database/sql/driver"

// Place tells where the database of a DSN is: "disk", "private" or "shared".
func Place(dsn string) string {
	switch parseDSN(dsn).place() {
	case private:
		return "private"
	case sharedByName:
		return "shared"
	}
	return "disk"
}

// Known is the package of the SQLite driver that d is or wraps, "" if none
// is found.
func Known(d driver.Driver) string {
	if known := findDriver(d); known != nil {
		return known.pkg
	}
	return ""
}

// Rewrite is the DSN that a private memory database gets, and the one it gets
// in a pool of one, with the driver of package pkg.
func Rewrite(dsn, pkg string) (several, one string) {
	for i := range knownDrivers {
		if known := &knownDrivers[i]; known.pkg == pkg {
			d := parseDSN(dsn)
			return d.memdb(known), d.sharedCache()
		}
	}
	return "", ""
}
