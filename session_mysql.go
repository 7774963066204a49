package pooled

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

// probeMySQL asks a new session what there is to know, in one round trip: whether a transaction may be open that
// nobody has begun (see mysqlBegins), when the server ends the session for doing nothing, what the server calls it,
// and with kept statements how many of them the server allows; and what a reset has to restore, if there will be one.
// What speaks MySQL's protocol and does not know all of it is asked for the first alone.
func probeMySQL(ctx context.Context, s dialect.Session, wants dialect.Wants) (dialect.Facts, error) {
	more := []string{"@@wait_timeout", "CONNECTION_ID()"}
	if wants.Statements {
		more = append(more, "@@max_prepared_stmt_count")
	}
	row, err := askMySQL(ctx, s, more...)
	if lost := dialect.Unanswered(ctx, err, mysqlGone); lost != nil {
		return dialect.Facts{}, lost
	}
	if err != nil {
		row, err = askMySQL(ctx, s)
		facts := dialect.Facts{AutoOff: err != nil || mysqlBegins(row)}
		return facts, dialect.Unanswered(ctx, err, mysqlGone)
	}
	facts := mysqlFacts(row)
	if wants.Reset {
		facts.Restore, err = probeMySQLReset(ctx, s, row)
	}
	return facts, err
}

// askMySQL asks for @@autocommit, @@completion_type and more. The second is nil where the server has no such variable.
func askMySQL(ctx context.Context, s dialect.Session, more ...string) ([]driver.Value, error) {
	columns := append([]string{"@@autocommit", "@@completion_type"}, more...)
	row, err := s.QueryRow(ctx, "SELECT "+strings.Join(columns, ", "))
	lacks := mysqlLacks(err, "completion_type")
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

// mysqlLacks tells whether the server says that it has no such variable (ER_UNKNOWN_SYSTEM_VARIABLE).
func mysqlLacks(err error, variable string) bool {
	return mysqlNumber(err, 1193) && strings.Contains(err.Error(), variable)
}

// mysqlBegins tells from what askMySQL answers whether a transaction may be open that nobody has begun. Whoever turned
// autocommit off, from then on every statement opens one. By completion_type a COMMIT or ROLLBACK opens the next one
// (CHAIN), or ends the session (RELEASE), which the statement of the reset then finds.
func mysqlBegins(row []driver.Value) bool {
	chains := row[1] != nil && !slices.Contains([]string{"NO_CHAIN", "0"}, fmt.Sprint(row[1]))
	return fmt.Sprint(row[0]) != "1" || chains
}

// mysqlFacts are what askMySQL answers to all that probeMySQL asks.
func mysqlFacts(row []driver.Value) dialect.Facts {
	facts := dialect.Facts{AutoOff: mysqlBegins(row), SessionID: fmt.Sprint(row[3])}
	if seconds, err := strconv.ParseInt(fmt.Sprint(row[2]), 10, 64); err == nil {
		facts.IdleLimit, facts.IdleLimitKnown = saturate.Times(seconds, time.Second), true
	}
	if len(row) > 4 {
		most, err := strconv.Atoi(fmt.Sprint(row[4]))
		facts.StmtLimit, facts.StmtLimited = most, err == nil && most >= 0
	}
	return facts
}

// probeMySQLReset asks what a session reset has to restore. What decides whether transactions begin by themselves is
// known already. It is restored too: the reset gives it the global values, which may be others by then.
func probeMySQLReset(ctx context.Context, s dialect.Session, row []driver.Value) ([]string, error) {
	connector, known := s.Connector().(*mysqlConnector)
	if !known { // another driver's, or the program's own
		return nil, nil
	}
	restore, err := connector.restoreTexts(ctx, s.Driver().Conn)
	if restore != nil {
		restore[0] += fmt.Sprint(", autocommit = ", row[0])
		if row[1] != nil {
			restore[0] += fmt.Sprintf(", completion_type = '%v'", row[1]) // RELEASE by itself is a reserved word
		}
	}
	// None: a session that can't tell is closed instead of being reset.
	return restore, dialect.Unanswered(ctx, err, mysqlGone)
}

// resetMySQL sends COM_RESET_CONNECTION, for which go-sql-driver has no function,
// on the socket the pool dialed, and then what it leaves undone.
func resetMySQL(ctx context.Context, s dialect.Session, facts dialect.Facts) error {
	if facts.Restore == nil || s.Socket() == nil {
		return dialect.ErrReopen
	}
	s.Sent("COM_RESET_CONNECTION")
	if err := resetMySQLConnection(ctx, s.Socket()); err != nil {
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
