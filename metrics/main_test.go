package metrics_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/internal/pooledtest"
	"github.com/pooled-go/pooled/metrics"
	"github.com/pooled-go/pooled/metrics/prom"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"go.opentelemetry.io/otel/attribute"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

func TestMain(m *testing.M) { pooledtest.Main(m) }

// open is a sql.DB on a pool of that name before parent. It is closed when the test ends; a test in a
// synctest bubble closes it itself.
func open(t testing.TB, name string, parent driver.Connector, set ...func(*pooled.Config)) (*sql.DB, *pooled.Pool) {
	t.Helper()
	cfg := pooled.NewConfig()
	cfg.Name = name
	for _, f := range set {
		f(&cfg)
	}
	connector, err := pooled.NewConnector(parent, cfg)
	if err != nil {
		t.Fatal(err)
	}
	db := sql.OpenDB(connector)
	t.Cleanup(func() { db.Close() })
	return db, connector.Pool()
}

func size(size, overflow int) func(*pooled.Config) {
	return func(cfg *pooled.Config) { cfg.Size, cfg.MaxOverflow = size, overflow }
}

func grab(t testing.TB, db *sql.DB) *sql.Conn {
	t.Helper()
	conn, err := db.Conn(context.Background())
	if err != nil {
		t.Fatalf("Conn: %v", err)
	}
	mustExec(t, conn, "UPDATE")
	return conn
}

func give(t testing.TB, conns ...*sql.Conn) {
	t.Helper()
	for _, c := range conns {
		if err := c.Close(); err != nil {
			t.Fatalf("Close: %v", err)
		}
	}
}

func mustExec(t testing.TB, db interface {
	ExecContext(context.Context, string, ...any) (sql.Result, error)
}, query string) {
	t.Helper()
	if _, err := db.ExecContext(context.Background(), query); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}

// sample is what an exporter says of one series.
type sample struct {
	kind string // "counter", "up-down counter" or "histogram"
	unit string // OpenTelemetry only
	help string
	n    float64         // of a histogram: the sum
	hist *histogramPoint // or nil
}

type histogramPoint struct {
	count  uint64
	bounds []float64
	counts []uint64 // cumulative, with that of +Inf
}

// samples is all that was exported, by name and attributes: "db.client.connection.count{main idle}".
type samples map[string]sample

func (s samples) names() []string { return slices.Sorted(maps.Keys(s)) }

// pools are the pools that something was exported of.
func (s samples) pools() []string {
	found := map[string]bool{}
	for key := range s {
		_, labels, _ := strings.Cut(strings.TrimSuffix(key, "}"), "{")
		pool, _, _ := strings.Cut(labels, " ")
		found[pool] = true
	}
	return slices.Sorted(maps.Keys(found))
}

// exported is a way out: what it gives at the moment.
type exported func() samples

// viaOTel registers pools with an SDK of their own.
func viaOTel(t testing.TB, pools ...*pooled.Pool) (read exported, stop func() error) {
	t.Helper()
	reader := sdkmetric.NewManualReader()
	stop, err := metrics.Register(sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader)), pools...)
	if err != nil {
		t.Fatalf("Register: %v", err)
	}
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Errorf("stop: %v", err)
		}
	})
	return func() samples { return readOTel(t, reader) }, stop
}

func readOTel(t testing.TB, reader *sdkmetric.ManualReader) samples {
	t.Helper()
	var all metricdata.ResourceMetrics
	if err := reader.Collect(context.Background(), &all); err != nil {
		t.Fatalf("Collect: %v", err)
	}
	found := samples{}
	for _, scope := range all.ScopeMetrics {
		for _, m := range scope.Metrics {
			addOTel(t, found, m)
		}
	}
	return found
}

func addOTel(t testing.TB, to samples, m metricdata.Metrics) {
	t.Helper()
	key := func(set attribute.Set) string {
		var values []string
		for _, kv := range set.ToSlice() {
			values = append(values, kv.Value.AsString())
		}
		return fmt.Sprintf("%s{%s}", m.Name, strings.Join(values, " "))
	}
	base := sample{unit: m.Unit, help: m.Description}
	switch data := m.Data.(type) {
	case metricdata.Sum[int64]:
		base.kind = "up-down counter"
		if data.IsMonotonic {
			base.kind = "counter"
		}
		for _, p := range data.DataPoints {
			s := base
			s.n = float64(p.Value)
			to[key(p.Attributes)] = s
		}
	case metricdata.Histogram[float64]:
		base.kind = "histogram"
		for _, p := range data.DataPoints {
			s := base
			s.n, s.hist = p.Sum, &histogramPoint{count: p.Count, bounds: p.Bounds}
			var sum uint64
			for _, n := range p.BucketCounts {
				sum += n
				s.hist.counts = append(s.hist.counts, sum)
			}
			to[key(p.Attributes)] = s
		}
	default:
		t.Fatalf("%s: a %T", m.Name, m.Data)
	}
}

// viaProm registers a collector of pools in a registry of its own.
func viaProm(t testing.TB, pools ...*pooled.Pool) (exported, *prometheus.Registry) {
	t.Helper()
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(prom.NewCollector(pools...))
	return func() samples { return readProm(t, registry) }, registry
}

func readProm(t testing.TB, registry prometheus.Gatherer) samples {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatalf("Gather: %v", err)
	}
	found := samples{}
	for _, f := range families {
		for _, m := range f.Metric {
			addProm(t, found, f, m)
		}
	}
	return found
}

func addProm(t testing.TB, to samples, f *dto.MetricFamily, m *dto.Metric) {
	t.Helper()
	s := sample{help: f.GetHelp()}
	switch f.GetType() {
	case dto.MetricType_COUNTER:
		s.kind, s.n = "counter", m.GetCounter().GetValue()
	case dto.MetricType_GAUGE:
		s.kind, s.n = "up-down counter", m.GetGauge().GetValue()
	case dto.MetricType_HISTOGRAM:
		h := m.GetHistogram()
		s.kind, s.n, s.hist = "histogram", h.GetSampleSum(), &histogramPoint{count: h.GetSampleCount()}
		for _, b := range h.Bucket {
			s.hist.bounds = append(s.hist.bounds, b.GetUpperBound())
			s.hist.counts = append(s.hist.counts, b.GetCumulativeCount())
		}
		s.hist.counts = append(s.hist.counts, h.GetSampleCount()) // +Inf has no bucket here
	default:
		t.Fatalf("%s: a %v", f.GetName(), f.GetType())
	}
	var values []string
	for _, l := range m.Label { // sorted by name: pool, state
		values = append(values, l.GetValue())
	}
	to[fmt.Sprintf("%s{%s}", f.GetName(), strings.Join(values, " "))] = s
}

// bothWays runs a test for each exporter. open registers all pools, or those given.
func bothWays(t *testing.T, f func(t *testing.T, open func(...*pooled.Pool) exported)) {
	t.Run("OpenTelemetry", func(t *testing.T) {
		f(t, func(pools ...*pooled.Pool) exported { read, _ := viaOTel(t, pools...); return read })
	})
	t.Run("Prometheus", func(t *testing.T) {
		f(t, func(pools ...*pooled.Pool) exported { read, _ := viaProm(t, pools...); return read })
	})
}
