package pooled_test

import (
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/pooled-go/pooled"
)

// The stack by frame pointers is the one that runtime.Callers gives, from whatever depth, also after it has grown and been moved.
func TestCallers(t *testing.T) {
	check := func(t *testing.T) {
		t.Helper()
		have, want := make([]uintptr, 64), make([]uintptr, 64)
		have = have[:pooled.Callers(have)]
		want = want[:runtime.Callers(1, want)]
		h, w := functions(have), functions(want)[1:] // this function itself may be left out
		h = h[max(0, slices.Index(h, w[0])):]
		if n := min(len(h), len(w)); n < min(len(w), 40) || !slices.Equal(h[:n], w[:n]) {
			t.Errorf("have %s\nwant %s", strings.Join(h, "\n     "), strings.Join(w, "\n     "))
		}
	}
	check(t)
	var deeper func(n int)
	deeper = func(n int) {
		var room [512]byte // so that the stack grows
		if n == 0 {
			check(t)
		} else {
			deeper(n - 1)
		}
		runtime.KeepAlive(room)
	}
	for _, n := range []int{1, 10, 100, 1000} {
		deeper(n)
	}
	done := make(chan bool)
	go func() {
		defer close(done)
		check(t)
		defer func() { recover(); check(t) }()
		panic("from within a deferred call, too")
	}()
	<-done
}

func functions(pcs []uintptr) (names []string) {
	frames := runtime.CallersFrames(pcs)
	for {
		frame, more := frames.Next()
		if !strings.HasPrefix(frame.Function, "runtime.") {
			names = append(names, frame.Function)
		}
		if !more {
			return names
		}
	}
}

// However little room there is, no more is written.
func TestCallersBound(t *testing.T) {
	for n := 1; n < 8; n++ {
		pcs := make([]uintptr, 8)
		if have := pooled.Callers(pcs[:n]); have > n || slices.ContainsFunc(pcs[n:], func(pc uintptr) bool { return pc != 0 }) {
			t.Errorf("room for %d: have %d, and %v behind them", n, have, pcs[n:])
		}
	}
}
