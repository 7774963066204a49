package postgres_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/lib/pq"

	"github.com/pooled-go/pooled/internal/dialect/postgres"
)

// otherError is an error of another driver's: it has a state, as pgx's.
type otherError struct{ state, message string }

func (e otherError) Error() string    { return e.message + " (SQLSTATE " + e.state + ")" }
func (e otherError) SQLState() string { return e.state }

func TestIsAway(t *testing.T) {
	for _, test := range []struct {
		state, message string
		want           bool
	}{
		{"57P01", "terminating connection due to administrator command", true},
		{"57P02", "terminating connection due to crash of another server process", true},
		{"57P03", "the database system is starting up", true},
		{"57P03", "das Datenbanksystem startet", true},
		{"08000", "connection exception", true}, {"08001", "unable to connect", true},
		{"08003", "connection does not exist", true}, {"08006", "failed to connect to remote server", true},

		// PgBouncer's.
		{"08P01", "server login has been failing, try again later (server_login_retry)", true},
		{"08P01", "server login has been failing, cached error: connect failed (server_login_retry)", true},
		{"08P01", "server login has been failing, cached error: the database system is starting up" +
			" (server_login_retry)", true},
		{"08P01", "pgbouncer cannot connect to server", true}, {"08P01", "query_wait_timeout", true},
		{"08P01", "client_login_timeout (server down)", true}, {"08P01", "server shutting down", true},
		{"08P01", "pooler is shutting down", true}, {"08P01", "suspend_timeout", true},
		{"08P01", "the database system is shutting down", true},
		{"08P01", `server login has been failing, cached error: password authentication failed for user "app"` +
			" (server_login_retry)", false},
		{"08P01", `server login has been failing, cached error: database "shop" does not exist (server_login_retry)`, false},
		{"08P01", "server login has been failing, cached error: server refused SSL (server_login_retry)", false},
		{"08P01", "server login has been failing, cached error: sorry, too many clients already (server_login_retry)", false},
		{"08P01", "unsupported startup parameter: extra_float_digits", false},
		{"08P01", "no more connections allowed (max_client_conn)", false},
		{"08P01", "client connections exceeded (max_user_client_connections)", false},
		{"08P01", "client_login_timeout", false}, {"08P01", "query_timeout", false},
		{"08P01", "password authentication failed", false}, {"08P01", "SSL required", false},
		{"08P01", "no such user", false}, {"08P01", "no such database: shop", false},
		{"08P01", "invalid frontend message type 112", false},

		// Pgpool-II's.
		{"XX000", "all backend nodes are down, pgpool requires at least one valid node", true},
		{"XX000", "pgpool is not accepting any new connections", true},
		{"XX000", "failed to create a backend 0 connection", true},
		{"XX000", "unable to connect to backend", true},
		{"XX000", "cache lookup failed for type 1", false},

		{"28P01", `password authentication failed for user "app"`, false},
		{"28000", `no pg_hba.conf entry for host "::1", user "app", database "shop", no encryption`, false},
		{"3D000", `database "shop" does not exist`, false},
		{"42501", `permission denied for database "shop"`, false},
		{"53300", "sorry, too many clients already", false},
		{"55000", `database "shop" is not currently accepting connections`, false},
		{"57014", "canceling statement due to user request", false},
		{"57P04", "terminating connection because the database was dropped", false},
	} {
		for _, err := range []error{
			&pq.Error{Code: pq.ErrorCode(test.state), Message: test.message},
			otherError{test.state, test.message},
			fmt.Errorf("connect: %w", &pq.Error{Code: pq.ErrorCode(test.state), Message: test.message}),
			fmt.Errorf("pq: could not connect to any of the hosts:\n%w",
				errors.Join(otherError{test.state, test.message}, otherError{"57P03", "starting"})),
		} {
			if have := postgres.Dialect.IsAway(err); have != test.want {
				t.Errorf("%T %v: have %t, want %t", err, err, have, test.want)
			}
		}
	}
	for _, err := range []error{pq.ErrSSLNotSupported, errors.New("no"), nil} {
		if postgres.Dialect.IsAway(err) {
			t.Errorf("%v: have away", err)
		}
	}
}
