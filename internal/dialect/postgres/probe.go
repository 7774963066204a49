package postgres

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/pooled-go/pooled/internal/dialect"
	"github.com/pooled-go/pooled/internal/saturate"
)

// probe asks whether statements can be kept on a new session, and, once for a pool, when the server ends a session
// that does nothing; and if the pool has a use for it, whether the server takes no writes.
func probe(ctx context.Context, s dialect.Session, wants dialect.Wants) (facts dialect.Facts, err error) {
	if wants.Statements {
		if facts.NoStatements, err = probeStmts(ctx, s); err != nil {
			return facts, err
		}
	}
	if wants.Role {
		if facts.ReadOnly, facts.RoleKnown, err = probeRole(ctx, s); err != nil {
			return facts, err
		}
	}
	if wants.IdleLimit {
		facts.IdleLimit, facts.IdleLimitKnown, err = probeIdleLimit(ctx, s)
	}
	return facts, err
}

// probeIdleLimit reports whether the answer is final. Before PostgreSQL 14 there is no such setting, and what only
// looks like PostgreSQL may not know the view.
func probeIdleLimit(ctx context.Context, s dialect.Session) (limit time.Duration, known bool, err error) {
	row, err := s.QueryRow(ctx, "SELECT setting FROM pg_catalog.pg_settings WHERE name = 'idle_session_timeout'")
	if lost := dialect.Unanswered(ctx, err, connLost); lost != nil {
		return 0, false, lost
	}
	if err != nil {
		return 0, !isHindrance(err), nil
	}
	if ms, err := strconv.ParseInt(fmt.Sprint(row[0]), 10, 64); err == nil {
		limit = saturate.Times(ms, time.Millisecond)
	}
	return limit, true, nil
}

// probeStmts tells why statements can't be kept on a session, if that is so: behind a pooler the next statement may
// go to another backend, which knows other statements by the same names. A pooler tells a client a process number
// of its own making. Where the server does not say, it is not known to be safe.
func probeStmts(ctx context.Context, s dialect.Session) (cause string, err error) {
	row, err := s.QueryRow(ctx, "SELECT pg_catalog.pg_backend_pid()")
	switch lost := dialect.Unanswered(ctx, err, connLost); {
	case lost != nil:
		return "", lost
	case err != nil:
		return "the server did not say which session answers", nil
	case fmt.Sprint(row[0]) != sessionID(s.Driver().Conn):
		return "behind a pooler the next statement may go to another session", nil
	}
	return "", nil
}

// isHindrance tells errors that say nothing about the statement: the server lacked resources (class 53), somebody
// or a time limit ended it (57), it stood in the way of others (40), or something broke (58, XX).
func isHindrance(err error) bool {
	state := sqlState(err)
	return len(state) == 5 && slices.Contains([]string{"53", "57", "40", "58", "XX"}, state[:2])
}

// reset sends DISCARD ALL, which a transaction does not permit. It also drops all prepared statements. lib/pq keeps
// none that it would miss, but other drivers do, so with them all else is reset by itself, and of the statements
// only those go that were prepared in SQL.
func reset(ctx context.Context, s dialect.Session, _ dialect.Facts) error {
	if s.MayHoldTx() {
		if err := s.Exec(ctx, "ROLLBACK"); err != nil && !noTransaction(err) {
			return fmt.Errorf("pooled: reset on return (ROLLBACK): %w", err)
		}
	}
	text := discardAllButStatements
	if isPQ(s.Connector()) {
		text = "DISCARD ALL"
		s.ForgetStatements()
	}
	if err := s.Exec(ctx, text); err != nil {
		return fmt.Errorf("pooled: reset on return (DISCARD): %w", err)
	}
	return nil
}

// discardAllButStatements is DISCARD ALL without its DEALLOCATE ALL.
const discardAllButStatements = "CLOSE ALL; SET SESSION AUTHORIZATION DEFAULT; RESET ALL; " +
	"DO $$ DECLARE n text; BEGIN FOR n IN SELECT name FROM pg_catalog.pg_prepared_statements WHERE from_sql" +
	" LOOP EXECUTE 'DEALLOCATE ' || pg_catalog.quote_ident(n); END LOOP; END $$; " +
	"UNLISTEN *; SELECT pg_catalog.pg_advisory_unlock_all(); DISCARD PLANS; DISCARD SEQUENCES; DISCARD TEMP"
