package generic

import (
	"github.com/pooled-go/pooled/internal/dialect"
	"github.com/pooled-go/pooled/internal/dialect/mysql"
	"github.com/pooled-go/pooled/internal/dialect/postgres"
	"github.com/pooled-go/pooled/internal/dialect/sqlite"
)

// Dialect is for a parent that can't be told, such as a driver in a
// wrapper. It may be SQLite's.
var Dialect = &dialect.Dialect{
	Name:          "pool",
	Rules:         Rules,
	Rollback:      "ROLLBACK",
	Commit:        "COMMIT",
	NoTransaction: sqlite.Dialect.NoTransaction,
	TooManyConns:  func(err error) bool { return postgres.Dialect.TooManyConns(err) || mysql.Dialect.TooManyConns(err) },
	ConnLost:      func(err error) bool { return postgres.Dialect.ConnLost(err) || mysql.Dialect.ConnLost(err) },
}
