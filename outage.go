package pooled

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/pooled-go/pooled/internal/hosts"
	"github.com/pooled-go/pooled/internal/observe"
	"github.com/pooled-go/pooled/internal/visible"
)

// ErrServerDown is found by errors.Is in every *[OutageError].
var ErrServerDown = errors.New("pooled: the server is down")

// Outage is a time in which no server could be connected to that fits.
type Outage struct {
	Since  time.Time     // when the first connection could not be opened, or the server was demoted
	Took   time.Duration // so far, or in all
	Probes int           // connections that the pool has tried to open since, on nobody's account
	Err    error         // the last error of opening a connection
}

// Outage returns the outage of this moment, if there is one.
func (p *Pool) Outage() (o Outage, is bool) {
	p = p.current()
	if now := p.hosts.Gate(); now != nil {
		return p.outage(*now), true
	}
	return Outage{}, false
}

// OutageError is returned, unwrapped, by an operation that needs a new connection while no server can be reached, once
// pool_outage_wait is over. Nothing was sent, and nothing was dialed for this operation: the pool goes on looking for
// the server in the background.
//
// With errors.Is and errors.As you find in it [ErrServerDown] and the last error of opening a connection, such as a
// *net.OpError. It never matches driver.ErrBadConn, so database/sql does not try again.
type OutageError struct {
	Pool string
	Outage
	Hosts []Host

	of *Pool
}

// Error is one line.
func (e *OutageError) Error() string {
	text := fmt.Sprintf("pooled: pool %q: %s for %v (%d probes): %v",
		e.Pool, noServer(e.Err), e.Took.Round(time.Millisecond), e.Probes, textOf(e.Err))
	if list := hostsLine(e.Hosts); len(e.Hosts) > 1 {
		text += "; " + list
	}
	return visible.Line(text)
}

// Is makes errors.Is(err, ErrServerDown) true.
func (e *OutageError) Is(target error) bool { return target == ErrServerDown }

// Unwrap is Err, unless that is driver.ErrBadConn.
func (e *OutageError) Unwrap() error {
	if errors.Is(e.Err, driver.ErrBadConn) {
		return nil
	}
	return e.Err
}

// noServer says what there is not, by the last error of opening a connection.
func noServer(err error) string {
	if isRoleError(err) {
		return "no server has the role that is needed"
	}
	return "no server can be reached"
}

func isRoleError(err error) bool { return errors.As(err, new(*hosts.RoleError)) }

// hostsLine is what is known of hosts, for an error.
func hostsLine(list []Host) string {
	texts := make([]string, len(list))
	for i, h := range list {
		texts[i] = fmt.Sprintf("%s %s for %v", h.shown(), h.State, time.Since(h.Since).Round(time.Millisecond))
	}
	return strings.Join(texts, ", ")
}

func (h *Host) shown() string {
	if h.Address == "" || h.Address == h.Name {
		return h.Name
	}
	return h.Name + " (" + h.Address + ")"
}

// gate tells the core whether connections can be opened, and if not, why callers must not wait for that.
func (p *Pool) gate() (open bool, refusal error) {
	o := p.hosts.Gate()
	switch {
	case o == nil:
		return true, nil
	case o.Over || p.cfg.Timeout == 0:
		return false, p.outageError(*o)
	}
	return false, nil
}

func (p *Pool) outageError(o hosts.Outage) *OutageError {
	return &OutageError{Pool: p.name, Outage: p.outage(o), Hosts: p.knownHosts(), of: p}
}

func (p *Pool) outage(o hosts.Outage) Outage {
	return Outage{Since: o.Since, Took: time.Since(o.Since), Probes: o.Probes, Err: p.secrets.Error(o.Err)}
}

// down is the error of a connection that could not be opened, for a caller that must not wait, or to be waited out.
func (p *Pool) down(err *hosts.DownError) error {
	if o := p.hosts.Gate(); o != nil {
		return p.outageError(*o)
	}
	return p.outageError(hosts.Outage{Since: time.Now(), Err: err.Err}) // it is over already
}

// isOutage recognises the errors after which callers stay in the queue. A hook may return that of another pool.
func (p *Pool) isOutage(err error) bool {
	var outage *OutageError
	return errors.As(err, &outage) && outage.of == p
}

// waitOut waits for the end of an outage, in class direct: there is no queue. It is over, or it has an error.
func (p *Pool) waitOut(ctx context.Context) error {
	o, err := p.hosts.Wait(ctx)
	switch {
	case o != nil:
		return p.outageError(*o)
	case err == hosts.ErrClosed:
		return ErrClosed
	}
	return err
}

// outageBegan tells all who want to know. The log has one line for it, and none for each probe.
func (p *Pool) outageBegan(began hosts.Outage) {
	defer p.logPanic(observe.EventOutageBegan)
	o, at := p.outage(began), hostsLine(p.Hosts())
	if isRoleError(o.Err) {
		p.log().Warn("pooled: no server has the role that is needed; callers wait for up to pool_outage_wait",
			"pool", p.name, "hosts", at, "err", o.Err)
	} else {
		p.log().Warn("pooled: no server can be reached; callers wait for up to pool_outage_wait",
			"pool", p.name, "hosts", at, "err", o.Err)
	}
	for _, f := range p.hooks.outageBegan {
		f(o)
	}
}

func (p *Pool) outageEnded(ended hosts.Outage, took time.Duration) {
	defer p.logPanic(observe.EventOutageEnded)
	o, at := p.outage(ended), hostsLine(p.Hosts())
	o.Took = took
	if ended.Settled {
		p.log().Warn("pooled: no server takes writes; connections are opened to one that takes none",
			"pool", p.name, "hosts", at, "took_ms", took.Milliseconds(), "probes", o.Probes)
	} else {
		p.log().Warn("pooled: a server can be reached again",
			"pool", p.name, "hosts", at, "took_ms", took.Milliseconds(), "probes", o.Probes)
	}
	for _, f := range p.hooks.outageEnded {
		f(o)
	}
}
