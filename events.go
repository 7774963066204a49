package pooled

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ngrok/sqlmw"

	"github.com/pooled-go/pooled/internal/observe"
)

// Event is something that happened in a pool.
type Event struct {
	Time time.Time
	// Name is connect, connect_error, recycle, invalidate, soft_invalidate, detach, close, timeout, canceled, leak,
	// leak_returned, outage_began, outage_ended, demoted, dispose or fork.
	Name string
	Conn uint64 // the server connection's ID, 0: none
	// Detail is the cause, if there is one, and how often the same happened in a row. Passwords are masked. The rest is
	// the driver's or server's own text, with control characters.
	Detail string
}

// Events returns the last 100 events of the pool, oldest first. It omits checkout, reset and checkin.
func (p *Pool) Events() []Event {
	entries := p.current().journal.Read()
	list := make([]Event, len(entries))
	for i, e := range entries {
		list[i] = Event(e)
	}
	return list
}

// eventHooks tells of all that is rare, by name. The server connection and the cause may be nil.
func eventHooks(tell func(event string, s *ServerConn, cause error)) Hooks {
	return Hooks{
		Connect: func(_ context.Context, s *ServerConn) error { tell(observe.EventConnect, s, nil); return nil },
		Close: func(s *ServerConn, cause error) {
			if errors.Is(cause, ErrRecycled) {
				tell(observe.EventRecycle, s, cause)
			} else {
				tell(observe.EventClose, s, cause)
			}
		},
		Invalidate:     func(s *ServerConn, cause error) { tell(observe.EventInvalidate, s, cause) },
		SoftInvalidate: func(s *ServerConn, cause error) { tell(observe.EventSoftInvalidate, s, cause) },
		Detach:         func(s *ServerConn) { tell(observe.EventDetach, s, nil) },
		ConnectError:   func(err error) { tell(observe.EventConnectError, nil, err) },
		Canceled:       func(err *ContextError) { tell(observe.EventCanceled, nil, err) },
		Timeout:        func(err *TimeoutError) { tell(observe.EventTimeout, nil, err) },
		Dispose:        func() { tell(observe.EventDispose, nil, nil) },
		Fork: func(parent, child int) {
			tell(observe.EventFork, nil, fmt.Errorf("parent process %d, child process %d", parent, child))
		},
	}
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
	h.OutageBegan = func(o Outage) { j.Add(observe.EventOutageBegan, 0, o.Err) }
	h.OutageEnded = func(o Outage) {
		j.Add(observe.EventOutageEnded, 0, fmt.Errorf("after %v, %d probes", o.Took.Round(time.Millisecond), o.Probes))
	}
	h.Demoted = func(h Host) { j.Add(observe.EventDemoted, 0, errors.New(h.shown())) }
	h.Leak = func(h Holder) {
		cause := fmt.Errorf("in use for %v: %s", h.Held.Round(time.Millisecond),
			cmp.Or(h.Statement, "no statement"))
		j.Add(observe.Holder(h).Event(), h.Conn, cause)
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
	h := eventHooks(func(event string, s *ServerConn, cause error) {
		var about observe.Conn // nil, unlike an interface that holds a nil pointer
		if s != nil {
			about = s
		}
		l.Event(event, about, cause)
	})
	if mode != EchoDebug {
		return h
	}
	h.Checkout = func(ctx context.Context, s *ServerConn) error { l.Checkout(ctx, s, s.Idle()); return nil }
	h.Reset = func(ctx context.Context, s *ServerConn, state ResetState) error {
		l.Reset(ctx, s, state.Sent)
		return nil
	}
	h.Checkin = func(s *ServerConn) { l.Checkin(s) }
	return h
}

// leakHooks log leaks. They are on whenever leaks are looked for.
func leakHooks(l observe.Log) Hooks {
	return Hooks{Leak: func(h Holder) { l.Leak(observe.Holder(h)) }}
}
