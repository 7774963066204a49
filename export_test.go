package pooled

import (
	"github.com/pooled-go/pooled/internal/dialect/generic"
	"github.com/pooled-go/pooled/internal/stmtcache"
)

// What tests call by name though programs can't.
type (
	Conn = pooledConn
	Stmt = pooledStmt
)

// KeepStatementsBy has pools keep statements over drivers of which the dialect is not known, until undo is called.
func KeepStatementsBy(rules *stmtcache.Rules) (undo func()) {
	generic.Dialect.Stmts = rules
	return func() { generic.Dialect.Stmts = nil }
}
