package pool

// connectLimit is how many slots may be being opened at one moment. It begins with Config.ConnectLimit. Each that is
// opened permits one more while the queue is long, so a server that keeps up is asked for twice as many each time, and
// one in trouble for half as many. It is guarded by Pool.mu.
type connectLimit struct {
	start int // Unlimited: there is none
	now   int
}

func newConnectLimit(configured int) connectLimit {
	if configured < 0 {
		configured = Unlimited
	}
	return connectLimit{configured, configured}
}

// calm is told that none is being opened: the next burst begins as the first one did.
func (l *connectLimit) calm() { l.now = min(l.now, l.start) }

// restart is told that the server is back.
func (l *connectLimit) restart() { l.now = l.start }

// raise is told that one was opened while callers wait whom those in use can't serve soon.
func (l *connectLimit) raise() {
	if l.now != Unlimited {
		l.now++
	}
}

// lower is told that one could not be opened.
func (l *connectLimit) lower() {
	if l.start != Unlimited {
		l.now = max(1, l.now/2)
	}
}
