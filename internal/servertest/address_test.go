package servertest_test

import (
	"context"
	"database/sql"
	"errors"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/pooled-go/pooled"
)

// newSilentServer accepts connections and says nothing. When it is closed, so are they.
func newSilentServer(t *testing.T, network, address string) (server net.Listener, accepted <-chan bool) {
	t.Helper()
	server, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	told := make(chan bool, 100)
	go func() {
		for {
			conn, err := server.Accept()
			if err != nil {
				return
			}
			defer conn.Close()
			told <- true
		}
	}()
	return server, told
}

// The error of a wait for a connection that is being opened says where it is being opened, without a password.
func TestWaitErrorHasTheAddress(t *testing.T) {
	base, err := os.MkdirTemp("", "p") // the path of a socket must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(base) })
	dir := filepath.Join(base, "t1ger")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, ".s.PGSQL.5432")
	moved := func(_ context.Context, p *pooled.ConnectParams) error {
		p.DSN = strings.Replace(p.DSN, "db.test", "127.0.0.1", 1)
		return nil
	}
	for _, test := range []struct {
		name, dsn, path string // dsn: PORT is the server's
		hook            func(context.Context, *pooled.ConnectParams) error
		want            string
	}{
		{"lib/pq", "postgres://scott:t1ger@127.0.0.1:PORT/db?sslmode=disable", "", nil, "127.0.0.1:PORT"},
		{"lib/pq, two hosts", "host=127.0.0.1,127.0.0.1 port=1,PORT user=scott sslmode=disable", "", nil, "127.0.0.1:PORT"},
		{"lib/pq, a socket", "host=" + dir + " user=scott sslmode=disable", path, nil, path},
		{"lib/pq, a socket by the password's name", "host=" + dir + " user=scott password=t1ger sslmode=disable", path, nil,
			strings.ReplaceAll(path, "t1ger", "xxxxx")},
		{"MySQL", "scott:t1ger@tcp(127.0.0.1:PORT)/db", "", nil, "127.0.0.1:PORT"},
		{"MySQL, a socket", "scott:another@unix(" + path + ")/db", path, nil, path},
		{"MySQL, another host by a hook", "scott:t1ger@tcp(db.test:PORT)/db", "", moved, "127.0.0.1:PORT"},
	} {
		t.Run(test.name, func(t *testing.T) {
			network, address := "tcp", "127.0.0.1:0"
			if test.path != "" {
				if runtime.GOOS == "windows" {
					t.Skip("needs drivers that dial a socket by its path")
				}
				network, address = "unix", test.path
			}
			server, accepted := newSilentServer(t, network, address)
			_, port, _ := net.SplitHostPort(server.Addr().String())
			cfg, err := pooled.ParseDSN(strings.Replace(test.dsn, "PORT", port, 1))
			if err != nil {
				t.Fatal(err)
			}
			cfg.ContextErrors, cfg.Name, cfg.Hooks.BeforeConnect = pooled.ContextErrorAll, "x", test.hook
			testAddress(t, cfg, server, accepted, strings.Replace(test.want, "PORT", port, 1))
		})
	}
}

func testAddress(t *testing.T, cfg pooled.Config, server net.Listener, accepted <-chan bool, want string) {
	openWith := func(limit time.Duration) *sql.DB {
		cfg.Timeout = limit
		db, err := pooled.Open(cfg)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { db.Close() })
		return db
	}
	patient, hasty := openWith(pooled.NoLimit), openWith(time.Millisecond)
	defer server.Close() // before the pools: so that no driver waits for an answer
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-accepted; cancel() }()
	var ended *pooled.ContextError
	err := patient.PingContext(ctx)
	if !errors.As(err, &ended) || ended.Address != want || ended.Opening != 1 {
		t.Fatalf("have %v, want a ContextError with %s and opening 1", err, want)
	}
	text := `pooled: pool "x": context canceled while opening a connection to ` + want + ": waited "
	if !strings.HasPrefix(ended.Error(), text) || !strings.Contains(ended.Error(), " (pool_timeout=-1): ") {
		t.Errorf("have %s, want it to begin with %s and to have pool_timeout=-1", ended, text)
	}
	// What is opened for a caller that has given up is left to the next.
	var timeout *pooled.TimeoutError
	for timeout == nil || timeout.Address != want && t.Context().Err() == nil {
		if err := hasty.PingContext(t.Context()); !errors.As(err, &timeout) || timeout.Opening != 1 {
			t.Fatalf("have %v, want a TimeoutError with opening 1", err)
		}
	}
	text = `pooled: pool "x": timeout opening a connection to ` + want + ": waited "
	if !strings.HasPrefix(timeout.Error(), text) {
		t.Errorf("have %v, want it to begin with %s", timeout, text)
	}
}
