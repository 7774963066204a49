package mysql_test

import (
	"crypto/tls"
	"crypto/x509"
	"database/sql/driver"
	"fmt"
	"net"
	"reflect"
	"slices"
	"strings"
	"testing"

	driverpkg "github.com/go-sql-driver/mysql"

	"github.com/pooled-go/pooled/internal/dialect"
	"github.com/pooled-go/pooled/internal/dialect/dialecttest"
	"github.com/pooled-go/pooled/internal/dialect/mysql"
	"github.com/pooled-go/pooled/internal/pooledtest"
	"github.com/pooled-go/pooled/internal/socket"
)

// agree is a server that is content with all.
func agree(int, string) pooledtest.Answer { return pooledtest.Answer{} }

func dsnOf(server *pooledtest.Engine) string { return "scott:tiger@tcp(" + server.Address + ")/shop" }

// connect opens a connection as the pool does.
func connect(t testing.TB, connector driver.Connector) (driver.Conn, *socket.Socket) {
	t.Helper()
	ctx, dialed := socket.Collect(t.Context())
	conn, err := connector.Connect(ctx)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn, dialed.Last()
}

func connectorOf(t testing.TB, dsn string) driver.Connector {
	t.Helper()
	c, err := mysql.NewConnector(dsn)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// registerTLS makes a server's certificate trusted by the name that it returns.
func registerTLS(t testing.TB, server *tls.Config) (name string, cfg *tls.Config) {
	t.Helper()
	leaf, err := x509.ParseCertificate(server.Certificates[0].Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	cfg = &tls.Config{RootCAs: x509.NewCertPool()}
	cfg.RootCAs.AddCert(leaf)
	name = "test-" + strings.ReplaceAll(t.Name(), "/", "-")
	if err := driverpkg.RegisterTLSConfig(name, cfg); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { driverpkg.DeregisterTLSConfig(name) })
	return name, cfg
}

// TestWire: the pool finds the TLS layer by which the driver speaks, knows for certain when there is none, and resets
// the session there, after which the driver goes on. It fails where an upgrade of go-sql-driver hides the layer: then
// each reset over TLS would close its connection.
func TestWire(t *testing.T) {
	cfg := pooledtest.TestTLS()
	withTLS, without := pooledtest.ServeMySQLTLS(t, cfg, agree), pooledtest.ServeMySQL(t, agree)
	dsnTLS, dsn := dsnOf(withTLS), dsnOf(without)
	name, _ := registerTLS(t, cfg)
	for _, test := range []struct {
		name, dsn string
		server    *pooledtest.Engine
		tls, none bool
	}{
		{name: "skip-verify", dsn: dsnTLS + "?tls=skip-verify", server: withTLS, tls: true},
		{name: "the program's", dsn: dsnTLS + "?tls=" + name, server: withTLS, tls: true},
		{name: "preferred", dsn: dsnTLS + "?tls=preferred", server: withTLS, tls: true},
		{name: "preferred, and the server has none", dsn: dsn + "?tls=preferred", server: without},
		{name: "no TLS", dsn: dsnTLS, server: withTLS},
		{name: "compressed", dsn: dsn + "?compress=true", server: without, none: true},
		{name: "compressed, over TLS", dsn: dsnTLS + "?compress=true&tls=skip-verify", server: withTLS, none: true},
	} {
		t.Run(test.name, func(t *testing.T) {
			connector := connectorOf(t, test.dsn)
			conn, dialed := connect(t, connector)
			wire := mysql.Wire(connector, conn, dialed)
			layer, above := wire.(*tls.Conn)
			switch {
			case test.none && wire != nil:
				t.Fatalf("have a %T, want nothing", wire)
			case test.none:
				return
			case above != test.tls || wire == nil:
				t.Fatalf("have a %T, TLS: %t: go-sql-driver may have changed, see connector.wire", wire, test.tls)
			case above && layer.NetConn() != dialed.Conn():
				t.Fatalf("the TLS layer is not above the socket")
			case !above && wire != dialed.Conn():
				t.Fatalf("have a %T that is not the socket", wire)
			}
			s := &dialecttest.Session{Conn: conn, From: connector, Dialed: dialed}
			for range 3 {
				if err := mysql.Dialect.Reset(t.Context(), s, dialect.Facts{Restore: []string{}}); err != nil {
					t.Fatal(err)
				}
				if err := conn.(driver.Pinger).Ping(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			session := test.server.Sessions()
			want := slices.Repeat([]string{fmt.Sprint(session, " Reset"), fmt.Sprint(session, " Ping")}, 3)
			if have := test.server.Log(); !slices.Equal(have, want) {
				t.Errorf("have %q, want %q", have, want)
			}
		})
	}
}

// What is not the driver's own connection on the socket that the pool dialed is not believed.
func TestWireBelievesNothingElse(t *testing.T) {
	connector := connectorOf(t, dsnOf(pooledtest.ServeMySQLTLS(t, pooledtest.TestTLS(), agree))+"?tls=skip-verify")
	conn, dialed := connect(t, connector)
	_, other := connect(t, connector)
	type wrapped struct{ driver.Conn }
	type pretending struct {
		driver.Conn
		netConn net.Conn
	}
	layer := mysql.Wire(connector, conn, dialed)
	without := connectorOf(t, dsnOf(pooledtest.ServeMySQL(t, agree))+"?tls=preferred")
	plain, _ := connect(t, without)
	for _, test := range []struct {
		name   string
		conn   driver.Conn
		dialed *socket.Socket
	}{
		{"no socket", conn, nil},
		{"another socket", conn, other},
		{"another socket without TLS", plain, other},
		{"wrapped", wrapped{conn}, dialed},
		{"another driver", &pretending{conn, layer}, dialed},
		{"nothing", nil, dialed},
	} {
		if have := mysql.Wire(connector, test.conn, test.dialed); have != nil {
			t.Errorf("%s: have a %T, want nothing", test.name, have)
		}
	}
}

// TestDriverHasNoReset: go-sql-driver has no method that sends COM_RESET_CONNECTION. Pull request 1734 wants to add
// one, named Reset. Where this test fails an upgrade has brought it: call that in reset, and remove wire and
// resetConnection.
func TestDriverHasNoReset(t *testing.T) {
	server := pooledtest.ServeMySQL(t, agree)
	conn, _ := connect(t, connectorOf(t, dsnOf(server)))
	var have []string
	for method := range reflect.TypeOf(conn).Methods() {
		if strings.Contains(method.Name, "Reset") {
			have = append(have, method.Name)
		}
	}
	if fmt.Sprint(have) != "[ResetSession]" {
		t.Errorf("have %q, want ResetSession alone", have)
	}
	if err := conn.(driver.SessionResetter).ResetSession(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := conn.(driver.Pinger).Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	if have := server.Log(); !slices.Equal(have, []string{"1 Ping"}) {
		t.Errorf("ResetSession sends something: %q", have)
	}
}
