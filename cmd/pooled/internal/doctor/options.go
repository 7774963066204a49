package doctor

import (
	"context"
	"fmt"
	"math"
	"strings"

	"github.com/pooled-go/pooled"
)

// advice is about an option, whoever the server is.
type advice struct {
	id           string
	wrong        func(pooled.Config) bool
	embedded     bool // it matters to a database without a server, too
	text, change string
	fine         string
}

var adviceOnOptions = []advice{
	{
		id: "reset-mode", embedded: true,
		wrong: func(c pooled.Config) bool { return c.ResetOnReturn == pooled.ResetNone },
		text: "pool_reset_on_return=none: whatever a user leaves, an open transaction with its locks too, is " +
			"the next one's",
		change: "pool_reset_on_return=rollback, or auto",
		fine:   "what a user leaves open does not outlive its checkout",
	},
	{
		id:    "pre-ping",
		wrong: func(c pooled.Config) bool { return c.PrePing == pooled.PingOff && c.Class != pooled.ClassNull },
		text: "pool_pre_ping=off: a connection that a firewall dropped in silence, or that was lost in a failover, " +
			"fails in somebody's hands",
		change: "pool_pre_ping=auto, which costs a round trip only after a second of idleness",
		fine:   "a connection that has been idle is pinged before it is handed out",
	},
	{
		id:     "recycle",
		wrong:  func(c pooled.Config) bool { return c.Recycle < 0 && c.Class != pooled.ClassNull },
		text:   "pool_recycle=-1: a connection lives for ever, with the memory its session gathers, on the host it first met",
		change: "pool_recycle=30m",
		fine:   "a connection is replaced when it is old",
	},
	{
		id:     "fork-guard",
		wrong:  func(c pooled.Config) bool { return !c.ForkGuard },
		text:   "pool_fork_guard=false: a forked child speaks on its parent's connections",
		change: "pool_fork_guard=true, which costs next to nothing",
		fine:   "a forked child leaves its parent's connections alone",
	},
	{
		id: "wait", embedded: true,
		wrong: func(c pooled.Config) bool {
			return c.Timeout < 0 && c.Class != pooled.ClassNull && c.Class != pooled.ClassDirect && mostConns(c) >= 0
		},
		text: "pool_timeout=-1: when all connections are in use, callers without a deadline wait for ever, and " +
			"nobody is told",
		change: "pool_timeout=30s, or less than the time after which the program's own callers give up",
		fine:   "nobody waits for a connection without end",
	},
}

func checkOptions(_ context.Context, x *exam) error {
	if x.cfg.HookNames != nil {
		x.report.add("hooks", levelOK, fmt.Sprintf("pool_hooks=%s are the program's and did not run here; if they "+
			"give the password, say, the rest can't work",
			strings.Join(x.cfg.HookNames, ",")), "")
	}
	for _, a := range adviceOnOptions {
		switch {
		case x.server == sqliteServer && !a.embedded:
		case a.wrong(x.cfg):
			x.report.add(a.id, levelWarning, a.text, a.change)
		default:
			x.report.add(a.id, levelOK, a.fine, "")
		}
	}
	return nil
}

// mostConns is how many server connections one process may open; -1: there is no limit of the pool's, or one that no
// server would ever meet.
func mostConns(c pooled.Config) int {
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
