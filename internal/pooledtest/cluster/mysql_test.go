//go:build linux

package cluster_test

import (
	"database/sql"
	"testing"

	"github.com/go-sql-driver/mysql"

	"github.com/pooled-go/pooled/internal/pooledtest"
	"github.com/pooled-go/pooled/internal/pooledtest/cluster"
)

// newMySQL starts a primary with a table of one row.
func newMySQL(t *testing.T) (*cluster.MySQLServer, *sql.DB) {
	t.Helper()
	var s *cluster.MySQLServer
	took(t, "start", func() { s = cluster.MySQL(t) })
	db := pooledtest.OpenDB(t, "mysql", s.DSN())
	pooledtest.MustExec(t, db, "CREATE TABLE t (id int PRIMARY KEY)")
	pooledtest.MustExec(t, db, "INSERT INTO t VALUES (1)")
	return s, db
}

// optionReadOnly is the error of a server with read_only.
func optionReadOnly(e *mysql.MySQLError) bool { return e.Number == 1290 }

// What was committed before a crash is there after it; a session is lost without a word, and nobody answers between.
func TestMySQLCrash(t *testing.T) {
	s, db := newMySQL(t)
	for range 2 {
		took(t, "kill", s.Kill)
		wantRefused(t, db)
		took(t, "start after a crash", s.Start)
		wantRows(t, db, 1)
	}
}

func TestMySQLStop(t *testing.T) {
	s, db := newMySQL(t)
	took(t, "stop", s.Stop)
	took(t, "start", s.Start)
	wantRows(t, db, 1)
}

// A frozen server accepts connections and says nothing. Afterwards it goes on.
func TestMySQLFreeze(t *testing.T) {
	s, db := newMySQL(t)
	took(t, "freeze", s.Freeze)
	wantSilence(t, s.Addr(), nil)
	took(t, "thaw", s.Thaw)
	wantRows(t, db, 1)
	s.Freeze()
	s.Kill()
	s.Start()
	wantRows(t, db, 1)
}

// A demotion reaches sessions that exist, but those of administrators.
func TestMySQLReadOnly(t *testing.T) {
	s, db := newMySQL(t)
	db.SetMaxOpenConns(1)
	took(t, "read-only", func() { s.SetReadOnly(true) })
	wantError(t, db, "INSERT INTO t VALUES (2)", optionReadOnly)
	pooledtest.MustExec(t, s.Admin(), "INSERT INTO t VALUES (2)")
	s.SetReadOnly(false)
	pooledtest.MustExec(t, db, "INSERT INTO t VALUES (3)")
	wantRows(t, db, 3)
}

// A replica follows, takes no writes, and takes over; what was the primary follows it then.
func TestMySQLFailover(t *testing.T) {
	old, db := newMySQL(t)
	var s *cluster.MySQLServer
	took(t, "replica", func() { s = old.Replica() })
	replica := pooledtest.OpenDB(t, "mysql", s.DSN())
	pooledtest.MustExec(t, db, "INSERT INTO t VALUES (2)")
	took(t, "catch up", func() { s.CatchUp(old) })
	wantRows(t, replica, 2)
	wantError(t, replica, "INSERT INTO t VALUES (3)", optionReadOnly)
	old.Kill()
	took(t, "promote", s.Promote)
	pooledtest.MustExec(t, replica, "INSERT INTO t VALUES (3)")
	old.Start() // takes writes again, until somebody acts
	took(t, "follow", func() { old.Follow(s) })
	took(t, "catch up", func() { old.CatchUp(s) })
	wantRows(t, db, 3)
	wantError(t, db, "INSERT INTO t VALUES (4)", optionReadOnly)
}
