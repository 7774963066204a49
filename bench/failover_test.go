//go:build linux

package bench

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/pooled-go/pooled/internal/pooledtest/cluster"
)

// Each run finds a pair that works, and its writes have outcomes. How many fail is the report's to say.
func TestFailoverIsMeasured(t *testing.T) {
	t.Run("PostgreSQL", func(t *testing.T) {
		s, _ := PostgreSQL()
		primary := cluster.Postgres(t)
		measureFailover(t, s, primary, primary.Standby())
	})
	t.Run("MariaDB", func(t *testing.T) {
		s, _ := MariaDB()
		primary := cluster.MySQL(t)
		measureFailover(t, s, primary, primary.Replica())
	})
}

func measureFailover[S FailoverServer[S]](t *testing.T, s Server, primary, standby S) {
	pair := ByProxy(t, s, primary, standby)
	contenders := AwayContenders(s, "")
	for _, contender := range []AwayContender{contenders[0], contenders[len(contenders)-1]} {
		t.Run("HAProxy, "+contender.Name, func(t *testing.T) { measureChange(t, pair, contender) })
	}
	pair = ByName(t, s, pair.primary, pair.standby)
	for _, contender := range contenders[len(contenders)-2:] {
		t.Run("name, "+contender.Name, func(t *testing.T) { measureChange(t, pair, contender) })
	}
}

func measureChange[S FailoverServer[S]](t *testing.T, pair *Pair[S], contender AwayContender) {
	plan := FailoverPlan{PerSecond: 100, Before: 200 * time.Millisecond, After: time.Second}
	f, err := pair.Run(context.WithoutCancel(t.Context()), contender, plan, 1)
	if missing := new(MissingPeer); errors.As(err, &missing) {
		t.Skip(missing)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d writes, %d failed, change took %v, first write after %v, stuck %.2f, %v", len(f.Requests), f.Failed(),
		f.Accepted.Sub(f.Demoted), f.FirstWrite(), f.Stuck(), f.Examples)
	kinds := 0
	for _, k := range Kinds {
		kinds += f.OfKind(k)
	}
	if kinds != f.Failed() || len(f.Requests) == 0 || f.Accepted.Before(f.Demoted) || f.Stuck() > 1 {
		t.Errorf("have %d errors of %d of %d, %+v", kinds, f.Failed(), len(f.Requests), f)
	}
}
