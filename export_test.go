package pooled

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pooled-go/pooled/internal/dialect/generic"
	"github.com/pooled-go/pooled/internal/dsn"
	"github.com/pooled-go/pooled/internal/option"
	"github.com/pooled-go/pooled/internal/pool"
	"github.com/pooled-go/pooled/internal/process"
	"github.com/pooled-go/pooled/internal/stmtcache"
)

// What tests call by name though programs can't.
type (
	Conn = pooledConn
	Stmt = pooledStmt
)

// KeepStatementsBy has pools keep statements over drivers of which the dialect is not known, until undo is called.
func KeepStatementsBy(rules *stmtcache.Rules) (undo func()) {
	generic.Dialect.Stmts = rules
	return func() { generic.Dialect.Stmts = nil }
}

// DueAfter gives the ages at which new server connections of a pool are due to be replaced, one by one.
func DueAfter(cfg Config) func() time.Duration {
	return func() time.Duration { return ageLimit(&cfg) - pool.Lead(cfg.Recycle) }
}

// ErrForked is the error of an operation on a server connection of the parent process.
var ErrForked = errForked

// Here is this process's pool.
func Here(p *Pool) *Pool { return p.current() }

// LockForGood holds the locks of a pool, as a goroutine does that a child has no thread for.
func LockForGood(p *Pool) (unlock func()) {
	unlocks := []func(){p.core.Lock(), p.shared.Texts.Lock(), p.driver.Lock()}
	return func() {
		for _, unlock := range unlocks {
			unlock()
		}
	}
}

// ForkGuardCheckout is the guard's hook on a server connection of this process.
func ForkGuardCheckout(ctx context.Context) func() error {
	s := &ServerConn{process: process.ID()}
	return func() error { return forkGuard.Checkout(ctx, s) }
}

// AgeLimit is the age limit of a new server connection.
func AgeLimit(recycle time.Duration, jitter Jitter) time.Duration {
	return ageLimit(&Config{Recycle: recycle, RecycleJitter: jitter})
}

// FakeClock is two clocks that stand still until they are moved.
type FakeClock struct {
	mu  sync.Mutex
	now pool.Moment
}

// Sleep is what a machine's sleep looks like: the monotonic clock stands still.
func (c *FakeClock) Sleep(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now.Wall += d
}

func (c *FakeClock) read() pool.Moment {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func SetClock(p *Pool, c *FakeClock) { p.core.SetClock(c.read) }

// StepWallClock sets the wall clock forward, as a time server may.
func StepWallClock(p *Pool, by time.Duration) {
	p.core.SetClock(func() pool.Moment {
		now := pool.Now()
		now.Wall += by
		return now
	})
}

// StopClock lets the coarse clock rest, as it does when nobody asks.
func StopClock(p *Pool) { p.core.StopClock() }

// IdleLimit is how long a server connection of the pool may be idle; 0: no limit is known.
func IdleLimit(p *Pool) time.Duration { return p.core.IdleLimit() }

// LearnIdleLimit is what a dialect finds out about its server.
func LearnIdleLimit(p *Pool, limit time.Duration) { p.core.LimitIdle(limit) }

// SuitSingle is what becomes of a reset mode with a database that ends with its connection.
func SuitSingle(mode string) (ResetMode, error) {
	cfg := NewConfig()
	cfg.ResetOnReturn = ResetMode(mode)
	err := suitSingle(true, &cfg)
	return cfg.ResetOnReturn, err
}

// Guards runs what the guards do for one checkout and one checkin of a server
// connection that was used before, without the pool around them.
func Guards(t interface{ Fatal(...any) }, p *Pool) func() {
	c := &pooledConn{pool: p}
	if err := p.checkout(context.Background(), c); err != nil {
		t.Fatal(err)
	}
	s := c.server
	s.slot.SetUsed()
	p.core.Rest(&s.slot)
	p.core.Resume(&s.slot)
	ctx := context.Background()
	return func() {
		if err := runUntilError(ctx, p.hooks.checkout, s); err != nil {
			t.Fatal(err)
		}
		if err := p.release(s); err != nil {
			t.Fatal(err)
		}
	}
}

// Replacements is how many server connections the pool means to open in the place of old ones.
func Replacements(p *Pool) int { return p.core.Stats().Replacements }

// Suspect is what the pool learns from the loss of a server connection.
func Suspect(p *Pool) { p.core.Suspect() }

// PanicOnce makes the pool's own work on the next new server connection panic.
func PanicOnce(p *Pool) {
	d, real := *p.shared.Dialect, p.shared.Dialect
	d.SessionID = func(driver.Conn) string {
		p.shared.Dialect = real
		panic("boom")
	}
	p.shared.Dialect = &d
}

// ConnectWidth is how many server connections may be being opened at one moment.
func ConnectWidth(p *Pool) int { return p.core.Stats().ConnectLimit }

// KeptText is how long the text is that an idle server connection keeps.
func KeptText(p *Pool) int {
	s := p.core.All()[0]
	if s.conn.Activity.Long() {
		return math.MaxInt // the whole text
	}
	statement, _ := s.conn.Activity.Look(0, s.slot.Taken)
	return len(statement)
}

// Measuring tells whether somebody observes the pool's timings.
func Measuring(p *Pool) bool { return !p.observers.Empty() }

// ShownWithSecrets makes a pool for the configuration, lets its secrets into every place where a text may come from a
// driver or a program, and returns all that the pool shows.
func ShownWithSecrets(t testing.TB, cfg Config, secrets []string) string {
	connector, err := openConnector(cfg, option.OriginDSN)
	if err != nil {
		t.Fatal(err)
	}
	p := connector.pool
	defer connector.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if _, err := connector.Connect(ctx); err == nil { // nobody listens there; BeforeConnect's password is known now
		t.Error("connected")
	}
	said := strings.Join(secrets, " and ")
	s := leaseNop(t, p)
	s.conn.Activity.SetStatement("ALTER USER scott PASSWORD " + said)
	failed := errors.New("refused by " + said)
	for _, f := range p.hooks.connectError {
		f(failed)
	}
	for _, f := range p.hooks.invalidate {
		f(s, failed)
	}
	for _, f := range p.hooks.reset {
		f(ctx, s, ResetState{Sent: "SET PASSWORD " + said})
	}
	p.core.FindOverdue()
	_, err = s.conn.Via.Exec(ctx, "UPDATE "+said, []driver.NamedValue{{Ordinal: 1, Value: said}})
	func() { defer p.logPanic("test"); panic(said) }()
	wait := p.waitOf(&pool.WaitError[*ServerConn]{Longest: []holding{p.core.EndOverdue(&s.slot)}})
	p.endLeak(s)
	return fmt.Sprint(p.Settings(), p.Conns(), p.Events(), &TimeoutError{wait},
		&ContextError{Wait: wait, Cause: p.secrets.Error(failed)}, p, fmt.Sprintf("%+v %#v", cfg, p), err)
}

// leaseNop leases a server connection of the pool's that does nothing, and lets an hour pass.
func leaseNop(t testing.TB, p *Pool) *ServerConn {
	cfg := p.coreConfig()
	cfg.Open = func(_ context.Context, o opening) (*pool.Slot[*ServerConn], error) {
		return &p.newServerConn(o, nopConn{}, nil, nil).slot, nil
	}
	p.core = pool.New(cfg)
	slot, err := p.core.Take(t.Context(), new(time.Time), 0)
	if err != nil {
		t.Fatal(err)
	}
	p.core.SetClock(func() pool.Moment {
		now := pool.Now()
		now.Mono += time.Hour
		return now
	})
	return slot.Value()
}

// nopConn is a driver's connection that does nothing.
type nopConn struct{}

func (nopConn) Prepare(string) (driver.Stmt, error) { return nil, driver.ErrSkip }
func (nopConn) Close() error                        { return nil }
func (nopConn) Begin() (driver.Tx, error)           { return nil, driver.ErrSkip }
func (nopConn) ExecContext(context.Context, string, []driver.NamedValue) (driver.Result, error) {
	return driver.RowsAffected(1), nil
}

// ShownAfterReturn is what is shown of a statement that was sent while a DSN's secrets were known, and came back when
// as many others were that they had been forgotten.
func ShownAfterReturn(name, statement string, others ...string) (before, after string) {
	r, s := &dsn.Redactor{}, &ServerConn{}
	r.Learn("postgres://u@h/db") // the pool's own, which is never forgotten
	r.Learn(name)
	s.conn.Activity.SetStatement(statement)
	for _, other := range others {
		if r.Learn(other) {
			s.conn.Forget(r)
			r.Forget()
		}
	}
	before, _ = s.conn.Look(r, 0, s.slot.Taken)
	s.conn.Trim(r)
	after, _ = s.conn.Look(r, 0, s.slot.Taken)
	return before, after
}
