package observe_test

import (
	"slices"
	"testing"
	"time"

	"github.com/pooled-go/pooled/internal/observe"
)

func TestHistogram(t *testing.T) {
	bounds := observe.Bounds()
	if !slices.IsSorted(bounds) {
		t.Errorf("the bounds are not in order: %v", bounds)
	}
	var h observe.Histogram
	last := bounds[len(bounds)-1]
	for _, d := range []time.Duration{-1, 0, bounds[0], bounds[0] + 1, last, last + 1} {
		h.Add(d)
	}
	sum, have := h.Read()
	if want := 2*bounds[0] + 2*last + 1; sum != want {
		t.Errorf("sum: have %v, want %v", sum, want)
	}
	want := make([]uint64, len(bounds)+1) // 3 up to the first bound, 4 up to the last but one, 5, and all 6
	for i := range want {
		want[i] = 4
	}
	want[0], want[len(bounds)-1], want[len(bounds)] = 3, 5, 6
	if !slices.Equal(have, want) {
		t.Errorf("have %v\nwant %v", have, want)
	}
}

func TestBoundsAreACopy(t *testing.T) {
	observe.Bounds()[0] = 0
	if observe.Bounds()[0] == 0 {
		t.Error("a caller can change the bounds")
	}
}

func TestHistogramAddAllocatesNothing(t *testing.T) {
	var h observe.Histogram
	if n := testing.AllocsPerRun(100, func() { h.Add(time.Millisecond) }); n != 0 {
		t.Errorf("have %v allocations, want 0", n)
	}
}
