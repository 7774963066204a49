//go:build linux

package cluster

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/pooled-go/pooled/internal/pooledtest"
)

// What scripts/with-servers has found; see there.
const (
	dirEnv               = "POOLED_TEST_CLUSTER"
	postgresProgramsEnv  = "POOLED_TEST_POSTGRES_PROGRAMS"
	mysqlProgramEnv      = "POOLED_TEST_MYSQL_PROGRAM"
	mariaDBInstallDBEnv  = "POOLED_TEST_MARIADB_INSTALL_DB"
	galeraProviderEnv    = "POOLED_TEST_GALERA_PROVIDER"
	haproxyProgramEnv    = "POOLED_TEST_HAPROXY_PROGRAM"
	passwordFile         = "password"
	firstPort, portCount = 20000, 12000 // below those from which the kernel serves outgoing connections
)

// program is the path that a variable holds. Without it the test is skipped, or, if POOLED_TEST_REQUIRE names the kind,
// fails.
func program(tb testing.TB, kind, env string) string {
	tb.Helper()
	path := os.Getenv(env)
	if path == "" || os.Getenv(dirEnv) == "" {
		pooledtest.SkipUnlessRequired(tb, kind, fmt.Sprintf("needs make test, which sets %s and %s", dirEnv, env))
	}
	return path
}

// password is that of all users of all servers.
func password(tb testing.TB) string {
	tb.Helper()
	text, err := os.ReadFile(filepath.Join(os.Getenv(dirEnv), passwordFile))
	if err != nil {
		tb.Fatal(err)
	}
	return strings.TrimSpace(string(text))
}

// account is whom a server runs as: no server runs as root, so root becomes the account that the Debian package made.
// nil: the account of this process.
func account(tb testing.TB, name string) *syscall.Credential {
	tb.Helper()
	if os.Getuid() != 0 {
		return nil
	}
	found, err := user.Lookup(name)
	if err != nil {
		found, err = user.Lookup("nobody")
	}
	if err != nil {
		tb.Fatal(err)
	}
	uid, uidErr := strconv.ParseUint(found.Uid, 10, 32)
	gid, gidErr := strconv.ParseUint(found.Gid, 10, 32)
	if uidErr != nil || gidErr != nil {
		tb.Fatalf("account %s has no numbers: %v, %v", name, uidErr, gidErr)
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
}

// newDir makes a directory that is gone after the test, and that the account alone may read.
func newDir(tb testing.TB, name string, as *syscall.Credential) string {
	tb.Helper()
	dir, err := os.MkdirTemp(os.Getenv(dirEnv), name+".")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			tb.Error(err)
		}
	})
	give(tb, dir, as)
	return dir
}

// give makes a file or directory the account's.
func give(tb testing.TB, path string, as *syscall.Credential) {
	tb.Helper()
	if as == nil {
		return
	}
	if err := os.Chown(path, int(as.Uid), int(as.Gid)); err != nil {
		tb.Fatal(err)
	}
}

// template is the path of a data directory that servers start with a copy of. It is made once in a run of
// scripts/with-servers: make gets an empty directory that is the account's.
func template(tb testing.TB, name string, as *syscall.Credential, fill func(dir string)) string {
	tb.Helper()
	path := filepath.Join(os.Getenv(dirEnv), name)
	if _, err := os.Stat(path); err == nil {
		return path
	}
	dir := newDir(tb, name, as)
	fill(dir)
	// Another process may have been faster; its template is as good.
	if err := os.Rename(dir, path); err != nil {
		if _, missing := os.Stat(path); missing != nil {
			tb.Fatal(err)
		}
	}
	return path
}

var port = sync.OnceValue(func() int { return firstPort + rand.IntN(portCount) })

// newAddress is an address of loopback that nobody else has, with the port of all servers of this process.
func newAddress(tb testing.TB) string {
	tb.Helper()
	var err error
	for range 20 {
		ip := net.IPv4(127, byte(1+rand.IntN(254)), byte(1+rand.IntN(254)), byte(1+rand.IntN(254)))
		address := net.JoinHostPort(ip.String(), strconv.Itoa(port()))
		var listener net.Listener
		if listener, err = net.Listen("tcp", address); err == nil {
			listener.Close()
			return address
		}
	}
	tb.Fatal(err)
	return ""
}
