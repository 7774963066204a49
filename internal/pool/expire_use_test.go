package pool_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// One that was in use for longer than the server allows an idle one to be is closed all the same when it is idle.
func TestIdleLimitAfterALongUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t)
		p.LimitIdle(2 * time.Hour)
		s := p.take()
		time.Sleep(5 * time.Hour)
		p.give(s)
		time.Sleep(90 * time.Minute)
		p.want(places{Idle: 1})
		time.Sleep(30 * time.Minute)
		p.want(places{})
		equal(t, "recycled", p.Stats().Recycled, 1)
	})
}

// What is opened in the place of an old one goes to a caller that waits. The old one stays until another is there.
func TestReplacementGoesToWhoWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, sized(3, 3), recycle(time.Hour))
		p.fill(1)
		times := make(chan time.Duration, 2)
		times <- 2 * time.Second
		times <- 5 * time.Second
		p.on("open", func(context.Context) error { time.Sleep(<-times); return nil })
		time.Sleep(due)
		synctest.Wait()
		old := p.take()
		c := p.queue(background, 0)
		p.want(places{InUse: 1, Opening: 2, Waiting: 1})
		s, _ := c.wait()
		p.want(places{InUse: 2, Opening: 1})
		equal(t, "departs", p.Departs(old), nil)
		time.Sleep(5 * time.Second)
		p.want(places{InUse: 2, Idle: 1})
		equal(t, "departs", p.Departs(old), errExpired)
		p.give(old, s)
		p.want(places{Idle: 2})
	})
}
