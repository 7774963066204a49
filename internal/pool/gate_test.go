package pool_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pooled-go/pooled/internal/pool"
)

var (
	errAway    = errors.New("away")    // that nothing can be opened for now
	errRefused = errors.New("refused") // why callers must not wait until it can
)

// gatedPool is a pool with a gate, which tests move.
type gatedPool struct {
	*testPool
	gate *testGate
}

type testGate struct {
	mu      sync.Mutex
	shut    bool
	refusal error
	asked   int
}

func (g *testGate) ask() (open bool, refusal error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.asked++
	return !g.shut, g.refusal
}

// set moves the gate, of which the pool is not told yet.
func (g *testGate) set(shut bool, refusal error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.shut, g.refusal = shut, refusal
}

func newGatedPool(t testing.TB, settings ...func(*config)) *gatedPool {
	g := &testGate{}
	return &gatedPool{newPool(t, append(settings, func(c *config) {
		c.Gate, c.Away = g.ask, func(err error) bool { return err == errAway }
	})...), g}
}

// shut closes the gate: callers may wait. refuse: they must not.
func (p *gatedPool) shut()   { p.move(true, nil) }
func (p *gatedPool) refuse() { p.move(true, errRefused) }
func (p *gatedPool) reopen() { p.move(false, nil) }

func (p *gatedPool) move(shut bool, refusal error) {
	p.gate.set(shut, refusal)
	p.Regate()
}

// fails has Open fail, for the gate is found closed then.
func (p *gatedPool) fails(refusal error) func(context.Context) error {
	return func(context.Context) error {
		p.gate.set(true, refusal)
		return errAway
	}
}

// While the gate is closed nothing is opened, and the queue keeps its order.
func TestGateKeepsTheOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newGatedPool(t, single)
		p.on("open", first(1, p.fails(nil)))
		var all []*caller
		for _, turn := range []uint64{0, 0, 7, 3, 0} {
			all = append(all, p.queue(background, turn))
		}
		time.Sleep(time.Hour)
		p.want(places{Waiting: 5})
		equal(t, "told", p.told(), []string{"open: 1", "open failed: away"})
		equal(t, "errors", p.Stats().OpenErrors, 1)
		p.reopen()
		for _, i := range []int{3, 2, 0, 1, 4} {
			s, err := all[i].wait()
			if err != nil || s.Value() != 2 {
				t.Fatalf("caller %d: have %v", i, err)
			}
			p.want(places{InUse: 1, Waiting: p.Stats().Waiting})
			p.give(s)
		}
		p.want(places{Idle: 1})
		equal(t, "waits", p.Stats().Waits, 5)
	})
}

// What comes back serves the queue whatever the gate is.
func TestGateAndWhatComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newGatedPool(t)
		held := p.take()
		p.shut()
		c := p.queue(background, 0)
		p.want(places{InUse: 1, Waiting: 1})
		p.give(held)
		if s, err := c.wait(); s != held || err != nil {
			t.Errorf("have %v and %v, want the one that came back", s, err)
		}
		p.give(held)
		p.refuse()
		p.refuse()
		p.give(p.take())
		equal(t, "opened", p.Stats().Opened, 1)
	})
}

// An error that is Away is nobody's, if callers may wait.
func TestAway(t *testing.T) {
	type test struct {
		timeout time.Duration
		open    bool // the gate
		refusal error
		err     error         // what the caller gets; nil: a slot
		after   time.Duration // when, if the gate opens after a minute
	}
	tests(t, map[string]test{
		"waits":               {-1, false, nil, nil, time.Minute},
		"is refused":          {-1, false, errRefused, errRefused, 0},
		"is old":              {-1, true, nil, nil, 10 * time.Millisecond},
		"waits for a while":   {2 * time.Minute, false, nil, nil, time.Minute},
		"does not wait":       {0, false, nil, errAway, 0},
		"is refused the wait": {0, false, errRefused, errRefused, 0},
		"does not wait, old":  {0, true, nil, errAway, 0},
	}, func(t *testing.T, test test) {
		p := newGatedPool(t, single, timeout(test.timeout))
		p.on("open", first(1, func(context.Context) error {
			p.gate.set(!test.open, test.refusal)
			return errAway
		}))
		c := p.queue(background, 0)
		equal(t, "told", p.told("open failed"), []string{"open failed: away"})
		equal(t, "errors", p.Stats().OpenErrors, 1)
		time.Sleep(time.Minute)
		p.reopen()
		s, err := c.wait()
		if err != test.err || c.took != test.after {
			t.Errorf("have %v after %v, want %v after %v", err, c.took, test.err, test.after)
		}
		if s != nil {
			p.give(s)
		}
	})
}

// That the time for opening is up is no error of its own, if that is Away.
func TestAwayAfterALongTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newGatedPool(t, single, timeout(time.Minute))
		p.on("open", func(ctx context.Context) error {
			<-ctx.Done()
			return p.fails(nil)(ctx)
		})
		p.queue(background, 0) // whose time is up
		c := p.queue(background, 0)
		time.Sleep(time.Minute - 1)
		second := p.queue(background, 0)
		time.Sleep(time.Second)
		if c.waits() || !second.waits() {
			t.Error("one waits whose time is up, or got an error that is nobody's")
		}
		p.on("open", nil)
		p.reopen()
		s, err := second.wait()
		if err != nil {
			t.Fatal(err)
		}
		p.give(s)
	})
}

// Nor for callers that don't wait, who get the error.
func TestAwayAfterALongTimeWithoutAWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newGatedPool(t, timeout(0), connectLimit(1))
		p.on("open", func(ctx context.Context) error {
			<-ctx.Done()
			return p.fails(nil)(ctx)
		})
		ctx, cancel := context.WithCancel(background)
		p.queue(ctx, 0) // who leaves what is being opened to the next
		cancel()
		time.Sleep(10 * time.Second)
		if _, err := p.queue(background, 0).wait(); err != errAway {
			t.Errorf("have %v, want Open's error", err)
		}
	})
}

// An Away that panics has not said so.
func TestStageAway(t *testing.T) {
	tests(t, map[string]stage{
		"yes":    {do: does(fail(errAway)), after: 10 * time.Millisecond, left: places{InUse: 1}, count: 1},
		"no":     {do: does(fail(nil)), err: "open", count: 1},
		"Goexit": {do: does(exits), err: "open", count: 1},
		"panic":  {do: does(panics), err: "open", count: 1, told: []string{"panicked: away boom"}},
	}, func(t *testing.T, test stage) {
		var p *testPool
		p = newPool(t, single, func(c *config) {
			c.Away = func(error) bool { return p.run(context.Background(), "away") != nil }
		})
		p.on("open", first(1, fail(errOpen)))
		p.on("away", test.do(t))
		c := p.queue(background, 0)
		p.wantEnd(c, test)
		equal(t, "OpenErrors", p.Stats().OpenErrors, test.count)
		p.wantPlace(c, test)
	})
}

// Whether there are as many as there can be is not asked of a server that is away.
func TestAwayIsNotFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newGatedPool(t, func(c *config) { c.Full = func(error) bool { return true } })
		held := p.take()
		p.on("open", first(1, p.fails(nil)))
		c := p.queue(background, 0)
		equal(t, "ceiling", p.Stats().Ceiling, pool.Unlimited)
		p.on("open", nil)
		p.reopen()
		s, err := c.wait()
		if err != nil {
			t.Fatal(err)
		}
		p.give(held, s)
	})
}

// When the gate refuses, all in the queue and all who come get that at once, and it is no wait.
func TestGateRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newGatedPool(t)
		p.shut()
		var all []*caller
		for range 20 {
			all = append(all, p.queue(background, 0))
		}
		time.Sleep(10 * time.Second)
		p.want(places{Waiting: 20})
		p.refuse()
		for _, c := range all {
			if _, err := c.wait(); err != errRefused || c.took != 10*time.Second {
				t.Errorf("have %v after %v, want the refusal", err, c.took)
			}
		}
		for range 20 {
			if c := p.queue(background, 0); c.waits() || c.err != errRefused || c.took != 0 {
				t.Errorf("have %v after %v, want the refusal", c.err, c.took)
			}
		}
		equal(t, "waits", p.Stats().Waits, 20)
		equal(t, "told", p.told(), []string{})
	})
}

// A pool whose gate has opened is as any.
func TestGateOpensAfterItRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newGatedPool(t)
		p.refuse()
		if _, err := p.queue(background, 0).wait(); err != errRefused {
			t.Errorf("have %v, want the refusal", err)
		}
		p.reopen()
		p.want(places{}) // nobody wants one
		p.give(p.takeMany(2)...)
		p.want(places{Idle: 2})
	})
}

// While slots come back, callers wait for those though the gate refuses: until none has come back for a second, or none
// is left.
func TestGateRefusesUnlessSlotsComeBack(t *testing.T) {
	type test struct {
		happens func(p *gatedPool, held []*slot)
		want    bool // a caller waits then
	}
	comes := func(p *gatedPool, held []*slot) { p.give(held[0]); p.take() }
	tests(t, map[string]test{
		"nothing":              {func(*gatedPool, []*slot) {}, false},
		"nothing, for a while": {func(*gatedPool, []*slot) { time.Sleep(time.Minute) }, false},
		"one came":             {comes, true},
		"one came lately": {func(p *gatedPool, held []*slot) {
			comes(p, held)
			time.Sleep(time.Second - 1)
		}, true},
		"one came long ago": {func(p *gatedPool, held []*slot) {
			comes(p, held)
			time.Sleep(time.Second)
		}, false},
		"one came before many probes, which took no time": {func(p *gatedPool, held []*slot) {
			comes(p, held)
			for range 100 {
				p.refuse()
			}
		}, true},
		"they come again and again": {func(p *gatedPool, held []*slot) {
			for range 100 {
				comes(p, held)
				time.Sleep(500 * time.Millisecond)
			}
		}, true},
		"one came before the gate closed again": {func(p *gatedPool, held []*slot) {
			comes(p, held)
			p.reopen()
			p.refuse()
		}, false},
		"none is left": {func(p *gatedPool, held []*slot) {
			comes(p, held)
			for _, s := range held {
				p.Discard(s, errBad, false)
			}
		}, false},
		"one was closed": {func(p *gatedPool, held []*slot) { p.Discard(held[0], errBad, false) }, false},
	}, func(t *testing.T, test test) {
		p := newGatedPool(t)
		p.fill(1) // that one came back before the gate closed says nothing
		held := p.takeMany(2)
		p.shut()
		p.refuse()
		test.happens(p, held)
		ctx, cancel := context.WithCancel(background)
		defer cancel()
		c := p.queue(ctx, 0)
		if have := c.waits(); have != test.want || !have && c.err != errRefused {
			t.Errorf("have one that waits: %v (%v), want %v", have, c.err, test.want)
		}
		equal(t, "opened", p.Stats().Opened, 2)
	})
}

// Those that wait for what comes back while the gate refuses are served, and refused when nothing comes any more.
func TestGateRefusesThoseThatWaitForSlots(t *testing.T) {
	type test struct {
		end   func(p *gatedPool, held *slot)
		after time.Duration
	}
	tests(t, map[string]test{
		"nothing comes": {func(*gatedPool, *slot) {}, time.Second},
		"nothing comes, whatever probes say": {func(p *gatedPool, _ *slot) {
			for range 100 {
				p.refuse()
			}
		}, time.Second},
		"one more comes": {func(p *gatedPool, held *slot) {
			served := p.queue(background, 1) // before the others
			time.Sleep(750 * time.Millisecond)
			p.give(held)
			served.wait()
		}, 1750 * time.Millisecond},
		"the last one is lost": {func(p *gatedPool, held *slot) { p.Discard(held, errBad, false) }, 0},
		"it is detached": {func(p *gatedPool, held *slot) {
			p.Detach(held)
			p.closeOne(held.Value())
		}, 0},
		"it takes long to close": {func(p *gatedPool, held *slot) {
			p.on("close", slow(time.Minute))
			p.Discard(held, errBad, false)
		}, time.Second},
	}, func(t *testing.T, test test) {
		p := newGatedPool(t)
		held := p.take()
		p.shut()
		served, waits := p.queue(background, 0), p.queue(background, 0)
		p.give(held)
		served.wait()
		p.refuse()
		late := p.queue(background, 0)
		p.want(places{InUse: 1, Waiting: 2})
		began := time.Now()
		test.end(p, held)
		for _, c := range []*caller{waits, late} {
			if _, err := c.wait(); err != errRefused {
				t.Errorf("have %v, want the refusal", err)
			}
		}
		equal(t, "took", time.Since(began), test.after)
		time.Sleep(time.Minute)
	})
}

// Without a wait nobody waits for the gate, nor for what comes back while it refuses.
func TestGateWithoutAWait(t *testing.T) {
	const opening = "timeout while one was being opened"
	tests(t, map[string]struct {
		refusal error
		want    string
	}{"shut": {nil, opening}, "refuses": {errRefused, "refused"}}, func(t *testing.T, test struct {
		refusal error
		want    string
	}) {
		p := newGatedPool(t, sized(8, 8), timeout(0), connectLimit(1))
		p.give(p.takeMany(2)...)
		held := p.takeMany(2)
		p.on("open", first(1, func(ctx context.Context) error {
			time.Sleep(time.Second)
			return errAway
		}))
		all := []*caller{p.queue(background, 0), p.queue(background, 0), p.queue(background, 0)}
		p.want(places{InUse: 2, Opening: 1, Waiting: 3})
		p.gate.set(true, test.refusal)
		waits := p.Stats().Waits
		newcomer := p.queue(background, 0)
		equal(t, "newcomer", []any{newcomer.waits(), newcomer.err}, []any{false, test.want})
		equal(t, "waits", p.Stats().Waits, waits)
		time.Sleep(time.Second)
		want := []string{"away", opening, opening}
		if test.refusal != nil {
			want = []string{"refused", "refused", "refused"}
		}
		var have []string
		for _, c := range all {
			equal(t, "waits", c.waits(), false)
			have = append(have, fmt.Sprint(c.err))
		}
		equal(t, "errors", have, want)
		p.give(held...)
	})
}

// Those that wait for a place, not for the gate, get it in vain when that is closed.
func TestGateClosesWithoutAWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newGatedPool(t, single, timeout(0))
		p.on("close", slow(500*time.Millisecond))
		p.Discard(p.take(), errBad, false)
		c := p.queue(background, 0)
		p.want(places{Closing: 1, Waiting: 1})
		p.shut()
		if c.waits() || canceled(c.err) || c.err == nil {
			t.Errorf("have %v, want that its time is up", c.err)
		}
	})
}

// What is being opened when the gate closes may come all the same, and is waited for.
func TestGateClosesWhileOpening(t *testing.T) {
	tests(t, map[string]time.Duration{"not at all": 0, "a while": time.Minute}, func(t *testing.T, wait time.Duration) {
		p := newGatedPool(t, timeout(wait))
		p.on("open", slow(time.Second))
		first, second := p.queue(background, 0), p.queue(background, 0)
		p.shut()
		for _, c := range []*caller{first, second} {
			s, err := c.wait()
			if err != nil || c.took != time.Second {
				t.Fatalf("have %v after %v, want what was opened", err, c.took)
			}
			defer p.give(s)
		}
	})
}
