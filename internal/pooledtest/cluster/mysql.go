//go:build linux

package cluster

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"github.com/go-sql-driver/mysql" // for Admin
)

// MySQLServer is a MariaDB or MySQL server, primary or replica.
type MySQLServer struct {
	database
	program  string // mariadbd or mysqld
	install  string // mariadb-install-db; empty for MySQL
	password string
	number   uint32 // its server_id
	readOnly bool   // also after the next start
}

// MySQL starts a primary, with the database pooled_test and the user pooled, who may do all there but is no
// administrator: read_only holds for it. It writes a binary log with GTIDs, for replicas.
func MySQL(tb testing.TB) *MySQLServer {
	tb.Helper()
	s := newMySQL(tb, "primary")
	s.Start()
	return s
}

// Replica starts another server, which replicates this one from its first transaction on, and is read-only.
func (s *MySQLServer) Replica() *MySQLServer {
	s.tb.Helper()
	replica := newMySQL(s.tb, "replica")
	replica.Start()
	replica.Follow(s)
	return replica
}

// newMySQL makes what a server needs: each begins with the same data.
func newMySQL(tb testing.TB, name string) *MySQLServer {
	tb.Helper()
	s := &MySQLServer{program: program(tb, "mysql", mysqlProgramEnv), install: os.Getenv(mariaDBInstallDBEnv),
		password: password(tb), number: rand.Uint32N(1<<31) + 1}
	s.process = process{tb: tb, name: s.kind() + " (" + name + ")", as: account(tb, "mysql"), atOnce: syscall.SIGKILL}
	source := template(tb, "template-mysql", s.as, s.initialize)
	s.dir = newDir(tb, "mysql", s.as)
	s.address = newAddress(tb)
	s.admin = openAdmin(tb, "mysql", s.dsn("admin", s.address))
	s.serves, s.command = s.admin.PingContext, s.arguments
	tb.Cleanup(s.cleanUp)
	s.run("", "cp", "-a", filepath.Join(source, "data"), "data")
	os.Remove(filepath.Join(s.dir, "data", "auto.cnf")) // each server makes an identity of its own
	s.run(s.users(), "sh", "-c", "umask 077 && cat >init.sql")
	return s
}

// MariaDB says whether it is MariaDB.
func (s *MySQLServer) MariaDB() bool { return s.install != "" }

func (s *MySQLServer) kind() string {
	if s.MariaDB() {
		return "MariaDB"
	}
	return "MySQL"
}

// basedir is where the server was installed.
func (s *MySQLServer) basedir() string {
	path, err := filepath.EvalSymlinks(s.program)
	if err != nil {
		s.tb.Fatal(err)
	}
	return filepath.Dir(filepath.Dir(path))
}

// initialize makes the template. Small files are quickly copied.
func (s *MySQLServer) initialize(dir string) {
	s.tb.Helper()
	inTemplate := process{tb: s.tb, dir: dir, as: s.as}
	argv := []string{s.program, "--no-defaults", "--initialize"}
	if s.MariaDB() {
		argv = []string{s.install, "--no-defaults", "--skip-test-db", "--auth-root-authentication-method=socket",
			"--innodb-log-file-size=" + logSize}
	}
	inTemplate.run("", append(argv, "--basedir="+s.basedir(), "--datadir="+filepath.Join(dir, "data"))...)
}

const logSize = "8M"

// users are made at each start, on each server for itself.
func (s *MySQLServer) users() string {
	return fmt.Sprintf(`SET SESSION sql_log_bin = 0;
CREATE DATABASE IF NOT EXISTS pooled_test;
CREATE USER IF NOT EXISTS admin@'%%' IDENTIFIED BY '%[1]s';
GRANT ALL ON *.* TO admin@'%%' WITH GRANT OPTION;
CREATE USER IF NOT EXISTS pooled@'%%' IDENTIFIED BY '%[1]s';
GRANT ALL ON pooled_test.* TO pooled@'%%';
`, s.password)
}

// arguments start the server. Nothing has to survive a crash of the machine, so nothing waits for the disk; what a
// client was told survives a crash of the server.
func (s *MySQLServer) arguments() []string {
	host, port, _ := net.SplitHostPort(s.address)
	argv := []string{s.program, "--no-defaults", "--basedir=" + s.basedir(), "--datadir=" + filepath.Join(s.dir, "data"),
		"--tmpdir=" + s.dir, "--socket=" + filepath.Join(s.dir, "socket"), "--pid-file=" + filepath.Join(s.dir, "pid"),
		"--bind-address=" + host, "--port=" + port, "--skip-name-resolve", "--loose-mysqlx=0",
		"--secure-file-priv=",
		"--init-file=" + filepath.Join(s.dir, "init.sql"), "--max-connections=151",
		"--lock-wait-timeout=30", "--innodb-lock-wait-timeout=30", "--character-set-server=utf8mb4",
		"--innodb-buffer-pool-size=32M", "--innodb-flush-log-at-trx-commit=2", "--innodb-flush-method=nosync",
		"--innodb-fast-shutdown=2",
		"--server-id=" + strconv.Itoa(int(s.number)), "--log-bin=" + filepath.Join(s.dir, "binlog"), "--sync-binlog=0",
	}
	if s.readOnly {
		argv = append(argv, "--read-only=ON")
	}
	if s.MariaDB() {
		return append(argv, "--binlog-format=ROW", "--innodb-log-file-size="+logSize, "--log-slave-updates",
			"--slave-net-timeout=5")
	}
	return append(argv, "--gtid-mode=ON", "--enforce-gtid-consistency", "--replica-net-timeout=5")
}

// DSN is for go-sql-driver: user pooled, database pooled_test.
func (s *MySQLServer) DSN() string { return s.DSNAt(s.address) }

// DSNAt is DSN by way of another address, such as that of a proxy, or of several separated by commas.
func (s *MySQLServer) DSNAt(address string) string { return s.dsn("pooled", address) }

func (s *MySQLServer) dsn(user, address string) string {
	return fmt.Sprintf("%s:%s@tcp(%s)/pooled_test", user, s.password, address)
}

// Primary is nil if the server takes writes.
func (s *MySQLServer) Primary(ctx context.Context) error { return s.isFalse(ctx, "SELECT @@read_only") }

// Stop ends the server as its administrator does: sessions are ended, data is written.
func (s *MySQLServer) Stop() {
	s.tb.Helper()
	s.end(syscall.SIGTERM)
}

// SetReadOnly demotes the server, or ends that: users that are no administrators may not write, also after a restart.
// It waits for transactions that have written.
func (s *MySQLServer) SetReadOnly(on bool) {
	s.tb.Helper()
	s.readOnly = on
	s.exec("SET GLOBAL read_only = %t", on)
}

// quiet keeps the driver from writing lost connections to standard error: here they are the rule.
func init() { mysql.SetLogger(&mysql.NopLogger{}) }
