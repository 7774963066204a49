package pooled

import (
	"context"
	"slices"
	"time"

	"github.com/pooled-go/pooled/internal/dsn"
	"github.com/pooled-go/pooled/internal/opener"
	"github.com/pooled-go/pooled/internal/pool"
	"github.com/pooled-go/pooled/internal/process"
	"github.com/pooled-go/pooled/internal/saturate"
	"github.com/pooled-go/pooled/internal/serverconn"
	"github.com/pooled-go/pooled/internal/sqldb"
	"github.com/pooled-go/pooled/internal/stmtcache"
)

// newPool makes a pool that starts nothing before core.Refill. The configuration is the pool's own, and valid; user is
// its named hooks and its hooks.
func newPool(d *opener.Driver, cfg Config, user []Hooks) *Pool {
	if d.Dialect.Embedded || cfg.Class == ClassNull { // nothing goes away, or grows old
		cfg.Recycle, cfg.PrePing = NoLimit, PingOff
	}
	p := &Pool{
		cfg:     &cfg,
		secrets: &dsn.Redactor{},
		driver:  d,
		reuse:   cfg.Class != ClassNull,
		first:   opener.NewFirst(),
		above:   &sqldb.Above{},
	}
	p.histograms.Init(TimingWait, TimingConnect, TimingUse, TimingReset)
	p.user = user
	p.journal.Init(p.secrets)
	p.keepSecrets()
	p.shared = p.sharedByConns()
	p.hooks = newChain(p.instantGuards(), p.guards(), slices.Concat(user, p.watchers()))
	if cfg.ForkGuard {
		p.process = process.ID()
	}
	p.core = pool.New(p.coreConfig())
	p.hosts = p.hostSet()
	if p.reuse {
		p.core.Resolve(cfg.PrePing)
	}
	return p
}

// sharedByConns is what the configuration means to each server connection.
func (p *Pool) sharedByConns() *serverconn.Shared {
	shared := &serverconn.Shared{
		Dialect:      p.driver.Dialect,
		Interceptors: p.withStatementLog(p.cfg.Interceptors),
		Veto:         p.driver.Veto(),
		Lost:         p.errLost,
		Ended:        p.errEnded,
		MakeRoom:     func(ctx context.Context, c *serverconn.Conn) bool { return p.current().makeRoom(ctx, c) },
		DeadAfter:    p.cfg.DeadAfter,
		InitSQL:      p.cfg.InitSQL,
		ResetTimeout: p.cfg.ResetTimeout,
		WatchSession: p.cfg.ResetOnReturn == ResetAuto,
	}
	if p.cfg.StmtCache > 0 {
		shared.Stmts = stmtcache.NewShared(p.cfg.StmtCache, p.cfg.ResetOnReturn == ResetSession, p.logStmtsNotKept)
	}
	return shared
}

// coreConfig is what the configuration means to the core.
func (p *Pool) coreConfig() pool.Config[*ServerConn] {
	limit, keep := p.bounds()
	idleTimeout := time.Duration(NoLimit)
	if p.cfg.Class == ClassQueue {
		idleTimeout = p.cfg.IdleTimeout
	}
	cfg := pool.Config[*ServerConn]{
		Limit: limit, Keep: keep, MinIdle: p.cfg.MinIdle, Reuse: p.reuse, LIFO: p.cfg.UseLIFO,
		Direct: p.direct(), CloseNow: p.driver.Dialect.Embedded, // no server could be slow, and there are locks to be freed
		Timeout: p.cfg.Timeout, IdleTimeout: idleTimeout, Recycle: p.cfg.Recycle, OverdueAfter: p.cfg.LeakAfter,
		ConnectLimit: p.cfg.ConnectLimit,

		Open:       p.openSlot,
		OpenFailed: p.fireConnectError,
		Close:      (*ServerConn).close,
		Leaving:    p.fireClose,
		MaxAge:     func() time.Duration { return ageLimit(p.cfg) },
		Full:       p.driver.Dialect.TooManyConns,
		Gate:       p.gate,
		Away:       p.isOutage,
		Overdue:    p.fireLeaks,
		Panicked:   p.panicked,
		Causes: pool.Causes{
			Expired: errRecycled, IdledOut: errIdledOut, Disposed: errDisposed,
			Exhausted: errGoexit, Closed: ErrClosed, Invalid: invalidates,
		},
	}
	if p.cfg.Class == ClassAssert {
		cfg.Admit = p.assertFree
	}
	return cfg
}

// bounds are the most server connections at one time, and how many of them stay open when they are idle.
func (p *Pool) bounds() (limit, keep int) {
	switch p.cfg.Class {
	case ClassStatic, ClassAssert:
		return 1, 1
	case ClassNull:
		return pool.Unlimited, 0
	case ClassQueue:
		if p.cfg.Size < 0 {
			return pool.Unlimited, pool.Unlimited
		}
		if p.cfg.MaxOverflow >= 0 {
			return saturate.Add(p.cfg.Size, p.cfg.MaxOverflow), p.cfg.Size
		}
	}
	return pool.Unlimited, p.cfg.Size
}
