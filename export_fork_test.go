//go:build linux

package pooled

import (
	"context"

	"github.com/pooled-go/pooled/internal/process"
)

// ErrForked is the error of an operation on a server connection of the parent process.
var ErrForked = errForked

// Here is this process's pool.
func Here(p *Pool) *Pool { return p.current() }

// LockForGood holds the locks of a pool, as a goroutine does that a child has no thread for.
func LockForGood(p *Pool) (unlock func()) {
	unlocks := []func(){p.core.Lock(), p.shared.Texts.Lock(), p.driver.Lock()}
	return func() {
		for _, unlock := range unlocks {
			unlock()
		}
	}
}

// ForkGuardCheckout is the guard's hook on a server connection of this process.
func ForkGuardCheckout(ctx context.Context) func() error {
	s := &ServerConn{process: process.ID()}
	return func() error { return forkGuard.Checkout(ctx, s) }
}
