package pooled_test

import (
	"bytes"
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/internal/pooledtest"
)

// A real fork. Of a Go program's threads the child has one, the one that forked, and
// the runtime does not know that the others are gone. With GOMAXPROCS=1 and without
// automatic garbage collections goroutines run all the same, one after the other; the
// network poller does not, since it is the parent's too. So each test that forks
// runs its part in a helper, a process of its own, and what happens in the
// child needs no network.

// forkRoles are what a helper can be told to do.
var forkRoles = map[string]func(){
	"detect":    detectFork,
	"dsn":       func() { sessionsOverFork(openPooledDSN()) },
	"connector": func() { sessionsOverFork(openTwoWorlds()) },
}

const forkRoleEnv = "POOLED_TEST_FORK_ROLE"

const (
	helperLimit = 2 * time.Minute
	childLimit  = 30 * time.Second
)

func init() {
	playRole = func() {
		if name := os.Getenv(forkRoleEnv); name != "" {
			forkRoles[name]()
			os.Exit(0)
		}
	}
}

// runForkRole runs a role in a helper and returns the lines that it and its child said.
func runForkRole(t *testing.T, name string, env ...string) []string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), helperLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0])
	cmd.Env = append(append(os.Environ(), forkRoleEnv+"="+name, "GOMAXPROCS=1", "GOGC=off", "GORACE=atexit_sleep_ms=0"), env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // so that its child can be ended with it
	end := func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.Cancel = end
	cmd.WaitDelay = time.Second
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if cmd.Process != nil {
		end() // what is left when the helper failed
	}
	said := strings.Split(strings.TrimSpace(stdout.String()), "\n")
	if err != nil {
		t.Fatalf("helper %s: %v; it said\n%s\nand on stderr\n%s", name, err, strings.Join(said, "\n"), stderr.String())
	}
	return said
}

// say writes a line to the test. It is one system call, so a child can do it too.
func say(format string, args ...any) {
	syscall.Write(1, fmt.Appendf(nil, format+"\n", args...))
}

// must ends a helper, or its child, by a panic that its test shows.
func must(err error) {
	if err != nil {
		panic(err)
	}
}

// fork runs child in a forked process, and returns when that has ended.
func fork(child func()) {
	pid, _, errno := syscall.RawSyscall6(syscall.SYS_CLONE, uintptr(syscall.SIGCHLD), 0, 0, 0, 0, 0)
	if errno != 0 {
		panic(errno)
	}
	if pid == 0 {
		const prSetPdeathsig = 1
		syscall.RawSyscall(syscall.SYS_PRCTL, prSetPdeathsig, uintptr(syscall.SIGKILL), 0)
		child()
		syscall.RawSyscall(syscall.SYS_EXIT_GROUP, 0, 0, 0)
	}
	if status := waitFor(int(pid)); status != 0 {
		panic(fmt.Sprintf("the child ended with status %#x", uint32(status)))
	}
}

// waitFor waits for the child's end, and brings it about if it takes too long.
func waitFor(pid int) (status syscall.WaitStatus) {
	timer := time.AfterFunc(childLimit, func() { syscall.Kill(pid, syscall.SIGKILL) })
	defer timer.Stop()
	for {
		switch _, err := syscall.Wait4(pid, &status, 0, nil); err {
		case nil:
			return status
		case syscall.EINTR:
		default:
			panic(err)
		}
	}
}

// twoWorlds is a connector to one server in the process that made it, and to
// another in its children.
type twoWorlds struct {
	driver.Connector
	child driver.Connector
	home  int
}

func newTwoWorlds(parent, child driver.Connector) *twoWorlds {
	return &twoWorlds{Connector: parent, child: child, home: os.Getpid()}
}

func (c *twoWorlds) Connect(ctx context.Context) (driver.Conn, error) {
	if os.Getpid() != c.home {
		return c.child.Connect(ctx)
	}
	return c.Connector.Connect(ctx)
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
	connector, err := pooled.NewConnector(newTwoWorlds(s.ours, new(pooledtest.Fake)), cfg)
	must(err)
	s.db, s.pool = sql.OpenDB(connector), connector.Pool()
	s.tx, err = s.db.Begin()
	must(err)
	s.used, err = s.db.Conn(context.Background())
	must(err)
	idle, err := s.db.Conn(context.Background())
	must(err)
	say("opened %v %v %v", s.ask(s.tx), s.ask(s.used), s.ask(idle))
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
		pooled.IdentityByPid()
	}
	s := newForkScene()
	before, stats, pid := pooled.ThisProcess(), s.pool.Stats(), os.Getpid()
	fork(func() {
		say("child: new identity %t", pooled.ThisProcess() != before)
		s.inChild(pid)
	})
	say("same identity %t, same figures %t", pooled.ThisProcess() == before, s.pool.Stats() == stats)
	say("works: %v %v %v", s.ask(s.tx), s.ask(s.used), s.ask(s.db))
	say("ends: %v %v %v", s.tx.Commit(), s.used.Close(), s.db.Close())
	say("open at the server: %d; logged: %q", s.ours.Counts().Open, s.log.String())
}

func (s *forkScene) inChild(parent int) {
	for range 3 {
		conn, err := s.db.Conn(context.Background())
		must(err)
		say("child: connection %v", s.ask(conn))
		if stats := s.pool.Stats(); stats.CheckedOut == 3 {
			must(conn.Close())
		}
	}
	say("child: %d in use, %d idle", s.pool.Stats().CheckedOut, s.pool.Stats().Idle)
	child := os.Getpid()
	say("child: logged: %s", s.logged(parent, child))
	fork(func() {
		say("grandchild: connection %v", s.ask(s.db))
		say("grandchild: logged: %s", s.logged(child, os.Getpid()))
	})
	say("child: connection %v", s.ask(s.db))
	say("child: in use at the fork: %v", s.ask(s.used))
	say("child: and returned: %v", s.used.Close())
	say("child: transaction: %v", s.tx.Commit())
	say("child: close: %v", s.db.Close())
	say("child: reached the parent's server: %q", s.ours.Log())
}

// forkByPidEnv makes a helper do without MADV_WIPEONFORK.
const forkByPidEnv = "POOLED_TEST_FORK_BY_PID"

const forkWarning = `WARN msg="pooled: this process was forked: server connections of its parent are left alone, new ones are opened" pool=orders parent=PARENT child=CHILD`

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
			if have := runForkRole(t, "detect", forkByPidEnv+"="+byPid); !slices.Equal(have, want) {
				t.Errorf("have\n%s\nwant\n%s", strings.Join(have, "\n"), strings.Join(want, "\n"))
			}
		})
	}
}
