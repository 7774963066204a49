package observe

import (
	"context"
	"log/slog"
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
