package pool

import "time"

// alarm is one timer for many moments: it rings at the earliest of those it was set for, and then the others are to be
// set again. It is guarded by Pool.mu. What it rings must bear to be called without need: a timer that is set anew may
// have fired already.
type alarm struct {
	timer *time.Timer
	at    time.Time // zero: it is not set
}

// set makes it ring at a moment, unless it rings before.
func (a *alarm) set(at time.Time, ring func()) {
	switch {
	case a.timer == nil:
		a.timer = time.AfterFunc(time.Until(at), ring)
	case a.at.IsZero() || at.Before(a.at):
		a.timer.Reset(time.Until(at))
	default:
		return
	}
	a.at = at
}

func (a *alarm) stop() {
	if a.timer != nil {
		a.timer.Stop()
	}
}

// chore is something that is done after a pause, once, however often it is asked for meanwhile. It is guarded by
// Pool.mu.
type chore struct {
	armed bool // do sets it back
	pause backoff
}

func (c *chore) arm(do func()) {
	if !c.armed {
		c.armed = true
		time.AfterFunc(c.pause.next(), do)
	}
}

// backoff doubles a pause from first up to most.
type backoff struct{ first, most, now time.Duration }

func (b *backoff) next() time.Duration {
	b.now = min(max(b.first, 2*b.now), b.most)
	return b.now
}

func (b *backoff) reset() { b.now = 0 }
