package session

import (
	"sync"
	"sync/atomic"

	"github.com/pooled-go/pooled/internal/callers"
)

// Activity is what a connection is used for, and by whom. Its holder tells; Look and
// Replace are for others too. Leases are told apart by their numbers, which begin at 1.
type Activity struct {
	last  string // the last statement; the holder's
	lease uint64 // the lease under way
	sent  bool   // a statement was sent in it

	none uint32 // the lease in which there is no statement yet, by its last 32 bits; 0: none such

	mu        sync.Mutex // nearly always the holder's alone
	statement string
	stack     *[StackDepth]uintptr // nil: nobody asked for it
	depth     int
}

// longText is how long a text may be of which an idle connection keeps hold.
const longText = 4 << 10

// StartLease is told the number of the lease that begins.
func (a *Activity) StartLease(lease uint64) { a.lease, a.sent = lease, false }

// SetStatement is told that a statement is about to be sent, and reports whether it has the text of the last one.
// Programs send the same text over and over: then it costs next to nothing.
func (a *Activity) SetStatement(query string) (same bool) {
	a.sent = true
	return query == a.last && atomic.LoadUint32(&a.none) == 0 || a.setStatement(query)
}

func (a *Activity) setStatement(query string) (same bool) {
	if atomic.LoadUint32(&a.none) != 0 {
		atomic.StoreUint32(&a.none, 0)
		if query == a.last {
			return true
		}
	}
	a.last = query
	a.mu.Lock()
	a.statement = query
	a.mu.Unlock()
	return false
}

// Begin is told that the lease may last for a while before there is a statement in it. Most have one at once, and need
// not say so.
func (a *Activity) Begin() {
	if !a.sent {
		atomic.StoreUint32(&a.none, uint32(a.lease))
	}
}

// SetStack remembers who leases the connection: the caller's stack.
func (a *Activity) SetStack() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.stack == nil {
		a.stack = new([StackDepth]uintptr)
	}
	a.depth = callers.Into(a.stack[:])
}

// Look returns the statement that was sent last in a lease, empty if there is none yet;
// lease 0 is whichever lease it was. The stack is that of [Activity.SetStack], nil if leased
// says no.
func (a *Activity) Look(lease uint64, leased func() bool) (statement string, stack []uintptr) {
	a.mu.Lock()
	statement = a.statement
	if a.stack != nil && leased() {
		stack = append(stack, a.stack[:a.depth]...)
	}
	a.mu.Unlock()
	if lease != 0 && atomic.LoadUint32(&a.none) == uint32(lease) {
		statement = ""
	}
	return statement, stack
}

// Replace replaces the statement that Look returns by what f makes of it.
func (a *Activity) Replace(f func(statement string) string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.statement = f(a.statement)
}

// Long reports whether the last statement is too long to be kept hold of.
func (a *Activity) Long() bool { return len(a.last) > longText }

// Trim lets go of a long text, when the connection comes back: what is left of it is what
// f makes of what Look returns.
func (a *Activity) Trim(f func(statement string) string) {
	if !a.Long() {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.statement = f(a.statement)
	a.last = a.statement
}
