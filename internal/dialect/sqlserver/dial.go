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
	field, ours := v.Elem().FieldByName("Dialer"), reflect.ValueOf(dialer{keepAlive(v.Elem())})
	if field.IsValid() && field.CanSet() && field.Kind() == reflect.Interface && field.IsNil() &&
		ours.Type().Implements(field.Type()) {
		field.Set(ours)
	}
}

// keepAlive is what the DSN says, or else the driver's own default.
func keepAlive(connector reflect.Value) time.Duration {
	v := connector
	for _, name := range [...]string{"params", "KeepAlive"} {
		if v.Kind() == reflect.Struct {
			v = v.FieldByName(name)
		}
	}
	if v.Kind() == reflect.Int64 && v.Int() != 0 {
		return time.Duration(v.Int())
	}
	return 30 * time.Second
}

// dialer is go-mssqldb's own, but that the connection is remembered. With several addresses the driver dials all of
// them at once.
type dialer struct{ keepAlive time.Duration }

func (d dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	return socket.DialOne(ctx, &net.Dialer{KeepAlive: d.keepAlive}, network, address)
}
