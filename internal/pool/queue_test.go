package pool

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// Newcomers stand behind all others; those that were served before stand in front, in the order of their turns.
func TestQueueOrder(t *testing.T) {
	random := rand.New(rand.NewPCG(4, 5))
	for range 200 {
		q := newNamedQueue()
		var model []int // turns, 0 for newcomers, which are numbered by their place among all that were added
		var names, have, want []string
		for i := range 40 {
			turn := 0
			if random.IntN(3) == 0 {
				turn = 1 + random.IntN(1000)
			}
			at := len(model)
			if turn != 0 {
				at = slices.IndexFunc(model, func(other int) bool { return other == 0 || other >= turn })
				if at < 0 {
					at = len(model)
				}
			}
			name := fmt.Sprint(i, ":", turn)
			model, names = slices.Insert(model, at, turn), slices.Insert(names, at, name)
			q.add(name, uint64(turn))
			switch random.IntN(4) {
			case 0:
				have, want = append(have, q.pop()), append(want, names[0])
				model, names = model[1:], names[1:]
			case 1:
				gone := random.IntN(len(names))
				q.remove(names[gone])
				model, names = slices.Delete(model, gone, gone+1), slices.Delete(names, gone, gone+1)
			}
		}
		for range names {
			have = append(have, q.pop())
		}
		if want = append(want, names...); !slices.Equal(have, want) {
			t.Fatalf("have %q\nwant %q", have, want)
		}
	}
}

// namedQueue is a queue of callers that have names.
type namedQueue struct {
	queue   queue[int]
	waiters map[string]*waiter[int]
	names   map[*waiter[int]]string
}

func newNamedQueue() *namedQueue {
	return &namedQueue{waiters: map[string]*waiter[int]{}, names: map[*waiter[int]]string{}}
}

func (q *namedQueue) add(name string, turn uint64) {
	w := &waiter[int]{turn: turn}
	q.waiters[name], q.names[w] = w, name
	q.queue.add(w)
}

func (q *namedQueue) pop() string { return q.names[q.queue.popFront()] }

func (q *namedQueue) remove(name string) { q.queue.remove(q.waiters[name]) }
