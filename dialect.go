package pooled

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"

	"github.com/pooled-go/pooled/internal/dialect/generic"
	"github.com/pooled-go/pooled/internal/sqltext"
	"github.com/pooled-go/pooled/internal/stmtcache"
)

// dialect is what the pool knows about one kind of server. Each kind has a file
// of its own; what all have in common is here.
type dialect struct {
	// name stands for the driver's where that is not known.
	name string

	// rules are what its server makes of a statement's text.
	rules *sqltext.Rules

	// boundBySocket: it is by a deadline on the socket that an operation is made to end with its context.
	boundBySocket bool

	// The statements that end a transaction on return.
	rollback, commit string

	// unchained is added to them on a session whose settings are in doubt: MySQL's
	// completion_type can make a plain ROLLBACK open the next transaction.
	unchained string

	// noTransaction recognises the error by which a server says that there was
	// no transaction to end. Nil: none does.
	noTransaction func(error) bool

	// tooMany recognises a server's refusal to accept one more connection.
	tooMany func(error) bool

	// gone recognises the errors by which a connection that was in use turns out to be
	// lost, beyond what connectionLost knows.
	gone func(error) bool

	// silentWhenIdle: this server sends nothing to a session that asked nothing, except for its goodbye.
	silentWhenIdle bool

	// embedded: the database is a part of the process, there is no server that could go away.
	embedded bool

	// greet asks a new session what the pool has to know of it. Nil: nothing.
	greet func(ctx context.Context, p *Pool, s *ServerConn) error

	// session is the server's own number of a session as far as its driver knows it. Nil: greet asks, or
	// there is none.
	session func(driver.Conn) string

	// stmts is what there is to know about kept statements. Nil: none are kept.
	stmts *stmtcache.Rules

	// renew gives a session the state it had after connect; errReopening if
	// only a new one will do. Nil: that.
	renew func(ctx context.Context, p *Pool, s *ServerConn) error

	// resetsAtCheckout: the parent's ResetSession resets the session for real, so
	// pool_init_sql has to be run after each.
	resetsAtCheckout bool
}

// unknownDialect is for a parent that can't be told, such as a driver in a
// wrapper. It may be SQLite's.
var unknownDialect = &dialect{
	name:          "pool",
	rules:         generic.Rules,
	rollback:      "ROLLBACK",
	commit:        "COMMIT",
	noTransaction: sqliteNoTransaction,
	tooMany:       func(err error) bool { return postgresTooMany(err) || mysqlTooMany(err) },
	gone:          func(err error) bool { return postgresGone(err) || mysqlGone(err) },
}

func never(error) bool { return false }

// dialectOf tells the kind of server by the name the parent driver is known
// by and, failing that, by the driver's type. The name comes first, so that a
// program with a driver of its own can say what it speaks.
func dialectOf(name string, parent driver.Driver) *dialect {
	for _, hint := range []string{name, fmt.Sprintf("%T", parent)} {
		if d := dialectNamed(strings.ToLower(hint)); d != nil {
			return d
		}
	}
	return unknownDialect
}

func dialectNamed(hint string) *dialect {
	for _, known := range []struct {
		word    string
		dialect *dialect
	}{
		{"postgres", postgresDialect},
		{"pgx", postgresDialect},
		{"pq.", postgresDialect},
		{"stdlib.", postgresDialect}, // pgx's package
		{"mysql", mysqlDialect},
		{"mariadb", mysqlDialect},
		{"sqlite", sqliteDialect},
		{"sqlserver", sqlserverDialect},
		{"mssql", sqlserverDialect},
		{"azuresql", sqlserverDialect},
	} {
		if strings.Contains(hint, known.word) {
			return known.dialect
		}
	}
	return nil
}

// sqlState gives the SQLSTATE of an error of any PostgreSQL driver: lib/pq and
// pgx both have this method.
func sqlState(err error) string {
	var e interface{ SQLState() string }
	if errors.As(err, &e) {
		return e.SQLState()
	}
	return ""
}
