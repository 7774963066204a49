//go:build linux

package pooled_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/internal/pooledtest"
	"github.com/pooled-go/pooled/internal/process"
)

// In these tests the fork is pretended: the process takes a new identity, as a
// child does, and later its old one again. So parent and child are the same
// goroutines, one after the other, and share all memory; two sql.DB before one pool
// stand for the two copies of one. Real forks are at the end of this file.

// pretendFork makes this process a child until back is called. It returns what is logged meanwhile.
func pretendFork(t testing.TB) (back func(), logged func() []string) {
	t.Helper()
	was, flags, out := slog.Default(), log.Flags(), log.Writer()
	var buffer bytes.Buffer // slog's handler has a lock
	slog.SetDefault(slog.New(slog.NewTextHandler(&buffer, nil)))
	toParent, possible := process.Pretend()
	back = sync.OnceFunc(func() {
		toParent()
		slog.SetDefault(was)
		log.SetFlags(flags)
		log.SetOutput(out)
	})
	t.Cleanup(back)
	if !possible {
		t.Skip("without MADV_WIPEONFORK (Linux 4.14) a fork can't be pretended; " +
			"the real forks go by the pid")
	}
	return back, func() []string { return strings.Split(strings.TrimSpace(buffer.String()), "\n") }
}

func allowLeaks(f *pooledtest.Fake) { f.AllowLeaks = true }

// TestForkIdentity: whoever looks first in a child, all see the same new identity, and
// the same new pool.
func TestForkIdentity(t *testing.T) {
	connector := connectorTo(t, pooledtest.NewFake(t))
	defer connector.Close()
	type sight struct {
		id   uint64
		pool *pooled.Pool
	}
	last := sight{process.ID(), connector.Pool()}
	for range 500 {
		back, _ := pretendFork(t)
		seen := make([]sight, 4)
		var arrived atomic.Int32
		var wg sync.WaitGroup
		for i := range seen {
			wg.Go(func() {
				for arrived.Add(1); arrived.Load() < int32(len(seen)); {
					runtime.Gosched() // all look at the same moment
				}
				seen[i].id = process.ID()
				seen[i].pool = pooled.Here(connector.Pool())
			})
		}
		wg.Wait()
		if len(slices.Compact(seen)) != 1 || seen[0].id <= last.id || seen[0].pool == last.pool {
			t.Fatalf("in a child after %v: have %v, want all the same and new", last, seen)
		}
		last = seen[0]
		back()
	}
	if have := pooled.Here(connector.Pool()); have != connector.Pool() {
		t.Error("the parent has another pool")
	}
}

func TestForkChildBeginsAnew(t *testing.T) {
	for _, c := range []pooled.Class{pooled.ClassQueue, pooled.ClassNull, pooled.ClassDirect} {
		t.Run(string(c), func(t *testing.T) {
			fake := pooledtest.NewFake(t)
			connector := connectorTo(t, fake, class(c), func(cfg *pooled.Config) {
				if c == pooled.ClassQueue {
					size(2, 0)(cfg)
				}
			})
			pool := connector.Pool()
			parent, child := sql.OpenDB(connector), sql.OpenDB(connector)
			held, _ := grab(t, parent)
			idle, _ := grab(t, parent)
			pooledtest.Give(t, idle)
			pooledtest.WaitUntil(t, func() bool { return pool.Stats().Closing == 0 }, pool.String)
			before := pool.Stats()
			fake.ResetLog()

			back, logged := pretendFork(t)
			want := pooled.Stats{Name: before.Name, Class: c, Size: before.Size, Limit: before.Limit, Forks: 1}
			if have := pool.Stats(); have != want {
				t.Errorf("in the child:\nhave %+v\nwant %+v", have, want)
			}
			one, first := grab(t, child)
			two, second := grab(t, child)
			if first != 3 || second != 4 {
				t.Errorf("in the child: have connections %d and %d, want 3 and 4", first, second)
			}
			pooledtest.Give(t, one)
			two.Raw(func(any) error { return driver.ErrBadConn })
			pool.Dispose()
			if have := pool.Stats().CheckedOut; have != 0 {
				t.Errorf("in the child: have %d in use at last, want none", have)
			}
			if err := child.Close(); err != nil {
				t.Errorf("Close in the child: %v", err)
			}
			if have := len(logged()); have != 1 {
				t.Errorf("have %d lines logged, want 1: %q", have, logged())
			}
			back()

			wantLog(t, fake, "c3 connect", "c3 query SELECT conn", "c4 connect", "c4 query SELECT conn")
			if have := fake.Counts(); have.Open != before.Open() || have.ConnectorCloses != 0 {
				t.Errorf("at the server: have %+v, want %d open, and the connector not closed", have, before.Open())
			}
			if have := pool.Stats(); have != before {
				t.Errorf("in the parent:\nhave %+v\nwant %+v", have, before)
			}
			if have := number(t, held); have != 1 {
				t.Errorf("in use in the parent: have connection %d, want 1", have)
			}
			pooledtest.Give(t, held)
			if err := parent.Close(); err != nil {
				t.Errorf("Close in the parent: %v", err)
			}
		})
	}
}

func TestForkManyAtOnce(t *testing.T) {
	fake := pooledtest.NewFake(t, allowLeaks)
	db, _ := open(t, fake, size(4, 0))
	other, _ := open(t, pooledtest.NewFake(t))
	held, _ := grab(t, db)
	_, logged := pretendFork(t)
	number(t, other)
	defer other.Close()
	var wg sync.WaitGroup
	for range 32 {
		wg.Go(func() {
			for range 10 {
				if have := number(t, db); have == 1 {
					t.Error("have the parent's connection")
				}
			}
		})
	}
	wg.Wait()
	pooledtest.Give(t, held)
	db.Close()
	if have := fake.Counts(); have.MaxOpen > 1+4 || have.Open != 1 {
		t.Errorf("have %+v, want at most 4 open beside the parent's", have)
	}
	if have := len(logged()); have != 1 {
		t.Errorf("have %d lines logged, want 1: %q", have, logged())
	}
}

func TestForkGrandchild(t *testing.T) {
	fake := pooledtest.NewFake(t, allowLeaks)
	connector := connectorTo(t, fake)
	parent, child, grandchild := sql.OpenDB(connector), sql.OpenDB(connector), sql.OpenDB(connector)
	number(t, parent)
	toParent, _ := pretendFork(t)
	number(t, child)
	_, logged := pretendFork(t)
	if have := number(t, grandchild); have != 3 {
		t.Errorf("have connection %d, want 3", have)
	}
	if have := len(logged()); have != 1 {
		t.Errorf("have %d lines logged, want 1: %q", have, logged())
	}
	grandchild.Close()
	child.Close()
	if have := fake.Counts().Open; have != 2 {
		t.Errorf("have %d open, want the parent's and the child's", have)
	}
	toParent()
	if have := number(t, parent); have != 1 {
		t.Errorf("in the parent: have connection %d, want 1", have)
	}
	parent.Close()
}

func TestForkAfterClose(t *testing.T) {
	closed := func(c *pooled.Connector, where string) {
		t.Helper()
		if _, err := c.Connect(t.Context()); !errors.Is(err, pooled.ErrClosed) {
			t.Errorf("closed in the parent, in the %s: have %v, want %v", where, err, pooled.ErrClosed)
		}
		if err := c.Close(); err != nil {
			t.Errorf("in the %s: Close again: %v", where, err)
		}
	}
	fake := pooledtest.NewFake(t)
	inParent, inChild := connectorTo(t, fake), connectorTo(t, fake)
	inParent.Close()
	pretendFork(t)
	closed(inParent, "child")
	inChild.Close()
	pretendFork(t)
	closed(inParent, "grandchild")
	closed(inChild, "grandchild")
}

func TestForkMinIdle(t *testing.T) {
	fake := pooledtest.NewFake(t, allowLeaks)
	db, pool := open(t, fake, func(cfg *pooled.Config) { cfg.MinIdle = 2 })
	pooledtest.WaitUntil(t, func() bool { return pool.Stats().Idle == 2 }, pool.String)
	pretendFork(t)
	pooledtest.WaitUntil(t, func() bool { return pool.Stats().Idle == 2 }, pool.String)
	db.Close()
	if have := fake.Counts(); have.Opened != 4 || have.Open != 2 {
		t.Errorf("have %+v, want 4 opened and the parent's 2 still open", have)
	}
}

// TestForkStmt: a sql.Stmt of the parent's is prepared again, and what the child
// prepared is closed when it is not needed any more.
func TestForkStmt(t *testing.T) {
	fake := pooledtest.NewFake(t, allowLeaks)
	db, _ := open(t, fake)
	stmt, err := db.Prepare("UPDATE ?")
	if err != nil {
		t.Fatal(err)
	}
	mustExecStmt(t, stmt, 1)
	fake.ResetLog()
	pretendFork(t)
	mustExecStmt(t, stmt, 2)
	mustExecStmt(t, stmt, 3)
	stmt.Close()
	pooledtest.MustExec(t, db, "UPDATE 4")
	wantLog(t, fake, "c2 connect", "c2 prepare UPDATE ?", "c2 stmt exec UPDATE ? [2]",
		"c2 resetSession", "c2 stmt exec UPDATE ? [3]", "c2 resetSession", "c2 stmt close UPDATE ?", "c2 exec UPDATE 4")
}

func mustExecStmt(t *testing.T, stmt *sql.Stmt, args ...any) {
	t.Helper()
	if _, err := stmt.Exec(args...); err != nil {
		t.Fatal(err)
	}
}

// closingDriver is the driver of a Fake, with connectors that are closed.
type closingDriver struct{ fake *pooledtest.Fake }

type closingConnector struct {
	*pooledtest.Fake
	driver closingDriver
}

func (d closingDriver) Open(string) (driver.Conn, error) { return nil, errors.New("not by this way") }
func (d closingDriver) OpenConnector(string) (driver.Connector, error) {
	return closingConnector{d.fake, d}, nil
}
func (c closingConnector) Driver() driver.Driver { return c.driver }

// TestForkConnectors: a child closes the connectors that were made for it, with what a
// BeforeConnect hook asked for, and not those of the parent process.
func TestForkConnectors(t *testing.T) {
	fake := pooledtest.NewFake(t, allowLeaks)
	name := "fake-" + strings.ToLower(rand.Text()[:6])
	sql.Register(name, closingDriver{fake})
	hook := beforeConnect(func(_ context.Context, p *pooled.ConnectParams) error {
		p.DSN += "&token=" + rand.Text()
		return nil
	})
	db, err := sql.Open("pooled", "fake://h/db?x=1&pool_driver="+name+"&pool_hooks="+hook)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	number(t, db)
	pretendFork(t)
	number(t, db)
	before := fake.Counts().ConnectorCloses
	db.Close()
	if have := fake.Counts().ConnectorCloses - before; have != 1 {
		t.Errorf("have %d connectors closed in the child, want 1", have)
	}
}

func TestForkGuardOff(t *testing.T) {
	db, _ := open(t, pooledtest.NewFake(t), func(cfg *pooled.Config) { cfg.ForkGuard = false })
	number(t, db)
	pretendFork(t)
	if have := number(t, db); have != 1 {
		t.Errorf("have connection %d, want 1", have)
	}
}

// BenchmarkForkGuard is what the guard does as a hook of a checkout.
func BenchmarkForkGuard(b *testing.B) {
	guard := pooled.ForkGuardCheckout(b.Context())
	b.ReportAllocs()
	for b.Loop() {
		if err := guard(); err != nil {
			b.Fatal(err)
		}
	}
}

// A fork is an event like others.
func TestEchoOfAFork(t *testing.T) {
	var book pooledtest.LogBook
	connector := connectorTo(t, pooledtest.NewFake(t), logTo(&book), echoPool(pooled.EchoOn))
	defer connector.Close()
	back, _ := pretendFork(t)
	defer back()
	connector.Pool().Stats()
	lines := book.Take()
	want := regexp.MustCompile(`^WARN pooled: fork pool=shop err=parent process \d+, child process \d+$`)
	if len(lines) == 0 || !want.MatchString(lines[0]) {
		t.Errorf("have %q, want a fork", lines)
	}
	if events := connector.Pool().Events(); len(events) != 1 || events[0].Name != "fork" {
		t.Errorf("events: have %+v, want a fork", events)
	}
}

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

const forkWarning = `WARN msg="pooled: this process was forked; the child opens new connections, ` +
	`the old ones belong to the parent" pool=orders parent=PARENT child=CHILD`

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
