package pool_test

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pooled-go/pooled/internal/pool"
)

// Each function of the configuration may fail, take long, hang, panic or end its goroutine. What becomes then of the
// callers, of the counts and of the places.

// stage is how a function ends, and what is wanted then. In each case the pool has one place.
type stage struct {
	do    func(t testing.TB) func(context.Context) error
	err   string // what the caller gets, empty: a slot
	after time.Duration
	left  places   // when the caller has got it
	count uint64   // OpenErrors, Closed or Overdue
	told  []string // what Panicked was told
}

func does(do func(context.Context) error) func(testing.TB) func(context.Context) error {
	return func(testing.TB) func(context.Context) error { return do }
}

// isStuck is a hang that no context ends.
func isStuck(t testing.TB) func(context.Context) error { return stuck(t) }

func panics(context.Context) error { panic("boom") }

func exits(context.Context) error { runtime.Goexit(); return nil }

var errStage = errors.New("failed")

func single(c *config) { c.Limit, c.Keep = 1, 1 }

func TestStageOpen(t *testing.T) {
	const waited = "timeout while one was being opened"
	tests(t, map[string]stage{
		"ok":     {do: does(fail(nil)), left: places{InUse: 1}},
		"error":  {do: does(fail(errStage)), err: "failed", count: 1},
		"slow":   {do: does(slow(3 * time.Second)), after: 3 * time.Second, left: places{InUse: 1}},
		"hang":   {do: does(hang), err: waited, after: time.Minute, count: 1},
		"stuck":  {do: isStuck, err: waited, after: time.Minute, left: places{Opening: 1}},
		"panic":  {do: does(panics), err: "open panicked", count: 1, told: []string{"panicked: open boom"}},
		"Goexit": {do: does(exits), err: "open ended its goroutine", count: 1},
	}, func(t *testing.T, test stage) {
		p := newPool(t, single, timeout(time.Minute))
		p.on("open", test.do(t))
		c := p.queue(background, 0)
		p.wantEnd(c, test)
		equal(t, "OpenErrors", p.Stats().OpenErrors, test.count)
		p.on("open", nil)
		p.wantPlace(c, test)
	})
}

func TestStageOpenFailed(t *testing.T) {
	const waited = "timeout while one was being opened"
	tests(t, map[string]stage{
		"ok":     {do: does(fail(nil)), err: "open", count: 1},
		"slow":   {do: does(slow(3 * time.Second)), err: "open", after: 3 * time.Second, count: 1},
		"stuck":  {do: isStuck, err: waited, after: time.Minute, left: places{Opening: 1}},
		"panic":  {do: does(panics), err: "open", count: 1, told: []string{"panicked: open failed boom"}},
		"Goexit": {do: does(exits), err: "open", count: 1},
	}, func(t *testing.T, test stage) {
		p := newPool(t, single, timeout(time.Minute))
		p.on("open", fail(errOpen))
		p.on("open failed", test.do(t))
		c := p.queue(background, 0)
		p.wantEnd(c, test)
		equal(t, "OpenErrors", p.Stats().OpenErrors, test.count)
		p.on("open", nil)
		p.wantPlace(c, test)
	})
}

// Whatever Close does, the place is free at the latest after a second.
func TestStageClose(t *testing.T) {
	tests(t, map[string]stage{
		"ok":     {do: does(fail(nil)), left: places{InUse: 1}},
		"error":  {do: does(fail(errStage)), left: places{InUse: 1}},
		"slow":   {do: does(slow(500 * time.Millisecond)), after: 500 * time.Millisecond, left: places{InUse: 1}},
		"slower": {do: does(slow(3 * time.Second)), after: time.Second, left: places{InUse: 1, Closing: 1}},
		"stuck":  {do: isStuck, after: time.Second, left: places{InUse: 1, Closing: 1}},
		"panic":  {do: does(panics), left: places{InUse: 1}, told: []string{"panicked: close boom"}},
		"Goexit": {do: does(exits), left: places{InUse: 1}},
	}, func(t *testing.T, test stage) {
		p := newPool(t, single, timeout(time.Minute))
		p.on("close", test.do(t))
		held := p.take()
		c := p.queue(background, 0)
		p.Discard(held, errBad, false)
		p.wantEnd(c, test)
		equal(t, "Closed", p.Stats().Closed, 1)
		p.wantPlace(c, test)
	})
}

// A place that was given away while a slot was being closed is given away once.
func TestPlaceIsGivenAwayOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, single)
		p.on("close", first(1, slow(3*time.Second)))
		p.Discard(p.take(), errBad, false)
		time.Sleep(5 * time.Second)
		held := p.take()
		c := p.queue(background, 0)
		p.want(places{InUse: 1, Waiting: 1})
		p.give(held)
		c.wait()
		p.give(held)
	})
}

// The same for Leaving, which comes before Close: and what leaves is closed all the same.
func TestStageLeaving(t *testing.T) {
	rows := map[string]stage{
		"ok":     {do: does(fail(nil)), left: places{InUse: 1}},
		"slow":   {do: does(slow(500 * time.Millisecond)), after: 500 * time.Millisecond, left: places{InUse: 1}},
		"slower": {do: does(slow(3 * time.Second)), after: time.Second, left: places{InUse: 1, Closing: 1}},
		"stuck":  {do: isStuck, after: time.Second, left: places{InUse: 1, Closing: 1}},
		"panic":  {do: does(panics), left: places{InUse: 1}, told: []string{"panicked: leave boom"}},
		"Goexit": {do: does(exits), left: places{InUse: 1}},
	}
	for of, begin := range map[string]func(t *testing.T, p *testPool) *caller{
		"idle": func(t *testing.T, p *testPool) *caller {
			p.fill(1)
			p.Dispose()
			return p.queue(background, 0)
		},
		"new": func(t *testing.T, p *testPool) *caller { // one that is opened, and needed no more
			p.on("open", first(1, slow(time.Second)))
			c := p.queue(background, 0)
			p.Dispose()
			time.Sleep(time.Second)
			return c
		},
	} {
		t.Run(of, func(t *testing.T) {
			tests(t, rows, func(t *testing.T, test stage) {
				p := newPool(t, single, timeout(time.Minute))
				p.on("leaving", test.do(t))
				c := begin(t, p)
				if of == "new" {
					test.after += time.Second
				}
				p.wantEnd(c, test)
				equal(t, "Closed", p.Stats().Closed, 1)
				if test.left.Closing == 0 {
					equal(t, "open", p.open, map[int]bool{2: true})
				}
				p.wantPlace(c, test)
			})
		})
	}
}

// Whatever Overdue does, it is told once of each lease, and of the next.
func TestStageOverdue(t *testing.T) {
	tests(t, map[string]stage{
		"ok":     {do: does(fail(nil))},
		"slow":   {do: does(slow(3 * time.Minute))},
		"stuck":  {do: isStuck},
		"panic":  {do: does(panics), told: []string{"panicked: overdue boom", "panicked: overdue boom"}},
		"Goexit": {do: does(exits)},
	}, func(t *testing.T, test stage) {
		var p *testPool
		p = newPool(t, overdueAfter(time.Minute), func(c *config) {
			c.Overdue = func(all []pool.Holding[int]) {
				for _, h := range all {
					p.run(context.Background(), "overdue", h.Value)
				}
			}
		})
		p.on("overdue", test.do(t))
		first := p.take()
		time.Sleep(2 * time.Minute)
		second := p.take()
		time.Sleep(2 * time.Minute)
		time.Sleep(3 * time.Minute) // so long is the slow one
		p.want(places{InUse: 2})
		equal(t, "Overdue", p.Stats().Overdue, 2)
		log := p.told("overdue", "panicked")
		equal(t, "told", len(log), 2+len(test.told))
		p.on("overdue", nil)
		p.give(first, second)
		p.want(places{Idle: 2})
	})
}

// Admit runs on the caller's goroutine, which its panic or its end is.
func TestStageAdmit(t *testing.T) {
	tests(t, map[string]stage{
		"ok":     {do: does(fail(nil)), left: places{InUse: 1}},
		"error":  {do: does(fail(errStage)), err: "failed"},
		"panic":  {do: does(panics), err: "panic: boom"},
		"Goexit": {do: does(exits), err: "its goroutine ended"},
	}, func(t *testing.T, test stage) {
		var p *testPool
		p = newPool(t, single, func(c *config) {
			c.Admit = func(bool) error { return p.run(context.Background(), "admit") }
		})
		p.on("admit", test.do(t))
		c := p.queue(background, 0)
		p.wantEnd(c, test)
		p.on("admit", nil)
		p.wantPlace(c, test)
	})
}

// Full decides about an error of Open. If it can't, the error is the caller's.
func TestStageFull(t *testing.T) {
	tests(t, map[string]stage{
		"yes":    {do: does(fail(errFull)), after: time.Second, left: places{InUse: 2}, count: 1},
		"no":     {do: does(fail(nil)), err: "open", left: places{InUse: 1}, count: 1},
		"Goexit": {do: does(exits), err: "open", left: places{InUse: 1}, count: 1},
		"panic": {do: does(panics), err: "open", left: places{InUse: 1}, count: 1,
			told: []string{"panicked: full boom"}},
	}, func(t *testing.T, test stage) {
		var p *testPool
		p = newPool(t, func(c *config) {
			c.Full = func(error) bool { return p.run(context.Background(), "full") != nil }
		})
		held := p.take()
		defer p.give(held)
		p.on("open", first(1, fail(errOpen)))
		p.on("full", test.do(t))
		c := p.queue(background, 0)
		p.wantEnd(c, test)
		equal(t, "OpenErrors", p.Stats().OpenErrors, test.count)
		if c.err != nil {
			p.give(p.take())
		} else {
			p.give(c.slot)
		}
	})
}

// Take runs Open on its caller's goroutine.
func TestStageTakeDirect(t *testing.T) {
	tests(t, map[string]stage{
		"ok":     {do: does(fail(nil)), left: places{InUse: 1}},
		"error":  {do: does(fail(errStage)), err: "failed", count: 1},
		"slow":   {do: does(slow(3 * time.Second)), after: 3 * time.Second, left: places{InUse: 1}},
		"panic":  {do: does(panics), err: "open panicked", count: 1, told: []string{"panicked: open boom"}},
		"Goexit": {do: does(exits), err: "its goroutine ended", count: 1},
	}, func(t *testing.T, test stage) {
		p := newPool(t, func(c *config) { c.Direct = true })
		p.on("open", test.do(t))
		c := p.openLeased()
		p.wantEnd(c, test)
		equal(t, "OpenErrors", p.Stats().OpenErrors, test.count)
		if c.slot != nil {
			p.Discard(c.slot, nil, true)
		}
		p.want(places{})
	})
}

// A panic in one function is not the end of another: all panic, in the background and in Close.
func TestStagesAllPanic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t)
		p.fill(2)
		for _, name := range []string{"open", "open failed", "leaving", "close"} {
			p.on(name, panics)
		}
		p.Dispose()
		if _, err := p.queue(background, 0).wait(); err == nil || err.Error() != "open panicked" {
			t.Errorf("have %v, want Open's panic", err)
		}
		p.want(places{})
		if err := p.Close(); err != nil {
			t.Errorf("have %v", err)
		}
	})
}

func timeout(d time.Duration) func(*config) { return func(c *config) { c.Timeout = d } }

func overdueAfter(d time.Duration) func(*config) { return func(c *config) { c.OverdueAfter = d } }

// wantEnd waits for what a caller gets.
func (p *testPool) wantEnd(c *caller, want stage) {
	p.t.Helper()
	_, err := c.wait()
	have := ""
	if err != nil {
		have = err.Error()
	}
	equal(p.t, "error", have, want.err)
	equal(p.t, "after", c.took, want.after)
	p.want(want.left)
	equal(p.t, "told", p.told("panicked"), append([]string{}, want.told...))
}

// wantPlace gives back what the caller got, and wants the next to be served at once, unless what is being opened keeps
// the place for good. Nothing else is left in the end.
func (p *testPool) wantPlace(c *caller, test stage) {
	p.t.Helper()
	if c.slot != nil {
		p.give(c.slot)
	}
	if test.left.Opening > 0 {
		began := time.Now()
		p.Close()
		equal(p.t, "Close took", time.Since(began), 5*time.Second)
		return
	}
	next := p.queue(background, 0)
	if next.waits() {
		p.t.Error("the next caller waits")
	}
	if s, err := next.wait(); err != nil {
		p.t.Errorf("the next caller: %v", err)
	} else {
		p.give(s)
	}
	p.want(places{Idle: 1, Closing: test.left.Closing})
}

// openLeased has a caller come that opens its slot by itself.
func (p *testPool) openLeased() *caller {
	c := &caller{ended: make(chan struct{}), err: errors.New("its goroutine ended")}
	go func() {
		defer close(c.ended)
		began := time.Now()
		defer func() { c.took = time.Since(began) }()
		c.slot, c.err = p.Take(background, new(time.Time), 0)
	}()
	synctest.Wait()
	return c
}
