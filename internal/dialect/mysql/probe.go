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
// has begun (see begins), when the server ends the session for doing nothing, what the server calls it, whether it
// takes writes, and with kept statements how many of them the server allows; and what a reset has to restore, if there
// will be one. What speaks MySQL's protocol and does not know all of it is asked for less, and for the first alone.
func probe(ctx context.Context, s dialect.Session, wants dialect.Wants) (facts dialect.Facts, err error) {
	least := []string{autocommit, completionType}
	usual := append(slices.Clone(least), waitTimeout, connectionID)
	if wants.Statements {
		usual = append(usual, stmtCount)
	}
	var told answers
	for _, columns := range [][]string{append(slices.Clone(usual), roleColumns...), usual, least} {
		if isError(err, 1193) && len(columns) == len(usual) {
			continue // it lacks one of these
		}
		told, err = ask(ctx, s, columns)
		if lost := dialect.Unanswered(ctx, err, gone); lost != nil {
			return facts, lost
		}
		if err == nil {
			break
		}
	}
	if err != nil {
		return dialect.Facts{AutoOff: true}, nil
	}
	facts = factsOf(told)
	if wants.Reset && told[connectionID] != nil {
		facts.Restore, err = probeReset(ctx, s, told)
	}
	return facts, err
}

// gone tells that a new session can't be used: it was lost, or what stands before the server has none to give it to.
func gone(err error) bool { return connLost(err) || away(err) }

// answers are what a server said, by the columns of the question. What it has not is missing.
type answers map[string]driver.Value

const (
	autocommit     = "@@autocommit"
	completionType = "@@completion_type"
	waitTimeout    = "@@wait_timeout"
	connectionID   = "CONNECTION_ID()"
	stmtCount      = "@@max_prepared_stmt_count"
	readOnly       = "@@read_only"
	innodbReadOnly = "@@innodb_read_only"
)

// roleColumns tell whether a server takes writes. Aurora has no read_only of its own making, and some that speak
// MySQL's protocol have no InnoDB. Both variables belong to the server, not to a session.
var roleColumns = []string{readOnly, innodbReadOnly}

// optional are the columns that a server may lack. One whose name is a part of another's comes after that.
var optional = []string{completionType, innodbReadOnly, readOnly}

// ask asks for these columns, or those of them that the server has.
func ask(ctx context.Context, s dialect.Session, columns []string) (answers, error) {
	row, err := s.QueryRow(ctx, "SELECT "+strings.Join(columns, ", "))
	for _, column := range optional {
		if at := slices.Index(columns, column); at >= 0 && len(columns) > 1 && lacksVariable(err, column[2:]) {
			return ask(ctx, s, slices.Delete(slices.Clone(columns), at, at+1))
		}
	}
	switch {
	case err != nil:
		return nil, err
	case len(row) != len(columns):
		return nil, fmt.Errorf("have %d columns, want %d", len(row), len(columns))
	}
	told := answers{}
	for i, column := range columns {
		told[column] = row[i]
	}
	return told, nil
}

// lacksVariable tells whether the server says that it has no such variable (ER_UNKNOWN_SYSTEM_VARIABLE).
func lacksVariable(err error, variable string) bool {
	return isError(err, 1193) && strings.Contains(err.Error(), variable)
}

// begins tells from what the server said whether a transaction may be open that nobody has begun. Whoever turned
// autocommit off, from then on every statement opens one. By completion_type a COMMIT or ROLLBACK opens the next
// one (CHAIN), or ends the session (RELEASE), which the statement of the reset then finds.
func begins(told answers) bool {
	ends := told[completionType]
	chains := ends != nil && !slices.Contains([]string{"NO_CHAIN", "0"}, fmt.Sprint(ends))
	return fmt.Sprint(told[autocommit]) != "1" || chains
}

// factsOf are what the server said to what probe asks.
func factsOf(told answers) dialect.Facts {
	facts := dialect.Facts{AutoOff: begins(told)}
	if id := told[connectionID]; id != nil {
		facts.SessionID = fmt.Sprint(id)
	}
	if seconds, err := strconv.ParseInt(fmt.Sprint(told[waitTimeout]), 10, 64); err == nil {
		facts.IdleLimit, facts.IdleLimitKnown = saturate.Times(seconds, time.Second), true
	}
	if told[stmtCount] != nil {
		most, err := strconv.Atoi(fmt.Sprint(told[stmtCount]))
		facts.StmtLimit, facts.StmtLimited = most, err == nil && most >= 0
	}
	facts.ReadOnly, facts.RoleKnown = roleOf(told)
	return facts
}

// probeReset asks what a session reset has to restore. What decides whether transactions begin by themselves is
// known already. It is restored too: the reset gives it the global values, which may be others by then.
func probeReset(ctx context.Context, s dialect.Session, told answers) ([]string, error) {
	ours, known := s.Connector().(*connector)
	if !known { // another driver's, or the program's own
		return nil, nil
	}
	restore, err := ours.restoreTexts(ctx, s.Driver().Conn, s.Socket())
	if restore != nil {
		restore[0] += fmt.Sprint(", autocommit = ", told[autocommit])
		if told[completionType] != nil {
			restore[0] += fmt.Sprintf(", completion_type = '%v'", told[completionType]) // RELEASE by itself is a reserved word
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
