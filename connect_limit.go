package pooled

// connectLimit is how many server connections may be being opened at one moment. It begins with pool_connect_limit.
// Each that is opened permits one more while the queue is long, so a server that keeps up is asked for twice as many
// each time, and one in trouble for half as many. Guarded by Pool.mu.
type connectLimit struct {
	start int // unlimited: there is none
	now   int
}

func newConnectLimit(configured int) connectLimit {
	if configured == off {
		configured = unlimited
	}
	return connectLimit{configured, configured}
}

// calm is told that none is being opened: the next burst begins as the first one did.
func (l *connectLimit) calm() { l.now = min(l.now, l.start) }

// raise is told that one was opened while callers wait whom those in use can't serve soon.
func (l *connectLimit) raise() {
	if l.now != unlimited {
		l.now++
	}
}

// lower is told that one could not be opened.
func (l *connectLimit) lower() {
	if l.start != unlimited {
		l.now = max(1, l.now/2)
	}
}
