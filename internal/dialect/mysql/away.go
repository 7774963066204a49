package mysql

import (
	"errors"
	"strings"

	"github.com/go-sql-driver/mysql"
)

// away: the driver says ErrInvalidConn, and a text that it exports nowhere, when the server hangs up in the handshake.
// 1053 is ER_SERVER_SHUTDOWN, 3032 ER_SERVER_OFFLINE_MODE; 2002, 2003, 2006 and 2013 are the client library's, which
// proxies pass on from their own connects, as MySQL Router and ProxySQL do. ProxySQL says 9001 and 9002 when no backend
// of a host group can be reached. A node of a Galera cluster takes nothing while it joins.
func away(err error) bool {
	if errors.Is(err, mysql.ErrInvalidConn) || err.Error() == "bad connection" {
		return true
	}
	var e *mysql.MySQLError
	if !errors.As(err, &e) {
		return false
	}
	switch e.Number {
	case 1053, 2002, 2003, 2006, 2013, 3032, 9001, 9002:
		return true
	case 1105, 1815, 1927:
		return noBackend(e.Message)
	}
	return refuses(err)
}

// noBackend tells what proxies say in words alone: MaxScale (1815 and 1927, which is ER_CONNECTION_KILLED) and TiProxy
// (1105, which is ER_UNKNOWN_ERROR).
func noBackend(message string) bool {
	for _, text := range []string{
		"Session creation failed", "Router could not", "No available TiDB instances", "fails to connect to TiDB",
	} {
		if strings.Contains(message, text) {
			return true
		}
	}
	return false
}
