package sqlserver

import (
	"context"
	"fmt"

	"github.com/pooled-go/pooled/internal/dialect"
)

// Dialect is SQL Server's. IMPLICIT_TRANSACTIONS is its word for autocommit off, bit 2 of @@OPTIONS; a server can
// have it on for every new session. Its driver resets the session by itself, in the first packet after
// ResetSession, which the pool calls at checkout.
var Dialect = &dialect.Dialect{
	Name:             "sqlserver",
	Names:            []string{"sqlserver", "mssql", "azuresql"},
	Connector:        connectorOf,
	Rules:            rules,
	Rollback:         rollback,
	Commit:           "IF @@TRANCOUNT > 0 COMMIT",
	Probe:            probe,
	Reset:            reset,
	ResetsAtCheckout: true,
	TooManyConns:     dialect.Never,
	ConnLost:         dialect.Never,
	Away:             away,
}

const rollback = "IF @@TRANCOUNT > 0 ROLLBACK"

// probe finds out whether a new session commits by itself. One that does not say is taken for one that does not:
// that costs round trips, the opposite could leave a transaction to the next caller.
func probe(ctx context.Context, s dialect.Session, _ dialect.Wants) (dialect.Facts, error) {
	row, err := s.QueryRow(ctx, "SELECT CASE WHEN @@OPTIONS & 2 = 2 THEN 0 ELSE 1 END")
	facts := dialect.Facts{AutoOff: err != nil || fmt.Sprint(row[0]) != "1"}
	return facts, dialect.Unanswered(ctx, err, dialect.Never)
}

// reset ends what holds locks; the rest is the driver's, at the next checkout.
func reset(ctx context.Context, s dialect.Session, _ dialect.Facts) error {
	switch {
	case s.Driver().Resetter == nil:
		return dialect.ErrReopen
	case !s.MayHoldTx():
		return nil
	}
	if err := s.Exec(ctx, rollback); err != nil {
		return fmt.Errorf("pooled: reset on return (%s): %w", rollback, err)
	}
	return nil
}
