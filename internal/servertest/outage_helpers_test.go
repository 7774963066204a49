//go:build linux

package servertest_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/internal/pooledtest"
	"github.com/pooled-go/pooled/internal/pooledtest/cluster"
)

// pair is a primary and a standby of one kind, which tests may crash and promote.
type pair struct {
	driver           string
	primary, standby node
	promote          func() // demotes the primary, and makes the standby the primary as soon as it has all
	promoteStandby   func() // the same for a primary that is lost
}

// node is a server of package cluster.
type node interface {
	cluster.Backend
	DSNAt(address string) string
	Admin() *sql.DB
	Kill()
	Start()
	Freeze()
	Thaw()
}

// onPairs runs a test on a pair of each kind, or on primaries alone.
func onPairs(t *testing.T, standbys bool, test func(*testing.T, pair)) {
	t.Run("postgres", func(t *testing.T) {
		primary := cluster.Postgres(t)
		p := pair{driver: "postgres", primary: primary}
		pooledtest.MustExec(t, primary.Admin(), "CREATE TABLE outage (caller int, n int)")
		pooledtest.MustExec(t, primary.Admin(), "GRANT ALL ON outage TO pooled")
		if standbys {
			standby := primary.Standby()
			p.standby, p.promoteStandby, p.promote = standby, standby.Promote, func() {
				primary.SetReadOnly(true)
				standby.CatchUp(primary)
				standby.Promote()
			}
		}
		test(t, p)
	})
	t.Run("mysql", func(t *testing.T) {
		primary := cluster.MySQL(t)
		p := pair{driver: "mysql", primary: primary}
		pooledtest.MustExec(t, primary.Admin(), "CREATE TABLE outage (caller int, n int)")
		if standbys {
			standby := primary.Replica()
			p.standby, p.promoteStandby, p.promote = standby, standby.Promote, func() {
				primary.SetReadOnly(true)
				standby.CatchUp(primary)
				standby.Promote()
			}
		}
		test(t, p)
	})
}

// open is a pool that patiently waits, so that a slow machine makes no errors.
func (p pair) open(t *testing.T, address string, options ...string) (*sql.DB, *pooled.Pool) {
	t.Helper()
	return openPatient(t, pooledtest.WithOptions(p.primary.DSNAt(address), append(options, "pool_driver="+p.driver)...))
}

// openPatient is open for any DSN.
func openPatient(t *testing.T, dsn string, set ...func(*pooled.Config)) (*sql.DB, *pooled.Pool) {
	t.Helper()
	cfg, err := pooled.ParseDSN(dsn)
	if err != nil {
		t.Fatal(err)
	}
	patient := func(c *pooled.Config) { c.Timeout, c.OutageWait = time.Minute, time.Minute }
	return openFrom(t, cfg, append([]func(*pooled.Config){size(loadCallers, 0), patient}, set...)...)
}

// loadCallers is how many callers a load has.
const loadCallers = 16

// load is callers who write without a pause, each its own rows, or do something else.
type load struct {
	do   func(ctx context.Context, caller int, n int64) error
	stop context.CancelFunc
	all  sync.WaitGroup

	begun, done [loadCallers]atomic.Int64 // writes, and those that succeeded
	mu          sync.Mutex
	failed      []error
}

// startLoad returns when each caller has written a row.
func startLoad(t *testing.T, db *sql.DB) *load {
	t.Helper()
	return startLoadOf(t, writes(db, 0))
}

// writes inserts a row. The callers are numbered from first on.
func writes(db *sql.DB, first int) func(ctx context.Context, caller int, n int64) error {
	return func(ctx context.Context, caller int, n int64) error {
		_, err := db.ExecContext(ctx, fmt.Sprintf("INSERT INTO outage VALUES (%d, %d)", first+caller, n))
		return err
	}
}

// startReads is the same for callers who only read.
func startReads(t *testing.T, db *sql.DB) *load {
	t.Helper()
	return startLoadOf(t, func(ctx context.Context, _ int, _ int64) error {
		var n int
		return db.QueryRowContext(ctx, "SELECT 1").Scan(&n)
	})
}

func startLoadOf(t *testing.T, do func(ctx context.Context, caller int, n int64) error) *load {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	l := &load{do: do, stop: stop}
	t.Cleanup(l.end)
	for caller := range loadCallers {
		l.all.Go(func() {
			for ctx.Err() == nil && len(l.errors()) <= 2*loadCallers {
				l.once(caller)
			}
		})
	}
	l.awaitAll(t)
	return l
}

func (l *load) once(caller int) {
	n := l.begun[caller].Add(1)
	if err := l.do(context.Background(), caller, n); err != nil {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.failed = append(l.failed, err)
		return
	}
	l.done[caller].Add(1)
}

// awaitAll waits until each caller has had a success with a write that it has begun after this. It gives up when more
// fail than any test allows.
func (l *load) awaitAll(t *testing.T) {
	t.Helper()
	for caller := range loadCallers {
		begun, done := l.begun[caller].Load(), l.done[caller].Load()
		pooledtest.WaitUntil(t, func() bool { // one that had begun before may be done meanwhile
			if errs := l.errors(); len(errs) > 2*loadCallers {
				t.Fatalf("have %d errors: %v", len(errs), errs[:loadCallers])
			}
			return l.begun[caller].Load() > begun+1 && l.done[caller].Load() > done+1
		}, func() string { return fmt.Sprintf("caller %d gets nothing done; errors: %v", caller, l.errors()) })
	}
}

// end stops the callers.
func (l *load) end() {
	l.stop()
	l.all.Wait()
}

// errors are those that callers have got.
func (l *load) errors() []error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.failed
}

// wantFewErrors ends the load and wants at most one error for each caller, none of which says that a dial was refused.
func (l *load) wantFewErrors(t *testing.T) {
	t.Helper()
	l.end()
	refused := 0
	for _, err := range l.errors() {
		if errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, pooled.ErrServerDown) {
			refused++
		}
	}
	if len(l.errors()) > loadCallers || refused > 0 {
		t.Errorf("have %d errors, %d of dials, want at most %d, 0: %v", len(l.errors()), refused, loadCallers, l.errors())
	}
}

// wantRowsOf wants that a server has all rows of which callers were told that they were written, each once.
func (l *load) wantRowsOf(t *testing.T, db *sql.DB) {
	t.Helper()
	var told int64
	for caller := range loadCallers {
		told += l.done[caller].Load()
	}
	rows := pooledtest.ScanOne[int64](t, db, "SELECT count(*) FROM outage")
	different := pooledtest.ScanOne[int64](t, db, "SELECT count(*) FROM (SELECT DISTINCT caller, n FROM outage) AS d")
	if most := told + int64(len(l.errors())); rows < told || rows > most || rows != different {
		t.Errorf("have %d rows, %d of them different, want %d to %d", rows, different, told, most)
	}
}
