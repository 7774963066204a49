package postgres_test

import (
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/pooled-go/pooled/internal/dialect"
	"github.com/pooled-go/pooled/internal/dialect/dialecttest"
	"github.com/pooled-go/pooled/internal/dialect/postgres"
)

const roleQuestion = "SELECT CASE WHEN pg_catalog.pg_is_in_recovery() OR EXISTS (SELECT 1 FROM " +
	"pg_catalog.pg_settings WHERE name = 'default_transaction_read_only' AND reset_val = 'on' AND source <> 'client') " +
	"THEN 1 ELSE 0 END"

func TestReadOnly(t *testing.T) {
	for _, test := range []struct {
		err  error
		want bool
	}{
		{pgError("25006"), true},
		{otherError{"25006", "cannot execute INSERT in a read-only transaction"}, true},
		{fmt.Errorf("exec: %w", pgError("25006")), true},
		{pgError("25P02"), false}, {pgError("42501"), false}, {errors.New("25006"), false}, {nil, false},
	} {
		if have := postgres.Dialect.ReadOnly(test.err); have != test.want {
			t.Errorf("%v: have %t, want %t", test.err, have, test.want)
		}
	}
}

// What is asked later is asked of a new session too, if somebody wants to know.
func TestRole(t *testing.T) {
	for _, test := range []struct {
		answer          any
		readOnly, known bool
		fails           bool // to open
	}{
		{answer: int64(0), known: true},
		{answer: "0", known: true},
		{answer: int64(1), readOnly: true, known: true},
		{answer: "1", readOnly: true, known: true},
		{answer: nil},
		{answer: "maybe"},
		{answer: pgError("42883")},
		{answer: pgError("25P02")},
		{answer: pgError("57P01"), fails: true},
		{answer: io.EOF, fails: true},
	} {
		s := &dialecttest.Session{Rows: map[string][]driver.Value{}, Errs: map[string]error{}}
		if err, failed := test.answer.(error); failed {
			s.Errs[roleQuestion] = err
		} else {
			s.Rows[roleQuestion] = []driver.Value{test.answer}
		}
		readOnly, err := postgres.Dialect.Role(t.Context(), s)
		if readOnly != test.readOnly || (err == nil) != test.known {
			t.Errorf("%v: have %t, %v", test.answer, readOnly, err)
		}
		facts, err := postgres.Dialect.Probe(t.Context(), s, dialect.Wants{Role: true})
		want := dialect.Facts{ReadOnly: test.readOnly, RoleKnown: test.known}
		if fmt.Sprint(facts) != fmt.Sprint(want) || (err != nil) != test.fails {
			t.Errorf("%v: have %+v, %v, want %+v, an error: %t", test.answer, facts, err, want, test.fails)
		}
	}
}
