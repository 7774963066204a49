package metrics

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/metrics/internal/figures"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

const (
	scope = "github.com/pooled-go/pooled/metrics"

	// The version of the semantic conventions that the names are of.
	schema = "https://opentelemetry.io/schemas/1.43.0"

	poolName = attribute.Key("db.client.connection.pool.name")
	state    = attribute.Key("db.client.connection.state")

	hostState = attribute.Key("pooled.host.state")
)

// bounds are the upper bounds of the histograms' buckets, in seconds: those of [pooled.Histogram]. The conventions
// recommend none, and an SDK's own are made for milliseconds.
var bounds = []float64{
	1e-5, 5e-5, 1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60,
}

// Register exports the given pools as OpenTelemetry metrics. Without any it exports all pools of the process, also
// those that are opened later. A pool is exported until it is closed; the SDK goes on exporting its histograms.
//
// Until stop is called, pools measure durations for the histograms. They do not if there is no SDK, or if a view drops
// the histograms.
//
// A pool that is registered twice with one provider is counted twice.
func Register(provider metric.MeterProvider, pools ...*pooled.Pool) (stop func() error, err error) {
	if provider == nil {
		return nil, errors.New("pooled: register metrics: the MeterProvider is nil")
	}
	if slices.Contains(pools, nil) {
		return nil, errors.New("pooled: register metrics: one of the pools is nil")
	}
	e := &exporter{pools: figures.Choose(pools), measured: map[*pooled.Pool]func(){}}
	if err := e.register(provider.Meter(scope, metric.WithSchemaURL(schema))); err != nil {
		return nil, fmt.Errorf("pooled: register metrics: %w", err)
	}
	e.unwatch = pooled.ObservePools(func(*pooled.Pool) { e.measure() })
	return e.stop, nil
}

// exporter is one call of Register.
type exporter struct {
	pools        func() []figures.Named
	instruments  map[string]metric.Int64Observable // by name
	histograms   map[pooled.Timing]metric.Float64Histogram
	registration metric.Registration
	unwatch      func() // ends looking for new pools

	mu       sync.Mutex
	stopped  bool
	measured map[*pooled.Pool]func() // what ends it
}

// register makes the instruments. Until stop, the SDK calls collect for each of its readers.
func (e *exporter) register(meter metric.Meter) error {
	e.instruments = map[string]metric.Int64Observable{}
	var observed []metric.Observable
	for _, f := range figures.Figures {
		if e.instruments[f.OTel] != nil {
			continue // another state
		}
		instrument, err := observable(meter, f)
		if err != nil {
			return err
		}
		e.instruments[f.OTel] = instrument
		observed = append(observed, instrument)
	}
	e.histograms = map[pooled.Timing]metric.Float64Histogram{}
	for _, h := range figures.Histograms {
		histogram, err := meter.Float64Histogram(h.OTel, metric.WithUnit("s"), metric.WithDescription(h.Help),
			metric.WithExplicitBucketBoundaries(bounds...))
		if err != nil {
			return err
		}
		e.histograms[h.Timing] = histogram
	}
	var err error
	e.registration, err = meter.RegisterCallback(e.collect, observed...)
	return err
}

// observable makes a counter, or what goes up and down: such figures of several pools can be added.
func observable(meter metric.Meter, f figures.Figure) (metric.Int64Observable, error) {
	if f.Counter {
		return meter.Int64ObservableCounter(f.OTel, metric.WithUnit(f.Unit), metric.WithDescription(f.Help))
	}
	return meter.Int64ObservableUpDownCounter(f.OTel, metric.WithUnit(f.Unit), metric.WithDescription(f.Help))
}

// collect is called when somebody wants the figures.
func (e *exporter) collect(_ context.Context, o metric.Observer) error {
	for _, p := range e.measure() {
		s := figures.LookAt(p.Pool)
		plain := metric.WithAttributeSet(attribute.NewSet(poolName.String(p.Name)))
		for _, f := range figures.Figures {
			n := f.Read(s)
			switch {
			case n < 0:
			case f.State != "":
				o.ObserveInt64(e.instruments[f.OTel], n,
					metric.WithAttributes(poolName.String(p.Name), stateOf(f).String(f.State)))
			default:
				o.ObserveInt64(e.instruments[f.OTel], n, plain)
			}
		}
	}
	return nil
}

// stateOf is the attribute of a figure's State.
func stateOf(f figures.Figure) attribute.Key {
	if f.OfHosts() {
		return hostState
	}
	return state
}

// measure makes all pools that are open measure, lets go of those that were closed, and returns the open ones.
func (e *exporter) measure() []figures.Named {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.stopped {
		return nil
	}
	pools := e.pools()
	open := make(map[*pooled.Pool]bool, len(pools))
	for _, p := range pools {
		open[p.Pool] = true
		if e.measured[p.Pool] == nil && e.enabled() {
			e.measured[p.Pool] = p.Pool.Observe(e.recorder(p.Name))
		}
	}
	for p, end := range e.measured {
		if !open[p] {
			end()
			delete(e.measured, p)
		}
	}
	return pools
}

// enabled reports whether anything becomes of a measurement.
func (e *exporter) enabled() bool {
	for _, h := range e.histograms {
		if h.Enabled(context.Background()) {
			return true
		}
	}
	return false
}

// recorder is what a pool calls with each duration.
func (e *exporter) recorder(pool string) func(pooled.Timing, time.Duration) {
	options := []metric.RecordOption{metric.WithAttributeSet(attribute.NewSet(poolName.String(pool)))}
	ctx := context.Background()
	return func(what pooled.Timing, took time.Duration) {
		if h := e.histograms[what]; h != nil { // a Timing that is newer than this package
			h.Record(ctx, took.Seconds(), options...)
		}
	}
}

// stop ends the export: nothing is measured for it any more. To call it again does nothing.
func (e *exporter) stop() error {
	e.mu.Lock()
	measured := e.measured
	e.stopped, e.measured = true, nil
	e.mu.Unlock()
	e.unwatch()
	for _, end := range measured {
		end()
	}
	// Without the lock: collect needs it while the SDK has its own.
	if err := e.registration.Unregister(); err != nil {
		return fmt.Errorf("pooled: stop metrics: %w", err)
	}
	return nil
}
