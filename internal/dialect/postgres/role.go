package postgres

import (
	"context"
	"fmt"
	"strings"

	"github.com/pooled-go/pooled/internal/dialect"
)

// refusesWrites: 25006 is read_only_sql_transaction, which a standby says too. To lib/pq, which begins each transaction
// with READ WRITE, it says 0A000, feature_not_supported.
func refusesWrites(err error) bool {
	switch sqlState(err) {
	case "25006":
		return true
	case "0A000":
		return strings.Contains(err.Error(), "cannot set transaction read-write mode during recovery")
	}
	return false
}

// roleQuestion: reset_val is what RESET would give the session, which is the server's configuration, or that of its
// database or account, whatever a SET has made of it. What came with the connect is the DSN's.
const roleQuestion = "SELECT CASE WHEN pg_catalog.pg_is_in_recovery() OR EXISTS (SELECT 1 FROM " +
	"pg_catalog.pg_settings WHERE name = 'default_transaction_read_only' AND reset_val = 'on' AND source <> 'client') " +
	"THEN 1 ELSE 0 END"

// role is true of a standby, and of a server on which transactions are read-only unless they say otherwise.
func role(ctx context.Context, s dialect.Session) (bool, error) {
	row, err := s.QueryRow(ctx, roleQuestion)
	if err != nil {
		return false, err
	}
	switch fmt.Sprint(row[0]) {
	case "0":
		return false, nil
	case "1":
		return true, nil
	}
	return false, dialect.ErrNoRole
}

// probeRole asks for the role. That it is not known is no error, unless the session was lost.
func probeRole(ctx context.Context, s dialect.Session) (is, known bool, err error) {
	is, err = role(ctx, s)
	return is, err == nil, dialect.Unanswered(ctx, err, connLost)
}
