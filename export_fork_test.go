//go:build linux

package pooled

import (
	"context"
	"sync"
	"sync/atomic"
)

// ThisProcess is the identity of the running process.
func ThisProcess() uint64 { return thisProcess() }

// Fork makes this process look like a child forked from it, until back is called, as
// far as a pool can tell. It says whether that is possible: the kernel has to know
// MADV_WIPEONFORK.
func Fork() (back func(), possible bool) {
	was := identity.Load()
	identity.Store(0)
	return func() { identity.Store(was) }, identityWiped
}

// IdentityByPid makes this process do without MADV_WIPEONFORK, until back is called.
func IdentityByPid() (back func()) {
	page, wiped := identity, identityWiped
	identity, identityWiped = new(atomic.Uint64), false
	return func() { identity, identityWiped = page, wiped }
}

// ErrForked is the error of an operation on a server connection of the parent process.
var ErrForked = errForked

// Here is this process's pool.
func Here(p *Pool) *Pool { return p.here() }

// LockForGood holds the locks of a pool, as a goroutine does that a child has no thread for.
func LockForGood(p *Pool) (unlock func()) {
	locks := []*sync.Mutex{&p.mu, &p.texts.mu}
	if p.target != nil {
		locks = append(locks, &p.target.mu)
	}
	for _, mu := range locks {
		mu.Lock()
	}
	return func() {
		for _, mu := range locks {
			mu.Unlock()
		}
	}
}

// ForkGuardCheckout is the guard's hook on a server connection of this process.
func ForkGuardCheckout(ctx context.Context) func() error {
	s := &ServerConn{process: thisProcess()}
	return func() error { return forkGuard.Checkout(ctx, s) }
}
