package pooledtest

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"
)

// A server is a real database that tests reach through environment variables.
// scripts/with-servers starts the servers and sets the variables; tests never look
// for a server by themselves, lest they find the machine's own.
type server struct {
	name    string
	kind    string // see POOLED_TEST_REQUIRE
	env     string
	skipped atomic.Int64 // tests that went without it
}

var (
	postgres = &server{name: "PostgreSQL", kind: "postgres", env: "POOLED_TEST_POSTGRES"}
	mysql    = &server{name: "MariaDB or MySQL", kind: "mysql", env: "POOLED_TEST_MYSQL"}
)

// What follows the variable of a server in the names of those that say whether its DSN asks for TLS.
const (
	plainEnv = "_PLAIN"
	tlsEnv   = "_TLS"
)

// requireEnv turns the skip of a test for want of a server into a failure, so
// that a run which promises real servers can't pass without them. It is a list
// of what has to be there, of postgres, mysql, pgbouncer, galera, haproxy, netns and
// chromium, or 1, which is all of them.
const requireEnv = "POOLED_TEST_REQUIRE"

// Postgres returns the lib/pq URL of a throw-away PostgreSQL server: a
// superuser on an own database. The run decides whether it asks for TLS. Without a
// server the test is skipped, or, if POOLED_TEST_REQUIRE names it, fails.
func Postgres(tb testing.TB) string {
	tb.Helper()
	return postgres.dsn(tb, "")
}

// PostgresPlain is Postgres without TLS, for tests that look at the wire.
func PostgresPlain(tb testing.TB) string {
	tb.Helper()
	return postgres.dsn(tb, plainEnv)
}

// PostgresTLS is Postgres with TLS, where the server's certificate is verified.
func PostgresTLS(tb testing.TB) string {
	tb.Helper()
	return postgres.dsn(tb, tlsEnv)
}

// MySQL returns the go-sql-driver DSN of a throw-away MariaDB or MySQL server: a user
// with all privileges on an own database. The run decides whether it asks for TLS, so
// it may have parameters: add others by WithOptions. Without a server the test is
// skipped, or, if POOLED_TEST_REQUIRE names it, fails. What tests may expect of it,
// MySQLFacts tells.
func MySQL(tb testing.TB) string {
	tb.Helper()
	return mysql.dsn(tb, "")
}

// MySQLPlain is MySQL without TLS, for tests that look at the wire.
func MySQLPlain(tb testing.TB) string {
	tb.Helper()
	return mysql.dsn(tb, plainEnv)
}

// MySQLTLS is MySQL with TLS, where the server's certificate is verified.
func MySQLTLS(tb testing.TB) string {
	tb.Helper()
	return mysql.dsn(tb, tlsEnv)
}

// Galera returns the DSNs of the two nodes of a throw-away Galera cluster, which are as that of MySQL. If they lose
// each other, the first one has the majority.
func Galera(tb testing.TB) (first, second string) {
	tb.Helper()
	first, second = os.Getenv("POOLED_TEST_GALERA_1"), os.Getenv("POOLED_TEST_GALERA_2")
	if first == "" {
		SkipUnlessRequired(tb, "galera", "needs make test-servers, which starts a Galera cluster")
	}
	return first, second
}

// dsn returns what the environment says, or ends the test.
func (s *server) dsn(tb testing.TB, form string) string {
	tb.Helper()
	env := s.env + form
	dsn := os.Getenv(env)
	if dsn != "" {
		return dsn
	}
	if required(s.kind) {
		tb.Fatalf("%s is not set, and %s=%s forbids to skip", env, requireEnv, os.Getenv(requireEnv))
	}
	s.skipped.Add(1)
	tb.Skipf("needs make test, which starts %s, or %s set", s.name, env)
	return ""
}

func required(kind string) bool {
	list := os.Getenv(requireEnv)
	return list == "1" || slices.Contains(strings.Fields(list), kind)
}

// SkipUnlessRequired skips a test that lacks something, of this kind, or, if
// POOLED_TEST_REQUIRE names it, fails it.
func SkipUnlessRequired(tb testing.TB, kind, reason string) {
	tb.Helper()
	if required(kind) {
		tb.Fatalf("%s=%s forbids to skip: %s", requireEnv, os.Getenv(requireEnv), reason)
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
