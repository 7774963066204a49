package pooledtest

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// The stages at which a fault can happen. StageExec and StageQuery are those of connections and of statements.
const (
	StageConnect      = "connect"
	StageResetSession = "resetSession"
	StageIsValid      = "isValid"
	StagePrepare      = "prepare"
	StageExec         = "exec"
	StageQuery        = "query"
	StageNext         = "next"
	StageBegin        = "begin"
	StageCommit       = "commit"
	StageRollback     = "rollback"
	StageStmtClose    = "stmtClose"
	StagePing         = "ping"
	StageClose        = "close"
)

// Stages are all stages, for tests that cross each with every outcome.
var Stages = []string{
	StageConnect, StageResetSession, StageIsValid, StagePrepare, StageExec, StageQuery, StageNext, StageBegin,
	StageCommit, StageRollback, StageStmtClose, StagePing, StageClose,
}

// What the server says on its own account.
var (
	ErrTooManyConns = errors.New("fake: too many connections")
	ErrBusy         = errors.New("fake: busy: Rows are open")
)

// Fault is what happens at a stage instead of success. It is a value; its methods return a changed copy.
type Fault struct {
	err    error
	delay  time.Duration
	hang   bool
	deaf   bool
	panics any

	times int // 0: each time
	skip  int
	match string
	conn  int
	then  *Fault
}

// Pass is success. It is for use with Times and Skip, and as what follows.
func Pass() Fault { return Fault{} }

// Fail makes the stage fail with err. At StageIsValid any error means "not valid".
func Fail(err error) Fault { return Fault{err: err} }

// BadConn makes the stage fail with driver.ErrBadConn.
func BadConn() Fault { return Fail(driver.ErrBadConn) }

// Slow delays the stage by d, or until its context ends, whose error it then returns.
func Slow(d time.Duration) Fault { return Fault{delay: d} }

// Hang holds the stage until its context ends, whose error it then returns, or Release is called.
func Hang() Fault { return Fault{hang: true} }

// Panic makes the stage panic with v.
func Panic(v any) Fault { return Fault{panics: v} }

// Deaf makes Slow and Hang ignore the context.
func (f Fault) Deaf() Fault { f.deaf = true; return f }

// Times limits the fault to n occurrences.
func (f Fault) Times(n int) Fault { f.times = n; return f }

// Skip lets the first n pass.
func (f Fault) Skip(n int) Fault { f.skip = n; return f }

// Match limits the fault to queries that contain text.
func (f Fault) Match(text string) Fault { f.match = text; return f }

// OnConn limits the fault to connection id.
func (f Fault) OnConn(id int) Fault { f.conn = id; return f }

// Then is what happens once a Slow or Hang is over: Slow(d).Then(Fail(err)).
func (f Fault) Then(next Fault) Fault { f.then = &next; return f }

// armed is a Fault in use.
type armed struct {
	Fault
	seen, used int
}

// On arranges for a fault at each of its occurrences at stage. Of several the first that applies happens, so
// On("exec", Fail(a).Times(1)) and On("exec", Fail(b)) make the first Exec fail with a and all others with b.
// An unknown stage panics.
func (f *Fake) On(stage string, fault Fault) {
	if !slices.Contains(Stages, stage) {
		panic(fmt.Sprintf("pooledtest: unknown stage %q", stage))
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.faults == nil {
		f.faults = map[string][]*armed{}
	}
	f.faults[stage] = append(f.faults[stage], &armed{Fault: fault})
}

// ClearFaults removes all faults. What hangs goes on hanging until Release.
func (f *Fake) ClearFaults() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.faults = nil
}

// Release lets everything go on that WAIT and Hang hold at this moment.
func (f *Fake) Release() { f.release(-1) }

// ReleaseOne lets the call go on that has been held the longest. It reports whether there was one.
func (f *Fake) ReleaseOne() bool { return f.release(1) > 0 }

func (f *Fake) release(limit int) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := len(f.waiters)
	if limit >= 0 {
		n = min(n, limit)
	}
	for _, w := range f.waiters[:n] {
		close(w)
	}
	f.waiters = slices.Delete(f.waiters, 0, n)
	f.counts.Waiting = len(f.waiters)
	f.changedLocked()
	return n
}

// wait holds the caller until the context ends or it is released. The channel is the caller's own, for the sake of
// synctest.
func (f *Fake) wait(ctx context.Context) error {
	released := make(chan struct{})
	f.mu.Lock()
	f.waiters = append(f.waiters, released)
	f.counts.Waiting = len(f.waiters)
	f.changedLocked()
	f.mu.Unlock()

	select {
	case <-released:
		return nil
	case <-ctx.Done():
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.waiters = slices.DeleteFunc(f.waiters, func(w chan struct{}) bool { return w == released })
	f.counts.Waiting = len(f.waiters)
	f.changedLocked()
	return ctx.Err()
}

// stage runs the hook and the fault that apply.
func (f *Fake) stage(ctx context.Context, stage, query string, connID int) error {
	if f.Hook != nil {
		if err := f.Hook(stage, query, connID); err != nil {
			return err
		}
	}
	if fault := f.pick(stage, query, connID); fault != nil {
		return f.happen(ctx, *fault)
	}
	return nil
}

func (f *Fake) pick(stage, query string, connID int) *Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, a := range f.faults[stage] {
		if a.conn != 0 && a.conn != connID || !strings.Contains(query, a.match) {
			continue
		}
		if a.times > 0 && a.used >= a.times {
			continue
		}
		a.seen++
		if a.seen <= a.skip {
			continue
		}
		a.used++
		return &a.Fault
	}
	return nil
}

func (f *Fake) happen(ctx context.Context, fault Fault) error {
	if fault.deaf {
		ctx = context.Background()
	}
	if fault.panics != nil {
		panic(fault.panics)
	}
	if fault.delay > 0 {
		if err := sleep(ctx, fault.delay); err != nil {
			return err
		}
	}
	if fault.hang {
		if err := f.wait(ctx); err != nil {
			return err
		}
	}
	if fault.then != nil {
		return f.happen(ctx, *fault.then)
	}
	return fault.err
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
