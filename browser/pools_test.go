package browser_test

import (
	"context"
	"database/sql"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/internal/pooledtest"
)

// pool opens a sql.DB on a fake server, closed when the test ends.
func pool(t *testing.T, set ...func(*pooled.Config)) (*sql.DB, *pooled.Pool) {
	t.Helper()
	return poolOn(t, pooledtest.NewFake(t), set...)
}

// poolOn opens one on a fake server of the test's.
func poolOn(t *testing.T, fake *pooledtest.Fake, set ...func(*pooled.Config)) (*sql.DB, *pooled.Pool) {
	t.Helper()
	cfg := pooled.NewConfig()
	cfg.Logger = slog.New(slog.DiscardHandler)
	for _, f := range set {
		f(&cfg)
	}
	connector, err := pooled.NewConnector(fake, cfg)
	if err != nil {
		t.Fatal(err)
	}
	db := sql.OpenDB(connector)
	t.Cleanup(func() { db.Close() })
	return db, connector.Pool()
}

func named(name string) func(*pooled.Config) { return func(cfg *pooled.Config) { cfg.Name = name } }

// hold takes a server connection and sends a statement on it.
func hold(t *testing.T, db *sql.DB, statement string) *sql.Conn {
	t.Helper()
	conn, err := db.Conn(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if _, err := conn.ExecContext(context.Background(), statement); err != nil {
		t.Fatal(err)
	}
	return conn
}

// load keeps callers busy with a database until the function it returns is called, or the test ends.
func load(t *testing.T, db *sql.DB, callers int) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			for ctx.Err() == nil {
				if _, err := db.Exec("SLEEP 20ms"); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	stop = sync.OnceFunc(func() { cancel(); wg.Wait() })
	t.Cleanup(stop)
	return stop
}

// serveAs is the address, under a name, of a handler on a loopback port.
func serveAs(t *testing.T, name string, h http.Handler) string {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	u, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	return "http://" + net.JoinHostPort(name, u.Port()) + "/"
}

// eventually polls for what the server does.
func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain: want %s", what)
		}
	}
}
