package pooled_test

import (
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/internal/pooledtest"
)

const forever = time.Duration(math.MaxInt64)

func TestSum(t *testing.T) {
	for _, test := range []struct{ a, b, want int }{
		{0, 0, 0}, {1, 2, 3}, {math.MaxInt, 0, math.MaxInt},
		{math.MaxInt - 1, 1, math.MaxInt}, {math.MaxInt, 1, math.MaxInt},
		{1, math.MaxInt, math.MaxInt}, {math.MaxInt, math.MaxInt, math.MaxInt},
	} {
		if have := pooled.Sum(test.a, test.b); have != test.want {
			t.Errorf("%d + %d: have %d, want %d", test.a, test.b, have, test.want)
		}
	}
}

func TestPercentOf(t *testing.T) {
	for _, test := range []struct {
		percent  float64
		of, want time.Duration
	}{
		{0, time.Hour, 0}, {25, time.Hour, 15 * time.Minute}, {100, time.Hour, time.Hour}, {100, 1, 1}, {50, 1, 0},
		{0, forever, 0}, {50, forever, 1 << 62}, {100, forever, forever},
	} {
		if have := pooled.PercentOf(test.percent, test.of); have != test.want {
			t.Errorf("%v%% of %v: have %v, want %v", test.percent, test.of, have, test.want)
		}
	}
	if have := pooled.PercentOf(math.Nextafter(100, 0), forever); have <= 0 {
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
		if have := pooled.Times(test.n, test.unit); have != test.want {
			t.Errorf("%d times %v: have %v, want %v", test.n, test.unit, have, test.want)
		}
	}
}

// An age limit is above 0 and at most pool_recycle, whatever the two options are, and the jitter is not lost.
func TestAgeLimit(t *testing.T) {
	for _, age := range []time.Duration{1, 2, time.Hour, forever - 1, forever} {
		for _, jitter := range []pooled.Jitter{
			{}, {Percent: 1e-9}, {Percent: 100}, {Duration: 1}, {Duration: time.Hour}, {Duration: forever},
		} {
			different := map[time.Duration]bool{}
			for range 200 {
				limit := pooled.AgeLimit(age, jitter)
				different[limit] = true
				if limit <= 0 || limit > age {
					t.Fatalf("%v, %+v: have %v", age, jitter, limit)
				}
			}
			if all := age >= time.Hour && (jitter.Percent == 100 || jitter.Duration >= time.Hour); all && len(different) < 100 {
				t.Errorf("%v, %+v: have %d different limits of 200", age, jitter, len(different))
			}
		}
	}
}

// The longest pool_idle_timeout is not over after a part of it.
func TestIdleTimeoutForGood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := pooledtest.NewFake(t)
		db, pool := open(t, fake, size(1, -1), noRecycle, func(cfg *pooled.Config) { cfg.IdleTimeout = forever })
		defer db.Close()
		burst(t, db, 4)
		time.Sleep(forever / 3)
		if s := pool.Stats(); s.Idle != 4 || s.Closed != 0 {
			t.Errorf("have %+v, want all four idle", s)
		}
	})
}
