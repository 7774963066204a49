package pooled

import (
	"sync"
	"sync/atomic"
)

// textCount counts the Stmts that are kept by text, so that statements parked
// on server connections can be closed when nobody needs their text any more. Only
// statements that outlive a borrow get here: a one-off query pays nothing.
type textCount struct {
	// dropped advances when the last Stmt of a text is closed.
	dropped atomic.Uint64

	mu sync.Mutex
	n  map[string]int
}

func (t *textCount) add(text string) {
	t.mu.Lock()
	if t.n == nil {
		t.n = make(map[string]int)
	}
	t.n[text]++
	t.mu.Unlock()
}

func (t *textCount) drop(text string) {
	t.mu.Lock()
	if t.n[text]--; t.n[text] == 0 {
		delete(t.n, text)
		t.dropped.Add(1)
	}
	t.mu.Unlock()
}

func (t *textCount) alive(text string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.n[text] > 0
}
