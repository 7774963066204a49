package postgres

import (
	"database/sql/driver"
	"reflect"
	"strconv"
)

// sessionID is the process number of the backend behind a driver's connection, which each driver was told when it
// connected, and none hands out: lib/pq keeps it in a field of its own, pgx some way behind its connection. To ask the
// server would be a round trip. Empty: another driver, or another version.
func sessionID(conn driver.Conn) (session string) {
	defer func() {
		if recover() != nil { // a driver of somebody's with such names and another meaning
			session = ""
		}
	}()
	v := reflect.ValueOf(conn)
	if reflect.Indirect(v).Kind() == reflect.Struct {
		if pid := reflect.Indirect(v).FieldByName("pid"); pid.IsValid() && pid.CanInt() && pid.Int() != 0 {
			return strconv.FormatInt(pid.Int(), 10)
		}
	}
	// The names stand here by themselves: with a name that it can't see, the linker would keep every method of the
	// program.
	if v = result(v.MethodByName("Conn")); v.IsValid() { // pgx's stdlib.Conn, pgx.Conn, pgconn.PgConn
		v = result(v.MethodByName("PgConn"))
	}
	if v.IsValid() {
		v = result(v.MethodByName("PID"))
	}
	if v.IsValid() && v.CanUint() {
		return strconv.FormatUint(v.Uint(), 10)
	}
	return ""
}

// result is what a method returns that takes nothing and returns one value; none if it is not like that.
func result(method reflect.Value) reflect.Value {
	if !method.IsValid() || method.Type().NumIn() != 0 || method.Type().NumOut() != 1 {
		return reflect.Value{}
	}
	return method.Call(nil)[0]
}
