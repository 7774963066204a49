package seconds

import "testing"

func TestShort(t *testing.T) {
	for s, want := range map[float64]string{0: "0s", 0.0000014: "1µs", 0.02: "20ms", 1.25: "1.2s", 61: "1m01s",
		7260: "2h01m", 90000: "1d01h"} {
		if have := Short(s); have != want {
			t.Errorf("%v: have %s, want %s", s, have, want)
		}
	}
}
