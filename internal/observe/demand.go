package observe

import (
	"sync"
	"time"
)

// patience is for how long a [Demand] goes on when nobody asks.
const patience = 5 * time.Minute

// Demand lets something run while there is a demand for it: from the first time that
// somebody asks until nobody has asked for five minutes, and again from the next time on.
type Demand struct {
	mu    sync.Mutex
	stop  func()      // nil: it does not run
	timer *time.Timer // nil: it does not end by itself
	over  bool
}

// Ask makes it run by begin, if it does not, and go on for another while; always: until
// End.
func (d *Demand) Ask(begin func() (stop func()), always bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.over {
		return
	}
	if d.stop == nil {
		d.stop = begin()
	}
	switch {
	case always:
	case d.timer == nil:
		d.timer = time.AfterFunc(patience, d.pause)
	default:
		d.timer.Reset(patience)
	}
}

// End is the end for good.
func (d *Demand) End() {
	d.mu.Lock()
	d.over = true
	d.mu.Unlock()
	d.pause()
}

func (d *Demand) pause() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.timer != nil {
		d.timer.Stop()
	}
	if d.stop != nil {
		d.stop()
		d.stop = nil
	}
}
