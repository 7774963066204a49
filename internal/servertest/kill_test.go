package servertest_test

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/internal/pooledtest"
)

// killRounds is how often all idle server connections die at once.
const (
	killRounds    = 20
	killIdle      = 16 // server connections that die
	killCallers   = 32 // goroutines that come then
	killPoolSize  = "pool_size=16"
	killTolerance = 30 * time.Second // before a hang is called one
)

// session is a query for the number by which the server knows a session.
func (s server) session() string {
	if s.name == "postgres" {
		return "SELECT pg_backend_pid()"
	}
	return "SELECT CONNECTION_ID()"
}

// openIdle leaves n server connections idle in the pool, and returns the
// server's numbers for them. It takes the limit off db that the caller may have set.
func openIdle(t testing.TB, s server, db *sql.DB, n int) (sessions []string) {
	t.Helper()
	db.SetMaxOpenConns(0)
	var conns []*sql.Conn
	for range n {
		conn, err := db.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		conns = append(conns, conn)
		sessions = append(sessions, pooledtest.ScanOne[string](t, conn, s.session()))
	}
	pooledtest.Give(t, conns...)
	return sessions
}

// kill ends sessions as an administrator does, and returns when the server no
// longer lists them.
func (s server) kill(t testing.TB, admin *sql.DB, sessions []string) {
	t.Helper()
	list := strings.Join(sessions, ", ")
	left := "SELECT count(*) FROM information_schema.processlist WHERE id IN (" + list + ")"
	if s.name == "postgres" {
		left = "SELECT count(*) FROM pg_stat_activity WHERE pid IN (" + list + ")"
		pooledtest.MustExec(t, admin, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid IN ("+list+")")
	} else {
		for _, session := range sessions {
			pooledtest.MustExec(t, admin, "KILL "+session)
		}
	}
	for until := time.Now().Add(killTolerance); pooledtest.ScanOne[int](t, admin, left) > 0; {
		if time.Now().After(until) {
			t.Fatal("the server still lists sessions that were killed")
		}
	}
}

// come sends so many goroutines at once, each with one operation, and returns
// their errors.
func (s server) come(t testing.TB, db *sql.DB, callers int) (errs []error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), killTolerance)
	defer cancel()
	all := make([]error, callers)
	var wg sync.WaitGroup
	for i := range callers {
		wg.Go(func() { all[i] = s.operate(ctx, db, i) })
	}
	wg.Wait()
	for i, err := range all {
		if err != nil {
			errs = append(errs, fmt.Errorf("caller %d: %w", i, err))
		}
	}
	return errs
}

// operate does one of the things that programs do.
func (s server) operate(ctx context.Context, db *sql.DB, i int) error {
	var n int
	switch i % 4 {
	case 0:
		return db.QueryRowContext(ctx, "SELECT 1").Scan(&n)
	case 1:
		return db.QueryRowContext(ctx, "SELECT "+cast(s, s.arg(1)), i).Scan(&n)
	case 2:
		_, err := db.ExecContext(ctx, "SELECT 1")
		return err
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if err := tx.QueryRowContext(ctx, "SELECT 1").Scan(&n); err != nil {
		return err
	}
	return tx.Commit()
}

// wantNone wants no caller to have an error, and shows one that did.
func wantNone(t testing.TB, what string, errs []error) {
	t.Helper()
	if len(errs) > 0 {
		t.Errorf("%s: have %d errors, the first of them %v; want none", what, len(errs), errs[0])
	}
}

// All idle server connections are killed at once, and many callers come: none
// of them learns of it, however many conns database/sql may have open.
func TestIdleKill(t *testing.T) {
	for _, s := range []server{onPostgres, onMySQL} {
		for _, maxOpen := range []int{0, 8} {
			t.Run(fmt.Sprintf("%s, SetMaxOpenConns(%d)", s.name, maxOpen), func(t *testing.T) {
				admin := openServer(t, s.bare, s.dsn(t))
				db := openServer(t, "pooled", s.dsn(t), killPoolSize)
				for round := range killRounds {
					sessions := openIdle(t, s, db, killIdle)
					db.SetMaxOpenConns(maxOpen)
					s.kill(t, admin, sessions)
					wantNone(t, fmt.Sprint("round ", round), s.come(t, db, killCallers))
				}
			})
		}
	}
}

// The same after the server has ended at once, without a word to its clients, and is there again.
func TestIdleRestart(t *testing.T) {
	for _, s := range []server{onPostgres, onMySQL} {
		t.Run(s.name, func(t *testing.T) {
			db := openServer(t, "pooled", s.dsn(t), killPoolSize)
			for round := range killRounds {
				openIdle(t, s, db, killIdle)
				pooledtest.Restart(t, s.name)
				wantNone(t, fmt.Sprint("round ", round), s.come(t, db, killCallers))
			}
		})
	}
}

// The same after a firewall has dropped its state: nothing comes back, and
// nobody says so. Only a ping can tell. TestPingThatHangs shows what that costs.
func TestIdleSilentDrop(t *testing.T) {
	for _, s := range []server{onPostgres, onMySQL} {
		t.Run(s.name, func(t *testing.T) {
			for round := range killRounds {
				proxy := pooledtest.NewProxy(t, s.dsn(t))
				db := openServer(t, "pooled", proxy.DSN(), killPoolSize, "pool_pre_ping=on", "pool_ping_timeout=100ms")
				openIdle(t, s, db, killIdle)
				proxy.Hang()
				wantNone(t, fmt.Sprint("round ", round), s.come(t, db, killCallers))
				db.Close() // else the server has more sessions with each round
				proxy.Close()
			}
		})
	}
}

// countDead counts the server connections found dead by pools with
// pool_hooks=count_dead.
var countDead = sync.OnceValue(func() *atomic.Int64 {
	n := new(atomic.Int64)
	pooled.RegisterHooks("count_dead", pooled.Hooks{Invalidate: func(*pooled.ServerConn, error) { n.Add(1) }})
	return n
})

// The server ends sessions that are idle for longer than six seconds, which the
// pool finds out by itself: with default options it never meets a session that
// has ended, and no caller has an error. Both servers' clocks run at the same time, and twice: 200 sessions at
// once are more than a server takes.
func TestIdleLimitOnServers(t *testing.T) {
	const (
		rounds = 2
		each   = 5 // server connections of one pool: what pool_size is by default
	)
	for _, test := range []struct {
		server
		limit string // the DSN's parameter
		pools int
		gone  string // query for how many sessions of a list there are
	}{
		{onPostgres, "idle_session_timeout=6000", 12, "SELECT count(*) FROM pg_stat_activity WHERE pid IN (%s)"},
		{onMySQL, "wait_timeout=6", 20, "SELECT count(*) FROM information_schema.processlist WHERE id IN (%s)"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			before := countDead().Load()
			admin := openServer(t, test.bare, test.dsn(t))
			var dbs []*sql.DB
			for range test.pools {
				dbs = append(dbs, openServer(t, "pooled", test.dsn(t), test.limit, "pool_hooks=count_dead"))
			}
			for range rounds {
				var sessions []string
				for _, db := range dbs {
					sessions = append(sessions, openIdle(t, test.server, db, each)...)
				}
				left := func() int {
					return pooledtest.ScanOne[int](t, admin, fmt.Sprintf(test.gone, strings.Join(sessions, ", ")))
				}
				pooledtest.WaitUntil(t, func() bool { // a query at a time: the server's clock can't be turned
					pooledtest.MustExec(t, admin, test.sleep(0.05))
					return left() == 0
				}, func() string { return fmt.Sprintf("have %d of %d sessions, want none", left(), len(sessions)) })
				var errs []error
				for _, db := range dbs {
					errs = append(errs, test.come(t, db, each)...)
				}
				wantNone(t, fmt.Sprintf("%d tries", len(sessions)), errs)
			}
			if have := countDead().Load() - before; have > 0 {
				t.Errorf("have %d sessions found dead by one of the pools, want none", have)
			}
		})
	}
}
