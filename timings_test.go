package pooled_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/internal/pooledtest"
)

// What is measured is exact, and told to observers and histograms alike.
func TestTimings(t *testing.T) {
	for _, c := range []pooled.Class{pooled.ClassQueue, pooled.ClassDirect} {
		t.Run(string(c), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				fake := pooledtest.NewFake(t)
				fake.On(pooledtest.StageConnect, pooledtest.Slow(30*time.Millisecond))
				db, pool := open(t, fake, one(c), noRecycle)
				defer db.Close()
				db.SetMaxOpenConns(1)
				var mu sync.Mutex
				var have []string
				stop := pool.Observe(func(what pooled.Timing, d time.Duration) {
					mu.Lock()
					have = append(have, fmt.Sprint(what, " ", d))
					mu.Unlock()
				})
				pool.Histogram(pooled.TimingUse)
				conn, _ := grab(t, db)
				time.Sleep(time.Second)
				pooledtest.Give(t, conn)
				fake.On(pooledtest.StageExec, pooledtest.Slow(4*time.Millisecond).Match("ROLLBACK"))
				pooledtest.MustExec(t, db, "BEGIN")
				want := []string{"connect 30ms", "wait 30ms", "use 1s", "wait 0s", "use 0s", "reset 4ms"}
				if !slices.Equal(have, want) {
					t.Errorf("have %q\nwant %q", have, want)
				}
				for _, test := range []struct {
					timing pooled.Timing
					count  uint64
					sum    time.Duration
				}{
					{pooled.TimingWait, 2, 30 * time.Millisecond},
					{pooled.TimingConnect, 1, 30 * time.Millisecond},
					{pooled.TimingUse, 2, time.Second},
					{pooled.TimingReset, 1, 4 * time.Millisecond},
					{"sleep", 0, 0},
				} {
					if h := pool.Histogram(test.timing); h.Count != test.count || h.Sum != test.sum {
						t.Errorf("%s: have %d and %v, want %d and %v", test.timing, h.Count, h.Sum, test.count,
							test.sum)
					}
				}
				stop()
				pooledtest.MustExec(t, db, "UPDATE")
				if len(have) != len(want) {
					t.Errorf("after stop: have %q", have[len(want):])
				}
				if have := pool.Histogram(pooled.TimingUse).Count; have != 3 {
					t.Errorf("the histogram stopped too: have %d uses, want 3", have)
				}
			})
		})
	}
}

// A lease that Connect began is one lease if it is used at once. If it is not, it ends, and what is used is measured
// as another.
func TestTimingsOfALeaseThatIsNotUsedAtOnce(t *testing.T) {
	for _, test := range []struct {
		unused time.Duration
		want   []string
	}{
		{0, []string{"connect 0s", "wait 0s", "use 1s"}},
		{time.Minute, []string{"connect 0s", "wait 0s", "use 1m0s", "wait 0s", "use 1s"}},
	} {
		synctest.Test(t, func(t *testing.T) {
			connector := connectorTo(t, pooledtest.NewFake(t), one(pooled.ClassQueue), noRecycle)
			defer connector.Close()
			var have []string
			connector.Pool().Observe(func(what pooled.Timing, d time.Duration) {
				have = append(have, fmt.Sprint(what, " ", d))
			})
			conn := connected(t, connector)
			time.Sleep(test.unused)
			execOn(t, conn)
			time.Sleep(time.Second)
			conn.IsValid()
			if !slices.Equal(have, test.want) {
				t.Errorf("%v: have %q\nwant %q", test.unused, have, test.want)
			}
		})
	}
}

// A lease that the pool took back is none that the next one could be taken for.
func TestTimingsOfALeaseThatWasTakenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		connector := connectorTo(t, pooledtest.NewFake(t), one(pooled.ClassQueue), noRecycle)
		defer connector.Close()
		stop := connector.Pool().Observe(func(pooled.Timing, time.Duration) {})
		conn := connected(t, connector)
		execOn(t, conn)
		conn.IsValid()
		connected(t, connector) // and never used
		stop()
		time.Sleep(time.Hour)
		execOn(t, conn) // which needs the only one
		connector.Pool().Observe(func(what pooled.Timing, d time.Duration) {
			t.Errorf("have %s %v, of which nobody saw the beginning", what, d)
		})
		conn.IsValid()
	})
}

func connected(t *testing.T, connector *pooled.Connector) *pooled.Conn {
	t.Helper()
	conn, err := connector.Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return conn.(*pooled.Conn)
}

func execOn(t *testing.T, conn *pooled.Conn) {
	t.Helper()
	if _, err := conn.ExecContext(t.Context(), "UPDATE", nil); err != nil {
		t.Fatal(err)
	}
}

// Nobody measures before somebody asks, or the configuration does.
func TestTimingsAreOffUntilAskedFor(t *testing.T) {
	db, pool := open(t, pooledtest.NewFake(t))
	pooledtest.MustExec(t, db, "UPDATE")
	if pooled.Measuring(pool) {
		t.Error("nobody has asked")
	}
	stop := pool.Observe(func(pooled.Timing, time.Duration) {})
	if !pooled.Measuring(pool) {
		t.Error("somebody observes")
	}
	stop()
	stop()
	if pooled.Measuring(pool) {
		t.Error("nobody observes any more")
	}
	if have := pool.Histogram(pooled.TimingUse).Count; have != 0 || !pooled.Measuring(pool) {
		t.Errorf("have %d uses from before, want none and to begin now", have)
	}
	pooledtest.MustExec(t, db, "UPDATE")
	if have := pool.Histogram(pooled.TimingUse).Count; have != 1 {
		t.Errorf("have %d uses, want 1", have)
	}
}

// When nobody has looked for five minutes nobody measures, until somebody looks again; with pool_timings always.
func TestTimingsRest(t *testing.T) {
	for _, always := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			db, pool := open(t, pooledtest.NewFake(t), noRecycle, func(c *pooled.Config) { c.Timings = always })
			defer db.Close()
			pooledtest.MustExec(t, db, "UPDATE")
			if have := pool.Histogram(pooled.TimingConnect).Count; have == 1 != always {
				t.Errorf("always %v: have %d connects from before", always, have)
			}
			for range 3 {
				time.Sleep(4 * time.Minute)
				pool.Histogram(pooled.TimingUse)
			}
			pooledtest.MustExec(t, db, "UPDATE")
			time.Sleep(6 * time.Minute)
			if pooled.Measuring(pool) != always {
				t.Errorf("always %v: nobody has asked for long, and measuring is %v", always, !always)
			}
			pooledtest.MustExec(t, db, "UPDATE")
			want := uint64(1)
			if always {
				want = 3
			}
			if have := pool.Histogram(pooled.TimingUse).Count; have != want || !pooled.Measuring(pool) {
				t.Errorf("always %v: have %d uses, want %d and to go on", always, have, want)
			}
		})
	}
}

func TestHistogram(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := pooledtest.NewFake(t)
		db, pool := open(t, fake, one(pooled.ClassQueue), noRecycle, func(c *pooled.Config) { c.Timings = true })
		defer db.Close()
		if h := pool.Histogram(pooled.TimingUse); h.Quantile(0.5) != 0 || h.Count != 0 {
			t.Errorf("empty: have %v of %d, want 0", h.Quantile(0.5), h.Count)
		}
		uses := []time.Duration{0, 10 * time.Microsecond, 11 * time.Microsecond, 5 * time.Millisecond, 2 * time.Minute}
		for _, d := range uses {
			conn, _ := grab(t, db)
			time.Sleep(d)
			pooledtest.Give(t, conn)
		}
		h := pool.Histogram(pooled.TimingUse)
		for _, want := range []struct {
			upTo  time.Duration
			count uint64
		}{{10 * time.Microsecond, 2}, {50 * time.Microsecond, 3}, {2 * time.Millisecond, 3},
			{5 * time.Millisecond, 4}, {time.Minute, 4}, {-1, 5}} {
			i := slices.IndexFunc(h.Buckets, func(b pooled.Bucket) bool { return b.UpTo == want.upTo })
			if i < 0 || h.Buckets[i].Count != want.count {
				t.Errorf("up to %v: have %+v, want %d", want.upTo, h.Buckets, want.count)
			}
		}
		for q, want := range map[float64]time.Duration{0.2: 10 * time.Microsecond, 0.6: 50 * time.Microsecond,
			0.8: 5 * time.Millisecond, 1: -1} {
			if have := h.Quantile(q); have != want {
				t.Errorf("quantile %v: have %v, want %v", q, have, want)
			}
		}
	})
}

// A timeout is no wait of the histogram's; Stats counts it.
func TestStatsCountEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := pooledtest.NewFake(t)
		db, pool := open(t, fake, one(pooled.ClassQueue), noRecycle, func(c *pooled.Config) {
			c.Timeout, c.Timings = time.Second, true
			// which is no reset
			c.Hooks.Reset = func(context.Context, *pooled.ServerConn, pooled.ResetState) error { return nil }
		})
		defer db.Close()
		pooledtest.MustExec(t, db, "UPDATE")
		pooledtest.MustExec(t, db, "BEGIN")
		conn, _ := grab(t, db)
		db.ExecContext(context.Background(), "UPDATE")
		pooled.SoftInvalidate(t.Context(), conn, nil)
		pooledtest.Give(t, conn)
		pool.Dispose()
		synctest.Wait()
		have := pool.Stats()
		want := pooled.Stats{Name: have.Name, Class: pooled.ClassQueue, Size: 1, Limit: 1,
			Checkouts: 3, Checkins: 2, Waits: 2, Timeouts: 1, Opened: 1, Closed: 1, Invalidated: 1,
			SoftInvalidated: 1, Resets: 1, Disposals: 1}
		if have != want {
			t.Errorf("have %+v\nwant %+v", have, want)
		}
		if have := pool.Histogram(pooled.TimingWait).Count; have != 3 {
			t.Errorf("have %d waits, want the 3 that succeeded", have)
		}
	})
}
