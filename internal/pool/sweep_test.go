package pool_test

import (
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pooled-go/pooled/internal/pool"
)

func idleTimeout(d time.Duration) func(*config) { return func(c *config) { c.IdleTimeout = d } }

// Idle ones above Keep are closed after IdleTimeout, and at most a quarter more, the longest first.
func TestSweep(t *testing.T) {
	type test struct {
		set  []func(*config)
		left int // of four
	}
	tests(t, map[string]test{
		"above Keep":      {[]func(*config){sized(4, 1), idleTimeout(time.Minute)}, 1},
		"none above Keep": {[]func(*config){sized(4, 4), idleTimeout(time.Minute)}, 4},
		"MinIdle":         {[]func(*config){sized(4, 1), idleTimeout(time.Minute), minIdle(2)}, 2},
		"none":            {[]func(*config){sized(4, 0), idleTimeout(time.Minute)}, 0},
		"no limit":        {[]func(*config){sized(4, 1), idleTimeout(-1)}, 4},
	}, func(t *testing.T, test test) {
		p := newPool(t, test.set...)
		all := p.takeMany(4)
		p.give(all...)
		time.Sleep(time.Minute - 1)
		p.want(places{Idle: 4})
		time.Sleep(15*time.Second + 1)
		p.want(places{Idle: test.left})
		left := p.All()
		slices.Sort(left)
		want := numbers(all[4-test.left:]) // those that were idle longest are closed
		slices.Sort(want)
		equal(t, "left", left, want)
		time.Sleep(time.Hour)
		p.want(places{Idle: test.left})
		equal(t, "recycled", p.Stats().Recycled, 0)
	})
}

// What is used again in time stays.
func TestSweepSparesWhatIsUsed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, sized(4, 1), idleTimeout(time.Minute))
		p.fill(4)
		for range 60 {
			p.give(p.take()) // first in, first out: each of them every eighty seconds, until there are fewer
			time.Sleep(20 * time.Second)
		}
		p.want(places{Idle: 3})
	})
}

// One in use counts: with it there are as many as are kept.
func TestSweepCountsThoseInUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, sized(4, 2), idleTimeout(time.Minute))
		held := p.takeMany(3)
		p.give(held[0])
		time.Sleep(2 * time.Minute)
		p.want(places{InUse: 2})
		p.give(held[1:]...)
		time.Sleep(2 * time.Minute)
		p.want(places{Idle: 2})
	})
}

// It rests when there is nothing to close.
func TestSweepRests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, sized(4, 2), idleTimeout(time.Minute))
		p.fill(3)
		time.Sleep(2 * time.Minute)
		p.want(places{Idle: 2})
		var reads atomic.Int64
		p.SetClock(func() pool.Moment {
			reads.Add(1)
			return pool.Now()
		})
		time.Sleep(time.Hour)
		equal(t, "readings", reads.Load(), 0)
	})
}

// A closed pool is not swept.
func TestSweepAfterClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, sized(4, 0), idleTimeout(time.Minute))
		p.fill(4)
		p.Close()
		time.Sleep(time.Hour)
		equal(t, "closed", p.Stats().Closed, 4)
	})
}
