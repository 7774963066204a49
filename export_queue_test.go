package pooled

// Line is the callers that wait, by names.
type Line struct {
	line    line
	waiters map[string]*waiter
	names   map[*waiter]string
}

// Add queues a caller that had a turn, 0: it had none.
func (l *Line) Add(name string, turn uint64) {
	if l.waiters == nil {
		l.waiters, l.names = map[string]*waiter{}, map[*waiter]string{}
	}
	w := &waiter{turn: turn}
	l.waiters[name], l.names[w] = w, name
	l.line.add(w)
}

// Pop takes the first; empty: there is none.
func (l *Line) Pop() string { return l.names[l.line.popFront()] }

// Remove is somebody who leaves.
func (l *Line) Remove(name string) { l.line.remove(l.waiters[name]) }

// ConnectWidth is how many server connections may be being opened at one moment.
func ConnectWidth(p *Pool) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.connects.now
}
