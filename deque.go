package pooled

// deque holds the idle server connections in the order they came back: the
// front is the one that has been idle longest. It is a ring, so both ends cost
// the same whatever the number.
type deque struct {
	ring  []*ServerConn // length is zero or a power of two
	front int
	n     int
}

func (d *deque) len() int { return d.n }

func (d *deque) pushBack(s *ServerConn) {
	if d.n == len(d.ring) {
		d.grow()
	}
	d.ring[(d.front+d.n)&(len(d.ring)-1)] = s
	s.idle = true
	d.n++
}

func (d *deque) popBack() *ServerConn {
	d.n--
	at := (d.front + d.n) & (len(d.ring) - 1)
	s := d.ring[at]
	d.ring[at] = nil
	s.idle = false
	return s
}

func (d *deque) popFront() *ServerConn {
	s := d.ring[d.front]
	d.ring[d.front] = nil
	d.front = (d.front + 1) & (len(d.ring) - 1)
	s.idle = false
	d.n--
	return s
}

func (d *deque) peekFront() *ServerConn { return d.ring[d.front] }

func (d *deque) grow() {
	bigger := make([]*ServerConn, max(8, 2*len(d.ring)))
	for i := range d.n {
		bigger[i] = d.ring[(d.front+i)&(len(d.ring)-1)]
	}
	d.ring, d.front = bigger, 0
}

// remove takes out s, which may be anywhere. It costs as much as there are elements, and is for what happens seldom.
func (d *deque) remove(s *ServerConn) {
	for range d.n {
		if other := d.popFront(); other != s {
			d.pushBack(other)
		}
	}
}
