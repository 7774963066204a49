package pooled

import (
	"context"
	"database/sql/driver"
	"sync"
	"time"

	"github.com/pooled-go/pooled/internal/pool"
)

// What the tests of the guards see of the package's inside.

// AgeLimit is the age limit of a new server connection.
func AgeLimit(recycle time.Duration, jitter Jitter) time.Duration {
	return ageLimit(&Config{Recycle: recycle, RecycleJitter: jitter})
}

// FakeClock is two clocks that stand still until they are moved.
type FakeClock struct {
	mu  sync.Mutex
	now pool.Moment
}

// Sleep is what a machine's sleep looks like: the monotonic clock stands still.
func (c *FakeClock) Sleep(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now.Wall += d
}

func (c *FakeClock) read() pool.Moment {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func SetClock(p *Pool, c *FakeClock) { p.core.SetClock(c.read) }

// StepWallClock sets the wall clock forward, as a time server may.
func StepWallClock(p *Pool, by time.Duration) {
	p.core.SetClock(func() pool.Moment {
		now := pool.Now()
		now.Wall += by
		return now
	})
}

// StopClock lets the coarse clock rest, as it does when nobody asks.
func StopClock(p *Pool) { p.core.StopClock() }

// IdleLimit is how long a server connection of the pool may be idle; 0: no limit is known.
func IdleLimit(p *Pool) time.Duration { return p.core.IdleLimit() }

// LearnIdleLimit is what a dialect finds out about its server.
func LearnIdleLimit(p *Pool, limit time.Duration) { p.learnIdleLimit(limit) }

// SuitSingle is what becomes of a reset mode with a database that ends with its connection.
func SuitSingle(mode string) (ResetMode, error) {
	cfg := NewConfig()
	cfg.ResetOnReturn = ResetMode(mode)
	err := suitSingle(true, &cfg)
	return cfg.ResetOnReturn, err
}

// Guards runs what the guards do for one checkout and one checkin of a server
// connection that was used before, without the pool around them.
func Guards(t interface{ Fatal(...any) }, p *Pool) func() {
	c := &pooledConn{pool: p}
	if err := p.checkout(context.Background(), c); err != nil {
		t.Fatal(err)
	}
	s := c.server
	s.slot.SetUsed()
	p.core.Rest(&s.slot)
	p.core.Resume(&s.slot)
	ctx := context.Background()
	return func() {
		if err := runUntilError(ctx, p.hooks.checkout, s); err != nil {
			t.Fatal(err)
		}
		if err := p.release(s); err != nil {
			t.Fatal(err)
		}
	}
}

// Owed is how many server connections the pool means to open in the place of old ones.
func Owed(p *Pool) int { return p.core.Stats().Replacements }

// Suspect is what the pool learns from the loss of a server connection.
func Suspect(p *Pool) { p.core.Suspect() }

// PanicOnce makes the pool's own work on the next new server connection panic.
func PanicOnce(p *Pool) {
	d, real := *p.shared.Dialect, p.shared.Dialect
	d.SessionID = func(driver.Conn) string {
		p.shared.Dialect = real
		panic("boom")
	}
	p.shared.Dialect = &d
}
