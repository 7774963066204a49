package pool_test

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pooled-go/pooled/internal/pool"
)

// due is when a slot of a pool with an hour's Recycle is due.
const due = time.Hour - 10*time.Second

func TestLead(t *testing.T) {
	for recycle, want := range map[time.Duration]time.Duration{
		time.Hour: 10 * time.Second, 200 * time.Second: 10 * time.Second, time.Minute: 3 * time.Second, 0: 0,
	} {
		equal(t, "lead", pool.Lead(recycle), want)
	}
}

// Shortly before its time another is opened in its place, and only then the old one goes: nobody waits for it.
func TestReplacedAheadOfTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, sized(2, 1), recycle(time.Hour))
		p.fill(1)
		p.on("open", slow(2*time.Second))
		time.Sleep(due - 1)
		p.want(places{Idle: 1})
		time.Sleep(time.Nanosecond)
		p.want(places{Idle: 1, Opening: 1})
		equal(t, "replacements", p.Stats().Replacements, 1)
		time.Sleep(2 * time.Second)
		p.want(places{Idle: 1})
		equal(t, "log", p.told(), []string{"open: 1", "open: 2", "leaving: 1 expired", "close: 1"})
		stats := p.Stats()
		equal(t, "replacements", stats.Replacements, 0)
		equal(t, "counts", stats.Counts, pool.Counts{
			Checkouts: 1, Checkins: 1, Waits: 1, Opened: 2, Closed: 1, Recycled: 1,
		})
		time.Sleep(10 * time.Hour)
		equal(t, "opened", p.Stats().Opened, 12)
	})
}

// One in use goes when it comes back, if its replacement is there or its time is up.
func TestReplacedWhileInUse(t *testing.T) {
	type test struct {
		limit int
		at    time.Duration // when it comes back
		left  places        // before
		end   error
	}
	tests(t, map[string]test{
		"before the replacement is there": {2, due + time.Second, places{InUse: 1, Opening: 1}, nil},
		"after":                           {2, due + 3*time.Second, places{Idle: 1, InUse: 1}, errExpired},
		"no place for both":               {1, due + time.Second, places{InUse: 1}, errExpired},
	}, func(t *testing.T, test test) {
		p := newPool(t, sized(test.limit, 1), recycle(time.Hour))
		s := p.take()
		p.on("open", slow(2*time.Second))
		time.Sleep(test.at)
		p.want(test.left)
		equal(t, "departs", p.Departs(s), test.end)
		p.give(s)
		if p.Replace(s); test.left.Idle == 0 {
			time.Sleep(10 * time.Second)
		}
		p.want(places{Idle: 1})
		equal(t, "values", p.All(), []int{2})
	})
}

// Where there is no place for both, those in use are let go one after the other, and all when their time is up.
func TestReplacedAllInUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, sized(8, 8), recycle(time.Hour))
		all := p.takeMany(8)
		began := time.Now()
		for _, test := range []struct {
			at   time.Duration
			want int
		}{{due - 1, 0}, {due, 1}, {due + 9*time.Second, 4}, {time.Hour, 8}} {
			time.Sleep(time.Until(began.Add(test.at)))
			synctest.Wait()
			have := 0
			for _, s := range all {
				if p.Departs(s) == errExpired {
					have++
				}
			}
			equal(t, "expired", have, test.want)
		}
		p.give(all...)
		p.want(places{})
	})
}

// At the limit a few make way at a time, one after the other: a sixteenth of all, and as many as may be being opened.
func TestReplacedAtTheLimit(t *testing.T) {
	type test struct {
		limit, connectLimit int
		few                 int
	}
	tests(t, map[string]test{
		"two": {2, -1, 1}, "sixty-four": {64, -1, 4}, "connect limit": {64, 3, 3}, "large connect limit": {64, 7, 4},
	}, func(t *testing.T, test test) {
		p := newPool(t, sized(test.limit, test.limit), recycle(time.Hour), connectLimit(test.connectLimit))
		p.fill(test.limit)
		var opened atomic.Int64
		p.on("open", func(context.Context) error { // some take longer than others
			time.Sleep(50*time.Millisecond + time.Duration(opened.Add(1)%5)*37*time.Millisecond)
			return nil
		})
		p.mu.Lock()
		p.mostOpening = 0
		p.mu.Unlock()
		time.Sleep(due)
		least := test.limit
		for range 400 { // eight seconds
			synctest.Wait()
			least = min(least, p.Stats().Idle)
			time.Sleep(20 * time.Millisecond)
		}
		if p.most > test.limit {
			t.Errorf("have %d open at one time", p.most)
		}
		equal(t, "missing and opened at one time", []int{test.limit - least, p.mostOpening}, []int{test.few, test.few})
		equal(t, "recycled", p.Stats().Recycled, uint64(test.limit))
		p.want(places{Idle: test.limit})
	})
}

// While one is missing no other goes.
func TestReplacedWhileOneIsMissing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, recycle(time.Hour))
		all := p.takeMany(2)
		p.give(all[0])
		p.on("close", slow(600*time.Millisecond))
		p.on("open", slow(time.Second))
		time.Sleep(due - 100*time.Millisecond)
		p.Discard(all[1], errBad, false)
		time.Sleep(200 * time.Millisecond)
		p.want(places{Idle: 1, Closing: 1})
		time.Sleep(5 * time.Second)
		p.want(places{Idle: 1})
		equal(t, "values", p.All(), []int{3})
	})
}

// With places for both each of those in use is let go for one that is opened.
func TestReplacedEachInUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, sized(16, 8), recycle(time.Hour))
		all := p.takeMany(8)
		time.Sleep(due)
		p.want(places{InUse: 8, Idle: 8})
		for _, s := range all {
			equal(t, "departs", p.Departs(s), errExpired)
		}
		p.give(all...)
		p.want(places{Idle: 8})
	})
}

// What was to be replaced when all were disposed of, or the pool was closed, is not.
func TestReplacedNoMore(t *testing.T) {
	tests(t, map[string]func(p *testPool){
		"Dispose": func(p *testPool) { p.Dispose() },
		"Close":   func(p *testPool) { p.Close() },
	}, func(t *testing.T, do func(p *testPool)) {
		p := newPool(t, recycle(time.Hour))
		p.fill(1)
		p.on("open", slow(2*time.Second))
		time.Sleep(due + time.Second)
		p.want(places{Idle: 1, Opening: 1})
		do(p)
		time.Sleep(time.Minute)
		p.want(places{})
		equal(t, "replacements", p.Stats().Replacements, 0)
		equal(t, "opened", len(p.told("open:")), 2)
	})
}

// One that is being closed for minutes is not waited for.
func TestReplacedWhileAnotherHangsInClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, recycle(time.Hour))
		p.on("close", first(1, stuck(t)))
		p.Discard(p.take(), errBad, false)
		time.Sleep(2 * time.Second)
		p.fill(2)
		p.want(places{Idle: 2, Closing: 1})
		time.Sleep(time.Hour)
		p.want(places{Idle: 2, Closing: 1})
		equal(t, "recycled", p.Stats().Recycled, 2)
	})
}

// While none can be opened the old ones are kept, and it is tried again after a second, two and so on.
func TestReplacedLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, sized(2, 1), recycle(time.Hour))
		p.fill(1)
		time.Sleep(due - time.Second)
		p.told()
		p.on("open", fail(errOpen))
		p.wantOpens(20*time.Second, 1, 2, 4, 8, 16)
		p.on("open", nil)
		time.Sleep(20 * time.Second)
		p.want(places{Idle: 1})
		equal(t, "recycled", p.Stats().Recycled, 1)
	})
}

// What the pool does not keep is not replaced, nor what has no age.
func TestNotReplaced(t *testing.T) {
	type test struct {
		set  []func(*config)
		left int // of three
	}
	tests(t, map[string]test{
		"overflow": {[]func(*config){sized(5, 1), recycle(time.Hour)}, 1},
		"no age": {[]func(*config){sized(5, 3), recycle(time.Hour), func(c *config) {
			c.MaxAge = func() time.Duration { return -1 }
		}}, 3},
		"never": {[]func(*config){sized(5, 3)}, 3},
	}, func(t *testing.T, test test) {
		p := newPool(t, test.set...)
		p.fill(3)
		time.Sleep(24 * time.Hour)
		p.want(places{Idle: test.left})
		if test.left == 3 {
			equal(t, "opened", p.Stats().Opened, 3)
		}
	})
}

// What was leased and not used for more than a second is taken back when something is due: it grows old as well.
func TestUnusedLeaseExpires(t *testing.T) {
	type test struct {
		leased      time.Duration
		limit, keep int
	}
	const justNow = due - 100*time.Millisecond
	tests(t, map[string]test{
		"long ago":                     {time.Minute, 3, 1},
		"just now":                     {justNow, 3, 1},
		"just now, and all are kept":   {justNow, 3, pool.Unlimited},
		"just now, at the limit":       {justNow, 1, 1},
		"long ago, and none is kept":   {time.Minute, 3, 0},
		"just now, and it is not kept": {justNow, 3, 0},
	}, func(t *testing.T, test test) {
		p := newPool(t, sized(test.limit, test.keep), recycle(time.Hour))
		p.fill(1)
		time.Sleep(test.leased)
		synctest.Wait()
		s := p.TryTake(0)
		var l pool.Lease
		s.Offer(&l)
		time.Sleep(time.Hour - test.leased)
		p.want(places{Idle: min(test.keep, 1)})
		if l.Claim() {
			t.Error("it was not taken back")
		}
		equal(t, "recycled", p.Stats().Recycled, 1)
	})
}

// One that has its time up between the questions of a return does not become idle: nobody would replace it there.
func TestExpiresDuringReturn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, sized(1, 1), recycle(time.Hour))
		p.fill(1)
		s := p.take()
		time.Sleep(due - time.Second)
		equal(t, "before", p.Departs(s), nil)
		time.Sleep(time.Minute)
		cause, kept := p.Put(s)
		equal(t, "kept", kept, false)
		equal(t, "cause", cause, errExpired)
		p.Discard(s, cause, true)
		p.Replace(s)
		p.want(places{Idle: 1})
		equal(t, "recycled", p.Stats().Recycled, 1)
	})
}

// When one comes back too old another is opened in its place, if there is need for it and nobody sees to it.
func TestReplace(t *testing.T) {
	type test struct {
		set  []func(*config)
		do   func(p *testPool)
		want places
	}
	nothing := func(*testPool) {}
	tests(t, map[string]test{
		"one of two":    {nil, nothing, places{Idle: 1, InUse: 1}},
		"closed":        {nil, func(p *testPool) { p.Close() }, places{InUse: 1}},
		"not kept":      {[]func(*config){sized(3, 1)}, nothing, places{InUse: 1}},
		"without Reuse": {[]func(*config){func(c *config) { c.Reuse = false }}, nothing, places{InUse: 1}},
		"somebody waits": {[]func(*config){sized(2, 2)}, func(p *testPool) {
			p.on("open", slow(time.Second))
			p.queue(background, 0)
		}, places{InUse: 1, Opening: 1, Waiting: 1}},
	}, func(t *testing.T, test test) {
		p := newPool(t, test.set...)
		s := p.takeMany(2)[0]
		p.Discard(s, errExpired, true)
		test.do(p)
		p.Replace(s)
		p.want(test.want)
		equal(t, "replacements", p.Stats().Replacements, 0)
	})
}

// What is idle for almost as long as the server allows is closed. What is in use is not idle.
func TestLimitIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, recycle(time.Hour))
		p.LimitIdle(8 * time.Second)
		equal(t, "limit", p.IdleLimit(), 6*time.Second)
		all := p.takeMany(2)
		p.give(all[0])
		time.Sleep(5 * time.Second)
		p.want(places{Idle: 1, InUse: 1})
		p.give(all[1], p.take())
		time.Sleep(5 * time.Second)
		p.want(places{Idle: 2})
		time.Sleep(2 * time.Second)
		p.want(places{})
		told := p.told("leaving")
		slices.Sort(told)
		equal(t, "told", told, []string{"leaving: 1 idled out", "leaving: 2 idled out"})
		equal(t, "recycled", p.Stats().Recycled, 2)
		s := p.take()
		time.Sleep(time.Minute)
		p.want(places{InUse: 1})
		p.give(s)
		p.LimitIdle(10 * time.Minute)
		equal(t, "limit", p.IdleLimit(), 570*time.Second)
		p.LimitIdle(0)
		p.LimitIdle(-1)
		equal(t, "limit", p.IdleLimit(), 570*time.Second)
	})
}

// A pool in which nothing is due looks at nothing.
func TestExpiryRests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, recycle(24*time.Hour))
		p.LimitIdle(23 * time.Hour)
		p.fill(1)
		p.take()
		time.Sleep(time.Minute)
		var reads atomic.Int64
		p.SetClock(func() pool.Moment {
			reads.Add(1)
			return pool.Now()
		})
		time.Sleep(22 * time.Hour)
		equal(t, "readings", reads.Load(), 0)
	})
}

// However busy the pool is and however many are due at once, nobody waits for one that is opened.
func TestNobodyWaitsForAReplacement(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const all, busy = 10, 8 // three seconds are enough to replace all in use, one after the other
		p := newPool(t, sized(all, all), recycle(time.Minute))
		p.fill(all)
		p.on("open", slow(20*time.Millisecond))
		stop := time.Now().Add(200 * time.Second)
		var users sync.WaitGroup
		for i := range busy {
			users.Go(func() {
				time.Sleep(time.Duration(i) * time.Millisecond) // they do not all come back at once
				for time.Now().Before(stop) {
					s := p.take()
					time.Sleep(100 * time.Millisecond)
					expired := p.Departs(s) == errExpired
					if p.give(s); expired {
						p.Replace(s)
					}
				}
			})
		}
		users.Wait()
		synctest.Wait()
		stats := p.Stats()
		if waits := stats.Waits - all; waits > 0 || stats.Recycled < 3*all || stats.Replacements > 2 {
			t.Errorf("have %d waits and %+v, want no wait and all replaced three times", waits, stats)
		}
		ages := p.Snapshot()
		oldest := slices.MaxFunc(ages, func(a, b pool.Info[int]) int { return int(a.Age - b.Age) })
		if oldest.Age > time.Minute {
			t.Errorf("have one of %v", oldest.Age)
		}
	})
}
