package bench

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/pooled-go/pooled"
)

// Request is one of those that a program sends whether its server is there or not.
type Request struct {
	Due, End time.Time
	Began    time.Time // when the program had the time to send it, a busy machine later than it was due
	Kind     Kind      // empty: it did not fail
}

// Took is the time from the moment at which it was due.
func (r Request) Took() time.Duration { return r.End.Sub(r.Due) }

// Kind is what an error means to the program that gets it.
type Kind string

// The kinds of errors.
const (
	Refused  Kind = "refused"        // nobody listens at the server's address
	Starting Kind = "starting up"    // the server says so
	Lost     Kind = "lost"           // the connection ended, before the request was sent or after it
	TimedOut Kind = "timed out"      // the caller had waited as long as it wanted to
	ReadOnly Kind = "read-only"      // the server takes no writes
	Down     Kind = "known outage"   // pooled says that it has waited long enough
	Other    Kind = "something else" // see Sent.Examples
)

// Kinds are all of them, in the order in which they are listed.
var Kinds = []Kind{Refused, Starting, Lost, TimedOut, ReadOnly, Down, Other}

// KindOf tells what a Go program's error means.
func KindOf(err error) Kind {
	var timeout net.Error
	switch {
	case err == nil:
		return ""
	case errors.Is(err, pooled.ErrServerDown):
		return Down
	case errors.Is(err, syscall.ECONNREFUSED):
		return Refused
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return TimedOut
	}
	for _, lost := range []error{
		driver.ErrBadConn, mysql.ErrInvalidConn, io.EOF, io.ErrUnexpectedEOF, syscall.ECONNRESET, syscall.EPIPE,
	} {
		if errors.Is(err, lost) {
			return Lost
		}
	}
	return kindOfState(serverState(err), err.Error())
}

// serverState is PostgreSQL's SQLSTATE or MySQL's number, which tells more than its state does.
func serverState(err error) string {
	if e, ok := errors.AsType[*mysql.MySQLError](err); ok {
		return map[uint16]string{1053: "57P01", 1290: "25006", 1792: "25006", 1836: "25006"}[e.Number]
	}
	if e, ok := errors.AsType[interface {
		error
		SQLState() string
	}](err); ok {
		return e.SQLState()
	}
	return ""
}

// kindOfState tells what an error means whose type says nothing, or which comes from a program in another language.
func kindOfState(state, text string) Kind {
	switch {
	case state == "57P03":
		return Starting
	case state == "25006":
		return ReadOnly
	case slices.Contains([]string{"57P01", "57P02", "08006", "08003"}, state):
		return Lost
	case strings.Contains(text, "request timed out"): // HikariCP; what it met last follows
		return TimedOut
	case strings.Contains(text, "conn closed"): // pgx
		return Lost
	case strings.Contains(text, "refused"):
		return Refused
	}
	return Other
}

// Sent is the outcome of a load, in the order in which the requests were due.
type Sent struct {
	Requests []Request
	Examples map[Kind]string // an error of each kind
}

// Count counts those for which a condition holds.
func (s Sent) Count(is func(Request) bool) (n int) {
	for _, r := range s.Requests {
		if is(r) {
			n++
		}
	}
	return n
}

// Failed counts errors.
func (s Sent) Failed() int { return s.Count(func(r Request) bool { return r.Kind != "" }) }

// OfKind counts errors of one kind.
func (s Sent) OfKind(k Kind) int { return s.Count(func(r Request) bool { return r.Kind == k }) }

// Longest is the longest time that anybody waited.
func (s Sent) Longest() (longest time.Duration) {
	for _, r := range s.Requests {
		longest = max(longest, r.Took())
	}
	return longest
}

// FirstSuccess is when the first request was answered of those that ended after a moment, or the zero time.
func (s Sent) FirstSuccess(after time.Time) (first time.Time) {
	for _, r := range s.Requests {
		if r.Kind == "" && r.End.After(after) && (first.IsZero() || r.End.Before(first)) {
			first = r.End
		}
	}
	return first
}

// InFlight counts the requests that a server may have been at in a span: no more than there are connections.
func (s Sent) InFlight(from, to time.Time, connections int) int {
	return min(connections, s.Count(func(r Request) bool { return r.Due.Before(to) && r.End.After(from) }))
}

// Within is the distribution of how long those took that were due in a span.
func (s Sent) Within(from, to time.Time) Latency {
	return s.within(from, to, func(r Request) time.Duration { return r.Took() })
}

// CallsWithin is the same from the moment that each was sent.
func (s Sent) CallsWithin(from, to time.Time) Latency {
	return s.within(from, to, func(r Request) time.Duration { return r.End.Sub(r.Began) })
}

func (s Sent) within(from, to time.Time, took func(Request) time.Duration) Latency {
	var all []time.Duration
	for _, r := range s.Requests {
		if !r.Due.Before(from) && r.Due.Before(to) {
			all = append(all, took(r))
		}
	}
	return NewLatency(all)
}
