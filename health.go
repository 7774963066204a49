package pooled

import (
	"context"
	"time"
)

// Health is what a pool knows of its server and of itself at one moment. It tells a server that is gone from a pool
// that is busy.
type Health struct {
	// Reachable: a server that fits pool_target answers.
	Reachable bool
	// Role says whether that server takes writes. RoleUnknown: it can't tell, or the pool had no reason to ask.
	Role Role
	// Saturated: all connections that the pool may open are in use, or the server accepts no more. That is no fault of
	// the server's.
	Saturated   bool
	Waiting     int           // callers in the queue
	LongestWait time.Duration // of those in the queue now
	// OutageSince is when the outage began, zero: there is none.
	OutageSince time.Time
	// Err is why no server can be reached, or why the server refuses the pool; nil: Reachable.
	Err error
	// Hosts is what is known of each server.
	Hosts []Host
}

// Health tells whether the server can be reached, and how busy the pool is. It never stands in the pool's queue.
//
// It sends nothing if a connection was returned or opened in good order within the last second, during an outage, and
// if the database is in the process (SQLite). Otherwise it opens a connection of its own, asks for the server's role,
// and closes it, for all who ask within a second. This connection does not count against the pool's limit, and its
// Connect hooks are not called; if no server can be reached by it, an outage begins, as with any other. Health blocks
// until it is open or ctx ends, which is Err then, while the server may only be slow.
func (p *Pool) Health(ctx context.Context) Health {
	p = p.current()
	c := p.core.Stats()
	h := Health{
		Saturated: c.Idle == 0 && c.InUse >= min(c.Limit, c.Ceiling), Waiting: c.Waiting, LongestWait: p.core.FirstWaited(),
	}
	if p.hosts.Gate() == nil && !p.core.Closed() && !p.seenLately() {
		h.Err = p.secrets.Error(p.hosts.Check(ctx, p.checkHost))
	}
	if h.Err != nil && c.Idle+c.InUse > 0 && p.driver.Dialect.TooManyConns(h.Err) {
		h.Err, h.Saturated = nil, h.Saturated || c.Idle == 0
	}
	if o := p.hosts.Gate(); o != nil {
		h.OutageSince, h.Err = o.Since, p.secrets.Error(o.Err)
	}
	if p.core.Closed() {
		h.Err = ErrClosed
	}
	h.Reachable, h.Role, h.Hosts = h.Err == nil, Role(p.hosts.Role().String()), p.Hosts()
	return h
}

// seenLately tells whether it is certain enough that a server is there.
func (p *Pool) seenLately() bool {
	ago, ok := p.core.LastReturned()
	return p.driver.Dialect.Embedded || ok && ago < time.Second || p.hosts.UpWithin(time.Second)
}
