package pool_test

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pooled-go/pooled/internal/pool"
)

// now reads the bubble's clocks, as a pool does.
func (p *testPool) now() pool.Moment { return pool.Now() }

// sleep is what a machine's sleep looks like to the pool: its monotonic clock stands still, as its timers do.
func (p *testPool) sleep(d time.Duration) {
	p.SetClock(func() pool.Moment {
		now := pool.Now()
		now.Wall += d
		return now
	})
}

func TestMoment(t *testing.T) {
	for name, test := range map[string]struct {
		mono, wall, since, awake time.Duration
	}{
		"awake":                {time.Second, time.Second, time.Second, time.Second},
		"slept":                {time.Second, time.Hour, time.Hour, time.Second},
		"wall clock set back":  {time.Second, -time.Hour, time.Second, time.Second},
		"nothing has happened": {},
	} {
		then := pool.Now()
		later := pool.Moment{Mono: then.Mono + test.mono, Wall: then.Wall + test.wall}
		equal(t, name, later.Since(then), test.since)
		equal(t, name, later.Awake(then), test.awake)
	}
}

// The coarse clock stands still for a while, and rests when nobody asks. What it tells is never older than its steps,
// which are an eighth of the shortest age that it is asked for, within limits.
func TestCoarseClock(t *testing.T) {
	type test struct {
		set  func(*config)
		do   func(p *testPool)
		step time.Duration
	}
	nothing := func(*testPool) {}
	tests(t, map[string]test{
		"nothing to compare with": {single, nothing, 250 * time.Millisecond},
		"Recycle":                 {recycle(time.Second), nothing, 125 * time.Millisecond},
		"without Reuse": {
			func(c *config) { c.Recycle, c.Reuse = time.Second, false }, nothing, 250 * time.Millisecond,
		},
		"IdleTimeout": {
			func(c *config) { c.IdleTimeout = 800 * time.Millisecond }, nothing, 100 * time.Millisecond,
		},
		"IdleTimeout for nobody": {
			func(c *config) { c.IdleTimeout, c.Keep = 800*time.Millisecond, pool.Unlimited }, nothing,
			250 * time.Millisecond,
		},
		"OverdueAfter": {overdueAfter(400 * time.Millisecond), nothing, 50 * time.Millisecond},
		"Resolve":      {single, func(p *testPool) { p.Resolve(80 * time.Millisecond) }, 10 * time.Millisecond},
		"LimitIdle":    {single, func(p *testPool) { p.LimitIdle(1600 * time.Millisecond) }, 150 * time.Millisecond},
		"the finest":   {single, func(p *testPool) { p.Resolve(time.Nanosecond) }, time.Millisecond},
		"the longest":  {recycle(time.Hour), nothing, 250 * time.Millisecond},
		"no age":       {single, func(p *testPool) { p.Resolve(-1) }, 250 * time.Millisecond},
	}, func(t *testing.T, test test) {
		p := newPool(t, test.set, func(c *config) { c.Overdue = func([]pool.Holding[int]) {} })
		test.do(p)
		s := p.take() // the clock starts
		began := s.LeasedAt()
		time.Sleep(test.step - 1)
		p.Again(s)
		equal(t, "before the step", s.LeasedAt().Awake(began), 0)
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		p.Again(s)
		equal(t, "after the step", s.LeasedAt().Awake(began).Round(time.Millisecond), test.step)
		p.Discard(s, nil, true)
	})
}

// A pool that nobody uses reads no clock; the first reading after a rest is a real one.
func TestClockRests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t)
		p.fill(1)
		var reads atomic.Int64
		p.SetClock(func() pool.Moment {
			reads.Add(1)
			return pool.Now()
		})
		time.Sleep(time.Hour + 77*time.Millisecond)
		if n := reads.Load(); n > 2 {
			t.Errorf("the clock was read %d times in an hour", n)
		}
		now := p.now()
		s := p.take()
		equal(t, "leased", s.LeasedAt(), now)
		p.give(s)
	})
}

// While it is used it goes on.
func TestClockRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t)
		for range 100 {
			s := p.take()
			if late := p.now().Awake(s.LeasedAt()); late > 250*time.Millisecond {
				t.Fatalf("the clock is %v late", late)
			}
			p.give(s)
			time.Sleep(70 * time.Millisecond)
		}
		p.Close()
		before := p.now()
		time.Sleep(time.Hour)
		equal(t, "the bubble's clock", p.now().Awake(before), time.Hour)
	})
}

// When the machine has slept, nothing is known of what happened meanwhile: all are suspect.
func TestAfterSleepAllAreSuspect(t *testing.T) {
	type test struct {
		slept time.Duration
		want  bool
	}
	tests(t, map[string]test{
		"not":         {0, false},
		"hardly":      {2 * time.Second, false},
		"for a while": {3 * time.Second, true},
	}, func(t *testing.T, test test) {
		p := newPool(t, single)
		p.fill(1)
		p.sleep(test.slept)
		time.Sleep(time.Second)
		s := p.take()
		equal(t, "suspect", s.Suspect(), test.want)
		p.give(s)
	})
}

func recycle(age time.Duration) func(*config) { return func(c *config) { c.Recycle = age } }
