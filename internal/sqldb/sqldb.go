// Package sqldb looks at the sql.DB above a pool, if the program has passed it to PoolOf: database/sql tells a driver
// nothing about it.
package sqldb

import (
	"database/sql"
	"sync/atomic"
	"time"
)

// Above is the sql.DB above one pool. Its methods may be called at any time.
type Above struct {
	db      atomic.Pointer[sql.DB] // nil: the program has not shown it
	maxOpen atomic.Int64           // as Look has found it
	pending atomic.Bool            // it was shown, and Pending has not said so
	next    atomic.Int64           // when it is time to look again, in nanoseconds since 1970
	told    atomic.Bool
}

// every is how often a program that shows its sql.DB all the time makes the pool look at it.
const every = time.Second

// Show is given the sql.DB. It reports whether it is time to look at it.
func (a *Above) Show(db *sql.DB) (look bool) {
	a.db.Store(db)
	a.pending.Store(true)
	now, next := time.Now().UnixNano(), a.next.Load()
	return now >= next && a.next.CompareAndSwap(next, now+int64(every))
}

// Pending reports whether the sql.DB was shown since it said so last. If not, it costs one load.
func (a *Above) Pending() bool { return a.pending.Load() && a.pending.Swap(false) }

// Look reads the limit of the sql.DB, of one that was shown. limit is the pool's, 0: it has none. crowded says, once,
// that the sql.DB's limit is not above it: then callers wait in database/sql, and never in the pool. Look locks the
// sql.DB, so it must not be called by what database/sql calls with that lock held, as it does with Close of a driver's
// connection.
func (a *Above) Look(limit int) (crowded bool) {
	n := a.db.Load().Stats().MaxOpenConnections
	a.maxOpen.Store(int64(n))
	return n > 0 && n <= limit && !a.told.Swap(true)
}

// MaxOpen is the limit that Look has found last, 0: none, or Look was not called.
func (a *Above) MaxOpen() int { return int(a.maxOpen.Load()) }
