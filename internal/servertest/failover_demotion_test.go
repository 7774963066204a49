//go:build linux

package servertest_test

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/internal/pooledtest"
	"github.com/pooled-go/pooled/internal/pooledtest/cluster"
)

// The primary is demoted, and goes on as a server that only reads. HAProxy leads new connections to the new primary,
// and ends none: without the pool, all writes would fail for good.
func TestFailoverDemotionHAProxy(t *testing.T) {
	onPairs(t, true, func(t *testing.T, p pair) {
		proxy := cluster.HAProxy(t, cluster.ProxyConfig{}, p.primary, p.standby)
		proxy.Await(p.primary)
		db, pool := p.open(t, proxy.Addr())
		l := startLoad(t, db)
		p.promote()
		proxy.Await(p.standby)
		l.awaitAll(t)
		l.wantFewErrors(t)
		wantMoved(t, pool, p)
	})
}

// The same, where the name of the primary gets another address.
func TestFailoverDemotionName(t *testing.T) {
	onPairs(t, true, func(t *testing.T, p pair) {
		names := cluster.DNS(t)
		names.UseByDefault()
		names.Set("db.test", p.primary.Addr())
		_, port, err := net.SplitHostPort(p.primary.Addr())
		if err != nil {
			t.Fatal(err)
		}
		db, pool := p.open(t, net.JoinHostPort("db.test", port))
		l := startLoad(t, db)
		p.promote()
		names.Set("db.test", p.standby.Addr())
		l.awaitAll(t)
		l.wantFewErrors(t)
		wantMoved(t, pool, p)
	})
}

// wantMoved wants that the pool has noticed the demotion, and left the server.
func wantMoved(t *testing.T, pool *pooled.Pool, p pair) {
	t.Helper()
	if s := pool.Stats(); s.Demotions == 0 {
		t.Errorf("have %+v, want a demotion", s)
	}
	sessions := "SELECT count(*) FROM pg_stat_activity WHERE usename = 'pooled'"
	if p.driver == "mysql" {
		sessions = "SELECT count(*) FROM information_schema.processlist WHERE user = 'pooled'"
	}
	pooledtest.WaitUntil(t, func() bool { return pooledtest.ScanOne[int](t, p.primary.Admin(), sessions) == 0 },
		func() string { return "the pool has connections to the server that was demoted" })
}

// A request to cancel a statement goes to the address where it runs, and not to another of the same name.
func TestCancelAtOneOfSeveralAddresses(t *testing.T) {
	server := cluster.Postgres(t)
	_, port, err := net.SplitHostPort(server.Addr())
	if err != nil {
		t.Fatal(err)
	}
	names := cluster.DNS(t)
	names.UseByDefault()
	names.Set("db.test", "127.0.0.1", server.Addr()) // nobody listens at the first
	db := openServer(t, "postgres", server.DSNAt(net.JoinHostPort("db.test", port)))
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		_, err := db.ExecContext(ctx, "SELECT pg_sleep(600)")
		ended <- err
	}()
	pooledtest.WaitUntil(t, func() bool {
		return pooledtest.ScanOne[int](t, server.Admin(), "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' "+
			"AND query LIKE '%pg_sleep(600)' AND usename = 'pooled'") == 1
	}, func() string { return "the statement does not run" })
	cancel()
	select {
	case err := <-ended:
		if err == nil {
			t.Error("have no error")
		}
	case <-time.After(time.Minute):
		t.Fatal("the statement was not canceled")
	}
}
