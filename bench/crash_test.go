//go:build linux

package bench

import (
	"errors"
	"testing"
	"time"

	"github.com/pooled-go/pooled/internal/pooledtest/cluster"
)

// A crash is told: each request has an outcome, the errors have kinds, and the first one to succeed comes after the
// server's return. How many fail is the report's to say.
func TestCrashIsMeasured(t *testing.T) {
	server, s := cluster.Postgres(t), postgresAt("")
	plan := CrashPlan{PerSecond: 100, Before: 200 * time.Millisecond, Outage: time.Second, After: time.Second, Heap: true}
	for _, contender := range AwayContenders(s, "") {
		c, err := RunCrash(t.Context(), server, s, contender, plan, 1)
		if missing := new(MissingPeer); errors.As(err, &missing) {
			t.Log(missing)
			continue
		}
		if err != nil {
			t.Fatal(contender.Name, err)
		}
		t.Logf("%s: %d requests, %d failed, %d in flight, %v", contender.Name, len(c.Requests), c.Failed(), c.InFlight, c.Examples)
		if want := len(arrivals(plan.PerSecond, plan.Before+plan.Outage+plan.After, 1)); len(c.Requests) != want {
			t.Errorf("%s: have %d requests, want %d", contender.Name, len(c.Requests), want)
		}
		kinds := 0
		for _, k := range Kinds {
			kinds += c.OfKind(k)
		}
		if kinds != c.Failed() || len(c.Examples) == 0 != (kinds == 0) {
			t.Errorf("%s: have %d errors of %d, of which are examples %v", contender.Name, kinds, c.Failed(), c.Examples)
		}
		if c.Outage() < plan.Outage || c.Longest() <= 0 || c.FirstSuccess() < 0 || c.HeapBefore <= 0 || c.HeapDuring <= 0 {
			t.Errorf("%s: have an outage of %v, a longest wait of %v, a first success after %v, a heap of %d and %d",
				contender.Name, c.Outage(), c.Longest(), c.FirstSuccess(), c.HeapBefore, c.HeapDuring)
		}
	}
}

func postgresAt(dsn string) Server {
	s, _ := PostgreSQL()
	s.DSN = dsn
	return s
}
