package pooledtest

import (
	"context"
	"sync"
	"testing"
	"time"
)

// WaitUntil polls for what others do in the background.
func WaitUntil(tb testing.TB, done func() bool, otherwise func() string) {
	tb.Helper()
	for deadline := time.Now().Add(30 * time.Second); !done(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			tb.Fatal(otherwise())
		}
	}
}

// When does something in the background as soon as a condition holds, unless stop is called before.
func When(condition func() bool, do func()) (stop func()) {
	over := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for ; !condition(); time.Sleep(time.Millisecond) {
			select {
			case <-over:
				return
			default:
			}
		}
		do()
	})
	return func() { close(over); wg.Wait() }
}

// Deadline is a context whose deadline comes when a test calls Strike, and not before something is under way.
type Deadline struct {
	context.Context
	at     time.Time
	struck chan struct{}
}

// NewDeadline is a Deadline that seems to be far away.
func NewDeadline() *Deadline {
	return &Deadline{context.Background(), time.Now().Add(time.Hour), make(chan struct{})}
}

// Strike is the moment of the deadline.
func (d *Deadline) Strike() { close(d.struck) }

// Deadline is part of context.Context.
func (d *Deadline) Deadline() (time.Time, bool) { return d.at, true }

// Done is part of context.Context.
func (d *Deadline) Done() <-chan struct{} { return d.struck }

// Err is part of context.Context.
func (d *Deadline) Err() error {
	select {
	case <-d.struck:
		return context.DeadlineExceeded
	default:
		return nil
	}
}
