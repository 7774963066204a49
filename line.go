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
	ctx   context.Context
	since time.Time // when its checkout began to wait
	turn  uint64    // see ServerConn.turn; 0: it has not been served yet

	// Written before ready is signalled, read after.
	server *ServerConn
	err    error

	// Guarded by Pool.mu.
	next, prev *waiter
	queued     bool
}

// newWaiter takes one that was used before, if there is one: under load there
// are as many waits as there are statements.
func (p *Pool) newWaiter(ctx context.Context, since time.Time, turn uint64) *waiter {
	w, _ := p.spare.Get().(*waiter)
	if w == nil {
		w = &waiter{ready: make(chan struct{}, 1)}
	}
	w.ctx, w.since, w.turn = ctx, since, turn
	return w
}

func (p *Pool) freeWaiter(w *waiter) {
	w.ctx, w.server, w.err = nil, nil, nil
	p.spare.Put(w)
}

// line is the callers that wait, first come first served. A linked list, since
// any of them may leave at any moment and a hundred thousand may stand here.
type line struct {
	head, tail *waiter
	n          int
}

// add queues a caller. One that was served before, with a connection that turned out to be of no use, stands before
// all that were not, and behind those that were served before it.
func (l *line) add(w *waiter) {
	var next *waiter
	if w.turn != 0 {
		for next = l.head; next != nil && next.turn != 0 && next.turn < w.turn; {
			next = next.next
		}
	}
	l.insert(w, next)
}

// insert puts w before next, nil: behind all.
func (l *line) insert(w, next *waiter) {
	prev := l.tail
	if next != nil {
		prev = next.prev
	}
	w.prev, w.next, w.queued = prev, next, true
	if prev == nil {
		l.head = w
	} else {
		prev.next = w
	}
	if next == nil {
		l.tail = w
	} else {
		next.prev = w
	}
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
