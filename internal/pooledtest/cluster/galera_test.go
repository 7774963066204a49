//go:build linux

package cluster_test

import (
	"testing"

	"github.com/go-sql-driver/mysql"

	"github.com/pooled-go/pooled/internal/pooledtest"
	"github.com/pooled-go/pooled/internal/pooledtest/cluster"
)

// A node that is killed or out of step is not served by the proxy; the others go on. One that rejects queries is.
func TestGalera(t *testing.T) {
	var nodes [3]*cluster.GaleraNode
	took(t, "three nodes", func() { nodes = cluster.Galera(t) })
	first, second, third := nodes[0], nodes[1], nodes[2]
	var p *cluster.ProxyServer
	took(t, "proxy", func() { p = cluster.HAProxy(t, cluster.ProxyConfig{ShutdownSessions: true}, first, second, third) })
	took(t, "all nodes", func() { p.Await(first, second, third) })
	db := pooledtest.OpenDB(t, "mysql", first.DSNAt(p.Addr()))
	pooledtest.MustExec(t, db, "CREATE TABLE t (id int PRIMARY KEY)")

	second.Desync(true)
	took(t, "desynced", func() { p.Await(first, third) })
	second.Desync(false)
	took(t, "in step", func() { p.Await(first, second, third) })

	second.Reject(true)
	bare := pooledtest.OpenDB(t, "mysql", second.DSN())
	wantError(t, bare, "INSERT INTO t VALUES (1)", func(e *mysql.MySQLError) bool { return e.Number == 1047 })
	second.Reject(false)
	pooledtest.MustExec(t, bare, "INSERT INTO t VALUES (1)")

	took(t, "kill", first.Kill)
	took(t, "out", func() { p.Await(second, third) })
	pooledtest.WaitUntil(t, func() bool { // the others find out that it is gone
		_, err := db.ExecContext(t.Context(), "REPLACE INTO t VALUES (1)")
		return err == nil
	}, func() string { return "the cluster takes no writes" })
	took(t, "start again", first.Start)
	took(t, "all nodes", func() { p.Await(first, second, third) })
	wantRows(t, first.Admin(), 1)
}
