package pool_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

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
