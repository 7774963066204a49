package pool

// deque holds the idle slots in the order in which they came back: the front is the one that has been idle longest. It
// is a ring, so both ends cost the same whatever the number.
type deque[T any] struct {
	ring  []*Slot[T] // length is zero or a power of two
	front int
	n     int
}

func (d *deque[T]) len() int { return d.n }

// pushBack makes s idle.
func (d *deque[T]) pushBack(s *Slot[T]) {
	if d.n == len(d.ring) {
		d.grow()
	}
	d.ring[(d.front+d.n)&(len(d.ring)-1)] = s
	s.idle = true
	d.n++
}

// pop takes the last one that was pushed, or the first.
func (d *deque[T]) pop(last bool) *Slot[T] {
	d.n--
	at, mask := d.front, len(d.ring)-1
	if last {
		at = (at + d.n) & mask
	} else {
		d.front = (at + 1) & mask
	}
	s := d.ring[at]
	d.ring[at] = nil
	s.idle = false
	return s
}

func (d *deque[T]) popFront() *Slot[T] { return d.pop(false) }

func (d *deque[T]) peekFront() *Slot[T] { return d.ring[d.front] }

func (d *deque[T]) grow() {
	bigger := make([]*Slot[T], max(8, 2*len(d.ring)))
	for i := range d.n {
		bigger[i] = d.ring[(d.front+i)&(len(d.ring)-1)]
	}
	d.ring, d.front = bigger, 0
}

// remove takes out s, which may be anywhere. It costs as much as there are elements, and is for what happens seldom.
func (d *deque[T]) remove(s *Slot[T]) {
	for range d.n {
		if other := d.popFront(); other != s {
			d.pushBack(other)
		}
	}
}
