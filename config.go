package pooled

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/ngrok/sqlmw"
)

// Class is the way a pool keeps its server connections.
type Class string

const (
	// ClassQueue keeps Config.Size server connections and opens up to Config.MaxOverflow more under load. The default.
	ClassQueue Class = "queue"
	// ClassNull keeps none: a server connection is opened at checkout and closed at checkin.
	ClassNull Class = "null"
	// ClassStatic keeps exactly one, borrowed by one Conn at a time.
	ClassStatic Class = "static"
	// ClassAssert keeps exactly one and fails a second checkout at the same time, with the stack of the first.
	ClassAssert Class = "assert"
	// ClassDirect leaves pooling to database/sql: a Conn keeps its server connection for life.
	ClassDirect Class = "direct"
)

// ResetMode is what is done to a server connection when it is given back.
type ResetMode string

const (
	// ResetRollback rolls back what the borrower left open. The default.
	ResetRollback ResetMode = "rollback"
	// ResetCommit commits what the borrower left open.
	ResetCommit ResetMode = "commit"
	// ResetNone does nothing: a forgotten transaction meets the next borrower.
	ResetNone ResetMode = "none"
	// ResetAuto is ResetRollback, and ResetSession after a statement that changes the state of the session.
	ResetAuto ResetMode = "auto"
	// ResetSession gives the session the state it had after connect, whatever the borrower did.
	ResetSession ResetMode = "session"
)

// EchoMode says how much is logged.
type EchoMode string

const (
	// EchoOff: nothing. The default.
	EchoOff EchoMode = "off"
	// EchoOn: what one wants to see now and then.
	EchoOn EchoMode = "true"
	// EchoDebug: everything.
	EchoDebug EchoMode = "debug"
)

// PrePing says when a server connection is pinged before it is lent: when it has been idle for longer than this. Two
// values mean something else, see the constants.
type PrePing = time.Duration

const (
	// PingOff: never.
	PingOff PrePing = off
	// PingAlways: before each use but the first.
	PingAlways PrePing = 0
	// PingAuto: after a second of idleness. The default.
	PingAuto PrePing = time.Second
)

// Jitter is a length of time: a part of another one, or a Duration. One of the two is zero.
type Jitter struct {
	Percent  float64 // 0 to 100
	Duration time.Duration
}

// of is the jitter of a given time, at most that time.
func (j Jitter) of(d time.Duration) time.Duration {
	return min(d, max(j.Duration, percentOf(j.Percent, d)))
}

// off is the value of an integer or duration in a Config that has no limit: -1, as in the DSN.
const off = -1

// Config says which parent to use and how its server connections are pooled. Make it with NewConfig or ParseDSN: the zero
// Config is refused. What is given a Config copies it and leaves it unchanged.
//
// A duration or number of -1 means no limit (time.Duration(-1), not -time.Second); other negative values are refused.
type Config struct {
	// Driver is the parent's name as given to sql.Register. Empty: the DSN tells it.
	Driver string
	// DSN is the parent's own. It may also be one of the URL forms of ParseDSN, without options of ours.
	DSN string
	// ConnectArgs are further arguments for the parent, merged into its DSN and replacing the same key there.
	ConnectArgs map[string]string

	// Class is the kind of pool. Default: ClassQueue.
	Class Class
	// Size is how many server connections are kept open, at least 1; -1 keeps every one that was opened. Default: 5.
	Size int
	// MaxOverflow is how many more may be opened under load; 0: none, -1: no limit. Default: -1.
	MaxOverflow int
	// Timeout is the longest wait for a server connection; 0: do not wait, -1: no limit. Default: 30s.
	Timeout time.Duration
	// UseLIFO hands out the most recently returned server connection first, so that the others can age. Default: true.
	UseLIFO bool
	// MinIdle is how many idle server connections are kept ready in the background, at most 65536. Default: 0.
	MinIdle int
	// IdleTimeout is how long a server connection above Size may sit idle; 0: it is closed on return, -1: it stays.
	// Default: 1m.
	IdleTimeout time.Duration
	// ConnectLimit is how many server connections may be in the opening at one moment when a burst begins; -1: no limit.
	// While callers wait whom returned connections can't serve soon, each that was opened permits one more; each that
	// could not be opened halves it, down to one. Default: 4.
	ConnectLimit int
	// Recycle is the age after which a server connection is replaced, above 0: in the background if it is idle, on return if it
	// is in use; -1: never. SQLite's are not recycled, there is no server that could mind their age. Default: 30m.
	Recycle time.Duration
	// RecycleJitter shortens each server connection's own age limit by a random part of this, fixed when it is opened, so that those
	// opened together do not end together. Default: 25 percent.
	RecycleJitter Jitter
	// PrePing says which server connections are pinged at checkout: PingOff, PingAlways, PingAuto, or those idle for longer than a
	// duration. Where the socket is known it is looked at in any case, which costs no round trip; and unless PrePing is
	// PingOff, a server connection is also pinged when another was lost since it was last seen alive. A parent without
	// driver.Pinger cannot be pinged. Default: PingAuto.
	PrePing PrePing
	// PingTimeout is the longest wait for the answer to a ping, above 0; -1: no limit but the caller's context. Default: 5s.
	PingTimeout time.Duration
	// ResetOnReturn is what happens to a server connection's session when it is given back. Default: ResetRollback.
	ResetOnReturn ResetMode
	// ResetTimeout is the longest a reset may take, and with lib/pq the closing of a prepared statement; above 0, -1: no
	// limit. Default: 5s.
	ResetTimeout time.Duration
	// InitSQL is run on each new server connection, and again after its session was reset. Several statements only if the parent
	// takes them in one text. Default: empty, nothing is run.
	InitSQL string
	// StmtCache is how many prepared statements are kept on each server connection, for queries with arguments by lib/pq
	// or go-sql-driver/mysql, at most 65536; 0: none. With other parents none are kept. Default: 0.
	StmtCache int
	// ForkGuard keeps a forked child process from using or closing its parent's server connections. Default: true.
	ForkGuard bool
	// LeakAfter is how long a checkout may last before it is logged, with its last statement and the stack that took it, and told to the
	// Leak hooks; above 0, -1: none is. It costs a look at the stack for each checkout. Default: -1.
	LeakAfter time.Duration
	// Echo logs each statement; EchoDebug also each row that is read. Default: EchoOff.
	Echo EchoMode
	// EchoPool logs the pool's events; EchoDebug also each checkout, reset and checkin. Default: EchoOff.
	EchoPool EchoMode
	// HideParameters keeps the arguments of statements, and what rows hold, out of the log. What a program writes into the text of a statement
	// itself, and what a server repeats in an error, is not known to be an argument. Default: false.
	HideParameters bool
	// LoggerName is the name of a logger given to RegisterLogger. Default: empty.
	LoggerName string
	// Logger is where everything is logged. It has no place in a DSN. Nil, the default: LoggerName's, and if that is empty slog.Default() at
	// the moment of logging.
	Logger *slog.Logger
	// Interceptors are called for each operation of the program's on a server connection, the first outermost; see ConnID. They have no
	// place in a DSN. Default: none, which costs nothing.
	Interceptors []sqlmw.Interceptor
	// Timings measures waits, connects, uses and resets from the start, for Pool.Timings. False: while that is called.
	// Default: false.
	Timings bool
	// Name stands for the pool in logs, metrics and Stats. Default: empty, and the pool is called by its driver and number.
	Name string
	// HookNames are the names of hooks given to RegisterHooks. They are called in this order, before Hooks. Default: none.
	HookNames []string
	// Hooks are called on the way of a server connection through the pool. They have no place in a DSN.
	Hooks Hooks
}

// NewConfig returns a Config with every option at its default.
func NewConfig() Config {
	return Config{
		Class:         ClassQueue,
		Size:          5,
		MaxOverflow:   off,
		Timeout:       30 * time.Second,
		UseLIFO:       true,
		MinIdle:       0,
		IdleTimeout:   time.Minute,
		ConnectLimit:  4,
		Recycle:       30 * time.Minute,
		RecycleJitter: Jitter{Percent: 25},
		PrePing:       PingAuto,
		PingTimeout:   5 * time.Second,
		ResetOnReturn: ResetRollback,
		ResetTimeout:  5 * time.Second,
		ForkGuard:     true,
		LeakAfter:     off,
		Echo:          EchoOff,
		EchoPool:      EchoOff,
	}
}

// clone returns a copy that shares nothing with c that either could change.
func (c Config) clone() Config {
	c.ConnectArgs = maps.Clone(c.ConnectArgs)
	c.HookNames = slices.Clone(c.HookNames)
	c.Interceptors = slices.Clone(c.Interceptors)
	return c
}

// validate reports the first option whose value is refused. The error names its key in a DSN, also for a Config made in code.
func (c *Config) validate() error {
	if c.Class == "" {
		return errors.New("pooled: Class is empty: make the Config with pooled.NewConfig")
	}
	for i := range options {
		o := &options[i]
		if o.check == nil {
			continue
		}
		if err := o.check(*c); err != nil {
			return badValue(o.Key, o.format(*c), err)
		}
	}
	return nil
}

// Option describes a key of the DSN.
type Option struct {
	Key     string   // as written in the DSN
	Aliases []string // other names of the same option
	Default string   // as it would be written in the DSN; empty: the empty value, or a default that Doc explains
	Doc     string   // one line
}

// Options returns every option a DSN may hold, in the order of the documentation.
func Options() []Option {
	list := make([]Option, len(options))
	for i, o := range options {
		list[i] = o.Option
		list[i].Aliases = slices.Clone(o.Aliases)
	}
	return list
}

// option is a row of the table: everything the package knows about one key.
type option struct {
	Option
	parse   func(c *Config, value string) error // stores the value
	format  func(c Config) string               // the reverse of parse; nil: the Config has no field for it
	check   func(c Config) error                // the value's range, for DSN and code alike; nil: parse refused what is wrong
	classes []Class                             // the classes in which the option means something; nil: all
}

// appliesTo tells whether the option means something in a pool of this class.
func (o *option) appliesTo(c Class) bool { return o.classes == nil || slices.Contains(o.classes, c) }

var (
	queueOnly = []Class{ClassQueue}
	waiting   = []Class{ClassQueue, ClassNull, ClassStatic, ClassAssert}
	reusing   = []Class{ClassQueue, ClassStatic, ClassAssert, ClassDirect}
)

// maxConnsKey is pgxpool's name for a limit on all server connections. It sets two options, so it is more than an alias.
const maxConnsKey = "pool_max_conns"

// options is the one table. Its order is that of the documentation and of FormatDSN.
var options = []option{
	{
		Option: Option{Key: "pool_driver", Doc: "registered name of the parent driver; by default the DSN tells it"},
		parse:  parseDriver,
		format: func(c Config) string { return c.Driver },
	},
	{
		Option: Option{Key: "pool_class", Default: string(ClassQueue),
			Doc: "`queue`, `null` (keep none, no limit), `static` (exactly one, shared in turn), `assert` (one; a second checkout fails), `direct` (database/sql pools)"},
		parse:  func(c *Config, v string) error { c.Class = Class(v); return checkClass(*c) },
		format: func(c Config) string { return string(c.Class) },
		check:  checkClass,
	},
	number("pool_size", func(c *Config) *int { return &c.Size }, checkSize, queueOnly,
		"server connections kept open, at least 1; -1: keep every one that was opened").alias(maxConnsKey),
	number("pool_max_overflow", func(c *Config) *int { return &c.MaxOverflow }, checkOverflow, queueOnly,
		"more that may be opened under load; they linger for pool_idle_timeout; 0: none, -1: no limit"),
	duration("pool_timeout", func(c *Config) *time.Duration { return &c.Timeout }, atLeastZero, waiting,
		"longest wait for a free server connection; 0: do not wait, -1: no limit"),
	boolean("pool_use_lifo", func(c *Config) *bool { return &c.UseLIFO }, queueOnly,
		"reuse the most recently returned server connection first; false: the one that waited longest"),
	number("pool_min_idle", func(c *Config) *int { return &c.MinIdle }, checkMinIdle, queueOnly,
		"server connections opened ahead and kept ready; at most pool_size plus pool_max_overflow").alias("pool_min_idle_conns"),
	duration("pool_idle_timeout", func(c *Config) *time.Duration { return &c.IdleTimeout }, atLeastZero, queueOnly,
		"how long a server connection above pool_size may sit idle; 0: close it on return, -1: keep it").alias("pool_max_conn_idle_time"),
	duration("pool_recycle", func(c *Config) *time.Duration { return &c.Recycle }, aboveZero, reusing,
		"age after which a server connection is replaced, in the background if it is idle; -1: never").alias("pool_max_conn_lifetime"),
	jitter("pool_recycle_jitter", func(c *Config) *Jitter { return &c.RecycleJitter }, reusing,
		"each server connection's own age limit is shortened by up to this, a percentage or a duration").alias("pool_max_conn_lifetime_jitter"),
	{
		Option: Option{Key: "pool_pre_ping", Default: "auto",
			Doc: "ping at checkout: `off` (or 0), `on` (or 1), an idle time above which to ping, such as `30s`, or `auto`, which is `1s`"},
		parse:   parsePing,
		format:  formatPing,
		check:   checkPing,
		classes: reusing,
	},
	duration("pool_ping_timeout", func(c *Config) *time.Duration { return &c.PingTimeout }, aboveZero, reusing,
		"longest wait for the answer to a ping; -1: no limit"),
	{
		Option: Option{Key: "pool_reset_on_return", Default: string(ResetRollback),
			Doc: "what is done to a session on return: `rollback` (or true), `commit`, `none` (or false), `session` (as after connect), `auto` (that when a statement calls for it, else rollback)"},
		parse:  parseReset,
		format: func(c Config) string { return string(c.ResetOnReturn) },
		check:  checkReset,
	},
	duration("pool_reset_timeout", func(c *Config) *time.Duration { return &c.ResetTimeout }, aboveZero, nil,
		"longest a reset may take before the server connection is discarded; -1: no limit"),
	text("pool_init_sql", func(c *Config) *string { return &c.InitSQL },
		"run on each new server connection, and again after a session reset"),
	number("pool_stmt_cache", func(c *Config) *int { return &c.StmtCache }, checkStmtCache, reusing,
		"prepared statements kept on each server connection, for queries with arguments (lib/pq, go-sql-driver/mysql); 0: none"),
	number("pool_connect_limit", func(c *Config) *int { return &c.ConnectLimit }, atLeastOne, waiting,
		"server connections being opened at one moment, to begin with: more while the server keeps up, "+
			"fewer while it fails; -1: no limit"),
	{
		Option: Option{Key: "pool_leak_after", Default: "off",
			Doc: "a checkout held longer is logged with the stack that took it, and again when it comes back; off (or -1): none is"},
		parse:  parseLeak,
		format: formatLeak,
		check:  func(c Config) error { return wrapIf(aboveZero(c.LeakAfter), errLeak) },
	},
	boolean("pool_fork_guard", func(c *Config) *bool { return &c.ForkGuard }, nil,
		"a forked child neither uses nor closes its parent's server connections"),
	echoing("pool_echo", func(c *Config) *EchoMode { return &c.Echo },
		"log each statement, with how long it took and its arguments: `off` (or false), `true`, `debug` (also each row that is read)").alias("echo"),
	echoing("pool_echo_pool", func(c *Config) *EchoMode { return &c.EchoPool },
		"log the pool's events: `off` (or false), `true` (what is rare), `debug` (also each checkout, reset and checkin)").alias("echo_pool"),
	boolean("pool_hide_parameters", func(c *Config) *bool { return &c.HideParameters }, nil,
		"keep the arguments of statements, and what rows hold, out of the log"),
	checked(text("pool_logger", func(c *Config) *string { return &c.LoggerName },
		"name given to `pooled.RegisterLogger`; by default `slog.Default()`"),
		func(c Config) error { return printable(c.LoggerName) }),
	boolean("pool_timings", func(c *Config) *bool { return &c.Timings }, nil,
		"measure waits, connects, uses and resets from the start; false: while somebody asks for the figures"),
	checked(text("pool_name", func(c *Config) *string { return &c.Name },
		"name of the pool in logs, metrics and Stats; by default driver and number: `postgres-1`"),
		func(c Config) error { return printable(c.Name) }),
	{
		Option: Option{Key: "pool_hooks", Doc: "names given to `pooled.RegisterHooks`, separated by commas"},
		parse:  parseHookNames,
		format: func(c Config) string { return strings.Join(c.HookNames, ",") },
	},
}

// parseDriver refuses what could not stand in an error. A Config made in code may hold any name.
func parseDriver(c *Config, v string) error {
	if v == "" || !plainName(v) {
		return errors.New("want the name of a driver")
	}
	c.Driver = v
	return nil
}

func checkClass(c Config) error {
	switch c.Class {
	case ClassQueue, ClassNull, ClassStatic, ClassAssert, ClassDirect:
		return nil
	}
	return errors.New("want queue, null, static, assert or direct")
}

// checkSize refuses 0 with both things it could have meant: in SQLAlchemy it means no limit, elsewhere no connection.
func checkSize(c Config) error {
	switch {
	case c.Size == 0:
		return errors.New("want at least 1, or -1: for no limit write pool_max_overflow=-1, to keep no server connection pool_class=null")
	case c.Size < off:
		return errors.New("want at least 1, or -1 to keep every server connection that was opened")
	}
	return nil
}

func checkOverflow(c Config) error {
	switch {
	case c.MaxOverflow < off:
		return errors.New("want at least 0, or -1 for no limit")
	case c.Size == off && c.MaxOverflow != off:
		// Nothing ever overflows a size without limit, so a limit on the overflow would be silently without effect.
		return errors.New("means nothing with pool_size=-1, which has no limit")
	}
	return nil
}

// mostMinIdle is more than any server takes. Unlike a limit, a number that is to be opened can't be as large as one
// likes.
const mostMinIdle = 1 << 16

func checkMinIdle(c Config) error {
	switch {
	case c.MinIdle < 0 || c.MinIdle > mostMinIdle:
		return fmt.Errorf("want 0 to %d", mostMinIdle)
	case c.MinIdle > 0 && c.Class != ClassQueue:
		return fmt.Errorf("means nothing with pool_class=%s", c.Class)
	case c.Size != off && c.MaxOverflow != off && c.MinIdle-c.Size > c.MaxOverflow:
		return fmt.Errorf("more than pool_size=%d plus pool_max_overflow=%d allow", c.Size, c.MaxOverflow)
	}
	return nil
}

// parseReset accepts SQLAlchemy's true and false for rollback and none.
func parseReset(c *Config, v string) error {
	if on, err := parseBool(v); err == nil {
		v = string(ResetNone)
		if on {
			v = string(ResetRollback)
		}
	}
	c.ResetOnReturn = ResetMode(v)
	return checkReset(*c)
}

func checkReset(c Config) error {
	switch c.ResetOnReturn {
	case ResetRollback, ResetCommit, ResetNone, ResetAuto, ResetSession:
		return nil
	}
	return errors.New("want rollback, commit, none, auto, session, true or false")
}

var errPing = errors.New("want off, on, auto, or a duration above which to ping")

func parsePing(c *Config, v string) (err error) {
	on, notBool := parseBool(v)
	switch {
	case v == "auto":
		c.PrePing = PingAuto
	case notBool != nil:
		c.PrePing, err = parseDuration(v)
		err = wrapIf(err, errPing)
	case on:
		c.PrePing = PingAlways
	default:
		c.PrePing = PingOff
	}
	return err
}

func formatPing(c Config) string {
	switch c.PrePing {
	case PingOff:
		return "off"
	case PingAlways:
		return "on"
	case PingAuto:
		return "auto"
	}
	return formatDuration(c.PrePing)
}

func checkPing(c Config) error { return wrapIf(atLeastZero(c.PrePing), errPing) }

var errLeak = errors.New("want off or a duration above 0")

func parseLeak(c *Config, v string) (err error) {
	if on, notBool := parseBool(v); notBool == nil && !on {
		c.LeakAfter = off
		return nil
	}
	c.LeakAfter, err = parseDuration(v)
	return wrapIf(err, errLeak)
}

func formatLeak(c Config) string {
	if c.LeakAfter == off {
		return "off"
	}
	return formatDuration(c.LeakAfter)
}

// parseHookNames takes the names as they are; whether they are registered is seen when the pool is made.
func parseHookNames(c *Config, v string) error {
	c.HookNames = nil
	for name := range strings.SplitSeq(v, ",") {
		if name = strings.TrimSpace(name); name != "" {
			c.HookNames = append(c.HookNames, name)
		}
	}
	return nil
}

// printable keeps log lines and errors on one line and lets a name survive a DSN.
func printable(name string) error {
	if !utf8.ValidString(name) || strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return errors.New("want printable characters")
	}
	return nil
}

func joinClasses(classes []Class) string {
	var names []string
	for _, c := range classes {
		names = append(names, string(c))
	}
	return strings.Join(names, ", ")
}

// optionsMarkdown renders the options for the README. What stands in parentheses behind an option is
// the classes in which it means something, if not all.
func optionsMarkdown() string {
	var b strings.Builder
	b.WriteString("| key | default | meaning |\n|---|---|---|\n")
	for _, o := range options {
		key := "`" + o.Key + "`"
		for _, a := range o.Aliases {
			key += ", `" + a + "`"
		}
		def := ""
		if o.Default != "" {
			def = "`" + o.Default + "`"
		}
		doc := o.Doc
		if o.Key == "pool_size" {
			doc += "; `" + maxConnsKey + "=N` means pool_size=N and pool_max_overflow=0"
		}
		if o.classes != nil {
			doc += " (" + joinClasses(o.classes) + ")"
		}
		fmt.Fprintf(&b, "| %s | %s | %s |\n", key, def, doc)
	}
	return b.String()
}
