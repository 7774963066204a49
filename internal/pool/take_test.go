package pool_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pooled-go/pooled/internal/pool"
)

func lifo(c *config) { c.LIFO = true }

// sized is so many at most, and so many that stay open.
func sized(limit, keep int) func(*config) { return func(c *config) { c.Limit, c.Keep = limit, keep } }

// First in, first out or last in, first out, also when the ring of the idle ones grows with its front in the middle.
func TestReuseOrder(t *testing.T) {
	for name, test := range map[string]struct {
		set  []func(*config)
		want []int
	}{
		"FIFO": {nil, []int{5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 1, 2, 3, 4}},
		"LIFO": {[]func(*config){lifo}, []int{3, 4, 5, 6, 20, 19, 18, 17, 16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 2, 1}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPool(t, append(test.set, sized(20, 20))...)
				all := p.takeMany(20)
				p.give(all[:6]...) // 1 to 6 are idle
				again := p.takeMany(4)
				p.give(all[6:]...)
				p.give(again...) // beyond the ring's first size
				have := numbers(p.takeMany(20))
				equal(t, "order", have, test.want)
				equal(t, "opened", p.Stats().Opened, 20)
			})
		})
	}
}

// First come, first served. Who leaves early costs the others nothing.
func TestQueueIsServedInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, sized(1, 1))
		held := p.take()
		ctx, cancel := context.WithCancel(background)
		first, gone, third := p.queue(background, 0), p.queue(ctx, 0), p.queue(background, 0)
		p.want(places{InUse: 1, Waiting: 3})
		cancel()
		if _, err := gone.wait(); !canceled(err) {
			t.Errorf("have %v, want the end of its context", err)
		}
		p.want(places{InUse: 1, Waiting: 2})
		for _, c := range []*caller{first, third} {
			if !first.waits() && c == first || !third.waits() {
				t.Error("one was served before its time")
			}
			p.give(held)
			held, _ = c.wait()
		}
		p.give(held)
		p.want(places{Idle: 1})
		equal(t, "counts", p.Stats().Counts, pool.Counts{Opened: 1, Checkouts: 3, Checkins: 3, Waits: 4})
	})
}

// A caller that was served before stands before all that were not, and behind those that were served before it.
func TestTurnIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, sized(1, 1))
		var turns []uint64
		for range 3 {
			s := p.take()
			turns = append(turns, s.Turn())
			p.give(s)
		}
		equal(t, "turns", turns, []uint64{1, 2, 3})
		held := p.take()
		var order []string
		var all sync.WaitGroup
		for _, c := range []struct {
			name string
			turn uint64
		}{{"new", 0}, {"third", 3}, {"first", 1}, {"newer", 0}, {"second", 2}} {
			all.Go(func() {
				s, err := p.Take(background, new(time.Time), c.turn)
				if err != nil {
					t.Error(err)
					return
				}
				if order = append(order, c.name); c.turn != 0 && s.Turn() != c.turn {
					t.Errorf("%s: have the turn %d, want %d still", c.name, s.Turn(), c.turn)
				}
				p.give(s)
			})
			synctest.Wait()
		}
		p.give(held)
		all.Wait()
		equal(t, "order", order, []string{"first", "second", "third", "new", "newer"})
	})
}

// An idle slot keeps the turn of the caller that takes it, too.
func TestTurnOfAnIdleSlot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t)
		p.fill(2)
		s := p.TryTake(7)
		equal(t, "turn", s.Turn(), 7)
		other, err := p.Take(background, new(time.Time), 9)
		if err != nil || other.Turn() != 9 {
			t.Errorf("have %v and the turn %d, want 9", err, other.Turn())
		}
		p.give(s, other)
		if s = p.take(); s.Turn() != 5 {
			t.Errorf("have the turn %d, want that of the fifth lease", s.Turn())
		}
		p.give(s)
	})
}

// TryTake has nothing where none is idle, or where Take has more to do.
func TestTryTake(t *testing.T) {
	tests(t, map[string]struct {
		set  func(*config)
		idle int
		want bool
	}{
		"nothing idle":          {sized(2, 2), 0, false},
		"one idle":              {sized(2, 2), 1, true},
		"as many as MinIdle":    {minIdle(2), 2, false},
		"one more than MinIdle": {minIdle(1), 2, true},
		"Admit":                 {func(c *config) { c.Admit = func(bool) error { return nil } }, 2, false},
	}, func(t *testing.T, test struct {
		set  func(*config)
		idle int
		want bool
	}) {
		p := newPool(t, test.set)
		p.fill(test.idle)
		s := p.TryTake(0)
		if have := s != nil; have != test.want {
			t.Errorf("have one: %v, want %v", have, test.want)
		}
		if s != nil {
			equal(t, "turn", s.Turn(), uint64(test.idle+1))
			p.give(s)
		}
		p.want(places{Idle: test.idle})
	})
}

// The time of a wait begins with the first, and goes on in the next Take. Without a wait there is none.
func TestSince(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, sized(1, 1), timeout(time.Minute))
		p.fill(1)
		var since time.Time
		held, err := p.Take(background, &since, 0)
		if err != nil || !since.IsZero() {
			t.Errorf("have %v and %v, want a slot without a wait", err, since)
		}
		began := time.Now()
		c := p.queue(background, 0)
		time.Sleep(20 * time.Second)
		p.give(held)
		s, _ := c.wait()
		equal(t, "since", c.since, began)
		time.Sleep(10 * time.Second)
		_, err = p.Take(background, &c.since, s.Turn())
		equal(t, "took", time.Since(began), time.Minute)
		if end, ok := err.(*pool.WaitError[int]); !ok || end.Waited != time.Minute {
			t.Errorf("have %v, want the end of a minute's wait", err)
		}
		p.give(s)
	})
}

// A caller whose context has ended, and one that got a slot at that moment, leave nothing behind.
func TestCancelAtTheMomentOfDelivery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, sized(1, 1))
		for range 500 {
			held := p.take()
			ctx, cancel := context.WithCancel(background)
			c := p.queue(ctx, 0)
			var both sync.WaitGroup
			both.Go(cancel)
			both.Go(func() { p.give(held) })
			both.Wait()
			if s, err := c.wait(); err == nil {
				p.give(s)
			} else if !canceled(err) {
				t.Fatal(err)
			}
			p.want(places{Idle: 1})
		}
	})
}

// Callers wait for what comes first: one that is given back, or one that is opened.
func TestWhatComesFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t)
		held := p.take()
		p.on("open", slow(10*time.Second))
		c := p.queue(background, 0)
		p.want(places{InUse: 1, Opening: 1, Waiting: 1})
		time.Sleep(time.Second)
		p.give(held)
		s, err := c.wait()
		if err != nil || s != held || c.took != time.Second {
			t.Errorf("have %v after %v (%v), want the one that came back", s, c.took, err)
		}
		equal(t, "used", s.Used(), true) // it may have been leased for long
		time.Sleep(10 * time.Second)
		p.want(places{Idle: 1, InUse: 1}) // what was opened for it is kept
		p.give(s)
	})
}

func numbers(all []*slot) (ids []int) {
	for _, s := range all {
		ids = append(ids, s.Value())
	}
	return ids
}

func canceled(err error) bool {
	end, ok := err.(*pool.WaitError[int])
	return ok && end.Canceled
}

func minIdle(n int) func(*config) { return func(c *config) { c.MinIdle = n } }
