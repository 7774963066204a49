//go:build linux

package cluster

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	_ "github.com/lib/pq" // for Admin
)

// StopMode is how PostgreSQL is told to stop.
type StopMode syscall.Signal

// The modes of pg_ctl stop.
const (
	Smart     = StopMode(syscall.SIGTERM) // when the last client has gone
	Fast      = StopMode(syscall.SIGINT)  // sessions are ended, data is written
	Immediate = StopMode(syscall.SIGQUIT) // sessions are ended, no data is written
)

// PostgresServer is a PostgreSQL server, primary or standby.
type PostgresServer struct {
	database
	programs string
	password string
}

// Postgres starts a primary, with the database pooled_test and the user pooled, who owns it.
func Postgres(tb testing.TB) *PostgresServer {
	tb.Helper()
	s := newPostgres(tb, "primary")
	source := template(tb, "template-postgres", s.as, s.initialize)
	s.run("", "cp", "-a", filepath.Join(source, "data"), "data")
	s.Start()
	return s
}

// Standby starts another server, which follows this one by streaming replication. It begins with a copy of it, and
// has the same users.
func (s *PostgresServer) Standby() *PostgresServer {
	s.tb.Helper()
	standby := newPostgres(s.tb, "standby")
	standby.copyOf(s)
	standby.Start()
	return standby
}

func newPostgres(tb testing.TB, name string) *PostgresServer {
	tb.Helper()
	s := &PostgresServer{programs: program(tb, "postgres", postgresProgramsEnv), password: password(tb)}
	s.process = process{tb: tb, name: "PostgreSQL (" + name + ")", as: account(tb, "postgres"), atOnce: syscall.SIGQUIT}
	s.dir = newDir(tb, "postgres", s.as)
	s.address = newAddress(tb)
	s.admin = openAdmin(tb, "postgres", s.dsn("postgres", s.address))
	s.serves, s.command = s.admin.PingContext, s.arguments
	tb.Cleanup(s.cleanUp)
	return s
}

// initialize makes the template.
func (s *PostgresServer) initialize(dir string) {
	s.tb.Helper()
	inTemplate := process{tb: s.tb, dir: dir, as: s.as}
	inTemplate.run(s.password, "sh", "-c", "umask 077 && cat >password")
	inTemplate.run("", filepath.Join(s.programs, "initdb"), "-D", "data", "-U", "postgres", "--no-sync", "-E", "UTF8",
		"--locale=C", "-A", "md5", "--pwfile=password", "--wal-segsize=1") // quickly copied
	inTemplate.run("CREATE ROLE pooled LOGIN PASSWORD '"+s.password+"'\nCREATE DATABASE pooled_test OWNER pooled\n",
		filepath.Join(s.programs, "postgres"), "--single", "-F", "-D", "data", "postgres")
}

// arguments start the server. Nothing has to survive a crash of the machine, so nothing waits for the disk; what a
// client was told survives a crash of the server.
func (s *PostgresServer) arguments() []string {
	host, port, _ := net.SplitHostPort(s.address)
	argv := []string{filepath.Join(s.programs, "postgres"), "-D", "data", "-p", port, "-k", s.dir}
	for _, setting := range []string{
		"listen_addresses=" + host, "max_connections=100", "lock_timeout=30s",
		"fsync=off", "full_page_writes=off", "autovacuum=off",
		"wal_keep_size=256MB", "wal_retrieve_retry_interval=100ms",
	} {
		argv = append(argv, "-c", setting)
	}
	return argv
}

// DSN is a URL for lib/pq and pgx: user pooled, database pooled_test.
func (s *PostgresServer) DSN() string { return s.DSNAt(s.address) }

// DSNAt is DSN by way of another address, such as that of a proxy, or of several separated by commas.
func (s *PostgresServer) DSNAt(address string) string { return s.dsn("pooled", address) }

func (s *PostgresServer) dsn(user, address string) string {
	return fmt.Sprintf("postgres://%s:%s@%s/pooled_test?sslmode=disable", user, s.password, address)
}

// Primary is nil if the server takes writes.
func (s *PostgresServer) Primary(ctx context.Context) error {
	return s.isFalse(ctx, "SELECT pg_is_in_recovery() OR current_setting('default_transaction_read_only')::bool")
}

// Stop ends the server as its administrator does.
func (s *PostgresServer) Stop(mode StopMode) {
	s.tb.Helper()
	s.end(syscall.Signal(mode))
}

// Kill ends the server as a crash does: all its processes are gone, and nothing was said or written.
func (s *PostgresServer) Kill() {
	s.tb.Helper()
	segment := s.sharedMemory()
	s.process.Kill()
	segment.remove(s.tb)
	// A number in there may be another process's by now.
	if err := os.Remove(filepath.Join(s.dir, "data", "postmaster.pid")); err != nil {
		s.tb.Fatal(err)
	}
}

// SetReadOnly is the quick demotion: by a setting and a reload, new transactions are read-only, also those of sessions
// that exist.
func (s *PostgresServer) SetReadOnly(on bool) {
	s.tb.Helper()
	value := map[bool]string{true: "on", false: "off"}[on]
	s.exec("ALTER SYSTEM SET default_transaction_read_only = %s", value)
	s.exec("SELECT pg_reload_conf()")
	s.awaitValue("SHOW default_transaction_read_only", value)
}
