package pool_test

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pooled-go/pooled/internal/pool"
)

// Of those that which is true of, the idle ones and those not used yet are closed at once, those in use when they come
// back.
func TestCloseWhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, sized(8, 8))
		all := p.takeMany(8)
		later := errors.New("later")
		var unused [2]pool.Lease
		all[2].Offer(&unused[0])
		all[3].Offer(&unused[1])
		p.give(all[4:]...) // 5 to 8 are idle
		p.CloseWhere(func(v int) bool { return v%2 == 0 }, errBad, later)
		p.want(places{Idle: 2, InUse: 3})
		told := p.told("leaving")
		slices.Sort(told)
		equal(t, "told", told, []string{"leaving: 4 bad", "leaving: 6 bad", "leaving: 8 bad"})
		equal(t, "claimed", []bool{unused[0].Claim(), unused[1].Claim()}, []bool{true, false})
		equal(t, "departs", []error{p.Departs(all[0]), p.Departs(all[1]), p.Departs(all[2])}, []error{nil, later, nil})
		p.give(all[:3]...)
		p.want(places{Idle: 4})
		left := p.All()
		slices.Sort(left)
		equal(t, "left", left, []int{1, 3, 5, 7})
		equal(t, "invalidated", p.Stats().Invalidated, 4)
	})
}

// The first that said why one in use goes has said it.
func TestCloseWhereTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, single)
		s := p.take()
		all := func(int) bool { return true }
		p.CloseWhere(all, errBad, errOpen)
		p.CloseWhere(all, errBad, errFull)
		equal(t, "departs", p.Departs(s), errOpen)
		p.give(s)
		p.want(places{})
	})
}

// What is closed makes way for those in the queue.
func TestCloseWhereSomebodyWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, single)
		s := p.take()
		var l pool.Lease
		s.Offer(&l)
		c := p.queue(background, 0)
		p.CloseWhere(func(int) bool { return true }, errBad, errOpen)
		fresh, err := c.wait()
		if err != nil || fresh.Value() != 2 || c.took != 0 {
			t.Errorf("have %v after %v, want a new one at once", err, c.took)
		}
		p.give(fresh)
	})
}

// What rests in its holder's hands goes when that sees it.
func TestCloseWhereItRests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, direct)
		s, err := p.Take(background, new(time.Time), 0)
		if err != nil {
			t.Fatal(err)
		}
		p.Rest(s)
		p.CloseWhere(func(int) bool { return true }, errBad, errOpen)
		p.want(places{Idle: 1})
		p.Resume(s)
		equal(t, "departs", p.Departs(s), errOpen)
		p.Discard(s, errOpen, true)
	})
}
