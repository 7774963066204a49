package pool_test

import (
	"testing"
	"testing/synctest"
	"time"
)

// LastReturned is since when no slot came back in good order.
func TestLastReturned(t *testing.T) {
	type test struct {
		happens func(p *testPool, s *slot)
		want    time.Duration // a minute later; negative: never
	}
	put := func(p *testPool, s *slot) { p.give(s) }
	tests(t, map[string]test{
		"nothing":   {func(*testPool, *slot) {}, -1},
		"returned":  {put, time.Minute},
		"discarded": {func(p *testPool, s *slot) { p.Discard(s, errBad, false) }, -1},
		"not kept":  {func(p *testPool, s *slot) { p.Dispose(); p.give(s) }, -1},
		"twice": {func(p *testPool, s *slot) {
			p.give(s)
			time.Sleep(time.Hour)
			p.give(p.take())
		}, time.Minute},
		"taken again": {func(p *testPool, s *slot) { p.give(s); p.take() }, time.Minute},
		"to somebody who waits": {func(p *testPool, s *slot) {
			c := p.queue(background, 0)
			p.give(s)
			c.wait()
		}, time.Minute},
		"while the machine slept": {func(p *testPool, s *slot) { p.give(s); p.sleep(time.Hour) }, time.Hour + time.Minute},
	}, func(t *testing.T, test test) {
		p := newPool(t, single)
		s := p.take()
		time.Sleep(time.Minute)
		test.happens(p, s)
		time.Sleep(time.Minute)
		ago, ok := p.LastReturned()
		if want := test.want >= 0; ok != want || ok && ago != test.want {
			t.Errorf("have %v (%v), want %v", ago, ok, test.want)
		}
	})
}

// With Direct it is that of the last lease that ended.
func TestLastRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, direct)
		s, err := p.Take(background, new(time.Time), 0)
		if err != nil {
			t.Fatal(err)
		}
		p.Rest(s)
		time.Sleep(time.Minute)
		ago, ok := p.LastReturned()
		equal(t, "ago", []any{ago, ok}, []any{time.Minute, true})
		p.Discard(s, nil, true)
	})
}

// FirstWaited is of the one who is next, by when it began to wait.
func TestFirstWaited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, single)
		held := p.take()
		equal(t, "nobody", p.FirstWaited(), 0)
		first := p.queue(background, 0)
		time.Sleep(time.Minute)
		second := p.queue(background, 0)
		time.Sleep(time.Minute)
		equal(t, "two", p.FirstWaited(), 2*time.Minute)
		p.give(held)
		first.wait()
		equal(t, "one", p.FirstWaited(), time.Minute)
		p.give(held)
		second.wait()
		equal(t, "nobody", p.FirstWaited(), 0)
		p.give(held)
	})
}
