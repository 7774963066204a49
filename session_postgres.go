package pooled

import (
	"context"
	"database/sql/driver"
	"fmt"
	"strconv"
	"time"

	"github.com/lib/pq"
)

// greetPostgres asks once for a pool when the server ends a session that does
// nothing. Before PostgreSQL 14 it never does, and there is no such setting.
func greetPostgres(ctx context.Context, p *Pool, s *ServerConn) error {
	row, err := s.queryRow(ctx, "SELECT setting FROM pg_catalog.pg_settings WHERE name = 'idle_session_timeout'")
	if err != nil {
		return unanswered(ctx, err) // no row, or a server that only looks like PostgreSQL
	}
	if ms, err := strconv.Atoi(fmt.Sprint(row[0])); err == nil {
		p.learnIdleLimit(time.Duration(ms) * time.Millisecond)
	}
	return nil
}

// renewPostgres sends DISCARD ALL, which a transaction does not permit. It also drops all
// prepared statements. lib/pq keeps none that it would miss, but other drivers do, so
// with them all else is reset by itself, and of the statements only those go that
// were prepared in SQL.
func renewPostgres(ctx context.Context, p *Pool, s *ServerConn) error {
	if s.mayHoldTx() {
		if err := s.send(ctx, "ROLLBACK"); err != nil {
			return fmt.Errorf("pooled: reset on return (ROLLBACK): %w", err)
		}
	}
	text := postgresDiscards
	if isPQ(p.parent) {
		text = "DISCARD ALL"
		s.forgetStatements()
	}
	if err := s.send(ctx, text); err != nil {
		return fmt.Errorf("pooled: reset on return (DISCARD): %w", err)
	}
	return nil
}

func isPQ(parent driver.Connector) bool {
	_, ok := parent.Driver().(*pq.Driver)
	return ok
}

// postgresDiscards is DISCARD ALL without its DEALLOCATE ALL.
const postgresDiscards = "CLOSE ALL; SET SESSION AUTHORIZATION DEFAULT; RESET ALL; " +
	"DO $$ DECLARE n text; BEGIN FOR n IN SELECT name FROM pg_catalog.pg_prepared_statements WHERE from_sql" +
	" LOOP EXECUTE 'DEALLOCATE ' || pg_catalog.quote_ident(n); END LOOP; END $$; " +
	"UNLISTEN *; SELECT pg_catalog.pg_advisory_unlock_all(); DISCARD PLANS; DISCARD SEQUENCES; DISCARD TEMP"
