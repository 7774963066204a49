//go:build linux

package pooled

import (
	"context"
	"sync"

	"github.com/pooled-go/pooled/internal/process"
)

// ErrForked is the error of an operation on a server connection of the parent process.
var ErrForked = errForked

// Here is this process's pool.
func Here(p *Pool) *Pool { return p.here() }

// LockForGood holds the locks of a pool, as a goroutine does that a child has no thread for.
func LockForGood(p *Pool) (unlock func()) {
	unlockCore := p.core.Lock()
	locks := []*sync.Mutex{&p.texts.mu}
	if p.target != nil {
		locks = append(locks, &p.target.mu)
	}
	for _, mu := range locks {
		mu.Lock()
	}
	return func() {
		unlockCore()
		for _, mu := range locks {
			mu.Unlock()
		}
	}
}

// ForkGuardCheckout is the guard's hook on a server connection of this process.
func ForkGuardCheckout(ctx context.Context) func() error {
	s := &ServerConn{process: process.ID()}
	return func() error { return forkGuard.Checkout(ctx, s) }
}
