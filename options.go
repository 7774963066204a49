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

	wantPingInCode = "want PingOff, PingAlways, PingAuto, or a duration above 0: 0 could mean off or always"
)

// maxConnsKey is pgxpool's name for a limit on all server connections. It sets two options, so it is more than an
// alias.
const maxConnsKey = "pool_max_conns"

// options is the one table. Its order is that of the documentation and of FormatDSN.
var options = option.New(NewConfig(),
	option.Row[Config]{
		Key: "pool_driver", Doc: "registered name of the real driver; by default the DSN tells it",
		Parse:  parseDriver,
		Format: func(c *Config) string { return c.Driver },
	},
	option.Choice("pool_class", func(c *Config) *Class { return &c.Class },
		"`queue`, `null` (keep none, no limit), `static` (one, used in turn), "+
			"`assert` (one; a second checkout fails), `direct` (database/sql is the only pool)",
		ClassQueue, ClassNull, ClassStatic, ClassAssert, ClassDirect),
	option.Int("pool_size", func(c *Config) *int { return &c.Size },
		option.OneOrMore("keep every server connection that was opened", // 0 is no limit in SQLAlchemy, none elsewhere
			"for no limit write pool_max_overflow=-1, to keep none pool_class=null"),
		"connections kept open, at least 1; -1: all that are opened").
		In(queueOnly).Alias(maxConnsKey),
	option.Int("pool_max_overflow", func(c *Config) *int { return &c.MaxOverflow }, option.AtLeast(0),
		"more connections under load, closed after pool_idle_timeout; 0: none, -1: no limit").
		In(queueOnly).Also(checkOverflow),
	option.Duration("pool_timeout", func(c *Config) *time.Duration { return &c.Timeout }, option.FromZero,
		"longest wait for a connection; 0: do not wait for one in use, -1: no limit").
		In(waiting).Short(),
	option.Choice("pool_context_errors", func(c *Config) *ContextErrorMode { return &c.ContextErrors },
		"which waits that the caller's context ends give an error that says who holds the connections: `queue`, "+
			"`all` (also for a connection being opened), `plain` (none)",
		ContextErrorQueue, ContextErrorAll, ContextErrorPlain).
		In(waiting),
	option.Bool("pool_use_lifo", func(c *Config) *bool { return &c.UseLIFO },
		"use the connection that was returned last; false: the one that was idle for longest").
		In(queueOnly),
	option.Int("pool_min_idle", func(c *Config) *int { return &c.MinIdle }, option.Between(0, mostMinIdle),
		"idle connections kept ready, from the start; at most pool_size plus pool_max_overflow").
		In(queueOnly).Alias("pool_min_idle_conns").Also(checkMinIdle),
	option.Duration("pool_idle_timeout", func(c *Config) *time.Duration { return &c.IdleTimeout }, option.FromZero,
		"how long a connection above pool_size may be idle; 0: close it on return, -1: keep it").
		In(queueOnly).Alias("pool_max_conn_idle_time"),
	option.Duration("pool_recycle", func(c *Config) *time.Duration { return &c.Recycle }, option.AboveZero,
		"age at which a connection is replaced, in the background if it is idle; -1: never").
		In(reusing).Alias("pool_max_conn_lifetime"),
	option.Part("pool_recycle_jitter", func(c *Config) *float64 { return &c.RecycleJitter.Percent },
		func(c *Config) *time.Duration { return &c.RecycleJitter.Duration },
		"shortens each connection's age limit by a random part of this, a percentage or a duration").
		In(reusing).Alias("pool_max_conn_lifetime_jitter"),
	option.Worded("pool_pre_ping", func(c *Config) *time.Duration { return &c.PrePing },
		option.AboveZeroOr(wantPingInCode, true),
		"ping at checkout: `off` (or false), `on` (or true), after an idle time such as `30s`, "+
			"or `auto`, which is `1s`",
		wantPing, []string{"0", "1"}, // they may be meant as off and on, or as seconds
		option.Word{Word: "off", Value: PingOff}, option.Word{Word: "on", Value: PingAlways},
		option.Word{Word: "auto", Value: PingAuto}).
		In(reusing).Short(),
	option.Duration("pool_ping_timeout", func(c *Config) *time.Duration { return &c.PingTimeout }, option.AboveZero,
		"longest wait for the answer to a ping; -1: no limit").
		In(reusing).Short(),
	option.Switch("pool_reset_on_return", func(c *Config) *ResetMode { return &c.ResetOnReturn },
		ResetRollback, ResetNone,
		"what is undone on return: `rollback` (or true), `commit`, `none` (or false), "+
			"`session` (all, as after connect), `auto` (`session` if a statement calls for it, else `rollback`)",
		ResetRollback, ResetCommit, ResetNone, ResetAuto, ResetSession),
	option.Duration("pool_reset_timeout", func(c *Config) *time.Duration { return &c.ResetTimeout }, option.AboveZero,
		"longest that a reset may take before the connection is closed instead; -1: no limit").Short(),
	option.Text("pool_init_sql", func(c *Config) *string { return &c.InitSQL }, nil,
		"SQL that runs on each new connection, and again after a session reset"),
	option.Int("pool_stmt_cache", func(c *Config) *int { return &c.StmtCache }, option.Between(0, mostStmtCache),
		"prepared statements kept on each connection, for queries with arguments "+
			"(lib/pq, go-sql-driver/mysql); 0: none").
		In(reusing),
	option.Int("pool_connect_limit", func(c *Config) *int { return &c.ConnectLimit }, option.AtLeast(1),
		"connections opened at the same time when a burst begins; then more while the server keeps up, "+
			"fewer while it fails; -1: no limit").
		In(waiting),
	option.Worded("pool_leak_after", func(c *Config) *time.Duration { return &c.LeakAfter },
		option.AboveZeroOr(wantLeak, false),
		"log a checkout that lasts longer, with the stack that made it, and again its return; "+
			"off (or -1): never",
		wantLeak, nil, option.Word{Word: "off", Value: NoLimit}).Short(),
	option.Bool("pool_fork_guard", func(c *Config) *bool { return &c.ForkGuard },
		"a forked child neither uses nor closes its parent's connections"),
	option.Switch("pool_echo", func(c *Config) *EchoMode { return &c.Echo }, EchoOn, EchoOff,
		"log each statement with its arguments and its duration: `off` (or false), `true`, "+
			"`debug` (also each row that is read)",
		EchoOff, EchoOn, EchoDebug).Alias("echo"),
	option.Switch("pool_echo_pool", func(c *Config) *EchoMode { return &c.EchoPool }, EchoOn, EchoOff,
		"log the pool's events: `off` (or false), `true` (the rare ones), "+
			"`debug` (also each checkout, reset and checkin)",
		EchoOff, EchoOn, EchoDebug).Alias("echo_pool"),
	option.Bool("pool_hide_parameters", func(c *Config) *bool { return &c.HideParameters },
		"keep statement arguments and row contents out of the log"),
	option.Text("pool_logger", func(c *Config) *string { return &c.LoggerName }, option.Printable,
		"name given to `pooled.RegisterLogger`; by default `slog.Default()`"),
	option.Bool("pool_timings", func(c *Config) *bool { return &c.Timings },
		"measure waits, connects, uses and resets from the start; false: only while somebody asks"),
	option.Text("pool_name", func(c *Config) *string { return &c.Name }, option.Printable,
		"name of the pool in logs, metrics and Stats; by default driver and number: `postgres-1`"),
	option.List("pool_hooks", func(c *Config) *[]string { return &c.HookNames },
		"names given to `pooled.RegisterHooks`, separated by commas"),
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

// The most that may be asked for, more than any server takes. Unlike a limit, a number that is to be opened can't be
// as large as one likes.
const (
	mostMinIdle   = 1 << 16
	mostStmtCache = 1 << 16
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
