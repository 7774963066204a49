package pooled

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pooled-go/pooled/internal/callers"
	"github.com/pooled-go/pooled/internal/dsn"
	"github.com/pooled-go/pooled/internal/hosts"
	"github.com/pooled-go/pooled/internal/observe"
	"github.com/pooled-go/pooled/internal/opener"
	"github.com/pooled-go/pooled/internal/pool"
	"github.com/pooled-go/pooled/internal/serverconn"
	"github.com/pooled-go/pooled/internal/session"
	"github.com/pooled-go/pooled/internal/sqldb"
)

// Pool owns the server connections of one sql.Open, or of one Connector. Get it with [PoolOf], [PoolNamed] or
// [Connector.Pool]. Its methods may be called at any time, by several goroutines at once.
type Pool struct {
	// Pointers, so that a struct of a program's that has a Pool in a field can be printed without showing a DSN.
	cfg     *Config
	asked   *origin       // the configuration before it was made to suit the driver
	secrets *dsn.Redactor // of the DSNs that the pool has used

	// core leases the server connections, takes them back, and has them opened and closed.
	core *pool.Pool[*ServerConn]

	hosts *hosts.Set // where it connects to, and whether anybody is there

	driver *opener.Driver // the wrapped driver
	hooks  chain
	user   []Hooks            // the part of hooks that is not the pool's own
	shared *serverconn.Shared // what the server connections have in common

	number     int    // see Pools
	unregister func() // takes it out of Pools
	name       string // the program's or one made up
	above      *sqldb.Above
	journal    observe.Journal

	observers  observe.List[func(Timing, time.Duration)]
	histograms observe.Histograms[Timing]
	tally      tally

	// process is the one this pool belongs to, zero: no fork guard. successor is the pool in its place in a forked
	// child; inherited says that this is one.
	process   uint64
	successor atomic.Pointer[Pool]
	inherited bool

	reuse bool // false in class null

	first *opener.First // the server connection for which the FirstConnect hooks run

	resetRefused sync.Once // logs that

	// The server was asked for its idle limit, or for its role, or is being asked, where one answer is enough.
	idleAsked, roleAsked atomic.Bool

	closing atomic.Bool // close was called

	takenAt []uintptr // class assert: where the server connection was taken; guarded by the core's lock
}

// tally is what the core does not count.
type tally struct {
	resets          atomic.Uint64 // that sent something
	softInvalidated atomic.Uint64
	timeouts        atomic.Uint64
	canceled        atomic.Uint64
	forks           atomic.Uint64
	outageErrors    atomic.Uint64
	moved           atomic.Uint64 // statements that were sent to another server after a demotion
}

// checkout leases c a server connection, waiting for one if it must, until ctx or pool_timeout ends. What c gets has
// passed all checkout hooks. This is the common case, apart from what only a wait needs: one is idle, and nothing is
// wrong with it.
func (p *Pool) checkout(ctx context.Context, c *pooledConn) error {
	if err := ctx.Err(); err != nil { // before the hooks see it and fail
		return err
	}
	var began time.Time
	timed := !p.observers.Empty()
	if timed {
		began = time.Now()
	}
	var err error
	if slot := p.core.TryTake(c.turn); slot == nil {
		err = p.checkoutQueued(ctx, c, c.turn)
	} else if err = p.admit(ctx, c, slot.Value()); err != nil && errors.Is(err, ErrDisconnect) {
		err = p.checkoutQueued(ctx, c, slot.Turn())
	}
	if err == nil && timed {
		p.waited(c.server, began)
	}
	return err
}

// checkoutHeld is the checkout of the one that Connect gave c, which has not been used for long: it passes the guards
// again.
func (p *Pool) checkoutHeld(ctx context.Context, c *pooledConn, s *ServerConn) error {
	c.leave((*pooledStmt).park)
	if err := ctx.Err(); err != nil {
		c.turn = s.slot.Turn()
		p.putBack(s)
		return err
	}
	p.core.Again(&s.slot)
	began := p.clocked()
	err := p.admit(ctx, c, s)
	if errors.Is(err, ErrDisconnect) {
		err = p.checkoutQueued(ctx, c, s.slot.Turn())
	}
	if err == nil && !began.IsZero() {
		p.waited(c.server, began)
	}
	return err
}

// checkoutQueued is a checkout that found nothing idle, or nothing of use. turn is the caller's, if it was served
// before.
func (p *Pool) checkoutQueued(ctx context.Context, c *pooledConn, turn uint64) error {
	var since time.Time // when the wait began, zero: it did not
	for refused := 0; ; {
		if err := ctx.Err(); err != nil {
			return err
		}
		slot, err := p.core.Take(ctx, &since, turn)
		if err != nil {
			return p.waitError(ctx, err)
		}
		fresh := !slot.Used()
		if err = p.admit(ctx, c, slot.Value()); !errors.Is(err, ErrDisconnect) {
			return err
		}
		turn = slot.Turn()
		// The number of old ones is finite; new ones that are refused time and again are a fault in a hook.
		if fresh {
			refused++
		}
		if refused == maxRefused {
			// Without its reason: if that is driver.ErrBadConn, database/sql would try it all again.
			return &reasonError{is: ErrDisconnect, text: fmt.Sprintf(
				"pooled: checkout: Checkout hooks refused %d new connections in a row: %v", refused, p.secrets.Error(err))}
		}
	}
}

const maxRefused = 3

// admit gives s to c and runs what has to happen before it is used. If that fails, s is discarded; if it panics, by
// pooledConn.lostToPanic.
func (p *Pool) admit(ctx context.Context, c *pooledConn, s *ServerConn) error {
	c.server = s
	s.conn.Busy, s.checkingOut = true, true
	s.timed = false
	s.conn.StartLease(s.slot.Uses())
	guards := p.hooks.checkout
	if p.trusted(s) {
		guards = p.hooks.checkoutAgain
	} else {
		s.conn.Begin()
	}
	err := runUntilError(ctx, guards, s)
	if err == nil && s.conn.HasUnwanted() {
		err = dead(s.conn.CloseUnwanted(ctx))
	}
	s.conn.Busy, s.checkingOut = false, false
	if err != nil {
		c.server = nil
		p.discard(s, err)
		return err
	}
	s.slot.SetPassed()
	return nil
}

// assertFree is class assert's rule: nobody else has, or waits for, the server connection. A lease that was never used
// does not count.
func (p *Pool) assertFree(free bool) error {
	if !free {
		return &AssertError{Stack: session.FormatStack(p.takenAt)}
	}
	stack := make([]uintptr, 64)
	p.takenAt = stack[:callers.Into(stack)]
	return nil
}

// waitError is the error of a checkout that got nothing. The end of a wait is told to the hooks.
func (p *Pool) waitError(ctx context.Context, err error) error {
	end, ok := err.(*pool.WaitError[*ServerConn])
	if !ok {
		if p.isOutage(err) {
			p.tally.outageErrors.Add(1)
		}
		return err
	}
	wait := p.waitOf(end)
	if end.Canceled {
		return p.canceled(ctx, wait)
	}
	timeout := &TimeoutError{wait}
	p.tally.timeouts.Add(1)
	for _, f := range p.hooks.timeout {
		f(timeout)
	}
	return timeout
}

// canceled is the error of a wait that the caller's context ended.
func (p *Pool) canceled(ctx context.Context, wait Wait) error {
	err := &ContextError{Wait: wait, Ended: ctx.Err(), Cause: p.secrets.Error(context.Cause(ctx))}
	p.tally.canceled.Add(1)
	for _, f := range p.hooks.canceled {
		f(err)
	}
	mode := p.cfg.ContextErrors
	if mode == ContextErrorPlain || mode == ContextErrorQueue && wait.Phase == PhaseOpening {
		return err.Ended
	}
	return err
}

func (p *Pool) waitOf(e *pool.WaitError[*ServerConn]) Wait {
	size, overflow := p.cfg.Size, p.cfg.MaxOverflow
	if p.cfg.Class == ClassStatic || p.cfg.Class == ClassAssert {
		size, overflow = 1, 0
	}
	w := Wait{
		Pool: p.name, Phase: PhaseWaiting, Size: size, MaxOverflow: overflow,
		Address: p.secrets.Clean(e.Where), CheckedOut: e.Leased, Idle: e.Idle, Opening: e.Opening, Waiting: e.Waiting,
		Waited: e.Waited, Limit: p.cfg.Timeout, Err: e.Full,
	}
	if e.Phase == pool.PhaseOpening {
		w.Phase = PhaseOpening
	}
	if p.hosts.Gate() != nil {
		w.Phase = PhaseOutage
	}
	if w.Phase != PhaseWaiting {
		w.Hosts = p.Hosts()
	}
	for _, h := range e.Longest {
		w.Holders = append(w.Holders, p.holder(h))
	}
	return w
}
