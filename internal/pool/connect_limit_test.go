package pool_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// runAll has so many callers come at once, each of which has a slot for a while, and waits for them.
func (p *testPool) runAll(n int, during time.Duration) (failed int) {
	var errors atomic.Int64
	var all sync.WaitGroup
	for range n {
		all.Go(func() {
			s, err := p.Take(background, new(time.Time), 0)
			if err != nil {
				errors.Add(1)
				return
			}
			time.Sleep(during)
			p.give(s)
		})
	}
	all.Wait()
	return int(errors.Load())
}

// eachSecond is what look finds in the middle of each of so many seconds.
func eachSecond(n int, look func() int) []int {
	var found []int
	time.Sleep(500 * time.Millisecond)
	for range n {
		synctest.Wait()
		found = append(found, look())
		time.Sleep(time.Second)
	}
	return found
}

func (p *testPool) openingNow() int { return p.Stats().Opening }

// What a server keeps up with it is asked for: twice as much each time, while callers wait whom nobody serves. The next
// burst begins as the first one did.
func TestConnectLimitRises(t *testing.T) {
	type test struct {
		limit int
		want  []int // are being opened, second by second
	}
	tests(t, map[string]test{
		"1":    {1, []int{1, 2, 4, 8, 16, 32, 1, 0}},
		"4":    {4, []int{4, 8, 16, 32, 4, 0, 0, 0}},
		"64":   {64, []int{64, 0, 0, 0, 0, 0, 0, 0}},
		"none": {-1, []int{64, 0, 0, 0, 0, 0, 0, 0}},
	}, func(t *testing.T, test test) {
		p := newPool(t, sized(64, 64), connectLimit(test.limit))
		p.on("open", slow(time.Second))
		for range 2 {
			p.Dispose()
			ended := make(chan int)
			go func() { ended <- p.runAll(64, time.Hour) }()
			equal(t, "opening", eachSecond(8, p.openingNow), test.want)
			equal(t, "errors", <-ended, 0)
			p.want(places{Idle: 64})
		}
	})
}

// Where those in use come back in time, there are not more than ConnectLimit alone would allow.
func TestConnectLimitInABurstThatReturnsServe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, sized(100, 100), connectLimit(4))
		p.on("open", slow(10*time.Millisecond))
		p.runAll(4, time.Second)
		p.told()
		p.runAll(100, time.Millisecond) // four serve forty of them while one is opened
		if n := len(p.told("open:")); n > 2*4 || p.mostOpening > 4 {
			t.Errorf("have %d opened, %d at one moment, want at most 8 and 4", n, p.mostOpening)
		}
	})
}

// A server in trouble is asked for less, down to one at a time, and for more when it has recovered.
func TestConnectLimitFalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, sized(60, 60), connectLimit(8))
		refuses := first(16, fail(errOpen))
		p.on("open", func(ctx context.Context) error {
			time.Sleep(time.Second)
			return refuses(ctx)
		})
		ended := make(chan int)
		go func() { ended <- p.runAll(60, time.Hour) }()
		// Eight fail at once, then one after the other. Those that succeed double it each time.
		equal(t, "opening", eachSecond(18, p.openingNow), []int{8, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 4, 8, 16, 13, 0, 0, 0})
		equal(t, "errors", <-ended, 16) // each is one caller's
	})
}

// It recovers without a burst, too: by those that are opened for nobody.
func TestConnectLimitRecovers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, sized(8, 8), connectLimit(8))
		p.on("open", fail(errOpen))
		equal(t, "errors", p.runAll(8, 0), 8)
		p.on("open", slow(time.Second))
		for i := range 12 {
			equal(t, fmt.Sprint("limit after ", i), p.Stats().ConnectLimit, min(1+i, 8))
			p.Dispose()
			ctx, cancel := context.WithTimeout(background, time.Second/2) // who leaves before it is opened
			if _, err := p.queue(ctx, 0).wait(); !canceled(err) {
				t.Errorf("have %v, want the end of the context", err)
			}
			cancel()
			time.Sleep(time.Second)
		}
	})
}

// No limit stays none, whatever fails.
func TestNoConnectLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, sized(100, 100), connectLimit(-1))
		p.on("open", fail(errOpen))
		equal(t, "errors", p.runAll(100, 0), 100)
		p.on("open", slow(time.Second))
		go p.runAll(100, time.Minute)
		equal(t, "opening", eachSecond(1, p.openingNow), []int{100})
		time.Sleep(time.Hour)
	})
}
