package mysql_test

import (
	"database/sql/driver"
	"errors"
	"fmt"
	"testing"

	driverpkg "github.com/go-sql-driver/mysql"

	"github.com/pooled-go/pooled/internal/dialect"
	"github.com/pooled-go/pooled/internal/dialect/dialecttest"
	"github.com/pooled-go/pooled/internal/dialect/mysql"
)

func TestReadOnly(t *testing.T) {
	const running = "server is running with the %s option so it cannot execute this statement"
	for _, test := range []struct {
		err  error
		want bool
	}{
		{serverError(1290, fmt.Sprintf("The MySQL "+running, "--read-only")), true},
		{serverError(1290, fmt.Sprintf("The MySQL "+running, "--super-read-only")), true},
		{serverError(1290, fmt.Sprintf("The MariaDB "+running, "--read-only")), true},
		{serverError(1290, "Der MySQL-Server l\u00e4uft mit der Option --read-only"), true},
		{serverError(1792, "Cannot execute statement in a READ ONLY transaction"), true},
		{serverError(1836, "Running in read-only mode"), true},
		{serverError(1290, fmt.Sprintf("The MySQL "+running, "--secure-file-priv")), false},
		{serverError(1290, fmt.Sprintf("The MySQL "+running, "--skip-grant-tables")), false},
		{serverError(1290, fmt.Sprintf("The MySQL "+running, "--innodb-read-only")), false},
		{serverError(1142, "INSERT command denied to user 'app'@'%' for table 't'"), false},
		{serverError(1036, "Table 't' is read only"), false},
		{errors.New("--read-only"), false},
		{driverpkg.ErrInvalidConn, false},
		{nil, false},
	} {
		if have := mysql.Dialect.ReadOnly(test.err); have != test.want {
			t.Errorf("%v: have %t, want %t", test.err, have, test.want)
		}
		if test.err != nil && mysql.Dialect.ReadOnly(fmt.Errorf("exec: %w", test.err)) != test.want {
			t.Errorf("%v, wrapped: want %t", test.err, test.want)
		}
	}
}

func TestRole(t *testing.T) {
	const question = "SELECT " + askRole
	lost := errors.New("lost")
	for _, test := range []struct {
		name     string
		rows     map[string][]driver.Value
		errs     map[string]error
		readOnly bool
		err      error
	}{
		{name: "writable", rows: map[string][]driver.Value{question: {int64(0), int64(0)}}},
		{name: "read-only", rows: map[string][]driver.Value{question: {int64(1), int64(0)}}, readOnly: true},
		{name: "InnoDB is", rows: map[string][]driver.Value{question: {int64(0), int64(1)}}, readOnly: true},
		{name: "no InnoDB", errs: map[string]error{question: unknown("innodb_read_only")},
			rows: map[string][]driver.Value{"SELECT @@read_only": {"ON"}}, readOnly: true},
		{name: "unknown", rows: map[string][]driver.Value{question: {nil, nil}}, err: dialect.ErrNoRole},
		{name: "lost", errs: map[string]error{question: lost}, err: lost},
	} {
		s := &dialecttest.Session{Rows: test.rows, Errs: test.errs}
		readOnly, err := mysql.Dialect.Role(t.Context(), s)
		if readOnly != test.readOnly || err != test.err {
			t.Errorf("%s: have %t, %v", test.name, readOnly, err)
		}
	}
	s := &dialecttest.Session{Errs: map[string]error{
		question: unknown("innodb_read_only"), "SELECT @@read_only": unknown("read_only"),
	}}
	if _, err := mysql.Dialect.Role(t.Context(), s); err == nil {
		t.Error("a server without the variables: have no error")
	}
}
