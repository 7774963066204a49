package mysql_test

import (
	"database/sql/driver"
	"errors"
	"fmt"
	"testing"

	driverpkg "github.com/go-sql-driver/mysql"

	"github.com/pooled-go/pooled/internal/dialect/mysql"
)

func serverError(number uint16, message string) error {
	return &driverpkg.MySQLError{Number: number, Message: message}
}

func TestIsAway(t *testing.T) {
	for _, test := range []struct {
		err  error
		want bool
	}{
		{driver.ErrBadConn, true},
		{driverpkg.ErrInvalidConn, true},
		{errors.New("bad connection"), true}, // the driver's errBadConnNoWrite
		{serverError(1053, "Server shutdown in progress"), true},
		{serverError(3032, "The server is currently in offline mode"), true},
		{serverError(2002, "Can't connect to local MySQL server through socket '/s' (2)"), true},
		{serverError(2003, "Can't connect to remote MySQL server for client connected to '127.0.0.1:6446'"), true},
		{serverError(2006, "MySQL server has gone away"), true},
		{serverError(2013, "Lost connection to MySQL server at 'reading initial communication packet'"), true},
		{serverError(1047, "WSREP has not yet prepared node for application use"), true},
		{serverError(9001, "Max connect timeout reached while reaching hostgroup 0 after 10000ms"), true},
		{serverError(9002, "Max connect failure while reaching hostgroup 0"), true},
		{serverError(1815, "Internal error: Session creation failed"), true},
		{serverError(1927, "Connection killed by MaxScale: Router could not recover from connection errors"), true},
		{serverError(1105, "No available TiDB instances, please make sure TiDB is available"), true},
		{serverError(1105, "TiProxy fails to connect to TiDB, please make sure TiDB is available"), true},

		{serverError(1927, "Connection was killed"), false},
		{serverError(1105, "Unknown error"), false},
		{serverError(1815, "Internal error: out of luck"), false},
		{serverError(1047, "Unknown command"), false},
		{serverError(1040, "Too many connections"), false},
		{serverError(1203, "User app already has more than 'max_user_connections' active connections"), false},
		{serverError(1044, "Access denied for user 'app'@'%' to database 'shop'"), false},
		{serverError(1045, "Access denied for user 'app'@'localhost' (using password: YES)"), false},
		{serverError(1049, "Unknown database 'shop'"), false},
		{serverError(1129, "Host 'web' is blocked because of many connection errors"), false},
		{serverError(1130, "Host 'web' is not allowed to connect to this MySQL server"), false},
		{serverError(3159, "Connections using insecure transport are prohibited"), false},
		{driverpkg.ErrNoTLS, false},
		{driverpkg.ErrCleartextPassword, false},
		{driverpkg.ErrMalformPkt, false},
		{errors.New("a bad connection, and more"), false},
	} {
		if have := mysql.Dialect.IsAway(test.err); have != test.want {
			t.Errorf("%v: have %t, want %t", test.err, have, test.want)
		}
		if wrapped := fmt.Errorf("connect: %w", test.err); test.err.Error() != "bad connection" &&
			mysql.Dialect.IsAway(wrapped) != test.want {
			t.Errorf("%v: want %t", wrapped, test.want)
		}
	}
}
