package stmtcache

import (
	"context"
	"database/sql/driver"
	"io"

	"github.com/pooled-go/pooled/internal/driverconn"
)

// execKept runs a kept statement. lib/pq closes a connection when a context ends while it runs a text, since the
// request to cancel that goes out then may reach the server late, and hit the next statement. It does not where it
// runs a prepared statement, so that is done here.
func (c *Cache) execKept(ctx context.Context, stmt driver.Stmt, args []driver.NamedValue) (driver.Result, error) {
	result, err := driverconn.ExecStmt(ctx, stmt, args)
	if c.rules.WatchRows {
		c.cutIfEnded(ctx)
	}
	return result, err
}

// queryKept is like execKept; the connection is given up when the Rows are closed.
func (c *Cache) queryKept(ctx context.Context, stmt driver.Stmt, args []driver.NamedValue) (driver.Rows, error) {
	rows, err := driverconn.QueryStmt(ctx, stmt, args)
	if !c.rules.WatchRows {
		return rows, err
	}
	if err != nil {
		c.cutIfEnded(ctx)
		return nil, err
	}
	watched := c.watch(rows, &c.keptRows)
	watched.ctx = ctx
	return watched, nil
}

// cutIfEnded ends the lease on this connection if the context has ended.
func (c *Cache) cutIfEnded(ctx context.Context) {
	if err := ctx.Err(); err != nil {
		c.host.Cut(err)
	}
}

func (c *Cache) watch(rows driver.Rows, open *int) *watchedRows {
	*open++
	return &watchedRows{Rows: driverconn.Rows{Rows: rows}, cache: c, open: open}
}

// watchedRows are lib/pq's Rows, of which it matters whether they are closed.
type watchedRows struct {
	driverconn.Rows
	ctx   context.Context // of a kept statement; nil: it was a text
	cache *Cache
	open  *int // where they are counted; nil: they are closed
}

// Next answers with the context's error when that has ended, as the Rows of a text do.
func (r *watchedRows) Next(dest []driver.Value) error {
	err := r.Rows.Rows.Next(dest)
	if err != nil && err != io.EOF && r.ctx != nil && r.ctx.Err() != nil {
		return r.ctx.Err()
	}
	return err
}

func (r *watchedRows) Close() error {
	err := r.Rows.Rows.Close()
	if r.open == nil {
		return err
	}
	*r.open--
	r.open = nil
	if r.ctx != nil {
		r.cache.cutIfEnded(r.ctx)
	}
	return err
}
