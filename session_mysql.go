package pooled

import (
	"context"
	"database/sql/driver"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pooled-go/pooled/internal/saturate"
)

// mysqlBirth is what a reset has to know of a MySQL session's beginning.
type mysqlBirth struct {
	via     *mysqlConnector // nil: another parent's, or the program's own
	restore []string        // what is sent after the reset; nil: only a new session will do
}

// greetMySQL asks a new session what there is to know, in one round trip: whether a transaction may be open that
// nobody has begun (see mysqlBegins), when the server ends the session for doing nothing, what the server calls it,
// and with kept statements how many of them the server allows; and what a reset has to restore, if there will be one.
// What speaks MySQL's protocol and does not know all of it is asked for the first alone.
func greetMySQL(ctx context.Context, p *Pool, s *ServerConn) error {
	more := []string{"@@wait_timeout", "CONNECTION_ID()"}
	if s.cache != nil {
		more = append(more, "@@max_prepared_stmt_count")
	}
	row, err := askMySQL(ctx, s, more...)
	if lost := p.dialect.unanswered(ctx, err); lost != nil {
		return lost
	}
	if err != nil {
		row, err = askMySQL(ctx, s)
		s.state.SetAutoOff(err != nil || mysqlBegins(row))
		return p.dialect.unanswered(ctx, err)
	}
	s.state.SetAutoOff(mysqlBegins(row))
	p.learnMySQL(s, row[2:])
	return learnMySQLReset(ctx, p, s, row)
}

// askMySQL asks for @@autocommit, @@completion_type and more. The second is nil where the server has no such variable.
func askMySQL(ctx context.Context, s *ServerConn, more ...string) ([]driver.Value, error) {
	columns := append([]string{"@@autocommit", "@@completion_type"}, more...)
	row, err := s.queryRow(ctx, "SELECT "+strings.Join(columns, ", "))
	lacks := mysqlLacks(err, "completion_type")
	if lacks {
		row, err = s.queryRow(ctx, "SELECT "+strings.Join(slices.Delete(columns, 1, 2), ", "))
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

// learnMySQL takes note of what concerns all sessions: the time after which the server ends an idle one, and its limit
// on statements.
func (p *Pool) learnMySQL(s *ServerConn, row []driver.Value) {
	s.session = fmt.Sprint(row[1])
	if seconds, err := strconv.ParseInt(fmt.Sprint(row[0]), 10, 64); err == nil && p.core.IdleLimit() == 0 {
		p.learnIdleLimit(saturate.Times(seconds, time.Second))
	}
	if len(row) > 2 {
		p.learnStmtLimit(fmt.Sprint(row[2]))
	}
}

// learnMySQLReset asks what a session reset has to restore. What decides whether transactions begin by themselves is
// known already. It is restored too: the reset gives it the global values, which may be others by then.
func learnMySQLReset(ctx context.Context, p *Pool, s *ServerConn, row []driver.Value) error {
	if s.mysql.via == nil || p.cfg.ResetOnReturn != ResetSession && p.cfg.ResetOnReturn != ResetAuto {
		return nil
	}
	restore, err := s.mysql.via.restoreTexts(ctx, s.driver.Conn)
	if restore != nil {
		restore[0] += fmt.Sprint(", autocommit = ", row[0])
		if row[1] != nil {
			restore[0] += fmt.Sprintf(", completion_type = '%v'", row[1]) // RELEASE by itself is a reserved word
		}
	}
	s.mysql.restore = restore // none: a session that can't tell is closed instead of being reset
	return p.dialect.unanswered(ctx, err)
}

// renewMySQL sends COM_RESET_CONNECTION, for which go-sql-driver has no function,
// on the socket the pool dialed, and then what it leaves undone.
func renewMySQL(ctx context.Context, _ *Pool, s *ServerConn) error {
	if s.mysql.restore == nil || s.socket == nil {
		return errReopening
	}
	s.sent("COM_RESET_CONNECTION")
	if err := resetMySQLConnection(ctx, s.socket); err != nil {
		return err
	}
	s.forgetStatements()
	for _, text := range s.mysql.restore {
		if err := s.send(ctx, text); err != nil {
			return fmt.Errorf("pooled: reset on return (%s): %w", text, err)
		}
	}
	return nil
}
