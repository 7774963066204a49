package pooledtest

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
)

// LogBook is a slog.Handler that writes down what is logged, one line a record, what takes time by its name alone.
type LogBook struct {
	slog.Handler
	mu    sync.Mutex
	lines []string
	keys  map[string]bool
}

// Enabled says that all levels are logged.
func (b *LogBook) Enabled(context.Context, slog.Level) bool { return true }

// Handle notes a record.
func (b *LogBook) Handle(_ context.Context, r slog.Record) error {
	line := r.Level.String() + " " + r.Message
	b.mu.Lock()
	defer b.mu.Unlock()
	r.Attrs(func(a slog.Attr) bool {
		if b.keys == nil {
			b.keys = map[string]bool{}
		}
		b.keys[a.Key] = true
		switch {
		case a.Equal(slog.Attr{}): // slog's own handlers leave it out
		case strings.HasSuffix(a.Key, "_ms"), a.Key == "stack":
			line += " " + a.Key
		case a.Key != "event": // the message says it
			line += fmt.Sprintf(" %s=%v", a.Key, a.Value)
		}
		return true
	})
	b.lines = append(b.lines, line)
	return nil
}

// Take returns the lines that were logged since the last Take.
func (b *LogBook) Take() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	lines := b.lines
	b.lines = nil
	return lines
}

// Attributes are the keys of those that were logged so far.
func (b *LogBook) Attributes() map[string]bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return maps.Clone(b.keys)
}

// Want takes the lines and compares them.
func (b *LogBook) Want(tb testing.TB, what string, want ...string) {
	tb.Helper()
	if have := b.Take(); !slices.Equal(have, want) {
		tb.Errorf("%s:\nhave %s\nwant %s", what, strings.Join(have, "\n     "), strings.Join(want, "\n     "))
	}
}
