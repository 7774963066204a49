package metrics_test

import (
	"slices"
	"testing"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/internal/pooledtest"
	"github.com/pooled-go/pooled/metrics"
	"go.opentelemetry.io/otel/attribute"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/semconv/v1.43.0/dbconv"
)

// What OpenTelemetry's own package says of the metrics that the conventions have for connection pools.
var conventions = []struct {
	is interface {
		Name() string
		Unit() string
	}
	kind string
}{
	{dbconv.ClientConnectionCount{}, "up-down counter"},
	{dbconv.ClientConnectionIdleMax{}, "up-down counter"},
	{dbconv.ClientConnectionIdleMin{}, "up-down counter"},
	{dbconv.ClientConnectionMax{}, "up-down counter"},
	{dbconv.ClientConnectionPendingRequests{}, "up-down counter"},
	{dbconv.ClientConnectionTimeouts{}, "counter"},
	{dbconv.ClientConnectionCreateTime{}, "histogram"},
	{dbconv.ClientConnectionWaitTime{}, "histogram"},
	{dbconv.ClientConnectionUseTime{}, "histogram"},
}

func TestConventions(t *testing.T) {
	have := collectFull(t)
	if have.Scope.SchemaURL != semconv.SchemaURL {
		t.Errorf("schema: have %s, want %s", have.Scope.SchemaURL, semconv.SchemaURL)
	}
	pool := dbconv.ClientConnectionCountObservable{}.AttrClientConnectionPoolName("p")
	plain := []attribute.Set{attribute.NewSet(pool)}
	states := []attribute.Set{
		attribute.NewSet(
			pool,
			dbconv.ClientConnectionCountObservable{}.AttrClientConnectionState(dbconv.ClientConnectionStateIdle),
		),
		attribute.NewSet(
			pool,
			dbconv.ClientConnectionCountObservable{}.AttrClientConnectionState(dbconv.ClientConnectionStateUsed),
		),
	}
	for _, c := range conventions {
		at := slices.IndexFunc(have.Metrics, func(m metricdata.Metrics) bool { return m.Name == c.is.Name() })
		if at < 0 {
			t.Errorf("%s is missing", c.is.Name())
			continue
		}
		m := have.Metrics[at]
		if m.Unit != c.is.Unit() {
			t.Errorf("%s: have unit %q, want %q", m.Name, m.Unit, c.is.Unit())
		}
		kind, sets := shape(t, m)
		if kind != c.kind {
			t.Errorf("%s: have a %s, want a %s", m.Name, kind, c.kind)
		}
		want := plain
		if m.Name == (dbconv.ClientConnectionCount{}).Name() {
			want = states
		}
		for _, set := range sets {
			if !slices.ContainsFunc(want, func(s attribute.Set) bool { return s.Equals(&set) }) {
				t.Errorf("%s: have attributes %v, want one of %v", m.Name, set.ToSlice(), want)
			}
		}
		if len(sets) != len(want) {
			t.Errorf("%s: have %d series, want %d", m.Name, len(sets), len(want))
		}
	}
}

// collectFull is the scope of a pool that has everything.
func collectFull(t *testing.T) metricdata.ScopeMetrics {
	t.Helper()
	db, pool := open(t, "p", pooledtest.Null{}, size(1, 0))
	reader := sdkmetric.NewManualReader()
	stop, err := metrics.Register(sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader)), pool)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop() })
	mustExec(t, db, "UPDATE")
	var all metricdata.ResourceMetrics
	if err := reader.Collect(t.Context(), &all); err != nil {
		t.Fatal(err)
	}
	if len(all.ScopeMetrics) != 1 {
		t.Fatalf("have %d scopes, want 1", len(all.ScopeMetrics))
	}
	return all.ScopeMetrics[0]
}

func shape(t *testing.T, m metricdata.Metrics) (kind string, sets []attribute.Set) {
	t.Helper()
	switch data := m.Data.(type) {
	case metricdata.Sum[int64]:
		kind = "up-down counter"
		if data.IsMonotonic {
			kind = "counter"
		}
		for _, p := range data.DataPoints {
			sets = append(sets, p.Attributes)
		}
	case metricdata.Histogram[float64]:
		kind = "histogram"
		for _, p := range data.DataPoints {
			sets = append(sets, p.Attributes)
		}
	default:
		t.Fatalf("%s: a %T", m.Name, m.Data)
	}
	return kind, sets
}

// The histograms have the buckets that the pool's own have, both ways.
func TestBuckets(t *testing.T) {
	db, pool := open(t, "buckets", pooledtest.Null{})
	readOTel, _ := viaOTel(t, pool)
	readProm, _ := viaProm(t, pool)
	mustExec(t, db, "UPDATE")
	for _, h := range []struct {
		otel, prom string
		own        pooled.Histogram
	}{
		{"db.client.connection.wait_time{buckets}", "pooled_wait_time_seconds{buckets}", pool.Histogram(pooled.TimingWait)},
		{"db.client.connection.use_time{buckets}", "pooled_use_time_seconds{buckets}", pool.Histogram(pooled.TimingUse)},
		{"db.client.connection.create_time{buckets}", "pooled_create_time_seconds{buckets}",
			pool.Histogram(pooled.TimingConnect)},
	} {
		var bounds []float64
		var counts []uint64
		for _, b := range h.own.Buckets {
			if counts = append(counts, b.Count); b.UpTo >= 0 {
				bounds = append(bounds, b.UpTo.Seconds())
			}
		}
		for key, s := range map[string]sample{h.otel: readOTel()[h.otel], h.prom: readProm()[h.prom]} {
			switch {
			case s.hist == nil:
				t.Errorf("%s is missing", key)
			case !slices.Equal(s.hist.bounds, bounds):
				t.Errorf("%s: have bounds\n%v, want\n%v", key, s.hist.bounds, bounds)
			case !slices.Equal(s.hist.counts, counts) || s.hist.count != 1:
				t.Errorf("%s: have %d in\n%v, want 1 in\n%v", key, s.hist.count, s.hist.counts, counts)
			}
		}
	}
}
