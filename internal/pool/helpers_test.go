package pool_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pooled-go/pooled/internal/pool"
)

var (
	errExpired   = errors.New("expired")
	errIdledOut  = errors.New("idled out")
	errDisposed  = errors.New("disposed of")
	errExhausted = errors.New("open ended its goroutine")
	errClosed    = errors.New("closed")

	errBad  = errors.New("bad")  // why a holder discards
	errOpen = errors.New("open") // why one can't be opened
	errFull = errors.New("full") // that there are as many as there can be
)

// testPool is a pool of numbers: each value is the number of its slot. It knows what is open, and what the functions
// of its configuration were told.
type testPool struct {
	*pool.Pool[int]
	t testing.TB

	mu          sync.Mutex
	stages      map[string]func(context.Context) error // what the functions do; see on
	open        map[int]bool                           // opened and not closed
	most        int                                    // so many were open at one time
	opening     int
	mostOpening int
	log         []string
}

type (
	config = pool.Config[int]
	slot   = pool.Slot[int]
)

// newPool makes a pool of two for a test in a synctest bubble. At its end the pool is closed, and nothing may be left
// that is not in use.
func newPool(t testing.TB, settings ...func(*config)) *testPool {
	p := &testPool{t: t, stages: map[string]func(context.Context) error{}, open: map[int]bool{}}
	cfg := config{
		Limit: 2, Keep: 2, Reuse: true,
		Timeout: -1, IdleTimeout: -1, Recycle: -1, OverdueAfter: -1, ConnectLimit: -1,
		Open: p.openOne, Close: p.closeOne,
		OpenFailed: func(err error) { p.run(context.Background(), "open failed", err) },
		Leaving:    func(v int, cause error) { p.run(context.Background(), "leaving", v, cause) },
		Panicked: func(during string, v any) error {
			p.note("panicked", during, v)
			return errors.New(during + " panicked")
		},
		Causes: pool.Causes{
			Expired: errExpired, IdledOut: errIdledOut, Disposed: errDisposed,
			Exhausted: errExhausted, Closed: errClosed,
			Invalid: func(cause error) bool { return cause == errBad },
		},
	}
	for _, set := range settings {
		set(&cfg)
	}
	if age := cfg.Recycle; cfg.MaxAge == nil {
		cfg.MaxAge = func() time.Duration { return age }
	}
	p.Pool = pool.New(cfg)
	t.Cleanup(func() {
		p.Close()
		synctest.Wait()
		p.mu.Lock()
		defer p.mu.Unlock()
		if s := p.Stats(); s.Idle+s.Opening+s.Closing+s.Waiting != 0 || len(p.open) != s.InUse {
			t.Errorf("at the end: have %+v and %v open, want those in use", s, p.open)
		}
	})
	return p
}

func (p *testPool) openOne(ctx context.Context, o pool.Opening[int]) (*slot, error) {
	p.mu.Lock()
	p.opening++
	p.mostOpening = max(p.mostOpening, p.opening)
	p.mu.Unlock()
	defer func() {
		p.mu.Lock()
		p.opening--
		p.mu.Unlock()
	}()
	place := fmt.Sprint("place ", o.ID)
	o.Where.Store(&place)
	if err := p.run(ctx, "open", o.ID); err != nil {
		return nil, err
	}
	s := &slot{}
	s.Init(o, int(o.ID))
	p.mu.Lock()
	p.open[s.Value()] = true
	p.most = max(p.most, len(p.open))
	p.mu.Unlock()
	return s, nil
}

func (p *testPool) closeOne(v int) error {
	p.mu.Lock()
	if !p.open[v] {
		p.t.Errorf("%d was closed that is not open", v)
	}
	delete(p.open, v)
	p.mu.Unlock()
	return p.run(context.Background(), "close", v)
}

// on sets what a function of the configuration does from now on: "open", "open failed", "leaving", "close" and those
// that tests add.
func (p *testPool) on(stage string, do func(context.Context) error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stages[stage] = do
}

// run notes that a function was called with args, and does what it was set to do.
func (p *testPool) run(ctx context.Context, stage string, args ...any) error {
	p.note(append([]any{stage}, args...)...)
	p.mu.Lock()
	do := p.stages[stage]
	p.mu.Unlock()
	if do == nil {
		return nil
	}
	return do(ctx)
}

func (p *testPool) note(what ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	line := fmt.Sprint(what[0], ":")
	for _, v := range what[1:] {
		line += fmt.Sprint(" ", v)
	}
	p.log = append(p.log, line)
}

// told is what the functions were called with since the last time, in order; those of some stages alone, if any are
// given.
func (p *testPool) told(stages ...string) []string {
	synctest.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	log := []string{}
	for _, line := range p.log {
		if len(stages) == 0 || slices.ContainsFunc(stages, func(s string) bool { return strings.HasPrefix(line, s) }) {
			log = append(log, line)
		}
	}
	p.log = nil
	return log
}

// take leases a slot as a holder does: at once, or by waiting.
func (p *testPool) take() *slot {
	p.t.Helper()
	s := p.TryTake(0)
	if s == nil {
		var err error
		if s, err = p.Take(context.Background(), new(time.Time), 0); err != nil {
			p.t.Fatal(err)
		}
	}
	s.Take()
	return s
}

// takeMany leases n slots.
func (p *testPool) takeMany(n int) (all []*slot) {
	p.t.Helper()
	for range n {
		all = append(all, p.take())
	}
	return all
}

// give ends leases as a holder does.
func (p *testPool) give(all ...*slot) {
	for _, s := range all {
		s.EndUse()
		cause, kept := p.Departs(s), false
		if cause == nil {
			cause, kept = p.Put(s)
		}
		if !kept {
			p.Discard(s, cause, false)
		}
	}
}

// fill opens n slots, which are idle then.
func (p *testPool) fill(n int) {
	p.t.Helper()
	p.give(p.takeMany(n)...)
}

// caller is one that called Take, and what it got.
type caller struct {
	since time.Time
	ended chan struct{} // closed, when the following is set
	slot  *slot
	err   error
	took  time.Duration
}

// queue has a caller come, and returns when it waits or has got what it wanted. It runs in a synctest bubble.
func (p *testPool) queue(ctx context.Context, turn uint64) *caller {
	c := &caller{ended: make(chan struct{})}
	go func() {
		defer close(c.ended)
		began := time.Now()
		c.err = errors.New("its goroutine ended")
		defer func() { c.took = time.Since(began) }()
		defer func() {
			if v := recover(); v != nil {
				c.err = fmt.Errorf("panic: %v", v)
			}
		}()
		if c.slot, c.err = p.Take(ctx, &c.since, turn); c.err == nil {
			c.slot.Take()
		}
	}()
	synctest.Wait()
	return c
}

// waits reports whether the caller has got nothing yet.
func (c *caller) waits() bool {
	synctest.Wait()
	select {
	case <-c.ended:
		return false
	default:
		return true
	}
}

// wait waits for what the caller gets.
func (c *caller) wait() (*slot, error) {
	<-c.ended
	return c.slot, c.err
}

// places is where the slots are, and how many callers wait.
type places struct{ Idle, InUse, Opening, Closing, Waiting int }

// want compares the places at a moment at which nothing moves.
func (p *testPool) want(want places) {
	p.t.Helper()
	synctest.Wait()
	s := p.Stats()
	if have := (places{s.Idle, s.InUse, s.Opening, s.Closing, s.Waiting}); have != want {
		p.t.Errorf("have %+v\nwant %+v", have, want)
	}
}

// equal compares what a test has with what it wants.
func equal[V any](t testing.TB, what string, have, want V) {
	t.Helper()
	if h, w := fmt.Sprintf("%+v", have), fmt.Sprintf("%+v", want); h != w {
		t.Errorf("%s: have %s\nwant %s", what, h, w)
	}
}

// background is the context of callers who wait as long as they may.
var background = context.Background()

// What a function of the configuration may do.

func fail(err error) func(context.Context) error {
	return func(context.Context) error { return err }
}

// slow takes a while, or until its context ends.
func slow(d time.Duration) func(context.Context) error {
	return func(ctx context.Context) error {
		select {
		case <-time.After(d):
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// hang returns when its context ends.
func hang(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}

// stuck does not return before the test is over, whatever its context says.
func stuck(t testing.TB) func(context.Context) error {
	over := make(chan struct{})
	t.Cleanup(func() { close(over) })
	return func(context.Context) error { <-over; return nil }
}

// first does something so many times, and then nothing.
func first(n int, do func(context.Context) error) func(context.Context) error {
	var mu sync.Mutex
	return func(ctx context.Context) error {
		mu.Lock()
		n--
		over := n < 0
		mu.Unlock()
		if over {
			return nil
		}
		return do(ctx)
	}
}

// tests runs a test of each row in a bubble of its own.
func tests[Row any](t *testing.T, rows map[string]Row, test func(t *testing.T, row Row)) {
	t.Helper()
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { test(t, row) })
		})
	}
}
