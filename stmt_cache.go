package pooled

import (
	"container/list"
	"context"
	"database/sql/driver"
	"hash/maphash"
	"math"
	"math/rand/v2"
	"sync"
	"sync/atomic"

	"github.com/pooled-go/pooled/internal/driverconn"
	"github.com/pooled-go/pooled/internal/sqltext"
)

// With pool_stmt_cache a server connection keeps the statements that were prepared on it for queries with
// arguments. lib/pq and go-sql-driver/mysql prepare such a query each time, run it, and forget it; one that is kept
// is run in one round trip.
//
// A program must not notice, so a text goes the way it always went whenever that could make a difference:
//   - a text that was not used before in the pool. Most texts are used time and again; one that is not would pay
//     for being kept and gain nothing;
//   - one that is no plain query, or that a server reads once where it should read it each time (preparable);
//   - after a statement that changes how texts are read, until the server connection comes back (unsettles).
//
// And when the server says that it knows a statement no more, it is prepared again (runKept).

// stmtCache is the statements kept on one server connection, the one last used in front. It belongs to the holder.
type stmtCache struct {
	host   cacheHost
	driver driverconn.Conn // without the cache
	pool   *stmtCaches
	rules  *stmtRules
	packet int // the longest that the parent sends, if rules.kinds needs that
	byKey  map[stmtKey]*list.Element
	order  list.List // of *keptStmt

	// changes is stmtCaches.changes when those that are kept were last fit.
	changes uint64

	// changed: a statement of this one made a change, of which the others are told when it is committed. toldEarly:
	// they were told, but it may have been in a transaction that goes on.
	changed, toldEarly bool

	// crowded counts the texts for which there was no room; see admits.
	crowded uint

	// dead are no longer used, and closed when the server connection comes back.
	dead []driver.Stmt

	// off: it is not safe here; see stmtRules.
	off bool

	// resting: until the server connection comes back no statement is used, and none is kept.
	resting bool

	// Rows that are not closed, of statements kept and of texts; counted if rules.watchRows.
	keptRows, textRows int
}

// cacheHost is the connection that a cache belongs to, as its holder sees it.
type cacheHost interface {
	// Start is called before each operation, but the first after the host has called the cache.
	Start()

	// CloseStmt closes a statement on the server within ctx. After an error nobody knows what is on the wire, so the
	// connection is not used again.
	CloseStmt(ctx context.Context, stmt driver.Stmt) error

	// InTx tells whether a transaction that was begun through the driver is not known to have ended; MayHoldTx,
	// whether one may be open at all.
	InTx() bool
	MayHoldTx() bool

	// Lost is told that the connection is of no use after this lease.
	Lost()

	// Cut is told that not even this lease can go on, since a context ended.
	Cut(err error)

	// MakeRoom closes statements since the server takes no more, and reports whether there were any.
	MakeRoom(ctx context.Context) bool
}

// stmtKey is what a statement is kept for: a text, and if it matters, arguments of certain kinds.
type stmtKey struct {
	text  string
	kinds uint64
}

type keptStmt struct {
	stmtKey
	stmt driver.Stmt
	rows bool // it may return some
	used bool // it has run
}

// stmtCaches is what the caches of a pool have in common.
type stmtCaches struct {
	most   int              // pool_stmt_cache
	resets bool             // a session is reset on return, and its statements are gone then
	rests  func(why string) // is told once of each cause why no statements are kept
	seen   seenTexts

	// share is how many a server connection may keep because of the server's limit.
	share atomic.Int64

	// changes is how often tables, or the like, were changed through the pool, or found to be.
	changes atomic.Uint64

	// told are the causes for which it was logged that no statements are kept.
	told sync.Map

	// taken: the parent has taken a text with arguments; see stmtRules.skips.
	taken atomic.Bool

	hits, prepared, evicted atomic.Uint64
}

// stmtRules is what a dialect knows about kept statements.
type stmtRules struct {
	// fits tells whether a driver is one for which it pays, and changes nothing, to keep statements; knows, whether
	// a connection is that driver's own, and how long its packets are.
	fits  func(driver.Connector) bool
	knows func(driver.Conn) (packet int, ok bool)

	// preparable tells whether a statement can be kept for a text, and returnsRows, whether such a text may return rows.
	preparable, returnsRows func(query string) bool

	// kinds of arguments for which a statement is kept by itself; false: none is kept for them. Nil: all are alike.
	kinds func(args []driver.NamedValue, packet int) (uint64, bool)

	// skips: the parent answers driver.ErrSkip to a text with arguments; then database/sql prepares it. What it says to
	// wrong arguments is said to the statement's, and rows that Exec does not read are in its way when a
	// statement is run again.
	skips bool

	// stale recognises the error by which a server says that a kept statement is of no use any more. It has
	// executed nothing then. unfit are other errors after which it is given up. changed are those of the stale
	// that tell of a change which concerns the statements of all server connections.
	stale, unfit, changed func(error) bool

	// full recognises the refusal to prepare one more. Nil: there is no such limit.
	full func(error) bool

	// tellsNothing: a statement is closed without an answer from the server, so to close all costs no time.
	tellsNothing bool

	// watchRows: the parent does not notice by itself when a kept statement is run while Rows are open, and it
	// keeps a connection of which a context ended while a kept statement ran. busy is what it says to a text then.
	watchRows bool
	busy      error
}

func newStmtCaches(most int, resets bool, rests func(why string)) *stmtCaches {
	c := &stmtCaches{most: most, resets: resets, rests: rests, seen: newSeenTexts(most)}
	c.share.Store(math.MaxInt64)
	return c
}

// before puts a cache before a connection, if that is one for which statements are kept.
func (c *stmtCaches) before(conn *driverconn.Conn, connector driver.Connector, rules *stmtRules, host cacheHost) *stmtCache {
	if rules == nil || !rules.fits(connector) {
		c.rest("it is for lib/pq and go-sql-driver/mysql, without interpolateParams")
		return nil
	}
	packet, ok := rules.knows(conn.Conn)
	if !ok || conn.Execer == nil || conn.Queryer == nil {
		c.rest("the driver's connection is not plainly that of lib/pq, without binary_parameters, or of go-sql-driver/mysql")
		return nil
	}
	cache := &stmtCache{host: host, driver: *conn, pool: c, rules: rules, packet: packet, byKey: make(map[stmtKey]*list.Element)}
	conn.Execer, conn.Queryer, conn.Preparer = cache, cache, cache
	return cache
}

// rest says, once for each cause, that no statements are kept though they were asked for.
func (c *stmtCaches) rest(why string) {
	if _, told := c.told.LoadOrStore(why, true); !told {
		c.rests(why)
	}
}

// turnOff keeps no statements here, since it is not safe.
func (c *stmtCache) turnOff(why string) {
	c.off = true
	c.pool.rest(why)
}

// opened is told that the connection is ready: whatever was sent until then, nothing was kept before.
func (c *stmtCache) opened() { c.resting = false }

// halve keeps half as many, since the server takes no more.
func (c *stmtCaches) halve() { c.share.Store(int64(c.limit() / 2)) }

// limit is how many statements may be kept now.
func (c *stmtCaches) limit() int {
	return int(min(int64(c.most), c.share.Load()))
}

// find is the statement kept for a text, or nil.
func (c *stmtCache) find(key stmtKey) *keptStmt {
	element, ok := c.byKey[key]
	if !ok {
		return nil
	}
	c.order.MoveToFront(element)
	return element.Value.(*keptStmt)
}

func (c *stmtCache) keep(k *keptStmt) { c.byKey[k.stmtKey] = c.order.PushFront(k) }

// admitOneIn: when there is no room, one text in so many makes some.
const admitOneIn = 8

// admits tells whether a statement is prepared and kept for one more text. When more texts are used in turn than can be
// kept, the one unused for longest is the one that is needed next: if each text made room for itself, all would be
// prepared each time and none found. So most go the old way, and those that are kept stay a while.
func (c *stmtCache) admits() bool {
	limit := c.pool.limit()
	if c.order.Len() < limit {
		return true
	}
	c.crowded++
	return limit > 0 && c.crowded%admitOneIn == 0
}

func (c *stmtCache) remove(element *list.Element) driver.Stmt {
	k := c.order.Remove(element).(*keptStmt)
	delete(c.byKey, k.stmtKey)
	return k.stmt
}

// bury takes a statement out that the server knows no more, or not as it should.
func (c *stmtCache) bury(k *keptStmt) {
	if element, ok := c.byKey[k.stmtKey]; ok && element.Value == any(k) {
		c.dead = append(c.dead, c.remove(element))
	}
}

// unsettle is told before a statement is sent that changes how texts are read.
func (c *stmtCache) unsettle(how sqltext.Unsettling) {
	if c == nil || how == sqltext.Settled {
		return
	}
	c.resting = true
	if how > sqltext.UnsettledForNow {
		c.buryAll()
	}
	if how == sqltext.UnsettledForAll {
		c.changed, c.toldEarly = true, false
	}
}

func (c *stmtCache) buryAll() {
	for c.order.Len() > 0 {
		c.dead = append(c.dead, c.remove(c.order.Back()))
	}
}

// catchUp buries those from before a change that was made on another server connection: a server that reads them again
// takes their arguments for what they were.
func (c *stmtCache) catchUp() {
	if now := c.pool.changes.Load(); now != c.changes {
		c.changes = now
		c.buryAll()
	}
}

// owes tells whether there is something to do when the server connection comes back.
func (c *stmtCache) owes() bool {
	return c != nil && (c.resting || len(c.dead) > 0 || c.order.Len() > c.pool.limit())
}

// settle makes the cache ready for the next borrow.
func (c *stmtCache) settle(ctx context.Context) error {
	c.resting = false
	c.publish()
	for _, stmt := range c.dead {
		if err := c.host.CloseStmt(ctx, stmt); err != nil {
			return err
		}
	}
	c.forgetDead()
	return c.evict(ctx, c.pool.limit())
}

// published tells the other server connections of a change once it is committed, or else rolled back. If it is not
// known whether it is, they are told now, and again when the transaction may have ended.
func (c *stmtCache) published() {
	switch {
	case c == nil || !c.changed || c.host.InTx():
	case !c.host.MayHoldTx():
		c.publish()
	case !c.toldEarly:
		c.toldEarly = true
		c.pool.changes.Add(1)
	}
}

// mayEnd is told before a statement is sent that may end a transaction.
func (c *stmtCache) mayEnd() {
	if c != nil {
		c.toldEarly = false
	}
}

func (c *stmtCache) publish() {
	if c.changed {
		c.changed, c.toldEarly = false, false
		c.pool.changes.Add(1)
	}
}

// evict closes the statements beyond a number, the longest unused first. Nothing is under way: a statement has
// just been prepared, or the server connection has come back.
func (c *stmtCache) evict(ctx context.Context, limit int) error {
	for c.order.Len() > limit {
		c.pool.evicted.Add(1)
		if err := c.host.CloseStmt(ctx, c.remove(c.order.Back())); err != nil {
			return err
		}
	}
	return nil
}

// closeAll reports whether there was one to close.
func (c *stmtCache) closeAll(ctx context.Context) bool {
	return c != nil && c.order.Len() > 0 && c.evict(ctx, 0) == nil
}

func (c *stmtCache) forgetDead() {
	clear(c.dead)
	c.dead = c.dead[:0]
}

// forget is for a session whose server has dropped all statements.
func (c *stmtCache) forget() {
	if c == nil {
		return
	}
	clear(c.byKey)
	c.order.Init()
	c.forgetDead()
}

// close is for a server connection that is about to be closed, and all its statements with it. They are told only if
// that takes no time.
func (c *stmtCache) close() {
	if c == nil || !c.rules.tellsNothing {
		return
	}
	for _, stmt := range c.dead {
		stmt.Close()
	}
	for e := c.order.Front(); e != nil; e = e.Next() {
		e.Value.(*keptStmt).stmt.Close()
	}
}

// seenTexts remembers texts that were used once, roughly: a text may be forgotten, or taken for another, and then it
// is prepared a use later or earlier than it should.
type seenTexts struct {
	seed maphash.Seed
	sets []seenSet // as many as a power of two
}

// seenSet is the hashes of texts, as many as fit in a line of the processor's cache.
type seenSet [8]atomic.Uint64

// seenPerKept is how many texts are remembered for each that is kept.
const seenPerKept = 8

func newSeenTexts(kept int) seenTexts {
	n := 8
	for n*len(seenSet{}) < seenPerKept*kept && n < 1<<13 {
		n *= 2
	}
	return seenTexts{maphash.MakeSeed(), make([]seenSet, n)}
}

func (t *seenTexts) set(key stmtKey) (*seenSet, uint64) {
	hash := maphash.Comparable(t.seed, key)
	return &t.sets[hash&uint64(len(t.sets)-1)], hash
}

func (t *seenTexts) has(key stmtKey) bool {
	set, hash := t.set(key)
	for i := range set {
		if set[i].Load() == hash {
			return true
		}
	}
	return false
}

// add takes the place of one chosen at random: two texts that are used in turn soon stand side by side.
func (t *seenTexts) add(key stmtKey) {
	set, hash := t.set(key)
	for i := range set {
		if set[i].CompareAndSwap(0, hash) {
			return
		}
	}
	set[rand.IntN(len(set))].Store(hash)
}
