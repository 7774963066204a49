package sqlserver_test

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/pooled-go/pooled/internal/dialect/sqlserver"
	"github.com/pooled-go/pooled/internal/socket"
)

type dials interface {
	DialContext(ctx context.Context, network, address string) (net.Conn, error)
}

type (
	anyConnector struct{ driver.Connector }

	// connector is as go-mssqldb's, and parameters as its msdsn.Config.
	connector struct {
		anyConnector
		params parameters
		Dialer dials
	}
	parameters struct {
		KeepAlive  time.Duration
		Parameters map[string]string
	}

	// These are not.
	wantsMore struct {
		anyConnector
		Dialer interface {
			dials
			HostName() string
		}
	}
	hasAnother struct {
		anyConnector
		Dialer net.Dialer
	}
	hidesIt struct {
		anyConnector
		dialer dials
	}
)

// theirs is a dialer of a program's.
type theirs struct{}

func (theirs) DialContext(context.Context, string, string) (net.Conn, error) {
	return nil, errors.New("not reached")
}

// What is dialed is known, unless there are two, of which the driver may use either.
func TestDialer(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	c := &connector{}
	sqlserver.SetDialer(c)
	ctx, dialed := socket.Collect(t.Context())
	for _, known := range []bool{true, false} {
		conn, err := c.Dialer.DialContext(ctx, "tcp", listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if have := dialed.Last() != nil; have != known {
			t.Errorf("have the socket %t, want %t", have, known)
		}
	}
}

// The keepalive of a DSN is the dialer's, and stays.
func TestDialerKeepsAlive(t *testing.T) {
	given := map[string]string{"keepalive": "60"}
	for _, test := range []struct {
		params parameters
		want   string
	}{
		{parameters{}, "{30000000000 false}"},
		{parameters{KeepAlive: 30 * time.Second, Parameters: map[string]string{"server": "h"}}, "{30000000000 false}"},
		{parameters{KeepAlive: time.Minute, Parameters: given}, "{60000000000 true}"},
		{parameters{KeepAlive: 0, Parameters: given}, "{30000000000 true}"},
	} {
		c := &connector{params: test.params}
		sqlserver.SetDialer(c)
		if have := fmt.Sprint(c.Dialer); have != test.want {
			t.Errorf("%v: have %s, want %s", test.params, have, test.want)
		}
	}
}

// A program's own dialer stays, and so does what is not as it should be.
func TestDialerOfOthers(t *testing.T) {
	c := &connector{Dialer: theirs{}}
	sqlserver.SetDialer(c)
	if c.Dialer != (theirs{}) {
		t.Errorf("have a %T, want the program's dialer", c.Dialer)
	}
	more, hidden := new(wantsMore), new(hidesIt)
	for _, odd := range []driver.Connector{nil, connector{}, anyConnector{}, more, new(hasAnother), hidden} {
		sqlserver.SetDialer(odd)
	}
	if more.Dialer != nil || hidden.dialer != nil {
		t.Error("a dialer was set where it does not belong")
	}
}

type (
	other      struct{ driver.Driver }
	otherMaker struct{ other }
)

func (otherMaker) OpenConnector(string) (driver.Connector, error) { panic("it is another driver's") }

func TestConnectorOfOthers(t *testing.T) {
	for _, d := range []driver.Driver{nil, other{}, otherMaker{}} {
		if c, err := sqlserver.Dialect.Connector(d, "a DSN"); c != nil || err != nil {
			t.Errorf("%T: have %v, %v, want nothing", d, c, err)
		}
	}
}
