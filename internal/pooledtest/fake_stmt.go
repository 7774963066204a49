package pooledtest

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"
	"reflect"
)

// stmt is a statement with no optional interface. The profiles add those.
type stmt struct {
	c      *conn
	query  string
	closed bool
	rows   int // open Rows; like closed touched only by calls on c
}

func (s *stmt) Close() error {
	f := s.c.f
	f.mu.Lock()
	tolerated := s.c.closed && s.c.bad
	f.mu.Unlock()
	if tolerated {
		return nil // database/sql closes a transaction's statements late after ErrBadConn
	}
	leave, err := s.c.enter("stmt close")
	defer leave()
	if s.closed {
		if err == nil { // else that is reported already
			f.violation("c%d: statement %q closed twice", s.c.id, s.query)
		}
		return errClosedStmt
	}
	s.closed = true
	defer f.update(func(n *Counts) { s.c.stmts--; n.StmtsOpen-- })
	if err != nil {
		return err
	}
	if s.rows > 0 {
		f.violation("c%d: statement %q closed with %d Rows open", s.c.id, s.query, s.rows)
	}
	call := f.begun(Call{Conn: s.c.id, Op: "stmt close", Query: s.query})
	err = f.stage(context.Background(), StageStmtClose, s.query, s.c.id)
	f.failed(call, err)
	return err
}

// usable reports a call on a closed statement.
func (s *stmt) usable(what string) error {
	if s.closed {
		s.c.f.violation("c%d: %s of the closed statement %q", s.c.id, what, s.query)
		return errClosedStmt
	}
	return nil
}

func (s *stmt) Exec(args []driver.Value) (driver.Result, error) {
	return s.exec(context.Background(), named(args))
}

func (s *stmt) Query(args []driver.Value) (driver.Rows, error) {
	return s.run(context.Background(), named(args))
}

func (s *stmt) exec(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	if err := s.usable("exec"); err != nil {
		return nil, err
	}
	return s.c.exec(ctx, "stmt exec", s.query, args)
}

func (s *stmt) run(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	if err := s.usable("query"); err != nil {
		return nil, err
	}
	return s.c.query(ctx, "stmt query", s.query, args, s)
}

func named(args []driver.Value) []driver.NamedValue {
	nv := make([]driver.NamedValue, len(args))
	for i, v := range args {
		nv[i] = driver.NamedValue{Ordinal: i + 1, Value: v}
	}
	return nv
}

// resultSet is one result of a query, whole.
type resultSet struct {
	cols  []string
	types []columnType // nil: the driver knows nothing about them
	rows  [][]driver.Value
}

type columnType struct {
	name             string
	scan             reflect.Type
	length           int64
	nullable         bool
	precision, scale int64
}

// rows is a result with no optional interface.
type rows struct {
	ctx    context.Context
	c      *conn
	s      *stmt // nil if the query wasn't prepared
	query  string
	sets   []resultSet
	next   int
	closed bool
}

// typedRows is a result with all optional interfaces.
type typedRows struct{ *rows }

var (
	_ driver.RowsNextResultSet              = typedRows{}
	_ driver.RowsColumnTypeDatabaseTypeName = typedRows{}
	_ driver.RowsColumnTypeLength           = typedRows{}
	_ driver.RowsColumnTypeNullable         = typedRows{}
	_ driver.RowsColumnTypePrecisionScale   = typedRows{}
	_ driver.RowsColumnTypeScanType         = typedRows{}
)

// newRows gives a result only the interfaces it needs, so that a wrapper that adds or hides some is found out.
func newRows(ctx context.Context, c *conn, s *stmt, query string, sets []resultSet) driver.Rows {
	r := &rows{ctx: ctx, c: c, s: s, query: query, sets: sets}
	if s != nil {
		s.rows++
	}
	c.f.update(func(n *Counts) { c.rows++; n.RowsOpen++ })
	if len(sets) > 1 || sets[0].types != nil {
		return typedRows{r}
	}
	return r
}

func (r *rows) Columns() []string { return r.sets[0].cols }

func (r *rows) Close() error {
	leave, err := r.c.enter("rows close")
	defer leave()
	if r.closed {
		r.c.f.violation("c%d: Rows of %q closed twice", r.c.id, r.query)
		return errors.New("fake: Rows are closed")
	}
	r.closed = true
	if r.s != nil {
		r.s.rows--
	}
	r.c.f.update(func(n *Counts) { r.c.rows--; n.RowsOpen-- })
	return err
}

func (r *rows) Next(dest []driver.Value) error {
	leave, err := r.c.enter("rows next")
	defer leave()
	if err != nil {
		return err
	}
	if r.closed {
		r.c.f.violation("c%d: Next of closed Rows of %q", r.c.id, r.query)
		return errors.New("fake: Rows are closed")
	}
	if err = r.ctx.Err(); err == nil {
		err = r.c.f.stage(r.ctx, StageNext, r.query, r.c.id)
	}
	if err != nil {
		r.c.ended(r.ctx, err)
		return err
	}
	if r.next >= len(r.sets[0].rows) {
		return io.EOF
	}
	copy(dest, r.sets[0].rows[r.next])
	r.next++
	return nil
}

func (r typedRows) HasNextResultSet() bool { return len(r.sets) > 1 }

func (r typedRows) NextResultSet() error {
	if len(r.sets) < 2 {
		return io.EOF
	}
	r.sets, r.next = r.sets[1:], 0
	return nil
}

func (r typedRows) column(i int) columnType {
	if r.sets[0].types == nil {
		return columnType{name: "TEXT", scan: reflect.TypeFor[string]()}
	}
	return r.sets[0].types[i]
}

func (r typedRows) ColumnTypeDatabaseTypeName(i int) string    { return r.column(i).name }
func (r typedRows) ColumnTypeScanType(i int) reflect.Type      { return r.column(i).scan }
func (r typedRows) ColumnTypeNullable(i int) (yes, known bool) { return r.column(i).nullable, true }

func (r typedRows) ColumnTypeLength(i int) (int64, bool) {
	n := r.column(i).length
	return n, n > 0
}

func (r typedRows) ColumnTypePrecisionScale(i int) (precision, scale int64, ok bool) {
	t := r.column(i)
	return t.precision, t.scale, t.precision > 0
}
