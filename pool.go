package pooled

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ngrok/sqlmw"

	"github.com/pooled-go/pooled/internal/callers"
	"github.com/pooled-go/pooled/internal/process"
)

// Pool owns the server connections of one sql.Open (or one Connector). It is
// reached by [PoolOf] or [Connector.Pool]. All its methods may be called at any time.
//
// A server connection is always in exactly one place: idle, lent, being opened, or
// being closed; the four together never exceed the limit. This file lends them,
// checkin.go takes them back, dial.go opens and close.go closes them. What
// these and the other files with methods of the Pool share is under one lock.
type Pool struct {
	// Pointers, so that a struct of a program's that has a Pool in a field can be printed without showing a DSN.
	cfg     *Config
	asked   *origin   // the configuration before it was made to suit the parent
	secrets *redactor // of the DSNs that the pool has used

	parent  driver.Connector
	target  *target // where parent connects to; nil: not known
	dialect *dialect
	hooks   chain
	texts   textCount
	stmts   *stmtCaches                                        // nil: no statements are kept
	user    []Hooks                                            // the part of hooks that is not the pool's own
	refuses func(query string, args []driver.NamedValue) error // or nil

	number  int    // see Pools
	name    string // the program's or one made up
	journal journal

	interceptors []sqlmw.Interceptor // the program's, then echo

	observers       observers[func(Timing, time.Duration)]
	histograms      histograms
	resets          atomic.Uint64 // that sent something
	softInvalidated atomic.Uint64
	timeouts        atomic.Uint64
	waitsCanceled   atomic.Uint64
	forks           atomic.Uint64

	// process is the one this pool belongs to, zero: no fork guard. heir is the
	// pool in its place in a forked child; inherited says that this is one.
	process   uint64
	heir      atomic.Pointer[Pool]
	inherited bool

	limit int  // most server connections at one time, unlimited: no limit
	keep  int  // how many of them stay open when idle
	reuse bool // false in class null

	// ctx ends when the pool is closed; dials run under it.
	ctx    context.Context
	cancel context.CancelFunc

	spare sync.Pool // waiters

	// first is held by the dial that runs the FirstConnect hooks.
	first     chan struct{}
	firstDone atomic.Bool

	// idleLimit is how long a server connection may be idle before its own server
	// ends it, less a margin; 0: no limit is known.
	idleLimit atomic.Int64
	idleAsked atomic.Bool // the server was asked, or is being asked, where one answer is enough

	mu      sync.Mutex // guards all below; nothing that can block runs under it
	idle    deque
	line    line
	all     map[*ServerConn]struct{} // idle and lent
	lent    int
	resting int // class direct: of those lent, with Conns that database/sql keeps
	opening int
	closing int
	// closingLong is how many of those have been at it for longer than longClose.
	closingLong int
	closed      bool
	nextID      uint64
	counts      counters
	clock       clock

	generation atomic.Uint64 // how often the pool was disposed of; changed under mu
	losses     uint64        // how often a server connection was lost; see suspect

	// owed is how many server connections are to be opened in the place of those
	// that are due for their age.
	owed         int
	dueLeft      bool // some that are due wait for their turn
	recycleAlarm alarm

	connects connectLimit

	timeoutAlarm alarm // for the next in line whose pool_timeout is up

	// ceiling is how many server connections the server accepted before it
	// said "too many"; unlimited while it has not said so.
	ceiling      int
	ceilingErr   error
	ceilingProbe backoff

	sweepArmed   bool
	probeArmed   bool // the next try beyond the ceiling is set
	reclaimArmed bool
	reclaimPause backoff
	refillArmed  bool // a failed dial ahead of need is waiting for its next try
	refillPause  backoff

	background int           // goroutines of ours
	drained    chan struct{} // closed when background is zero and the pool closed

	takenAt []uintptr // class assert: where the server connection was taken

	leakArmed bool // the next look for leaks is set
	leakTimer *time.Timer
	holders   []lending // the longest, at holdersAt
	holdersAt moment
}

// newPool makes a pool that starts nothing before refill. The configuration is the
// pool's own, and valid; user is its named hooks and its hooks.
func newPool(parent driver.Connector, cfg Config, d *dialect, t *target, user []Hooks) *Pool {
	if d.embedded || cfg.Class == ClassNull { // nothing goes away, or grows old
		cfg.Recycle, cfg.PrePing = off, PingOff
	}
	p := &Pool{
		cfg:          &cfg,
		secrets:      &redactor{},
		parent:       parent,
		target:       t,
		dialect:      d,
		refuses:      sqliteGuard(parent),
		limit:        unlimited,
		keep:         cfg.Size,
		reuse:        true,
		first:        make(chan struct{}, 1),
		all:          make(map[*ServerConn]struct{}),
		clock:        clock{read: readClocks, resolution: coarsest},
		connects:     newConnectLimit(cfg.ConnectLimit),
		ceiling:      unlimited,
		ceilingProbe: backoff{first: time.Second, most: 30 * time.Second},
		reclaimPause: backoff{first: 10 * time.Millisecond, most: time.Second},
		refillPause:  backoff{first: time.Second, most: 30 * time.Second},
		drained:      make(chan struct{}),
	}
	if cfg.StmtCache > 0 {
		p.stmts = newStmtCaches(cfg.StmtCache)
	}
	p.user = user
	p.journal.secrets = p.secrets
	p.secrets.keep(configuredSecrets(cfg, t))
	p.interceptors = p.echoed(cfg.Interceptors)
	p.hooks = newChain(p.momentary(), p.guards(), slices.Concat(user, p.watchers()))
	if cfg.ForkGuard {
		p.process = process.ID()
	}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	switch cfg.Class {
	case ClassStatic, ClassAssert:
		p.limit, p.keep = 1, 1
	case ClassNull:
		p.keep, p.reuse = 0, false
	case ClassQueue:
		if cfg.Size < 0 {
			p.keep = unlimited
		} else if cfg.MaxOverflow >= 0 {
			p.limit = sum(cfg.Size, cfg.MaxOverflow)
		}
		if p.keep != unlimited && cfg.IdleTimeout > 0 {
			p.clock.serve(cfg.IdleTimeout)
		}
	}
	p.clock.serve(cfg.LeakAfter)
	if p.reuse {
		p.clock.serve(cfg.Recycle)
		p.clock.serve(cfg.PrePing)
	}
	return p
}

// momentary and guards are the built-in part of the chain, in its order: what costs
// least and forbids most comes first. The momentary guards would give the same answer
// again in the same moment, if nothing has happened since.
func (p *Pool) momentary() []Hooks {
	var list []Hooks
	if p.cfg.ForkGuard {
		list = append(list, forkGuard)
	}
	return append(list, p.recycleGuard(), p.livenessGuard())
}

func (p *Pool) guards() []Hooks {
	return []Hooks{resetSessionGuard, p.sessionGuard()}
}

// holds reports whether the momentary guards' last answer for s, which let it pass, is
// still true. They go by the coarse clock, which has not moved, and by what can change at any time,
// which is looked at here; but a socket has to be asked.
func (p *Pool) holds(s *ServerConn) bool {
	return s.passedTick == s.lentTick && s.losses == s.lossesAtLend && s.socket == nil &&
		s.generation == p.generation.Load() && !s.spent.Load() && s.process == p.process &&
		p.cfg.PrePing != PingAlways
}

// watchers are the part of the chain that only looks on, behind all others.
func (p *Pool) watchers() []Hooks {
	list := []Hooks{p.journal.hooks()}
	e := &echo{pool: p.Name, log: p.log, secrets: p.secrets}
	if p.cfg.EchoPool != EchoOff {
		list = append(list, e.poolHooks(p.cfg.EchoPool))
	}
	if p.cfg.LeakAfter != off {
		list = append(list, e.leakHooks())
	}
	return list
}

// unlimited stands for the absence of a limit.
const unlimited = int(^uint(0) >> 1)

// checkout lends c a server connection, waiting for one if it must, until ctx
// or pool_timeout ends. What c gets has passed all checkout hooks. This is the
// common case, apart from what only a wait needs: one is idle, and nothing is wrong with it.
func (p *Pool) checkout(ctx context.Context, c *Conn) error {
	if err := ctx.Err(); err != nil { // before the hooks see it and fail
		return err
	}
	var began time.Time
	timed := !p.observers.none()
	if timed {
		began = time.Now()
	}
	var err error
	if s := p.takeIdle(c.turn); s == nil {
		err = p.checkoutInLine(ctx, c, c.turn)
	} else if err = p.admit(ctx, c, s); err != nil && errors.Is(err, ErrDisconnect) {
		err = p.checkoutInLine(ctx, c, s.turn)
	}
	if err == nil && timed {
		p.waited(c.server, began)
	}
	return err
}

// checkoutHeld is the checkout of the one that Connect gave c, which has not been used for long: it passes the guards
// again.
func (p *Pool) checkoutHeld(ctx context.Context, c *Conn, s *ServerConn) error {
	c.leave((*Stmt).park)
	if err := ctx.Err(); err != nil {
		c.turn = s.turn
		p.putBack(s)
		return err
	}
	p.leaseAgain(s)
	began := p.clocked()
	err := p.admit(ctx, c, s)
	if errors.Is(err, ErrDisconnect) {
		err = p.checkoutInLine(ctx, c, s.turn)
	}
	if err == nil && !began.IsZero() {
		p.waited(c.server, began)
	}
	return err
}

// leaseAgain counts the lease of s, which has not been used, as one that begins now.
func (p *Pool) leaseAgain(s *ServerConn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.endUnusedLocked(s)
	p.lendLocked(s, s.turn)
}

// checkoutInLine is a checkout that found nothing idle, or nothing of use. turn is the caller's, if it was served
// before.
func (p *Pool) checkoutInLine(ctx context.Context, c *Conn, turn uint64) error {
	var since time.Time // when the wait began, zero: it did not
	for refused := 0; ; {
		if err := ctx.Err(); err != nil {
			return err
		}
		s, err := p.take(ctx, &since, turn)
		if err != nil {
			p.tellTimeout(err)
			return err
		}
		fresh := !s.used
		if err = p.admit(ctx, c, s); !errors.Is(err, ErrDisconnect) {
			return err
		}
		turn = s.turn
		// The number of old ones is finite; new ones that are refused time and
		// again are a fault in a hook.
		if fresh {
			refused++
		}
		if refused == maxRefused {
			return &refusedError{refused, p.secrets.cleanError(err)}
		}
	}
}

func (p *Pool) tellTimeout(err error) {
	if timeout, ok := err.(*TimeoutError); ok {
		p.timeouts.Add(1)
		p.nameHolders(timeout)
		for _, f := range p.hooks.timeout {
			f(timeout)
		}
	}
}

// nameHolders runs without the lock: to read a stack takes long.
func (p *Pool) nameHolders(e *TimeoutError) {
	for _, h := range e.held {
		e.Holders = append(e.Holders, p.heldFor(h))
	}
	e.held = nil
}

const maxRefused = 3

// refusedError has no Unwrap: if the hook's reason is driver.ErrBadConn, database/sql
// would try it all again.
type refusedError struct {
	times int
	last  error
}

func (e *refusedError) Error() string {
	return fmt.Sprintf("pooled: checkout: %d new server connections in a row were refused: %v", e.times, e.last)
}

func (e *refusedError) Is(target error) bool { return target == ErrDisconnect }

// admit lends s to c and runs what has to happen before it is used. If that
// fails, s is discarded; if it panics, by Conn.lostToPanic.
func (p *Pool) admit(ctx context.Context, c *Conn, s *ServerConn) error {
	c.server = s
	s.busy, s.lending = true, true
	guards := p.hooks.checkout
	if p.holds(s) {
		guards = p.hooks.checkoutAgain
	} else {
		s.noStatementYet()
	}
	err := runUntilError(ctx, guards, s)
	if len(s.parked) > 0 && err == nil {
		err = s.sweep(ctx, p)
	}
	s.busy, s.lending = false, false
	if err != nil {
		c.server = nil
		p.discard(s, err)
		return err
	}
	s.passedTick = s.lentTick
	return nil
}

// takeIdle takes an idle server connection, or nil if take has more to do.
func (p *Pool) takeIdle(turn uint64) *ServerConn {
	p.mu.Lock()
	if p.idle.len() <= p.cfg.MinIdle || p.cfg.Class == ClassAssert {
		p.mu.Unlock()
		return nil
	}
	s := p.idle.pop(p.cfg.UseLIFO)
	p.lendLocked(s, turn)
	p.mu.Unlock()
	return s
}

// lendLocked counts s as lent, and notes for the guards what they go by: they run
// without the lock. turn is the caller's, 0: this is the first time that it is served.
func (p *Pool) lendLocked(s *ServerConn, turn uint64) {
	p.lent++
	p.counts.checkouts++
	if s.turn = turn; turn == 0 {
		s.turn = p.counts.checkouts
	}
	s.uses++
	s.lentAt = p.nowLocked()
	if p.cfg.LeakAfter != off {
		p.armLeakLocked(p.cfg.LeakAfter)
	}
	s.lentTick = p.clock.ticks.Load()
	s.lossesAtLend = p.losses
}

// take takes an idle server connection or stands in line for one.
func (p *Pool) take(ctx context.Context, since *time.Time, turn uint64) (*ServerConn, error) {
	p.mu.Lock()
	if p.cfg.Class == ClassAssert {
		if err := p.assertFreeLocked(); err != nil {
			p.mu.Unlock()
			return nil, err
		}
	}
	if p.idle.len() > 0 {
		s := p.idle.pop(p.cfg.UseLIFO)
		p.lendLocked(s, turn)
		p.dialLocked(ctx) // another in its place, for pool_min_idle
		p.mu.Unlock()
		return s, nil
	}
	if err := p.refusalLocked(); err != nil {
		p.mu.Unlock()
		return nil, err
	}
	if since.IsZero() {
		*since = time.Now()
	}
	w := p.newWaiter(ctx, *since, turn)
	p.line.add(w)
	p.counts.waits++
	p.armTimeoutLocked(w)
	p.dialLocked(ctx)
	p.armReclaimLocked()
	p.mu.Unlock()
	s, err := p.wait(ctx, w)
	p.freeWaiter(w)
	return s, err
}

// refusalLocked is the error of a checkout that may not even stand in line.
func (p *Pool) refusalLocked() error {
	if p.closed {
		return ErrClosed
	}
	// Without a wait, only a place that is free and promised to nobody will do.
	// One that is being closed is as good as free: a stale connection that this
	// caller has just met must not become its error.
	promised := max(p.opening, p.line.n)
	if p.cfg.Timeout == 0 && p.establishedLocked()+promised >= p.capacityLocked() {
		return p.timeoutErrorLocked(PhaseWaiting, 0, p.line.n+1)
	}
	return nil
}

// assertFreeLocked is class assert's rule: nobody else has, or waits for, the
// server connection. A borrow that was never used does not count.
func (p *Pool) assertFreeLocked() error {
	if p.lent+p.line.n > 0 && !p.reclaimLocked() {
		return &AssertError{Stack: formatStack(p.takenAt)}
	}
	stack := make([]uintptr, 64)
	p.takenAt = stack[:callers.Into(stack)]
	return nil
}

// wait waits for a delivery, which pool_timeout's end is too, or the end of ctx.
func (p *Pool) wait(ctx context.Context, w *waiter) (*ServerConn, error) {
	select {
	case <-w.ready:
		return w.server, w.err
	case <-ctx.Done():
		return nil, p.canceled(ctx, w)
	}
}

// canceled is the end of a wait by the caller's context. Its error is the context's, as it is, which tells nobody
// that it was the pool that had nothing to give; so the hooks are told.
func (p *Pool) canceled(ctx context.Context, w *waiter) error {
	if s := p.leave(w); s != nil {
		p.putBack(s) // delivered at the very moment it gave up
	}
	p.waitsCanceled.Add(1)
	p.mu.Lock()
	state := p.timeoutErrorLocked(p.phaseLocked(), time.Since(w.since), p.line.n+1)
	p.mu.Unlock()
	p.nameHolders(state)
	err := fmt.Errorf("%w: %s", context.Cause(ctx), state.figures())
	for _, f := range p.hooks.canceled {
		f(err)
	}
	return ctx.Err()
}

// phaseLocked is what those in line wait for.
func (p *Pool) phaseLocked() Phase {
	if p.opening > 0 && p.line.n <= p.opening {
		return PhaseOpening
	}
	return PhaseWaiting
}

// leave takes a waiter that gave up off the line. If it was delivered to
// meanwhile, it returns what it got.
func (p *Pool) leave(w *waiter) *ServerConn {
	p.mu.Lock()
	queued := w.queued
	if queued {
		p.line.remove(w)
	}
	p.mu.Unlock()
	if queued {
		return nil
	}
	<-w.ready
	return w.server
}

// waitLimit is pool_timeout as an end of a wait, negative: none.
func (p *Pool) waitLimit() time.Duration {
	if p.cfg.Timeout == 0 {
		return dialTimeout // it waits for nothing but its own dial
	}
	return p.cfg.Timeout
}

// armTimeoutLocked sees to it that w's wait ends in time. One timer serves the whole queue: to set and stop one for
// each waiter would cost more than the rest of a wait.
func (p *Pool) armTimeoutLocked(w *waiter) {
	if limit := p.waitLimit(); limit >= 0 {
		p.timeoutAlarm.set(w.since.Add(limit), p.endWaits)
	}
}

// endWaits ends the waits whose time is up. Behind the first that was not served before, all came later than those
// before them.
func (p *Pool) endWaits() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.timeoutAlarm.at = time.Time{}
	now := time.Now()
	for w := p.line.head; w != nil; {
		next := w.next
		if waited := now.Sub(w.since); waited >= p.waitLimit() {
			w.err = p.timeoutErrorLocked(p.phaseLocked(), waited, p.line.n)
			p.line.remove(w)
			w.ready <- struct{}{}
		} else if p.armTimeoutLocked(w); w.turn == 0 {
			return
		}
		w = next
	}
}

func (p *Pool) timeoutErrorLocked(phase Phase, waited time.Duration, waiting int) *TimeoutError {
	size, overflow := p.cfg.Size, p.cfg.MaxOverflow
	if p.cfg.Class == ClassStatic || p.cfg.Class == ClassAssert {
		size, overflow = 1, 0
	}
	return &TimeoutError{
		Pool: p.name, Phase: phase, Size: size, MaxOverflow: overflow,
		CheckedOut: p.lent, Idle: p.idle.len(), Opening: p.opening, Waiting: waiting,
		Waited: waited, Limit: p.cfg.Timeout, Err: p.ceilingErr, held: p.holdersLocked(),
	}
}

// establishedLocked counts what is open and will come back.
func (p *Pool) establishedLocked() int { return p.idle.len() + p.lent }

// totalLocked counts all that takes a place at the server.
// One that takes long to close is not waited for.
func (p *Pool) totalLocked() int {
	return p.establishedLocked() + p.opening + p.closing - p.closingLong
}

func (p *Pool) capacityLocked() int { return min(p.limit, p.ceiling) }
