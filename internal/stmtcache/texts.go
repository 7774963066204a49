// Package stmtcache keeps prepared statements on a connection beyond the lease in which they were prepared.
//
// Parked are those that a program prepared by itself: the next user of the connection who needs the same text finds
// them there, and they are closed when nobody has a statement of that text any more, which Texts tells.
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
