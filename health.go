package pooled

import (
	"context"
	"time"

	"github.com/pooled-go/pooled/internal/hosts"
)

// Health is what a pool knows of its server and of itself at one moment. It tells a server that is gone from a pool
// that is busy.
type Health struct {
	// Reachable: a server that fits pool_target answers.
	Reachable bool
	// Role says whether that server takes writes. Servers that can't tell are RoleUnknown.
	Role Role
	// Saturated: all connections that the pool may open are in use. That is no fault of the server's.
	Saturated   bool
	Waiting     int           // callers in the queue
	LongestWait time.Duration // of those in the queue now
	// OutageSince is when the outage began, zero: there is none.
	OutageSince time.Time
	// Err is why no server can be reached, nil if one can be.
	Err error
	// Hosts is what is known of each server.
	Hosts []Host
}

// seen is for how long it counts that a server was seen.
const seen = time.Second

// Health tells whether the server can be reached, and how busy the pool is. It never stands in the pool's queue. If a
// connection was returned or opened in good order within the last second, or if there is an outage, it sends nothing.
// Otherwise it opens a connection of its own, which does not count against the pool's limit, and closes it: this blocks
// until ctx ends. In class direct, and with SQLite, it is the same, but that a database in the process is always
// reachable.
func (p *Pool) Health(ctx context.Context) Health {
	p = p.current()
	h := p.loadOf()
	switch o := p.hosts.Gate(); {
	case p.core.Closed():
		h.Err = ErrClosed
	case o != nil:
		h.OutageSince, h.Err = o.Since, p.secrets.Error(o.Err)
	case !p.driver.Dialect.Embedded && !p.seenLately():
		_, h.Err = p.hosts.Check(ctx, p.askHost)
	}
	h.Reachable = h.Err == nil
	h.Role = Role(p.hosts.Role().String())
	h.Hosts = p.Hosts()
	return h
}

// loadOf is how busy the pool is.
func (p *Pool) loadOf() Health {
	c := p.core.Stats()
	limit := min(c.Limit, c.Ceiling)
	return Health{
		Saturated: c.Idle == 0 && c.InUse >= limit, Waiting: c.Waiting, LongestWait: p.core.FirstWaited(),
	}
}

// seenLately tells whether it is certain enough that a server is there.
func (p *Pool) seenLately() bool {
	ago, ok := p.core.LastReturned()
	return ok && ago < seen || p.hosts.UpWithin(seen)
}

// askHost is a look at a host that also asks for its role, if that can be told.
func (p *Pool) askHost(ctx context.Context, a hosts.Address) (hosts.Role, error) {
	return p.checkHost(ctx, a, true)
}
