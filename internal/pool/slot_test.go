package pool_test

import (
	"cmp"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pooled-go/pooled/internal/pool"
)

// What a slot tells its holder.
func TestSlot(t *testing.T) {
	type facts struct {
		id, uses, turn uint64
		used           bool
		idleFor        time.Duration
	}
	look := func(s *slot) facts { return facts{s.ID(), s.Uses(), s.Turn(), s.Used(), s.IdleFor()} }
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t)
		s := p.take()
		equal(t, "new", look(s), facts{id: 1, uses: 1, turn: 1})
		time.Sleep(time.Minute)
		p.give(s)
		time.Sleep(time.Hour)
		s = p.take()
		equal(t, "again", look(s), facts{1, 2, 2, true, time.Hour})
		other := p.take()
		equal(t, "another", look(other), facts{id: 2, uses: 1, turn: 3})
		other.SetUsed()
		equal(t, "used", other.Used(), true)
		p.give(s, other)
	})
}

// Snapshot and All show all that are idle or leased.
func TestSnapshot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, sized(4, 4))
		all := p.takeMany(4)
		time.Sleep(time.Minute)
		p.give(all[0])
		p.InvalidateID(2, errBad, errBad)
		p.Rest(all[3])
		time.Sleep(time.Second)
		have := p.Snapshot()
		slices.SortFunc(have, func(a, b pool.Info[int]) int { return cmp.Compare(a.ID, b.ID) })
		age := time.Minute + time.Second
		equal(t, "snapshot", have, []pool.Info[int]{
			{Value: 1, ID: 1, Idle: true, Age: age, IdleFor: time.Second, Uses: 1},
			{Value: 2, ID: 2, Age: age, Held: age, Uses: 1, Leaving: true},
			{Value: 3, ID: 3, Age: age, Held: age, Uses: 1},
			{Value: 4, ID: 4, Idle: true, Age: age, IdleFor: time.Second, Uses: 1},
		})
		values := p.All()
		slices.Sort(values)
		equal(t, "all", values, []int{1, 2, 3, 4})
		p.want(places{Idle: 2, InUse: 2})
		p.Discard(all[3], nil, true)
		p.Dispose()
		synctest.Wait()
		for _, info := range p.Snapshot() {
			equal(t, "leaving", info.Leaving, true)
		}
		equal(t, "left", len(p.All()), 2)
		p.give(all[1], all[2])
		p.want(places{})
	})
}

// The time for which the machine slept makes a slot older, and is none for which somebody has had it.
func TestSnapshotAfterSleep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t)
		p.take()
		p.sleep(time.Hour)
		have := p.Snapshot()[0]
		equal(t, "age and held", []time.Duration{have.Age, have.Held}, []time.Duration{time.Hour, 0})
	})
}

// What is set in the configuration is shown.
func TestStats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, sized(5, 3), connectLimit(2))
		want := pool.Stats{Limit: 5, Keep: 3, Ceiling: pool.Unlimited, ConnectLimit: 2}
		equal(t, "stats", p.Stats(), want)
	})
}

// A slot that comes back goes for the reason its holder gave, or because of what has happened since.
func TestDeparts(t *testing.T) {
	type test struct {
		happens     func(p *testPool, s *slot)
		want        error
		recycled    uint64
		invalidated uint64
	}
	tests(t, map[string]test{
		"nothing":     {func(*testPool, *slot) {}, nil, 0, 0},
		"SetLeaving":  {func(_ *testPool, s *slot) { s.SetLeaving(errOpen) }, errOpen, 0, 1},
		"disposed of": {func(p *testPool, _ *slot) { p.Dispose() }, errDisposed, 0, 0},
		"invalidated": {func(p *testPool, _ *slot) { p.InvalidateID(1, errOpen, errFull) }, errFull, 0, 1},
		"the first said": {func(p *testPool, _ *slot) {
			p.InvalidateID(1, nil, errFull)
			p.InvalidateID(1, nil, errBad)
		}, errFull, 0, 1},
		"old":  {func(*testPool, *slot) { time.Sleep(time.Hour) }, errExpired, 1, 0},
		"both": {func(p *testPool, s *slot) { p.Dispose(); s.SetLeaving(errBad) }, errBad, 0, 1},
	}, func(t *testing.T, test test) {
		p := newPool(t, single, recycle(time.Hour))
		s := p.take()
		test.happens(p, s)
		equal(t, "departs", p.Departs(s), test.want)
		p.give(s)
		if test.want == nil {
			p.want(places{Idle: 1})
			return
		}
		p.want(places{})
		stats := p.Stats()
		equal(t, "counts", []uint64{stats.Closed, stats.Recycled, stats.Invalidated},
			[]uint64{1, test.recycled, test.invalidated})
	})
}

// What the holder found at the last SetPassed holds within one step of the clock, if nothing has happened.
func TestTrusted(t *testing.T) {
	type test struct {
		happens func(p *testPool)
		want    bool
	}
	tests(t, map[string]test{
		"nothing":       {func(*testPool) {}, true},
		"the time":      {func(*testPool) { time.Sleep(time.Second) }, false},
		"disposed of":   {func(p *testPool) { p.Dispose() }, false},
		"invalidated":   {func(p *testPool) { p.InvalidateID(1, errBad, errBad) }, false},
		"another":       {func(p *testPool) { p.InvalidateID(2, errBad, errBad) }, true},
		"one was lost":  {func(p *testPool) { p.Suspect() }, false},
		"found nothing": {func(p *testPool) { p.StopClock() }, false},
	}, func(t *testing.T, test test) {
		p := newPool(t)
		s := p.take()
		equal(t, "trusted when it is new", s.Trusted(), false)
		s.SetPassed()
		p.Rest(s)
		test.happens(p)
		p.Resume(s)
		equal(t, "trusted", s.Trusted(), test.want)
		p.Discard(s, nil, true)
	})
}

// A slot that was just leased must not be used if it is too old, also when no timer has noticed because the machine
// slept. One that is new may be as old as it is.
func TestExpired(t *testing.T) {
	type test struct {
		happens func(p *testPool)
		want    error
	}
	lease := func(p *testPool) *slot { p.StopClock(); return p.take() }
	idle := func(limit, slept time.Duration) func(*testPool) {
		return func(p *testPool) { p.LimitIdle(limit); p.sleep(slept) }
	}
	tests(t, map[string]test{
		"nothing":            {func(*testPool) {}, nil},
		"almost too old":     {func(p *testPool) { p.sleep(time.Hour - 1) }, nil},
		"too old":            {func(p *testPool) { p.sleep(time.Hour) }, errExpired},
		"idle almost long":   {idle(40*time.Minute, 39*time.Minute+30*time.Second-1), nil},
		"idle too long":      {idle(40*time.Minute, 39*time.Minute+30*time.Second), errIdledOut},
		"a limit of seconds": {idle(8*time.Second, 6*time.Second), errIdledOut},
		"no limit":           {func(p *testPool) { p.LimitIdle(0); p.sleep(40 * time.Minute) }, nil},
	}, func(t *testing.T, test test) {
		p := newPool(t, single, recycle(time.Hour))
		p.fill(1)
		p.StopClock()
		test.happens(p)
		s := lease(p)
		equal(t, "expired", p.Expired(s), test.want)
		p.Discard(s, nil, true)
		p.sleep(0)
		s = lease(p)
		p.sleep(2 * time.Hour)
		p.StopClock()
		equal(t, "expired when it is new", p.Expired(s), nil)
		s.SetUsed()
		p.Dispose()
		equal(t, "expired when disposed of", p.Expired(s), errDisposed)
		p.Discard(s, nil, true)
	})
}

// One that is new may be used, however short its age.
func TestExpiredWhenNew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, recycle(0))
		s := p.take()
		equal(t, "expired", p.Expired(s), nil)
		p.give(s)
	})
}

// One that was invalidated while it was on its way to a caller must not be used.
func TestExpiredWhenInvalidated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, single)
		p.fill(1)
		s := p.take()
		p.InvalidateID(1, errOpen, errBad)
		equal(t, "expired", p.Expired(s), errBad)
		p.give(s)
	})
}

// With one lost, those opened before are suspect, until they are seen alive. New ones are not.
func TestSuspect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t)
		p.fill(1)
		p.Suspect()
		s := p.take()
		equal(t, "suspect", s.Suspect(), true)
		s.SetAlive()
		equal(t, "seen alive", s.Suspect(), false)
		fresh := p.take()
		equal(t, "new", fresh.Suspect(), false)
		p.Suspect() // in this lease nobody knows
		equal(t, "in the same lease", s.Suspect(), false)
		p.give(s)
		equal(t, "in the next", p.take().Suspect(), true)
	})
}

// Those idle ones are closed that are suspect, and of them those that were idle for longer.
func TestCloseSuspects(t *testing.T) {
	closed := func(longer bool, want []string) func(t *testing.T) {
		return func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPool(t, sized(5, 5))
				all := p.takeMany(5)
				p.give(all[0])
				time.Sleep(time.Minute)
				p.give(all[1], all[4])
				p.Suspect()
				time.Sleep(time.Second)
				p.give(all[2])
				at := p.take() // number 1
				time.Sleep(time.Minute)
				p.give(all[3])
				other := p.take() // number 2
				other.SetAlive()
				p.give(other)
				if !longer {
					at = nil
				}
				p.CloseSuspects(at, errBad)
				synctest.Wait()
				have := p.told("leaving")
				slices.Sort(have)
				equal(t, "closed", have, want)
				equal(t, "invalidated", p.Stats().Invalidated, uint64(len(want)))
			})
		}
	}
	t.Run("all", closed(false, []string{"leaving: 3 bad", "leaving: 4 bad", "leaving: 5 bad"}))
	t.Run("those idle for longer", closed(true, []string{"leaving: 5 bad"}))
}

func connectLimit(n int) func(*config) { return func(c *config) { c.ConnectLimit = n } }
