package stmtcache

import (
	"context"
	"database/sql/driver"

	"github.com/pooled-go/pooled/internal/sqltext"
)

var (
	_ driver.ExecerContext      = (*Cache)(nil)
	_ driver.QueryerContext     = (*Cache)(nil)
	_ driver.ConnPrepareContext = (*Cache)(nil)
)

// ExecContext runs a kept statement if there is one for the text.
func (c *Cache) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	if c.keptRows > 0 {
		return nil, c.rules.Busy
	}
	key := c.key(query, args)
	e, err := c.keptFor(ctx, key, args, true)
	switch {
	case err != nil:
		return nil, err
	case e != nil:
		return runKept(ctx, c, e, args, c.execKept)
	}
	result, err := c.driver.Exec(ctx, query, args)
	c.noteText(key, err)
	return result, err
}

// QueryContext runs a kept statement if there is one for the text.
func (c *Cache) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	if c.keptRows > 0 {
		return nil, c.rules.Busy
	}
	key := c.key(query, args)
	e, err := c.keptFor(ctx, key, args, false)
	switch {
	case err != nil:
		return nil, err
	case e != nil:
		return runKept(ctx, c, e, args, c.queryKept)
	}
	rows, err := c.driver.Query(ctx, query, args)
	c.noteText(key, err)
	if err == nil && c.rules.WatchRows && !c.off {
		rows = c.watch(rows, &c.textRows)
	}
	return rows, err
}

// PrepareContext prepares a statement. If the server takes no more, those that are kept make room.
func (c *Cache) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	stmt, err := c.driver.Prepare(ctx, query)
	if err != nil && c.rules.Full != nil && c.rules.Full(err) && c.host.MakeRoom(ctx) {
		stmt, err = c.driver.Prepare(ctx, query)
	}
	return stmt, err
}

// runKept runs a kept statement. If the server has no use for it any more, it has not executed it: then it is prepared
// again, and run, unless a transaction is open, which may have ended with the statement.
func runKept[T any](
	ctx context.Context, c *Cache, e *entry, args []driver.NamedValue,
	run func(context.Context, driver.Stmt, []driver.NamedValue) (T, error),
) (T, error) {
	result, err := run(ctx, e.stmt, args)
	if err == nil && e.used {
		c.shared.hits.Add(1)
	}
	e.used = true
	if err == driver.ErrBadConn && ctx.Err() != nil { // which is why the driver has closed it
		c.host.Lost()
		return result, ctx.Err()
	}
	if err == nil || !c.afterError(e, err) || c.host.MayHoldTx() {
		return result, err
	}
	c.host.Start()
	if e, err = c.keepNew(ctx, e.entryKey); err != nil {
		return result, err
	}
	c.host.Start()
	return run(ctx, e.stmt, args)
}

// afterError draws the conclusions from an error of a kept statement, and reports whether it is stale.
func (c *Cache) afterError(e *entry, err error) bool {
	stale := c.rules.Stale(err)
	if stale || c.rules.Unfit(err) {
		c.drop(e)
	}
	if stale && c.rules.Changed(err) {
		c.shared.changes.Add(1)
		c.sync()
	}
	return stale
}

// key is what a statement is kept for, with an empty text if for nothing.
func (c *Cache) key(query string, args []driver.NamedValue) entryKey {
	if len(args) == 0 || len(query) > sqltext.MaxPrepared || c.off {
		return entryKey{}
	}
	if c.rules.Kinds == nil {
		return entryKey{text: query}
	}
	if kinds, ok := c.rules.Kinds(args, c.facts); ok {
		return entryKey{query, kinds}
	}
	return entryKey{}
}

// keptFor is the statement for a text, prepared now if its time has come; nil: the text is to be sent.
func (c *Cache) keptFor(ctx context.Context, key entryKey, args []driver.NamedValue, exec bool) (*entry, error) {
	if key.text == "" || c.paused || c.textRows > 0 || c.rules.NeedsPrepare && c.shared.takesTexts.Load() {
		return nil, nil
	}
	c.sync()
	e := c.find(key)
	switch {
	case e != nil:
	case c.wants(key, exec):
		var err error
		if e, err = c.keepNew(ctx, key); err != nil && !c.rules.NeedsPrepare && c.host.MayHoldTx() {
			return nil, err // the transaction has failed
		} else if err != nil {
			return nil, nil // the text has the error that it always had, or none
		}
	}
	if e != nil && c.rules.NeedsPrepare && (exec && e.rows || e.stmt.NumInput() != len(args)) {
		return nil, nil
	}
	return e, nil
}

// wants reports whether a statement is to be prepared and kept for a text.
func (c *Cache) wants(key entryKey, exec bool) bool {
	if c.shared.resets && !c.host.MayHoldTx() {
		return false // it would be gone before it is used again
	}
	return c.shared.seen.has(key) && c.preparable(key.text) &&
		!(exec && c.rules.NeedsPrepare && c.rules.ReturnsRows(key.text)) && c.admit()
}

// preparable reports whether a statement can be kept for a text.
func (c *Cache) preparable(text string) bool {
	return c.rules.Preparable(text) && (c.rules.Sound == nil || c.rules.Sound(text, c.facts))
}

// noteText is told how a text was answered. One that was answered as the driver usually does is kept from its next use.
func (c *Cache) noteText(key entryKey, err error) {
	if key.text == "" {
		return
	}
	skipped := err == driver.ErrSkip
	if c.rules.NeedsPrepare && err == nil { // an error says nothing: it may be the context's, or the connection's
		c.shared.textTaken()
	}
	asUsual := skipped == c.rules.NeedsPrepare && (skipped || err == nil)
	if asUsual && !c.shared.seen.has(key) && c.preparable(key.text) {
		c.shared.seen.add(key)
	}
}

// keepNew prepares a statement and keeps it.
func (c *Cache) keepNew(ctx context.Context, key entryKey) (*entry, error) {
	stmt, err := c.PrepareContext(ctx, key.text)
	if err != nil {
		return nil, err
	}
	e := &entry{entryKey: key, stmt: stmt, rows: c.rules.ReturnsRows(key.text)}
	c.shared.prepared.Add(1)
	c.keep(e)
	return e, c.evict(ctx, max(1, c.shared.limit()))
}
