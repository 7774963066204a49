package pooled

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/ngrok/sqlmw"

	"github.com/pooled-go/pooled/internal/observe"
)

// Event is something that happened in a pool.
type Event struct {
	Time time.Time
	// Name is connect, connect_error, recycle, invalidate, soft_invalidate, detach, close, timeout, canceled,
	// leak, leak_returned, dispose or fork.
	Name string
	Conn uint64 // the server connection's ID, 0: none
	// Detail is the cause, if there is one, and how often the same happened in a row. Passwords are masked; the rest is
	// as the driver or the server said it, control characters included.
	Detail string
}

// Events are the last 100 events of the pool, oldest first, without those that happen with every
// statement: checkout, reset and checkin.
func (p *Pool) Events() []Event {
	entries := p.current().journal.Read()
	list := make([]Event, len(entries))
	for i, e := range entries {
		list[i] = Event(e)
	}
	return list
}

// Names of events, in the journal and in the log.
const (
	eventConnect        = "connect"
	eventConnectError   = "connect_error"
	eventCheckout       = "checkout"
	eventReset          = "reset"
	eventCheckin        = "checkin"
	eventRecycle        = "recycle"
	eventInvalidate     = "invalidate"
	eventSoftInvalidate = "soft_invalidate"
	eventDetach         = "detach"
	eventClose          = "close"
	eventTimeout        = "timeout"
	eventCanceled       = "canceled"
	eventLeak           = "leak"
	eventLeakReturned   = "leak_returned"
	eventDispose        = "dispose"
	eventFork           = "fork"
)

// eventHooks tells of all that is rare, by name. The server connection and the cause may be nil.
func eventHooks(tell func(event string, s *ServerConn, cause error)) Hooks {
	return Hooks{
		Connect: func(_ context.Context, s *ServerConn) error { tell(eventConnect, s, nil); return nil },
		Close: func(s *ServerConn, cause error) {
			if errors.Is(cause, ErrRecycled) {
				tell(eventRecycle, s, cause)
			} else {
				tell(eventClose, s, cause)
			}
		},
		Invalidate:     func(s *ServerConn, cause error) { tell(eventInvalidate, s, cause) },
		SoftInvalidate: func(s *ServerConn, cause error) { tell(eventSoftInvalidate, s, cause) },
		Detach:         func(s *ServerConn) { tell(eventDetach, s, nil) },
		ConnectError:   func(err error) { tell(eventConnectError, nil, err) },
		Canceled:       func(err error) { tell(eventCanceled, nil, err) },
		Timeout:        func(err *TimeoutError) { tell(eventTimeout, nil, err) },
		Dispose:        func() { tell(eventDispose, nil, nil) },
		Fork: func(parent, child int) {
			tell(eventFork, nil, fmt.Errorf("from process %d into %d", parent, child))
		},
	}
}

// leakEvent is the name of a leak's event.
func leakEvent(h Holder) string {
	if h.Returned {
		return eventLeakReturned
	}
	return eventLeak
}

// journalHooks write the journal. It is always on: what it remembers costs much more than to remember it.
func journalHooks(j *observe.Journal) Hooks {
	h := eventHooks(func(event string, s *ServerConn, cause error) {
		var id uint64
		if s != nil {
			id = s.ID()
		}
		j.Add(event, id, cause)
	})
	h.Leak = func(h Holder) {
		j.Add(leakEvent(h), h.Conn, fmt.Errorf("in use for %v: %s", h.Held.Round(time.Millisecond), h.Statement))
	}
	return h
}

// eventLog is what goes into the log of a pool. It uses the public interfaces alone: Hooks for the pool's events, an
// interceptor for statements. What pool_echo and pool_echo_pool ask for is logged at level Info, whatever it is, and
// what went wrong at Warn.
func (p *Pool) eventLog() observe.Log {
	return observe.Log{Pool: p.Name, Logger: p.log, Redact: p.secrets}
}

// withStatementLog are the interceptors with the log of statements behind them, if it is wanted.
func (p *Pool) withStatementLog(interceptors []Interceptor) []sqlmw.Interceptor {
	var list []sqlmw.Interceptor
	for _, i := range interceptors {
		list = append(list, i)
	}
	if p.cfg.Echo == EchoOff {
		return list
	}
	return append(list, &observe.StatementLog{
		Log: p.eventLog(), ConnID: ConnID, HideParameters: p.cfg.HideParameters, Rows: p.cfg.Echo == EchoDebug,
	})
}

// logHooks log the pool's events: those that are rare, and with debug all.
func logHooks(l observe.Log, mode EchoMode) Hooks {
	h := eventHooks(func(event string, s *ServerConn, cause error) { logRare(l, event, s, cause) })
	if mode != EchoDebug {
		return h
	}
	h.Checkout = func(ctx context.Context, s *ServerConn) error {
		l.Record(ctx, slog.LevelInfo, eventCheckout, append(ofConn(s), slog.Duration("idle", s.Idle()))...)
		return nil
	}
	h.Reset = func(ctx context.Context, s *ServerConn, state ResetState) error {
		if state.Sent != "" {
			l.Record(ctx, slog.LevelInfo, eventReset, append(ofConn(s), slog.String("stmt", state.Sent))...)
		}
		return nil
	}
	h.Checkin = func(s *ServerConn) { l.Record(context.Background(), slog.LevelInfo, eventCheckin, ofConn(s)...) }
	return h
}

func logRare(l observe.Log, event string, s *ServerConn, cause error) {
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
	l.Record(context.Background(), level, event, attrs...)
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
func leakHooks(l observe.Log) Hooks {
	return Hooks{Leak: func(h Holder) {
		stack := slog.String("stack", h.Stack)
		if h.Returned {
			stack = slog.Attr{}
		}
		l.Record(context.Background(), slog.LevelWarn, leakEvent(h), append(connAttrs(h.Conn, h.Session),
			slog.Duration("dur", h.Held), slog.String("stmt", h.Statement), stack)...)
	}}
}
