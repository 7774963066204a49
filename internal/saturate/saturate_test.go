package saturate_test

import (
	"math"
	"testing"
	"time"

	"github.com/pooled-go/pooled/internal/saturate"
)

const forever = time.Duration(math.MaxInt64)

func TestAdd(t *testing.T) {
	for _, test := range []struct{ a, b, want int }{
		{0, 0, 0}, {1, 2, 3}, {math.MaxInt, 0, math.MaxInt},
		{math.MaxInt - 1, 1, math.MaxInt}, {math.MaxInt, 1, math.MaxInt},
		{1, math.MaxInt, math.MaxInt}, {math.MaxInt, math.MaxInt, math.MaxInt},
	} {
		if have := saturate.Add(test.a, test.b); have != test.want {
			t.Errorf("%d + %d: have %d, want %d", test.a, test.b, have, test.want)
		}
	}
}

func TestPercent(t *testing.T) {
	for _, test := range []struct {
		percent  float64
		of, want time.Duration
	}{
		{0, time.Hour, 0}, {25, time.Hour, 15 * time.Minute}, {100, time.Hour, time.Hour}, {100, 1, 1}, {50, 1, 0},
		{0, forever, 0}, {50, forever, 1 << 62}, {100, forever, forever},
	} {
		if have := saturate.Percent(test.percent, test.of); have != test.want {
			t.Errorf("%v%% of %v: have %v, want %v", test.percent, test.of, have, test.want)
		}
	}
	if have := saturate.Percent(math.Nextafter(100, 0), forever); have <= 0 {
		t.Errorf("almost all of %v: have %v", forever, have)
	}
}

func TestTimes(t *testing.T) {
	for _, test := range []struct {
		n    int64
		unit time.Duration
		want time.Duration
	}{
		{0, time.Second, 0}, {28800, time.Second, 8 * time.Hour},
		{int64(forever / time.Second), time.Second, forever.Truncate(time.Second)},
		{int64(forever/time.Second) + 1, time.Second, forever},
		{18446744074, time.Second, forever}, {math.MaxInt64, time.Millisecond, forever},
	} {
		if have := saturate.Times(test.n, test.unit); have != test.want {
			t.Errorf("%d times %v: have %v, want %v", test.n, test.unit, have, test.want)
		}
	}
}
