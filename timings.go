package pooled

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Timing is what a pool measures.
type Timing string

const (
	// TimingWait is how long a checkout took, from the request to the server connection: the wait, a dial of its own and the
	// guards included. Checkouts that failed are not in it; Stats has their numbers.
	TimingWait Timing = "wait"
	// TimingConnect is how long it took to open a server connection, its hooks and pool_init_sql included.
	TimingConnect Timing = "connect"
	// TimingUse is how long a server connection was lent.
	TimingUse Timing = "use"
	// TimingReset is how long a reset on return took that sent something.
	TimingReset Timing = "reset"
)

// Timings are histograms of what was measured so far.
type Timings struct{ Wait, Connect, Use, Reset Histogram }

// Histogram counts durations. The bounds are the same for all: 10us to a minute, two or three in each tenfold.
type Histogram struct {
	Count   uint64
	Sum     time.Duration
	Buckets []Bucket
}

// Bucket counts the durations that were at most UpTo, those of the buckets before it included.
// The last has UpTo -1: no bound.
type Bucket struct {
	UpTo  time.Duration
	Count uint64
}

// histogramBounds are the upper bounds of the buckets but the last.
var histogramBounds = [...]time.Duration{
	10 * time.Microsecond, 50 * time.Microsecond,
	100 * time.Microsecond, 200 * time.Microsecond, 500 * time.Microsecond,
	time.Millisecond, 2 * time.Millisecond, 5 * time.Millisecond,
	10 * time.Millisecond, 20 * time.Millisecond, 50 * time.Millisecond,
	100 * time.Millisecond, 200 * time.Millisecond, 500 * time.Millisecond,
	time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second, 30 * time.Second, time.Minute,
}

// HistogramBounds are the bounds of all buckets but the last.
func HistogramBounds() []time.Duration { return slices.Clone(histogramBounds[:]) }

// Quantile is the bound of the bucket in which the share q (0 to 1) of the durations is reached: at
// most so long were as many of them. It is 0 if there are none, and -1 beyond the last bound.
func (h Histogram) Quantile(q float64) time.Duration {
	for _, b := range h.Buckets {
		if h.Count > 0 && float64(b.Count) >= q*float64(h.Count) {
			return b.UpTo
		}
	}
	return 0
}

// Timings are the histograms of the pool. With pool_timings they count from the start. Else clocks are read for them from
// the first call on and until nobody has called for five minutes, and again from the next call on; so
// they cost nothing while nobody looks.
func (p *Pool) Timings() Timings {
	p = p.here()
	p.histograms.wanted(p)
	return p.histograms.read()
}

// ObserveTimings calls f with each duration as it is measured, until stop is called. f runs on the
// goroutine that checks out or in, or dials, at any time and at the same time for several; it should be
// quick. If it panics, that is logged. With at least one observer, a checkout and checkin read the clock three times.
// A nil f does nothing.
func (p *Pool) ObserveTimings(f func(Timing, time.Duration)) (stop func()) {
	if f == nil {
		return func() {}
	}
	return p.here().observers.add(f)
}

// clocked is the time if somebody wants to know how long something takes, else zero.
func (p *Pool) clocked() time.Time {
	if p.observers.none() {
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
	defer p.logPanic("timing") // the borrow goes on
	for f := range p.observers.all() {
		f(what, took)
	}
}

// waited is the end of a checkout that began then, and the beginning of a use.
func (p *Pool) waited(s *ServerConn, began time.Time) {
	p.observe(TimingWait, began)
	s.took = time.Now()
}

// histograms count without a lock; a reader may meet one that is half counted.
type histograms struct {
	wait, connect, use, reset histogram

	mu    sync.Mutex
	stop  func()      // nil: nothing is counted
	timer *time.Timer // nil: it is counted whether somebody asks or not
}

// unasked is for how long the histograms count when nobody asks for them.
const unasked = 5 * time.Minute

// wanted begins counting, or goes on for another while.
func (h *histograms) wanted(p *Pool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if p.closing.Load() {
		return
	}
	if h.stop == nil {
		h.stop = p.ObserveTimings(h.observe)
	}
	switch {
	case p.cfg.Timings:
	case h.timer == nil:
		h.timer = time.AfterFunc(unasked, h.rest)
	default:
		h.timer.Reset(unasked)
	}
}

// rest ends counting: nobody has asked for long, or the pool is closed.
func (h *histograms) rest() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.timer != nil {
		h.timer.Stop()
	}
	if h.stop != nil {
		h.stop()
		h.stop = nil
	}
}

type histogram struct {
	sum    atomic.Int64
	counts [len(histogramBounds) + 1]atomic.Uint64
}

func (h *histograms) observe(what Timing, took time.Duration) {
	switch what {
	case TimingWait:
		h.wait.add(took)
	case TimingConnect:
		h.connect.add(took)
	case TimingUse:
		h.use.add(took)
	case TimingReset:
		h.reset.add(took)
	}
}

func (h *histograms) read() Timings {
	return Timings{Wait: h.wait.read(), Connect: h.connect.read(), Use: h.use.read(), Reset: h.reset.read()}
}

func (h *histogram) add(took time.Duration) {
	at, _ := slices.BinarySearch(histogramBounds[:], took)
	h.counts[at].Add(1)
	h.sum.Add(int64(took))
}

func (h *histogram) read() Histogram {
	list := Histogram{Sum: time.Duration(h.sum.Load()), Buckets: make([]Bucket, len(h.counts))}
	for i := range h.counts {
		list.Count += h.counts[i].Load()
		list.Buckets[i] = Bucket{UpTo: -1, Count: list.Count}
		if i < len(histogramBounds) {
			list.Buckets[i].UpTo = histogramBounds[i]
		}
	}
	return list
}
