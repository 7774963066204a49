package mysql_test

import (
	"database/sql/driver"
	"errors"
	"fmt"
	"testing"

	driverpkg "github.com/go-sql-driver/mysql"

	"github.com/pooled-go/pooled/internal/dialect/mysql"
	"github.com/pooled-go/pooled/internal/pooledtest"
	"github.com/pooled-go/pooled/internal/stmtcache"
)

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
