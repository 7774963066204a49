package doctor

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/go-sql-driver/mysql"
	"github.com/lib/pq"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/internal/pooledtest"
)

// An error that says nothing about what was asked is no answer.
func TestNoAnswer(t *testing.T) {
	for _, test := range []struct {
		err  error
		want bool
	}{
		{driver.ErrBadConn, true},
		{pooled.ErrConnLost, true},
		{pooled.ErrSessionEnded, true},
		{fmt.Errorf("%w: %w", pooled.ErrSessionEnded, &pq.Error{Code: "42601"}), true}, // whatever its reason
		{io.EOF, true},
		{context.Canceled, true},
		{&pq.Error{Code: "57P01"}, true}, // shut down, or terminated by an administrator
		{&pq.Error{Code: "57014"}, true}, // canceled, or statement_timeout
		{&pq.Error{Code: "08006"}, true},
		{&pq.Error{Code: "53300"}, true},
		{&pq.Error{Code: "25P03"}, true},
		{&pq.Error{Code: "42P01"}, false},
		{&pq.Error{Code: "3B001"}, false},
		{fmt.Errorf("wrapped: %w", &pq.Error{Code: "42P01"}), false},
		{&mysql.MySQLError{Number: 1927}, true},
		{&mysql.MySQLError{Number: 1317}, true},
		{&mysql.MySQLError{Number: 1305}, false},
	} {
		if have := noAnswer(test.err); have != test.want {
			t.Errorf("%v: have %t, want %t", test.err, have, test.want)
		}
	}
}

// A session that is ended in the middle of a probe has not answered it, though the server says so with a number.
func TestAnswerOfASessionThatEnds(t *testing.T) {
	for _, test := range []struct {
		dsn   func(testing.TB) string
		probe string
	}{
		{pooledtest.Postgres, "SELECT pg_terminate_backend(pg_backend_pid())"},
		{pooledtest.MySQL, "KILL QUERY CONNECTION_ID()"},
		{pooledtest.MySQL, "KILL CONNECTION_ID()"},
	} {
		x, _ := newExamAt(t, test.dsn(t))
		err := x.with(nil, func(s *session) error {
			return s.use(t.Context(), func(conn *sql.Conn) error {
				_, err := answer(t.Context(), conn, test.probe)
				return err
			})
		})
		if err == nil {
			t.Errorf("%s: have no error", test.probe)
		}
	}
}

// newExamAt is an examination through a proxy.
func newExamAt(t *testing.T, dsn string) (*exam, *pooledtest.Proxy) {
	t.Helper()
	p := pooledtest.NewProxy(t, dsn)
	x, err := newExam(p.DSN(), 1)
	if err != nil {
		t.Fatal(err)
	}
	return x, p
}

// Where a connection is lost in the middle of a check, nothing is concluded but that the check could not be finished.
func TestDoctorConcludesNothingFromALoss(t *testing.T) {
	for _, test := range []struct {
		name string
		dsn  func(testing.TB) string
		cut  string
		run  func(ctx context.Context, x *exam) error
	}{
		{"which session", pooledtest.PostgresPlain, "pg_stat_activity", func(ctx context.Context, x *exam) error {
			return x.with(nil, func(s *session) error {
				conn, err := s.db.Conn(ctx)
				if err != nil {
					return err
				}
				defer conn.Close()
				return x.learnSession(ctx, conn)
			})
		}},
		{"pooler", pooledtest.PostgresPlain, "pg_stat_activity", checkPooler},
		{"transactions", pooledtest.PostgresPlain, "Query SELECT 1", func(ctx context.Context, x *exam) error {
			_, err := x.transacts(ctx)
			return err
		}},
		{"limits", pooledtest.PostgresPlain, "max_connections", checkLimits},
		{"limits", pooledtest.MySQLPlain, "Threads_connected", checkLimits},
		{"server", pooledtest.MySQLPlain, "Ssl_cipher", checkServer},
	} {
		t.Run(test.name, func(t *testing.T) {
			x, p := newExamAt(t, test.dsn(t))
			p.On(test.cut, p.CloseAll)
			if err := test.run(t.Context(), x); err == nil || errors.Is(err, errAlone) || errors.Is(err, errRefused) {
				t.Errorf("have %v, want the loss", err)
			}
			if x.pooler != poolerNone || x.alone || len(x.sessions) > 0 {
				t.Errorf("have pooler %v, alone %t, sessions %q, want nothing concluded", x.pooler, x.alone, x.sessions)
			}
			for _, f := range x.report.final().Findings {
				if f.ID != "dsn" && f.ID != "server" && f.ID != "tls" {
					t.Errorf("have %+v, want no finding", f)
				}
			}
		})
	}
}

// One connection that is lost in a transaction does not show that there can be none.
func TestDoctorTriesTransactionsAgain(t *testing.T) {
	x, p := newExamAt(t, pooledtest.PostgresPlain(t))
	p.On("BEGIN", p.CloseAll)
	if transacts, err := x.transacts(t.Context()); !transacts || err != nil {
		t.Errorf("have %t, %v, want transactions", transacts, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if transacts, err := x.transacts(ctx); transacts || err == nil {
		t.Errorf("have %t, %v, want the end of the context", transacts, err)
	}
}

// A kind of which the connection was lost on the way was not tried.
func TestDoctorFindsNoLeakInALoss(t *testing.T) {
	for _, s := range []struct {
		dsn   func(testing.TB) string
		kinds []leakKind
	}{{pooledtest.PostgresPlain, postgresLeaks}, {pooledtest.MySQLPlain, mysqlLeaks}} {
		for _, k := range s.kinds {
			x, p := newExamAt(t, s.dsn(t))
			text := k.do[len(k.do)-1]
			text, _, _ = strings.Cut(text, "{")
			p.On(strings.TrimSpace(text), p.CloseAll)
			if l := x.examineLeak(t.Context(), k); l.Result != leakNotTried {
				t.Errorf("%s: have %+v, want it not tried", k.name, l)
			}
		}
	}
}

// A reset that failed does not show how the mode resets.
func TestDoctorOnResetsThatFail(t *testing.T) {
	x, p := newExamAt(t, pooledtest.PostgresPlain(t))
	p.On("ROLLBACK", p.CloseAll)
	if err := checkReset(t.Context(), x); err != nil {
		t.Fatal(err)
	}
	r := x.report.final()
	wantFinding(t, r, "reset", levelWarning, "1 of 10 resets failed", "the server's log")
	if sent := r.Latency[0].Sent; sent != "ROLLBACK" {
		t.Errorf("have %q sent, want ROLLBACK", sent)
	}
}

// A server that lets no second session in is no pooler.
func TestDoctorIsRefusedASecondSession(t *testing.T) {
	if testing.Short() {
		t.Skip("it waits some seconds for a second session: not with -short")
	}
	admin := pooledtest.OpenDB(t, "postgres", pooledtest.Postgres(t))
	const drop = "DROP ROLE IF EXISTS doctor_single"
	for _, text := range []string{drop, "CREATE ROLE doctor_single LOGIN PASSWORD 'x' CONNECTION LIMIT 1"} {
		if _, err := admin.Exec(text); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		if _, err := admin.Exec(drop); err != nil {
			t.Error(err)
		}
	})
	_, rest, _ := strings.Cut(pooledtest.Postgres(t), "@")
	x, err := newExam("postgres://doctor_single:x@"+rest, 1)
	if err != nil {
		t.Fatal(err)
	}
	err = checkPooler(t.Context(), x)
	if !errors.Is(err, errRefused) || errorCode(err) != "53300" {
		t.Errorf("have %v, want the server's refusal", err)
	}
	if x.pooler != poolerNone || !x.alone {
		t.Errorf("have pooler %v, alone %t, want no pooler, and that there is no room for two", x.pooler, x.alone)
	}
}

// Sessions of which the server did not say which they are are not the same one.
func TestRepeated(t *testing.T) {
	for _, test := range []struct {
		ids  []string
		want bool
	}{{nil, false}, {[]string{"1"}, false}, {[]string{"1", "2", "3", "4"}, false}, {[]string{"1", "2", "1"}, true}} {
		if have := repeated(test.ids); have != test.want {
			t.Errorf("%q: have %t, want %t", test.ids, have, test.want)
		}
	}
}
