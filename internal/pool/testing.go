package pool

// What tests of the packages above need.

// SetClock replaces the clocks that are read.
func (p *Pool[T]) SetClock(read func() Moment) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clock.read = read
}

// StopClock lets the coarse clock rest, as it does when nobody asks.
func (p *Pool[T]) StopClock() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clock.running = false
}

// Lock holds the pool's lock until unlock is called, as a goroutine does for ever of which a forked process has only
// the memory.
func (p *Pool[T]) Lock() (unlock func()) {
	p.mu.Lock()
	return p.mu.Unlock
}
