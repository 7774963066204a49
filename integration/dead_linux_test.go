package integration

import (
	"bytes"
	"context"
	"errors"
	"net"
	"regexp"
	"runtime"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/internal/pooledtest"
)

var (
	deadIn5s  = pooledtest.KeepAlive{On: true, Idle: 2, Interval: 1, Count: 3, Unacknowledged: 5000}
	deadIn25s = pooledtest.KeepAlive{On: true, Idle: 10, Interval: 5, Count: 3, Unacknowledged: 25000}
	ofGo      = pooledtest.KeepAlive{On: true, Idle: 15, Interval: 15, Count: 9}

	hostPort = regexp.MustCompile(`[\d.]+:\d+`)
)

// wantKeepAlive wants a connection to an address to be set up so.
func wantKeepAlive(t *testing.T, address string, want pooledtest.KeepAlive) {
	t.Helper()
	if have := pooledtest.KeepAlives(t, address); len(have) != 1 || have[0] != want {
		t.Errorf("have %+v, want one %+v", have, want)
	}
}

// pgx dials by itself, and the pool sets the connection up all the same, also over TLS.
func TestPgxDeadAfter(t *testing.T) {
	for name, dsn := range map[string]func(testing.TB) string{
		"plain": pooledtest.PostgresPlain, "TLS": pooledtest.PostgresTLS,
	} {
		for option, want := range map[string]pooledtest.KeepAlive{
			"pool_name=usual": deadIn25s, "pool_dead_after=5s": deadIn5s, "pool_dead_after=-1": ofGo,
		} {
			t.Run(name+"/"+option, func(t *testing.T) {
				proxy := pooledtest.NewProxy(t, dsn(t))
				db := pgxDriver.open(t, proxy.DSN(), option)
				pooledtest.MustExec(t, db, "SELECT 1")
				wantKeepAlive(t, hostPort.FindString(proxy.DSN()), want)
			})
		}
	}
}

// The keepalive of a program's own dial function is its choice.
func TestPgxOwnKeepAlive(t *testing.T) {
	for _, test := range []struct {
		idle time.Duration
		want pooledtest.KeepAlive
	}{
		{0, deadIn25s},
		{time.Minute, pooledtest.KeepAlive{On: true, Idle: 60, Interval: 15, Count: 9}},
	} {
		proxy := pooledtest.NewProxy(t, pooledtest.PostgresPlain(t))
		cfg, err := pgx.ParseConfig(proxy.DSN())
		if err != nil {
			t.Fatal(err)
		}
		cfg.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
			dialer := net.Dialer{KeepAlive: test.idle}
			return dialer.DialContext(ctx, network, address)
		}
		pooledtest.MustExec(t, wrapPooled(t, stdlib.GetConnector(*cfg)), "SELECT 1")
		wantKeepAlive(t, hostPort.FindString(proxy.DSN()), test.want)
	}
}

// keepAlive in a DSN of go-mssqldb is its own choice, also if it says what the driver does anyway.
func TestSQLServerDeadAfter(t *testing.T) {
	ofDriver := pooledtest.KeepAlive{On: true, Idle: 30, Interval: 15, Count: 9}
	for options, want := range map[string]pooledtest.KeepAlive{
		"pool_name=usual":                 deadIn25s,
		"pool_dead_after=5s":              deadIn5s,
		"pool_dead_after=-1":              ofDriver,
		"keepAlive=30":                    ofDriver,
		"keepAlive=0":                     ofDriver,
		"KeepAlive=60&pool_dead_after=5s": {On: true, Idle: 60, Interval: 15, Count: 9},
	} {
		t.Run(options, func(t *testing.T) {
			db, server := openTDS(t, "pooled", options)
			pooledtest.MustExec(t, db, "SELECT 1")
			wantKeepAlive(t, server.address, want)
		})
	}
}

// The server's machine vanishes during a statement over pgx that nothing limits: see TestMachineVanishes of
// internal/servertest.
func TestPgxMachineVanishes(t *testing.T) {
	for option, after := range map[string]time.Duration{
		"pool_dead_after=3s": 3 * time.Second, "pool_name=usual": 25 * time.Second,
	} {
		t.Run(option, func(t *testing.T) {
			t.Parallel()
			network := pooledtest.NewNetwork(t, pooledtest.PostgresPlain(t))
			db := pgxDriver.open(t, network.DSN(), option)
			pooledtest.MustExec(t, db, "SELECT 1")
			network.On("pg_sleep", network.Vanish)
			began, failed := time.Now(), make(chan error, 1)
			go func() {
				_, err := db.Exec("SELECT pg_sleep(60)")
				failed <- err
			}()
			select {
			case err := <-failed:
				t.Logf("have %v after %v", err, time.Since(began).Round(time.Millisecond))
				if !errors.Is(err, pooled.ErrConnLost) {
					t.Error("want ErrConnLost")
				}
			case <-time.After(after + 25*time.Second):
				t.Fatalf("have no error in %v, want one after %v", time.Since(began), after)
			}
			network.Return()
			pooledtest.WaitUntil(t, func() bool {
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
				defer cancel()
				return db.PingContext(ctx) == nil
			}, func() string { return "the network is back, and the pool is not" })
			pooledtest.WaitUntil(t, func() bool { return !pgxCancels() },
				func() string { return "pgx still tries to cancel the statement, for which it takes 15 seconds" })
		})
	}
}

// pgxCancels tells that pgx asks a server to cancel the statement of a connection that was lost, in a goroutine of its
// own.
func pgxCancels() bool {
	stacks := make([]byte, 1<<20)
	return bytes.Contains(stacks[:runtime.Stack(stacks, true)], []byte("asyncClose"))
}

// A statement over pgx may take longer than pool_dead_after.
func TestPgxSlowIsNotDead(t *testing.T) {
	t.Parallel()
	network := pooledtest.NewNetwork(t, pooledtest.PostgresPlain(t))
	pooledtest.MustExec(t, pgxDriver.open(t, network.DSN(), "pool_dead_after=2s"), "SELECT pg_sleep(8)")
}
