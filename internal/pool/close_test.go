package pool_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pooled-go/pooled/internal/pool"
)

// Close closes what is idle, fails who waits, ends what is being opened, and leaves what is in use to its holder.
func TestClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, sized(4, 4), timeout(time.Hour))
		held := p.take()
		p.fill(1)
		p.on("open", hang)
		idle := p.TryTake(0)
		first, second := p.queue(background, 0), p.queue(background, 0)
		gone, cancel := context.WithCancel(background)
		third := p.queue(gone, 0) // so that more wait than there are places
		cancel()
		third.wait()
		p.want(places{InUse: 2, Opening: 2, Waiting: 2})
		began := time.Now()
		if err := p.Close(); err != nil {
			t.Error(err)
		}
		equal(t, "Close took", time.Since(began), 0)
		for _, c := range []*caller{first, second} {
			if _, err := c.wait(); err != errClosed {
				t.Errorf("have %v, want that it is closed", err)
			}
		}
		p.want(places{InUse: 2})
		for _, s := range []*slot{held, idle} {
			if cause, kept := p.Put(s); cause != nil || kept {
				t.Errorf("have %v and %v, want it not kept", cause, kept)
			}
			p.give(s)
		}
		p.want(places{})
	})
}

// A closed pool leases nothing, opens nothing and does nothing any more.
func TestClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, sized(4, 4), minIdle(1), recycle(time.Hour), idleTimeout(time.Minute), timeout(0))
		p.fill(3)
		held := p.take()
		equal(t, "closed", p.Closed(), false)
		p.Close()
		equal(t, "closed", p.Closed(), true)
		p.told()
		if s := p.TryTake(0); s != nil {
			t.Errorf("have %v", s)
		}
		if _, err := p.Take(background, new(time.Time), 0); err != errClosed {
			t.Errorf("have %v, want that it is closed", err)
		}
		p.Refill()
		p.Dispose()
		p.Replace(held)
		time.Sleep(2 * time.Hour)
		p.want(places{InUse: 1})
		equal(t, "told", p.told(), []string{})
		p.give(held)
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
}

// A pool with Admit is as closed, though what its caller asks for was leased and never used.
func TestClosedWithAdmit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, single, func(c *config) { c.Admit = func(bool) error { return nil } })
		s := p.take()
		s.Offer(&pool.Lease{})
		p.Close()
		if _, err := p.Take(background, new(time.Time), 0); err != errClosed {
			t.Errorf("have %v, want that it is closed", err)
		}
		p.want(places{InUse: 1})
		p.give(s)
	})
}

// The errors are those of closing the idle ones. Close waits for all that the pool does, for at most five seconds.
func TestCloseWaits(t *testing.T) {
	type test struct {
		close func(t testing.TB) func(context.Context) error
		busy  time.Duration // of what runs in Go
		took  time.Duration
		errs  int
	}
	tests(t, map[string]test{
		"for nothing":        {does(fail(nil)), 0, 0, 0},
		"errors":             {does(fail(errBad)), 0, 0, 2},
		"slow":               {does(slow(3 * time.Second)), 0, 3 * time.Second, 0},
		"stuck":              {isStuck, 0, 5 * time.Second, 0},
		"for a goroutine":    {does(fail(nil)), 2 * time.Second, 2 * time.Second, 0},
		"for a long time":    {does(fail(errBad)), 8 * time.Second, 5 * time.Second, 2},
		"for those that end": {does(exits), 0, 0, 0},
	}, func(t *testing.T, test test) {
		p := newPool(t)
		p.fill(2)
		p.on("close", test.close(t))
		p.Go(func() { time.Sleep(test.busy) })
		began := time.Now()
		err := p.Close()
		equal(t, "Close took", time.Since(began), test.took)
		if test.errs == 0 && err != nil || test.errs == 2 && err.Error() != "bad\nbad" {
			t.Errorf("have %v, want %d errors", err, test.errs)
		}
		time.Sleep(10 * time.Second)
	})
}

// What is being opened when the pool is closed, and is opened all the same, is closed. Close waits for that.
func TestCloseWhileOpening(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t)
		p.on("open", func(context.Context) error { time.Sleep(time.Second); return nil })
		c := p.queue(background, 0)
		began := time.Now()
		p.Close()
		equal(t, "Close took", time.Since(began), time.Second)
		if _, err := c.wait(); err != errClosed || c.took != 0 {
			t.Errorf("have %v after %v, want that it is closed, at once", err, c.took)
		}
		equal(t, "told", p.told(), []string{"open: 1", "leaving: 1 <nil>", "close: 1"})
	})
}

// The holder who waits gets Close's error. In the background nobody does, and it costs no time.
func TestDiscard(t *testing.T) {
	type test struct {
		set    func(*config)
		wait   bool
		closed bool
		took   time.Duration
		err    error
	}
	tests(t, map[string]test{
		"wait":          {single, true, false, 500 * time.Millisecond, errOpen},
		"background":    {single, false, false, 0, nil},
		"CloseNow":      {func(c *config) { c.CloseNow = true }, false, false, 500 * time.Millisecond, errOpen},
		"a closed pool": {single, false, true, 500 * time.Millisecond, errOpen},
	}, func(t *testing.T, test test) {
		p := newPool(t, test.set)
		s := p.take()
		p.on("close", func(context.Context) error { time.Sleep(500 * time.Millisecond); return errOpen })
		if test.closed {
			p.Close()
		}
		began := time.Now()
		if err := p.Discard(s, errBad, test.wait); err != test.err {
			t.Errorf("have %v, want %v", err, test.err)
		}
		equal(t, "Discard took", time.Since(began), test.took)
		time.Sleep(time.Second)
		p.want(places{})
		equal(t, "told", p.told("leaving", "close:"), []string{"close: 1"}) // what its holder knows he is not told
		stats := p.Stats()
		equal(t, "counts", []uint64{stats.Closed, stats.Invalidated, stats.Recycled}, []uint64{1, 1, 0})
	})
}

// Why one was closed is counted.
func TestDiscardCounts(t *testing.T) {
	for cause, want := range map[error][]uint64{
		nil: {1, 0, 0}, errExpired: {1, 1, 0}, errIdledOut: {1, 1, 0}, errDisposed: {1, 0, 0}, errBad: {1, 0, 1},
	} {
		synctest.Test(t, func(t *testing.T) {
			p := newPool(t)
			p.Discard(p.take(), cause, true)
			stats := p.Stats()
			equal(t, "counts", []uint64{stats.Closed, stats.Recycled, stats.Invalidated}, want)
		})
	}
}

// A slot that leaves the pool for good gives its place to another, and is its holder's to close.
func TestDetach(t *testing.T) {
	tests(t, map[string]struct {
		do   func(p *testPool, s *slot)
		want pool.Counts
	}{
		"Detach":     {func(p *testPool, s *slot) { p.Detach(s) }, pool.Counts{Detached: 1}},
		"Invalidate": {func(p *testPool, s *slot) { p.Invalidate(s) }, pool.Counts{Closed: 1, Invalidated: 1}},
	}, func(t *testing.T, test struct {
		do   func(p *testPool, s *slot)
		want pool.Counts
	}) {
		p := newPool(t, single)
		s := p.take()
		c := p.queue(background, 0)
		equal(t, "detached", s.Detached(), false)
		test.do(p, s)
		equal(t, "detached", s.Detached(), true)
		other, err := c.wait()
		if err != nil {
			t.Fatal(err)
		}
		p.want(places{InUse: 1})
		equal(t, "all", p.All(), []int{2})
		equal(t, "told", p.told("close", "leaving"), []string{})
		p.give(other)
		p.closeOne(s.Value())
		want := test.want
		want.Checkouts, want.Checkins, want.Opened, want.Waits = 2, 1, 2, 2
		equal(t, "counts", p.Stats().Counts, want)
	})
}

// Dispose closes the idle ones now, and those in use when they come back. What is being opened is of the past as well.
func TestDispose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, sized(4, 4))
		all := p.takeMany(3)
		p.give(all[0], all[1])
		p.Dispose()
		p.want(places{InUse: 1})
		told := p.told("leaving")
		slices.Sort(told)
		equal(t, "told", told, []string{"leaving: 1 disposed of", "leaving: 2 disposed of"})
		p.give(all[2])
		p.want(places{})
		p.on("open", first(1, slow(time.Second)))
		c := p.queue(background, 0)
		p.Dispose()
		s, err := c.wait()
		if err != nil || s.Value() != 5 || c.took != time.Second {
			t.Errorf("have %v (%v) after %v, want the one that was opened after", s.Value(), err, c.took)
		}
		p.give(s)
		p.want(places{Idle: 1})
		equal(t, "disposals", p.Stats().Disposals, 2)
	})
}

// A slot with a number is closed: at once if it is idle, else when it comes back.
func TestInvalidateID(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, sized(3, 3))
		all := p.takeMany(3)
		p.give(all[0], all[1])
		later := errors.New("later")
		for _, test := range []struct {
			id           uint64
			inUse, found bool
			left         []int
		}{{1, false, true, []int{2, 3}}, {1, false, false, []int{2, 3}}, {3, true, true, []int{2, 3}},
			{9, false, false, []int{2, 3}}} {
			inUse, found := p.InvalidateID(test.id, errBad, later)
			if inUse != test.inUse || found != test.found {
				t.Errorf("number %d: have in use %v, found %v", test.id, inUse, found)
			}
			left := p.All()
			slices.Sort(left)
			equal(t, "left", left, test.left)
		}
		equal(t, "departs", p.Departs(all[2]), later)
		p.give(all[2])
		p.want(places{Idle: 1})
		equal(t, "told", p.told("leaving"), []string{"leaving: 1 bad"}) // the holder knows the other
		equal(t, "invalidated", p.Stats().Invalidated, 2)
		if s := p.take(); s != all[1] {
			t.Errorf("have number %d, want 2", s.Value())
		}
	})
}
