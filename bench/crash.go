//go:build linux

package bench

import (
	"context"
	"errors"
	"time"
)

// CrashPlan is when the server goes away, and for how long.
type CrashPlan struct {
	PerSecond float64
	Before    time.Duration // of load on a server that is there
	Outage    time.Duration // from its end until it is started again
	After     time.Duration // of load, once the server serves
	Grace     time.Duration // after this, requests need not wait for the server
	Heap      bool          // measure it; the program stops for this
}

// CrashSleep is what a request asks the server to do, so that some are in flight at any time.
const CrashSleep = 10 * time.Millisecond

// Crash is the outcome of a run. The spans are those of the program that ends and starts the server.
type Crash struct {
	Sent
	Version  string
	InFlight int // requests that the server may have been at
	Dials    int // while it was away, to its address; -1: they can't be counted here

	Ordered, Gone    time.Time // its end
	Started, Serving time.Time

	HeapBefore, HeapDuring int64
}

// Outage is how long the server was away for its clients.
func (c Crash) Outage() time.Duration { return c.Serving.Sub(c.Ordered) }

// FirstSuccess is the time from the server's return until a request is answered; -1: none was.
func (c Crash) FirstSuccess() time.Duration {
	first := c.Sent.FirstSuccess(c.Started)
	if first.IsZero() {
		return -1
	}
	return max(0, first.Sub(c.Serving))
}

// AfterGrace is how long calls took that were due when the server had been away for the grace, before it was started,
// and before the heap was measured.
func (c Crash) AfterGrace(plan CrashPlan) Latency {
	return c.CallsWithin(c.Ordered.Add(plan.Grace), c.Gone.Add(plan.Outage*9/10))
}

// changeTakes is more than a server takes to come back, or to take over. So long requests go on.
const changeTakes = time.Minute

// RunCrash has a contender use a server that crashes and comes back. If that fails, the server ends the caller's
// goroutine, as a test's.
func RunCrash(
	ctx context.Context,
	server CrashServer,
	s Server,
	contender AwayContender,
	plan CrashPlan,
	seed uint64,
) (c Crash, err error) {
	s.DSN = server.DSN()
	u, err := contender.Open(ctx, s, s.Sleep(CrashSleep))
	if err != nil {
		return c, err
	}
	defer func() { err = errors.Join(err, u.Close()) }()
	c.Version = u.Version()
	began, err := u.Send(arrivals(plan.PerSecond, plan.Before+plan.Outage+plan.After+changeTakes, seed))
	if err != nil {
		return c, err
	}
	time.Sleep(time.Until(began.Add(plan.Before / 2)))
	if err := c.heap(plan, u, &c.HeapBefore); err != nil {
		return c, err
	}
	time.Sleep(time.Until(began.Add(plan.Before)))
	err = c.away(server, u, plan)
	time.Sleep(plan.After)
	var stopErr error
	c.Sent, stopErr = u.Stop()
	c.InFlight = c.Sent.InFlight(c.Ordered, c.Gone, AwayConnections)
	return c, errors.Join(err, stopErr)
}

// away ends the server and starts it again.
func (c *Crash) away(server CrashServer, u AwayUser, plan CrashPlan) (err error) {
	dials, countErr := CountDials(server.Addr())
	if countErr == nil {
		defer dials.Close()
	}
	c.Ordered = time.Now()
	server.Kill()
	c.Gone, c.Dials = time.Now(), -1
	before := 0
	if countErr == nil {
		before = dials.Count()
	}
	time.Sleep(time.Until(c.Gone.Add(plan.Outage * 9 / 10)))
	err = c.heap(plan, u, &c.HeapDuring)
	time.Sleep(time.Until(c.Gone.Add(plan.Outage)))
	if countErr == nil {
		c.Dials = dials.Count() - before
	}
	c.Started = time.Now()
	server.Start()
	c.Serving = time.Now()
	return err
}

func (c *Crash) heap(plan CrashPlan, u AwayUser, bytes *int64) (err error) {
	if plan.Heap {
		*bytes, err = u.Heap()
	}
	return err
}
