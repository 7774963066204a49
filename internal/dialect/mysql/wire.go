package mysql

import (
	"crypto/tls"
	"database/sql/driver"
	"net"
	"reflect"

	"github.com/go-sql-driver/mysql"

	"github.com/pooled-go/pooled/internal/socket"
)

// wire is where the driver reads and writes its packets, so that the pool can send one of its own while the driver does
// nothing: the socket, or the TLS layer above it. Nil: it is not certain, or something else lies between, which is
// compression, or a dialer of the program's.
func (c *connector) wire(conn driver.Conn, dialed *socket.Socket) net.Conn {
	switch {
	case dialed == nil || c.cfg.DialFunc == nil || c.compresses:
		return nil
	case c.cfg.TLS == nil:
		return dialed.Conn()
	}
	return layer(conn, dialed.Conn())
}

// layer is what go-sql-driver speaks through. The driver shows it to nobody, so it is read from the field in which the
// driver keeps it, and never written. It is believed only if it is what it has to be: a *tls.Conn right above the
// socket that the pool dialed, or, with tls=preferred and a server without TLS, that very socket.
//
// A reset of the driver's own would need none of this: see TestDriverHasNoReset.
func layer(conn driver.Conn, dialed net.Conn) net.Conn {
	v, ours := driverStruct(conn)
	if !ours {
		return nil
	}
	field := v.FieldByName("netConn")
	if !field.IsValid() || field.Type() != reflect.TypeFor[net.Conn]() {
		return nil
	}
	field = field.Elem()
	switch {
	case field.Kind() != reflect.Pointer || field.IsNil():
		return nil
	case field.Type() == reflect.TypeFor[*tls.Conn]():
		if above := (*tls.Conn)(field.UnsafePointer()); above.NetConn() == dialed {
			return above
		}
	case field.Type() == reflect.TypeOf(dialed) && field.Pointer() == reflect.ValueOf(dialed).Pointer():
		return dialed
	}
	return nil
}

// driverStruct is what go-sql-driver knows of a connection; false: the connection is another driver's.
func driverStruct(conn driver.Conn) (reflect.Value, bool) {
	v := reflect.Indirect(reflect.ValueOf(conn))
	return v, v.Kind() == reflect.Struct && v.Type().PkgPath() == reflect.TypeFor[mysql.MySQLDriver]().PkgPath()
}
