package pooled

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"time"

	"github.com/pooled-go/pooled/internal/intercept"
	"github.com/pooled-go/pooled/internal/socket"
)

// Dials belong to the pool, not to the caller that needs one: a caller takes
// whatever comes first, a new server connection or a returned one, and a dial
// whose caller gave up serves the next.

// dialLocked starts as many dials as the line and pool_min_idle want and the
// limits allow. ctx lends them its values.
func (p *Pool) dialLocked(ctx context.Context) {
	for !p.closed && p.opening < p.wantedLocked() && p.totalLocked() < p.capacityLocked() && p.opening < p.connects.now {
		p.opening++
		p.background++
		p.nextID++
		if head := p.line.head; head != nil {
			ctx = head.ctx
		}
		go p.dial(ctx, p.nextID, p.generation.Load(), p.counts.checkins)
	}
	if p.opening == 0 {
		p.connects.calm()
	}
}

// wantedLocked is how many new server connections there is use for: by callers in
// line, in the place of old ones, and ahead of need. After a dial ahead of need
// failed, those are left out until the next try.
func (p *Pool) wantedLocked() int {
	wanted := p.line.n + p.owed
	if ahead := p.cfg.MinIdle - p.idle.len(); ahead > 0 && !p.refillArmed {
		wanted += ahead
	}
	return wanted
}

func (p *Pool) dial(values context.Context, id, generation, checkins uint64) {
	defer p.backgroundDone()
	ctx, cancel := p.dialContext(values)
	var s *ServerConn
	err := errGoexit
	defer func() { // also if a hook ends the goroutine
		tooLong := err != nil && ctx.Err() == context.DeadlineExceeded
		cancel()
		p.dialed(values, s, err, tooLong, checkins)
	}()
	if s, err = p.open(ctx, id, generation); err != nil {
		p.tellConnectError(err)
	}
}

// adjustConnectsLocked draws the conclusion from a dial. One more is permitted if more callers wait than connections
// will come back during the next dial: about twice as many as came back during this one, which is returned.
func (p *Pool) adjustConnectsLocked(err error, returned uint64) {
	switch {
	case err != nil:
		p.connects.lower()
	case p.connects.now < p.connects.start, p.line.n > 2*int(returned):
		p.connects.raise()
	}
}

var errGoexit = errors.New("pooled: open connection: a hook ended its goroutine (runtime.Goexit)")

// dialed takes the result of a dial.
func (p *Pool) dialed(values context.Context, s *ServerConn, err error, tooLong bool, checkins uint64) {
	p.mu.Lock()
	p.adjustConnectsLocked(err, p.counts.checkins-checkins)
	p.opening--
	kept := true
	switch {
	case tooLong:
		p.dialFailedLocked(p.timeoutErrorLocked(PhaseOpening, p.headWaitedLocked(), p.line.n))
	case err != nil:
		p.dialFailedLocked(err)
	default:
		kept = p.openedLocked(s)
	}
	p.dialLocked(values)
	p.mu.Unlock()
	if !kept {
		p.goodbyeHere(s, nil)
		p.closeServer(s)
	}
}

// headWaitedLocked is how long the one who gets a dial's error has waited: often not as long as the dial took, which
// was begun for another.
func (p *Pool) headWaitedLocked() time.Duration {
	if p.line.head == nil {
		return 0
	}
	return time.Since(p.line.head.since)
}

// tellConnectError runs the hooks before anybody gets the error.
func (p *Pool) tellConnectError(err error) {
	defer p.logPanic(eventConnectError)
	if p.ctx.Err() != nil {
		return // the pool was closed
	}
	for _, f := range p.hooks.connectError {
		f(err)
	}
}

// dialTimeout bounds a dial, so that one into the void does not take a place
// among pool_connect_limit for as long as the network likes. It is no less for a short
// pool_timeout: a caller that gives up leaves its dial to the next, and a pool whose
// callers are in a hurry must be able to open something all the same.
const dialTimeout = 30 * time.Second

// dialContext has the values of the caller's context, the life of the pool, and
// dialTimeout, or pool_timeout if that is longer.
func (p *Pool) dialContext(values context.Context) (context.Context, context.CancelFunc) {
	ctx := context.WithoutCancel(values)
	var cancel context.CancelFunc
	if p.cfg.Timeout >= 0 {
		ctx, cancel = context.WithTimeout(ctx, max(p.cfg.Timeout, dialTimeout))
	} else {
		ctx, cancel = context.WithCancel(ctx)
	}
	stop := context.AfterFunc(p.ctx, cancel)
	return ctx, func() { stop(); cancel() }
}

// open dials and runs the hooks about opening. A panic becomes an error: this may
// run on a goroutine on which nobody could recover it. No error of it shows a password: drivers
// repeat their DSN here if anywhere.
func (p *Pool) open(ctx context.Context, id, generation uint64) (_ *ServerConn, err error) {
	var conn driver.Conn
	var s *ServerConn
	opened := false
	defer func() {
		if v := recover(); v != nil {
			p.logPanicked("pooled: panic while opening a connection", v)
			err = fmt.Errorf("pooled: open connection: panic: %v", v)
		}
		err = p.secrets.cleanError(err)
		if !opened && conn != nil {
			p.closeUnopened(conn, s)
		}
	}()
	if p.here() != p { // a copy of a goroutine of the parent process
		return nil, errForked
	}
	began := p.clocked()
	parent, err := p.connector(ctx)
	if err != nil {
		return nil, err
	}
	watched, dialed := socket.Collect(ctx)
	connected, err := intercept.Connect(watched, p.interceptors, parent)
	if err != nil { // then connected may be a nil pointer in an interface that isn't nil
		return nil, err
	}
	conn = connected
	s = p.newServerConn(id, generation, conn, dialed.Last())
	s.mysql.via, _ = parent.(*mysqlConnector)
	if err = p.runFirstConnect(ctx, s); err != nil {
		return nil, err
	}
	if err = runUntilError(ctx, p.hooks.connect, s); err != nil {
		return nil, err
	}
	if s.cache != nil {
		s.cache.resting = false // whatever the hooks have sent, nothing was kept before
	}
	p.observe(TimingConnect, began)
	opened = true
	return s, nil
}

// closeUnopened closes what the driver has opened and the pool has not: a hook has refused it, or something has
// panicked before s was made of it.
func (p *Pool) closeUnopened(conn driver.Conn, s *ServerConn) {
	defer p.logPanic("close")
	if s != nil {
		s.close(p)
		return
	}
	conn.Close()
}

// runFirstConnect runs the hooks for the first server connection of the pool. Of
// several that are being opened, one is the first; the others wait.
func (p *Pool) runFirstConnect(ctx context.Context, s *ServerConn) error {
	if len(p.hooks.firstConnect) == 0 || p.firstDone.Load() {
		return nil
	}
	select {
	case p.first <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-p.first }()
	if p.firstDone.Load() {
		return nil
	}
	err := runUntilError(ctx, p.hooks.firstConnect, s)
	p.firstDone.Store(err == nil)
	return err
}

// openedLocked gives a new server connection to the head of the line, or lays
// it down if those who wanted it have been served or have gone. It reports
// false if nobody has use for it; then it is to be closed.
func (p *Pool) openedLocked(s *ServerConn) bool {
	p.counts.opened++
	p.refillPause.reset()
	if p.ceiling != unlimited { // the server accepts more again
		p.ceiling, p.ceilingErr = unlimited, nil
		p.ceilingProbe.reset()
	}
	if p.closed || !p.reuse && p.line.n == 0 || s.generation != p.generation.Load() {
		p.retireLocked(s, nil)
		return false
	}
	p.joinLocked(s)
	inLine := p.line.n > 0
	s.idleSince = p.nowLocked()
	p.placeLocked(s)
	if p.owed > 0 && (!inLine || p.establishedLocked() >= p.keep) {
		p.owed--
		p.replaceLocked()
	}
	if p.dueLeft {
		p.dueLeft = false
		p.armRecycleLocked(0)
	}
	return true
}

// joinLocked makes s one of the pool's.
func (p *Pool) joinLocked(s *ServerConn) {
	p.all[s] = struct{}{}
	s.losses = p.losses
	p.watchAgeLocked(s)
}

// dialFailedLocked gives the error to the caller whose turn it was. "Too many
// connections" is nobody's error while there are some that will come back, or
// others on their way: the pool learns its ceiling, and the line stays.
func (p *Pool) dialFailedLocked(err error) {
	p.counts.connectErrors++
	switch {
	case p.dialect.tooMany(err) && p.establishedLocked()+p.opening > 0:
		p.lowerCeilingLocked(err)
	case p.line.n > 0:
		p.failHeadLocked(err)
	default:
		p.replaceLaterLocked()
		if p.cfg.MinIdle > 0 {
			p.refillLaterLocked()
		}
	}
}

func (p *Pool) lowerCeilingLocked(err error) {
	p.ceilingErr = err
	if p.ceiling = p.establishedLocked() + p.opening; p.closed || p.probeArmed {
		return
	}
	p.probeArmed = true
	time.AfterFunc(p.ceilingProbe.next(), func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.probeArmed = false
		if p.ceiling != unlimited && !p.closed {
			p.ceiling = p.totalLocked() + 1
			p.dialLocked(p.ctx)
		}
	})
}

// refill opens what pool_min_idle asks for.
func (p *Pool) refill() {
	p.mu.Lock()
	p.dialLocked(p.ctx)
	p.mu.Unlock()
}

func (p *Pool) refillLaterLocked() {
	if p.refillArmed || p.closed {
		return
	}
	p.refillArmed = true
	time.AfterFunc(p.refillPause.next(), func() {
		p.mu.Lock()
		p.refillArmed = false
		p.dialLocked(p.ctx)
		p.mu.Unlock()
	})
}

// backoff doubles a pause from first up to most.
type backoff struct{ first, most, now time.Duration }

func (b *backoff) next() time.Duration {
	b.now = min(max(b.first, 2*b.now), b.most)
	return b.now
}

func (b *backoff) reset() { b.now = 0 }
