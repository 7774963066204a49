package generic

import (
	"github.com/pooled-go/pooled/internal/dialect"
	"github.com/pooled-go/pooled/internal/dialect/mysql"
	"github.com/pooled-go/pooled/internal/dialect/postgres"
	"github.com/pooled-go/pooled/internal/dialect/sqlite"
)

// Dialect is for a server that is not known. It may be SQLite.
var Dialect = &dialect.Dialect{
	Name:          "pool",
	Rules:         rules,
	Rollback:      "ROLLBACK",
	Commit:        "COMMIT",
	NoTransaction: sqlite.Dialect.NoTransaction,
	TooManyConns:  tooManyConns,
	ConnLost:      connLost,
	Away:          away,
}

func tooManyConns(err error) bool {
	return postgres.Dialect.TooManyConns(err) || mysql.Dialect.TooManyConns(err)
}

func connLost(err error) bool { return postgres.Dialect.ConnLost(err) || mysql.Dialect.ConnLost(err) }

func away(err error) bool { return postgres.Dialect.Away(err) || mysql.Dialect.Away(err) }
