package postgres

import (
	"database/sql/driver"
	"net"
	"reflect"
	"strconv"

	"github.com/pooled-go/pooled/internal/dialect"
	"github.com/pooled-go/pooled/internal/socket"
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
	v := reflect.Indirect(reflect.ValueOf(conn))
	if v.Kind() == reflect.Struct {
		if pid := v.FieldByName("pid"); pid.IsValid() && pid.CanInt() && pid.Int() != 0 {
			return strconv.FormatInt(pid.Int(), 10)
		}
	}
	if c, ok := pgConn(conn).(interface{ PID() uint32 }); ok {
		return strconv.FormatUint(uint64(c.PID()), 10)
	}
	return ""
}

// inside is what the pool has to know of a connection of pgx's, which dials by itself. Nil: another driver, or another
// version.
func inside(conn driver.Conn) (found *dialect.Inside) {
	defer func() {
		if recover() != nil { // as above
			found = nil
		}
	}()
	c, ok := pgConn(conn).(interface {
		Conn() net.Conn
		IsClosed() bool
	})
	if !ok {
		return nil
	}
	return &dialect.Inside{
		Socket:   socket.Below(c.Conn()),
		Closed:   c.IsClosed,
		Answered: func(err error) bool { return sqlState(err) != "" },
	}
}

// pgConn is pgx's *pgconn.PgConn behind a *stdlib.Conn, whose types this module does not know; nil: another driver. It
// is reached by exported methods, which only return what is there.
func pgConn(conn driver.Conn) any {
	// The names stand here by themselves: with a name that it can't see, the linker would keep every method of the
	// program.
	v := result(reflect.ValueOf(conn).MethodByName("Conn"))
	if v.IsValid() {
		v = result(v.MethodByName("PgConn"))
	}
	if !v.IsValid() || v.Kind() != reflect.Pointer || v.IsNil() {
		return nil
	}
	return v.Interface()
}

// result is what a method returns that takes nothing and returns one value; none if it is not like that.
func result(method reflect.Value) reflect.Value {
	if !method.IsValid() || method.Type().NumIn() != 0 || method.Type().NumOut() != 1 {
		return reflect.Value{}
	}
	return method.Call(nil)[0]
}
