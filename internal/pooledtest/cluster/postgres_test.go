//go:build linux

package cluster_test

import (
	"database/sql"
	"testing"

	"github.com/lib/pq"

	"github.com/pooled-go/pooled/internal/pooledtest"
	"github.com/pooled-go/pooled/internal/pooledtest/cluster"
)

// newPostgres starts a primary with a table of one row.
func newPostgres(t *testing.T) (*cluster.PostgresServer, *sql.DB) {
	t.Helper()
	var s *cluster.PostgresServer
	took(t, "start", func() { s = cluster.Postgres(t) })
	db := pooledtest.OpenDB(t, "postgres", s.DSN())
	pooledtest.MustExec(t, db, "CREATE TABLE t (id int)")
	pooledtest.MustExec(t, db, "INSERT INTO t VALUES (1)")
	return s, db
}

// readOnly is PostgreSQL's error.
func readOnly(e *pq.Error) bool { return e.Code == "25006" }

// What was committed before a crash is there after it; a session is lost without a word, and nobody answers between.
func TestPostgresCrash(t *testing.T) {
	s, db := newPostgres(t)
	for range 2 {
		took(t, "kill", s.Kill)
		wantRefused(t, db)
		took(t, "start after a crash", s.Start)
		wantRows(t, db, 1)
	}
}

func TestPostgresStop(t *testing.T) {
	s, db := newPostgres(t)
	for _, mode := range []cluster.StopMode{cluster.Fast, cluster.Immediate} {
		took(t, "stop", func() { s.Stop(mode) })
		took(t, "start", s.Start)
		wantRows(t, db, 1) // database/sql tries three connections
	}
}

// A frozen server accepts connections and says nothing. Afterwards it goes on.
func TestPostgresFreeze(t *testing.T) {
	s, db := newPostgres(t)
	took(t, "freeze", s.Freeze)
	wantSilence(t, s.Addr(), []byte{0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f}) // SSLRequest
	took(t, "thaw", s.Thaw)
	wantRows(t, db, 1)
	s.Freeze()
	s.Kill()
	s.Start()
	wantRows(t, db, 1)
}

// The quick demotion reaches sessions that exist.
func TestPostgresReadOnly(t *testing.T) {
	s, db := newPostgres(t)
	db.SetMaxOpenConns(1)
	took(t, "read-only", func() { s.SetReadOnly(true) })
	pooledtest.WaitUntil(t, func() bool {
		return pooledtest.ScanOne[string](t, db, "SHOW default_transaction_read_only") == "on"
	}, func() string { return "the session was not told" })
	wantError(t, db, "INSERT INTO t VALUES (2)", readOnly)
	s.SetReadOnly(false)
	pooledtest.WaitUntil(t, func() bool {
		return pooledtest.ScanOne[string](t, db, "SHOW default_transaction_read_only") == "off"
	}, func() string { return "the session was not told" })
	pooledtest.MustExec(t, db, "INSERT INTO t VALUES (2)")
}

// A standby follows, takes no writes, and takes over; what was the primary follows it then.
func TestPostgresFailover(t *testing.T) {
	old, db := newPostgres(t)
	var s *cluster.PostgresServer
	took(t, "standby", func() { s = old.Standby() })
	standby := pooledtest.OpenDB(t, "postgres", s.DSN())
	pooledtest.MustExec(t, db, "INSERT INTO t VALUES (2)")
	took(t, "catch up", func() { s.CatchUp(old) })
	wantRows(t, standby, 2)
	wantError(t, standby, "INSERT INTO t VALUES (3)", readOnly)
	old.Kill()
	took(t, "promote", s.Promote)
	pooledtest.MustExec(t, standby, "INSERT INTO t VALUES (3)")
	took(t, "follow", func() { old.Follow(s) })
	took(t, "catch up", func() { old.CatchUp(s) })
	wantRows(t, db, 3)
	wantError(t, db, "INSERT INTO t VALUES (4)", readOnly)
	old.Kill()
	old.Start() // still a standby
	wantError(t, db, "INSERT INTO t VALUES (4)", readOnly)
}
