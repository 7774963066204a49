package pool_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/pooled-go/pooled/internal/pool"
)

// All that takes a place counts: what is idle, in use, being opened and being closed.
func TestLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, sized(4, 4))
		all := p.takeMany(3)
		p.give(all[0]) // one idle, two in use
		p.on("close", slow(500*time.Millisecond))
		p.Discard(all[1], errBad, false) // one being closed
		p.on("open", slow(100*time.Millisecond))
		idle := p.take()
		first, second := p.queue(background, 0), p.queue(background, 0)
		p.want(places{InUse: 2, Opening: 1, Closing: 1, Waiting: 2})
		s, _ := first.wait()
		p.want(places{InUse: 3, Closing: 1, Waiting: 1})
		time.Sleep(400 * time.Millisecond)
		p.want(places{InUse: 3, Opening: 1, Waiting: 1})
		other, _ := second.wait()
		p.give(idle, s, other, all[2])
		p.want(places{Idle: 4})
		if p.most > 4 {
			t.Errorf("have %d open at one time, want 4 at most", p.most)
		}
	})
}

// What comes back stays if there are not too many, and if it may stay for a while.
func TestKeep(t *testing.T) {
	idle := func(d time.Duration) func(*config) { return func(c *config) { c.IdleTimeout = d } }
	type test struct {
		set  []func(*config)
		left int // of three that come back
	}
	tests(t, map[string]test{
		"all":                  {[]func(*config){sized(3, 3), idle(0)}, 3},
		"two":                  {[]func(*config){sized(3, 2), idle(0)}, 2},
		"none":                 {[]func(*config){sized(3, 0), idle(0)}, 0},
		"some for a while":     {[]func(*config){sized(3, 1), idle(time.Minute)}, 3},
		"some without a limit": {[]func(*config){sized(3, 1), idle(-1)}, 3},
		"nothing is used again": {[]func(*config){
			sized(3, 3), func(c *config) { c.Reuse = false },
		}, 0},
	}, func(t *testing.T, test test) {
		p := newPool(t, test.set...)
		p.give(p.takeMany(3)...)
		p.want(places{Idle: test.left})
		equal(t, "counts", p.Stats().Counts, pool.Counts{
			Checkouts: 3, Checkins: uint64(test.left), Waits: 3, Opened: 3, Closed: uint64(3 - test.left),
		})
	})
}

// What would be closed goes to who waits.
func TestKeepForWhoWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, sized(1, 0), func(c *config) { c.IdleTimeout = 0 })
		held := p.take()
		c := p.queue(background, 0)
		p.give(held)
		if s, _ := c.wait(); s != held {
			t.Errorf("have %v, want the one that came back", s)
		}
		p.give(held)
		p.want(places{})
	})
}

// Put that does not keep a slot has done nothing.
func TestPutThatDoesNotKeep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t)
		held := p.take()
		p.Dispose()
		cause, kept := p.Put(held)
		if cause != errDisposed || kept {
			t.Errorf("have %v and %v, want it disposed of", cause, kept)
		}
		p.want(places{InUse: 1})
		equal(t, "Checkins", p.Stats().Checkins, 0)
		p.Discard(held, cause, true)
		p.want(places{})
	})
}

// So many are opened ahead of need, and again when one is taken. They count.
func TestMinIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, sized(4, 4), minIdle(2))
		p.want(places{})
		p.Refill()
		p.want(places{Idle: 2})
		first := p.take()
		p.want(places{Idle: 2, InUse: 1})
		second := p.take()
		p.want(places{Idle: 2, InUse: 2})
		third := p.take()
		p.want(places{Idle: 1, InUse: 3}) // the limit
		p.Discard(second, errBad, false)
		p.want(places{Idle: 2, InUse: 2})
		p.give(first, third)
		p.want(places{Idle: 4})
		equal(t, "Waits", p.Stats().Waits, 0)
	})
}

// After opening ahead of need failed it is tried again after a second, two, and so on up to thirty. A caller need not
// wait for that.
func TestMinIdleAfterAnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, minIdle(1))
		p.on("open", fail(errOpen))
		p.Refill()
		p.wantOpens(70*time.Second, 0, 1, 3, 7, 15, 31, 61)
		p.on("open", nil)
		s := p.take()
		p.want(places{InUse: 1, Idle: 0})
		time.Sleep(30 * time.Second)
		p.want(places{InUse: 1, Idle: 1})
		p.told()
		p.on("open", first(2, fail(errOpen)))
		p.Discard(s, errBad, true)
		p.InvalidateID(uint64(p.All()[0]), errBad, errBad)
		p.wantOpens(10*time.Second, 0, 1, 3) // the pauses begin anew
		p.want(places{Idle: 1})
	})
}

// wantOpens lets time pass, and wants Open called after these numbers of seconds.
func (p *testPool) wantOpens(d time.Duration, want ...int) {
	p.t.Helper()
	var have []int
	for i := range int(d / time.Second) {
		synctest.Wait()
		for range p.told("open:") {
			have = append(have, i)
		}
		time.Sleep(time.Second)
	}
	equal(p.t, "Open was called after", have, want)
}
