package docs_test

import (
	"context"
	"database/sql"
	"io"
	"net"
	"testing"
	"time"

	"github.com/pooled-go/pooled/internal/pooledtest"
)

// Errors of sql.Open.
var dsnTroubles = troubles{
	`pooled: unknown key …: did you mean …?`:     refused("postgres://u@h/db?pool_sizes=3"),
	`pooled: unknown key that begins with pool_`: refused("postgres://u@h/db?pool_xyzzy_plugh=3"),
	`pooled: … would be part of …`:               refused("file:x.db&pool_size=1"),
	`pooled: driver … is not registered`:         refused("clickhouse://u@h/db"),
	`pooled: … comes before the @`:               refused("postgres://u:p?pool_size=3@h/db"),
}

func refused(dsn string) func(*testing.T) error {
	return func(*testing.T) error { return refusal(dsn) }
}

// Errors of a dial that reaches no server.
var dialTroubles = troubles{
	`no such host`: func(t *testing.T) error {
		knowNobody(t)
		return ping(t, "postgres://scott:tiger@no-such-host.invalid/shop?sslmode=disable")
	},
	`i/o timeout`: func(t *testing.T) error { // the time for the dial is over at once
		return ping(t, "scott:tiger@tcp("+answering(t, "")+")/shop?timeout=1ns")
	},
	`commands out of sync`: func(t *testing.T) error { // its first packet has the number 5
		return ping(t, "scott:tiger@tcp("+answering(t, "\x01\x00\x00\x05\x0a")+")/shop")
	},
	`pq: SSL is not enabled on the server`: func(t *testing.T) error {
		return ping(t, "postgres://scott:tiger@"+answering(t, "N")+"/shop?sslmode=require")
	},
}

// ping is the error of a pool's first connection.
func ping(t *testing.T, dsn string) error {
	t.Helper()
	db, err := sql.Open("pooled", dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	return db.PingContext(ctx)
}

// answering is the address of a server that says the same to everybody, and then nothing.
func answering(t *testing.T, answer string) string {
	t.Helper()
	return pooledtest.Serve(t, func(c net.Conn) {
		io.WriteString(c, answer)
		io.Copy(io.Discard, c)
	})
}

// knowNobody makes all names unknown until the test ends, by a DNS server of its own: without a network others say
// something else.
func knowNobody(t *testing.T) {
	t.Helper()
	server, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		question := make([]byte, 512)
		for {
			n, from, err := server.ReadFrom(question)
			if err != nil {
				return
			}
			question[2], question[3] = 0x81, 0x83 // the answer to it: there is no such name
			server.WriteTo(question[:n], from)
		}
	}()
	was := net.DefaultResolver
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", server.LocalAddr().String())
	}}
	t.Cleanup(func() { net.DefaultResolver = was; server.Close(); <-done })
}
