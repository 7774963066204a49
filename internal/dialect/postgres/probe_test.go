package postgres_test

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lib/pq"

	"github.com/pooled-go/pooled/internal/dialect"
	"github.com/pooled-go/pooled/internal/dialect/dialecttest"
	"github.com/pooled-go/pooled/internal/dialect/postgres"
)

const (
	idleQuestion = "SELECT setting FROM pg_catalog.pg_settings WHERE name = 'idle_session_timeout'"
	pidQuestion  = "SELECT pg_catalog.pg_backend_pid()"
)

// numbered is a connection of which a driver was told the backend's number.
type numbered struct {
	driver.Conn
	pid int
}

func pgError(code string) error { return &pq.Error{Code: pq.ErrorCode(code)} }

// What is not wanted is not asked; whether the answer about the idle limit is final decides who is asked next.
func TestProbe(t *testing.T) {
	limit, statements := dialect.Wants{IdleLimit: true}, dialect.Wants{Statements: true}
	for _, test := range []struct {
		name  string
		wants dialect.Wants
		rows  map[string][]driver.Value
		errs  map[string]error
		want  dialect.Facts
		fails bool
	}{
		{name: "nothing"},
		{name: "no limit", wants: limit, rows: map[string][]driver.Value{idleQuestion: {"0"}},
			want: dialect.Facts{IdleLimitKnown: true}},
		{name: "a limit", wants: limit, rows: map[string][]driver.Value{idleQuestion: {"90000"}},
			want: dialect.Facts{IdleLimit: 90 * time.Second, IdleLimitKnown: true}},
		{name: "no number", wants: limit, rows: map[string][]driver.Value{idleQuestion: {"soon"}},
			want: dialect.Facts{IdleLimitKnown: true}},
		{name: "no such view", wants: limit, errs: map[string]error{idleQuestion: pgError("42P01")},
			want: dialect.Facts{IdleLimitKnown: true}},
		{name: "out of memory", wants: limit, errs: map[string]error{idleQuestion: pgError("53200")}},
		{name: "canceled", wants: limit, errs: map[string]error{idleQuestion: pgError("57014")}},
		{name: "shut down", wants: limit, errs: map[string]error{idleQuestion: pgError("57P01")}, fails: true},
		{name: "the backend itself", wants: statements, rows: map[string][]driver.Value{pidQuestion: {int64(7)}}},
		{name: "a pooler", wants: statements, rows: map[string][]driver.Value{pidQuestion: {int64(8)}},
			want: dialect.Facts{NoStatements: "behind a pooler the next statement may go to another session"}},
		{name: "no answer", wants: statements, errs: map[string]error{pidQuestion: pgError("42883")},
			want: dialect.Facts{NoStatements: "the server did not say which session answers"}},
		{name: "lost", wants: statements, errs: map[string]error{pidQuestion: driver.ErrBadConn}, fails: true},
	} {
		s := &dialecttest.Session{Rows: test.rows, Errs: test.errs, Conn: &numbered{pid: 7}}
		have, err := postgres.Dialect.Probe(t.Context(), s, test.wants)
		if fmt.Sprintf("%+v", have) != fmt.Sprintf("%+v", test.want) || (err != nil) != test.fails {
			t.Errorf("%s:\nhave %+v, %v\nwant %+v, an error: %t", test.name, have, err, test.want, test.fails)
		}
		if asked := len(s.Log) > 0; asked != (test.wants != dialect.Wants{}) {
			t.Errorf("%s: have %q", test.name, s.Log)
		}
	}
}

// of is the connector of a driver.
type of struct{ driver driver.Driver }

func (of) Connect(context.Context) (driver.Conn, error) { return nil, errors.New("not reached") }
func (c of) Driver() driver.Driver                      { return c.driver }

// Other drivers than lib/pq keep prepared statements that DISCARD ALL would take away.
func TestReset(t *testing.T) {
	lib, other := of{&pq.Driver{}}, of{nil}
	no := errors.New("no")
	for _, test := range []struct {
		name string
		s    *dialecttest.Session
		log  string
		want string
	}{
		{"lib/pq", &dialecttest.Session{From: lib}, "forget; DISCARD ALL", "<nil>"},
		{"in a transaction", &dialecttest.Session{From: lib, Tx: true}, "ROLLBACK; forget; DISCARD ALL", "<nil>"},
		{"another driver", &dialecttest.Session{From: other},
			"CLOSE ALL; SET SESSION AUTHORIZATION DEFAULT; RESET ALL;", "<nil>"},
		{"nothing to roll back", &dialecttest.Session{
			From: lib, Tx: true, Errs: map[string]error{"ROLLBACK": pgError("25P01")},
		}, "ROLLBACK; forget; DISCARD ALL", "<nil>"},
		{"no rollback", &dialecttest.Session{From: lib, Tx: true, Errs: map[string]error{"ROLLBACK": no}},
			"ROLLBACK", "pooled: reset on return (ROLLBACK): no"},
		{"no reset", &dialecttest.Session{From: lib, Errs: map[string]error{"DISCARD ALL": no}},
			"forget; DISCARD ALL", "pooled: reset on return (DISCARD): no"},
	} {
		err := postgres.Dialect.Reset(t.Context(), test.s, dialect.Facts{})
		log := strings.Join(test.s.Log, "; ")
		if have := fmt.Sprint(err); have != test.want || !strings.HasPrefix(log, test.log) {
			t.Errorf("%s: have %s, sent %q, want %s, %q", test.name, have, log, test.want, test.log)
		}
		if forgotten := slices.Contains(test.s.Log, "forget"); forgotten && test.s.From == other {
			t.Errorf("%s: statements are forgotten", test.name)
		}
	}
}

func TestTooManyConns(t *testing.T) {
	for _, test := range []struct {
		err  error
		want bool
	}{
		{pgError("53300"), true},
		{&pq.Error{Code: "08P01", Message: "no more connections allowed (max_client_conn)"}, true}, // PgBouncer's
		{pgError("08P01"), false}, {pgError("53200"), false}, {errors.New("no"), false}, {nil, false},
	} {
		if have := postgres.Dialect.TooManyConns(test.err); have != test.want {
			t.Errorf("%v: have %t, want %t", test.err, have, test.want)
		}
	}
}

// Where PostgreSQL warns, CockroachDB fails.
func TestNoTransaction(t *testing.T) {
	for _, test := range []struct {
		err  error
		want bool
	}{
		{pgError("25P01"), true},
		{&pq.Error{Code: "XXUUU", Message: "there is no transaction in progress"}, true}, // an older one
		{pgError("25P02"), false}, {pgError("25001"), false}, {errors.New("no"), false},
	} {
		if have := postgres.Dialect.NoTransaction(test.err); have != test.want {
			t.Errorf("%v: have %t, want %t", test.err, have, test.want)
		}
	}
}
