package mysql_test

import (
	"crypto/tls"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/pooled-go/pooled/internal/dialect/mysql"
	"github.com/pooled-go/pooled/internal/pooledtest"
)

// TestTickets: the second connection's handshake is a short one, unless the TLS configuration is the program's, which
// stays as it is.
func TestTickets(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		t.Run(tls.VersionName(version), func(t *testing.T) {
			for _, name := range []string{"skip-verify", "preferred", ""} {
				cfg := pooledtest.TestTLS()
				cfg.MaxVersion = version
				server := pooledtest.ServeMySQLTLS(t, cfg, agree)
				want, program := "[false true true]", (*tls.Config)(nil)
				if name == "" {
					name, program = registerTLS(t, cfg)
					want = "[false false false]"
				}
				connector := connectorOf(t, dsnOf(server)+"?tls="+name)
				for range 3 {
					connect(t, connector)
				}
				if have := fmt.Sprint(server.Resumed()); have != want {
					t.Errorf("%s: have %s, want %s", name, have, want)
				}
				if program != nil && program.ClientSessionCache != nil {
					t.Error("the program's configuration was changed")
				}
			}
		})
	}
}

// Each pool has tickets of its own.
func TestTicketsAreOfOneConnector(t *testing.T) {
	server := pooledtest.ServeMySQLTLS(t, pooledtest.TestTLS(), agree)
	dsn := dsnOf(server) + "?tls=skip-verify"
	for range 2 {
		connect(t, connectorOf(t, dsn))
	}
	if have := fmt.Sprint(server.Resumed()); have != "[false false]" {
		t.Errorf("have %s, want no short handshake", have)
	}
}

// brokenTickets is a server that fails when it is shown a ticket, and counts that.
func brokenTickets(t testing.TB, shown *atomic.Int32) *pooledtest.Engine {
	cfg := pooledtest.TestTLS()
	cfg.WrapSession = func(state tls.ConnectionState, session *tls.SessionState) ([]byte, error) {
		return cfg.EncryptTicket(state, session)
	}
	cfg.UnwrapSession = func([]byte, tls.ConnectionState) (*tls.SessionState, error) {
		shown.Add(1)
		return nil, errors.New("no")
	}
	return pooledtest.ServeMySQLTLS(t, cfg, agree)
}

// TestBrokenTickets: a server that can't read its own tickets loses one handshake, and no connection.
func TestBrokenTickets(t *testing.T) {
	var shown atomic.Int32
	server := brokenTickets(t, &shown)
	connector := connectorOf(t, dsnOf(server)+"?tls=skip-verify")
	for range 4 {
		connect(t, connector)
	}
	if have := fmt.Sprint(server.Resumed()); have != "[false false false false]" || shown.Load() != 1 {
		t.Errorf("have %s, shown %d times, want four full handshakes, shown once", have, shown.Load())
	}
}

// A connect that fails for another reason is not tried again.
func TestOtherErrorsThanTickets(t *testing.T) {
	server := pooledtest.ServeMySQLTLS(t, pooledtest.TestTLS(), func(session int, message string) pooledtest.Answer {
		if session > 1 && message == "Query SET a = 1" {
			return pooledtest.Answer{Number: 1193, State: "HY000", Text: "Unknown system variable 'a'"}
		}
		return pooledtest.Answer{}
	})
	connector := connectorOf(t, dsnOf(server)+"?tls=skip-verify&a=1")
	connect(t, connector)
	if _, err := connector.Connect(t.Context()); err == nil || !strings.Contains(err.Error(), "Unknown") {
		t.Fatalf("have %v, want that the variable is unknown", err)
	}
	if have := server.Sessions(); have != 2 {
		t.Errorf("have %d dials, want 2", have)
	}
}

// TestTicketsVerify: after a ticket, an untrusted certificate is still one.
func TestTicketsVerify(t *testing.T) {
	server := pooledtest.ServeMySQLTLS(t, pooledtest.TestTLS(), agree)
	connector := connectorOf(t, dsnOf(server)+"?tls=true")
	for range 3 {
		_, err := connector.Connect(t.Context())
		var untrusted *tls.CertificateVerificationError
		if !errors.As(err, &untrusted) {
			t.Errorf("have %v, want an untrusted certificate", err)
		}
	}
	if have := server.Resumed(); len(have) > 0 {
		t.Errorf("%d connections", len(have))
	}
}

// TestPreferredAtOnce: with tls=preferred go-sql-driver notes in its configuration that a server has no TLS.
// Connections that are opened at the same time have a configuration each: that is for the race detector. And a server
// that has TLS again is spoken to over TLS.
func TestPreferredAtOnce(t *testing.T) {
	cfg := pooledtest.TestTLS()
	with, without := pooledtest.ServeMySQLTLS(t, cfg, agree), pooledtest.ServeMySQL(t, agree)
	var hasTLS atomic.Bool
	front := pooledtest.Serve(t, func(client net.Conn) {
		address := without.Address
		if hasTLS.Load() {
			address = with.Address
		}
		server, err := net.Dial("tcp", address)
		if err != nil {
			return
		}
		defer server.Close()
		var back sync.WaitGroup
		back.Go(func() {
			io.Copy(client, server)
			client.Close()
		})
		io.Copy(server, client)
		server.Close()
		back.Wait()
	})
	connector := connectorOf(t, "scott:tiger@tcp("+front+")/shop?tls=preferred")
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			conn, err := connector.Connect(t.Context())
			if err != nil {
				t.Error(err)
				return
			}
			conn.Close()
		})
	}
	all.Wait()
	hasTLS.Store(true)
	conn, dialed := connect(t, connector)
	have := mysql.Wire(connector, conn, dialed)
	if _, layer := have.(*tls.Conn); !layer {
		t.Errorf("have a %T, want TLS", have)
	}
}

// TestServersOverTLS: a real server takes its own tickets, and resets through the driver's TLS layer.
func TestServersOverTLS(t *testing.T) {
	connector := connectorOf(t, pooledtest.MySQLTLS(t))
	for i := range 3 {
		conn, dialed := connect(t, connector)
		layer, found := mysql.Wire(connector, conn, dialed).(*tls.Conn)
		if !found {
			t.Fatal("the pool does not find the TLS layer")
		}
		if have := layer.ConnectionState().DidResume; have != (i > 0) {
			t.Errorf("connection %d: a short handshake: have %t, want %t", i, have, i > 0)
		}
		for range 3 {
			if err := mysql.ResetConnection(t.Context(), layer, dialed); err != nil {
				t.Fatal(err)
			}
			if err := conn.(driver.Pinger).Ping(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
}
