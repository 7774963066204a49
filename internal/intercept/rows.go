package intercept

import (
	"context"
	"database/sql/driver"

	"github.com/pooled-go/pooled/internal/driverconn"
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
	driverconn.Rows
	link *link
	ctx  context.Context
}

func newLinkRows(ctx context.Context, l *link, rows driver.Rows) driver.Rows {
	return &linkRows{driverconn.Rows{Rows: rows}, l, ctx}
}

func (r *linkRows) Next(dest []driver.Value) error { return r.link.RowsNext(r.ctx, r.Rows.Rows, dest) }

// Close may come when the context has ended: database/sql closes the Rows for that reason.
func (r *linkRows) Close() error { return r.link.RowsClose(context.WithoutCancel(r.ctx), r.Rows.Rows) }
