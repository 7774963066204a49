package driverconn_test

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"
	"reflect"
	"slices"
	"testing"

	"github.com/pooled-go/pooled/internal/driverconn"
)

// rows are as many as are in it.
type rows struct {
	columns int
	all     [][]driver.Value
	err     error // after the last
	closed  *error
}

func (r *rows) Columns() []string { return make([]string, r.columns) }
func (r *rows) Close() error      { return *r.closed }
func (r *rows) Next(dest []driver.Value) error {
	if len(r.all) == 0 {
		return r.err
	}
	copy(dest, r.all[0])
	r.all = r.all[1:]
	return nil
}

// oneConn answers every query with rows, as a text or, by way of ErrSkip, as a prepared statement.
type oneConn struct {
	driver.Conn
	rows     rows
	prepares bool
	log      []string
}

func (c *oneConn) ExecContext(context.Context, string, []driver.NamedValue) (driver.Result, error) {
	if c.prepares {
		return nil, driver.ErrSkip
	}
	c.log = append(c.log, "exec")
	return driver.ResultNoRows, c.rows.err
}

func (c *oneConn) QueryContext(context.Context, string, []driver.NamedValue) (driver.Rows, error) {
	if c.prepares {
		return nil, driver.ErrSkip
	}
	c.log = append(c.log, "query")
	return &c.rows, nil
}

func (c *oneConn) Prepare(string) (driver.Stmt, error) {
	c.log = append(c.log, "prepare")
	return oneStmt{c}, nil
}

type oneStmt struct{ c *oneConn }

func (s oneStmt) NumInput() int { return 0 }
func (s oneStmt) Close() error {
	s.c.log = append(s.c.log, "close")
	return nil
}
func (s oneStmt) Exec([]driver.Value) (driver.Result, error) {
	s.c.log = append(s.c.log, "stmt exec")
	return driver.ResultNoRows, s.c.rows.err
}
func (s oneStmt) Query([]driver.Value) (driver.Rows, error) {
	s.c.log = append(s.c.log, "stmt query")
	return &s.c.rows, nil
}

var errTest = errors.New("test")

func TestQueryRow(t *testing.T) {
	bytes := []byte("abc")
	for _, test := range []struct {
		name   string
		rows   rows
		closed error
		want   []driver.Value
		err    string
	}{
		{"a row", rows{columns: 3, all: [][]driver.Value{{int64(1), bytes, nil}, {}}}, nil,
			[]driver.Value{int64(1), "abc", nil}, ""},
		{"no row", rows{columns: 1, err: io.EOF}, nil, nil, "no row"},
		{"no column", rows{all: [][]driver.Value{{}}}, nil, nil, "no column"},
		{"an error", rows{columns: 1, err: errTest}, nil, nil, "test"},
		{"an error of Close", rows{columns: 1, all: [][]driver.Value{{"a"}}}, errTest, nil, "test"},
	} {
		for _, prepares := range []bool{false, true} {
			test.rows.closed = &test.closed
			c := &oneConn{rows: test.rows, prepares: prepares}
			conn := driverconn.Of(c)
			have, err := conn.QueryRow(context.Background(), "SELECT", nil)
			if !slices.Equal(have, test.want) || (err == nil) != (test.err == "") || err != nil && err.Error() != test.err {
				t.Errorf("%s: have %v %v, want %v %s", test.name, have, err, test.want, test.err)
			}
			want := []string{"query"}
			if prepares {
				want = []string{"prepare", "stmt query", "close"}
			}
			if !slices.Equal(c.log, want) {
				t.Errorf("%s: have %q, want %q", test.name, c.log, want)
			}
		}
	}
	if string(bytes) != "abc" {
		t.Error("the driver's bytes were changed")
	}
}

func TestRun(t *testing.T) {
	closeErr := errors.New("close")
	for _, test := range []struct {
		name     string
		prepares bool
		err      error
		closer   bool
		want     []string
		errs     []error
	}{
		{"a text", false, nil, true, []string{"exec"}, nil},
		{"a text that fails", false, errTest, true, []string{"exec"}, []error{errTest}},
		{"prepared", true, nil, false, []string{"prepare", "stmt exec", "close"}, nil},
		{"prepared, with a closer", true, errTest, true,
			[]string{"prepare", "stmt exec", "closer"}, []error{errTest, closeErr}},
	} {
		c := &oneConn{prepares: test.prepares, rows: rows{err: test.err}}
		var closes driverconn.StmtCloser
		if test.closer {
			closes = func(context.Context, driver.Stmt) error {
				c.log = append(c.log, "closer")
				return closeErr
			}
		}
		conn := driverconn.Of(c)
		err := conn.Run(context.Background(), "UPDATE", closes)
		if !slices.Equal(c.log, test.want) || (err == nil) != (test.errs == nil) {
			t.Errorf("%s: have %q %v, want %q", test.name, c.log, err, test.want)
		}
		for _, want := range test.errs {
			if !errors.Is(err, want) {
				t.Errorf("%s: have %v, want %v in it", test.name, err, want)
			}
		}
	}
}

// TestRowsThatLackInterfaces: what database/sql assumes of a driver's Rows that have none of the optional ones.
func TestRowsThatLackInterfaces(t *testing.T) {
	r := driverconn.Rows{Rows: &rows{}}
	length, hasLength := r.ColumnTypeLength(0)
	nullable, known := r.ColumnTypeNullable(0)
	precision, scale, decimal := r.ColumnTypePrecisionScale(0)
	have := []any{
		r.HasNextResultSet(), r.NextResultSet(), r.ColumnTypeDatabaseTypeName(0), length, hasLength,
		nullable, known, precision, scale, decimal, r.ColumnTypeScanType(0),
	}
	want := []any{false, io.EOF, "", int64(0), false, false, false, int64(0), int64(0), false, reflect.TypeFor[any]()}
	if !slices.Equal(have, want) {
		t.Errorf("have %v, want %v", have, want)
	}
}

func TestNamed(t *testing.T) {
	have := driverconn.Named([]driver.Value{"a", int64(2)})
	want := []driver.NamedValue{{Ordinal: 1, Value: "a"}, {Ordinal: 2, Value: int64(2)}}
	if !slices.Equal(have, want) {
		t.Errorf("have %v, want %v", have, want)
	}
}
