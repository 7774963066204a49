package pooled

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/pooled-go/pooled/internal/dsn"
	"github.com/pooled-go/pooled/internal/option"
)

// Option describes a key of the DSN.
type Option struct {
	Key     string   // as written in the DSN
	Aliases []string // other names of the same option
	Default string   // as it would be written in the DSN; empty: the empty value, or a default that Doc explains
	Doc     string   // one line
	Classes []Class  // the classes in which the option means something; nil: all
}

// Options returns every option a DSN may hold, in the order of the documentation.
func Options() []Option {
	list := make([]Option, len(options))
	for i, o := range options {
		list[i] = Option{Key: o.Key, Aliases: slices.Clone(o.Aliases), Default: o.Default, Doc: o.Doc}
		for _, class := range o.Classes {
			list[i].Classes = append(list[i].Classes, Class(class))
		}
	}
	return list
}

var (
	queueOnly = []string{string(ClassQueue)}
	waiting   = []string{string(ClassQueue), string(ClassNull), string(ClassStatic), string(ClassAssert)}
	reusing   = []string{string(ClassQueue), string(ClassStatic), string(ClassAssert), string(ClassDirect)}
)

const (
	wantPing = "want off, on, auto, or a duration above 0, such as 30s, after which to ping"
	wantLeak = "want off or a duration above 0"
	wantWait = "want auto, 0, a duration such as 10s, or -1 for no limit"

	wantPingInCode = "want PingOff, PingAlways, PingAuto, or a duration above 0: 0 could mean off or always"
)

// maxConnsKey is pgxpool's name for a limit on all server connections. It sets two options, so it is more than an
// alias.
const maxConnsKey = "pool_max_conns"

// options is the one table. Its order is that of the documentation and of FormatDSN.
var options = option.New(NewConfig(),
	option.Row[Config]{
		Key: "pool_driver", Doc: "name under which the real driver is registered; by default, the DSN determines it",
		Parse:  parseDriver,
		Format: func(c *Config) string { return c.Driver },
	},
	option.Choice("pool_class", func(c *Config) *Class { return &c.Class },
		"kind of pool: `queue`, `null` (keeps no connections), `static` (one connection, callers take turns), "+
			"`assert` (one connection, a second checkout fails), `direct` (only database/sql's own pool)",
		ClassQueue, ClassNull, ClassStatic, ClassAssert, ClassDirect),
	option.Int("pool_size", func(c *Config) *int { return &c.Size }, 10,
		option.OneOrMore("keep every server connection that was opened", // 0 is no limit in SQLAlchemy, none elsewhere
			"for no limit write pool_max_overflow=-1, to keep none pool_class=null"),
		"number of connections that stay open, at least 1; -1: all stay open").
		In(queueOnly).Alias(maxConnsKey),
	option.Int("pool_max_overflow", func(c *Config) *int { return &c.MaxOverflow }, 10, option.AtLeast(0),
		"how many more connections may be opened under load; 0: none, -1: no limit").
		In(queueOnly).Also(checkOverflow),
	option.Duration("pool_timeout", func(c *Config) *time.Duration { return &c.Timeout }, option.FromZero,
		"longest wait for a connection; 0: fail at once if all are in use, -1: no limit").
		In(waiting).Short(),
	option.Choice("pool_context_errors", func(c *Config) *ContextErrorMode { return &c.ContextErrors },
		"when a caller whose context ends gets an error that lists who holds the connections: `queue` (if it "+
			"waited in the queue), `all` (also if a connection was being opened for it), `plain` (never)",
		ContextErrorQueue, ContextErrorAll, ContextErrorPlain).
		In(waiting),
	option.Bool("pool_use_lifo", func(c *Config) *bool { return &c.UseLIFO },
		"use the idle connection that was returned last; false: the one that has been idle longest").
		In(queueOnly),
	option.Int("pool_min_idle", func(c *Config) *int { return &c.MinIdle }, 2, option.Between(0, mostMinIdle),
		"number of idle connections that the pool keeps ready; at most pool_size plus pool_max_overflow").
		In(queueOnly).Alias("pool_min_idle_conns").Also(checkMinIdle),
	option.Duration("pool_idle_timeout", func(c *Config) *time.Duration { return &c.IdleTimeout }, option.FromZero,
		"how long a connection above pool_size may be idle; 0: it is closed on return, -1: it stays open").
		In(queueOnly).Alias("pool_max_conn_idle_time"),
	option.Duration("pool_recycle", func(c *Config) *time.Duration { return &c.Recycle }, option.AboveZero,
		"age at which a connection is replaced; -1: never").
		In(reusing).Alias("pool_max_conn_lifetime"),
	option.Part("pool_recycle_jitter", func(c *Config) *float64 { return &c.RecycleJitter.Percent },
		func(c *Config) *time.Duration { return &c.RecycleJitter.Duration },
		"shortens each connection's maximum age by a random amount, at most this percentage or duration").
		In(reusing).Alias("pool_max_conn_lifetime_jitter"),
	option.Worded("pool_pre_ping", func(c *Config) *time.Duration { return &c.PrePing },
		option.AboveZeroOr(wantPingInCode, true),
		"which connections are pinged at checkout: none (`off` or false), all (`on` or true), or those that "+
			"were idle longer than a time such as `30s`; `auto` means `1s`",
		wantPing, []string{"0", "1"}, // they may be meant as off and on, or as seconds
		option.Word{Word: "off", Value: PingOff}, option.Word{Word: "on", Value: PingAlways},
		option.Word{Word: "auto", Value: PingAuto}).
		In(reusing).Short(),
	option.Duration("pool_ping_timeout", func(c *Config) *time.Duration { return &c.PingTimeout }, option.AboveZero,
		"longest wait for the answer to a ping; -1: no limit").
		In(reusing).Short(),
	option.Switch("pool_reset_on_return", func(c *Config) *ResetMode { return &c.ResetOnReturn },
		ResetRollback, ResetNone,
		"what happens when a connection is returned: `rollback` (or true) or `commit` of an open transaction, `none` "+
			"(or false), `session` (full reset), `auto` (full reset only if statements changed the session)",
		ResetRollback, ResetCommit, ResetNone, ResetAuto, ResetSession),
	option.Duration("pool_reset_timeout", func(c *Config) *time.Duration { return &c.ResetTimeout }, option.AboveZero,
		"longest time for a reset, after which the connection is closed; -1: no limit").Short(),
	option.Text("pool_init_sql", func(c *Config) *string { return &c.InitSQL }, nil,
		"SQL that is run on each new connection, and again after a session reset"),
	option.Int("pool_stmt_cache", func(c *Config) *int { return &c.StmtCache }, 256, option.Between(0, mostStmtCache),
		"number of prepared statements kept on each connection, for queries with arguments "+
			"(lib/pq, go-sql-driver/mysql); 0: none").
		In(reusing),
	option.Int("pool_connect_limit", func(c *Config) *int { return &c.ConnectLimit }, 4, option.AtLeast(1),
		"how many connections may be opened at the same time when a burst begins; the number rises while many "+
			"callers wait, and falls when opening fails; -1: no limit").
		In(waiting),
	option.Choice("pool_target", func(c *Config) *Target { return &c.Target },
		"which servers the pool connects to: `any`, `primary` (takes writes), `standby` (is read-only), "+
			"`prefer-standby` (any if there is no standby); for PostgreSQL and MySQL",
		TargetAny, TargetPrimary, TargetStandby, TargetPreferStandby).Meant("primary", "master read-write writer leader").
		Meant("standby", "replica slave secondary read-only reader").Meant("prefer-standby", "prefersecondary"),
	option.Choice("pool_hosts", func(c *Config) *HostOrder { return &c.HostOrder },
		"which of several hosts is tried first: `order` (the one that is written first) or `random`",
		HostsInOrder, HostsRandom),
	option.Worded("pool_outage_wait", func(c *Config) *time.Duration { return &c.OutageWait }, checkOutageWait,
		"how long after the beginning of an outage callers still wait for the server; 0: not at all, -1: no limit; "+
			"`auto` means `10s`, but before the first connection each caller dials and gets the driver's error at once",
		wantWait, nil, option.Word{Word: "auto", Value: OutageWaitAuto}).Short(),
	option.Duration("pool_dead_after", func(c *Config) *time.Duration { return &c.DeadAfter },
		option.BetweenOrNone(leastDeadAfter, mostDeadAfter),
		"how long the server's machine may be silent before its connections fail, by TCP keepalive; -1: as the driver "+
			"and the system have it").
		Short(),
	option.Worded("pool_leak_after", func(c *Config) *time.Duration { return &c.LeakAfter },
		option.AboveZeroOr(wantLeak, false),
		"log a connection that is held longer than this, with the stack of the code that took it; "+
			"off (or -1): never",
		wantLeak, nil, option.Word{Word: "off", Value: NoLimit}).Short(),
	option.Bool("pool_fork_guard", func(c *Config) *bool { return &c.ForkGuard },
		"keep a forked child process from using or closing its parent's connections"),
	option.Switch("pool_echo", func(c *Config) *EchoMode { return &c.Echo }, EchoOn, EchoOff,
		"log each statement with its arguments and its duration: `off` (or false), `true`, "+
			"`debug` (also each row that is read)",
		EchoOff, EchoOn, EchoDebug).Alias("echo"),
	option.Switch("pool_echo_pool", func(c *Config) *EchoMode { return &c.EchoPool }, EchoOn, EchoOff,
		"log the pool's events: `off` (or false), `true` (the rare ones), "+
			"`debug` (also each checkout, reset and return)",
		EchoOff, EchoOn, EchoDebug).Alias("echo_pool"),
	option.Bool("pool_hide_parameters", func(c *Config) *bool { return &c.HideParameters },
		"keep statement arguments and row contents out of the log"),
	option.Text("pool_logger", func(c *Config) *string { return &c.LoggerName }, option.Printable,
		"name of a logger passed to `pooled.RegisterLogger`; by default `slog.Default()`"),
	option.Bool("pool_timings", func(c *Config) *bool { return &c.Timings },
		"always measure waits, connects, uses and resets; false: only while something reads the figures"),
	option.Text("pool_name", func(c *Config) *string { return &c.Name }, option.Printable,
		"name of the pool in logs, metrics and Stats; by default the driver and a number, such as `postgres-1`"),
	option.List("pool_hooks", func(c *Config) *[]string { return &c.HookNames },
		"names of hooks passed to `pooled.RegisterHooks`, separated by commas"),
)

// parseDriver refuses what could not stand in an error. A Config made in code may hold any name.
func parseDriver(c *Config, v string) error {
	if !dsn.IsDriverName(v) {
		return errors.New("want the name of a driver, such as postgres")
	}
	c.Driver = v
	return nil
}

// checkOverflow refuses a limit that would be silently without effect: nothing ever overflows a size without limit.
func checkOverflow(c *Config) error {
	if c.Size == NoLimit && c.MaxOverflow != NoLimit {
		return errors.New("means nothing with pool_size=-1, which has no limit: leave it out")
	}
	return nil
}

// checkOutageWait allows what option.FromZero does, and the named value.
func checkOutageWait(d time.Duration) error {
	if d == OutageWaitAuto {
		return nil
	}
	return option.FromZero(d)
}

// The most that may be asked for, more than any server takes. Unlike a limit, a number that is to be opened can't be
// as large as one likes.
const (
	mostMinIdle   = 1 << 16
	mostStmtCache = 1 << 16
)

// Systems count keepalive in seconds, and Linux not further than 32767.
const (
	leastDeadAfter = time.Second
	mostDeadAfter  = 12 * time.Hour
)

func checkMinIdle(c *Config) error {
	switch {
	case c.MinIdle > 0 && c.Class != ClassQueue:
		return fmt.Errorf("means nothing with pool_class=%s: leave it out", c.Class)
	case c.Size != NoLimit && c.MaxOverflow != NoLimit && c.MinIdle-c.Size > c.MaxOverflow:
		return fmt.Errorf("want at most pool_size=%d plus pool_max_overflow=%d", c.Size, c.MaxOverflow)
	}
	return nil
}
