package mysql_test

import (
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	driverpkg "github.com/go-sql-driver/mysql"

	"github.com/pooled-go/pooled/internal/dialect/mysql"
	"github.com/pooled-go/pooled/internal/pooledtest"
	"github.com/pooled-go/pooled/internal/stmtcache"
)

// TestStmtKinds: a statement is kept for arguments of the same types, and for no long one and none with a name.
func TestStmtKinds(t *testing.T) {
	const packet = 1 << 20
	kind := func(values ...driver.Value) string {
		args := make([]driver.NamedValue, len(values))
		for i, v := range values {
			args[i] = driver.NamedValue{Ordinal: i + 1, Value: v}
		}
		kind, ok := mysql.Dialect.Stmts.Kinds(args, packet)
		if !ok {
			return "none"
		}
		return fmt.Sprint(kind)
	}
	alike := [][]driver.Value{
		{nil, []byte(nil)}, {int64(1), int64(-1)}, {uint64(1), uint64(2)}, {1.5, 0.0}, {true, false},
		{"a", []byte("b"), time.Unix(0, 0), ""},
	}
	seen := map[string]driver.Value{}
	for _, values := range alike {
		for _, v := range values {
			if kind(v) != kind(values[0]) {
				t.Errorf("%T and %T are of different kinds", v, values[0])
			}
		}
		if other, found := seen[kind(values[0])]; found {
			t.Errorf("%T and %T are of one kind", values[0], other)
		}
		seen[kind(values[0])] = values[0]
	}
	if kind(int64(1), "a") == kind("a", int64(1)) || kind(int64(1)) == kind(int64(1), int64(1)) {
		t.Error("the order and the number of arguments do not count")
	}
	long := strings.Repeat("x", packet/2)
	for name, values := range map[string][]driver.Value{
		"long text": {long}, "long bytes": {int64(1), []byte(long)}, "another type": {struct{}{}},
	} {
		if have := kind(values...); have != "none" {
			t.Errorf("%s: have kind %s", name, have)
		}
	}
	if _, ok := mysql.Dialect.Stmts.Kinds([]driver.NamedValue{{Ordinal: 1, Name: "a", Value: int64(1)}}, packet); ok {
		t.Error("a name has a kind")
	}
}

func TestStmtErrors(t *testing.T) {
	server := func(number uint16) error { return fmt.Errorf("wrapped: %w", &driverpkg.MySQLError{Number: number}) }
	for _, test := range []struct {
		err                error
		stale, unfit, full bool
	}{
		{server(1243), true, false, false}, // ER_UNKNOWN_STMT_HANDLER
		{server(1615), true, false, false}, // ER_NEED_REPREPARE
		{server(1461), true, false, true},  // ER_MAX_PREPARED_STMT_COUNT_REACHED
		{server(1062), false, false, false},
		{errors.New("the driver's own"), false, true, false},
	} {
		r := mysql.Dialect.Stmts
		if r.Stale(test.err) != test.stale || r.Unfit(test.err) != test.unfit || r.Full(test.err) != test.full {
			t.Errorf("%v: have stale %t, unfit %t, full %t", test.err,
				r.Stale(test.err), r.Unfit(test.err), r.Full(test.err))
		}
		if r.Changed(test.err) {
			t.Errorf("%v tells of a change", test.err)
		}
	}
}

// interpolating is a connector of a DSN with interpolateParams.
type interpolating struct{ driver.Connector }

func (interpolating) InterpolatesParams() bool { return true }

func TestStmtsAreForGoSQLDriver(t *testing.T) {
	connector, err := driverpkg.NewConnector(driverpkg.NewConfig())
	if err != nil {
		t.Fatal(err)
	}
	null := pooledtest.Null{}
	for _, test := range []struct {
		connector driver.Connector
		want      string
	}{
		{connector, ""}, {interpolating{connector}, stmtcache.Interpolates}, {null, stmtcache.OtherDriver},
	} {
		if have := mysql.Dialect.Stmts.Unsupported(test.connector); have != test.want {
			t.Errorf("%T: have %q, want %q", test.connector, have, test.want)
		}
	}
	conn, err := null.Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, have := mysql.Dialect.Stmts.Inspect(conn); have != stmtcache.OtherConn {
		t.Errorf("another driver's connection: have %q, want %q", have, stmtcache.OtherConn)
	}
}
