package pooled

import (
	"time"

	"github.com/pooled-go/pooled/internal/observe"
)

// Timing is a length of time that a pool measures.
type Timing string

const (
	// TimingWait is how long a successful checkout took, including the wait, a dial of its own and the checks.
	TimingWait Timing = "wait"
	// TimingConnect is how long it took to open a server connection, including hooks and pool_init_sql.
	TimingConnect Timing = "connect"
	// TimingUse is how long a server connection was in use.
	TimingUse Timing = "use"
	// TimingReset is how long a reset on return took, if it sent something.
	TimingReset Timing = "reset"
)

// Histogram counts durations in buckets. All histograms have the same bounds: from 10us to a minute, two or three in
// each power of ten.
type Histogram struct {
	Count   uint64
	Sum     time.Duration
	Buckets []Bucket
}

// Bucket counts the durations that are at most UpTo, including those of all buckets before it. The last bucket has no
// bound: its UpTo is NoLimit.
type Bucket struct {
	UpTo  time.Duration
	Count uint64
}

// Quantile returns a quantile of the durations, for a q from 0 to 1. With 0.99 it is the 99th percentile, rounded up to
// the bound of a bucket. It is 0 if there are no durations, and NoLimit if it is above the last bound.
func (h Histogram) Quantile(q float64) time.Duration {
	for _, b := range h.Buckets {
		if h.Count > 0 && float64(b.Count) >= q*float64(h.Count) {
			return b.UpTo
		}
	}
	return 0
}

// Histogram returns what the pool has measured. With Config.Timings it measures from the start. Otherwise it measures
// all timings from the first call on, and stops after five minutes without a call. So it costs nothing while nobody
// looks. An unknown Timing has no durations.
func (p *Pool) Histogram(t Timing) Histogram {
	p = p.current()
	p.measure()
	h := p.histograms.Of(t)
	if h == nil {
		return Histogram{}
	}
	sum, upTo := h.Read()
	bounds := append(observe.Bounds(), NoLimit)
	list := Histogram{Count: upTo[len(upTo)-1], Sum: sum, Buckets: make([]Bucket, len(upTo))}
	for i, count := range upTo {
		list.Buckets[i] = Bucket{UpTo: bounds[i], Count: count}
	}
	return list
}

// Observe calls f with each duration as it is measured, until stop is called. f runs on the goroutine that checks out
// or in, or that opens a connection. Several may call it at the same time, so f should be quick. A panic in f is
// logged. While there is an observer, each checkout reads the clock three times. A nil f does nothing.
func (p *Pool) Observe(f func(Timing, time.Duration)) (stop func()) {
	if f == nil {
		return func() {}
	}
	return p.current().observers.Add(f)
}

// clocked is the time if somebody wants to know how long something takes, else zero.
func (p *Pool) clocked() time.Time {
	if p.observers.Empty() {
		return time.Time{}
	}
	return time.Now()
}

// observe tells how long something took that began then; zero: nobody asked.
func (p *Pool) observe(what Timing, began time.Time) {
	if began.IsZero() {
		return
	}
	took := time.Since(began)
	defer p.logPanic("timing") // the lease goes on
	for f := range p.observers.All() {
		f(what, took)
	}
}

// waited is the end of a checkout that began then, and the beginning of a use.
func (p *Pool) waited(s *ServerConn, began time.Time) {
	p.observe(TimingWait, began)
	s.took, s.timed = time.Now(), true
}

// measure fills the histograms from now on: as long as somebody asks for them, or with Config.Timings as long as the
// pool is open.
func (p *Pool) measure() {
	if !p.closing.Load() {
		p.histograms.Measure(p.Observe, p.cfg.Timings)
	}
}
