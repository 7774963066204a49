package pooled

import (
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/pooled-go/pooled/internal/callers"
	"github.com/pooled-go/pooled/internal/dsn"
)

// seen is what others than its holder may look at of a server connection in use: what it is
// being used for, and by whom. The lock is the holder's alone but for those moments.
type seen struct {
	none      atomic.Uint64 // the checkout in which there is no statement yet: its number in ServerConn.uses
	mu        sync.Mutex
	statement string
	stack     *[stackDepth]uintptr // who holds it; nil: pool_leak_after is not set
	depth     int
}

// stackDepth bounds what is kept of a stack: database/sql's part of it and ours is about twelve functions.
const stackDepth = 40

const (
	// statementLimit is how much of a statement's text is shown.
	statementLimit = 256
	// textLimit is how long a text may be of which an idle server connection keeps hold.
	textLimit = 4 << 10
)

// saw notes that query is about to be sent. Programs send the same text over and over: it costs next to nothing then.
func (s *ServerConn) saw(query string) {
	s.inUse()
	if query == s.last {
		return
	}
	s.last, s.lastJudged = query, false
	s.seen.mu.Lock()
	s.seen.statement = query
	s.seen.mu.Unlock()
}

// noStatementYet is told when a checkout may last for a while before there is a statement in it: most have one at once, and
// need not say so.
func (s *ServerConn) noStatementYet() {
	if s.lastUse != s.slot.Uses() {
		s.seen.none.Store(s.slot.Uses())
	}
}

// inUse notes that there is a statement in this checkout.
func (s *ServerConn) inUse() {
	s.lastUse = s.slot.Uses()
	if s.seen.none.Load() != 0 {
		s.seen.none.Store(0)
	}
}

// trim lets go of a very long text, when the server connection comes back. What is shown of it may be cleaner than the
// text by then, see forget.
func (s *ServerConn) trim(r *dsn.Redactor) {
	if len(s.last) > textLimit {
		s.seen.mu.Lock()
		shown := s.seen.statement
		s.seen.mu.Unlock()
		s.saw(r.Clip(shown, statementLimit))
	}
}

// forget takes the secrets that the redactor still knows out of what is shown of the last statement.
func (s *ServerConn) forget(r *dsn.Redactor) {
	s.seen.mu.Lock()
	defer s.seen.mu.Unlock()
	if clean := r.Clip(s.seen.statement, statementLimit); clean != dsn.Cut(s.seen.statement, statementLimit) {
		s.seen.statement = clean
	}
}

// takenHere remembers who borrows this: the caller's stack.
func (s *ServerConn) takenHere() {
	s.seen.mu.Lock()
	defer s.seen.mu.Unlock()
	if s.seen.stack == nil {
		s.seen.stack = new([stackDepth]uintptr)
	}
	s.seen.depth = callers.Into(s.seen.stack[:])
	s.slot.Take()
}

// look is the last statement, and the stack that took this, if they are known. Of one in use it is the statement
// of this checkout, its number being uses; 0: of whichever.
func (s *ServerConn) look(r *dsn.Redactor, uses uint64) (statement string, stack []uintptr) {
	s.seen.mu.Lock()
	statement = s.seen.statement
	if s.seen.stack != nil && s.slot.Taken() {
		stack = append(stack, s.seen.stack[:s.seen.depth]...)
	}
	s.seen.mu.Unlock()
	if uses != 0 && s.seen.none.Load() == uses {
		statement = ""
	}
	return r.Clip(statement, statementLimit), stack
}

// poolPackages are those whose functions a program calls to take a connection.
var poolPackages = []string{
	"database/sql.", "github.com/pooled-go/pooled.", "github.com/pooled-go/pooled/internal/callers.",
}

// formatStack begins with the program's own function.
func formatStack(stack []uintptr) string {
	if len(stack) == 0 {
		return ""
	}
	var b strings.Builder
	frames := runtime.CallersFrames(stack)
	for {
		frame, more := frames.Next()
		ours := slices.ContainsFunc(poolPackages, func(p string) bool { return strings.HasPrefix(frame.Function, p) })
		root := frame.Function == "runtime.goexit" || frame.Function == "runtime.main"
		if frame.Function != "" && !root && (!ours || b.Len() > 0) {
			b.WriteString(frame.Function + "\n\t" + frame.File + ":" + strconv.Itoa(frame.Line) + "\n")
		}
		if !more {
			return b.String()
		}
	}
}
