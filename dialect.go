package pooled

import (
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"

	"github.com/pooled-go/pooled/internal/dialect"
	"github.com/pooled-go/pooled/internal/dialect/generic"
)

// unknownDialect is for a parent that can't be told, such as a driver in a
// wrapper. It may be SQLite's.
var unknownDialect = &dialect.Dialect{
	Name:          "pool",
	Rules:         generic.Rules,
	Rollback:      "ROLLBACK",
	Commit:        "COMMIT",
	NoTransaction: sqliteNoTransaction,
	TooManyConns:  func(err error) bool { return postgresTooMany(err) || mysqlTooMany(err) },
	ConnLost:      func(err error) bool { return postgresGone(err) || mysqlGone(err) },
}

// dialectOf tells the kind of server by the name the parent driver is known
// by and, failing that, by the driver's type. The name comes first, so that a
// program with a driver of its own can say what it speaks.
func dialectOf(name string, parent driver.Driver) *dialect.Dialect {
	for _, hint := range []string{name, fmt.Sprintf("%T", parent)} {
		if d := dialectNamed(strings.ToLower(hint)); d != nil {
			return d
		}
	}
	return unknownDialect
}

func dialectNamed(hint string) *dialect.Dialect {
	for _, known := range []struct {
		word    string
		dialect *dialect.Dialect
	}{
		{"postgres", postgresDialect},
		{"pgx", postgresDialect},
		{"pq.", postgresDialect},
		{"stdlib.", postgresDialect}, // pgx's package
		{"mysql", mysqlDialect},
		{"mariadb", mysqlDialect},
		{"sqlite", sqliteDialect},
		{"sqlserver", sqlserverDialect},
		{"mssql", sqlserverDialect},
		{"azuresql", sqlserverDialect},
	} {
		if strings.Contains(hint, known.word) {
			return known.dialect
		}
	}
	return nil
}

// sqlState gives the SQLSTATE of an error of any PostgreSQL driver: lib/pq and
// pgx both have this method.
func sqlState(err error) string {
	var e interface{ SQLState() string }
	if errors.As(err, &e) {
		return e.SQLState()
	}
	return ""
}
