package pool_test

import (
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pooled-go/pooled/internal/pool"
)

// overduePool notes of which leases Overdue is told, after a minute.
func overduePool(t *testing.T, settings ...func(*config)) *testPool {
	var p *testPool
	p = newPool(t, append(settings, overdueAfter(time.Minute), func(c *config) {
		c.Overdue = func(all []pool.Holding[int]) {
			line := "overdue"
			for _, h := range all {
				line += fmt.Sprintf(" %d in lease %d after %v", h.Value, h.Uses, h.Held)
			}
			p.note(line)
		}
	})...)
	return p
}

// Overdue is told once of each lease that is too long, by number, and of its end nobody but the holder.
func TestOverdue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := overduePool(t, sized(3, 3))
		p.fill(1)
		all := p.takeMany(3)
		time.Sleep(time.Minute - 1)
		equal(t, "told before the time", p.told("overdue"), []string{})
		time.Sleep(time.Nanosecond)
		equal(t, "told", p.told("overdue"), []string{
			"overdue 1 in lease 2 after 1m0s 2 in lease 1 after 1m0s 3 in lease 1 after 1m0s:",
		})
		time.Sleep(time.Hour)
		equal(t, "told later", p.told("overdue"), []string{})
		for i, s := range all {
			if !s.EndUse() || s.EndUse() {
				t.Errorf("number %d: want it reported, once", i)
			}
			end := p.EndOverdue(s)
			equal(t, "end", []any{end.Value, end.Uses, end.Held}, []any{s.Value(), s.Uses(), time.Hour + time.Minute})
		}
		p.give(all...)
		s := p.take()
		if s.EndUse() {
			t.Error("want the next lease not reported")
		}
		stats := p.Stats()
		equal(t, "counts", []uint64{stats.Overdue, stats.OverdueEnded}, []uint64{3, 3})
		p.give(s)
	})
}

// However many there are, they are told of by number.
func TestOverdueByNumber(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var have []int
		p := newPool(t, sized(50, 50), overdueAfter(time.Minute), func(c *config) {
			c.Overdue = func(all []pool.Holding[int]) {
				for _, h := range all {
					have = append(have, h.Value)
				}
			}
		})
		want := numbers(p.takeMany(50))
		time.Sleep(time.Minute)
		synctest.Wait()
		equal(t, "told", have, want)
	})
}

// Those that began at different times are found each in time, at most an eighth of it late.
func TestOverdueOneAfterTheOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := overduePool(t, sized(3, 3))
		p.take()
		time.Sleep(time.Second)
		p.take()
		time.Sleep(20 * time.Second)
		p.take()
		time.Sleep(39 * time.Second)
		equal(t, "first", p.told("overdue"), []string{"overdue 1 in lease 1 after 1m0s:"})
		time.Sleep(7500 * time.Millisecond)
		equal(t, "second", p.told("overdue"), []string{"overdue 2 in lease 1 after 1m6.5s:"})
		time.Sleep(13500 * time.Millisecond)
		equal(t, "third", p.told("overdue"), []string{"overdue 3 in lease 1 after 1m0s:"})
	})
}

// Nobody has what is idle, rests, was not used yet or is on its way.
func TestNotOverdue(t *testing.T) {
	tests(t, map[string]func(p *testPool) *slot{
		"idle": func(p *testPool) *slot { s := p.take(); p.give(s); return nil },
		"unused": func(p *testPool) *slot {
			s := p.take()
			s.Offer(&pool.Lease{})
			return s
		},
		"on its way": func(p *testPool) *slot {
			s := p.take()
			s.EndUse()
			equal(p.t, "taken", s.Taken(), false)
			return s
		},
		"rests": func(p *testPool) *slot { s := p.take(); p.Rest(s); return s },
	}, func(t *testing.T, do func(p *testPool) *slot) {
		p := overduePool(t)
		s := do(p)
		time.Sleep(time.Hour)
		equal(t, "told", p.told("overdue"), []string{})
		if s != nil {
			p.Discard(s, nil, true)
		}
	})
}

// What was on its way when it was looked at is looked at again.
func TestOverdueWhenTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := overduePool(t)
		s := p.take()
		s.EndUse()
		time.Sleep(70 * time.Second)
		s.Take()
		equal(t, "taken", s.Taken(), true)
		time.Sleep(50 * time.Second)
		equal(t, "told", p.told("overdue"), []string{"overdue 1 in lease 1 after 2m0s:"})
		p.give(s)
	})
}

// The time for which the machine slept is none for which a holder has had something.
func TestOverdueWhileTheMachineSlept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := overduePool(t)
		s := p.take()
		p.sleep(time.Hour)
		p.FindOverdue()
		equal(t, "told", p.told("overdue"), []string{})
		time.Sleep(time.Minute)
		equal(t, "told", p.told("overdue"), []string{"overdue 1 in lease 1 after 1m0s:"})
		p.give(s)
	})
}

// Nothing is looked for when nothing is leased, when all were told of, or when nobody wants to know.
func TestOverdueRests(t *testing.T) {
	tests(t, map[string]func(p *testPool){
		"nothing is leased": func(p *testPool) { p.fill(1) },
		"all were told of":  func(p *testPool) { p.take() },
		"closed":            func(p *testPool) { p.take(); p.Close() },
	}, func(t *testing.T, do func(p *testPool)) {
		p := overduePool(t)
		do(p)
		time.Sleep(2 * time.Minute)
		var reads atomic.Int64
		p.SetClock(func() pool.Moment {
			reads.Add(1)
			return pool.Now()
		})
		time.Sleep(time.Hour)
		if n := reads.Load(); n > 0 {
			t.Errorf("the clock was read %d times in an hour", n)
		}
	})
}

// It is shown which leases are overdue, as long as they last.
func TestOverdueIsShown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := overduePool(t, single)
		s := p.take()
		for _, want := range []bool{false, true} {
			equal(t, "overdue", p.Snapshot()[0].Overdue, want)
			time.Sleep(time.Minute)
			synctest.Wait()
		}
		p.give(s)
		equal(t, "overdue", p.Snapshot()[0].Overdue, false)
	})
}
