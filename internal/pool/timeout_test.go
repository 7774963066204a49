package pool_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pooled-go/pooled/internal/pool"
)

// A caller waits as long as it may: not at all, for a while, or without a limit.
func TestTimeout(t *testing.T) {
	type test struct {
		timeout time.Duration
		took    time.Duration
		err     string
	}
	const inUse = "timeout while all were in use"
	tests(t, map[string]test{
		"not at all":      {0, 0, inUse},
		"a while":         {time.Minute, time.Minute, inUse},
		"longer":          {48 * time.Hour, 24 * time.Hour, ""},
		"without a limit": {-1, 24 * time.Hour, ""},
	}, func(t *testing.T, test test) {
		p := newPool(t, single, timeout(test.timeout))
		held := p.take()
		c := p.queue(background, 0)
		time.Sleep(24 * time.Hour)
		p.give(held)
		s, err := c.wait()
		if err != nil {
			equal(t, "error", err.Error(), test.err)
		} else {
			p.give(s)
		}
		equal(t, "took", c.took, test.took)
		p.want(places{Idle: 1})
	})
}

// Without a wait only a place will do that is free, or about to be, and promised to nobody.
func TestTimeoutOfNothing(t *testing.T) {
	type test struct {
		begin func(p *testPool)
		want  bool // the caller waits for what is opened for it
	}
	tests(t, map[string]test{
		"a free place": {func(p *testPool) { p.take() }, true},
		"all in use":   {func(p *testPool) { p.takeMany(2) }, false},
		"the free one is promised": {func(p *testPool) {
			p.take()
			p.on("open", slow(time.Second))
			p.queue(background, 0)
		}, false},
		"one is opened for nobody": {func(p *testPool) {
			p.take()
			p.on("open", slow(time.Second))
			ctx, cancel := context.WithCancel(background)
			p.queue(ctx, 0)
			cancel()
			synctest.Wait()
		}, false},
		"both are promised, and opened one after the other": {func(p *testPool) {
			p.on("open", slow(time.Second))
			p.queue(background, 0)
			p.queue(background, 0)
		}, false},
		"one is being closed": {func(p *testPool) {
			p.on("close", slow(500*time.Millisecond))
			p.Discard(p.takeMany(2)[0], errBad, false)
		}, true},
	}, func(t *testing.T, test test) {
		p := newPool(t, timeout(0), connectLimit(1))
		test.begin(p)
		before := p.Stats()
		c := p.queue(background, 0)
		s, err := c.wait()
		if served := err == nil; served != test.want {
			t.Errorf("have %v, want it served: %v", err, test.want)
		}
		if err == nil {
			p.give(s)
			return
		}
		equal(t, "took", c.took, 0)
		want := pool.WaitError[int]{Leased: before.InUse, Opening: before.Opening, Waiting: before.Waiting + 1}
		end := err.(*pool.WaitError[int])
		equal(t, "longest", len(end.Longest), before.InUse)
		end.Longest = nil
		equal(t, "error", *end, want)
	})
}

// A caller with Timeout 0 waits for what is opened for it, though not for ever.
func TestTimeoutOfNothingWhileOpening(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, timeout(0))
		p.on("open", hang)
		c := p.queue(background, 0)
		_, err := c.wait()
		if end, ok := err.(*pool.WaitError[int]); !ok || end.Phase != pool.PhaseOpening || c.took != 30*time.Second {
			t.Errorf("have %v after %v, want the end of thirty seconds", err, c.took)
		}
	})
}

// An opening has thirty seconds, or Timeout if that is longer, and all the time there is without a timeout. It has
// the values of its caller's context, and does not end with it: it serves the next.
func TestTimeToOpen(t *testing.T) {
	type key struct{}
	type test struct{ timeout, want time.Duration }
	tests(t, map[string]test{
		"none": {0, 30 * time.Second}, "short": {time.Second, 30 * time.Second},
		"long": {time.Minute, time.Minute}, "without a limit": {-1, 0},
	}, func(t *testing.T, test test) {
		p := newPool(t, timeout(test.timeout))
		began := time.Now()
		p.on("open", func(ctx context.Context) error {
			deadline, ok := ctx.Deadline()
			if have := deadline.Sub(began); ok != (test.want > 0) || ok && have != test.want {
				t.Errorf("have %v (%v) to open, want %v", have, ok, test.want)
			}
			equal(t, "value", ctx.Value(key{}), any("caller"))
			time.Sleep(500 * time.Millisecond)
			return ctx.Err()
		})
		ctx, cancel := context.WithCancel(context.WithValue(background, key{}, "caller"))
		c := p.queue(ctx, 0)
		cancel()
		if _, err := c.wait(); !canceled(err) {
			t.Errorf("have %v, want the end of its context", err)
		}
		time.Sleep(500 * time.Millisecond)
		p.want(places{Idle: 1})
	})
}

// An opening that begins later has the values of the first in the queue all the same.
func TestOpeningHasTheValuesOfTheFirst(t *testing.T) {
	type key struct{}
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, single)
		held := p.take()
		var value any
		p.on("open", func(ctx context.Context) error { value = ctx.Value(key{}); return nil })
		first := p.queue(context.WithValue(background, key{}, "first"), 0)
		p.queue(context.WithValue(background, key{}, "second"), 0)
		p.Discard(held, errBad, false)
		s, _ := first.wait()
		equal(t, "value", value, any("first"))
		p.give(s)
	})
}

// What takes too long to open may have been begun long before the caller came that gets the error.
func TestOpeningTooLongForAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, single, timeout(time.Minute))
		p.on("open", hang)
		ctx, cancel := context.WithTimeout(background, 50*time.Second)
		defer cancel()
		if _, err := p.queue(ctx, 0).wait(); !canceled(err) {
			t.Fatal(err)
		}
		_, err := p.queue(background, 0).wait()
		want := pool.WaitError[int]{Phase: pool.PhaseOpening, Where: "place 1", Waited: 10 * time.Second, Opening: 1,
			Waiting: 1}
		if end, ok := err.(*pool.WaitError[int]); !ok || end.Longest == nil || len(end.Longest) > 0 {
			t.Errorf("have %v, want nobody's lease", err)
		} else {
			end.Longest = nil
			equal(t, "error", *end, want)
		}
	})
}

// An opening that took too long is told with its own place, and a caller whose time is up with that of the first.
func TestWaitErrorSaysWhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, sized(2, 2), timeout(25*time.Second))
		p.on("open", hang)
		first := p.queue(background, 0)
		time.Sleep(10 * time.Second)
		second, third := p.queue(background, 0), p.queue(background, 0)
		time.Sleep(10 * time.Second)
		for i, test := range []struct {
			c       *caller
			where   string
			opening int
		}{{first, "", 2}, {second, "place 1", 2}, {third, "place 2", 1}} {
			_, err := test.c.wait()
			end := err.(*pool.WaitError[int])
			equal(t, fmt.Sprint("caller ", i+1), []any{end.Where, end.Opening}, []any{test.where, test.opening})
		}
	})
}

// The error tells the state of the pool at that moment.
func TestWaitError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, sized(7, 7), timeout(time.Minute))
		for range 7 {
			p.take()
			time.Sleep(time.Second)
		}
		ctx, cancel := context.WithTimeout(background, 30*time.Second)
		defer cancel()
		gone, c := p.queue(ctx, 0), p.queue(background, 0)
		gone.wait()
		c.wait()
		for _, test := range []struct {
			c    *caller
			want pool.WaitError[int]
			text string
		}{
			{gone, pool.WaitError[int]{Canceled: true, Waited: 30 * time.Second, Leased: 7, Waiting: 2},
				"canceled while all were in use"},
			{c, pool.WaitError[int]{Waited: time.Minute, Leased: 7, Waiting: 1}, "timeout while all were in use"},
		} {
			end := test.c.err.(*pool.WaitError[int])
			var longest []int
			for i, h := range end.Longest {
				if longest = append(longest, h.Value); h.Held != test.want.Waited+time.Duration(7-i)*time.Second {
					t.Errorf("number %d was held %v", h.Value, h.Held)
				}
			}
			equal(t, "longest", longest, []int{1, 2, 3, 4, 5})
			end.Longest = nil
			equal(t, "error", *end, test.want)
			equal(t, "text", end.Error(), test.text)
		}
	})
}

// The longest leases are looked for anew when one of them has ended.
func TestLongestLeases(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, sized(3, 3), timeout(0))
		all := p.takeMany(2)
		p.take().Offer(&pool.Lease{}) // which is not used
		longest := func() (leases []string) {
			for _, h := range p.queue(background, 0).err.(*pool.WaitError[int]).Longest {
				leases = append(leases, fmt.Sprintf("%d in lease %d", h.Value, h.Uses))
			}
			return leases
		}
		equal(t, "longest", longest(), []string{"1 in lease 1", "2 in lease 1"})
		time.Sleep(10 * time.Millisecond)
		p.give(all[0])
		p.take()
		equal(t, "after one was leased again", longest(), []string{"1 in lease 2", "2 in lease 1"})
		time.Sleep(time.Second)
		p.give(all[1])
		time.Sleep(time.Second)
		p.take()
		equal(t, "later", longest(), []string{"1 in lease 2", "2 in lease 2"})
		p.give(all...)
		p.want(places{Idle: 2, InUse: 1})
	})
}

// What a caller waits for is one that is being opened, if as many are as callers wait.
func TestPhase(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, timeout(10*time.Second))
		p.on("open", slow(time.Minute))
		first, second := p.queue(background, 0), p.queue(background, 0)
		time.Sleep(time.Second)
		third := p.queue(background, 0)
		for _, test := range []struct {
			c       *caller
			phase   pool.Phase
			waiting int
		}{{first, pool.PhaseWaiting, 3}, {second, pool.PhaseOpening, 2}, {third, pool.PhaseOpening, 1}} {
			_, err := test.c.wait()
			end := err.(*pool.WaitError[int])
			equal(t, "phase", end.Phase, test.phase)
			equal(t, "waiting", end.Waiting, test.waiting)
			equal(t, "opening", end.Opening, 2)
		}
	})
}

// Each wait ends when its own time is up, whoever came, left or was served meanwhile.
func TestEachWaitHasItsOwnTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const limit = time.Second
		p := newPool(t, single, timeout(limit))
		held := p.take()
		random := rand.New(rand.NewPCG(1, 2))
		var all sync.WaitGroup
		for i := range 200 {
			ctx, cancel := context.WithCancel(background)
			if i%3 == 0 { // leaves early
				ctx, cancel = context.WithTimeout(ctx, time.Duration(random.Int64N(int64(limit))))
			}
			all.Go(func() {
				defer cancel()
				c := p.queue(ctx, uint64(i%5)) // some have a turn, and stand before those whose time is up earlier
				_, err := c.wait()
				var end *pool.WaitError[int]
				if !errors.As(err, &end) || end.Canceled != (i%3 == 0) ||
					!end.Canceled && (c.took != limit || end.Waited != limit) {
					t.Errorf("%d: have %v after %v", i, err, c.took)
				}
			})
			time.Sleep(time.Duration(random.Int64N(int64(20 * time.Millisecond))))
		}
		all.Wait()
		p.want(places{InUse: 1})
		p.give(held)
	})
}
