// Package stmtcache keeps prepared statements on a connection after the checkout that prepared them.
//
// A Cache keeps them for queries with arguments, which lib/pq and go-sql-driver/mysql prepare each time, run, and
// forget: one that is kept is run in one round trip. It stands directly before the driver's connection. A program must
// not notice, so a text goes the way it always went whenever that could make a difference:
//   - a text that was not used before in the pool. Most texts are used time and again; one that is not would pay for
//     being kept and gain nothing;
//   - one that is no plain query, or that a server reads once where it should read it each time (Rules.Preparable);
//   - after a statement that changes how texts are read, until the connection comes back (Cache.Invalidate).
//
// When the server says that it knows a statement no more, it is prepared again.
//
// Parked are the statements that a program prepared by itself: the next caller of the connection who needs the same
// text finds them there, and they are closed when nobody has a statement of that text any more, which Texts tells.
package stmtcache

import (
	"sync"
	"sync/atomic"
)

// Texts counts the statements of a pool's users by text, so that statements parked on connections can be closed when
// nobody needs their text any more. Only statements that outlive a lease are counted: a one-off query pays nothing.
// Its methods may be called at the same time.
type Texts struct {
	// dropped advances when the last statement of a text is dropped.
	dropped atomic.Uint64

	mu sync.Mutex
	n  map[string]int
}

// Add counts one more statement of a text.
func (t *Texts) Add(text string) {
	t.mu.Lock()
	if t.n == nil {
		t.n = make(map[string]int)
	}
	t.n[text]++
	t.mu.Unlock()
}

// Drop counts one less, which was added before.
func (t *Texts) Drop(text string) {
	t.mu.Lock()
	if t.n[text]--; t.n[text] == 0 {
		delete(t.n, text)
		t.dropped.Add(1)
	}
	t.mu.Unlock()
}

func (t *Texts) has(text string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.n[text] > 0
}

// Lock keeps everybody out until unlock is called, as a fork does that happens while the lock is held.
func (t *Texts) Lock() (unlock func()) {
	t.mu.Lock()
	return t.mu.Unlock
}
