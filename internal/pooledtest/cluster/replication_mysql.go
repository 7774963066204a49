//go:build linux

package cluster

import (
	"fmt"
	"net"
)

// Promote makes a replica a primary that takes writes, without what the primary has not sent yet.
func (s *MySQLServer) Promote() {
	s.tb.Helper()
	if s.MariaDB() {
		s.exec("STOP SLAVE")
		s.exec("RESET SLAVE ALL")
	} else {
		s.exec("STOP REPLICA")
		s.exec("RESET REPLICA ALL")
	}
	s.SetReadOnly(false)
}

// Follow makes the server a replica of another one, and read-only. Sessions go on. Both must have the same history: a
// primary that was killed may have transactions of its own, which stay there.
func (s *MySQLServer) Follow(primary *MySQLServer) {
	s.tb.Helper()
	s.SetReadOnly(true)
	host, port, _ := net.SplitHostPort(primary.address)
	if s.MariaDB() {
		s.exec("SET GLOBAL gtid_slave_pos = @@gtid_current_pos")
		s.exec("CHANGE MASTER TO master_host = '%s', master_port = %s, master_user = 'admin', master_password = '%s', "+
			"master_connect_retry = 1, master_use_gtid = slave_pos", host, port, s.password)
		s.exec("START SLAVE")
		return
	}
	s.exec("CHANGE REPLICATION SOURCE TO source_host = '%s', source_port = %s, source_user = 'admin', "+
		"source_password = '%s', source_connect_retry = 1, source_auto_position = 1, get_source_public_key = 1",
		host, port, s.password)
	s.exec("START REPLICA")
}

// CatchUp waits until the replica has what another server has now.
func (s *MySQLServer) CatchUp(primary *MySQLServer) {
	s.tb.Helper()
	position, wait := "SELECT @@gtid_binlog_pos", "SELECT MASTER_GTID_WAIT('%s', 1)"
	if !s.MariaDB() {
		position, wait = "SELECT @@gtid_executed", "SELECT WAIT_FOR_EXECUTED_GTID_SET('%s', 1)"
	}
	until, err := primary.value(position)
	if err != nil {
		s.tb.Fatal(err)
	}
	s.awaitValue(fmt.Sprintf(wait, until), "0")
}
