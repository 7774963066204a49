//go:build linux

package servertest_test

import (
	"database/sql"
	"strings"
	"testing"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/internal/pooledtest"
	"github.com/pooled-go/pooled/internal/pooledtest/cluster"
)

// Three Galera nodes, behind a proxy and in one DSN. One is out of step, takes nothing, or is killed: that costs the
// statements that are under way there, and callers go on at the others. None is executed twice: rows have a key.
func TestSeveralGalera(t *testing.T) {
	nodes := cluster.Galera(t)
	p := pair{driver: "mysql", primary: nodes[0]}
	pooledtest.MustExec(t, nodes[0].Admin(), "CREATE TABLE outage (caller int, n int, PRIMARY KEY (caller, n))")
	for _, n := range nodes[1:] {
		pooledtest.WaitUntil(t, func() bool {
			_, err := n.Admin().ExecContext(t.Context(), "SELECT 1 FROM outage")
			return err == nil
		}, func() string { return "a node does not follow" })
	}
	proxy := cluster.HAProxy(t, cluster.ProxyConfig{}, nodes[0], nodes[1], nodes[2])
	proxy.Await(nodes[0], nodes[1], nodes[2])
	all := strings.Join([]string{nodes[0].Addr(), nodes[1].Addr(), nodes[2].Addr()}, ",")
	g := galeraLoads{t: t}
	for _, address := range []string{proxy.Addr(), all} {
		db, pool := p.open(t, address)
		g.dbs, g.pools = append(g.dbs, db), append(g.pools, pool)
	}
	first := nodes[0]
	t.Run("desync", g.step(0, func() {
		first.Desync(true)
		proxy.Await(nodes[1], nodes[2])
		g.renew()
		first.Desync(false)
		proxy.Await(nodes[0], nodes[1], nodes[2])
	}))
	t.Run("reject", g.step(loadCallers, func() {
		first.Reject(true)
		g.awaitAll()
		g.renew()
		first.Reject(false)
	}))
	for _, pool := range g.pools {
		pool.Dispose() // so that there are connections to the first node again
	}
	t.Run("kill", g.step(loadCallers, first.Kill))
}

// galeraLoads are loads on the same three nodes by way of several pools.
type galeraLoads struct {
	t     *testing.T
	dbs   []*sql.DB
	pools []*pooled.Pool
	loads []*load
	begun int
}

// step lets something happen under load, which may cost each pool so many errors.
func (g *galeraLoads) step(most int, happens func()) func(*testing.T) {
	return func(t *testing.T) {
		g.t, g.loads = t, nil
		for _, db := range g.dbs {
			g.begun++
			g.loads = append(g.loads, startLoadOf(t, writes(db, g.begun*loadCallers)))
		}
		happens()
		g.awaitAll()
		for i, l := range g.loads {
			l.wantFewErrors(t)
			if len(l.errors()) > most {
				t.Errorf("pool %d: have %v, want at most %d errors", i, l.errors(), most)
			}
			if s := g.pools[i].Stats(); s.Timeouts != 0 || s.OutageErrors != 0 {
				t.Errorf("pool %d: have %+v, want no caller that has waited in vain", i, s)
			}
		}
	}
}

func (g *galeraLoads) awaitAll() {
	g.t.Helper()
	for _, l := range g.loads {
		l.awaitAll(g.t)
	}
}

// renew replaces all connections, and waits until they are in use.
func (g *galeraLoads) renew() {
	g.t.Helper()
	for _, pool := range g.pools {
		pool.Dispose()
	}
	g.awaitAll()
}
