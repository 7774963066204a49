package pooled

import (
	"errors"
	"fmt"

	"github.com/pooled-go/pooled/internal/observe"
	"github.com/pooled-go/pooled/internal/process"
)

// discard closes a server connection that was leased. It keeps its place in the count until it is closed for real, in
// the background: closing a dead connection can take longer than its user has time for.
func (p *Pool) discard(s *ServerConn, cause error) {
	if s.foreign() { // in no count of this process
		process.KeepAlive(s)
		return
	}
	s.conn.Busy = false
	defer p.core.Discard(&s.slot, cause, false) // also if a hook panics
	p.fireClose(s, cause)
}

// fireClose runs the hooks of an end, before s is closed.
func (p *Pool) fireClose(s *ServerConn, cause error) {
	if s.foreign() {
		return
	}
	if invalidates(cause) {
		p.fireInvalidate(s, cause)
	}
	for _, f := range p.hooks.close {
		f(s, cause)
	}
}

// fireInvalidate runs the Invalidate hooks, once.
func (p *Pool) fireInvalidate(s *ServerConn, cause error) {
	if s.invalid {
		return
	}
	s.invalid = true
	for _, f := range p.hooks.invalidate {
		f(s, cause)
	}
}

// panicked logs what the core recovered from, and makes an error of it.
func (p *Pool) panicked(during string, v any) error {
	switch during {
	case "open":
		p.eventLog().Panicked("pooled: panic while opening a connection", v)
		return p.secrets.Error(fmt.Errorf("pooled: open connection: panic: %v", v))
	case "leave", "close":
		p.eventLog().Panicked("pooled: a hook or an observer panicked", v, "event", observe.EventClose)
	default:
		p.eventLog().Panicked("pooled: panic", v, "during", during)
	}
	return nil
}

// close closes what is idle and the wrapped driver's connector, fails those in the queue, ends the dials, and waits
// for the pool's goroutines. Server connections in use are closed when they come back.
func (p *Pool) close() error {
	if p.closing.Swap(true) {
		return nil
	}
	p.unregister()
	p.histograms.End()
	p.hosts.Close()
	err := p.core.Close()
	if !p.inherited {
		err = errors.Join(err, p.driver.CloseConnector())
	}
	return errors.Join(err, p.driver.Close())
}

// detach takes s out of the pool's count.
func (p *Pool) detach(s *ServerConn) {
	if s.slot.Detached() {
		return
	}
	p.endUse(s)
	p.core.Detach(&s.slot)
	for _, f := range p.hooks.detach {
		f(s)
	}
}

// closeAside closes what was put aside in a lease, in the background: that can take longer than its user has time for.
func (p *Pool) closeAside(aside []*ServerConn) {
	for _, s := range aside {
		closing := func() {
			defer p.logPanic("close")
			defer s.close()
			p.fireClose(s, s.conn.Cause)
		}
		if p.driver.Dialect.Embedded || s.foreign() {
			closing()
		} else {
			p.core.Go(closing)
		}
	}
}

// closeDetached closes a server connection that is no longer the pool's.
func (p *Pool) closeDetached(s *ServerConn, cause error) (err error) {
	s.conn.Busy = false
	defer func() { err = s.close() }() // also if a hook panics
	p.fireClose(s, cause)
	return nil
}

// Dispose closes all server connections: idle ones at once, in the background, and those in use when they are returned.
// The pool remains usable and opens new ones. Call it after a password or a host has changed, and wherever you would
// call SQLAlchemy's Engine.dispose.
//
// In a forked child it does not touch the server connections of the parent process.
func (p *Pool) Dispose() {
	p = p.current()
	for _, f := range p.hooks.dispose {
		f()
	}
	p.core.Dispose()
}
