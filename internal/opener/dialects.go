package opener

import (
	"database/sql/driver"
	"fmt"
	"strings"

	"github.com/pooled-go/pooled/internal/dialect"
	"github.com/pooled-go/pooled/internal/dialect/generic"
	"github.com/pooled-go/pooled/internal/dialect/mysql"
	"github.com/pooled-go/pooled/internal/dialect/postgres"
	"github.com/pooled-go/pooled/internal/dialect/sqlite"
	"github.com/pooled-go/pooled/internal/dialect/sqlserver"
)

// dialects are the kinds of servers that are known. A new one is a line here and a folder beside the others.
var dialects = []*dialect.Dialect{
	postgres.Dialect,
	mysql.Dialect,
	sqlite.Dialect,
	sqlserver.Dialect,
}

// DialectOf tells the kind of server by the name that a driver is known by and, failing that, by the driver's type.
// The name comes first, so that a program with a driver of its own can say what it speaks.
func DialectOf(name string, d driver.Driver) *dialect.Dialect {
	for _, hint := range []string{name, fmt.Sprintf("%T", d)} {
		for _, known := range dialects {
			if isNamed(known, strings.ToLower(hint)) {
				return known
			}
		}
	}
	return generic.Dialect
}

// LacksRoles tells of a driver's name alone that its servers have no roles for certain. Without a name it is SQLite's.
func LacksRoles(name string) bool {
	d := DialectOf(name, nil)
	return name == "" || d == sqlite.Dialect || d == sqlserver.Dialect
}

func isNamed(d *dialect.Dialect, hint string) bool {
	for _, word := range d.Names {
		if strings.Contains(hint, word) {
			return true
		}
	}
	return false
}
