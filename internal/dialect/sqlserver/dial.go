package sqlserver

import (
	"context"
	"database/sql/driver"
	"fmt"
	"net"
	"reflect"
	"time"

	"github.com/pooled-go/pooled/internal/socket"
)

// connectorOf makes go-mssqldb's connector, whose exported field Dialer is for the program's own: the pool sets one
// that dials as the driver does, and remembers the connection. Another driver, or another version, dials as it likes.
func connectorOf(d driver.Driver, dsn string) (driver.Connector, error) {
	opener, ok := d.(driver.DriverContext)
	if !ok || fmt.Sprintf("%T", d) != "*mssql.Driver" {
		return nil, nil
	}
	c, err := opener.OpenConnector(dsn)
	if err == nil {
		setDialer(c)
	}
	return c, err
}

func setDialer(c driver.Connector) {
	v := reflect.ValueOf(c)
	if v.Kind() != reflect.Pointer || v.Elem().Kind() != reflect.Struct {
		return
	}
	field, ours := v.Elem().FieldByName("Dialer"), reflect.ValueOf(dialerOf(v.Elem()))
	if field.IsValid() && field.CanSet() && field.Kind() == reflect.Interface && field.IsNil() &&
		ours.Type().Implements(field.Type()) {
		field.Set(ours)
	}
}

// dialerOf has the keepalive of the DSN, or else the driver's own default.
func dialerOf(connector reflect.Value) dialer {
	d := dialer{keepAlive: 30 * time.Second}
	params := field(connector, "params")
	if v := field(params, "KeepAlive"); v.Kind() == reflect.Int64 && v.Int() != 0 {
		d.keepAlive = time.Duration(v.Int())
	}
	given := field(params, "Parameters") // as they stand in the DSN, the keys in small letters
	if given.Kind() == reflect.Map && given.Type().Key().Kind() == reflect.String {
		d.tuned = given.MapIndex(reflect.ValueOf("keepalive").Convert(given.Type().Key())).IsValid()
	}
	return d
}

// field is a struct's; none if there is not.
func field(v reflect.Value, name string) reflect.Value {
	if v.Kind() != reflect.Struct {
		return reflect.Value{}
	}
	return v.FieldByName(name)
}

// dialer is go-mssqldb's own, but that the connection is remembered, and that the pool decides about its keepalive
// unless the DSN does (tuned). With several addresses the driver dials all of them at once.
type dialer struct {
	keepAlive time.Duration
	tuned     bool
}

func (d dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	return socket.DialOne(ctx, &net.Dialer{KeepAlive: d.keepAlive}, d.tuned, network, address)
}
