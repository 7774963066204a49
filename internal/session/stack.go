package session

import (
	"runtime"
	"slices"
	"strconv"
	"strings"
)

// StackDepth bounds what is kept of a stack: about twelve functions of it are
// database/sql's and the pool's.
const StackDepth = 40

// ours are the packages whose functions a program calls to get a connection.
var ours = []string{
	"database/sql.",
	"github.com/pooled-go/pooled.",
	"github.com/pooled-go/pooled/internal/callers.",
	"github.com/pooled-go/pooled/internal/pool.",
	"github.com/pooled-go/pooled/internal/session.",
}

// FormatStack is a stack as a panic shows one. It begins with the program's own function.
func FormatStack(stack []uintptr) string {
	if len(stack) == 0 {
		return ""
	}
	var b strings.Builder
	frames := runtime.CallersFrames(stack)
	for {
		frame, more := frames.Next()
		skip := b.Len() == 0 && isOurs(frame.Function)
		root := frame.Function == "runtime.goexit" || frame.Function == "runtime.main"
		if frame.Function != "" && !root && !skip {
			b.WriteString(frame.Function + "\n\t" + frame.File + ":" + strconv.Itoa(frame.Line) + "\n")
		}
		if !more {
			return b.String()
		}
	}
}

func isOurs(function string) bool {
	return slices.ContainsFunc(ours, func(pkg string) bool { return strings.HasPrefix(function, pkg) })
}

// Stacks formats stacks, of which many may be the same, each once.
type Stacks map[[StackDepth]uintptr]string

// Format is FormatStack.
func (s Stacks) Format(stack []uintptr) string {
	if len(stack) == 0 {
		return ""
	}
	key := [StackDepth]uintptr{}
	copy(key[:], stack)
	if _, ok := s[key]; !ok {
		s[key] = FormatStack(stack)
	}
	return s[key]
}
