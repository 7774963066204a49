package pool_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pooled-go/pooled/internal/pool"
)

// limitedPool is a pool of eight whose server accepts as many as most says.
func limitedPool(t *testing.T, most *atomic.Int64, settings ...func(*config)) *testPool {
	p := newPool(t, append(settings, sized(8, 8), func(c *config) {
		c.Full = func(err error) bool { return err == errFull }
	})...)
	p.on("open", func(context.Context) error {
		p.mu.Lock()
		defer p.mu.Unlock()
		if len(p.open) >= int(most.Load()) {
			return errFull
		}
		return nil
	})
	return p
}

// That there are as many as there can be is nobody's error: the callers wait for those that there are.
func TestCeiling(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var most atomic.Int64
		most.Store(2)
		p := limitedPool(t, &most, timeout(time.Minute))
		all := p.takeMany(2)
		equal(t, "ceiling", p.Stats().Ceiling, pool.Unlimited)
		first, second := p.queue(background, 0), p.queue(background, 0)
		p.want(places{InUse: 2, Waiting: 2})
		equal(t, "ceiling", p.Stats().Ceiling, 2)
		equal(t, "failed", len(p.told("open failed: full")) > 0, true)
		p.give(all[0])
		if s, err := first.wait(); s != all[0] || err != nil {
			t.Errorf("have %v and %v, want the one that came back", s, err)
		}
		_, err := second.wait()
		if end, ok := err.(*pool.WaitError[int]); !ok || end.Full != errFull || end.Phase != pool.PhaseWaiting {
			t.Errorf("have %+v, want its time up, and the server full", err)
		}
		p.give(all...)
		p.want(places{Idle: 2})
	})
}

// Where there is none that will come back, it is the caller's error.
func TestFullWithNone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var most atomic.Int64
		p := limitedPool(t, &most)
		if _, err := p.queue(background, 0).wait(); err != errFull {
			t.Errorf("have %v, want the error", err)
		}
		equal(t, "ceiling", p.Stats().Ceiling, pool.Unlimited)
	})
}

// Whether one more is possible is tried after a second, two and so on, up to thirty; then there is no ceiling any more.
// If there is again, the pauses begin anew.
func TestCeilingIsTried(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var most atomic.Int64
		most.Store(1)
		p := limitedPool(t, &most)
		p.take()
		waiting := []*caller{p.queue(background, 0), p.queue(background, 0)}
		synctest.Wait()
		p.told()
		p.wantOpens(100*time.Second, 1, 3, 7, 15, 31, 61, 91)
		equal(t, "ceiling", p.Stats().Ceiling, 1)
		most.Store(2)
		if _, err := waiting[0].wait(); err != nil {
			t.Error(err)
		}
		p.want(places{InUse: 2, Waiting: 1})
		equal(t, "ceiling", p.Stats().Ceiling, 2) // the second was refused again, at once
		p.told()
		p.wantOpens(8*time.Second, 1, 3, 7)
		most.Store(8)
		waiting[1].wait()
		p.want(places{InUse: 3})
		time.Sleep(time.Minute)
		equal(t, "ceiling", p.Stats().Ceiling, pool.Unlimited)
	})
}

// One more is tried than there are, not one more than there were.
func TestCeilingIsTriedFromWhatThereIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var most atomic.Int64
		most.Store(2)
		p := limitedPool(t, &most)
		all := p.takeMany(2)
		ctx, cancel := context.WithCancel(background)
		c := p.queue(ctx, 0)
		cancel()
		c.wait()
		p.Discard(all[0], errBad, true)
		time.Sleep(1500 * time.Millisecond)
		equal(t, "ceiling", p.Stats().Ceiling, 2)
		p.give(all[1])
	})
}

// A ceiling that is gone before it was tried does not come back.
func TestCeilingThatIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var most atomic.Int64
		most.Store(2)
		p := limitedPool(t, &most)
		all := p.takeMany(2)
		c := p.queue(background, 0)
		equal(t, "ceiling", p.Stats().Ceiling, 2)
		most.Store(8)
		p.Discard(all[0], errBad, true)
		s, _ := c.wait()
		equal(t, "ceiling", p.Stats().Ceiling, pool.Unlimited)
		time.Sleep(time.Minute)
		equal(t, "ceiling", p.Stats().Ceiling, pool.Unlimited)
		p.give(all[1], s)
	})
}

// What is being opened counts as well: the ceiling is not lower than what there will be.
func TestCeilingWithOthersOnTheirWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, sized(8, 8), func(c *config) { c.Full = func(err error) bool { return err == errFull } })
		opened := 0
		p.on("open", func(context.Context) error {
			p.mu.Lock()
			opened++
			n := opened
			p.mu.Unlock()
			if n > 3 {
				return errFull
			}
			time.Sleep(500 * time.Millisecond)
			return nil
		})
		for range 4 {
			p.queue(background, 0)
		}
		p.want(places{Opening: 3, Waiting: 4})
		equal(t, "ceiling", p.Stats().Ceiling, 3)
		time.Sleep(600 * time.Millisecond)
		p.want(places{InUse: 3, Waiting: 1})
		p.Close()
	})
}

// After Close nothing is tried.
func TestCeilingAfterClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var most atomic.Int64
		most.Store(1)
		p := limitedPool(t, &most)
		p.take()
		p.queue(background, 0)
		p.Close()
		p.told()
		p.wantOpens(100 * time.Second)
	})
}
