package pooled

import (
	"database/sql/driver"
	"errors"

	"github.com/pooled-go/pooled/internal/sqltext"
)

// ErrStale and ErrFull are what a server says where StmtsForAll has told the pool so.
var (
	ErrStale = errors.New("stale statement")
	ErrUnfit = errors.New("unfit statement")
	ErrFull  = errors.New("no more statements")
)

// StmtsForAll has pools keep statements over parents of which the dialect is not known. skips: they answer ErrSkip
// to a text with arguments.
func StmtsForAll(skips bool) (undo func()) {
	kinds := mysqlKinds
	if !skips {
		kinds = nil
	}
	unknownDialect.stmts = &stmtRules{
		fits:         func(driver.Connector) bool { return true },
		knows:        func(driver.Conn) (int, bool) { return 1 << 20, true },
		kinds:        kinds,
		skips:        skips,
		preparable:   func(query string) bool { return sqltext.Preparable(sqltext.Unknown, query) },
		returnsRows:  func(query string) bool { return sqltext.ReturnsRows(sqltext.Unknown, query) },
		tellsNothing: true,
		stale:        func(err error) bool { return errors.Is(err, ErrStale) },
		unfit:        func(err error) bool { return errors.Is(err, ErrUnfit) },
		changed:      func(error) bool { return false },
		full:         func(err error) bool { return errors.Is(err, ErrFull) },
	}
	return func() { unknownDialect.stmts = nil }
}
