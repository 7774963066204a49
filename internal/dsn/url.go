package dsn

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// cutScheme takes the scheme off a URL. "file:" is no URL here, but a form of SQLite's.
func cutScheme(dsn string) (name, rest string, ok bool) {
	name, rest, ok = strings.Cut(dsn, "://")
	if !ok || name == "" || name == "file" {
		return "", dsn, false
	}
	for i, r := range name {
		letter := 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
		if !letter && (i == 0 || !('0' <= r && r <= '9' || strings.ContainsRune("+-._", r))) {
			return "", dsn, false
		}
	}
	return name, rest, true
}

// rewrite returns a URL without its options in the form that its driver reads. A DSN that is in its driver's form
// already comes back as it is.
func (f Form) rewrite(dsn string) (string, error) {
	_, rest, isURL := cutScheme(dsn)
	if !isURL || f.native {
		return dsn, nil
	}
	switch f.family {
	case mysqlFamily:
		return mysqlNative(rest)
	case sqliteFamily:
		return sqliteNative(rest)
	}
	// The driver reads the URL, but not the "+driver" in its scheme.
	return cmp.Or(schemes[f.scheme].native, f.scheme) + "://" + rest, nil
}

// pythonDrivers are SQLAlchemy's names behind the +, none of which is a driver here.
var pythonDrivers = []string{
	"psycopg", "psycopg2", "psycopg2cffi", "psycopg_async", "asyncpg", "pg8000", "pygresql",
	"pymysql", "mysqldb", "mysqlclient", "mysqlconnector", "aiomysql", "asyncmy", "cymysql", "mariadbconnector",
	"pysqlite", "pysqlcipher", "aiosqlite",
	"pyodbc", "pymssql", "aioodbc", "cx_oracle", "oracledb",
}

// checkPython refuses a Python driver and says what to write in its place.
func checkPython(driver, dialect string) error {
	if !slices.Contains(pythonDrivers, strings.ToLower(driver)) {
		return nil
	}
	instead := "the registered name of a Go driver"
	switch schemes[dialect].family {
	case mysqlFamily:
		instead = "mysql://"
	case postgresFamily:
		instead = "postgresql:// or postgresql+pgx://"
	case sqliteFamily:
		instead = "sqlite://"
	case sqlserverFamily:
		instead = "sqlserver://"
	}
	return fmt.Errorf("pooled: %s is a Python driver: write %s", driver, instead)
}

// withoutPort returns host:port without its :port; the colons of an IPv6 address stand in brackets.
func withoutPort(host string) string {
	if i := strings.LastIndexByte(host, ':'); i > strings.LastIndexByte(host, ']') {
		return host[:i]
	}
	return host
}
