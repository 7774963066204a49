//go:build linux

package cluster

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
)

// Promote makes a standby a primary, and returns when it takes writes.
func (s *PostgresServer) Promote() {
	s.tb.Helper()
	s.exec("SELECT pg_promote(true, %d)", int(limit.Seconds()))
	s.awaitValue("SELECT pg_is_in_recovery()", "false")
}

// Follow makes the server, whatever it was, a standby of another one. It ends its sessions and begins with a copy of
// the other: what the other does not have is lost.
func (s *PostgresServer) Follow(primary *PostgresServer) {
	s.tb.Helper()
	if s.cmd != nil {
		s.Stop(Fast)
	}
	if err := os.RemoveAll(filepath.Join(s.dir, "data")); err != nil {
		s.tb.Fatal(err)
	}
	s.copyOf(primary)
	s.Start()
}

// CatchUp waits until the standby has what another server has now.
func (s *PostgresServer) CatchUp(primary *PostgresServer) {
	s.tb.Helper()
	position, err := primary.value("SELECT pg_current_wal_lsn()")
	if err != nil {
		s.tb.Fatal(err)
	}
	s.awaitValue(fmt.Sprintf("SELECT pg_last_wal_replay_lsn() >= '%s'", position), "true")
}

// copyOf makes the data directory of a standby.
func (s *PostgresServer) copyOf(primary *PostgresServer) {
	s.tb.Helper()
	if _, err := os.Stat(filepath.Join(s.programs, "pg_basebackup")); err != nil {
		s.tb.Skip("these programs of PostgreSQL have no pg_basebackup, which makes a standby: ", err)
	}
	host, port, _ := net.SplitHostPort(primary.address)
	s.run("", filepath.Join(s.programs, "pg_basebackup"), "-D", "data", "-R", "-X", "stream", "-c", "fast", "--no-sync",
		"-d", fmt.Sprintf("host=%s port=%s user=postgres password=%s", host, port, s.password))
}
