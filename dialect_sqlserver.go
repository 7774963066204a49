package pooled

import (
	"context"
	"fmt"

	"github.com/pooled-go/pooled/internal/dialect"
	"github.com/pooled-go/pooled/internal/dialect/sqlserver"
)

const sqlserverRollback = "IF @@TRANCOUNT > 0 ROLLBACK"

// sqlserverDialect: IMPLICIT_TRANSACTIONS is SQL Server's word for autocommit
// off, bit 2 of @@OPTIONS; a server can have it on for every new session. Its
// driver resets the session by itself, in the first packet after ResetSession,
// which the pool calls at checkout.
var sqlserverDialect = &dialect.Dialect{
	Name:             "sqlserver",
	Rules:            sqlserver.Rules,
	Rollback:         sqlserverRollback,
	Commit:           "IF @@TRANCOUNT > 0 COMMIT",
	Probe:            probeSQLServer,
	Reset:            resetSQLServer,
	ResetsAtCheckout: true,
	TooManyConns:     dialect.Never,
	ConnLost:         dialect.Never,
}

// probeSQLServer finds out whether a new session commits by itself. One that does not say is taken for one that
// does not: that costs round trips, the opposite could leave a transaction to the next user.
func probeSQLServer(ctx context.Context, s dialect.Session, _ dialect.Wants) (dialect.Facts, error) {
	row, err := s.QueryRow(ctx, "SELECT CASE WHEN @@OPTIONS & 2 = 2 THEN 0 ELSE 1 END")
	facts := dialect.Facts{AutoOff: err != nil || fmt.Sprint(row[0]) != "1"}
	return facts, dialect.Unanswered(ctx, err, dialect.Never)
}

// resetSQLServer ends what holds locks; the rest is the driver's, at the next checkout.
func resetSQLServer(ctx context.Context, s dialect.Session, _ dialect.Facts) error {
	switch {
	case s.Driver().Resetter == nil:
		return dialect.ErrReopen
	case !s.MayHoldTx():
		return nil
	}
	if err := s.Exec(ctx, sqlserverRollback); err != nil {
		return fmt.Errorf("pooled: reset on return (%s): %w", sqlserverRollback, err)
	}
	return nil
}
