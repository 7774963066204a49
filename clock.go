package pooled

import (
	"sync/atomic"
	"time"
)

// moment is a reading of two clocks. The monotonic one stands still while the
// machine sleeps, the server's clock does not; the wall clock can be set back.
type moment struct{ mono, wall time.Duration }

var processStart = time.Now()

func readClocks() moment {
	now := time.Now()
	return moment{mono: now.Sub(processStart), wall: time.Duration(now.UnixNano())}
}

// since is the time that has passed by the clock on which it was more.
func (m moment) since(earlier moment) time.Duration {
	return max(m.mono-earlier.mono, m.wall-earlier.wall)
}

// awake is the time that has passed while the machine was awake. A step of the wall clock is no time for which a
// program has had something.
func (m moment) awake(earlier moment) time.Duration { return m.mono - earlier.mono }

// clock is a coarse clock: to read a real one at each checkout and checkin
// would cost more than all the guards together. While it is in use a timer
// advances it, a few times within the shortest age that the pool compares with. When it
// was not asked for a while the timer rests, and the next reading is a real one. It is
// guarded by Pool.mu.
type clock struct {
	read       func() moment
	resolution time.Duration
	now        moment
	asked      bool // since the timer last fired
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

// serve makes the clock fine enough for an age that the pool compares with.
func (c *clock) serve(age time.Duration) {
	if age < 0 {
		return
	}
	fine := min(max(age/readingsPerAge, finest), coarsest)
	c.resolution = min(c.resolution, fine)
}

// nowLocked is the time, at most one resolution ago; after the machine has slept, for
// at most one resolution, it is the time before.
func (p *Pool) nowLocked() moment {
	if !p.clock.running {
		p.startClockLocked()
	}
	p.clock.asked = true
	return p.clock.now
}

func (p *Pool) startClockLocked() {
	c := &p.clock
	c.running = true
	c.ticks.Add(1)
	c.now = c.read()
	time.AfterFunc(c.resolution, p.advanceClock)
}

func (p *Pool) advanceClock() {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := &p.clock
	c.ticks.Add(1)
	before := c.now
	c.now = c.read()
	if slept := c.now.wall - before.wall - (c.now.mono - before.mono); slept > longSleep {
		p.losses++ // nothing is known of what happened meanwhile
	}
	if c.running = c.asked && !p.closed; c.running {
		c.asked = false
		time.AfterFunc(c.resolution, p.advanceClock)
	}
}
