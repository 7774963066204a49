package stmtcache

import (
	"container/list"
	"math"
	"sync"
	"sync/atomic"

	"github.com/pooled-go/pooled/internal/driverconn"
)

// Shared is what the caches of a pool have in common. Its methods may be called at the same time.
type Shared struct {
	most   int              // statements on a connection
	resets bool             // a session is reset on return, and its statements are gone then
	log    func(why string) // is told once of each cause why no statements are kept
	seen   seenTexts

	// share is how many a connection may keep because of the server's limit.
	share atomic.Int64

	// changes is how often tables, or the like, were changed through the pool, or found to be.
	changes atomic.Uint64

	// logged are the causes that log was told.
	logged sync.Map

	// takesTexts: the driver has taken a text with arguments; see Rules.NeedsPrepare.
	takesTexts atomic.Bool

	hits, prepared, evicted atomic.Uint64
}

// NewShared is for a pool that keeps most statements on a connection. resets: a session is reset on return, and its
// statements are gone then. log is told, once for each cause, that none are kept though they were asked for.
func NewShared(most int, resets bool, log func(why string)) *Shared {
	s := &Shared{most: most, resets: resets, log: log, seen: newSeenTexts(most)}
	s.share.Store(math.MaxInt64)
	return s
}

// Before puts a cache before a new connection, which host holds. Nil: no statements are kept for this one, and the log
// is told why.
func (s *Shared) Before(conn *driverconn.Conn, rules *Rules, host Host) *Cache {
	facts, why := rules.Inspect(conn.Conn)
	if why == "" && (conn.Execer == nil || conn.Queryer == nil) {
		why = OtherConn
	}
	if why != "" {
		s.NotKept(why)
		return nil
	}
	c := &Cache{
		host: host, driver: *conn, shared: s, rules: rules, facts: facts, byKey: make(map[entryKey]*list.Element),
	}
	conn.Execer, conn.Queryer, conn.Preparer = c, c, c
	return c
}

// NotKept logs, once for each cause, that no statements are kept though they were asked for.
func (s *Shared) NotKept(why string) {
	if _, logged := s.logged.LoadOrStore(why, true); !logged {
		s.log(why)
	}
}

// stmtsOfServer is the part of a server's limit on statements that a pool takes at most.
const stmtsOfServer = 1.0 / 3

// SetServerLimit takes note of a server's limit on prepared statements, which all its clients share, for so many
// connections. Each new connection tells it, so that what Halve took away comes back when others have made room.
func (s *Shared) SetServerLimit(most, conns int) {
	share := int64(stmtsOfServer*float64(most)/float64(conns)) - 1 // one is for what is prepared to be run once
	s.SetShare(max(0, share))
	if share <= 0 {
		s.NotKept("the server's max_prepared_stmt_count is too low: raise it, or lower the pool's limit on connections")
	}
}

// SetShare says how many statements a connection may keep because of the server's limit.
func (s *Shared) SetShare(n int64) { s.share.Store(n) }

// Halve keeps half as many, because the server takes no more.
func (s *Shared) Halve() { s.share.Store(int64(s.limit() / 2)) }

// limit is how many statements may be kept now.
func (s *Shared) limit() int {
	return int(min(int64(s.most), s.share.Load()))
}

// Counts are how often a kept statement was run again without an error, prepared, and closed to make room.
func (s *Shared) Counts() (hits, prepared, evicted uint64) {
	return s.hits.Load(), s.prepared.Load(), s.evicted.Load()
}

// textTaken is told that the driver has taken a text with arguments.
func (s *Shared) textTaken() {
	if !s.takesTexts.Load() {
		s.takesTexts.Store(true)
		s.NotKept(Interpolates)
	}
}
