package mysql_test

import (
	"crypto/tls"
	"database/sql/driver"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/pooled-go/pooled/internal/dialect/mysql"
	"github.com/pooled-go/pooled/internal/pooledtest"
)

// resumed tells of each connection that the server has let in whether its handshake was a short one.
func resumed(server *pooledtest.MySQLServer) string {
	var all []bool
	for _, s := range server.Sessions() {
		all = append(all, s.Resumed)
	}
	return fmt.Sprint(all)
}

// TestTickets: the second connection's handshake is a short one, unless the TLS configuration is the program's, which
// stays as it is.
func TestTickets(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		t.Run(tls.VersionName(version), func(t *testing.T) {
			for _, name := range []string{"skip-verify", "preferred", ""} {
				cfg := pooledtest.TestTLS()
				cfg.MaxVersion = version
				server := &pooledtest.MySQLServer{TLS: cfg}
				want, program := "[false true true]", (*tls.Config)(nil)
				if name == "" {
					name, program = registerTLS(t, cfg)
					want = "[false false false]"
				}
				connector := connectorOf(t, server.Serve(t)+"?tls="+name)
				for range 3 {
					connect(t, connector)
				}
				if have := resumed(server); have != want {
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
	server := &pooledtest.MySQLServer{TLS: pooledtest.TestTLS()}
	dsn := server.Serve(t) + "?tls=skip-verify"
	for range 2 {
		connect(t, connectorOf(t, dsn))
	}
	if have := resumed(server); have != "[false false]" {
		t.Errorf("have %s, want no short handshake", have)
	}
}

// brokenTickets is a server that fails when it is shown a ticket, and counts that.
func brokenTickets(shown *atomic.Int32) *pooledtest.MySQLServer {
	cfg := pooledtest.TestTLS()
	cfg.WrapSession = func(state tls.ConnectionState, session *tls.SessionState) ([]byte, error) {
		return cfg.EncryptTicket(state, session)
	}
	cfg.UnwrapSession = func([]byte, tls.ConnectionState) (*tls.SessionState, error) {
		shown.Add(1)
		return nil, errors.New("no")
	}
	return &pooledtest.MySQLServer{TLS: cfg}
}

// TestBrokenTickets: a server that can't read its own tickets loses one handshake, and no connection.
func TestBrokenTickets(t *testing.T) {
	var shown atomic.Int32
	server := brokenTickets(&shown)
	connector := connectorOf(t, server.Serve(t)+"?tls=skip-verify")
	for range 4 {
		connect(t, connector)
	}
	if have := resumed(server); have != "[false false false false]" || shown.Load() != 1 {
		t.Errorf("have %s, shown %d times, want four full handshakes, shown once", have, shown.Load())
	}
}

// A connect that fails for another reason is not tried again.
func TestOtherErrorsThanTickets(t *testing.T) {
	server := &pooledtest.MySQLServer{TLS: pooledtest.TestTLS()}
	connector := connectorOf(t, server.Serve(t)+"?tls=skip-verify")
	connect(t, connector)
	server.Full.Store(true)
	before := server.Dialed.Load()
	if _, err := connector.Connect(t.Context()); err == nil {
		t.Fatal("have a connection")
	}
	if have := server.Dialed.Load() - before; have != 1 {
		t.Errorf("have %d dials, want 1", have)
	}
}

// TestTicketsVerify: after a ticket, an untrusted certificate is still one.
func TestTicketsVerify(t *testing.T) {
	server := &pooledtest.MySQLServer{TLS: pooledtest.TestTLS()}
	connector := connectorOf(t, server.Serve(t)+"?tls=true")
	for range 3 {
		_, err := connector.Connect(t.Context())
		var untrusted *tls.CertificateVerificationError
		if !errors.As(err, &untrusted) {
			t.Errorf("have %v, want an untrusted certificate", err)
		}
	}
	if n := len(server.Sessions()); n != 0 {
		t.Errorf("%d sessions", n)
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
