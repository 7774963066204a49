package pool

import (
	"context"
	"time"
)

// waiter is one caller in the queue. It is delivered to exactly once, by whoever takes it out of the queue, with a slot
// or an error. Then, or when it has left the queue, nobody but its caller knows it.
type waiter[T any] struct {
	ready chan struct{} // capacity one: delivering never blocks
	ctx   context.Context
	since time.Time // when it began to wait
	turn  uint64    // see Slot.Turn; 0: it has not been leased one yet

	// Written before ready is signalled, read after.
	slot *Slot[T]
	err  error

	// Guarded by Pool.mu.
	next, prev *waiter[T]
	queued     bool
}

// newWaiter takes one that was used before, if there is one: under load there are as many waits as there are leases.
func (p *Pool[T]) newWaiter(ctx context.Context, since time.Time, turn uint64) *waiter[T] {
	w, _ := p.spare.Get().(*waiter[T])
	if w == nil {
		w = &waiter[T]{ready: make(chan struct{}, 1)}
	}
	w.ctx, w.since, w.turn = ctx, since, turn
	return w
}

func (p *Pool[T]) freeWaiter(w *waiter[T]) {
	w.ctx, w.slot, w.err = nil, nil, nil
	p.spare.Put(w)
}

// queue is the callers that wait, first come first served. It is a linked list, since any of them may leave at any
// moment and a hundred thousand may wait.
type queue[T any] struct {
	head, tail *waiter[T]
	n          int
}

// add queues a caller. One that was served before, with a slot that turned out to be of no use, stands before all that
// were not, and behind those that were served before it.
func (q *queue[T]) add(w *waiter[T]) {
	var next *waiter[T]
	if w.turn != 0 {
		for next = q.head; next != nil && next.turn != 0 && next.turn < w.turn; {
			next = next.next
		}
	}
	q.insert(w, next)
}

// insert puts w before next, nil: behind all.
func (q *queue[T]) insert(w, next *waiter[T]) {
	prev := q.tail
	if next != nil {
		prev = next.prev
	}
	w.prev, w.next, w.queued = prev, next, true
	if prev == nil {
		q.head = w
	} else {
		prev.next = w
	}
	if next == nil {
		q.tail = w
	} else {
		next.prev = w
	}
	q.n++
}

func (q *queue[T]) popFront() *waiter[T] {
	w := q.head
	if w != nil {
		q.remove(w)
	}
	return w
}

func (q *queue[T]) remove(w *waiter[T]) {
	if w.prev == nil {
		q.head = w.next
	} else {
		w.prev.next = w.next
	}
	if w.next == nil {
		q.tail = w.prev
	} else {
		w.next.prev = w.prev
	}
	w.next, w.prev, w.queued = nil, nil, false
	q.n--
}
