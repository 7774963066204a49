// Package advice warns about options of a pool that are probably wrong, without asking the server.
package advice

import (
	"math"

	"github.com/pooled-go/pooled"
)

// Advice is about an option, whoever the server is.
type Advice struct {
	ID       string // of the doctor's finding
	Wrong    func(pooled.Config) bool
	Embedded bool   // it matters to a database without a server, too
	Text     string // what is wrong
	Change   string // what to do about it
	Fine     string // what is to be said if it isn't wrong
}

// OnOptions is in the order of the option table.
var OnOptions = []Advice{
	{
		ID: "reset-mode", Embedded: true,
		Wrong: func(c pooled.Config) bool { return c.ResetOnReturn == pooled.ResetNone },
		Text: "pool_reset_on_return=none: whatever a caller leaves, even an open transaction with its locks, passes " +
			"to the next caller",
		Change: "pool_reset_on_return=rollback, or auto",
		Fine:   "a transaction that a caller leaves open ends when its connection is returned",
	},
	{
		ID:    "pre-ping",
		Wrong: func(c pooled.Config) bool { return c.PrePing == pooled.PingOff && c.Class != pooled.ClassNull },
		Text: "pool_pre_ping=off: a connection that a firewall dropped silently, or that was lost in a failover, " +
			"is handed to a caller and fails there",
		Change: "pool_pre_ping=auto, which costs a round trip only after a second of idleness",
		Fine:   "a connection that has been idle is pinged before it is handed out",
	},
	{
		ID:     "recycle",
		Wrong:  func(c pooled.Config) bool { return c.Recycle < 0 && c.Class != pooled.ClassNull },
		Text:   "pool_recycle=-1: a connection is never replaced: its session gathers memory, and stays on the first host",
		Change: "pool_recycle=30m",
		Fine:   "connections are replaced when they are old",
	},
	{
		ID:     "fork-guard",
		Wrong:  func(c pooled.Config) bool { return !c.ForkGuard },
		Text:   "pool_fork_guard=false: a forked child may use its parent's connections",
		Change: "pool_fork_guard=true, which costs next to nothing",
		Fine:   "a forked child leaves its parent's connections alone",
	},
	{
		ID: "wait", Embedded: true,
		Wrong: func(c pooled.Config) bool {
			return c.Timeout < 0 && c.Class != pooled.ClassNull && c.Class != pooled.ClassDirect && MostConns(c) >= 0
		},
		Text: "pool_timeout=-1: when all connections are in use, callers without a deadline wait forever, without " +
			"an error",
		Change: "pool_timeout=30s, or less than the deadline of the program's own callers",
		Fine:   "no caller waits forever for a connection",
	},
	{
		ID: "outage-wait",
		Wrong: func(c pooled.Config) bool {
			return c.Class != pooled.ClassDirect && c.Timeout >= 0 && c.OutageWait > c.Timeout
		},
		Text: "pool_outage_wait is longer than pool_timeout, which ends a caller's wait in an outage as it ends any other: " +
			"what is beyond it has no effect",
		Change: "pool_outage_wait of at most pool_timeout, or a longer pool_timeout",
		Fine:   "callers wait for a server that restarts no longer than for a connection",
	},
}

// MostConns is how many server connections one process may open; -1: there is no limit of the pool's, or one that no
// server would ever meet.
func MostConns(c pooled.Config) int {
	switch c.Class {
	case pooled.ClassStatic, pooled.ClassAssert:
		return 1
	case pooled.ClassQueue:
		if c.Size >= 0 && c.MaxOverflow >= 0 && c.Size <= math.MaxInt32 && c.MaxOverflow <= math.MaxInt32-c.Size {
			return c.Size + c.MaxOverflow
		}
	}
	return -1
}
