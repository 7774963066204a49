package observe

import (
	"context"
	"fmt"
	"log/slog"
	"path"
	"strings"
	"time"

	"github.com/pooled-go/pooled/internal/visible"
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
	EventOutageBegan    = "outage_began"
	EventOutageEnded    = "outage_ended"
	EventDemoted        = "demoted"
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
	l.about(ctx, slog.LevelInfo, EventCheckout, conn, millis("idle_ms", idle))
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
		about := append(connAttrs(conn.ID(), conn.Session()), millis("age_ms", time.Since(conn.Opened())))
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

// Holder is who has a connection, what for, and for how long.
type Holder struct {
	Conn      uint64
	Session   string
	Statement string
	Held      time.Duration
	Stack     string
	Returned  bool // it came back after all
}

// Line is all of it on one line, but of the statement only the beginning, and of the stack only the top.
func (h Holder) Line() string {
	var b strings.Builder
	fmt.Fprintf(&b, "conn %d", h.Conn)
	if h.Session != "" {
		b.WriteString(" (session " + h.Session + ")")
	}
	fmt.Fprintf(&b, " for %v", h.Held.Round(time.Millisecond))
	if function, rest, ok := strings.Cut(h.Stack, "\n\t"); ok {
		place, _, _ := strings.Cut(rest, "\n")
		fmt.Fprintf(&b, " by %s at %s", path.Base(function), path.Base(place))
	}
	statement := "no statement yet"
	if h.Statement != "" {
		statement = visible.Cut(strings.Join(strings.Fields(h.Statement), " "), 80)
	}
	return b.String() + ": " + statement
}

// Event is the name of its event as a leak.
func (h Holder) Event() string {
	if h.Returned {
		return EventLeakReturned
	}
	return EventLeak
}

// Leak logs a leak.
func (l Log) Leak(h Holder) {
	attrs := append(connAttrs(h.Conn, h.Session), millis("held_ms", h.Held), slog.String("stmt", h.Statement))
	if !h.Returned {
		attrs = append(attrs, slog.String("stack", h.Stack))
	}
	l.Record(context.Background(), slog.LevelWarn, h.Event(), attrs...)
}
