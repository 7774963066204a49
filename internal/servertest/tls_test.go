package servertest_test

import (
	"context"
	"crypto/rand"
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
func asked(_ int, message string) (a pooledtest.Answer) {
	switch {
	case strings.Contains(message, "@@autocommit"):
		a.Row = []any{"1", "NO_CHAIN", "28800", "5", "0", "0"}
	case strings.Contains(message, "@@init_connect"):
		a.Row = []any{"SET character_set_client = 'utf8mb4'", "SET ROLE NONE", "USE `shop`"}
	case message == "Query SELECT 10":
		a.Row = []any{"10"}
	}
	return a
}

// oneOf is a pool of one connection to a server that a test has made.
func oneOf(t testing.TB, dsn string, options ...string) (*sql.DB, *pooled.Pool) {
	t.Helper()
	quietDriver(t)
	db := openServer(t, "pooled", dsn,
		append(options, "pool_size=1", "pool_max_overflow=0", "pool_pre_ping=off")...)
	pool, _ := pooled.PoolOf(db)
	return db, pool
}

func dsnOf(server *pooledtest.Engine) string { return "scott:tiger@tcp(" + server.Address + ")/shop" }

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
	name := "dialing-" + rand.Text()
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
	server := pooledtest.ServeMySQLRecords(t, pooledtest.TestTLS(), asked)
	dsn, last := dialing(t, dsnOf(server))
	db, pool := oneOf(t, dsn, "tls=skip-verify")
	ten(t, db)
	server.Log()
	for range 3 {
		if err := server.Ticket(1); err != nil {
			t.Fatal(err)
		}
		pooledtest.PeekSees(t, last(), socket.Pending)
		ten(t, db)
		pooledtest.PeekSees(t, last(), socket.Quiet)
	}
	if s := pool.Stats(); s.Opened != 1 || s.Invalidated != 0 {
		t.Errorf("have %+v, want the same connection", s)
	}
	want := slices.Repeat([]string{"1 Ping", "1 Query SELECT 10"}, 3)
	if have := server.Log(); !slices.Equal(have, want) {
		t.Errorf("have %q, want %q", have, want)
	}
}

// TestLastWordsOnIdleConnections: what the server says last is not taken for life, and no caller sees it. Without TLS
// it can be nothing else, and no ping is needed.
func TestLastWordsOnIdleConnections(t *testing.T) {
	for _, test := range []struct {
		tls   string
		pings int
	}{{"tls=skip-verify", 3}, {"tls=false", 0}} {
		t.Run(test.tls, func(t *testing.T) {
			server := pooledtest.ServeMySQLTLS(t, pooledtest.TestTLS(), asked)
			dsn, last := dialing(t, dsnOf(server))
			db, pool := oneOf(t, dsn, test.tls)
			for n := range 3 {
				ten(t, db)
				server.End(n + 1)
				pooledtest.PeekSees(t, last(), socket.Pending)
			}
			ten(t, db)
			if s := pool.Stats(); s.Opened != 4 {
				t.Errorf("have %+v, want 4 connections, each ended but the last", s)
			}
			pings := 0
			for _, message := range server.Log() {
				if strings.HasSuffix(message, " Ping") {
					pings++
				}
			}
			if pings > test.pings { // the driver may hang up before one has arrived
				t.Errorf("have %d pings, want at most %d", pings, test.pings)
			}
		})
	}
}

// TestResetOverTLSInTime: a reset that is not answered in time leaves the TLS layer half-way. Its connection is closed,
// and nobody gets it.
func TestResetOverTLSInTime(t *testing.T) {
	server := pooledtest.ServeMySQLTLS(t, pooledtest.TestTLS(), func(session int, message string) pooledtest.Answer {
		if message == "Reset" {
			return pooledtest.Answer{Silent: true}
		}
		return asked(session, message)
	})
	db, pool := oneOf(t, dsnOf(server), "pool_reset_on_return=session", "pool_reset_timeout=20ms", "tls=skip-verify")
	for range 3 {
		ten(t, db)
	}
	if s := pool.Stats(); s.Opened != 3 || s.Invalidated != 3 {
		t.Errorf("have %+v, want three connections whose resets failed", s)
	}
	reset := make(map[string]bool)
	for _, message := range server.Log() {
		session, what, _ := strings.Cut(message, " ")
		if reset[session] {
			t.Errorf("something came after the reset: %s", message)
		}
		reset[session] = what == "Reset"
	}
}

// TestResetOverTLSKeepsTheConnection, and what it restores is what a new session is given.
func TestResetOverTLSKeepsTheConnection(t *testing.T) {
	for _, tls := range []string{"tls=skip-verify", "tls=preferred", "tls=false"} {
		server := pooledtest.ServeMySQLTLS(t, pooledtest.TestTLS(), asked)
		db, pool := oneOf(t, dsnOf(server), "pool_reset_on_return=session", tls)
		for range 3 {
			ten(t, db)
		}
		if s := pool.Stats(); s.Opened != 1 || s.Resets != 3 {
			t.Errorf("%s: have %+v, want one connection and three resets", tls, s)
		}
		have := server.Log()
		want := []string{"1 Query SELECT 10", "1 Reset", "1 Query SET character_set_client = 'utf8mb4', autocommit = 1, " +
			"completion_type = 'NO_CHAIN'", "1 Query SET ROLE NONE", "1 Query USE `shop`"}
		if have = have[len(have)-len(want):]; !slices.Equal(have, want) {
			t.Errorf("%s: have %q, want %q", tls, have, want)
		}
	}
}
