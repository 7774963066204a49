package driverconn

import (
	"database/sql/driver"
	"io"
	"reflect"
)

var (
	_ driver.RowsNextResultSet              = Rows{}
	_ driver.RowsColumnTypeDatabaseTypeName = Rows{}
	_ driver.RowsColumnTypeLength           = Rows{}
	_ driver.RowsColumnTypeNullable         = Rows{}
	_ driver.RowsColumnTypePrecisionScale   = Rows{}
	_ driver.RowsColumnTypeScanType         = Rows{}
)

// Rows are a driver's Rows, for a wrapper to embed. They have every optional interface; for one that the driver's lack
// they answer what database/sql assumes then, so that a program can't tell.
type Rows struct{ driver.Rows }

// HasNextResultSet reports whether there is another result set.
func (r Rows) HasNextResultSet() bool {
	rows, ok := r.Rows.(driver.RowsNextResultSet)
	return ok && rows.HasNextResultSet()
}

// NextResultSet goes on to the next result set.
func (r Rows) NextResultSet() error {
	if rows, ok := r.Rows.(driver.RowsNextResultSet); ok {
		return rows.NextResultSet()
	}
	return io.EOF
}

// ColumnTypeDatabaseTypeName is the server's name of the type, or empty.
func (r Rows) ColumnTypeDatabaseTypeName(index int) string {
	if rows, ok := r.Rows.(driver.RowsColumnTypeDatabaseTypeName); ok {
		return rows.ColumnTypeDatabaseTypeName(index)
	}
	return ""
}

// ColumnTypeLength is the length of a type that varies in length.
func (r Rows) ColumnTypeLength(index int) (length int64, ok bool) {
	if rows, ok := r.Rows.(driver.RowsColumnTypeLength); ok {
		return rows.ColumnTypeLength(index)
	}
	return 0, false
}

// ColumnTypeNullable reports whether the column may be NULL.
func (r Rows) ColumnTypeNullable(index int) (nullable, ok bool) {
	if rows, ok := r.Rows.(driver.RowsColumnTypeNullable); ok {
		return rows.ColumnTypeNullable(index)
	}
	return false, false
}

// ColumnTypePrecisionScale is what a decimal type has.
func (r Rows) ColumnTypePrecisionScale(index int) (precision, scale int64, ok bool) {
	if rows, ok := r.Rows.(driver.RowsColumnTypePrecisionScale); ok {
		return rows.ColumnTypePrecisionScale(index)
	}
	return 0, 0, false
}

// ColumnTypeScanType is the Go type to scan into.
func (r Rows) ColumnTypeScanType(index int) reflect.Type {
	if rows, ok := r.Rows.(driver.RowsColumnTypeScanType); ok {
		return rows.ColumnTypeScanType(index)
	}
	return reflect.TypeFor[any]()
}
