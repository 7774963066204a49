//go:build linux

package servertest_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/lib/pq"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/internal/pooledtest"
)

// What a helper is told about its server.
const (
	forkBareEnv  = "POOLED_TEST_FORK_BARE" // the wrapped driver's name
	forkDSNEnv   = "POOLED_TEST_FORK_DSN"
	forkGuardEnv = "POOLED_TEST_FORK_GUARD"
)

// forkRoles are what a helper can be told to do.
var forkRoles = map[string]func(){
	"dsn":       func() { sessionsOverFork(openPooledDSN()) },
	"connector": func() { sessionsOverFork(openTwoWorlds()) },
}

func init() { playRole = func() { pooledtest.PlayForkRole(forkRoles) } }

// must ends a helper, or its child, by a panic that its test shows.
func must(err error) {
	if err != nil {
		panic(err)
	}
}

var backendID = map[string]string{"postgres": "SELECT pg_backend_pid()", "mysql": "SELECT CONNECTION_ID()"}

func openPooledDSN() *sql.DB {
	db, err := sql.Open("pooled", pooledtest.WithOptions(os.Getenv(forkDSNEnv), "pool_size=4", "pool_max_overflow=0",
		"pool_fork_guard="+os.Getenv(forkGuardEnv)))
	must(err)
	return db
}

// openTwoWorlds has the real server here and a fake one in children.
func openTwoWorlds() *sql.DB {
	cfg := pooled.NewConfig()
	cfg.Size, cfg.MaxOverflow, cfg.Driver = 4, 0, os.Getenv(forkBareEnv)
	connector, err := pooled.NewConnector(pooledtest.NewTwoWorlds(bareConnector(), new(pooledtest.Fake)), cfg)
	must(err)
	return sql.OpenDB(connector)
}

func bareConnector() driver.Connector {
	open := mysql.MySQLDriver{}.OpenConnector
	if os.Getenv(forkBareEnv) == "postgres" {
		open = func(dsn string) (driver.Connector, error) { return pq.NewConnector(dsn) }
	}
	connector, err := open(os.Getenv(forkDSNEnv))
	must(err)
	return connector
}

// sessions are four server connections, all that the pool's limit allows: one
// used by a sql.Conn, one by a transaction, and two idle.
type sessions struct {
	db   *sql.DB
	used *sql.Conn
	tx   *sql.Tx
}

// sessionsOverFork forks with sessions open, and says whether they live on after
// the child has done all it could to end them.
func sessionsOverFork(db *sql.DB) {
	s := &sessions{db: db}
	ctx := context.Background()
	s.open(ctx)
	before := s.backends(ctx)
	guarded := os.Getenv(forkGuardEnv) != "off"
	pooledtest.Fork(func() {
		if !guarded {
			pooledtest.Say("child: close: %v", s.db.Close())
			return
		}
		s.endInChild()
	})
	limit := time.Minute
	if !guarded { // to hang is what is expected then
		limit = 3 * time.Second
	}
	inTime(limit, func() {
		after := s.backends(ctx)
		var rows int
		err := s.tx.QueryRowContext(ctx, "SELECT count(*) FROM fork_tx").Scan(&rows)
		pooledtest.Say("in use, same backend: %t", before[0] == after[0])
		pooledtest.Say("transaction, same backend: %t, with what it wrote: %t", before[1] == after[1],
			err == nil && rows == 1)
		pooledtest.Say("idle, same backends: %t", sameSet(before[2:], after[2:]))
		pooledtest.Say("ends: %v %v %v", s.tx.Commit(), s.used.Close(), s.db.Close())
	})
}

// inTime ends the helper if f takes too long. A context would not do: lib/pq
// waits for the answer to its cancel request on the same socket, and one that was
// taken from the network poller wakes nobody.
func inTime(limit time.Duration, f func()) {
	timer := time.AfterFunc(limit, func() {
		pooledtest.Say("hangs")
		os.Exit(0)
	})
	defer timer.Stop()
	f()
}

func (s *sessions) open(ctx context.Context) {
	var err error
	s.used, err = s.db.Conn(ctx)
	must(err)
	s.tx, err = s.db.BeginTx(context.Background(), nil)
	must(err)
	_, err = s.tx.ExecContext(ctx, "CREATE TEMPORARY TABLE fork_tx (n INT)")
	must(err)
	_, err = s.tx.ExecContext(ctx, "INSERT INTO fork_tx VALUES (1)")
	must(err)
}

func sameSet(a, b []int) bool {
	slices.Sort(a)
	slices.Sort(b)
	return slices.Equal(a, b)
}

// backends asks every session for its backend: the used one, the transaction's,
// and the idle ones, which takes both at once. -1 is an error.
func (s *sessions) backends(ctx context.Context) []int {
	ids := []int{s.backend(ctx, s.used), s.backend(ctx, s.tx)}
	var idle []*sql.Conn
	for range 2 {
		conn, err := s.db.Conn(ctx)
		must(err)
		ids = append(ids, s.backend(ctx, conn))
		idle = append(idle, conn)
	}
	for _, conn := range idle {
		must(conn.Close())
	}
	return ids
}

func (s *sessions) backend(ctx context.Context, q interface {
	QueryRowContext(context.Context, string, ...any) *sql.Row
}) (id int) {
	if err := q.QueryRowContext(ctx, backendID[os.Getenv(forkBareEnv)]).Scan(&id); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return -1
	}
	return id
}

// endInChild uses, gives back, ends and closes everything, and lets the garbage
// collector have the rest. The child may open no socket, so a dial fails at once,
// without the network poller.
func (s *sessions) endInChild() {
	must(syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{}))
	ctx := context.Background()
	pool, _ := pooled.PoolOf(s.db)
	before := pool.Stats()
	pooledtest.Say("child: %d idle, %d in use", before.Idle, before.CheckedOut)
	_, err := s.db.ExecContext(ctx, "DELETE FROM fork_tx")
	pooledtest.Say("child: checkout: %v", forkDialError(err))
	_, err = s.used.ExecContext(ctx, "DELETE FROM fork_tx")
	pooledtest.Say("child: operation: %v", err)
	_, err = s.tx.ExecContext(ctx, "DELETE FROM fork_tx")
	pooledtest.Say("child: in the transaction: %v", err)
	pooledtest.Say("child: rollback: %v", s.tx.Rollback())
	pooledtest.Say("child: give back: %v", s.used.Close())
	pool.Dispose()
	pooledtest.Say("child: close: %v", s.db.Close())
	*s = sessions{}
	for range 3 { // a finalizer may free what has one itself
		runtime.Gosched()
		runtime.GC()
	}
}

// forkDialError shortens the error of a dial that found no file descriptor.
func forkDialError(err error) any {
	if err != nil && strings.Contains(err.Error(), syscall.EMFILE.Error()) {
		return "dials"
	}
	return err
}

func TestForkParentsSessions(t *testing.T) {
	for _, s := range []server{onPostgres, onMySQL} {
		for role, checkout := range map[string]string{"dsn": "dials", "connector": "<nil>"} {
			t.Run(s.name+"/"+role, func(t *testing.T) {
				have := pooledtest.RunForkRole(t, role, forkBareEnv+"="+s.bare, forkDSNEnv+"="+s.dsn(t), forkGuardEnv+"=on")
				const refused = "pooled: the connection was opened by the parent process before a fork and can't be used " +
					"in the child: close it, and go on with another of the sql.DB"
				want := []string{
					"child: 0 idle, 0 in use",
					"child: checkout: " + checkout,
					"child: operation: " + refused,
					"child: in the transaction: " + refused,
					"child: rollback: " + refused,
					"child: give back: <nil>",
					"child: close: <nil>",
					"in use, same backend: true",
					"transaction, same backend: true, with what it wrote: true",
					"idle, same backends: true",
					"ends: <nil> <nil> <nil>",
				}
				if !slices.Equal(have, want) {
					t.Errorf("have\n%s\nwant\n%s", strings.Join(have, "\n"), strings.Join(want, "\n"))
				}
			})
		}
	}
}

// TestForkParentsSessionsWithoutGuard shows that the test above would notice.
func TestForkParentsSessionsWithoutGuard(t *testing.T) {
	for _, s := range []server{onPostgres, onMySQL} {
		t.Run(s.name, func(t *testing.T) {
			have := pooledtest.RunForkRole(t, "dsn", forkBareEnv+"="+s.bare, forkDSNEnv+"="+s.dsn(t), forkGuardEnv+"=off")
			noticed := func(line string) bool { return line == "hangs" || line == "idle, same backends: false" }
			if !slices.ContainsFunc(have, noticed) {
				t.Errorf("nothing was noticed:\n%s", strings.Join(have, "\n"))
			}
		})
	}
}
