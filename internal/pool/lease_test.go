package pool_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/pooled-go/pooled/internal/pool"
)

// A lease is unused, claimed by its holder, or revoked by the pool.
func TestLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t)
		s := p.take()
		var l pool.Lease
		wantLease(t, "none", &l, true, false)
		s.Offer(&l)
		wantLease(t, "offered", &l, false, true)
		if !l.Claim() {
			t.Error("it was revoked")
		}
		wantLease(t, "claimed", &l, true, false)
		s.Offer(&l)
		p.Dispose()
		wantLease(t, "revoked", &l, false, false)
		if l.Claim() {
			t.Error("it was not revoked")
		}
		wantLease(t, "claimed in vain", &l, true, false)
	})
}

// Somebody waits: what was leased and not used yet is his, soon. Who had it keeps his turn.
func TestUnusedLeaseIsTakenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, single)
		s := p.take()
		turn := s.Turn()
		var l pool.Lease
		s.Offer(&l)
		first, second := p.queue(background, 0), p.queue(background, 0)
		other, err := first.wait()
		if err != nil || other != s || first.took != 10*time.Millisecond {
			t.Fatalf("have %v after %v (%v), want the unused one", other, first.took, err)
		}
		if l.Claim() {
			t.Error("the holder has it still")
		}
		back := p.queue(background, turn)
		time.Sleep(time.Minute)
		p.want(places{InUse: 1, Waiting: 2}) // the second lease is in use
		p.give(other)
		if s, _ := back.wait(); s.Turn() != turn {
			t.Errorf("have the turn %d, want %d", s.Turn(), turn)
		}
		p.give(s)
		second.wait()
		p.give(s)
		p.want(places{Idle: 1})
		equal(t, "counts", p.Stats().Counts, pool.Counts{Opened: 1, Checkouts: 4, Checkins: 4, Waits: 4})
	})
}

// They are looked for after 10 ms, 20, 40 and so on, up to a second, while somebody waits; the next time anew.
func TestUnusedLeasesAreLookedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, single)
		held := p.take()
		for range 2 {
			var l pool.Lease
			c := p.queue(background, 0)
			time.Sleep(15 * time.Millisecond)
			held.Offer(&l) // between the first look and the second
			c.wait()
			equal(t, "took", c.took, 30*time.Millisecond)
			c = p.queue(background, 0)
			time.Sleep(10500 * time.Millisecond)
			held.Offer(&l)
			c.wait()
			// 40 ms after the last look, and so on: 0.04+0.08+...+0.64 s, then a second each
			equal(t, "took", c.took, 11240*time.Millisecond)
			time.Sleep(2 * time.Second)
		}
		p.give(held)
	})
}

// What is not used is closed at once, if it is to be closed; what is used, when it comes back.
func TestUnusedLeaseIsClosed(t *testing.T) {
	rows := map[string]func(p *testPool){
		"Dispose":      func(p *testPool) { p.Dispose() },
		"InvalidateID": func(p *testPool) { p.InvalidateID(1, errBad, errBad) },
	}
	tests(t, rows, func(t *testing.T, do func(p *testPool)) {
		p := newPool(t, single)
		s := p.take()
		var l pool.Lease
		s.Offer(&l)
		do(p)
		p.want(places{})
		if l.Claim() {
			t.Error("the holder has it still")
		}
		s = p.take()
		s.Offer(&l)
		l.Claim()
		p.InvalidateID(2, errBad, errBad)
		p.Dispose()
		p.want(places{InUse: 1})
		p.give(s)
		p.want(places{})
	})
}

// In a pool of slots that are leased for life none is taken back.
func TestNoLeaseForLifeIsTakenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, func(c *config) { c.Direct = true })
		s, _ := p.Take(background, new(time.Time), 0)
		var l pool.Lease
		s.Offer(&l)
		p.Dispose()
		if inUse, found := p.InvalidateID(1, errBad, errBad); !inUse || !found {
			t.Errorf("have %v and %v, want it in use", inUse, found)
		}
		p.want(places{InUse: 1})
		if !l.Claim() {
			t.Error("it was revoked")
		}
		p.Discard(s, nil, true)
	})
}

// A lease that begins again is another one, for the same turn: the slot was idle in between.
func TestAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t)
		p.fill(1)
		time.Sleep(time.Hour)
		s := p.take()
		turn := s.Turn()
		p.take() // another's
		time.Sleep(time.Minute)
		p.Again(s)
		equal(t, "turn", s.Turn(), turn)
		equal(t, "uses", s.Uses(), 3)
		equal(t, "idle for", s.IdleFor(), time.Minute)
		equal(t, "used", s.Used(), true)
		equal(t, "counts", p.Stats().Counts, pool.Counts{Checkouts: 4, Checkins: 2, Opened: 2, Waits: 2})
		p.want(places{InUse: 2})
	})
}

// A lease that was not used for more than a second needs another look, and one whose slot is to go.
func TestLongUnused(t *testing.T) {
	type test struct {
		happens func(p *testPool)
		want    bool
	}
	tests(t, map[string]test{
		"at once":        {func(*testPool) {}, false},
		"soon":           {func(*testPool) { time.Sleep(time.Second) }, false},
		"late":           {func(*testPool) { time.Sleep(2 * time.Second) }, true},
		"disposed of":    {func(p *testPool) { p.Dispose() }, true},
		"invalidated":    {func(p *testPool) { p.InvalidateID(1, errBad, errBad) }, true},
		"another is not": {func(p *testPool) { p.InvalidateID(2, errBad, errBad) }, false},
	}, func(t *testing.T, test test) {
		p := newPool(t)
		s, began := p.take(), p.now()
		p.take()
		test.happens(p)
		equal(t, "long unused", p.LongUnused(s), test.want)
		elapsed := p.now().Awake(began)
		equal(t, "long ago", p.LongAgo(began), elapsed > time.Second)
	})
}

// The time for which the machine has slept is none for which a caller has been gone.
func TestLongAgoWhileTheMachineSlept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t)
		began := p.now()
		p.sleep(time.Hour)
		p.StopClock()
		equal(t, "long ago", p.LongAgo(began), false)
		time.Sleep(2 * time.Second)
		equal(t, "long ago", p.LongAgo(began), true)
	})
}

func wantLease(t *testing.T, when string, l *pool.Lease, claimed, unused bool) {
	t.Helper()
	if l.Claimed() != claimed || l.Unused() != unused {
		t.Errorf("%s: have claimed %v, unused %v, want %v and %v", when, l.Claimed(), l.Unused(), claimed, unused)
	}
}
