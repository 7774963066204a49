package pooled

import (
	"runtime"
	"strconv"
	"strings"
	"sync"
)

// seen is what others than its holder may look at of a server connection in use: what it is
// being used for, and by whom. The lock is the holder's alone but for those moments.
type seen struct {
	mu        sync.Mutex
	statement string
	stack     *[stackDepth]uintptr // who holds it; nil: pool_leak_after is not set
	depth     int
}

// stackDepth bounds what is kept of a stack: database/sql's part of it and ours is about twelve functions.
const stackDepth = 40

// statementLimit is how much of a statement's text is kept of a server connection that is idle, and is shown.
const statementLimit = 256

// saw notes that query is about to be sent. Programs send the same text over and over: it costs nothing then.
func (s *ServerConn) saw(query string) {
	if query == s.last {
		return
	}
	s.last = query
	s.seen.mu.Lock()
	s.seen.statement = query
	s.seen.mu.Unlock()
}

// trim lets go of a long text, when the server connection comes back.
func (s *ServerConn) trim() {
	if len(s.last) > statementLimit {
		s.saw(cut(s.last, statementLimit))
	}
}

// cut is a copy of what fits of a text.
func cut(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	return strings.ToValidUTF8(strings.Clone(text[:limit-len("…")]), "") + "…"
}

// takenHere remembers who borrows this: the caller's stack.
func (s *ServerConn) takenHere() {
	s.seen.mu.Lock()
	defer s.seen.mu.Unlock()
	if s.seen.stack == nil {
		s.seen.stack = new([stackDepth]uintptr)
	}
	s.seen.depth = callers(s.seen.stack[:])
}

// look is the last statement, and the stack that took this, if they are known.
func (s *ServerConn) look() (statement string, stack []uintptr) {
	s.seen.mu.Lock()
	defer s.seen.mu.Unlock()
	if s.seen.stack != nil {
		stack = append(stack, s.seen.stack[:s.seen.depth]...)
	}
	return cut(s.seen.statement, statementLimit), stack
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
		ours := strings.HasPrefix(frame.Function, "database/sql.") || strings.HasPrefix(frame.Function, "github.com/pooled-go/pooled.")
		if frame.Function != "" && (!ours || b.Len() > 0) {
			b.WriteString(frame.Function + "\n\t" + frame.File + ":" + strconv.Itoa(frame.Line) + "\n")
		}
		if !more {
			return b.String()
		}
	}
}
