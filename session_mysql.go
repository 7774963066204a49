package pooled

import (
	"context"
	"fmt"
	"strconv"
	"time"
)

// mysqlBirth is what a reset has to know of a MySQL session's beginning.
type mysqlBirth struct {
	via     *mysqlConnector // nil: another parent's, or the program's own
	restore []string        // what is sent after the reset; nil: only a new session will do
}

const (
	mysqlAutocommit = "SELECT @@autocommit"
	mysqlGreeting   = mysqlAutocommit + ", @@wait_timeout, CONNECTION_ID()"
)

// greetMySQL asks a new session what there is to know: whether it commits by
// itself (that can be off by a DSN variable, init_connect or the server's
// configuration), when the server ends it for doing nothing and what the server calls it, in one round
// trip; and what a reset has to restore, if there will be one. What speaks
// MySQL's protocol and does not know the others is asked for the first alone.
func greetMySQL(ctx context.Context, p *Pool, s *ServerConn) error {
	row, err := s.queryRow(ctx, mysqlGreeting)
	if lost := unanswered(ctx, err); lost != nil {
		return lost
	}
	if err != nil || len(row) < 3 {
		return learnAutocommit(ctx, s, mysqlAutocommit)
	}
	s.autoOff = fmt.Sprint(row[0]) != "1"
	s.session = fmt.Sprint(row[2])
	if seconds, err := strconv.Atoi(fmt.Sprint(row[1])); err == nil && p.idleLimit.Load() == 0 {
		p.learnIdleLimit(time.Duration(seconds) * time.Second)
	}
	if s.mysql.via == nil || p.cfg.ResetOnReturn != ResetSession && p.cfg.ResetOnReturn != ResetAuto {
		return nil
	}
	// A session that can't tell is closed instead of being reset.
	s.mysql.restore, err = s.mysql.via.restoreTexts(ctx, s.parent.conn)
	return unanswered(ctx, err)
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
