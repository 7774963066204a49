package observe

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"time"
)

// Log writes events of a pool to a logger. Both are asked for each time, since their
// answers may change.
type Log struct {
	Pool   func() string
	Logger func() *slog.Logger
	Redact Redactor
}

// Enabled reports whether somebody listens.
func (l *Log) Enabled(ctx context.Context, level slog.Level) bool {
	return l.Logger().Enabled(ctx, level)
}

// Record logs one event, if somebody listens, its texts without secrets.
func (l *Log) Record(ctx context.Context, level slog.Level, event string, attrs ...slog.Attr) {
	logger := l.Logger()
	if !logger.Enabled(ctx, level) {
		return
	}
	for i, a := range attrs {
		if a.Value.Kind() == slog.KindString {
			attrs[i].Value = slog.StringValue(l.Redact.Log(a.Value.String()))
		}
	}
	attrs = append([]slog.Attr{slog.String("pool", l.Pool()), slog.String("event", event)}, attrs...)
	logger.LogAttrs(ctx, level, "pooled: "+event, attrs...)
}

// millis is a duration as a number of milliseconds, exact to the microsecond, a long one to the millisecond. The key
// names the unit. slog's JSON handler would write a time.Duration as nanoseconds without one, and a text such as
// "1.5ms" cannot be compared in a search.
func millis(key string, d time.Duration) slog.Attr {
	if d = d.Round(time.Microsecond); d >= 1000*time.Second {
		// From a million on, slog's text handler writes a float with an exponent.
		return slog.Int64(key, d.Round(time.Millisecond).Milliseconds())
	}
	return slog.Float64(key, float64(d.Microseconds())/1000)
}

// Panicked logs a panic that was recovered, with its stack.
func (l Log) Panicked(message string, v any, attrs ...any) {
	attrs = slices.Concat([]any{"pool", l.Pool()}, attrs,
		[]any{"panic", l.Redact.Log(fmt.Sprint(v)), "stack", string(debug.Stack())})
	l.Logger().Error(message, attrs...)
}
