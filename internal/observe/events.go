package observe

import (
	"context"
	"log/slog"
	"time"
)

// Names of events, in the journal and in the log.
const (
	EventConnect        = "connect"
	EventConnectError   = "connect_error"
	EventCheckout       = "checkout"
	EventReset          = "reset"
	EventCheckin        = "checkin"
	EventRecycle        = "recycle"
	EventInvalidate     = "invalidate"
	EventSoftInvalidate = "soft_invalidate"
	EventDetach         = "detach"
	EventClose          = "close"
	EventTimeout        = "timeout"
	EventCanceled       = "canceled"
	EventLeak           = "leak"
	EventLeakReturned   = "leak_returned"
	EventDispose        = "dispose"
	EventFork           = "fork"
)

// Conn is the connection that an event is about.
type Conn interface {
	ID() uint64
	Session() string
	Opened() time.Time
}

// Event logs an event: what went wrong at Warn, all else at Info. conn and cause may be nil.
func (l Log) Event(name string, conn Conn, cause error) {
	level := slog.LevelInfo
	switch name {
	case EventInvalidate, EventConnectError, EventTimeout, EventCanceled, EventFork:
		level = slog.LevelWarn
	}
	var attrs []slog.Attr
	if cause != nil {
		attrs = append(attrs, slog.String("err", textOf(cause)))
	}
	l.about(context.Background(), level, name, conn, attrs...)
}

// Checkout logs a checkout of conn, which was idle for so long.
func (l Log) Checkout(ctx context.Context, conn Conn, idle time.Duration) {
	l.about(ctx, slog.LevelInfo, EventCheckout, conn, slog.Duration("idle", idle))
}

// Reset logs what was sent to reset conn, if anything was.
func (l Log) Reset(ctx context.Context, conn Conn, sent string) {
	if sent != "" {
		l.about(ctx, slog.LevelInfo, EventReset, conn, slog.String("stmt", sent))
	}
}

// Checkin logs that conn came back.
func (l Log) Checkin(conn Conn) { l.about(context.Background(), slog.LevelInfo, EventCheckin, conn) }

func (l Log) about(ctx context.Context, level slog.Level, name string, conn Conn, attrs ...slog.Attr) {
	if conn != nil {
		about := append(connAttrs(conn.ID(), conn.Session()), slog.Duration("age", time.Since(conn.Opened())))
		attrs = append(about, attrs...)
	}
	l.Record(ctx, level, name, attrs...)
}

func connAttrs(id uint64, session string) []slog.Attr {
	attrs := append(make([]slog.Attr, 0, 5), slog.Uint64("conn", id))
	if session != "" {
		attrs = append(attrs, slog.String("session", session))
	}
	return attrs
}

// Leak is a connection that is held for too long, and by whom.
type Leak struct {
	Conn      uint64
	Session   string
	Statement string
	Held      time.Duration
	Stack     string
	Returned  bool // it came back after all
}

// Event is the name of its event.
func (k Leak) Event() string {
	if k.Returned {
		return EventLeakReturned
	}
	return EventLeak
}

// Leak logs a leak.
func (l Log) Leak(k Leak) {
	attrs := append(connAttrs(k.Conn, k.Session), slog.Duration("dur", k.Held), slog.String("stmt", k.Statement))
	if !k.Returned {
		attrs = append(attrs, slog.String("stack", k.Stack))
	}
	l.Record(context.Background(), slog.LevelWarn, k.Event(), attrs...)
}
