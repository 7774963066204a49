package pooled

import (
	"database/sql/driver"
	"reflect"
	"strconv"
)

// postgresSession is the process number of the backend behind a parent's connection, which each driver was told when it
// connected, and none hands out: lib/pq keeps it in a field of its own, pgx some way behind its connection. To ask the server
// would be a round trip. Empty: another driver, or another version.
func postgresSession(conn driver.Conn) string {
	v := reflect.ValueOf(conn)
	for _, method := range []string{"Conn", "PgConn", "PID"} { // pgx's
		m := v.MethodByName(method)
		if !m.IsValid() || m.Type().NumIn() != 0 || m.Type().NumOut() != 1 {
			return pqSession(conn)
		}
		v = m.Call(nil)[0]
	}
	if !v.CanUint() {
		return ""
	}
	return strconv.FormatUint(v.Uint(), 10)
}

func pqSession(conn driver.Conn) string {
	v := reflect.Indirect(reflect.ValueOf(conn))
	if v.Kind() != reflect.Struct {
		return ""
	}
	pid := v.FieldByName("pid")
	if !pid.IsValid() || !pid.CanInt() || pid.Int() == 0 {
		return ""
	}
	return strconv.FormatInt(pid.Int(), 10)
}
