//go:build linux

package servertest_test

import (
	"context"
	"database/sql"
	"testing"
	"time"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/internal/pooledtest"
)

// openDirect is a pool of class direct, whose callers wait for the end of an outage as in the others.
func openDirect(t *testing.T, p pair, address string) (*sql.DB, *pooled.Pool) {
	t.Helper()
	db, pool := p.open(t, address, "pool_class=direct")
	db.SetMaxOpenConns(loadCallers)
	db.SetMaxIdleConns(loadCallers)
	return db, pool
}

// A crash in class direct: database/sql's callers wait for their new connections.
func TestOutageDirect(t *testing.T) {
	onPairs(t, false, func(t *testing.T, p pair) {
		db, pool := openDirect(t, p, p.primary.Addr())
		l := startLoad(t, db)
		p.primary.Kill()
		<-time.After(time.Second)
		p.primary.Start()
		l.awaitAll(t)
		l.wantFewErrors(t)
		l.wantRowsOf(t, p.primary.Admin())
		if s := pool.Stats(); s.Outages == 0 || s.OutageErrors != 0 {
			t.Errorf("have %d outages and %d errors of them, want one or more, and none", s.Outages, s.OutageErrors)
		}
	})
}

// A demotion in class direct: the error of a write that is refused is the program's, once for each connection at most.
// No connection to the server that was demoted is used again.
func TestFailoverDirect(t *testing.T) {
	onPairs(t, true, func(t *testing.T, p pair) {
		db, pool := openDirect(t, p, p.primary.Addr()+","+p.standby.Addr())
		l := startLoad(t, db)
		conn, err := db.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		pooledtest.MustExec(t, conn, "INSERT INTO outage VALUES (-1, 0)")
		p.promote()
		l.awaitAll(t)
		l.wantFewErrors(t)
		if _, err := conn.ExecContext(context.Background(), "INSERT INTO outage VALUES (-1, 1)"); err == nil {
			t.Error("have no error of a connection to the server that was demoted")
		}
		conn.Close()
		for range 2 * loadCallers {
			pooledtest.MustExec(t, db, "INSERT INTO outage VALUES (-1, 2)")
		}
		wantMoved(t, pool, p)
	})
}
