package metrics_test

import (
	"context"
	"errors"
	"math"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"weak"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/internal/pooledtest"
	"github.com/pooled-go/pooled/metrics"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/noop"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
)

const (
	otelWaits = "db.client.connection.wait_time{m}"
	promWaits = "pooled_wait_time_seconds{m}"
)

// waits is how many waits were measured.
func waits(s samples, key string) uint64 {
	if s[key].hist == nil {
		return 0
	}
	return s[key].hist.count
}

// Nothing is measured before there is an exporter, and not for one that was stopped.
func TestMeasuredWhileRegistered(t *testing.T) {
	db, pool := open(t, "m", pooledtest.Null{})
	mustExec(t, db, "UPDATE")
	reader := sdkmetric.NewManualReader()
	provider := sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader))
	stop, err := metrics.Register(provider)
	if err != nil {
		t.Fatal(err)
	}
	if have := waits(readOTel(t, reader), otelWaits); have != 0 {
		t.Errorf("before Register: have %d waits measured, want 0", have)
	}
	mustExec(t, db, "UPDATE")
	if have := waits(readOTel(t, reader), otelWaits); have != 1 {
		t.Errorf("registered: have %d waits measured, want 1", have)
	}
	for range 2 { // the second time does nothing
		if err := stop(); err != nil {
			t.Fatalf("stop: %v", err)
		}
	}
	mustExec(t, db, "UPDATE")
	have := readOTel(t, reader)
	if n := waits(have, otelWaits); n != 1 {
		t.Errorf("stopped: have %d waits measured, want 1 still", n)
	}
	if _, ok := have["pooled.checkouts{m}"]; ok {
		t.Error("stopped: the figures are still exported")
	}
	if have := pool.Histogram(pooled.TimingWait).Count; have != 0 {
		t.Errorf("nobody had asked for the pool's own histograms: have %d waits in them, want 0", have)
	}

	stop, err = metrics.Register(provider)
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	mustExec(t, db, "UPDATE")
	if have := waits(readOTel(t, reader), otelWaits); have != 2 {
		t.Errorf("registered again: have %d waits measured, want 2", have)
	}
}

// A pool that is open when the exporter is made is measured at once; one that is opened
// later with OpenTelemetry at once, with Prometheus from when somebody has looked.
func TestMeasuredFromWhen(t *testing.T) {
	for _, way := range []struct {
		name, key string
		register  func(t *testing.T) exported
	}{
		{"OpenTelemetry", otelWaits, func(t *testing.T) exported { read, _ := viaOTel(t); return read }},
		{"Prometheus", promWaits, func(t *testing.T) exported { read, _ := viaProm(t); return read }},
	} {
		t.Run(way.name, func(t *testing.T) {
			before, _ := open(t, "m", pooledtest.Null{})
			read := way.register(t)
			mustExec(t, before, "UPDATE")
			if have := waits(read(), way.key); have != 1 {
				t.Errorf("open before: have %d waits measured, want 1", have)
			}
			before.Close()
			after, _ := open(t, "m", pooledtest.Null{})
			counted := uint64(1) // of the other, which an SDK does not forget
			if way.name == "Prometheus" {
				counted = waits(read(), way.key)
			}
			mustExec(t, after, "UPDATE")
			if have := waits(read(), way.key) - counted; have != 1 {
				t.Errorf("opened later: have %d waits measured, want 1", have)
			}
		})
	}
}

// With pool_timings, Prometheus has what was measured before there was a collector.
func TestMeasuredFromTheStart(t *testing.T) {
	db, pool := open(t, "m", pooledtest.Null{}, func(cfg *pooled.Config) { cfg.Timings = true })
	mustExec(t, db, "UPDATE")
	read, _ := viaProm(t, pool)
	if have := waits(read(), promWaits); have != 1 {
		t.Errorf("have %d waits, want 1", have)
	}
}

// An exporter does not hold on to a pool that was closed.
func TestClosedPoolIsLetGo(t *testing.T) {
	bothWays(t, func(t *testing.T, register func(...*pooled.Pool) exported) {
		read := register()
		gone := func() weak.Pointer[pooled.Pool] {
			cfg := pooled.NewConfig()
			connector, err := pooled.NewConnector(pooledtest.Null{}, cfg)
			if err != nil {
				t.Fatal(err)
			}
			read()
			connector.Close()
			return weak.Make(connector.Pool())
		}()
		read()
		for deadline := time.Now().Add(10 * time.Second); gone.Value() != nil; runtime.GC() {
			if time.Now().After(deadline) {
				t.Fatal("the pool is still referred to")
			}
		}
	})
}

// meters is a MeterProvider whose SDK can be turned on and off, or fails.
type meters struct {
	on       atomic.Bool
	recorded atomic.Int64
	callback metric.Callback
	fail     string // the instrument that can't be made, or "callback", or "unregister"
}

var errNo = errors.New("no")

func (m *meters) err(name string) error {
	if name == m.fail {
		return errNo
	}
	return nil
}

type histogramOf struct {
	noop.Float64Histogram
	m *meters
}

func (h histogramOf) Enabled(context.Context) bool { return h.m.on.Load() }
func (h histogramOf) Record(context.Context, float64, ...metric.RecordOption) {
	h.m.recorded.Add(1)
}

type provider struct {
	noop.MeterProvider
	m *meters
}

func (p provider) Meter(string, ...metric.MeterOption) metric.Meter { return meter{m: p.m} }

type meter struct {
	noop.Meter
	m *meters
}

func (m meter) Int64ObservableCounter(
	name string,
	_ ...metric.Int64ObservableCounterOption,
) (metric.Int64ObservableCounter, error) {
	return noop.Int64ObservableCounter{}, m.m.err(name)
}

func (m meter) Int64ObservableUpDownCounter(
	name string,
	_ ...metric.Int64ObservableUpDownCounterOption,
) (metric.Int64ObservableUpDownCounter, error) {
	return noop.Int64ObservableUpDownCounter{}, m.m.err(name)
}

func (m meter) Float64Histogram(name string, _ ...metric.Float64HistogramOption) (metric.Float64Histogram, error) {
	return histogramOf{m: m.m}, m.m.err(name)
}

func (m meter) RegisterCallback(f metric.Callback, _ ...metric.Observable) (metric.Registration, error) {
	m.m.callback = f
	return registration{m: m.m}, m.m.err("callback")
}

type registration struct {
	noop.Registration
	m *meters
}

// Unregister waits for a collection that is under way, as an SDK's does.
func (r registration) Unregister() error {
	collected := make(chan error, 1)
	go func() { collected <- r.m.callback(context.Background(), noop.Observer{}) }()
	select {
	case err := <-collected:
		return errors.Join(err, r.m.err("unregister"))
	case <-time.After(10 * time.Second):
		return errors.New("the collection does not end")
	}
}

// Where nothing would become of a measurement, the pool does not measure.
func TestMeasuredOnlyWithAnSDK(t *testing.T) {
	db, pool := open(t, "m", pooledtest.Null{})
	var m meters
	stop, err := metrics.Register(provider{m: &m}, pool)
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	mustExec(t, db, "UPDATE")
	if have := m.recorded.Load(); have != 0 {
		t.Errorf("without an SDK: have %d measured, want 0", have)
	}
	m.on.Store(true)
	if err := m.callback(t.Context(), noop.Observer{}); err != nil {
		t.Fatal(err)
	}
	mustExec(t, db, "UPDATE")
	if have := m.recorded.Load(); have != 2 {
		t.Errorf("with one: have %d measured, want a wait and a use", have)
	}
}

// A collection that is under way while the exporter is stopped is not waited for with a lock that it
// needs, and begins nothing anew.
func TestStopDuringACollection(t *testing.T) {
	db, pool := open(t, "m", pooledtest.Null{})
	var m meters
	m.on.Store(true)
	stop, err := metrics.Register(provider{m: &m}, pool)
	if err != nil {
		t.Fatal(err)
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	mustExec(t, db, "UPDATE")
	if have := m.recorded.Load(); have != 0 {
		t.Errorf("have %d measured, want 0", have)
	}
}

// What OpenTelemetry refuses is Register's error, and nothing is measured.
func TestRegisterErrors(t *testing.T) {
	db, pool := open(t, "m", pooledtest.Null{})
	for _, part := range []string{
		"db.client.connection.count", "pooled.checkouts", "db.client.connection.use_time", "callback",
	} {
		m := meters{fail: part}
		m.on.Store(true)
		_, err := metrics.Register(provider{m: &m}, pool)
		if !errors.Is(err, errNo) || err.Error() != "pooled: register metrics: no" {
			t.Errorf("%s: have %v, want pooled: register metrics: no", part, err)
		}
		mustExec(t, db, "UPDATE")
		if have := m.recorded.Load(); have != 0 {
			t.Errorf("%s: have %d measured, want 0", part, have)
		}
	}
	if _, err := metrics.Register(nil, pool); err == nil ||
		err.Error() != "pooled: register metrics: the MeterProvider is nil" {
		t.Errorf("nil: have %v", err)
	}
	want := "pooled: register metrics: one of the pools is nil"
	if _, err := metrics.Register(provider{m: &meters{}}, pool, nil); err == nil || err.Error() != want {
		t.Errorf("a nil pool: have %v", err)
	}
	stop, err := metrics.Register(provider{m: &meters{fail: "unregister"}}, pool)
	if err != nil {
		t.Fatal(err)
	}
	if err := stop(); !errors.Is(err, errNo) || err.Error() != "pooled: stop metrics: no" {
		t.Errorf("stop: have %v, want pooled: stop metrics: no", err)
	}
}

// Pools are used, opened and closed, exporters come and go and look, all at the same moment. In every look
// the buckets agree with the count and the sum.
func TestConcurrentLoad(t *testing.T) {
	db, _ := open(t, "m", pooledtest.Null{}, size(2, 2))
	otel, _ := viaOTel(t)
	prom, _ := viaProm(t)
	const users, rounds, looks = 4, 2000, 50
	var wg sync.WaitGroup
	for range users {
		wg.Go(func() {
			for range rounds {
				mustExec(t, db, "UPDATE")
			}
		})
	}
	for range 2 {
		wg.Go(func() {
			for range looks {
				other, _ := open(t, "other", pooledtest.Null{})
				mustExec(t, other, "UPDATE")
				other.Close()
			}
		})
	}
	for _, read := range []exported{otel, prom} {
		wg.Go(func() {
			for range looks {
				consistent(t, read())
			}
		})
	}
	reader := sdkmetric.NewManualReader()
	provider := sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader))
	wg.Go(func() {
		for range looks {
			stop, err := metrics.Register(provider)
			if err != nil {
				t.Error(err)
				return
			}
			if err := stop(); err != nil {
				t.Error(err)
			}
		}
	})
	wg.Go(func() {
		for range looks {
			consistent(t, readOTel(t, reader))
		}
	})
	wg.Wait()

	for key, from := range map[string]samples{otelWaits: otel(), promWaits: prom()} {
		consistent(t, from)
		wantSum(t, key, from[key])
		if have := waits(from, key); have != users*rounds {
			t.Errorf("%s: have %d measured, want %d", key, have, users*rounds)
		}
	}
	for key, s := range map[string]sample{"pooled.checkouts{m}": otel()["pooled.checkouts{m}"], "pooled_checkouts_total{m}": prom()["pooled_checkouts_total{m}"]} {
		if s.n != users*rounds {
			t.Errorf("%s: have %v, want %d", key, s.n, users*rounds)
		}
	}
}

// consistent checks all histograms: a bucket has no less than the one before, the last has the count.
func consistent(t *testing.T, s samples) {
	for key, h := range s {
		if h.hist == nil {
			continue
		}
		last := h.hist.counts[len(h.hist.counts)-1]
		if !slices.IsSorted(h.hist.counts) || last != h.hist.count {
			t.Errorf("%s: have a count of %d and buckets of %v, want them to grow to that", key, h.hist.count, h.hist.counts)
		}
	}
}

// wantSum checks that the sum is one that durations in these buckets can have.
func wantSum(t *testing.T, key string, h sample) {
	t.Helper()
	var low, high float64
	var before uint64
	for i, n := range h.hist.counts {
		if i > 0 {
			low += float64(n-before) * h.hist.bounds[i-1]
		}
		if i < len(h.hist.bounds) {
			high += float64(n-before) * h.hist.bounds[i]
		} else if n > before {
			high = math.Inf(1)
		}
		before = n
	}
	if h.n < low || h.n > high {
		t.Errorf("%s: have a sum of %v, want one from %v to %v, for buckets of %v", key, h.n, low, high, h.hist.counts)
	}
}
