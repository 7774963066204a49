package mysql

import (
	"context"
	"database/sql/driver"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pooled-go/pooled/internal/dialect"
	"github.com/pooled-go/pooled/internal/saturate"
)

// probe asks a new session what there is to know, in one round trip: whether a transaction may be open that nobody
// has begun (see begins), when the server ends the session for doing nothing, what the server calls it, and with
// kept statements how many of them the server allows; and what a reset has to restore, if there will be one. What
// speaks MySQL's protocol and does not know all of it is asked for the first alone.
func probe(ctx context.Context, s dialect.Session, wants dialect.Wants) (dialect.Facts, error) {
	more := []string{"@@wait_timeout", "CONNECTION_ID()"}
	if wants.Statements {
		more = append(more, "@@max_prepared_stmt_count")
	}
	row, err := ask(ctx, s, more...)
	if lost := dialect.Unanswered(ctx, err, connLost); lost != nil {
		return dialect.Facts{}, lost
	}
	if err != nil {
		row, err = ask(ctx, s)
		facts := dialect.Facts{AutoOff: err != nil || begins(row)}
		return facts, dialect.Unanswered(ctx, err, connLost)
	}
	facts := factsOf(row)
	if wants.Reset {
		facts.Restore, err = probeReset(ctx, s, row)
	}
	return facts, err
}

// ask asks for @@autocommit, @@completion_type and more. The second is nil where the server has no such variable.
func ask(ctx context.Context, s dialect.Session, more ...string) ([]driver.Value, error) {
	columns := append([]string{"@@autocommit", "@@completion_type"}, more...)
	row, err := s.QueryRow(ctx, "SELECT "+strings.Join(columns, ", "))
	lacks := lacksVariable(err, "completion_type")
	if lacks {
		row, err = s.QueryRow(ctx, "SELECT "+strings.Join(slices.Delete(columns, 1, 2), ", "))
	}
	switch {
	case err != nil:
		return nil, err
	case lacks:
		row = slices.Insert(row, 1, driver.Value(nil))
	}
	if want := 2 + len(more); len(row) != want {
		return nil, fmt.Errorf("have %d columns, want %d", len(row), want)
	}
	return row, nil
}

// lacksVariable tells whether the server says that it has no such variable (ER_UNKNOWN_SYSTEM_VARIABLE).
func lacksVariable(err error, variable string) bool {
	return isError(err, 1193) && strings.Contains(err.Error(), variable)
}

// begins tells from what ask answers whether a transaction may be open that nobody has begun. Whoever turned
// autocommit off, from then on every statement opens one. By completion_type a COMMIT or ROLLBACK opens the next
// one (CHAIN), or ends the session (RELEASE), which the statement of the reset then finds.
func begins(row []driver.Value) bool {
	chains := row[1] != nil && !slices.Contains([]string{"NO_CHAIN", "0"}, fmt.Sprint(row[1]))
	return fmt.Sprint(row[0]) != "1" || chains
}

// factsOf are what ask answers to all that probe asks.
func factsOf(row []driver.Value) dialect.Facts {
	facts := dialect.Facts{AutoOff: begins(row), SessionID: fmt.Sprint(row[3])}
	if seconds, err := strconv.ParseInt(fmt.Sprint(row[2]), 10, 64); err == nil {
		facts.IdleLimit, facts.IdleLimitKnown = saturate.Times(seconds, time.Second), true
	}
	if len(row) > 4 {
		most, err := strconv.Atoi(fmt.Sprint(row[4]))
		facts.StmtLimit, facts.StmtLimited = most, err == nil && most >= 0
	}
	return facts
}

// probeReset asks what a session reset has to restore. What decides whether transactions begin by themselves is
// known already. It is restored too: the reset gives it the global values, which may be others by then.
func probeReset(ctx context.Context, s dialect.Session, row []driver.Value) ([]string, error) {
	ours, known := s.Connector().(*connector)
	if !known { // another driver's, or the program's own
		return nil, nil
	}
	restore, err := ours.restoreTexts(ctx, s.Driver().Conn, s.Socket())
	if restore != nil {
		restore[0] += fmt.Sprint(", autocommit = ", row[0])
		if row[1] != nil {
			restore[0] += fmt.Sprintf(", completion_type = '%v'", row[1]) // RELEASE by itself is a reserved word
		}
	}
	// None: a session that can't tell is closed instead of being reset.
	return restore, dialect.Unanswered(ctx, err, connLost)
}

// reset sends COM_RESET_CONNECTION, for which go-sql-driver has no function, where the driver writes, and then what it
// leaves undone.
func reset(ctx context.Context, s dialect.Session, facts dialect.Facts) error {
	ours, known := s.Connector().(*connector)
	if !known || facts.Restore == nil {
		return dialect.ErrReopen
	}
	wire := ours.wire(s.Driver().Conn, s.Socket())
	if wire == nil {
		return dialect.ErrReopen
	}
	s.Sent("COM_RESET_CONNECTION")
	if err := resetConnection(ctx, wire, s.Socket()); err != nil {
		return err
	}
	s.ForgetStatements()
	for _, text := range facts.Restore {
		if err := s.Exec(ctx, text); err != nil {
			return fmt.Errorf("pooled: reset on return (%s): %w", text, err)
		}
	}
	return nil
}
