package pooled

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/pooled-go/pooled/internal/dsn"
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

// eventsKept is how many of the last events a pool remembers.
const eventsKept = 100

// Events are the last 100 events of the pool, oldest first, without those that happen with every
// statement: checkout, reset and checkin.
func (p *Pool) Events() []Event { return p.current().journal.read() }

// journal remembers the last events, in a ring. It is always on: what it remembers costs much more than
// to remember it.
type journal struct {
	secrets *dsn.Redactor

	mu    sync.Mutex
	ring  []entry
	first int
}

// entry is an event, and how often the same happened in a row.
type entry struct {
	Event
	times int
}

// add keeps the text of the cause without the secrets that are known now.
func (j *journal) add(name string, conn uint64, cause error) {
	e := entry{Event: Event{Time: time.Now(), Name: name, Conn: conn}, times: 1}
	if cause != nil {
		e.Detail = j.secrets.Clip(textOf(cause), detailLimit)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if last := j.lastLocked(); last != nil && conn == 0 && last.Name == name {
		e.times += last.times // a thousand callers that run into their timeouts are one event
		*last = e
		return
	}
	if len(j.ring) < eventsKept {
		j.ring = append(j.ring, e)
		return
	}
	j.ring[j.first] = e
	j.first = (j.first + 1) % eventsKept
}

func (j *journal) lastLocked() *entry {
	if len(j.ring) == 0 {
		return nil
	}
	return &j.ring[(j.first+len(j.ring)-1)%len(j.ring)]
}

// detailLimit bounds what is kept of a cause.
const detailLimit = 1000

func (j *journal) read() []Event {
	j.mu.Lock()
	entries := slices.Concat(j.ring[j.first:], j.ring[:j.first])
	j.mu.Unlock()
	list := make([]Event, len(entries))
	for i, e := range entries {
		// A statement may have set a password of which the pool was told later.
		e.Detail = j.secrets.Clean(e.Detail)
		if e.times > 1 {
			e.Detail = strings.TrimSpace(fmt.Sprintf("%s (%d times in a row)", e.Detail, e.times))
		}
		list[i] = e.Event
	}
	return list
}

// hooks are what writes the journal.
func (j *journal) hooks() Hooks {
	h := eventHooks(func(event string, s *ServerConn, cause error) {
		var id uint64
		if s != nil {
			id = s.ID()
		}
		j.add(event, id, cause)
	})
	h.Leak = func(h Holder) {
		event := eventLeak
		if h.Returned {
			event = eventLeakReturned
		}
		j.add(event, h.Conn, fmt.Errorf("in use for %v: %s", h.Held.Round(time.Millisecond), h.Statement))
	}
	return h
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
