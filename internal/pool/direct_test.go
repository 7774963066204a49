package pool_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/pooled-go/pooled/internal/pool"
)

func direct(c *config) { c.Direct = true }

// A slot that is leased for life rests in its holder's hands between its leases.
func TestDirect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, direct)
		s, err := p.Take(background, new(time.Time), 0)
		if err != nil {
			t.Fatal(err)
		}
		p.want(places{InUse: 1})
		equal(t, "counts", p.Stats().Counts, pool.Counts{Checkouts: 1, Opened: 1})
		equal(t, "turn and uses", []uint64{s.Turn(), s.Uses()}, []uint64{1, 1})
		time.Sleep(time.Second)
		p.Rest(s)
		p.want(places{Idle: 1})
		time.Sleep(time.Minute)
		p.Resume(s)
		p.want(places{InUse: 1})
		equal(t, "turn and uses", []uint64{s.Turn(), s.Uses()}, []uint64{2, 2})
		equal(t, "counts", p.Stats().Counts, pool.Counts{Checkouts: 2, Checkins: 1, Opened: 1})
		p.Rest(s)
		if err := p.Discard(s, nil, true); err != nil {
			t.Error(err)
		}
		p.want(places{})
	})
}

// It is opened whatever the limit, for its caller's context and not the pool's.
func TestTakeDirect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, direct, sized(1, 1))
		p.on("open", slow(time.Second))
		first, second := p.openLeased(), p.openLeased()
		p.want(places{Opening: 2})
		time.Sleep(time.Second)
		p.want(places{InUse: 2})
		p.Discard(first.slot, nil, true)
		p.Discard(second.slot, nil, true)
		p.on("open", fail(errOpen))
		if _, err := p.Take(background, new(time.Time), 0); err != errOpen {
			t.Errorf("have %v, want Open's error", err)
		}
		equal(t, "told", p.told("open failed"), []string{"open failed: open"})
		equal(t, "errors", p.Stats().OpenErrors, 1)
	})
}

// What rests can't be closed by the pool: its holder finds out that it is to go.
func TestWhatRestsGoesWhenItsHolderSees(t *testing.T) {
	tests(t, map[string]struct {
		do   func(p *testPool)
		want error
	}{
		"disposed of":   {func(p *testPool) { p.Dispose() }, errDisposed},
		"invalidated":   {func(p *testPool) { p.InvalidateID(1, errOpen, errBad) }, errBad},
		"too old":       {func(*testPool) { time.Sleep(time.Hour) }, errExpired},
		"idle too long": {func(p *testPool) { p.LimitIdle(8 * time.Second); time.Sleep(time.Minute) }, errIdledOut},
		"closed":        {func(p *testPool) { p.Close() }, nil},
	}, func(t *testing.T, test struct {
		do   func(p *testPool)
		want error
	}) {
		p := newPool(t, direct, recycle(time.Hour))
		s, _ := p.Take(background, new(time.Time), 0)
		s.SetUsed()
		p.Rest(s)
		test.do(p)
		p.want(places{Idle: 1}) // and nothing is opened in its place: nobody would use it
		p.Resume(s)
		equal(t, "expired", p.Expired(s), test.want)
		p.Discard(s, p.Expired(s), true)
		p.want(places{})
	})
}
