package pooled

import (
	"context"
	"log/slog"
	"time"

	"github.com/pooled-go/pooled/internal/dsn"
)

// Echo is logging of what goes on, with the public interfaces alone: the pool's events by a Hooks value,
// statements by an Interceptor (echo_statements.go). What was asked for by pool_echo and pool_echo_pool is
// logged at level Info, whatever it is, and what went wrong at Warn.

// echo is what both write to. log is asked each time, since slog's default may change.
type echo struct {
	pool    func() string
	log     func() *slog.Logger
	secrets *dsn.Redactor
}

// record logs one event, if somebody listens.
func (e *echo) record(ctx context.Context, level slog.Level, event string, attrs ...slog.Attr) {
	log := e.log()
	if !log.Enabled(ctx, level) {
		return
	}
	for i, a := range attrs {
		if a.Value.Kind() == slog.KindString {
			attrs[i].Value = slog.StringValue(e.secrets.Log(a.Value.String()))
		}
	}
	attrs = append([]slog.Attr{slog.String("pool", e.pool()), slog.String("event", event)}, attrs...)
	log.LogAttrs(ctx, level, "pooled: "+event, attrs...)
}

// poolHooks log the pool's events: those that are rare, and with debug all.
func (e *echo) poolHooks(mode EchoMode) Hooks {
	h := eventHooks(e.rare)
	if mode != EchoDebug {
		return h
	}
	h.Checkout = func(ctx context.Context, s *ServerConn) error {
		e.record(ctx, slog.LevelInfo, eventCheckout, append(ofConn(s), slog.Duration("idle", s.Idle()))...)
		return nil
	}
	h.Reset = func(ctx context.Context, s *ServerConn, state ResetState) error {
		if state.Sent != "" {
			e.record(ctx, slog.LevelInfo, eventReset, append(ofConn(s), slog.String("stmt", state.Sent))...)
		}
		return nil
	}
	h.Checkin = func(s *ServerConn) { e.record(context.Background(), slog.LevelInfo, eventCheckin, ofConn(s)...) }
	return h
}

func (e *echo) rare(event string, s *ServerConn, cause error) {
	level := slog.LevelInfo
	switch event {
	case eventInvalidate, eventConnectError, eventTimeout, eventCanceled, eventFork:
		level = slog.LevelWarn
	}
	var attrs []slog.Attr
	if s != nil {
		attrs = ofConn(s)
	}
	if cause != nil {
		attrs = append(attrs, slog.String("err", textOf(cause)))
	}
	e.record(context.Background(), level, event, attrs...)
}

// ofConn are the attributes of a server connection.
func ofConn(s *ServerConn) []slog.Attr {
	return append(connAttrs(s.ID(), s.Session()), slog.Duration("age", time.Since(s.Opened())))
}

func connAttrs(id uint64, session string) []slog.Attr {
	attrs := append(make([]slog.Attr, 0, 5), slog.Uint64("conn", id))
	if session != "" {
		attrs = append(attrs, slog.String("session", session))
	}
	return attrs
}

// leakHooks log leaks. They are on whenever leaks are looked for.
func (e *echo) leakHooks() Hooks {
	return Hooks{Leak: func(h Holder) {
		event, stack := eventLeak, slog.String("stack", h.Stack)
		if h.Returned {
			event, stack = eventLeakReturned, slog.Attr{}
		}
		e.record(context.Background(), slog.LevelWarn, event, append(connAttrs(h.Conn, h.Session),
			slog.Duration("dur", h.Held), slog.String("stmt", h.Statement), stack)...)
	}}
}
