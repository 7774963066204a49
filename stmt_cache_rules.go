package pooled

import (
	"context"
	"errors"
	"fmt"

	"github.com/go-sql-driver/mysql"

	"github.com/pooled-go/pooled/internal/dialect"
	"github.com/pooled-go/pooled/internal/dialect/postgres"
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

// probePostgresStmts tells why statements can't be kept on a session, if that is so: behind a pooler the next statement
// may go to another backend, which knows other statements by the same names. A pooler tells a client a process number of
// its own making. Where the server does not say, it is not known to be safe.
func probePostgresStmts(ctx context.Context, s dialect.Session) (cause string, err error) {
	row, err := s.QueryRow(ctx, "SELECT pg_catalog.pg_backend_pid()")
	switch lost := dialect.Unanswered(ctx, err, postgresGone); {
	case lost != nil:
		return "", lost
	case err != nil:
		return "a server did not say which session it is", nil
	case fmt.Sprint(row[0]) != postgres.SessionID(s.Driver().Conn):
		return "behind a pooler the next statement may go to another session", nil
	}
	return "", nil
}
