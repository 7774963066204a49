package pool_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pooled-go/pooled/internal/pool"
)

// Whatever happens in whatever order, the places never exceed the limit, nobody waits beside an idle slot or a place
// that is free, and in the end nothing is lost.
func TestAnythingAtAnyTime(t *testing.T) {
	for seed := range uint64(60) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { newAnything(t, seed).run() })
		})
	}
}

// anything is many users of a pool that do what they can.
type anything struct {
	*testPool
	seed        uint64
	limit, keep int
	settings    string
	gone        []*slot // detached, and closed by now

	gate *testGate // nil: there is none
	vain int       // how often in a row somebody was seen to wait for nothing
	ends uint64    // how often Open had ended then
}

func newAnything(t *testing.T, seed uint64) *anything {
	random := rand.New(rand.NewPCG(seed, 1))
	one := func(of ...time.Duration) time.Duration { return of[random.IntN(len(of))] }
	a := &anything{seed: seed, limit: 1 + random.IntN(6)}
	a.keep = random.IntN(a.limit + 1)
	a.testPool = newPool(t, sized(a.limit, a.keep), func(c *config) {
		c.LIFO, c.Reuse = random.IntN(2) == 0, random.IntN(6) > 0
		if c.Reuse {
			c.MinIdle = random.IntN(a.limit)
		}
		c.Timeout, c.IdleTimeout = one(-1, 0, 50*time.Millisecond, time.Second), one(-1, 0, 100*time.Millisecond)
		c.Recycle, c.OverdueAfter = one(-1, time.Second, 2*time.Second), one(-1, 100*time.Millisecond)
		c.ConnectLimit, c.CloseNow = []int{-1, 1, 3}[random.IntN(3)], random.IntN(4) == 0
		c.Full = func(err error) bool { return err == errFull }
		c.Overdue = func([]pool.Holding[int]) {}
		if seed%2 == 1 {
			a.gate = &testGate{}
			c.Gate, c.Away = a.gate.ask, func(err error) bool { return err == errAway }
		}
		a.settings = fmt.Sprintf("%+v", *c)
	})
	var mu sync.Mutex
	roll := func(n int) int {
		mu.Lock()
		defer mu.Unlock()
		return random.IntN(n)
	}
	a.on("open", func(ctx context.Context) error {
		time.Sleep(time.Duration(roll(10)) * time.Millisecond)
		switch roll(20) {
		case 0:
			return errOpen
		case 1:
			return errFull
		case 2:
			return panics(ctx)
		case 3:
			return exits(ctx)
		case 4:
			return a.away(roll)
		}
		return nil
	})
	sometimes := func(ctx context.Context) error {
		time.Sleep(time.Duration(roll(10)) * time.Millisecond)
		switch roll(20) {
		case 0:
			return panics(ctx)
		case 1:
			return exits(ctx)
		}
		return nil
	}
	for _, stage := range []string{"open failed", "leaving"} {
		a.on(stage, sometimes)
	}
	a.on("close", func(ctx context.Context) error {
		if roll(20) == 0 {
			return panics(ctx)
		}
		return nil
	})
	return a
}

func (a *anything) run() {
	stop := make(chan struct{})
	var users sync.WaitGroup
	for i := range 12 {
		random := rand.New(rand.NewPCG(uint64(i), 2))
		users.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					a.use(random)
				}
			}
		})
	}
	random := rand.New(rand.NewPCG(a.seed, 3))
	for range 100 {
		time.Sleep(17 * time.Millisecond)
		a.check()
		synctest.Wait()
		a.check()
		a.checkWaits()
		a.moveGate(random.IntN(8))
	}
	close(stop)
	users.Wait()
	a.check()
	a.Close()
	synctest.Wait()
	s := a.Stats()
	if s.Idle+s.InUse+s.Opening+s.Closing+s.Waiting > 0 || s.Opened != s.Closed+s.Detached || len(a.open) > 0 {
		a.t.Errorf("in the end: have %+v and %v open\nwith %s", s, a.open, a.settings)
	}
}

// away is what Open says of a server that can't be reached, which the gate knows by then, or that can again.
func (a *anything) away(roll func(int) int) error {
	if a.gate != nil {
		a.moveGate(roll(6))
	}
	return errAway
}

// moveGate does so in some cases of the many that how may be.
func (a *anything) moveGate(how int) {
	if a.gate == nil {
		return
	}
	switch how {
	case 0:
		a.gate.set(true, nil)
	case 1:
		a.gate.set(true, errRefused)
	case 2, 3:
		a.gate.set(false, nil)
	case 4: // nothing has changed
	default:
		return
	}
	a.Regate()
}

// checkWaits wants nobody to wait for what does not come. After an error that is Away comes a pause, of a second at the
// most.
func (a *anything) checkWaits() {
	open, refusal := true, error(nil)
	patience := 0
	if a.gate != nil {
		open, refusal = a.gate.ask()
		patience = 60
	}
	s := a.Stats()
	quiet := s.Waiting > 0 && s.Opening == 0 && s.Closing == 0
	if quiet && refusal != nil && s.InUse == 0 {
		a.t.Fatalf("somebody waits who should be refused: %+v\nwith %s", s, a.settings)
	}
	ends := s.Opened + s.OpenErrors
	if quiet && open && s.Idle+s.InUse < min(s.Limit, s.Ceiling) && (a.gate == nil || ends == a.ends) {
		a.vain++
	} else {
		a.vain = 0
	}
	if a.ends = ends; a.vain > patience {
		a.t.Fatalf("somebody waits in vain: %+v\nwith %s", s, a.settings)
	}
}

// check wants the figures to be right at any moment.
func (a *anything) check() {
	s := a.Stats()
	if s.Idle+s.InUse+s.Opening+s.Closing > a.limit || s.Idle < 0 || s.InUse < 0 || s.Opening < 0 || s.Closing < 0 {
		a.t.Fatalf("have %+v, above the limit\nwith %s", s, a.settings)
	}
	if s.Idle > 0 && s.Waiting > 0 {
		a.t.Fatalf("somebody waits beside an idle one: %+v\nwith %s", s, a.settings)
	}
	seen := map[int]bool{}
	for _, info := range a.Snapshot() {
		if seen[info.Value] || info.Age < 0 || info.Uses == 0 && !info.Idle {
			a.t.Fatalf("have %+v", info)
		}
		seen[info.Value] = true
	}
	if len(seen) > a.limit {
		a.t.Fatalf("have %d slots", len(seen))
	}
}

// use is what a user does once.
func (a *anything) use(random *rand.Rand) {
	some := func(most time.Duration) time.Duration { return time.Duration(random.Int64N(int64(most))) }
	time.Sleep(some(10 * time.Millisecond))
	switch random.IntN(40) {
	case 0:
		a.Dispose()
	case 1:
		a.Suspect()
		a.CloseSuspects(nil, errBad)
	case 2:
		if all := a.All(); len(all) > 0 {
			a.InvalidateID(uint64(all[0]), errBad, errBad)
		}
	case 3:
		a.LimitIdle(time.Second)
	case 4:
		a.moveGate(random.IntN(5))
	case 5:
		a.CloseWhere(func(v int) bool { return v%3 == 0 }, errBad, errBad)
	}
	ctx, cancel := context.WithTimeout(background, some(300*time.Millisecond))
	defer cancel()
	s := a.TryTake(0)
	if s == nil {
		var err error
		if s, err = a.Take(ctx, new(time.Time), 0); err != nil {
			return
		}
	}
	if random.IntN(3) == 0 { // not used for a while
		var l pool.Lease
		s.Offer(&l)
		time.Sleep(some(1500 * time.Millisecond))
		if !l.Claim() {
			return
		}
		if a.LongUnused(s) {
			a.Again(s)
		}
	}
	s.Take()
	if cause := a.Expired(s); cause != nil {
		s.EndUse()
		a.Discard(s, cause, false)
		return
	}
	time.Sleep(some(200 * time.Millisecond))
	if s.EndUse() {
		a.EndOverdue(s)
	}
	a.end(s, random)
}

// end ends a lease in one of the ways there are.
func (a *anything) end(s *slot, random *rand.Rand) {
	switch random.IntN(20) {
	case 0:
		a.Discard(s, errBad, true)
	case 1:
		a.Detach(s)
		a.mu.Lock()
		delete(a.open, s.Value())
		a.gone = append(a.gone, s)
		if slices.Contains(a.All(), s.Value()) {
			a.t.Errorf("number %d is one of the pool's still", s.Value())
		}
		a.mu.Unlock()
	default:
		expired := a.Departs(s) == errExpired
		if a.give(s); expired {
			a.Replace(s)
		}
	}
}
