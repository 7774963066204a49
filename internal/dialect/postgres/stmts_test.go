package postgres_test

import (
	"database/sql/driver"
	"errors"
	"fmt"
	"testing"

	"github.com/lib/pq"

	"github.com/pooled-go/pooled/internal/dialect/postgres"
	"github.com/pooled-go/pooled/internal/pooledtest"
	"github.com/pooled-go/pooled/internal/stmtcache"
)

func TestStmtErrors(t *testing.T) {
	for _, test := range []struct {
		err                   error
		stale, unfit, changed bool
	}{
		{&pq.Error{Code: "26000", Routine: "FetchPreparedStatement"}, true, true, false},
		{&pq.Error{Code: "26000", Routine: "another"}, false, true, false},
		{&pq.Error{Code: "0A000", Routine: "RevalidateCachedQuery"}, true, true, true},
		{&pq.Error{Code: "0A000", Routine: "another"}, false, true, true},
		{&pq.Error{Code: "42P01", Position: "15"}, true, true, true},
		{&pq.Error{Code: "42P01"}, false, true, true}, // by a trigger, say
		{&pq.Error{Code: "42P01", Position: "15", Where: "PL/pgSQL function f()"}, false, true, true},
		{&pq.Error{Code: "22P02", Where: "unnamed portal parameter $1"}, true, true, false},
		{&pq.Error{Code: "22012"}, false, true, false},
		{&pq.Error{Code: "23505"}, false, false, false},
		{errors.New("the driver's own"), false, false, false},
	} {
		r, err := postgres.Dialect.Stmts, fmt.Errorf("wrapped: %w", test.err)
		if r.Stale(err) != test.stale || r.Unfit(err) != test.unfit || r.Changed(err) != test.changed {
			t.Errorf("%#v: have stale %t, unfit %t, changed %t", test.err, r.Stale(err), r.Unfit(err), r.Changed(err))
		}
	}
}

// pqConn and others have the fields that are looked for in lib/pq's.
type (
	pqConn struct {
		driver.Conn
		pid int
		cfg struct{ BinaryParameters bool }
	}
	oldConn struct {
		driver.Conn
		pid int
	}
)

// TestStmtsAreForLibPQ: without binary_parameters, and if that can be told.
func TestStmtsAreForLibPQ(t *testing.T) {
	connector, err := pq.NewConnector("host=localhost")
	if err != nil {
		t.Fatal(err)
	}
	if have := postgres.Dialect.Stmts.Unsupported(connector); have != "" {
		t.Errorf("lib/pq's connector: have %q, want no cause", have)
	}
	if have := postgres.Dialect.Stmts.Unsupported(pooledtest.Null{}); have != stmtcache.OtherDriver {
		t.Errorf("another driver's connector: have %q, want %q", have, stmtcache.OtherDriver)
	}
	binary := &pqConn{pid: 1}
	binary.cfg.BinaryParameters = true
	for name, test := range map[string]struct {
		conn driver.Conn
		want string
	}{
		"plain": {&pqConn{pid: 1}, ""}, "binary": {binary, stmtcache.Binary},
		"without a number": {&pqConn{}, stmtcache.OtherConn},
		"another version":  {&oldConn{pid: 1}, "this version of lib/pq is not known"},
	} {
		if _, have := postgres.Dialect.Stmts.Inspect(test.conn); have != test.want {
			t.Errorf("%s: have %q, want %q", name, have, test.want)
		}
	}
}
