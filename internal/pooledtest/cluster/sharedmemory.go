//go:build linux

package cluster

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// sharedMemory is the number of a segment of System V shared memory, by which a PostgreSQL server finds out whether
// another one uses its data. One that was killed leaves it behind.
type sharedMemory int

// sharedMemory is the running server's: its lock file has a line with the segment's key and number.
func (s *PostgresServer) sharedMemory() sharedMemory {
	s.tb.Helper()
	path := filepath.Join(s.dir, "data", "postmaster.pid")
	text, err := os.ReadFile(path)
	if err != nil {
		s.tb.Fatal(err)
	}
	const line = 6
	if lines := strings.Split(string(text), "\n"); len(lines) > line {
		if fields := strings.Fields(lines[line]); len(fields) == 2 {
			if id, err := strconv.Atoi(fields[1]); err == nil {
				return sharedMemory(id)
			}
		}
	}
	s.tb.Fatalf("%s: no segment of shared memory in %q", path, text)
	return 0
}

func (m sharedMemory) remove(tb testing.TB) {
	tb.Helper()
	const remove = 0 // IPC_RMID
	if _, _, errno := syscall.Syscall(syscall.SYS_SHMCTL, uintptr(m), remove, 0); errno != 0 {
		tb.Fatalf("remove the segment %d of shared memory: %v", m, errno)
	}
}
