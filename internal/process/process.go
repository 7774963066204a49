// Package process tells a forked child process from its parent, and keeps references to what a child must not close.
//
// A forked child has a copy of all its parent had, and shares its sockets. What it reads
// or writes there, the parent misses or finds in its stream. So what was opened is kept
// with the [ID] of the process that opened it; [Same] and [Other] tell whose it is, and
// in a child [KeepAlive] holds what is the parent's. Nothing here takes a lock: another
// thread could have held it at the fork.
package process

import (
	"os"
	"sync/atomic"
)

// Other reports whether id, which is a process's or zero for none, is not this process's.
func Other(id uint64) bool { return id != 0 && id != ID() }

// kept is a list of what belongs to a parent process. It only grows.
var kept atomic.Pointer[keptItem]

type keptItem struct {
	what any
	next *keptItem
}

// KeepAlive keeps a reference to what for good: if it were collected, a finalizer would
// close its descriptor.
func KeepAlive(what any) {
	item := &keptItem{what: what}
	for {
		item.next = kept.Load()
		if kept.CompareAndSwap(item.next, item) {
			return
		}
	}
}

var (
	announcedIn atomic.Uint64 // the process in which Forked was called last
	parentPid   atomic.Int64
	lastPid     atomic.Int64
)

func init() { lastPid.Store(int64(os.Getpid())) }

// Forked is for a process that has found out that it was forked: its parent's pid, or
// that of the last ancestor in which Forked was called, and its own. First is true at
// the first call in each process.
func Forked() (parent, child int, first bool) {
	child = os.Getpid()
	id := ID()
	first = announcedIn.Swap(id) != id
	if first {
		parentPid.Store(lastPid.Swap(int64(child)))
	}
	return int(parentPid.Load()), child, first
}
