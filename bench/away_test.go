package bench

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"syscall"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pooled-go/pooled"
)

func TestKindOf(t *testing.T) {
	for want, errs := range map[Kind][]error{
		"":       {nil},
		Refused:  {fmt.Errorf("dial: %w", syscall.ECONNREFUSED)},
		Starting: {&pgconn.PgError{Code: "57P03"}},
		Lost: {
			driver.ErrBadConn, mysql.ErrInvalidConn, fmt.Errorf("read: %w", io.EOF), io.ErrUnexpectedEOF,
			syscall.ECONNRESET, syscall.EPIPE, &pgconn.PgError{Code: "57P01"}, &mysql.MySQLError{Number: 1053},
		},
		Down:     {&pooled.OutageError{Outage: pooled.Outage{Err: syscall.ECONNREFUSED}}},
		TimedOut: {context.DeadlineExceeded, fmt.Errorf("read: %w", syscall.ETIMEDOUT)},
		ReadOnly: {&pgconn.PgError{Code: "25006"}, &mysql.MySQLError{Number: 1290}, &mysql.MySQLError{Number: 1836}},
		Other:    {errors.New("as it happens"), &pgconn.PgError{Code: "42601"}, &mysql.MySQLError{Number: 1064}},
	} {
		for _, err := range errs {
			if have := KindOf(err); have != want {
				t.Errorf("%v: have %q, want %q", err, have, want)
			}
		}
	}
	if have := kindOfState("", "Connection is not available, request timed out: Connection refused"); have != TimedOut {
		t.Errorf("HikariCP: have %q", have)
	}
}

func TestSentCounts(t *testing.T) {
	began := time.Now()
	at := func(seconds int) time.Time { return began.Add(time.Duration(seconds) * time.Second) }
	sent := Sent{Requests: []Request{
		{at(0), at(1), at(0), ""}, {at(1), at(3), at(1), Lost}, {at(2), at(9), at(4), ""},
		{at(4), at(5), at(4), Refused}, {at(6), at(8), at(6), ""},
	}}
	if sent.Failed() != 2 || sent.OfKind(Lost) != 1 || sent.OfKind(TimedOut) != 0 {
		t.Errorf("have %d errors, %d lost", sent.Failed(), sent.OfKind(Lost))
	}
	if have := sent.Longest(); have != 7*time.Second {
		t.Errorf("longest: have %v", have)
	}
	if have := sent.FirstSuccess(at(1)); !have.Equal(at(8)) {
		t.Errorf("first success: have %v", have.Sub(began))
	}
	if have := sent.FirstSuccess(at(9)); !have.IsZero() {
		t.Errorf("no success: have %v", have)
	}
	if two, one := sent.InFlight(at(2), at(4), 16), sent.InFlight(at(2), at(4), 1); two != 2 || one != 1 {
		t.Errorf("in flight: have %d and %d, want 2 and 1", two, one)
	}
	if have := sent.Within(at(1), at(4)).Milliseconds(1); have != 7000 {
		t.Errorf("within: have %v", have)
	}
	if have := sent.CallsWithin(at(1), at(4)).Milliseconds(1); have != 5000 {
		t.Errorf("calls within: have %v", have)
	}
}

// Each contender sends what it is told to, each request once, and tells what became of it.
func TestAwayContendersSendEach(t *testing.T) {
	onServers(t, func(t *testing.T, s Server, admin *Admin) {
		if _, err := admin.conn.ExecContext(t.Context(), "CREATE TABLE bench_sent (n INT)"); err != nil {
			t.Fatal(err)
		}
		defer admin.conn.ExecContext(t.Context(), "DROP TABLE bench_sent")
		const each = 20
		sent := 0
		for _, c := range AwayContenders(s, "") {
			if sendAll(t, c, s, admin, "INSERT INTO bench_sent VALUES (1)", each) {
				sent += each
			}
		}
		if have := admin.sentRows(t); have != sent {
			t.Errorf("requests that reached the server: have %d, want %d", have, sent)
		}
	})
}

// An error is told with its kind and an example.
func TestAwayContendersTellErrors(t *testing.T) {
	onServers(t, func(t *testing.T, s Server, _ *Admin) {
		for _, c := range AwayContenders(s, "") {
			u := openUser(t, c, s, "SELECT no_such_column")
			if u == nil {
				continue
			}
			if _, err := u.Send(make([]time.Duration, 100)); err != nil {
				t.Fatal(c.Name, err)
			}
			sent, err := u.Stop()
			if err != nil || sent.OfKind(Other) != len(sent.Requests) || len(sent.Requests) > 0 && sent.Examples[Other] == "" {
				t.Errorf("%s: have %+v, %v", c.Name, sent, err)
			}
		}
	})
}

// sendAll is false if the contender is not here.
func sendAll(t *testing.T, c AwayContender, s Server, admin *Admin, statement string, n int) bool {
	t.Helper()
	u := openUser(t, c, s, statement)
	if u == nil {
		return false
	}
	due := make([]time.Duration, n+1)
	for i := range due {
		due[i] = time.Duration(i) * time.Millisecond
	}
	due[n] = time.Hour // it is stopped before
	before := admin.sentRows(t)
	began, err := u.Send(due)
	if err != nil {
		t.Fatal(c.Name, err)
	}
	if heap, err := u.Heap(); err != nil || heap <= 0 {
		t.Errorf("%s: heap: have %d, %v", c.Name, heap, err)
	}
	for until := time.Now().Add(20 * time.Second); admin.sentRows(t)-before < n && time.Now().Before(until); {
		time.Sleep(time.Millisecond)
	}
	sent, err := u.Stop()
	if err != nil || len(sent.Requests) != n || sent.Failed() > 0 {
		t.Fatalf("%s: have %d requests, %d failed (%v), %v", c.Name, len(sent.Requests), sent.Failed(), sent.Examples, err)
	}
	for i, r := range sent.Requests {
		if !r.Due.Equal(began.Add(due[i])) || r.Began.Before(r.Due) || r.End.Before(r.Began) {
			t.Errorf("%s: request %d: have %+v", c.Name, i, r)
		}
	}
	return true
}

// sentRows is how many requests have reached the server.
func (a *Admin) sentRows(t *testing.T) (n int) {
	t.Helper()
	if err := a.conn.QueryRowContext(t.Context(), "SELECT COUNT(*) FROM bench_sent").Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func openUser(t *testing.T, c AwayContender, s Server, statement string) AwayUser {
	t.Helper()
	u, err := c.Open(context.WithoutCancel(t.Context()), s, statement) // it is closed after the test
	if missing := new(MissingPeer); errors.As(err, &missing) {
		t.Log(missing)
		return nil
	}
	if err != nil {
		t.Fatal(c.Name, err)
	}
	t.Cleanup(func() {
		if err := u.Close(); err != nil {
			t.Error(c.Name, err)
		}
	})
	return u
}
