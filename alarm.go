package pooled

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
