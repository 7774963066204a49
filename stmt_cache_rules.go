package pooled

import (
	"context"
	"errors"
	"fmt"

	"github.com/go-sql-driver/mysql"
)

func mysqlNumber(err error, numbers ...uint16) bool {
	var e *mysql.MySQLError
	if !errors.As(err, &e) {
		return false
	}
	for _, n := range numbers {
		if e.Number == n {
			return true
		}
	}
	return false
}

// greetPostgresStmts turns the cache off on a server connection on which it is not safe: behind a pooler the next
// statement may go to another backend, which knows other statements by the same names. A pooler tells a client a
// process number of its own making. Where the server does not say, it is not known to be safe.
func greetPostgresStmts(ctx context.Context, p *Pool, s *ServerConn) error {
	if s.cache == nil {
		return nil
	}
	row, err := s.queryRow(ctx, "SELECT pg_catalog.pg_backend_pid()")
	switch lost := p.dialect.unanswered(ctx, err); {
	case lost != nil:
		return lost
	case err != nil:
		s.cache.TurnOff("a server did not say which session it is")
	case fmt.Sprint(row[0]) != s.session:
		s.cache.TurnOff("behind a pooler the next statement may go to another session")
	}
	return nil
}
