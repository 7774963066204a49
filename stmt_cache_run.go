package pooled

import (
	"context"
	"database/sql/driver"
	"io"

	"github.com/pooled-go/pooled/internal/driverconn"
	"github.com/pooled-go/pooled/internal/sqltext"
)

// The cache of a server connection stands directly before the parent's connection, behind the interceptors: what they make of
// a text, and of its context, is what is looked for.

var (
	_ driver.ExecerContext      = (*stmtCache)(nil)
	_ driver.QueryerContext     = (*stmtCache)(nil)
	_ driver.ConnPrepareContext = (*stmtCache)(nil)
)

// ExecContext runs a kept statement if there is one for the text.
func (c *stmtCache) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	if c.keptRows > 0 {
		return nil, c.rules.busy
	}
	key := c.key(query, args)
	k, err := c.keptFor(ctx, key, args, true)
	switch {
	case err != nil:
		return nil, err
	case k != nil:
		return runKept(ctx, c, k, args, c.execKept)
	}
	result, err := c.driver.Exec(ctx, query, args)
	c.sent(key, err)
	return result, err
}

// QueryContext runs a kept statement if there is one for the text.
func (c *stmtCache) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	if c.keptRows > 0 {
		return nil, c.rules.busy
	}
	key := c.key(query, args)
	k, err := c.keptFor(ctx, key, args, false)
	switch {
	case err != nil:
		return nil, err
	case k != nil:
		return runKept(ctx, c, k, args, c.queryKept)
	}
	rows, err := c.driver.Query(ctx, query, args)
	c.sent(key, err)
	if err == nil && c.rules.watchRows && !c.off {
		rows = c.watch(rows, &c.textRows)
	}
	return rows, err
}

// PrepareContext prepares for the program. If the server takes no more statements, those that are kept make room.
func (c *stmtCache) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	stmt, err := c.driver.Prepare(ctx, query)
	if err != nil && c.rules.full != nil && c.rules.full(err) && c.host.MakeRoom(ctx) {
		stmt, err = c.driver.Prepare(ctx, query)
	}
	return stmt, err
}

// runKept runs a kept statement. If the server has no use for it any more, it has not executed it: then it is
// prepared again, and run, unless a transaction is open, which may have ended with the statement.
func runKept[T any](ctx context.Context, c *stmtCache, k *keptStmt, args []driver.NamedValue,
	run func(context.Context, driver.Stmt, []driver.NamedValue) (T, error)) (T, error) {
	result, err := run(ctx, k.stmt, args)
	if err == nil && k.used {
		c.pool.hits.Add(1)
	}
	k.used = true
	if err == driver.ErrBadConn && ctx.Err() != nil { // which is why the driver has closed it
		c.host.Lost()
		return result, ctx.Err()
	}
	if err == nil || !c.givesUp(k, err) || c.host.MayHoldTx() {
		return result, err
	}
	c.host.Start()
	if k, err = c.keepNew(ctx, k.stmtKey); err != nil {
		return result, err
	}
	c.host.Start()
	return run(ctx, k.stmt, args)
}

// givesUp draws the conclusions from an error of a kept statement, and tells whether it is stale.
func (c *stmtCache) givesUp(k *keptStmt, err error) bool {
	stale := c.rules.stale(err)
	if stale || c.rules.unfit(err) {
		c.bury(k)
	}
	if stale && c.rules.changed(err) {
		c.pool.changes.Add(1)
		c.catchUp()
	}
	return stale
}

// key is what a statement is kept for, with an empty text if for nothing.
func (c *stmtCache) key(query string, args []driver.NamedValue) stmtKey {
	if len(args) == 0 || len(query) > sqltext.KeptTextMost || c.off {
		return stmtKey{}
	}
	if c.rules.kinds == nil {
		return stmtKey{text: query}
	}
	if kinds, ok := c.rules.kinds(args, c.packet); ok {
		return stmtKey{query, kinds}
	}
	return stmtKey{}
}

// keptFor is the statement for a text, prepared now if its time has come; nil: the text is to be sent.
func (c *stmtCache) keptFor(ctx context.Context, key stmtKey, args []driver.NamedValue, exec bool) (*keptStmt, error) {
	if key.text == "" || c.resting || c.textRows > 0 || c.rules.skips && c.pool.taken.Load() {
		return nil, nil
	}
	c.catchUp()
	k := c.find(key)
	switch {
	case k != nil:
	case c.wants(key, exec):
		var err error
		if k, err = c.keepNew(ctx, key); err != nil && !c.rules.skips && c.host.MayHoldTx() {
			return nil, err // the transaction has failed
		} else if err != nil {
			return nil, nil // the text has the error that it always had, or none
		}
	}
	if k != nil && c.rules.skips && (exec && k.rows || k.stmt.NumInput() != len(args)) {
		return nil, nil
	}
	return k, nil
}

// wants tells whether a statement is to be prepared and kept for a text.
func (c *stmtCache) wants(key stmtKey, exec bool) bool {
	if c.pool.resets && !c.host.MayHoldTx() {
		return false // it would be gone before it is used again
	}
	return c.pool.seen.has(key) && c.rules.preparable(key.text) &&
		!(exec && c.rules.skips && c.rules.returnsRows(key.text)) && c.admits()
}

// sent is told how a text was answered.
func (c *stmtCache) sent(key stmtKey, err error) {
	if key.text == "" {
		return
	}
	skipped := err == driver.ErrSkip
	if c.rules.skips && err == nil { // an error says nothing: it may be the context's, or the connection's
		c.takes()
	}
	if skipped == c.rules.skips && (skipped || err == nil) && !c.pool.seen.has(key) && c.rules.preparable(key.text) {
		c.pool.seen.add(key)
	}
}

// takes is told that the parent has taken a text with arguments.
func (c *stmtCache) takes() {
	if !c.pool.taken.Load() {
		c.pool.taken.Store(true)
		c.pool.rest("the driver puts arguments into the text by itself")
	}
}

// keepNew prepares a statement and keeps it.
func (c *stmtCache) keepNew(ctx context.Context, key stmtKey) (*keptStmt, error) {
	stmt, err := c.PrepareContext(ctx, key.text)
	if err != nil {
		return nil, err
	}
	k := &keptStmt{stmtKey: key, stmt: stmt, rows: c.rules.returnsRows(key.text)}
	c.pool.prepared.Add(1)
	c.keep(k)
	return k, c.evict(ctx, max(1, c.pool.limit()))
}

// execKept: lib/pq closes a connection when a context ends while it runs a text, since the request to cancel that goes
// out then may reach the server late, and hit the next statement. It does not where it runs a statement.
func (c *stmtCache) execKept(ctx context.Context, stmt driver.Stmt, args []driver.NamedValue) (driver.Result, error) {
	result, err := driverconn.ExecStmt(ctx, stmt, args)
	if c.rules.watchRows {
		c.cutIfEnded(ctx)
	}
	return result, err
}

// queryKept does that when the Rows are closed.
func (c *stmtCache) queryKept(ctx context.Context, stmt driver.Stmt, args []driver.NamedValue) (driver.Rows, error) {
	rows, err := driverconn.QueryStmt(ctx, stmt, args)
	if !c.rules.watchRows {
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

// cutIfEnded: the borrow can't go on on this server connection.
func (c *stmtCache) cutIfEnded(ctx context.Context) {
	if err := ctx.Err(); err != nil {
		c.host.Cut(err)
	}
}

func (c *stmtCache) watch(rows driver.Rows, open *int) *watchedRows {
	*open++
	return &watchedRows{Rows: driverconn.Rows{Rows: rows}, cache: c, open: open}
}

// watchedRows are lib/pq's Rows, of which it matters whether they are closed.
type watchedRows struct {
	driverconn.Rows
	ctx   context.Context // of a kept statement; nil: it was a text
	cache *stmtCache
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
