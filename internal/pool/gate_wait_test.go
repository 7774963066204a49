package pool_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pooled-go/pooled/internal/pool"
)

// What else ends a wait while the gate is closed.
func TestGateWaitsEnd(t *testing.T) {
	type test struct {
		end   func(p *gatedPool)
		after time.Duration
		want  string
	}
	const opening = "timeout while one was being opened"
	tests(t, map[string]test{
		"pool_timeout": {func(*gatedPool) {}, time.Minute, opening},
		"after the end of pool_timeout": {func(p *gatedPool) {
			time.Sleep(time.Hour)
			p.reopen()
		}, time.Minute, opening},
		"the pool is closed": {func(p *gatedPool) { p.Close() }, 0, "closed"},
		"the pool is closed later": {func(p *gatedPool) {
			time.Sleep(10 * time.Second)
			p.Close()
			p.reopen()
			p.refuse()
		}, 10 * time.Second, "closed"},
		"it is refused": {func(p *gatedPool) { p.refuse() }, 0, "refused"},
	}, func(t *testing.T, test test) {
		p := newGatedPool(t, timeout(time.Minute))
		p.shut()
		ctx, cancel := context.WithTimeout(background, 30*time.Second)
		defer cancel()
		impatient, c := p.queue(ctx, 0), p.queue(background, 0)
		test.end(p)
		_, err := c.wait()
		equal(t, "error and when", []any{err, c.took}, []any{test.want, test.after})
		if _, err := impatient.wait(); test.after > 30*time.Second && !canceled(err) {
			t.Errorf("have %v, want the end of its context", err)
		}
		equal(t, "opened", p.told("open:"), []string{})
	})
}

// What they waited for is said: that one can be opened, or that one comes back.
func TestGateWaitPhase(t *testing.T) {
	tests(t, map[string]struct {
		held int
		want pool.Phase
	}{
		"a place is free": {1, pool.PhaseOpening},
		"none is free":    {2, pool.PhaseWaiting},
	}, func(t *testing.T, test struct {
		held int
		want pool.Phase
	}) {
		p := newGatedPool(t, timeout(time.Minute))
		held := p.takeMany(test.held)
		p.shut()
		_, err := p.queue(background, 0).wait()
		if end, ok := err.(*pool.WaitError[int]); !ok || end.Phase != test.want || end.Canceled {
			t.Errorf("have %+v, want its time up in phase %v", err, test.want)
		}
		p.give(held...)
	})
}

// What is opened ahead of need waits for the gate, and is no reason for a pause when it has opened.
func TestGateAndMinIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newGatedPool(t, sized(4, 4), minIdle(2))
		p.on("open", p.fails(nil))
		p.Refill()
		synctest.Wait()
		p.told()
		p.wantOpens(time.Minute)
		p.refuse()
		p.wantOpens(time.Minute)
		p.on("open", nil)
		p.reopen()
		p.want(places{Idle: 2})
		p.refuse()
		held := p.takeMany(2)
		p.want(places{InUse: 2})
		p.reopen()
		p.want(places{InUse: 2, Idle: 2})
		p.give(held...)
	})
}

// Slots that are due stay while none can be opened in their place.
func TestGateAndReplacements(t *testing.T) {
	type test struct {
		limit int
		loses bool // an error that is Away is the first to tell
	}
	tests(t, map[string]test{
		"a place is free": {8, false}, "none is free": {4, false},
		"one fails": {8, true}, "one of none that are free fails": {4, true},
	}, func(t *testing.T, test test) {
		p := newGatedPool(t, sized(test.limit, 4), recycle(time.Hour), func(c *config) {
			c.MaxAge = func() time.Duration { return time.Hour }
		})
		p.fill(4)
		left := 4
		if test.loses {
			p.on("open", p.fails(nil))
			if test.limit == 4 {
				left = 3 // it has made way
			}
		} else {
			p.shut()
		}
		time.Sleep(24 * time.Hour)
		p.want(places{Idle: left})
		p.gate.mu.Lock()
		p.gate.asked = 0
		p.gate.mu.Unlock()
		time.Sleep(24 * time.Hour)
		if p.gate.asked > 0 {
			t.Errorf("the gate was asked %d times, want no timer to run", p.gate.asked)
		}
		p.told()
		p.on("open", nil)
		p.reopen()
		time.Sleep(time.Minute)
		p.want(places{Idle: 4})
		equal(t, "opened", len(p.told("open:")), 4)
	})
}

// One that has had its time and came back is opened anew when the gate is open, once.
func TestGateAndReplace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newGatedPool(t)
		s := p.take()
		p.shut()
		p.Discard(s, errExpired, false)
		p.Replace(s)
		time.Sleep(time.Hour)
		p.want(places{})
		p.reopen()
		p.want(places{Idle: 1})
	})
}

// When the gate opens, so many are opened at one time as in the first burst, however many have failed.
func TestGateAndConnectLimit(t *testing.T) {
	type test struct {
		err  error // of those that fail before
		want []int // are being opened then, second by second
	}
	tests(t, map[string]test{
		"away":        {errAway, []int{4, 8, 16, 32, 0}},
		"other":       {errOpen, []int{4, 8, 16, 32, 0}},
		"none failed": {nil, []int{4, 8, 16, 32, 0}},
	}, func(t *testing.T, test test) {
		p := newGatedPool(t, sized(60, 60), connectLimit(4))
		if test.err == nil {
			p.shut()
		}
		p.on("open", func(context.Context) error {
			time.Sleep(time.Second)
			p.gate.set(true, nil)
			return test.err
		})
		failed := make(chan int)
		go func() { failed <- p.runAll(64, time.Hour) }()
		time.Sleep(time.Minute)
		p.on("open", slow(time.Second))
		p.reopen()
		equal(t, "opening", eachSecond(5, p.openingNow), test.want)
		want := 0
		if test.err == errOpen {
			want = 4
		}
		equal(t, "errors", <-failed, want)
	})
}

// Old errors that come when the gate has opened don't lower it.
func TestOldErrorsAndConnectLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newGatedPool(t, sized(8, 8), connectLimit(8))
		p.on("open", func(context.Context) error {
			time.Sleep(time.Second)
			return errAway
		})
		for range 8 {
			p.queue(background, 0)
		}
		p.shut()
		p.reopen()
		time.Sleep(time.Second)
		p.on("open", slow(time.Second))
		time.Sleep(20 * time.Millisecond)
		equal(t, "limit and opening", []int{p.Stats().ConnectLimit, p.Stats().Opening}, []int{8, 8})
		time.Sleep(time.Second)
		p.want(places{InUse: 8})
	})
}

// Asked again and again, with an open gate, Regate does not spoil what was learnt of the server.
func TestRegateKeepsConnectLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newGatedPool(t, sized(8, 8), connectLimit(8))
		p.on("open", fail(errOpen))
		equal(t, "errors", p.runAll(8, 0), 8)
		p.reopen()
		equal(t, "limit", p.Stats().ConnectLimit, 1)
	})
}

// While the gate is closed nothing runs in the background but what looks for leases that nobody uses, once a second.
func TestGateClosedIsQuiet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newGatedPool(t, sized(4, 4), minIdle(1), recycle(time.Hour))
		p.on("open", p.fails(nil))
		c := p.queue(background, 0)
		p.gate.mu.Lock()
		p.gate.asked = 0
		p.gate.mu.Unlock()
		time.Sleep(24 * time.Hour)
		equal(t, "waits", c.waits(), true)
		equal(t, "asked", p.gate.asked, 0)
		equal(t, "opened", len(p.told("open:")), 2)
		p.refuse()
	})
}

// An error that is Away with the gate open is old. If it is not, the gate is wrong: then another is opened after 10 ms,
// 20 ms and so on up to a second, and not all the time.
func TestAwayWithTheGateOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newGatedPool(t, sized(8, 8), connectLimit(4), timeout(time.Hour))
		p.on("open", fail(errAway))
		for range 16 {
			p.queue(background, 0)
		}
		time.Sleep(10*time.Minute + time.Millisecond)
		// One for the first caller, and four after 10, 30, 70, 150, 310, 630 and 1,270 ms, and then each second.
		equal(t, "opened", len(p.told("open:")), 1+4*(7+10*60-2))
		p.want(places{Waiting: 16})
	})
}

// After one was opened the pauses begin anew.
func TestPausesBeginAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newGatedPool(t, single)
		for range 3 {
			p.on("open", first(3, fail(errAway)))
			c := p.queue(background, 0)
			s, err := c.wait()
			if err != nil {
				t.Fatal(err)
			}
			equal(t, "took", c.took, 70*time.Millisecond)
			p.Discard(s, errBad, true)
		}
	})
}

// The pause is over when the gate has been closed and opens.
func TestPauseEndsWhenTheGateOpens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newGatedPool(t, single)
		p.on("open", fail(errAway))
		c := p.queue(background, 0)
		time.Sleep(time.Minute + 5*time.Millisecond)
		p.on("open", first(1, fail(errAway)))
		p.shut()
		p.told()
		p.reopen()
		equal(t, "opened", len(p.told("open:")), 1)
		s, err := c.wait() // the next pause is as short as the first
		equal(t, "error and when", []any{err, c.took}, []any{nil, time.Minute + 15*time.Millisecond})
		p.give(s)
		time.Sleep(time.Minute)
		p.want(places{Idle: 1})
	})
}

// With Direct the caller opens it, and its error is its own. Open may wait there.
func TestAwayDirect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newGatedPool(t, direct)
		p.refuse()
		p.on("open", fail(errAway))
		if _, err := p.Take(background, new(time.Time), 0); err != errAway {
			t.Errorf("have %v, want Open's error", err)
		}
		equal(t, "told", p.told(), []string{"open: 1", "open failed: away"})
		p.on("open", nil)
		s, err := p.Take(background, new(time.Time), 0)
		if err != nil {
			t.Fatal(err)
		}
		p.Discard(s, nil, true)
		equal(t, "errors", p.Stats().OpenErrors, 1)
	})
}

// Without a gate nothing is different, whatever Regate is called for.
func TestRegateWithoutAGate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, single, connectLimit(1))
		p.Regate()
		held := p.take()
		c := p.queue(background, 0)
		p.Regate()
		p.want(places{InUse: 1, Waiting: 1})
		p.give(held)
		c.wait()
		p.give(held)
		equal(t, "counts", p.Stats().Counts, pool.Counts{Opened: 1, Checkouts: 2, Checkins: 2, Waits: 2})
	})
}
