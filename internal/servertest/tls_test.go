package servertest_test

import (
	"context"
	"database/sql"
	"io"
	"log"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/go-sql-driver/mysql"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/internal/pooledtest"
	"github.com/pooled-go/pooled/internal/socket"
)

// quietDriver keeps go-sql-driver from saying what a test does on purpose.
func quietDriver(t testing.TB) {
	mysql.SetLogger(log.New(io.Discard, "", 0))
	t.Cleanup(func() { mysql.SetLogger(log.Default()) })
}

// asked answers what a pool asks a new session for a reset, and ten.
func asked(query string) []string {
	switch {
	case strings.Contains(query, "@@autocommit"):
		return []string{"1", "NO_CHAIN", "28800", "5"}
	case strings.Contains(query, "@@init_connect"):
		return []string{"SET character_set_client = 'utf8mb4'", "SET ROLE NONE", "USE `shop`"}
	case query == "SELECT 10":
		return []string{"10"}
	}
	return nil
}

// fakeMySQL is a server over TLS with a pool of one connection, which was dialed by a function of the program's.
func fakeMySQL(t testing.TB, server *pooledtest.MySQLServer) (*sql.DB, *pooled.Pool, func() *socket.Socket) {
	t.Helper()
	server.TLS = pooledtest.TestTLS()
	dsn, last := dialing(t, server.Serve(t))
	db, pool := oneOf(t, server, dsn, "tls=skip-verify")
	return db, pool, last
}

func oneOf(t testing.TB, server *pooledtest.MySQLServer, dsn string, options ...string) (*sql.DB, *pooled.Pool) {
	t.Helper()
	quietDriver(t)
	server.Answer = asked
	db := openServer(t, "pooled", dsn, append(options, "pool_size=1", "pool_max_overflow=0", "pool_pre_ping=off")...)
	pool, _ := pooled.PoolOf(db)
	return db, pool
}

func ten(t testing.TB, db *sql.DB) {
	t.Helper()
	var n int
	if err := db.QueryRow("SELECT 10").Scan(&n); err != nil || n != 10 {
		t.Fatalf("have %d, %v", n, err)
	}
}

// dialing has a server's DSN dialed by a function of the program's, as the pool dials, and keeps what was dialed last.
func dialing(t testing.TB, dsn string) (through string, last func() *socket.Socket) {
	t.Helper()
	name := "dialing-" + strings.ReplaceAll(t.Name(), "/", "-")
	var dialed atomic.Pointer[socket.Socket]
	mysql.RegisterDialContext(name, func(ctx context.Context, address string) (net.Conn, error) {
		conn, err := pooled.DialContext(ctx, "tcp", address)
		if err == nil {
			dialed.Store(socket.New(conn))
		}
		return conn, err
	})
	t.Cleanup(func() { mysql.DeregisterDialContext(name) })
	return strings.Replace(dsn, "@tcp(", "@"+name+"(", 1), dialed.Load
}

// TestTLSRecordsOnIdleConnections: with TLS, bytes on an idle connection need not be a message of the server's. A
// session ticket makes the pool ask, and keeps its connection.
func TestTLSRecordsOnIdleConnections(t *testing.T) {
	server := &pooledtest.MySQLServer{ByHand: true}
	db, pool, last := fakeMySQL(t, server)
	ten(t, db)
	session := server.Sessions()[0]
	for range 3 {
		if err := session.Ticket(); err != nil {
			t.Fatal(err)
		}
		pooledtest.PeekSees(t, last(), socket.Pending)
		ten(t, db)
		pooledtest.PeekSees(t, last(), socket.Quiet)
	}
	if s := pool.Stats(); s.Opened != 1 || s.Invalidated != 0 {
		t.Errorf("have %+v, want the same connection", s)
	}
	have := session.Log()
	want := slices.Repeat([]string{"ping", "SELECT 10"}, 3)
	if have = have[len(have)-len(want):]; !slices.Equal(have, want) {
		t.Errorf("have %q, want %q", have, want)
	}
}

// TestEndOnIdleConnectionsOverTLS: what the server says last is not taken for life, and no caller sees it.
func TestEndOnIdleConnectionsOverTLS(t *testing.T) {
	server := new(pooledtest.MySQLServer)
	db, pool, last := fakeMySQL(t, server)
	for n := range 3 {
		ten(t, db)
		server.Sessions()[n].End()
		pooledtest.PeekSees(t, last(), socket.Pending)
	}
	ten(t, db)
	if s := pool.Stats(); s.Opened != 4 {
		t.Errorf("have %+v, want 4 connections, each ended but the last", s)
	}
}

// TestResetOverTLSInTime: a reset that is not answered in time leaves the TLS layer half-way. Its connection is closed,
// and nobody gets it.
func TestResetOverTLSInTime(t *testing.T) {
	server := &pooledtest.MySQLServer{TLS: pooledtest.TestTLS(), Mute: []byte{pooledtest.MySQLReset}}
	db, pool := oneOf(t, server, server.Serve(t), "pool_reset_on_return=session", "pool_reset_timeout=20ms", "tls=skip-verify")
	for range 3 {
		ten(t, db)
	}
	if s := pool.Stats(); s.Opened != 3 || s.Invalidated != 3 {
		t.Errorf("have %+v, want three connections whose resets failed", s)
	}
	for _, session := range server.Sessions() {
		have := session.Log()
		if have[len(have)-1] != "reset" {
			t.Errorf("something came after the reset: %q", have)
		}
	}
}

// TestResetOverTLSKeepsTheConnection, and what it restores is what a new session is given.
func TestResetOverTLSKeepsTheConnection(t *testing.T) {
	for _, tls := range []string{"tls=skip-verify", "tls=preferred", "tls=false"} {
		server := &pooledtest.MySQLServer{TLS: pooledtest.TestTLS()}
		db, pool := oneOf(t, server, server.Serve(t), "pool_reset_on_return=session", tls)
		for range 3 {
			ten(t, db)
		}
		if s := pool.Stats(); s.Opened != 1 || s.Resets != 3 {
			t.Errorf("%s: have %+v, want one connection and three resets", tls, s)
		}
		have := server.Sessions()[0].Log()
		want := []string{"SELECT 10", "reset", "SET character_set_client = 'utf8mb4', autocommit = 1, " +
			"completion_type = 'NO_CHAIN'", "SET ROLE NONE", "USE `shop`"}
		if have = have[len(have)-len(want):]; !slices.Equal(have, want) {
			t.Errorf("%s: have %q, want %q", tls, have, want)
		}
	}
}
