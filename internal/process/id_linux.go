package process

import (
	"os"
	"sync/atomic"
	"syscall"
	"unsafe"
)

// The identity of this process stands in a page that the kernel fills with
// zeros in a forked child. To look at it costs a load from memory; to ask for the
// pid is a system call, and too dear for each checkout.

var (
	// identity is in that page, or, where the kernel has no such thing, always zero.
	identity, identityWiped = newIdentity()

	// identities is the last one taken. It is in ordinary memory, so a child goes on
	// from where its parent was.
	identities atomic.Uint64
)

// ID is a number that a forked child does not share with its parent, or with any
// process before that. It is never zero.
func ID() uint64 {
	if id := identity.Load(); id != 0 {
		return id
	}
	return take()
}

// Same reports whether id is certain to be this process's. As long as there was no
// fork, it is two loads and a comparison; if it is false, Other tells.
func Same(id uint64) bool { return id == identity.Load() }

// take is the first look in a process. Several goroutines may be here
// at once, and one of them may fork: a number is taken before it is shown, so none
// is ever taken twice.
func take() uint64 {
	if !identityWiped {
		return uint64(os.Getpid())
	}
	for {
		identity.CompareAndSwap(0, identities.Add(1))
		if id := identity.Load(); id != 0 {
			return id
		}
	}
}

const (
	madvWipeOnFork = 18 // MADV_WIPEONFORK, since Linux 4.14
	madvNothing    = -1 // no advice has this number
)

// newIdentity makes the page. An emulator that says yes to every advice and
// does nothing is found out by an advice that doesn't exist.
func newIdentity() (id *atomic.Uint64, wiped bool) {
	const access, flags = syscall.PROT_READ | syscall.PROT_WRITE, syscall.MAP_ANON | syscall.MAP_PRIVATE
	page, err := syscall.Mmap(-1, 0, os.Getpagesize(), access, flags)
	if err != nil {
		return new(atomic.Uint64), false
	}
	if syscall.Madvise(page, madvNothing) == nil || syscall.Madvise(page, madvWipeOnFork) != nil {
		syscall.Munmap(page)
		return new(atomic.Uint64), false
	}
	return (*atomic.Uint64)(unsafe.Pointer(&page[0])), true
}
