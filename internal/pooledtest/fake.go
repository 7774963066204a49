package pooledtest

import (
	"context"
	"database/sql/driver"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

var (
	_ driver.Connector = (*Fake)(nil)
	_ io.Closer        = (*Fake)(nil)
)

// Fake is a driver for tests: a connector to a server that exists only in memory. It keeps the state a real
// server keeps for each connection, writes down everything that reaches it, fails on demand, and enforces the contract
// database/sql keeps with drivers: no two calls on one connection at the same moment, nothing used after its Close,
// nothing closed twice, no connection, statement or Rows left behind.
//
// Make it with NewFake, which reports what it found when the test ends. The zero value works too; its finder then has
// to ask Violations. Set the exported fields before the first Connect. All methods may be called at any time from any
// goroutine.
//
// It starts no goroutine and blocks only on channels made by the goroutine that blocks, so it can be used inside a
// testing/synctest bubble.
type Fake struct {
	// Profile is the set of interfaces its connections and statements have. The zero value means Full.
	Profile Profile

	// Hook, if set, is called before every stage, after it was logged and before any fault. A non-nil error becomes the
	// stage's outcome. It runs without locks held, on the caller's goroutine, and may block.
	Hook func(stage, query string, connID int) error

	// MaxConns, if above zero, is the number of connections beyond which the server answers a Connect with
	// TooManyConns (or ErrTooManyConns if that is nil). A connection counts until its Close has returned.
	MaxConns     int
	TooManyConns error

	// OneAtATime refuses a statement on a connection that has Rows open, with ErrBusy, and reports a violation.
	OneAtATime bool

	// RefuseDirty reports a violation when ResetSession, which means that the next caller takes over, finds an open
	// transaction.
	RefuseDirty bool

	// RequireReset reports a violation when a connection that was given back (IsValid) is used again without
	// ResetSession, if the profile has that. ROLLBACK and COMMIT don't count as use.
	RequireReset bool

	// RefuseBad reports a violation when a connection is used again, outside a transaction, after one of its operations
	// returned ErrBadConn. Only Close is left to do then. What Next returns does not count.
	RefuseBad bool

	// BreakOnCancel makes a connection invalid when a context ends in the middle of one of its operations, as
	// go-sql-driver/mysql does.
	BreakOnCancel bool

	// AllowLeaks turns off the check that everything was closed when the test ends.
	AllowLeaks bool

	// LogIsValid adds IsValid to the log. It never reaches a server, so it is left out by default.
	LogIsValid bool

	tb testing.TB

	// unwatched keeps connections from touching plain memory on each call, for this package's own tests of calls at
	// the same moment, which would otherwise fail under the race detector, as they should.
	unwatched bool

	mu         sync.Mutex // guards everything below; never held while something blocks
	calls      []*Call
	faults     map[string][]*armed
	conns      map[int]*conn // open ones
	counts     Counts
	lastID     int
	inserted   int64
	refusal    error // of writes
	refuses    int   // on connections up to this number
	waiters    []chan struct{}
	watchers   []chan struct{}
	violations []string
	dsns       []string
}

// Counts are the figures the server has about its clients.
type Counts struct {
	Open, MaxOpen       int // connections open now, and the most there ever were
	Opened, Closed      int // connections ever opened, ever closed
	Dialing, MaxDialing int // Connect calls running now, and the most that ever ran at once
	Dialed              int // Connect calls ever begun
	Waiting             int // calls held now by WAIT or Hang
	StmtsOpen, Prepared int // statements open now, ever prepared
	RowsOpen            int // Rows open now
	Resets              int // ResetSession calls
	ConnectorCloses     int // Close calls on the Fake itself
}

// grace is how long a test's end waits for what others close in the background.
const grace = 10 * time.Second

// NewFake makes a Fake that fails tb at its end for every violation and everything left open.
// Each setup function may change the exported fields.
func NewFake(tb testing.TB, setup ...func(*Fake)) *Fake {
	f := &Fake{tb: tb}
	for _, fn := range setup {
		fn(f)
	}
	tb.Cleanup(f.finish)
	return f
}

// With is a setup function for NewFake that chooses a profile.
func With(p Profile) func(*Fake) { return func(f *Fake) { f.Profile = p } }

func (f *Fake) finish() {
	f.tb.Helper()
	for _, fault := range f.atEnd() {
		f.tb.Errorf("fake: %s", fault)
	}
	if f.tb.Failed() {
		f.tb.Logf("fake: what reached the server:\n\t%s", strings.Join(f.Log(), "\n\t"))
	}
}

// atEnd returns everything that is wrong when all is said to be over.
func (f *Fake) atEnd() []string {
	var wrong []string
	if !f.AllowLeaks {
		f.waitFor(grace, func(c Counts) bool { return c.Open == 0 && c.StmtsOpen == 0 && c.RowsOpen == 0 })
		for _, leak := range f.leaks() {
			wrong = append(wrong, "left open: "+leak)
		}
	}
	for _, v := range f.TakeViolations() {
		wrong = append(wrong, "violation: "+v)
	}
	return wrong
}

// leaks names what is open.
func (f *Fake) leaks() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var leaks []string
	for id := 1; id <= f.lastID; id++ {
		c := f.conns[id]
		if c == nil {
			continue
		}
		leaks = append(leaks, fmt.Sprintf("c%d (%d statements, %d Rows, in a transaction: %t)", id, c.stmts, c.rows, c.inTx))
	}
	if len(leaks) == 0 && f.counts.StmtsOpen+f.counts.RowsOpen > 0 {
		leaks = append(leaks, fmt.Sprintf("%d statements, %d Rows of closed connections", f.counts.StmtsOpen,
			f.counts.RowsOpen))
	}
	return leaks
}

// Connect opens a connection, or does what the faults for the stage "connect" say.
func (f *Fake) Connect(ctx context.Context) (driver.Conn, error) {
	f.mu.Lock()
	f.counts.Dialed++
	f.counts.Dialing++
	f.counts.MaxDialing = max(f.counts.MaxDialing, f.counts.Dialing)
	f.changedLocked()
	f.mu.Unlock()
	defer f.update(func(c *Counts) { c.Dialing-- })

	err := ctx.Err()
	if err == nil {
		err = f.stage(ctx, StageConnect, "", 0)
	}
	return f.opened(err, markOf(ctx))
}

// opened makes the connection that a Connect without error opened, and writes down how the Connect ended.
func (f *Fake) opened(err error, mark string) (driver.Conn, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err == nil && f.MaxConns > 0 && f.counts.Open >= f.MaxConns {
		if err = f.TooManyConns; err == nil {
			err = ErrTooManyConns
		}
	}
	if err != nil {
		f.calls = append(f.calls, &Call{Op: "connect", Mark: mark, Err: err})
		f.changedLocked()
		return nil, err
	}
	f.lastID++
	c := &conn{f: f, id: f.lastID, vars: map[string]string{}}
	if f.conns == nil {
		f.conns = map[int]*conn{}
	}
	f.conns[c.id] = c
	f.calls = append(f.calls, &Call{Conn: c.id, Op: "connect", Mark: mark})
	f.counts.Opened++
	f.counts.Open++
	f.counts.MaxOpen = max(f.counts.MaxOpen, f.counts.Open)
	f.changedLocked()
	return f.profile().conn(c), nil
}

func (f *Fake) profile() Profile {
	if f.Profile.conn == nil {
		return Full
	}
	return f.Profile
}

// Driver returns a driver whose Open connects to this Fake and remembers the DSN it was given; see DSNs.
func (f *Fake) Driver() driver.Driver { return fakeDriver{f} }

type fakeDriver struct{ f *Fake }

func (d fakeDriver) Open(dsn string) (driver.Conn, error) {
	d.f.mu.Lock()
	d.f.dsns = append(d.f.dsns, dsn)
	d.f.mu.Unlock()
	return d.f.Connect(context.Background())
}

// DSNs returns what Driver's Open was given, in order.
func (f *Fake) DSNs() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]string(nil), f.dsns...)
}

// Close counts that the connector was closed. It closes no connection.
func (f *Fake) Close() error {
	f.update(func(c *Counts) { c.ConnectorCloses++ })
	return nil
}

// Counts returns the figures of this moment.
func (f *Fake) Counts() Counts {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.counts
}

// InTx reports whether the open connection id is inside a transaction.
func (f *Fake) InTx(id int) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	c := f.conns[id]
	return c != nil && c.inTx
}

// Kill ends the sessions of the open connections ids, or of all if none is given, on the server's side. Their next
// operation fails with err (driver.ErrBadConn if nil), and only then IsValid is false.
func (f *Fake) Kill(err error, ids ...int) {
	if err == nil {
		err = driver.ErrBadConn
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(ids) == 0 {
		for id := range f.conns {
			ids = append(ids, id)
		}
	}
	for _, id := range ids {
		if c := f.conns[id]; c != nil {
			c.killed = err
		}
	}
}

// Await blocks until ok holds for the counts, and fails tb after ten seconds.
func (f *Fake) Await(tb testing.TB, ok func(Counts) bool) {
	tb.Helper()
	if !f.waitFor(10*time.Second, ok) {
		tb.Fatalf("fake: what was awaited did not happen; have %+v, log:\n\t%s", f.Counts(), strings.Join(f.Log(), "\n\t"))
	}
}

// AwaitWaiting blocks until n calls are held by WAIT or Hang.
func (f *Fake) AwaitWaiting(tb testing.TB, n int) {
	tb.Helper()
	f.Await(tb, func(c Counts) bool { return c.Waiting == n })
}

// waitFor reports whether ok came true before limit was over.
func (f *Fake) waitFor(limit time.Duration, ok func(Counts) bool) bool {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	for {
		// Registered before the look, so that no change is missed in between.
		changed := make(chan struct{})
		f.mu.Lock()
		counts := f.counts
		f.watchers = append(f.watchers, changed)
		f.mu.Unlock()
		if ok(counts) {
			f.unwatch(changed)
			return true
		}
		select {
		case <-changed:
		case <-timer.C:
			f.unwatch(changed)
			return ok(f.Counts())
		}
	}
}

// unwatch forgets a channel, which may belong to a synctest bubble that ends before the Fake does.
func (f *Fake) unwatch(changed chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.watchers = slices.DeleteFunc(f.watchers, func(w chan struct{}) bool { return w == changed })
}

// update changes the counts and wakes who awaits that.
func (f *Fake) update(fn func(*Counts)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	fn(&f.counts)
	f.changedLocked()
}

func (f *Fake) changedLocked() {
	for _, w := range f.watchers {
		close(w)
	}
	f.watchers = nil
}

// TakeViolations returns what broke the driver contract so far and forgets it, so that the test's end doesn't report
// it.
func (f *Fake) TakeViolations() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	v := f.violations
	f.violations = nil
	return v
}

func (f *Fake) violation(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.violations = append(f.violations, text)
}

// callers is where a call of a connection came from. The connection's own functions stand first.
func callers() string {
	pcs := make([]uintptr, 24)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(3, pcs)])
	var b strings.Builder
	for {
		frame, more := frames.Next()
		fmt.Fprintf(&b, "\n\t\t%s %s:%d", frame.Function, frame.File, frame.Line)
		if !more {
			return b.String()
		}
	}
}
