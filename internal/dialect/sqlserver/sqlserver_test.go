package sqlserver_test

import (
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"

	"github.com/pooled-go/pooled/internal/dialect"
	"github.com/pooled-go/pooled/internal/dialect/dialecttest"
	"github.com/pooled-go/pooled/internal/dialect/sqlserver"
)

// A session that does not say whether it commits by itself is taken for one that does not.
func TestProbe(t *testing.T) {
	const question = "SELECT CASE WHEN @@OPTIONS & 2 = 2 THEN 0 ELSE 1 END"
	for _, test := range []struct {
		answer any
		off    bool
		fails  bool
	}{
		{int64(1), false, false},
		{int64(0), true, false},
		{errors.New("no such variable"), true, false},
		{io.EOF, true, true},
	} {
		s := &dialecttest.Session{}
		if err, failed := test.answer.(error); failed {
			s.Errs = map[string]error{question: err}
		} else {
			s.Rows = map[string][]driver.Value{question: {test.answer}}
		}
		facts, err := sqlserver.Dialect.Probe(t.Context(), s, dialect.Wants{})
		if facts.AutoOff != test.off || (err != nil) != test.fails {
			t.Errorf("%v: have %+v, %v", test.answer, facts, err)
		}
	}
}

// resetter is a connection whose driver resets the session.
type resetter struct {
	driver.Conn
	driver.SessionResetter
}

func TestReset(t *testing.T) {
	const rollback = "IF @@TRANCOUNT > 0 ROLLBACK"
	no := errors.New("no")
	for _, test := range []struct {
		name string
		s    *dialecttest.Session
		log  []string
		want string
	}{
		{"a driver that can't", &dialecttest.Session{Tx: true}, nil, fmt.Sprint(dialect.ErrReopen)},
		{"nothing to end", &dialecttest.Session{Conn: resetter{}}, nil, "<nil>"},
		{"a transaction", &dialecttest.Session{Conn: resetter{}, Tx: true}, []string{rollback}, "<nil>"},
		{"an error", &dialecttest.Session{Conn: resetter{}, Tx: true, Errs: map[string]error{rollback: no}},
			[]string{rollback}, "pooled: reset on return (" + rollback + "): no"},
	} {
		err := sqlserver.Dialect.Reset(t.Context(), test.s, dialect.Facts{})
		if have := fmt.Sprint(err); have != test.want || !slices.Equal(test.s.Log, test.log) {
			t.Errorf("%s: have %s, sent %q, want %s, %q", test.name, have, test.s.Log, test.want, test.log)
		}
	}
}
