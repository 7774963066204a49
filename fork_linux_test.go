package pooled_test

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/internal/pooledtest"
	"github.com/pooled-go/pooled/internal/process"
)

// forkRoles are what a helper can be told to do.
var forkRoles = map[string]func(){
	"detect": detectFork,
}

func init() { playRole = func() { pooledtest.PlayForkRole(forkRoles) } }

// must ends a helper, or its child, by a panic that its test shows.
func must(err error) {
	if err != nil {
		panic(err)
	}
}

// forkScene leaves every kind of connection to a child: three, all that the limit
// allows, one in a transaction, one in use, one idle.
type forkScene struct {
	ours *pooledtest.Fake // the server in this process
	log  bytes.Buffer
	db   *sql.DB
	pool *pooled.Pool
	tx   *sql.Tx
	used *sql.Conn
}

func newForkScene() *forkScene {
	s := &forkScene{ours: new(pooledtest.Fake)}
	slog.SetDefault(slog.New(slog.NewTextHandler(&s.log, nil)))
	cfg := pooled.NewConfig()
	cfg.Name, cfg.Size, cfg.MaxOverflow = "orders", 3, 0
	connector, err := pooled.NewConnector(pooledtest.NewTwoWorlds(s.ours, new(pooledtest.Fake)), cfg)
	must(err)
	s.db, s.pool = sql.OpenDB(connector), connector.Pool()
	s.tx, err = s.db.Begin()
	must(err)
	s.used, err = s.db.Conn(context.Background())
	must(err)
	idle, err := s.db.Conn(context.Background())
	must(err)
	pooledtest.Say("opened %v %v %v", s.ask(s.tx), s.ask(s.used), s.ask(idle))
	must(idle.Close())
	s.ours.ResetLog()
	return s
}

// ask is the number of the server connection behind q, or an error.
func (s *forkScene) ask(q interface {
	QueryRowContext(context.Context, string, ...any) *sql.Row
}) any {
	var n int
	if err := q.QueryRowContext(context.Background(), "SELECT conn").Scan(&n); err != nil {
		return err
	}
	return n
}

// logged is all that was logged, with names for the processes that it names.
func (s *forkScene) logged(parent, child int) string {
	_, line, _ := strings.Cut(strings.TrimSpace(s.log.String()), "level=")
	s.log.Reset()
	return strings.ReplaceAll(line, fmt.Sprintf("parent=%d child=%d", parent, child), "parent=PARENT child=CHILD")
}

func detectFork() {
	if os.Getenv(forkByPidEnv) != "" {
		process.ByPid()
	}
	s := newForkScene()
	before, stats, pid := process.ID(), s.pool.Stats(), os.Getpid()
	pooledtest.Fork(func() {
		pooledtest.Say("child: new identity %t", process.ID() != before)
		s.inChild(pid)
	})
	pooledtest.Say("same identity %t, same figures %t", process.ID() == before, s.pool.Stats() == stats)
	pooledtest.Say("works: %v %v %v", s.ask(s.tx), s.ask(s.used), s.ask(s.db))
	pooledtest.Say("ends: %v %v %v", s.tx.Commit(), s.used.Close(), s.db.Close())
	pooledtest.Say("open at the server: %d; logged: %q", s.ours.Counts().Open, s.log.String())
}

func (s *forkScene) inChild(parent int) {
	for range 3 {
		conn, err := s.db.Conn(context.Background())
		must(err)
		pooledtest.Say("child: connection %v", s.ask(conn))
		if stats := s.pool.Stats(); stats.CheckedOut == 3 {
			must(conn.Close())
		}
	}
	pooledtest.Say("child: %d in use, %d idle", s.pool.Stats().CheckedOut, s.pool.Stats().Idle)
	child := os.Getpid()
	pooledtest.Say("child: logged: %s", s.logged(parent, child))
	pooledtest.Fork(func() {
		pooledtest.Say("grandchild: connection %v", s.ask(s.db))
		pooledtest.Say("grandchild: logged: %s", s.logged(child, os.Getpid()))
	})
	pooledtest.Say("child: connection %v", s.ask(s.db))
	pooledtest.Say("child: in use at the fork: %v", s.ask(s.used))
	pooledtest.Say("child: and returned: %v", s.used.Close())
	pooledtest.Say("child: transaction: %v", s.tx.Commit())
	pooledtest.Say("child: close: %v", s.db.Close())
	pooledtest.Say("child: reached the parent's server: %q", s.ours.Log())
}

// forkByPidEnv makes a helper do without MADV_WIPEONFORK.
const forkByPidEnv = "POOLED_TEST_FORK_BY_PID"

const forkWarning = `WARN msg="pooled: this process was forked: server connections of its parent are left alone, ` +
	`new ones are opened" pool=orders parent=PARENT child=CHILD`

func TestForkIsDetected(t *testing.T) {
	want := []string{
		"opened 1 2 3",
		"child: new identity true",
		"child: connection 1",
		"child: connection 2",
		"child: connection 3",
		"child: 2 in use, 1 idle",
		"child: logged: " + forkWarning,
		"grandchild: connection 4",
		"grandchild: logged: " + forkWarning,
		"child: connection 3",
		"child: in use at the fork: " + pooled.ErrForked.Error(),
		"child: and returned: <nil>",
		"child: transaction: " + pooled.ErrForked.Error(),
		"child: close: <nil>",
		"child: reached the parent's server: []",
		"same identity true, same figures true",
		"works: 1 2 3",
		"ends: <nil> <nil> <nil>",
		`open at the server: 0; logged: ""`,
	}
	for name, byPid := range map[string]string{"page": "", "pid": "1"} {
		t.Run(name, func(t *testing.T) {
			if have := pooledtest.RunForkRole(t, "detect", forkByPidEnv+"="+byPid); !slices.Equal(have, want) {
				t.Errorf("have\n%s\nwant\n%s", strings.Join(have, "\n"), strings.Join(want, "\n"))
			}
		})
	}
}
