package metrics_test

import (
	"slices"
	"strconv"
	"testing"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/internal/pooledtest"
	"github.com/pooled-go/pooled/metrics/prom"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

// wantPools compares which pools are exported, by their names in order.
func wantPools(t *testing.T, read exported, when string, want ...string) {
	t.Helper()
	if have := read().pools(); !slices.Equal(have, want) {
		t.Errorf("%s: have pools %q, want %q", when, have, want)
	}
}

// Without a choice all pools are exported, and it is seen that they come and go.
func TestPoolsComeAndGo(t *testing.T) {
	bothWays(t, func(t *testing.T, register func(...*pooled.Pool) exported) {
		first, _ := open(t, "first", pooledtest.Null{})
		read := register()
		wantPools(t, read, "one", "first")
		second, _ := open(t, "second", pooledtest.Null{})
		wantPools(t, read, "two", "first", "second")
		if err := first.Close(); err != nil {
			t.Fatal(err)
		}
		wantPools(t, read, "one of them closed", "second")
		if err := second.Close(); err != nil {
			t.Fatal(err)
		}
		wantPools(t, read, "both closed")
	})
}

// What an SDK has in its histograms stays there: OpenTelemetry has no way to take it out.
func TestClosedPoolsHistogramStays(t *testing.T) {
	db, _ := open(t, "gone", pooledtest.Null{})
	read, _ := viaOTel(t)
	mustExec(t, db, "UPDATE")
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"db.client.connection.create_time{gone}", "db.client.connection.use_time{gone}", "db.client.connection.wait_time{gone}",
	}
	if have := read().names(); !slices.Equal(have, want) {
		t.Errorf("have %q, want %q", have, want)
	}
}

// With a choice, only those are, and not when they are closed.
func TestPoolsChosen(t *testing.T) {
	bothWays(t, func(t *testing.T, register func(...*pooled.Pool) exported) {
		a, poolA := open(t, "a", pooledtest.Null{})
		_, poolB := open(t, "b", pooledtest.Null{})
		open(t, "c", pooledtest.Null{})
		read := register(poolA, poolB)
		wantPools(t, read, "two of three", "a", "b")
		open(t, "d", pooledtest.Null{})
		a.Close()
		wantPools(t, read, "one opened, one closed", "b")
	})
}

// A collector has no error to answer with: a nil pool is none.
func TestCollectorOfNil(t *testing.T) {
	_, pool := open(t, "a", pooledtest.Null{})
	for name, c := range map[string]prometheus.Collector{
		"none": prom.NewCollector(nil), "one": prom.NewCollector(nil, pool),
	} {
		have := testutil.CollectAndCount(c, "pooled_checkouts_total")
		if want := map[string]int{"none": 0, "one": 1}[name]; have != want {
			t.Errorf("%s: have %d pools, want %d", name, have, want)
		}
	}
}

// Two pools of one name are told apart, and no pool changes its name while it is open.
func TestPoolsOfOneName(t *testing.T) {
	bothWays(t, func(t *testing.T, register func(...*pooled.Pool) exported) {
		first, _ := open(t, "orders", pooledtest.Null{})
		_, two := open(t, "orders", pooledtest.Null{}, size(2, 0))
		twoName := numbered("orders", two)
		_, clash := open(t, twoName, pooledtest.Null{}) // is called what the second would be
		clashName := numbered(twoName, clash)
		read := register()
		wantPools(t, read, "three", "orders", twoName, clashName)
		key := "db.client.connection.max{" + twoName + "}"
		if _, ok := read()[key]; !ok {
			key = "pooled_connections_max{" + twoName + "}"
		}
		if have := read()[key].n; have != 2 {
			t.Errorf("%s: have %v, want 2, the second's", key, have)
		}
		first.Close()
		wantPools(t, read, "the first closed", twoName, clashName)
		open(t, "orders", pooledtest.Null{})
		wantPools(t, read, "another one opened", "orders", twoName, clashName)
	})
}

func numbered(name string, p *pooled.Pool) string { return name + "-" + strconv.Itoa(p.Number()) }

// The name that a pool would get may be another's.
func TestPoolNameTaken(t *testing.T) {
	bothWays(t, func(t *testing.T, register func(...*pooled.Pool) exported) {
		_, first := open(t, "orders", pooledtest.Null{})
		second := "orders-" + strconv.Itoa(first.Number()+2)
		open(t, second, pooledtest.Null{})
		_, third := open(t, "orders", pooledtest.Null{})
		wantPools(t, register(), "three", "orders", second, numbered(second, third))
	})
}

// The same pool has the same name both ways, whichever looked first.
func TestPoolsHaveOneNameEverywhere(t *testing.T) {
	first, _ := open(t, "same", pooledtest.Null{})
	_, two := open(t, "same", pooledtest.Null{})
	otel, _ := viaOTel(t)
	wantPools(t, otel, "before", "same", numbered("same", two))
	first.Close()
	later, _ := viaProm(t, two)
	wantPools(t, later, "an exporter that came later", numbered("same", two))
}

// A name that is no text is exported all the same.
func TestPoolNameThatIsNoText(t *testing.T) {
	bothWays(t, func(t *testing.T, register func(...*pooled.Pool) exported) {
		_, p := open(t, "", pooledtest.Null{}, func(cfg *pooled.Config) { cfg.Driver = "odd\xff" })
		wantPools(t, register(p), "odd", numbered("odd?", p))
	})
}
