package pooled

import (
	"database/sql/driver"
	"errors"

	"github.com/pooled-go/pooled/internal/dialect"
	"github.com/pooled-go/pooled/internal/dialect/mysql"
	"github.com/pooled-go/pooled/internal/stmtcache"
)

// ErrStale and ErrFull are what a server says where StmtsForAll has told the pool so.
var (
	ErrStale = errors.New("stale statement")
	ErrFull  = errors.New("no more statements")
)

// StmtsForAll has pools keep statements over parents of which the dialect is not known. skips: they answer ErrSkip
// to a text with arguments.
func StmtsForAll(skips bool) (undo func()) {
	kinds := mysql.Stmts.Kinds
	if !skips {
		kinds = nil
	}
	unknownDialect.Stmts = &stmtcache.Rules{
		Supports:      func(driver.Connector) bool { return true },
		Inspect:       func(driver.Conn) (int, bool) { return 1 << 20, true },
		Kinds:         kinds,
		NeedsPrepare:  skips,
		Preparable:    unknownDialect.Rules.Preparable,
		ReturnsRows:   unknownDialect.Rules.ReturnsRows,
		ClosesLocally: true,
		Stale:         func(err error) bool { return errors.Is(err, ErrStale) },
		Unfit:         dialect.Never,
		Changed:       func(error) bool { return false },
		Full:          func(err error) bool { return errors.Is(err, ErrFull) },
	}
	return func() { unknownDialect.Stmts = nil }
}
