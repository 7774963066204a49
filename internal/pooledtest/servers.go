package pooledtest

import (
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"
)

// A server is a real database that tests reach through an environment
// variable. scripts/with-servers starts the servers and sets the variables;
// tests never look for a server by themselves, lest they find the machine's own.
type server struct {
	name    string
	env     string
	skipped atomic.Int64 // tests that went without it
}

var (
	postgres = &server{name: "PostgreSQL", env: "POOLED_TEST_POSTGRES"}
	mysql    = &server{name: "MariaDB", env: "POOLED_TEST_MYSQL"}
)

// requireEnv turns the skip of a test for want of a server into a failure, so
// that a run which promises real servers can't pass without them.
const requireEnv = "POOLED_TEST_REQUIRE"

// Postgres returns the lib/pq URL of a throw-away PostgreSQL server: a
// superuser on an own database. Without a server the test is skipped, or, with
// POOLED_TEST_REQUIRE=1, fails.
func Postgres(tb testing.TB) string {
	tb.Helper()
	return postgres.dsn(tb)
}

// MySQL returns the go-sql-driver DSN, without parameters, of a throw-away
// MariaDB server: a user with all privileges on an own database. Without a
// server the test is skipped, or, with POOLED_TEST_REQUIRE=1, fails.
func MySQL(tb testing.TB) string {
	tb.Helper()
	return mysql.dsn(tb)
}

// dsn returns what the environment says, or ends the test.
func (s *server) dsn(tb testing.TB) string {
	tb.Helper()
	dsn := os.Getenv(s.env)
	if dsn != "" {
		return dsn
	}
	if required() {
		tb.Fatalf("%s is not set, and %s=1 forbids to skip", s.env, requireEnv)
	}
	s.skipped.Add(1)
	tb.Skipf("needs make test, which starts %s, or %s set", s.name, s.env)
	return ""
}

func required() bool { return os.Getenv(requireEnv) == "1" }

// SkipUnlessRequired skips a test that lacks something of a server's, or, with
// POOLED_TEST_REQUIRE=1, fails it.
func SkipUnlessRequired(tb testing.TB, reason string) {
	tb.Helper()
	if required() {
		tb.Fatalf("%s=1 forbids to skip: %s", requireEnv, reason)
	}
	tb.Skip(reason)
}

// Main runs a package's tests. It is all a TestMain needs:
//
//	func TestMain(m *testing.M) { pooledtest.Main(m) }
//
// When tests passed but left a goroutine behind, the run fails and shows the
// goroutine's stack. When tests were skipped for want of a server, one line says
// so. Of a package that passes, go test shows that line, like the skips, only with
// -v or without package arguments.
func Main(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		if line := skippedLine(postgres, mysql); line != "" {
			fmt.Println(line)
		}
		os.Exit(code)
	}))
}

// skippedLine says how many tests went without each server; empty if none did.
func skippedLine(servers ...*server) string {
	var parts []string
	for _, s := range servers {
		if n := s.skipped.Load(); n > 0 {
			parts = append(parts, fmt.Sprintf("no %s (%d)", s.name, n))
		}
	}
	if parts == nil {
		return ""
	}
	return "tests skipped: " + strings.Join(parts, ", ") + "; they need make test"
}
