package pooledtest

import (
	"bytes"
	"context"
	"database/sql/driver"
	"fmt"
	"os"
	osexec "os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A real fork. Of a Go program's threads the child has one, the one that forked, and
// the runtime does not know that the others are gone. With GOMAXPROCS=1 and without
// automatic garbage collections goroutines run all the same, one after the other; the
// network poller does not, since it is the parent's too. So each test that forks
// runs its part in a helper, a process of its own, and what happens in the
// child needs no network.

const forkRoleEnv = "POOLED_TEST_FORK_ROLE"

const (
	helperLimit = 2 * time.Minute
	childLimit  = 30 * time.Second
)

// PlayForkRole ends a process that [RunForkRole] started, after it has done its part. A
// TestMain calls it first, with what helpers can be told to do.
func PlayForkRole(roles map[string]func()) {
	if name := os.Getenv(forkRoleEnv); name != "" {
		roles[name]()
		os.Exit(0)
	}
}

// RunForkRole runs a role in a helper and returns the lines that it and its child said.
func RunForkRole(t *testing.T, name string, env ...string) []string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), helperLimit)
	defer cancel()
	cmd := osexec.CommandContext(ctx, os.Args[0])
	cmd.Env = append(os.Environ(), forkRoleEnv+"="+name, "GOMAXPROCS=1", "GOGC=off", "GORACE=atexit_sleep_ms=0")
	cmd.Env = append(cmd.Env, env...)
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

// Say writes a line to the test. It is one system call, so a child can do it too.
func Say(format string, args ...any) {
	syscall.Write(1, fmt.Appendf(nil, format+"\n", args...))
}

// Fork runs child in a forked process, and returns when that has ended. A helper calls
// it; it panics if the child fails.
func Fork(child func()) {
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

// TwoWorlds is a connector to one server in the process that made it, and to
// another in its children.
type TwoWorlds struct {
	driver.Connector
	child driver.Connector
	home  int
}

// NewTwoWorlds is a connector to here in this process and to child in its children.
func NewTwoWorlds(here, child driver.Connector) *TwoWorlds {
	return &TwoWorlds{Connector: here, child: child, home: os.Getpid()}
}

// Connect connects to the server of this process.
func (c *TwoWorlds) Connect(ctx context.Context) (driver.Conn, error) {
	if os.Getpid() != c.home {
		return c.child.Connect(ctx)
	}
	return c.Connector.Connect(ctx)
}
