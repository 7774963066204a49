package opener

import (
	"context"
	"sync/atomic"
)

// First is what the first connection of a pool is for.
type First struct {
	done atomic.Bool
	turn chan struct{} // held by the one that is the first
}

// NewFirst returns one that nobody has been yet.
func NewFirst() *First { return &First{turn: make(chan struct{}, 1)} }

// Do calls f until it has succeeded once. Of several callers one is the first; the others wait for it, until ctx ends.
func (f *First) Do(ctx context.Context, do func() error) error {
	if f.done.Load() {
		return nil
	}
	select {
	case f.turn <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-f.turn }()
	if f.done.Load() {
		return nil
	}
	err := do()
	f.done.Store(err == nil)
	return err
}
