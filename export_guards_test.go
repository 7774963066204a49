package pooled

import (
	"context"
	"database/sql/driver"
	"sync"
	"time"
)

// What the tests of the guards see of the package's inside.

// AgeLimit is the age limit of a new server connection.
func AgeLimit(recycle time.Duration, jitter Jitter) time.Duration {
	return ageLimit(&Config{Recycle: recycle, RecycleJitter: jitter})
}

// FakeClock is two clocks that stand still until they are moved.
type FakeClock struct {
	mu    sync.Mutex
	now   moment
	reads int
}

// Sleep is what a machine's sleep looks like: the monotonic clock stands still.
func (c *FakeClock) Sleep(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now.wall += d
}

func (c *FakeClock) read() moment {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reads++
	return c.now
}

// Reads is how often it was looked at.
func (c *FakeClock) Reads() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.reads
}

func SetClock(p *Pool, c *FakeClock) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clock.read = c.read
}

// StepWallClock sets the wall clock forward, as a time server may.
func StepWallClock(p *Pool, by time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	read := p.clock.read
	p.clock.read = func() moment {
		now := read()
		now.wall += by
		return now
	}
}

// StopClock lets the coarse clock rest, as it does when nobody asks.
func StopClock(p *Pool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clock.running = false
}

// IdleLimit is how long a server connection of the pool may be idle; 0: no limit is known.
func IdleLimit(p *Pool) time.Duration { return time.Duration(p.idleLimit.Load()) }

// LearnIdleLimit is what a dialect finds out about its server.
func LearnIdleLimit(p *Pool, limit time.Duration) { p.learnIdleLimit(limit) }

// IsLoss tells whether an operation's error means that its connection is lost.
func IsLoss(speaks string, err error) bool {
	return connectionLost(err) || dialectOf(speaks, nil).gone(err)
}

// SuitSingle is what becomes of a reset mode with a database that ends with its connection.
func SuitSingle(mode string) (ResetMode, error) {
	cfg := NewConfig()
	cfg.ResetOnReturn = ResetMode(mode)
	err := suitSingle(&privateMemory{}, &cfg)
	return cfg.ResetOnReturn, err
}

// Guards runs what the guards do for one checkout and one checkin of a server
// connection that was used before, without the pool around them.
func Guards(t interface{ Fatal(...any) }, p *Pool) func() {
	c := &Conn{pool: p}
	if err := p.checkout(context.Background(), c); err != nil {
		t.Fatal(err)
	}
	s := c.server
	s.used = true
	s.idleSince = s.lentAt
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
func Owed(p *Pool) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.owed
}

// Merged is the DSN that a BeforeConnect hook asked for.
func Merged(p ConnectParams, driver string) (string, error) { return p.merged(driver) }

// Suspect is what the pool learns from the loss of a server connection.
func Suspect(p *Pool) { p.suspect() }

// PanicOnce makes the pool's own work on the next new server connection panic.
func PanicOnce(p *Pool) {
	d, real := *p.dialect, p.dialect
	d.session = func(driver.Conn) string {
		p.dialect = real
		panic("boom")
	}
	p.dialect = &d
}
