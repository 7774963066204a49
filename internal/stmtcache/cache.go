package stmtcache

import (
	"container/list"
	"context"
	"database/sql/driver"

	"github.com/pooled-go/pooled/internal/driverconn"
	"github.com/pooled-go/pooled/internal/sqltext"
)

// Cache is the statements kept on one connection, before which it stands. It belongs to whoever holds the connection.
// Invalidate, Publish, MayEndTx, NeedsCleanUp, CloseAll, Forget and Close of a nil Cache do nothing.
type Cache struct {
	host   Host
	driver driverconn.Conn // without the cache
	shared *Shared
	rules  *Rules
	facts  Facts
	byKey  map[entryKey]*list.Element
	order  list.List // of *entry, the one last used in front

	// changes is Shared.changes when those that are kept were last fit.
	changes uint64

	// changed: a statement of this connection made a change, of which the others are told when it is committed.
	// toldEarly: they were told, but it may have been in a transaction that goes on.
	changed, toldEarly bool

	// missesWhenFull counts the texts for which there was no room; see admit.
	missesWhenFull uint

	// dropped are no longer used, and closed when the connection comes back.
	dropped []driver.Stmt

	// off: it is not safe here; see TurnOff.
	off bool

	// paused: until the connection comes back no statement is used, and none is kept.
	paused bool

	// Rows that are not closed, of statements kept and of texts; counted if rules.WatchRows.
	keptRows, textRows int
}

// entryKey is what a statement is kept for: a text, and if it matters, arguments of certain kinds.
type entryKey struct {
	text  string
	kinds uint64
}

type entry struct {
	entryKey
	stmt driver.Stmt
	rows bool // it may return some
	used bool // it has run
}

// Opened is told that the connection is ready for use: whatever was sent until then, nothing was kept before.
func (c *Cache) Opened() { c.paused = false }

// TurnOff keeps no statements on this connection, since it is not safe.
func (c *Cache) TurnOff(why string) {
	c.off = true
	c.shared.NotKept(why)
}

// find is the statement kept for a text, or nil.
func (c *Cache) find(key entryKey) *entry {
	element, ok := c.byKey[key]
	if !ok {
		return nil
	}
	c.order.MoveToFront(element)
	return element.Value.(*entry)
}

func (c *Cache) keep(e *entry) { c.byKey[e.entryKey] = c.order.PushFront(e) }

// admitOneIn: when there is no room, one text in so many makes some.
const admitOneIn = 8

// admit reports whether a statement is prepared and kept for one more text. When more texts are used in turn than can
// be kept, the one unused for longest is the one that is needed next: if each text made room for itself, all would be
// prepared each time and none found. So most go the old way, and those that are kept stay a while.
func (c *Cache) admit() bool {
	limit := c.shared.limit()
	if c.order.Len() < limit {
		return true
	}
	c.missesWhenFull++
	return limit > 0 && c.missesWhenFull%admitOneIn == 0
}

func (c *Cache) remove(element *list.Element) driver.Stmt {
	e := c.order.Remove(element).(*entry)
	delete(c.byKey, e.entryKey)
	return e.stmt
}

// drop takes a statement out that the server knows no more, or not as it should.
func (c *Cache) drop(e *entry) {
	if element, ok := c.byKey[e.entryKey]; ok && element.Value == any(e) {
		c.dropped = append(c.dropped, c.remove(element))
	}
}

func (c *Cache) dropAll() {
	for c.order.Len() > 0 {
		c.dropped = append(c.dropped, c.remove(c.order.Back()))
	}
}

// Invalidate is told before a statement is sent that changes how texts are read.
func (c *Cache) Invalidate(how sqltext.Invalidation) {
	if c == nil || how == sqltext.InvalidatesNone {
		return
	}
	c.paused = true
	if how > sqltext.InvalidatesForNow {
		c.dropAll()
	}
	if how == sqltext.InvalidatesSessions {
		c.changed, c.toldEarly = true, false
	}
}

// sync drops the statements from before a change that was made on another connection: a server that reads them again
// takes their arguments for what they were.
func (c *Cache) sync() {
	if now := c.shared.changes.Load(); now != c.changes {
		c.changes = now
		c.dropAll()
	}
}

// Publish is called after each operation. It tells the other connections of a change once it is committed, or else
// rolled back. If it is not known whether it is, they are told now, and again when the transaction may have ended.
func (c *Cache) Publish() {
	switch {
	case c == nil || !c.changed || c.host.InTx():
	case !c.host.MayHoldTx():
		c.tellOthers()
	case !c.toldEarly:
		c.toldEarly = true
		c.shared.changes.Add(1)
	}
}

// MayEndTx is told before a statement is sent that may end a transaction.
func (c *Cache) MayEndTx() {
	if c != nil {
		c.toldEarly = false
	}
}

func (c *Cache) tellOthers() {
	if c.changed {
		c.changed, c.toldEarly = false, false
		c.shared.changes.Add(1)
	}
}

// NeedsCleanUp reports whether there is something to do when the connection comes back.
func (c *Cache) NeedsCleanUp() bool {
	return c != nil && (c.paused || len(c.dropped) > 0 || c.order.Len() > c.shared.limit())
}

// CleanUp makes the cache ready for the next lease.
func (c *Cache) CleanUp(ctx context.Context) error {
	c.paused = false
	c.tellOthers()
	for _, stmt := range c.dropped {
		if err := c.host.CloseStmt(ctx, stmt); err != nil {
			return err
		}
	}
	c.forgetDropped()
	return c.evict(ctx, c.shared.limit())
}

// evict closes the statements beyond a number, the longest unused first. Nothing is under way: a statement has just
// been prepared, or the connection has come back.
func (c *Cache) evict(ctx context.Context, limit int) error {
	for c.order.Len() > limit {
		c.shared.evicted.Add(1)
		if err := c.host.CloseStmt(ctx, c.remove(c.order.Back())); err != nil {
			return err
		}
	}
	return nil
}

// CloseAll closes the statements that are kept, to make room on the server, and reports whether there was one.
func (c *Cache) CloseAll(ctx context.Context) bool {
	return c != nil && c.order.Len() > 0 && c.evict(ctx, 0) == nil
}

func (c *Cache) forgetDropped() {
	clear(c.dropped)
	c.dropped = c.dropped[:0]
}

// Forget is for a session whose server has dropped all statements.
func (c *Cache) Forget() {
	if c == nil {
		return
	}
	clear(c.byKey)
	c.order.Init()
	c.forgetDropped()
}

// Close is for a connection that is about to be closed, and all its statements with it. They are closed one by one
// only if that takes no time.
func (c *Cache) Close() {
	if c == nil || !c.rules.ClosesLocally {
		return
	}
	for _, stmt := range c.dropped {
		stmt.Close()
	}
	for e := c.order.Front(); e != nil; e = e.Next() {
		e.Value.(*entry).stmt.Close()
	}
}
