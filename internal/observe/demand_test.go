package observe_test

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pooled-go/pooled/internal/observe"
)

func TestDemand(t *testing.T) {
	for _, always := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			var d observe.Demand
			var runs, begun atomic.Int64 // a timer ends it
			ask := func() {
				d.Ask(func() func() {
					runs.Add(1)
					begun.Add(1)
					return func() { runs.Add(-1) }
				}, always)
			}
			want := func(when string, wantRuns, wantBegun int64) {
				t.Helper()
				synctest.Wait()
				if runs, begun := runs.Load(), begun.Load(); runs != wantRuns || begun != wantBegun {
					t.Errorf("always %t, %s: runs %d, begun %d, want %d and %d",
						always, when, runs, begun, wantRuns, wantBegun)
				}
			}
			ask()
			want("asked", 1, 1)
			for range 3 {
				time.Sleep(4 * time.Minute)
				ask()
			}
			want("asked again and again", 1, 1)
			time.Sleep(time.Hour)
			if always {
				want("not asked for long", 1, 1)
			} else {
				want("not asked for long", 0, 1)
				ask()
				want("asked after that", 1, 2)
			}
			d.End()
			d.End()
			want("ended", 0, begun.Load())
			ask()
			want("asked after the end", 0, begun.Load())
			time.Sleep(time.Hour) // no timer is left
		})
	}
}

func TestDemandEndsBeforeItBegins(t *testing.T) {
	var d observe.Demand
	d.End()
	d.Ask(func() func() { t.Error("it has begun"); return func() {} }, false)
}
