package pool

import (
	"sync/atomic"
	"time"
)

// Moment is a reading of two clocks. The monotonic one stands still while the machine sleeps, a server's clock does
// not; the wall clock can be set back.
type Moment struct{ Mono, Wall time.Duration }

var processStart = time.Now()

// Now reads both clocks.
func Now() Moment {
	now := time.Now()
	return Moment{Mono: now.Sub(processStart), Wall: time.Duration(now.UnixNano())}
}

// Since is the time that has passed by the clock on which it was more.
func (m Moment) Since(earlier Moment) time.Duration {
	return max(m.Mono-earlier.Mono, m.Wall-earlier.Wall)
}

// Awake is the time that has passed while the machine was awake. A step of the wall clock is no time for which a
// holder has had something.
func (m Moment) Awake(earlier Moment) time.Duration { return m.Mono - earlier.Mono }

// clock is a coarse clock: to read a real one for each lease would cost more than all the rest of it. While it is in
// use a timer advances it, a few times within the shortest age that is compared with. When it was not asked for a while
// the timer rests, and the next reading is a real one. It is guarded by Pool.mu.
type clock struct {
	read       func() Moment
	start      func() // begins the readings, the first at once
	resolution time.Duration
	now        Moment
	wanted     bool // since the timer last fired
	running    bool

	// ticks counts the readings. While it is the same, hardly any time has
	// passed; it may be looked at without the lock.
	ticks atomic.Uint64
}

// longSleep is how far the clocks may part before the machine is taken to have slept.
const longSleep = 2 * time.Second

const (
	coarsest = 250 * time.Millisecond
	finest   = time.Millisecond
	// readingsPerAge is into how many steps of the clock an age is divided.
	readingsPerAge = 8
)

// serve makes the clock fine enough for an age that is compared with.
func (c *clock) serve(age time.Duration) {
	if age < 0 {
		return
	}
	fine := min(max(age/readingsPerAge, finest), coarsest)
	c.resolution = min(c.resolution, fine)
}

// Resolve makes the coarse clock fine enough for an age that the caller compares Slot.IdleFor with.
func (p *Pool[T]) Resolve(age time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clock.serve(age)
}

// moment is the time, at most one resolution ago; after the machine has slept, for at most one resolution, it is the
// time before.
func (c *clock) moment() Moment {
	if !c.running {
		c.start()
	}
	c.wanted = true
	return c.now
}

func (p *Pool[T]) startClockLocked() {
	c := &p.clock
	c.running = true
	c.ticks.Add(1)
	c.now = c.read()
	time.AfterFunc(c.resolution, p.advanceClock)
}

func (p *Pool[T]) advanceClock() {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := &p.clock
	c.ticks.Add(1)
	before := c.now
	c.now = c.read()
	if slept := c.now.Wall - before.Wall - (c.now.Mono - before.Mono); slept > longSleep {
		p.losses++ // nothing is known of what happened meanwhile
	}
	if c.running = c.wanted && !p.closed; c.running {
		c.wanted = false
		time.AfterFunc(c.resolution, p.advanceClock)
	}
}
