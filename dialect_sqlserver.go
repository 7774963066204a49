package pooled

import (
	"context"
	"fmt"

	"github.com/pooled-go/pooled/internal/dialect/sqlserver"
)

// sqlserverDialect: IMPLICIT_TRANSACTIONS is SQL Server's word for autocommit
// off, bit 2 of @@OPTIONS; a server can have it on for every new session. Its
// driver resets the session by itself, in the first packet after ResetSession,
// which the pool calls at checkout.
var sqlserverDialect = &dialect{
	name:             "sqlserver",
	rules:            sqlserver.Rules,
	rollback:         "IF @@TRANCOUNT > 0 ROLLBACK",
	commit:           "IF @@TRANCOUNT > 0 COMMIT",
	greet:            greetSQLServer,
	renew:            renewSQLServer,
	resetsAtCheckout: true,
	tooMany:          never,
	gone:             never,
}

// greetSQLServer finds out whether a new session commits by itself. One that does not say is taken for one that
// does not: that costs round trips, the opposite could leave a transaction to the next user.
func greetSQLServer(ctx context.Context, p *Pool, s *ServerConn) error {
	row, err := s.queryRow(ctx, "SELECT CASE WHEN @@OPTIONS & 2 = 2 THEN 0 ELSE 1 END")
	s.state.SetAutoOff(err != nil || fmt.Sprint(row[0]) != "1")
	return p.dialect.unanswered(ctx, err)
}

// renewSQLServer ends what holds locks; the rest is the driver's, at the next checkout.
func renewSQLServer(ctx context.Context, p *Pool, s *ServerConn) error {
	if s.driver.Resetter == nil {
		return errReopening
	}
	if !s.state.MayHoldTx() {
		return nil
	}
	return p.endTransaction(ctx, s)
}
