//go:build unix

package debug_test

import (
	"runtime"
	rundebug "runtime/debug"
	"syscall"
	"testing"
	"time"

	"github.com/pooled-go/pooled/debug"
)

// The page with 10 pools of 200 server connections takes at most 50 ms of the processor's time, as does what its script
// asks for, and the whole as JSON. The best of several is what the handler needs.
func TestAnswersQuickly(t *testing.T) {
	if testing.Short() || raceEnabled {
		t.Skip("measures time: not with -short or -race")
	}
	crowd(t, 10, 200)
	defer rundebug.SetGCPercent(rundebug.SetGCPercent(-1)) // garbage is collected between answers
	for _, q := range questions[:3] {
		best := time.Hour
		for range 20 {
			runtime.GC()
			before := used(t)
			get(t, debug.Handler{AllowActions: true}, q.target)
			best = min(best, used(t)-before)
		}
		if best > 50*time.Millisecond {
			t.Errorf("%s: have %v, want at most 50ms", q.name, best)
		}
	}
}

// used is the processor's time that this process has had. What else the machine does is not in it.
func used(t *testing.T) time.Duration {
	t.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		t.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
