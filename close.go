package pooled

import (
	"errors"
	"io"
	"time"

	"github.com/pooled-go/pooled/internal/process"
)

// discard closes a server connection that was lent. It keeps its place in the
// count until it is closed for real, in the background: closing a dead
// connection can take longer than its user has time for.
func (p *Pool) discard(s *ServerConn, cause error) {
	if s.foreign() { // in no count of this process
		process.KeepAlive(s)
		return
	}
	s.busy = false
	defer p.retire(s, cause, false) // also if a hook panics
	p.goodbye(s, cause)
}

// retire closes a server connection that was lent, in the background unless the caller
// waits for the result.
func (p *Pool) retire(s *ServerConn, cause error, wait bool) error {
	p.mu.Lock()
	p.lent--
	p.retireLocked(s, cause)
	if wait || p.closed || p.dialect.embedded { // nobody would wait for a goroutine; no server that could be slow, and locks to be freed
		p.mu.Unlock()
		return p.closeServer(s)
	}
	p.goLocked(func() { p.closeServer(s) })
	p.mu.Unlock()
	return nil
}

// goLocked runs f on a goroutine that close waits for.
func (p *Pool) goLocked(f func()) {
	p.background++
	go func() {
		defer p.backgroundDone()
		f()
	}()
}

// goodbye runs the hooks of an end, before s is closed.
func (p *Pool) goodbye(s *ServerConn, cause error) {
	if s.foreign() {
		return
	}
	if invalidates(cause) {
		p.tellInvalid(s, cause)
	}
	for _, f := range p.hooks.close {
		f(s, cause)
	}
}

// tellInvalid runs the Invalidate hooks, once.
func (p *Pool) tellInvalid(s *ServerConn, cause error) {
	if s.invalid {
		return
	}
	s.invalid = true
	for _, f := range p.hooks.invalidate {
		f(s, cause)
	}
}

// goodbyeHere is goodbye on a goroutine of the pool's own.
func (p *Pool) goodbyeHere(s *ServerConn, cause error) {
	defer p.logPanic("close")
	p.goodbye(s, cause)
}

// retireLocked moves s, which the caller has taken from where it was, to closing.
func (p *Pool) retireLocked(s *ServerConn, cause error) {
	delete(p.all, s)
	p.unrestLocked(s)
	p.closing++
	p.counts.closed++
	switch {
	case cause == errRecycled || cause == errIdledOut:
		p.counts.recycled++
	case invalidates(cause) || s.retire != nil || s.doomed.Load() != nil:
		p.counts.invalidated++
	}
}

// closeServer closes s, which was retired, and gives its place up.
func (p *Pool) closeServer(s *ServerConn) error {
	defer p.logPanic("close the parent's connection")
	patience := time.AfterFunc(longClose, func() { p.closes(0, 1) })
	defer func() {
		long := 0
		if !patience.Stop() {
			long = -1
		}
		p.closes(-1, long)
	}()
	return s.close(p)
}

// longClose is how long a server connection that is being closed keeps its place: to say
// goodbye to a dead one can take minutes, and somebody may be waiting.
const longClose = time.Second

// closes counts the closing of a server connection.
func (p *Pool) closes(closing, long int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closing += closing
	p.closingLong += long
	p.dialLocked(p.ctx)
}

// closeIdleLocked closes a server connection that was just taken from the idle
// ones, in the background. errs, if not nil, is sent the result.
func (p *Pool) closeIdleLocked(s *ServerConn, cause error, errs chan<- error) {
	p.retireLocked(s, cause)
	p.goLocked(func() {
		p.goodbyeHere(s, cause)
		if err := p.closeServer(s); errs != nil {
			errs <- err
		}
	})
}

// dropIdleLocked closes an idle server connection, wherever among the others it is.
func (p *Pool) dropIdleLocked(s *ServerConn, cause error) {
	p.idle.remove(s)
	p.closeIdleLocked(s, cause, nil)
}

// closeAllIdleLocked closes the idle server connections for which doomed is true.
func (p *Pool) closeAllIdleLocked(cause error, doomed func(*ServerConn) bool) {
	for range p.idle.len() {
		if s := p.idle.popFront(); doomed(s) {
			p.closeIdleLocked(s, cause, nil)
		} else {
			p.idle.pushBack(s)
		}
	}
}

func (p *Pool) backgroundDone() {
	p.mu.Lock()
	p.background--
	p.signalDrainedLocked()
	p.mu.Unlock()
}

func (p *Pool) signalDrainedLocked() {
	if p.closed && p.background == 0 {
		select {
		case <-p.drained:
		default:
			close(p.drained)
		}
	}
}

// closeWait bounds how long Close waits for goroutines of the pool: a dial or a
// goodbye that hangs must not hang the program.
const closeWait = 5 * time.Second

// close closes what is idle and the parent connector, fails those in line, ends
// the dials, and waits for the pool's goroutines. Server connections in use are
// closed when they come back.
func (p *Pool) close() error {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return nil
	}
	p.closed = true
	p.unregister()
	p.histograms.rest()
	p.cancel()
	p.owed = 0
	p.recycleAlarm.stop()
	p.timeoutAlarm.stop()
	if p.leakTimer != nil {
		p.leakTimer.Stop()
	}
	for p.line.n > 0 {
		p.failHeadLocked(ErrClosed)
	}
	results := make(chan error, p.idle.len())
	for p.idle.len() > 0 {
		p.closeIdleLocked(p.idle.popFront(), nil, results)
	}
	p.signalDrainedLocked()
	p.mu.Unlock()

	timer := time.NewTimer(closeWait)
	defer timer.Stop()
	select {
	case <-p.drained:
	case <-timer.C:
	}
	var err error
	for len(results) > 0 {
		err = errors.Join(err, <-results)
	}
	if closer, ok := p.parent.(io.Closer); ok && !p.inherited {
		err = errors.Join(err, closer.Close())
	}
	return errors.Join(err, p.target.close())
}
