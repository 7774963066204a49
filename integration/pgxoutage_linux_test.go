package integration

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/internal/pooledtest"
	"github.com/pooled-go/pooled/internal/pooledtest/cluster"
)

// newPgxServer is a server of the test's own with an empty table.
func newPgxServer(t *testing.T) *cluster.PostgresServer {
	t.Helper()
	server := cluster.Postgres(t)
	pooledtest.MustExec(t, server.Admin(), "CREATE TABLE outage (n int)")
	pooledtest.MustExec(t, server.Admin(), "GRANT ALL ON outage TO pooled")
	return server
}

// openPatient is a pool over pgx whose callers wait long enough for a slow machine.
func openPatient(
	t *testing.T, server *cluster.PostgresServer, address string, options ...string,
) (*sql.DB, *pooled.Pool) {
	t.Helper()
	options = append(options, "pool_timeout=1m", "pool_outage_wait=1m", "pool_size=8", "pool_max_overflow=0")
	db := pgxDriver.open(t, server.DSNAt(address), options...)
	pool, _ := pooled.PoolOf(db)
	return db, pool
}

// pgxWriters write without a pause.
type pgxWriters struct {
	end   func()
	done  [8]atomic.Int64
	begun [8]atomic.Int64

	mu     sync.Mutex
	failed []error
}

func startPgxWriters(t *testing.T, db *sql.DB) *pgxWriters {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	w := &pgxWriters{}
	var all sync.WaitGroup
	w.end = func() { stop(); all.Wait() }
	t.Cleanup(w.end)
	for i := range w.done {
		all.Go(func() {
			for ctx.Err() == nil && len(w.errors()) < 100 {
				w.begun[i].Add(1)
				if _, err := db.Exec("INSERT INTO outage VALUES ($1)", i); err != nil {
					w.mu.Lock()
					w.failed = append(w.failed, err)
					w.mu.Unlock()
					continue
				}
				w.done[i].Add(1)
			}
		})
	}
	w.awaitAll(t)
	return w
}

func (w *pgxWriters) errors() []error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.failed
}

// awaitAll waits until each has had a success with a write that it has begun after this.
func (w *pgxWriters) awaitAll(t *testing.T) {
	t.Helper()
	for i := range w.done {
		begun, done := w.begun[i].Load(), w.done[i].Load()
		pooledtest.WaitUntil(t, func() bool { return w.begun[i].Load() > begun+1 && w.done[i].Load() > done+1 },
			func() string { return fmt.Sprintf("writer %d gets nothing done: %v", i, w.errors()) })
	}
}

// wantFewErrors wants at most one error for each writer, and none of a dial.
func (w *pgxWriters) wantFewErrors(t *testing.T) {
	t.Helper()
	w.end()
	for _, err := range w.errors() {
		if errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, pooled.ErrServerDown) {
			t.Errorf("have %v, want no error of a dial", err)
		}
	}
	if len(w.errors()) > len(w.done) {
		t.Errorf("have %d errors: %v", len(w.errors()), w.errors())
	}
}

// A server crashes and comes back; a pool that does not wait says so, with pgx's own error.
func TestPgxCrash(t *testing.T) {
	server := newPgxServer(t)
	db, pool := openPatient(t, server, server.Addr())
	hasty := pgxDriver.open(t, server.DSN(), "pool_outage_wait=0")
	pooledtest.MustExec(t, hasty, "SELECT 1")
	w := startPgxWriters(t, db)
	server.Kill()
	var err error
	pooledtest.WaitUntil(t, func() bool {
		_, err = hasty.Exec("SELECT 1")
		return errors.Is(err, pooled.ErrServerDown)
	}, func() string { return fmt.Sprintf("have %v, want an OutageError", err) })
	var outage *pooled.OutageError
	var connect *pgconn.ConnectError
	if !errors.As(err, &outage) || !errors.As(err, &connect) || !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("have %v (%T), want an OutageError with pgx's", err, err)
	}
	pooledtest.WaitUntil(t, func() bool { return pool.Stats().Outages > 0 },
		func() string { return "there is no outage" })
	server.Start()
	w.awaitAll(t)
	w.wantFewErrors(t)
	if s := pool.Stats(); s.OutageErrors != 0 || s.Timeouts != 0 {
		t.Errorf("have %+v, want no caller that has waited in vain", s)
	}
}

// A demotion behind HAProxy: a write that was refused moves to the new primary.
func TestPgxDemotion(t *testing.T) {
	primary := newPgxServer(t)
	standby := primary.Standby()
	proxy := cluster.HAProxy(t, cluster.ProxyConfig{}, primary, standby)
	proxy.Await(primary)
	db, pool := openPatient(t, primary, proxy.Addr())
	w := startPgxWriters(t, db)
	primary.SetReadOnly(true)
	standby.CatchUp(primary)
	standby.Promote()
	proxy.Await(standby)
	w.awaitAll(t)
	w.wantFewErrors(t)
	if s := pool.Stats(); s.Demotions == 0 || s.Moved == 0 {
		t.Errorf("have %+v, want a demotion, and statements that have moved", s)
	}
	const sessions = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'pooled'"
	pooledtest.WaitUntil(t, func() bool {
		return pooledtest.ScanOne[int](t, primary.Admin(), sessions) == 0
	}, func() string { return "the pool has connections to the server that was demoted" })
}

// Several hosts over pgx, whose own choice of them is not asked.
func TestPgxSeveralHosts(t *testing.T) {
	primary := newPgxServer(t)
	standby := primary.Standby()
	both := standby.Addr() + "," + primary.Addr()
	who := func(db *sql.DB) string { return pooledtest.ScanOne[string](t, db, "SHOW listen_addresses") }
	main, other := who(primary.Admin()), who(standby.Admin())
	for option, want := range map[string]string{
		"pool_target=any": other, "pool_target=primary": main, "pool_target=standby": other,
		"target_session_attrs=read-write": main, "target_session_attrs=prefer-standby": other,
	} {
		db, _ := openPatient(t, primary, both, option)
		if have := who(db); have != want {
			t.Errorf("%s: have %s, want %s", option, have, want)
		}
		db.Close()
	}
	for _, away := range []string{cluster.Refusing(t), cluster.BlackHole(t)} {
		db, pool := openPatient(t, primary, away+","+primary.Addr())
		for range 8 {
			pool.Dispose()
			if have := who(db); have != main {
				t.Errorf("have %s, want %s", have, main)
			}
		}
		if hosts := pool.Hosts(); hosts[0].State != pooled.HostDown || hosts[1].State != pooled.HostUp {
			t.Errorf("have %+v", hosts)
		}
		db.Close()
	}

	db, _ := openPatient(t, primary, both, "pool_target=primary")
	w := startPgxWriters(t, db)
	primary.Kill()
	standby.Promote()
	w.awaitAll(t)
	w.wantFewErrors(t)
	db.Close()
	pooledtest.WaitUntil(t, func() bool { return !pgxCancels() }, func() string { return "pgx still cancels" })
}
