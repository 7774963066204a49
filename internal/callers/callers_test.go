package callers_test

import (
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/pooled-go/pooled/internal/callers"
)

// The stack by frame pointers is the one that runtime.Callers gives, from whatever depth, also
// after it has grown and been moved.
func TestInto(t *testing.T) {
	check := func(t *testing.T) {
		t.Helper()
		have, want := make([]uintptr, 64), make([]uintptr, 64)
		have = have[:callers.Into(have)]
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
func TestIntoBound(t *testing.T) {
	for n := 1; n < 8; n++ {
		pcs := make([]uintptr, 8)
		have := callers.Into(pcs[:n])
		written := func(pc uintptr) bool { return pc != 0 }
		if have > n || slices.ContainsFunc(pcs[n:], written) {
			t.Errorf("room for %d: have %d, and %v behind them", n, have, pcs[n:])
		}
	}
}

func TestIntoAllocatesNothing(t *testing.T) {
	var pcs [40]uintptr
	if n := testing.AllocsPerRun(100, func() { callers.Into(pcs[:]) }); n != 0 {
		t.Errorf("have %v allocations, want 0", n)
	}
}

// BenchmarkInto is what it takes, and what runtime.Callers would.
func BenchmarkInto(b *testing.B) {
	for name, into := range map[string]func([]uintptr) int{
		"into":    callers.Into,
		"runtime": func(pcs []uintptr) int { return runtime.Callers(1, pcs) },
	} {
		b.Run(name, func(b *testing.B) {
			var pcs [40]uintptr
			deep(12, func() {
				b.ReportAllocs()
				for b.Loop() {
					into(pcs[:])
				}
			})
		})
	}
}

//go:noinline
func deep(n int, f func()) {
	if n == 0 {
		f()
		return
	}
	deep(n-1, f)
	runtime.KeepAlive(n)
}
