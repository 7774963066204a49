//go:build linux

package process_test

import (
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"weak"

	"github.com/pooled-go/pooled/internal/pooledtest"
	"github.com/pooled-go/pooled/internal/process"
)

func TestMain(m *testing.M) {
	pooledtest.PlayForkRole(map[string]func(){"fork": forkTwice})
	pooledtest.Main(m)
}

const byPidEnv = "POOLED_TEST_FORK_BY_PID"

// forkTwice says what a child and its child see.
func forkTwice() {
	byPid := os.Getenv(byPidEnv) != ""
	if byPid {
		process.ByPid()
	}
	parent := process.ID()
	parentPid := os.Getpid()
	pooledtest.Say("parent: same %t, other %t", process.Same(parent) || byPid, process.Other(parent))
	pooledtest.Fork(func() {
		child, childPid := process.ID(), os.Getpid()
		pooledtest.Say("child: parent's is the same %t, other %t", process.Same(parent), process.Other(parent))
		sayForked(parentPid, childPid, true)
		sayForked(parentPid, childPid, false)
		pooledtest.Fork(func() {
			pooledtest.Say("grandchild: is new %t, none is other %t",
				process.Other(parent) && process.Other(child), process.Other(0))
			sayForked(childPid, os.Getpid(), true)
		})
		pooledtest.Say("child: same as before %t", process.ID() == child)
	})
	pooledtest.Say("parent: same as before %t", process.ID() == parent)
}

func sayForked(parent, child int, first bool) {
	haveParent, haveChild, haveFirst := process.Forked()
	pooledtest.Say("forked: parent %t, child %t, first %t", haveParent == parent, haveChild == child, haveFirst == first)
}

func TestRealForks(t *testing.T) {
	want := []string{
		"parent: same true, other false",
		"child: parent's is the same false, other true",
		"forked: parent true, child true, first true",
		"forked: parent true, child true, first true",
		"grandchild: is new true, none is other false",
		"forked: parent true, child true, first true",
		"child: same as before true",
		"parent: same as before true",
	}
	for name, byPid := range map[string]string{"page": "", "pid": "1"} {
		t.Run(name, func(t *testing.T) {
			if have := pooledtest.RunForkRole(t, "fork", byPidEnv+"="+byPid); !slices.Equal(have, want) {
				t.Errorf("have\n%s\nwant\n%s", strings.Join(have, "\n"), strings.Join(want, "\n"))
			}
		})
	}
}

// Whoever looks first in a child, all see the same new number.
func TestIDIsNewForAll(t *testing.T) {
	last := process.ID()
	for range 500 {
		back, possible := process.Pretend()
		if !possible {
			t.Skip("without MADV_WIPEONFORK (Linux 4.14) a fork can't be pretended; TestRealForks goes by the pid too")
		}
		seen := make([]uint64, 4)
		var arrived atomic.Int32
		var wg sync.WaitGroup
		for i := range seen {
			wg.Go(func() {
				for arrived.Add(1); arrived.Load() < int32(len(seen)); {
					runtime.Gosched() // all look at the same moment
				}
				seen[i] = process.ID()
			})
		}
		wg.Wait()
		if len(slices.Compact(seen)) != 1 || seen[0] <= last || !process.Same(seen[0]) || process.Same(last) {
			t.Fatalf("in a child after %v: have %v, want all the same and new", last, seen)
		}
		last = seen[0]
		back()
	}
}

func TestKeepAlive(t *testing.T) {
	type thing struct{ _ [32]byte }
	made := func(keep bool) weak.Pointer[thing] {
		what := new(thing)
		if keep {
			process.KeepAlive(what)
		}
		return weak.Make(what)
	}
	kept, dropped := made(true), made(false)
	for range 3 {
		runtime.GC()
	}
	if kept.Value() == nil {
		t.Error("it was collected")
	}
	if dropped.Value() != nil {
		t.Error("what is not kept was not collected, so this test shows nothing")
	}
}

// BenchmarkID is the look at this process's number, and the system call that it spares.
func BenchmarkID(b *testing.B) {
	b.Run("same", func(b *testing.B) {
		was := process.ID()
		b.ReportAllocs()
		for b.Loop() {
			if !process.Same(was) {
				b.Fatal("not the same process")
			}
		}
	})
	b.Run("getpid", func(b *testing.B) {
		for b.Loop() {
			os.Getpid()
		}
	})
}
