package observe

import (
	"slices"
	"sync/atomic"
	"time"
)

// bounds are the upper bounds of a histogram's buckets but the last.
var bounds = [...]time.Duration{
	10 * time.Microsecond, 50 * time.Microsecond,
	100 * time.Microsecond, 200 * time.Microsecond, 500 * time.Microsecond,
	time.Millisecond, 2 * time.Millisecond, 5 * time.Millisecond,
	10 * time.Millisecond, 20 * time.Millisecond, 50 * time.Millisecond,
	100 * time.Millisecond, 200 * time.Millisecond, 500 * time.Millisecond,
	time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second, 30 * time.Second, time.Minute,
}

// Bounds are the upper bounds of a histogram's buckets but the last, which has none: 10us
// to a minute, two or three in each tenfold.
func Bounds() []time.Duration { return slices.Clone(bounds[:]) }

// Histogram counts durations, without a lock. A reader may meet one that is half counted.
type Histogram struct {
	sum    atomic.Int64
	counts [len(bounds) + 1]atomic.Uint64
}

// Add counts a duration.
func (h *Histogram) Add(d time.Duration) {
	at, _ := slices.BinarySearch(bounds[:], d)
	h.counts[at].Add(1)
	h.sum.Add(int64(d))
}

// Read returns the sum of all durations, and for each bucket how many were at most its
// bound; the last of them is how many there were.
func (h *Histogram) Read() (sum time.Duration, upTo []uint64) {
	sum, upTo = time.Duration(h.sum.Load()), make([]uint64, len(h.counts))
	count := uint64(0)
	for i := range h.counts {
		count += h.counts[i].Load()
		upTo[i] = count
	}
	return sum, upTo
}
