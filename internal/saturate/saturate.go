// Package saturate does arithmetic that stops at the largest number instead of overflowing, because some callers write
// "no limit" as that number. Results stop at the largest number there is; they never turn negative.
package saturate

import (
	"math"
	"time"
)

// Add is a+b, neither of which is negative.
func Add(a, b int) int {
	if a > math.MaxInt-b {
		return math.MaxInt
	}
	return a + b
}

// Percent is a part of d, at most all of it.
func Percent(percent float64, d time.Duration) time.Duration {
	part := float64(d) * percent / 100
	if part >= float64(d) { // which may be more than any Duration
		return d
	}
	return time.Duration(part)
}

const longest = time.Duration(math.MaxInt64)

// Times is n units; n is not negative.
func Times(n int64, unit time.Duration) time.Duration {
	if n > int64(longest/unit) {
		return longest
	}
	return time.Duration(n) * unit
}
