//go:build linux

package bench

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/pooled-go/pooled/internal/pooledtest/cluster"
)

// A crash is told: each request has an outcome, and the errors have kinds. How many fail is the report's to say.
func TestCrashIsMeasured(t *testing.T) {
	for _, is := range []struct {
		find  func() (Server, bool)
		start func(testing.TB) CrashServer
	}{
		{PostgreSQL, func(tb testing.TB) CrashServer { return cluster.Postgres(tb) }},
		{MariaDB, func(tb testing.TB) CrashServer { return cluster.MySQL(tb) }},
	} {
		s, _ := is.find()
		t.Run(s.Name, func(t *testing.T) {
			server := is.start(t)
			for _, contender := range AwayContenders(s, "") {
				t.Run(contender.Name, func(t *testing.T) { measureCrash(t, server, s, contender) })
			}
		})
	}
}

func measureCrash(t *testing.T, server CrashServer, s Server, contender AwayContender) {
	plan := CrashPlan{PerSecond: 100, Before: 200 * time.Millisecond, Outage: time.Second, After: time.Second, Heap: true}
	c, err := RunCrash(context.WithoutCancel(t.Context()), server, s, contender, plan, 1)
	if missing := new(MissingPeer); errors.As(err, &missing) {
		t.Skip(missing)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d requests, %d failed, %d in flight, %v", len(c.Requests), c.Failed(), c.InFlight, c.Examples)
	if least := len(arrivals(plan.PerSecond, plan.Before+plan.Outage, 1)); len(c.Requests) < least {
		t.Errorf("have %d requests, want at least %d", len(c.Requests), least)
	}
	kinds := 0
	for _, k := range Kinds {
		kinds += c.OfKind(k)
	}
	if kinds != c.Failed() || len(c.Examples) == 0 != (kinds == 0) {
		t.Errorf("have %d errors of %d, of which are examples %v", kinds, c.Failed(), c.Examples)
	}
	if c.Outage() < plan.Outage || c.Longest() <= 0 || c.HeapBefore <= 0 || c.HeapDuring <= 0 {
		t.Errorf("have an outage of %v, a longest wait of %v, a heap of %d and %d",
			c.Outage(), c.Longest(), c.HeapBefore, c.HeapDuring)
	}
}
