package observe

import "time"

// Histograms count durations by what was measured, a K, while somebody asks for them.
type Histograms[K comparable] struct {
	of     map[K]*Histogram
	demand Demand
}

// Init says what there is to measure. It is called once, before all else.
func (h *Histograms[K]) Init(kinds ...K) {
	h.of = make(map[K]*Histogram, len(kinds))
	for _, kind := range kinds {
		h.of[kind] = &Histogram{}
	}
}

// Of is the histogram of one kind, nil: there is no such kind.
func (h *Histograms[K]) Of(kind K) *Histogram { return h.of[kind] }

// Measure fills them from now on, for as long as somebody asks; always: until End. observe calls a function with all
// that is measured, until stop is called.
func (h *Histograms[K]) Measure(observe func(func(K, time.Duration)) (stop func()), always bool) {
	h.demand.Ask(func() (stop func()) { return observe(h.add) }, always)
}

// End is the end for good.
func (h *Histograms[K]) End() { h.demand.End() }

func (h *Histograms[K]) add(kind K, took time.Duration) { h.of[kind].Add(took) }
