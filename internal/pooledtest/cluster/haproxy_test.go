//go:build linux

package cluster_test

import (
	"database/sql"
	"fmt"
	"testing"

	"github.com/pooled-go/pooled/internal/pooledtest"
	"github.com/pooled-go/pooled/internal/pooledtest/cluster"
)

// newProxy starts HAProxy before a pair, of which it serves the primary.
func newProxy(t *testing.T, config cluster.ProxyConfig, primary, standby cluster.Backend) (p *cluster.ProxyServer) {
	t.Helper()
	took(t, "proxy", func() { p = cluster.HAProxy(t, config, primary, standby) })
	took(t, "the right backend", func() { p.Await(primary) })
	return p
}

// The proxy leads new connections to the server that takes writes, and ends others only if told so.
func TestHAProxyPostgres(t *testing.T) {
	primary, _ := newPostgres(t)
	standby := primary.Standby()
	standby.CatchUp(primary)
	for _, shut := range []bool{false, true} {
		t.Run(fmt.Sprint("shut=", shut), func(t *testing.T) {
			p := newProxy(t, cluster.ProxyConfig{ShutdownSessions: shut}, primary, standby)
			db := pooledtest.OpenDB(t, "postgres", primary.DSNAt(p.Addr()))
			stays, err := db.Conn(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer stays.Close()
			pooledtest.MustExec(t, stays, "INSERT INTO t VALUES (2)")
			primary.SetReadOnly(true)
			took(t, "out", func() { p.Await() })
			if _, err := stays.ExecContext(t.Context(), "SELECT 1"); (err != nil) != shut {
				t.Errorf("a connection that existed: have %v, want an error: %t", err, shut)
			}
			primary.SetReadOnly(false)
			took(t, "back", func() { p.Await(primary) })
			pooledtest.MustExec(t, db, "INSERT INTO t VALUES (3)")
		})
	}
	p := newProxy(t, cluster.ProxyConfig{}, primary, standby)
	db := pooledtest.OpenDB(t, "postgres", primary.DSNAt(p.Addr()))
	standby.CatchUp(primary)
	primary.Kill()
	standby.Promote()
	took(t, "the other", func() { p.Await(standby) })
	wantRows(t, db, 5)
	pooledtest.MustExec(t, db, "INSERT INTO t VALUES (4)")
	p.Close()
	wantRefused(t, db)
	p.Start()
	wantRows(t, db, 6)
}

func TestHAProxyMySQL(t *testing.T) {
	primary, _ := newMySQL(t)
	replica := primary.Replica()
	p := newProxy(t, cluster.ProxyConfig{}, primary, replica)
	db := pooledtest.OpenDB(t, "mysql", primary.DSNAt(p.Addr()))
	name := func(db *sql.DB) string { return pooledtest.ScanOne[string](t, db, "SELECT @@server_id") }
	if have, want := name(db), name(primary.Admin()); have != want {
		t.Errorf("have server %s, want the primary, %s", have, want)
	}
	pooledtest.MustExec(t, db, "INSERT INTO t VALUES (2)")
	primary.SetReadOnly(true)
	replica.CatchUp(primary)
	replica.Promote()
	took(t, "the other", func() { p.Await(replica) })
	wantError(t, db, "INSERT INTO t VALUES (3)", optionReadOnly) // a connection that existed
	primary.Kill()
	pooledtest.WaitUntil(t, func() bool {
		_, err := db.ExecContext(t.Context(), "INSERT INTO t VALUES (3)")
		return err == nil
	}, func() string { return "no connection to the new primary" })
	wantRows(t, replica.Admin(), 3)
}
