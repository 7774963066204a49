package pooled

import (
	"context"
	"time"
)

// waiter is one caller in the line. It is delivered to exactly once, by whoever
// takes it off the line, with a server connection or an error. Then, or when it
// has left the line, nobody but its caller knows it.
type waiter struct {
	ready chan struct{} // capacity one: delivering never blocks
	timer *time.Timer   // stopped while nobody waits
	ctx   context.Context

	// Written before ready is signalled, read after.
	server *ServerConn
	err    error

	// Guarded by Pool.mu.
	next, prev *waiter
	queued     bool
}

// newWaiter takes one that was used before, if there is one: under load there
// are as many waits as there are statements.
func (p *Pool) newWaiter(ctx context.Context) *waiter {
	w, _ := p.spare.Get().(*waiter)
	if w == nil {
		w = &waiter{ready: make(chan struct{}, 1)}
	}
	w.ctx = ctx
	return w
}

func (p *Pool) freeWaiter(w *waiter) {
	w.ctx, w.server, w.err = nil, nil, nil
	p.spare.Put(w)
}

// expires is the channel that tells when this waiter's time is up.
func (w *waiter) expires(after time.Duration) <-chan time.Time {
	if w.timer == nil {
		w.timer = time.NewTimer(after)
	} else {
		w.timer.Reset(after)
	}
	return w.timer.C
}

// line is the callers that wait, first come first served. A linked list, since
// any of them may leave at any moment and a hundred thousand may stand here.
type line struct {
	head, tail *waiter
	n          int
}

func (l *line) pushBack(w *waiter) {
	w.queued = true
	w.prev = l.tail
	if l.tail == nil {
		l.head = w
	} else {
		l.tail.next = w
	}
	l.tail = w
	l.n++
}

// pushFront is for a caller that had its turn and was given a connection that
// turned out to be dead.
func (l *line) pushFront(w *waiter) {
	w.queued = true
	w.next = l.head
	if l.head == nil {
		l.tail = w
	} else {
		l.head.prev = w
	}
	l.head = w
	l.n++
}

func (l *line) popFront() *waiter {
	w := l.head
	if w != nil {
		l.remove(w)
	}
	return w
}

func (l *line) remove(w *waiter) {
	if w.prev == nil {
		l.head = w.next
	} else {
		w.prev.next = w.next
	}
	if w.next == nil {
		l.tail = w.prev
	} else {
		w.next.prev = w.prev
	}
	w.next, w.prev, w.queued = nil, nil, false
	l.n--
}
