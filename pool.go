package pooled

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"sync"
	"time"
)

// Pool owns the server connections of one sql.Open (or one Connector). It is
// reached by [PoolOf] or [Connector.Pool]. All its methods may be called at any time.
//
// This is the only file with a lock on the way of a checkout. A server
// connection is always in exactly one place: idle, lent, being opened, or being
// closed; the four together never exceed the limit.
type Pool struct {
	cfg     Config
	parent  driver.Connector
	dialect *dialect
	hooks   chain
	texts   textCount
	refuses func(query string, args []driver.NamedValue) error // or nil

	limit int  // most server connections at one time, unlimited: no limit
	keep  int  // how many of them stay open when idle
	reuse bool // false in class null

	// ctx ends when the pool is closed; dials run under it.
	ctx    context.Context
	cancel context.CancelFunc

	spare sync.Pool // waiters

	mu      sync.Mutex // guards all below; nothing that can block runs under it
	idle    deque
	line    line
	all     map[*ServerConn]struct{} // idle and lent
	lent    int
	opening int
	closing int
	closed  bool
	nextID  uint64
	counts  counters

	// ceiling is how many server connections the server accepted before it
	// said "too many"; unlimited while it has not said so.
	ceiling      int
	ceilingErr   error
	ceilingProbe backoff

	sweepArmed   bool
	tick         uint64 // advances with each sweep: a clock that costs nothing to read
	probeArmed   bool   // the next try beyond the ceiling is set
	reclaimArmed bool
	reclaimPause backoff
	refillArmed  bool // a failed dial ahead of need is waiting for its next try
	refillPause  backoff

	background int           // goroutines of ours
	drained    chan struct{} // closed when background is zero and the pool closed

	takenAt []uintptr // class assert: where the server connection was taken
}

func newPool(parent driver.Connector, cfg Config, d *dialect) *Pool {
	p := &Pool{
		cfg:          cfg,
		parent:       parent,
		dialect:      d,
		hooks:        newChain(cfg.Hooks, resetSessionGuard, resetGuard(d, cfg.ResetOnReturn)),
		refuses:      sqliteGuard(parent),
		limit:        unlimited,
		keep:         cfg.Size,
		reuse:        true,
		all:          make(map[*ServerConn]struct{}),
		ceiling:      unlimited,
		ceilingProbe: backoff{first: time.Second, most: 30 * time.Second},
		reclaimPause: backoff{first: 10 * time.Millisecond, most: time.Second},
		refillPause:  backoff{first: time.Second, most: 30 * time.Second},
		drained:      make(chan struct{}),
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
			p.limit = cfg.Size + cfg.MaxOverflow
		}
		p.refill()
	}
	return p
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
	s := p.takeIdle()
	if s == nil {
		return p.checkoutInLine(ctx, c, 0)
	}
	err := p.admit(ctx, c, s)
	if errors.Is(err, ErrDisconnect) {
		return p.checkoutInLine(ctx, c, 1)
	}
	return err
}

// checkoutInLine is a checkout that found nothing idle, or nothing of use.
func (p *Pool) checkoutInLine(ctx context.Context, c *Conn, refused int) error {
	var since time.Time // when the wait began, zero: it did not
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		s, err := p.take(ctx, &since, refused > 0)
		if err != nil {
			return err
		}
		fresh := !s.used
		if err = p.admit(ctx, c, s); !errors.Is(err, ErrDisconnect) {
			return err
		}
		// The number of old ones is finite; new ones that are refused time and
		// again are a fault in a hook.
		if refused++; fresh && refused > maxRefused {
			return fmt.Errorf("pooled: checkout: %d server connections in a row were refused: %w", refused, err)
		}
	}
}

const maxRefused = 3

// admit lends s to c and runs what has to happen before it is used. If that
// fails, s is discarded. If a hook panics, c has s all the same, marked busy,
// and discards it when database/sql gets it back: it is not lost from the count.
func (p *Pool) admit(ctx context.Context, c *Conn, s *ServerConn) error {
	c.server = s
	s.busy = true
	err := runUntilError(ctx, p.hooks.checkout, s)
	if len(s.parked) > 0 && err == nil {
		err = s.sweep(&p.texts)
	}
	s.busy = false
	if err != nil {
		c.server = nil
		p.discard(s, err)
	}
	return err
}

// takeIdle takes an idle server connection, or nil if take has more to do.
func (p *Pool) takeIdle() *ServerConn {
	p.mu.Lock()
	var s *ServerConn
	if p.idle.len() > p.cfg.MinIdle && p.cfg.Class != ClassAssert {
		s = p.lendIdleLocked()
	}
	p.mu.Unlock()
	return s
}

func (p *Pool) lendIdleLocked() *ServerConn {
	p.lent++
	p.counts.checkouts++
	if p.cfg.UseLIFO {
		return p.idle.popBack()
	}
	return p.idle.popFront()
}

// take takes an idle server connection or stands in line for one.
func (p *Pool) take(ctx context.Context, since *time.Time, again bool) (*ServerConn, error) {
	p.mu.Lock()
	if p.cfg.Class == ClassAssert {
		if err := p.assertFreeLocked(); err != nil {
			p.mu.Unlock()
			return nil, err
		}
	}
	if p.idle.len() > 0 {
		s := p.lendIdleLocked()
		p.dialLocked(ctx) // another in its place, for pool_min_idle
		p.mu.Unlock()
		return s, nil
	}
	if err := p.refusalLocked(); err != nil {
		p.mu.Unlock()
		return nil, err
	}
	w := p.newWaiter(ctx)
	if again {
		p.line.pushFront(w)
	} else {
		p.line.pushBack(w)
	}
	p.counts.waits++
	p.dialLocked(ctx)
	p.armReclaimLocked()
	p.mu.Unlock()
	if since.IsZero() {
		*since = time.Now()
	}
	s, err := p.wait(ctx, w, *since)
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
		p.counts.timeouts++
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
	p.takenAt = stack[:runtime.Callers(3, stack)]
	return nil
}

// wait waits for a delivery, the end of ctx, or pool_timeout since then.
func (p *Pool) wait(ctx context.Context, w *waiter, since time.Time) (*ServerConn, error) {
	var timeout <-chan time.Time
	if limit := p.cfg.Timeout; limit >= 0 {
		if limit == 0 {
			limit = dialTimeout // it waits for nothing but its own dial
		}
		timeout = w.expires(time.Until(since.Add(limit)))
		defer w.timer.Stop()
	}
	select {
	case <-w.ready:
		return w.server, w.err
	case <-ctx.Done():
		if s := p.leave(w); s != nil {
			p.putBack(s) // delivered at the very moment it gave up
		}
		return nil, ctx.Err()
	case <-timeout:
		return p.timedOut(w, since)
	}
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

func (p *Pool) timedOut(w *waiter, since time.Time) (*ServerConn, error) {
	p.mu.Lock()
	if !w.queued { // delivered at the very moment
		p.mu.Unlock()
		<-w.ready
		return w.server, w.err
	}
	phase := PhaseWaiting
	if p.opening > 0 && p.line.n <= p.opening {
		phase = PhaseOpening
	}
	err := p.timeoutErrorLocked(phase, time.Since(since), p.line.n)
	p.line.remove(w)
	p.counts.timeouts++
	p.mu.Unlock()
	return nil, err
}

func (p *Pool) timeoutErrorLocked(phase Phase, waited time.Duration, waiting int) error {
	return &TimeoutError{
		Pool: p.cfg.Name, Phase: phase, Size: p.cfg.Size, MaxOverflow: p.cfg.MaxOverflow,
		CheckedOut: p.lent, Idle: p.idle.len(), Opening: p.opening, Waiting: waiting,
		Waited: waited, Limit: p.cfg.Timeout, Err: p.ceilingErr,
	}
}

// checkin takes a server connection back: it is reset, and then the next in line
// has it, or it is laid down idle. One that can't be used again is closed.
func (p *Pool) checkin(s *ServerConn) {
	if err := p.release(s); err != nil {
		p.discard(s, err)
		return
	}
	p.putBack(s)
}

var errBroken = errors.New("pooled: the connection is broken")

// release does what has to happen when a server connection comes back, and says
// why it can't be used again.
func (p *Pool) release(s *ServerConn) error {
	if !s.usable() {
		return errBroken
	}
	s.used = true
	dirty := s.mayHoldTx()
	if !dirty && !p.hooks.userOnReturn && len(s.parked) == 0 {
		return nil
	}
	err := p.runRelease(s, dirty || p.hooks.userOnReturn)
	if err == nil && dirty && !s.usable() {
		err = errBroken
	}
	return err
}

// runRelease runs the hooks of a return, those of the reset only if one of them
// has something to do. If one panics, s is discarded and not lost from the count; the
// panic goes on.
func (p *Pool) runRelease(s *ServerConn, reset bool) (err error) {
	s.busy = true
	defer func() {
		if s.busy {
			p.discard(s, errPanicked)
		}
	}()
	if reset {
		err = p.reset(s)
	}
	if err == nil {
		err = s.sweep(&p.texts)
	}
	if err == nil {
		for _, f := range p.hooks.checkin {
			f(s)
		}
	}
	s.busy = false
	return err
}

var errPanicked = errors.New("pooled: a hook panicked")

// reset runs the reset hooks under their own deadline.
func (p *Pool) reset(s *ServerConn) error {
	if len(p.hooks.reset) == 0 {
		return nil
	}
	ctx, cancel := context.Background(), context.CancelFunc(func() {})
	if p.cfg.ResetTimeout > 0 {
		ctx, cancel = context.WithTimeout(ctx, p.cfg.ResetTimeout)
	}
	defer cancel()
	return runUntilError(ctx, p.hooks.reset, s)
}

// putBack gives a clean server connection to the next in line, or lays it down.
func (p *Pool) putBack(s *ServerConn) {
	p.mu.Lock()
	if p.closed || !p.reuse || p.line.n == 0 && p.cfg.IdleTimeout == 0 && p.establishedLocked() > p.keep {
		p.mu.Unlock()
		p.discard(s, nil)
		return
	}
	p.lent--
	p.placeLocked(s)
	p.mu.Unlock()
}

// placeLocked gives s to the head of the line, or lays it down idle.
func (p *Pool) placeLocked(s *ServerConn) {
	if p.line.n > 0 {
		p.deliverLocked(s)
		return
	}
	s.idleSince = p.tick
	p.idle.pushBack(s)
	if p.establishedLocked() > p.keep {
		p.armSweepLocked()
	}
}

// deliverLocked gives s to the head of the line.
func (p *Pool) deliverLocked(s *ServerConn) {
	w := p.line.popFront()
	w.server = s
	p.lent++
	p.counts.checkouts++
	w.ready <- struct{}{}
}

func (p *Pool) failHeadLocked(err error) {
	if w := p.line.popFront(); w != nil {
		w.err = err
		w.ready <- struct{}{}
	}
}

// establishedLocked counts what is open and will come back.
func (p *Pool) establishedLocked() int { return p.idle.len() + p.lent }

// totalLocked counts all that takes a place at the server.
func (p *Pool) totalLocked() int { return p.establishedLocked() + p.opening + p.closing }

func (p *Pool) capacityLocked() int { return min(p.limit, p.ceiling) }

// discard closes a server connection that was lent. It keeps its place in the
// count until it is closed for real, in the background: closing a dead
// connection can take longer than its user has time for.
func (p *Pool) discard(s *ServerConn, cause error) {
	s.busy = false
	defer p.retire(s) // also if a close hook panics
	p.goodbye(s, cause)
}

func (p *Pool) retire(s *ServerConn) {
	p.mu.Lock()
	p.lent--
	p.retireLocked(s)
	if p.closed { // nobody would wait for a goroutine
		p.mu.Unlock()
		p.closeServer(s)
		return
	}
	p.background++
	p.mu.Unlock()
	go func() {
		defer p.backgroundDone()
		p.closeServer(s)
	}()
}

// goodbye runs the close hooks, before s is closed.
func (p *Pool) goodbye(s *ServerConn, cause error) {
	for _, f := range p.hooks.close {
		f(s, cause)
	}
}

// retireLocked moves s, which the caller has taken from where it was, to closing.
func (p *Pool) retireLocked(s *ServerConn) {
	delete(p.all, s)
	p.closing++
	p.counts.closed++
}

// closeServer closes s, which was retired, and gives its place up.
func (p *Pool) closeServer(s *ServerConn) error {
	defer func() {
		p.mu.Lock()
		p.closing--
		p.dialLocked(p.ctx)
		p.mu.Unlock()
	}()
	for _, stmt := range s.parked { // as database/sql does, for parents in this process
		stmt.Close()
	}
	return s.parent.conn.Close()
}

// closeIdleLocked closes a server connection that was just taken from the idle
// ones, in the background. errs, if not nil, is sent the result.
func (p *Pool) closeIdleLocked(s *ServerConn, cause error, errs chan<- error) {
	p.retireLocked(s)
	p.background++
	go func() {
		defer p.backgroundDone()
		p.goodbye(s, cause)
		if err := p.closeServer(s); errs != nil {
			errs <- err
		}
	}()
}

// discardIdle closes all that is idle at this moment.
func (p *Pool) discardIdle(cause error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.idle.len() > 0 {
		p.closeIdleLocked(p.idle.popFront(), cause, nil)
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
	p.cancel()
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
	if closer, ok := p.parent.(io.Closer); ok {
		err = errors.Join(err, closer.Close())
	}
	return err
}

func formatStack(stack []uintptr) string {
	var b strings.Builder
	frames := runtime.CallersFrames(stack)
	for {
		frame, more := frames.Next()
		ours := strings.HasPrefix(frame.Function, "database/sql.") || strings.HasPrefix(frame.Function, "github.com/pooled-go/pooled.")
		if !ours || b.Len() > 0 { // begins with the program's own function
			fmt.Fprintf(&b, "%s\n\t%s:%d\n", frame.Function, frame.File, frame.Line)
		}
		if !more {
			return b.String()
		}
	}
}
