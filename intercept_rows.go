package pooled

import (
	"context"
	"database/sql/driver"
	"io"
	"reflect"
)

var (
	_ driver.RowsNextResultSet              = (*linkRows)(nil)
	_ driver.RowsColumnTypeDatabaseTypeName = (*linkRows)(nil)
	_ driver.RowsColumnTypeLength           = (*linkRows)(nil)
	_ driver.RowsColumnTypeNullable         = (*linkRows)(nil)
	_ driver.RowsColumnTypePrecisionScale   = (*linkRows)(nil)
	_ driver.RowsColumnTypeScanType         = (*linkRows)(nil)
)

// linkRows are Rows that an interceptor watches.
type linkRows struct {
	anyRows
	link *link
	ctx  context.Context
}

func newLinkRows(ctx context.Context, l *link, rows driver.Rows) driver.Rows {
	return &linkRows{anyRows{rows}, l, ctx}
}

func (r *linkRows) Next(dest []driver.Value) error { return r.link.RowsNext(r.ctx, r.Rows, dest) }

// Close may come when the context has ended: database/sql closes the Rows for that reason.
func (r *linkRows) Close() error { return r.link.RowsClose(context.WithoutCancel(r.ctx), r.Rows) }

// anyRows are Rows in a wrapper. They have every optional interface; for one that the parent's Rows
// lack they answer what database/sql takes for granted then, so that nobody can tell.
type anyRows struct{ driver.Rows }

func (r anyRows) HasNextResultSet() bool {
	rows, ok := r.Rows.(driver.RowsNextResultSet)
	return ok && rows.HasNextResultSet()
}

func (r anyRows) NextResultSet() error {
	if rows, ok := r.Rows.(driver.RowsNextResultSet); ok {
		return rows.NextResultSet()
	}
	return io.EOF
}

func (r anyRows) ColumnTypeDatabaseTypeName(index int) string {
	if rows, ok := r.Rows.(driver.RowsColumnTypeDatabaseTypeName); ok {
		return rows.ColumnTypeDatabaseTypeName(index)
	}
	return ""
}

func (r anyRows) ColumnTypeLength(index int) (length int64, ok bool) {
	if rows, ok := r.Rows.(driver.RowsColumnTypeLength); ok {
		return rows.ColumnTypeLength(index)
	}
	return 0, false
}

func (r anyRows) ColumnTypeNullable(index int) (nullable, ok bool) {
	if rows, ok := r.Rows.(driver.RowsColumnTypeNullable); ok {
		return rows.ColumnTypeNullable(index)
	}
	return false, false
}

func (r anyRows) ColumnTypePrecisionScale(index int) (precision, scale int64, ok bool) {
	if rows, ok := r.Rows.(driver.RowsColumnTypePrecisionScale); ok {
		return rows.ColumnTypePrecisionScale(index)
	}
	return 0, 0, false
}

func (r anyRows) ColumnTypeScanType(index int) reflect.Type {
	if rows, ok := r.Rows.(driver.RowsColumnTypeScanType); ok {
		return rows.ColumnTypeScanType(index)
	}
	return reflect.TypeFor[any]()
}
