package pool

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// A caller whose context ends at the moment at which it is delivered to gives back what it got: to the next, or to be
// closed. What it got may be an error, which is nobody's then.
func TestCanceledAtTheMomentOfDelivery(t *testing.T) {
	for name, test := range map[string]struct {
		happens             func(p *Pool[int], s *Slot[int])
		idle, inUse, closed int
	}{
		"kept":        {func(*Pool[int], *Slot[int]) {}, 1, 0, 0},
		"disposed of": {func(p *Pool[int], _ *Slot[int]) { p.Dispose() }, 0, 0, 1},
		"too old":     {func(_ *Pool[int], s *Slot[int]) { s.expired.Store(true) }, 0, 0, 1},
		"another waits": {func(p *Pool[int], _ *Slot[int]) {
			go p.Take(context.Background(), new(time.Time), 0)
			synctest.Wait()
		}, 0, 1, 0},
		"an error": {func(p *Pool[int], s *Slot[int]) {}, 1, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := minimal()
				defer p.Close()
				w := p.newWaiter(context.Background(), time.Now(), 0)
				p.mu.Lock()
				p.queue.add(w)
				p.openLocked(context.Background())
				p.mu.Unlock()
				synctest.Wait() // it is delivered to now
				if name == "an error" {
					p.Put(w.slot)
					w.slot, w.err = nil, errors.New("an error")
				} else {
					test.happens(p, w.slot)
				}
				err, ok := p.canceled(w).(*WaitError[int])
				if !ok || !err.Canceled {
					t.Errorf("have %v, want the end of its context", err)
				}
				synctest.Wait()
				s := p.Stats()
				if s.Idle != test.idle || s.InUse != test.inUse || s.Closed != uint64(test.closed) || s.Closing > 0 {
					t.Errorf("have %+v\nwant %+v", s, test)
				}
			})
		})
	}
}

// minimal is a pool of one.
func minimal() *Pool[int] {
	return New(Config[int]{
		Limit: 1, Keep: 1, Reuse: true,
		Timeout: -1, IdleTimeout: -1, Recycle: -1, OverdueAfter: -1, ConnectLimit: -1,
		Open: func(_ context.Context, o Opening[int]) (*Slot[int], error) {
			s := &Slot[int]{}
			s.Init(o, int(o.ID))
			return s, nil
		},
		OpenFailed: func(error) {},
		Close:      func(int) error { return nil },
		Leaving:    func(int, error) {},
		MaxAge:     func() time.Duration { return -1 },
		Causes:     Causes{Expired: errors.New("expired"), Invalid: func(error) bool { return false }},
	})
}
