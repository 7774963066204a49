package bench

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"slices"
	"testing"
)

// WithServers runs what starts servers of its own by pooledtest/cluster, which is made for tests, and ends them
// afterwards. What would end a test, also one that would be skipped, is an error here.
func WithServers(ctx context.Context, run func(testing.TB) error) error {
	tb := &benchTB{ctx: ctx}
	done := make(chan error)
	go func() {
		err := errEnded
		defer func() {
			tb.cleanUp()
			if tb.failed != nil {
				err = tb.failed
			}
			done <- err
		}()
		err = run(tb)
	}()
	return <-done
}

var errEnded = fmt.Errorf("ended too early")

// benchTB is as much of a test as servers need.
type benchTB struct {
	testing.TB // has a method that only package testing can have
	ctx        context.Context
	cleanups   []func()
	failed     error
}

func (tb *benchTB) cleanUp() {
	for _, f := range slices.Backward(tb.cleanups) {
		tb.guarded(f)
	}
}

// guarded runs one of the functions that may end their goroutine, so that the others run as well.
func (tb *benchTB) guarded(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	<-done
}

func (tb *benchTB) Context() context.Context { return tb.ctx }
func (tb *benchTB) Name() string             { return "report" }
func (tb *benchTB) Helper()                  {}
func (tb *benchTB) Cleanup(f func())         { tb.cleanups = append(tb.cleanups, f) }
func (tb *benchTB) Failed() bool             { return tb.failed != nil }
func (tb *benchTB) Log(args ...any)          { fmt.Fprintln(os.Stderr, args...) }

func (tb *benchTB) Logf(format string, args ...any) { tb.Log(fmt.Sprintf(format, args...)) }

func (tb *benchTB) Error(args ...any) {
	if tb.failed == nil {
		tb.failed = fmt.Errorf("%s", fmt.Sprint(args...))
	}
}

func (tb *benchTB) Errorf(format string, args ...any) { tb.Error(fmt.Sprintf(format, args...)) }

func (tb *benchTB) Fatal(args ...any) {
	tb.Error(args...)
	runtime.Goexit()
}

func (tb *benchTB) Fatalf(format string, args ...any) { tb.Fatal(fmt.Sprintf(format, args...)) }
func (tb *benchTB) Skip(args ...any)                  { tb.Fatal(args...) }
func (tb *benchTB) Skipf(format string, args ...any)  { tb.Fatalf(format, args...) }

func (tb *benchTB) TempDir() string {
	dir, err := os.MkdirTemp("", "bench-")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}
