package pooled

import (
	"database/sql"
	"fmt"
	"io"

	"github.com/pooled-go/pooled/internal/pool"
)

// Stats is the state of a pool at one moment. The counters only grow.
type Stats struct {
	Name    string
	Class   Class
	Size    int // kept open; -1: all, or in class direct what database/sql keeps
	MinIdle int // idle ones kept ready
	// Limit is the most server connections at one time; -1: no limit.
	Limit int
	// MaxOpenConns is the limit that db.SetMaxOpenConns has set; 0: none, or the pool does not know the sql.DB. It
	// knows it from [Open] or [PoolOf].
	MaxOpenConns int
	// Ceiling is how many were open when the server last said "too many connections"; 0: it did not, or has accepted
	// more since.
	Ceiling int

	Idle       int // free
	CheckedOut int // in use
	Opening    int // being opened
	Closing    int // being closed
	Waiting    int // callers in the queue

	Checkouts     uint64 // that succeeded
	Checkins      uint64 // server connections returned, and kept
	Waits         uint64 // checkouts that found none free
	Timeouts      uint64 // checkouts that ended in a TimeoutError
	Canceled      uint64 // waits that the caller's context ended
	Opened        uint64 // server connections opened
	Closed        uint64 // server connections closed, or being closed
	ConnectErrors uint64 // server connections that failed to open
	Recycled      uint64 // of those closed: for their age, or near the server's limit on idle time
	Invalidated   uint64 // of those closed: found dead, broken, or invalidated by the program
	Detached      uint64 // server connections taken out of the pool
	Resets        uint64 // resets on return that sent a statement

	SoftInvalidated uint64 // calls of SoftInvalidate
	Disposals       uint64 // calls of Dispose
	Leaks           uint64 // checkouts that lasted longer than pool_leak_after
	LeaksReturned   uint64 // of those, returned after all
	Forks           uint64 // 1 in a forked child, for a pool that its parent opened

	Outages      uint64 // times in which no server could be reached
	Demotions    uint64 // servers that took no writes any more
	Probes       uint64 // connections opened only to see whether a server is back, or what its role is
	OutageErrors uint64 // operations that got an OutageError
	Moved        uint64 // statements sent to another server, as the first had refused them after its demotion

	// With pool_stmt_cache. If StmtEvicted grows with the hits, there are more texts than are kept.
	StmtHits     uint64 // queries that ran by a kept statement
	StmtPrepared uint64 // statements prepared to be kept
	StmtEvicted  uint64 // of those, closed to make room
}

// Open is how many server connections are open.
func (s Stats) Open() int { return s.Idle + s.CheckedOut }

// Stats reads the pool's figures. All figures of server connections are from the same moment.
func (p *Pool) Stats() Stats {
	p = p.current()
	c := p.core.Stats()
	size := orNone(c.Keep, -1)
	if p.direct() {
		size = -1
	}
	stats := Stats{
		Name: p.name, Class: p.cfg.Class, Size: size, MinIdle: p.cfg.MinIdle,
		Limit: orNone(c.Limit, -1), MaxOpenConns: p.above.MaxOpen(), Ceiling: orNone(c.Ceiling, 0),
		Idle: c.Idle, CheckedOut: c.InUse, Opening: c.Opening, Closing: c.Closing, Waiting: c.Waiting,
		Checkouts: c.Checkouts, Checkins: c.Checkins, Waits: c.Waits,
		Timeouts: p.tally.timeouts.Load(), Canceled: p.tally.canceled.Load(),
		Opened: c.Opened, Closed: c.Closed, ConnectErrors: c.OpenErrors,
		Recycled: c.Recycled, Invalidated: c.Invalidated, Detached: c.Detached,
		Resets: p.tally.resets.Load(), SoftInvalidated: p.tally.softInvalidated.Load(),
		Disposals: c.Disposals, Leaks: c.Overdue, LeaksReturned: c.OverdueEnded, Forks: p.tally.forks.Load(),
		OutageErrors: p.tally.outageErrors.Load(), Moved: p.tally.moved.Load(),
	}
	counts := p.hosts.Counts()
	stats.Outages, stats.Demotions, stats.Probes = counts.Outages, counts.Demotions, counts.Probes
	if p.shared.Stmts != nil {
		stats.StmtHits, stats.StmtPrepared, stats.StmtEvicted = p.shared.Stmts.Counts()
	}
	return stats
}

// String is the pool's name and figures, for a log. It contains nothing from the DSN.
func (p *Pool) String() string { return fmt.Sprintf("pooled.Pool%+v", p.Stats()) }

// Format prints String for every verb, so that none shows the DSN.
func (p *Pool) Format(f fmt.State, _ rune) { io.WriteString(f, p.String()) }

func orNone(limit, none int) int {
	if limit == pool.Unlimited {
		return none
	}
	return limit
}

// PoolOf returns the pool of a sql.DB that was opened with the driver "pooled" or with a [Connector]. It returns false
// for any other, and for nil. If a library (otelsql, sqlmw) has wrapped the driver, use [PoolNamed].
//
// From then on the pool knows db. If db.SetMaxOpenConns keeps callers out of the pool's queue, it logs that once.
func PoolOf(db *sql.DB) (*Pool, bool) {
	if db == nil {
		return nil, false
	}
	d, ok := db.Driver().(interface{ Pool() *Pool })
	if !ok {
		return nil, false
	}
	p := d.Pool()
	if p.above.Show(db) {
		p.current().core.Go(p.lookAbove) // a hook may be what calls PoolOf, with the sql.DB locked
	}
	return p, true
}

// lookAbove logs, once, that callers never get as far as the queue.
func (p *Pool) lookAbove() {
	limit, _ := p.bounds()
	if limit = orNone(limit, 0); p.above.Look(limit) {
		p.log().Warn("pooled: callers wait in database/sql, without pool_timeout and without an error that says who holds "+
			"the connections: delete db.SetMaxOpenConns, or set it above the pool's limit",
			"pool", p.name, "max_open_conns", p.above.MaxOpen(), "limit", limit)
	}
}
