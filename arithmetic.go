package pooled

import (
	"math"
	"time"
)

// An option may be as large as its type allows: that is how some write "no limit". What is calculated from options
// stops at the largest number there is; it never turns negative.

// sum is a+b, neither of which is negative.
func sum(a, b int) int {
	if a > math.MaxInt-b {
		return math.MaxInt
	}
	return a + b
}

// percentOf is a part of d, at most all of it.
func percentOf(percent float64, d time.Duration) time.Duration {
	part := float64(d) * percent / 100
	if part >= float64(d) { // which may be more than any Duration
		return d
	}
	return time.Duration(part)
}

// longest is the largest Duration.
const longest = time.Duration(math.MaxInt64)

// times is n units; n is not negative.
func times(n int64, unit time.Duration) time.Duration {
	if n > int64(longest/unit) {
		return longest
	}
	return time.Duration(n) * unit
}
