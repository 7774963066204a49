package hosts

import (
	"context"
	"time"
)

// fresh is for how long it counts what a check has found.
const fresh = time.Second

// check is one look at the hosts: the one that runs, or the last.
type check struct {
	done  chan struct{} // closed when err is there
	err   error
	ended time.Time // zero: it runs; guarded by Set.mu
}

// Check dials the hosts until one fits, as [Dial] does, on behalf of those who want to know and need no connection. ask
// is as Config.Check. One check runs at a time, and what it has found counts for a second, for all who ask meanwhile.
// It goes on when ctx ends, but not for long: a host that has not answered yet may be slow, so that is no outage.
func (s *Set) Check(ctx context.Context, ask func(context.Context, Address) (Role, error)) error {
	c := s.currentCheck(ask)
	select {
	case <-c.done:
		return c.err
	default:
	}
	select {
	case <-c.done:
		return c.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *Set) currentCheck(ask func(context.Context, Address) (Role, error)) *check {
	s.lock()
	defer s.unlock()
	if c := s.check; c != nil && (c.ended.IsZero() || time.Since(c.ended) < fresh) {
		return c
	}
	c := &check{done: make(chan struct{}), err: errEnded.Err}
	s.check = c
	s.starts = append(s.starts, func() { s.cfg.Go(func() { s.run(c, ask) }) })
	return c
}

func (s *Set) run(c *check, ask func(context.Context, Address) (Role, error)) {
	others := len(s.Hosts()) - 1
	ctx, cancel := context.WithTimeout(s.ctx, firstTimeout+time.Duration(2*others)*patience)
	defer cancel()
	defer func() { // also if ask ends its goroutine
		s.mu.Lock()
		c.ended = time.Now()
		s.mu.Unlock()
		close(c.done)
	}()
	type nothing struct{}
	dial := func(ctx context.Context, a Address) (nothing, Role, error) {
		s.mu.Lock()
		s.counts.Probes++
		s.mu.Unlock()
		role, err := ask(ctx, a)
		return nothing{}, role, err
	}
	_, _, c.err = Dial(ctx, s, dial, func(nothing) {})
	if own, ok := c.err.(*OwnError); ok {
		c.err = own.Err
	}
}
