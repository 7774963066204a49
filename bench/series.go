package bench

import (
	"math"
	"slices"
	"time"
)

// Series is one figure of one contender, a value for each run.
type Series []float64

// Median is the middle value, NaN if there is none.
func (s Series) Median() float64 { return s.quantile(0.5) }

// Min is the smallest value.
func (s Series) Min() float64 { return s.quantile(0) }

// Quartiles enclose the middle half of the values.
func (s Series) Quartiles() (low, high float64) { return s.quantile(0.25), s.quantile(0.75) }

// Interval holds the median of endlessly many runs with a probability of 95%,
// whatever the distribution: so many ranks of a sorted series to either side of
// its middle. A few values cannot tell; then it is their range.
func (s Series) Interval() (low, high float64) {
	n := float64(len(s))
	rank := math.Floor((n - 1.96*math.Sqrt(n)) / 2)
	if rank < 1 {
		return s.Min(), s.Max()
	}
	sorted := slices.Sorted(slices.Values(s))
	return sorted[int(rank)-1], sorted[len(s)-int(rank)]
}

// Max is the largest value.
func (s Series) Max() float64 { return s.quantile(1) }

// quantile interpolates between the two values next to it.
func (s Series) quantile(q float64) float64 {
	if len(s) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(s))
	at := q * float64(len(sorted)-1)
	low := int(at)
	high := min(low+1, len(sorted)-1)
	return sorted[low] + (at-float64(low))*(sorted[high]-sorted[low])
}

// Over is the ratio of each run to the one it was paired with.
func (s Series) Over(base Series) Series {
	return pairwise(s, base, func(a, b float64) float64 { return a / b })
}

// Minus is the difference of each run to the one it was paired with.
func (s Series) Minus(base Series) Series {
	return pairwise(s, base, func(a, b float64) float64 { return a - b })
}

func pairwise(s, base Series, f func(a, b float64) float64) Series {
	out := make(Series, len(s))
	for i := range s {
		out[i] = f(s[i], base[i])
	}
	return out
}

// InTurns calls run for each of n contenders in each of so many rounds. Every
// other round goes backwards, so that none always follows the same one.
func InTurns(rounds, n int, run func(contender int) error) error {
	for round := range rounds {
		for i := range n {
			if round%2 == 1 {
				i = n - 1 - i
			}
			if err := run(i); err != nil {
				return err
			}
		}
	}
	return nil
}

// Latency is the distribution of how long requests took.
type Latency struct{ sorted []time.Duration }

// NewLatency sorts what it is given in place.
func NewLatency(all []time.Duration) Latency {
	slices.Sort(all)
	return Latency{all}
}

// Milliseconds is the time that a share q of the requests kept within. 0 if
// there were none.
func (l Latency) Milliseconds(q float64) float64 {
	if len(l.sorted) == 0 {
		return 0
	}
	i := max(0, int(math.Ceil(q*float64(len(l.sorted))))-1)
	return float64(l.sorted[i]) / float64(time.Millisecond)
}
