package pooledtest

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// restarts is the directory by which scripts/with-servers lets a test end its
// servers; see there.
var restarts = &server{name: "server that may be restarted", kind: "restart", env: "POOLED_TEST_RESTART"}

// restartSignals end a server at once, and tell its clients nothing.
// PostgreSQL's own word for it is immediate shutdown. MariaDB and MySQL have no such thing.
var restartSignals = map[string]os.Signal{
	"postgres": syscall.SIGQUIT, "mysql": syscall.SIGKILL, "galera2": syscall.SIGKILL,
}

// restartWait is how long a server may take to answer again.
const restartWait = 2 * time.Minute

// Restart ends a server, "postgres", "mysql" or "galera2", as a crash would, and returns
// when one with the same address and data answers. What tests set by SET GLOBAL is
// gone then. Without servers of scripts/with-servers the test is skipped, or, with
// POOLED_TEST_REQUIRE=1, fails: no other server is ever ended.
func Restart(tb testing.TB, name string) {
	tb.Helper()
	file := filepath.Join(restarts.dsn(tb, ""), name)
	text, err := os.ReadFile(file)
	if err != nil {
		tb.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		tb.Fatal(err)
	}
	process, err := os.FindProcess(pid)
	if err != nil {
		tb.Fatal(err)
	}
	if err := os.Remove(file); err != nil { // asks for another one
		tb.Fatal(err)
	}
	if err := process.Signal(restartSignals[name]); err != nil {
		tb.Fatal(err)
	}
	for until := time.Now().Add(restartWait); time.Now().Before(until); time.Sleep(10 * time.Millisecond) {
		if _, err := os.Stat(file); !errors.Is(err, fs.ErrNotExist) {
			return
		}
	}
	tb.Fatalf("%s does not answer %v after a restart", name, restartWait)
}
