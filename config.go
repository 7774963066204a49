package pooled

import (
	"errors"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/pooled-go/pooled/internal/saturate"
)

// Class is the kind of a pool.
type Class string

const (
	// ClassQueue keeps Config.Size server connections and opens up to Config.MaxOverflow more under load. The default.
	ClassQueue Class = "queue"
	// ClassNull keeps none: a server connection is opened at checkout and closed at checkin.
	ClassNull Class = "null"
	// ClassStatic keeps exactly one, which callers use one after the other.
	ClassStatic Class = "static"
	// ClassAssert keeps exactly one and fails a second checkout at the same time, with the stack of the first.
	ClassAssert Class = "assert"
	// ClassDirect leaves pooling to database/sql: each of its connections keeps one server connection for life.
	ClassDirect Class = "direct"
)

// ResetMode is what is done to the session when a server connection is returned.
type ResetMode string

const (
	// ResetRollback rolls back a transaction that was left open. The default.
	ResetRollback ResetMode = "rollback"
	// ResetCommit commits a transaction that was left open.
	ResetCommit ResetMode = "commit"
	// ResetNone does nothing: the next caller finds a transaction that was left open.
	ResetNone ResetMode = "none"
	// ResetAuto is ResetSession after a statement that changes the state of the session, and otherwise ResetRollback.
	ResetAuto ResetMode = "auto"
	// ResetSession gives the session the state that it had when it was new.
	ResetSession ResetMode = "session"
)

// ContextErrorMode says which waits in the pool give a [ContextError] when the caller's context ends. The others give
// the context's own error.
type ContextErrorMode string

const (
	// ContextErrorQueue: those in the queue, and not those for a connection that is being opened. The default.
	ContextErrorQueue ContextErrorMode = "queue"
	// ContextErrorAll: all of them.
	ContextErrorAll ContextErrorMode = "all"
	// ContextErrorPlain: none, for programs that compare errors with ==.
	ContextErrorPlain ContextErrorMode = "plain"
)

// EchoMode says how much is logged.
type EchoMode string

const (
	// EchoOff logs nothing. The default.
	EchoOff EchoMode = "off"
	// EchoOn logs each statement, or for EchoPool the rare events.
	EchoOn EchoMode = "true"
	// EchoDebug also logs each row, or for EchoPool each checkout, reset and checkin.
	EchoDebug EchoMode = "debug"
)

// Target says to which servers the pool connects, by their role.
type Target string

const (
	// TargetAny is any server. The default.
	TargetAny Target = "any"
	// TargetPrimary is a server that takes writes.
	TargetPrimary Target = "primary"
	// TargetStandby is a server that is read-only: a standby of PostgreSQL, or a replica of MySQL.
	TargetStandby Target = "standby"
	// TargetPreferStandby is one that is read-only, and any other one if there is none.
	TargetPreferStandby Target = "prefer-standby"
)

// HostOrder is the order in which the pool tries the hosts of its DSN.
type HostOrder string

const (
	// HostsInOrder is the order in which they are written. The default.
	HostsInOrder HostOrder = "order"
	// HostsRandom is a random order, so that pools spread over the hosts.
	HostsRandom HostOrder = "random"
)

// NoLimit means that there is no limit, in a number or a duration of a Config. It is -1, as in a DSN. Other negative
// values are refused.
const NoLimit = -1

// Named values of Config.PrePing.
const (
	// PingOff never pings.
	PingOff time.Duration = NoLimit
	// PingAlways pings before each use, except the first.
	PingAlways time.Duration = 1
	// PingAuto pings a connection that was idle for longer than a second. The default.
	PingAuto = time.Second
)

// OutageWaitAuto is a named value of Config.OutageWait: 10s once the pool has connected. Before that each caller dials,
// and gets the driver's error at once. The default.
const OutageWaitAuto time.Duration = -2

// Jitter is a duration, or a percentage of another duration. Set at most one of the two.
type Jitter struct {
	Percent  float64 // 0 to 100
	Duration time.Duration
}

// of is the jitter of a given time, at most that time.
func (j Jitter) of(d time.Duration) time.Duration {
	return min(d, max(j.Duration, saturate.Percent(j.Percent, d)))
}

// Config says which driver to wrap and how to pool its connections. Make one with NewConfig or ParseDSN: the zero
// Config is refused. Functions copy a Config and never change it.
//
// A field that may be NoLimit says so. docs/options.md says when to change which option.
type Config struct {
	// Driver is the name of the wrapped driver, as given to sql.Register. If it is empty, the form of the DSN tells the
	// driver.
	Driver string
	// DSN is the wrapped driver's. It may also be one of the URL forms of ParseDSN, without options of the pool.
	DSN string
	// ConnectArgs are merged into the DSN. Each replaces the argument of the same name there.
	ConnectArgs map[string]string

	// Class is the kind of pool. Default: ClassQueue.
	Class Class
	// Size is how many server connections are kept open, at least 1. With NoLimit, all that are opened. Default: 5.
	Size int
	// MaxOverflow is how many more may be opened under load; 0: none. It may be NoLimit. Default: NoLimit.
	MaxOverflow int
	// Timeout is the longest wait for a server connection; 0: do not wait. It may be NoLimit. Default: 30s.
	Timeout time.Duration
	// ContextErrors says which waits for a server connection give a ContextError when the caller's context ends. It has
	// no effect in class direct. Default: ContextErrorQueue.
	ContextErrors ContextErrorMode
	// UseLIFO uses the server connection that was returned last, so that the others stay idle and can be closed. False:
	// the one that was idle for longest. Default: true.
	UseLIFO bool
	// MinIdle is how many idle server connections are kept ready in the background, at most 65536. Default: 0.
	MinIdle int
	// IdleTimeout is how long a server connection above Size may be idle before it is closed; 0: it is closed on
	// return. NoLimit: never. Default: 1m.
	IdleTimeout time.Duration
	// ConnectLimit is how many server connections may be opened at the same time when a burst of load begins, at least
	// 1 or NoLimit. While more callers wait than returned connections can serve, each success raises the number by one.
	// Each failure halves it, down to one. Default: 4.
	ConnectLimit int
	// Target is which servers of the DSN's hosts the pool connects to. Others than TargetAny are for PostgreSQL, MySQL
	// and MariaDB. Default: TargetAny, or what target_session_attrs in the DSN says.
	Target Target
	// HostOrder is the order in which the DSN's hosts are tried, and the addresses behind the name of each. Default:
	// HostsInOrder, or what load_balance_hosts in the DSN says.
	HostOrder HostOrder
	// OutageWait is how long after the beginning of an outage callers still wait for the server; 0: they do not wait.
	// It may be NoLimit, or OutageWaitAuto, which is 10s once the pool has connected. Any other time above 0 counts for
	// the first connection, too. Timeout and the caller's context end a wait as well. Default: OutageWaitAuto.
	OutageWait time.Duration
	// DeadAfter is how long the server's machine may answer nothing, not even TCP keepalive, before its connections
	// fail: from 1s to 12h. It is for TCP connections whose socket the pool knows, also in the middle of a statement. With
	// NoLimit the settings of the driver and the system stay. Default: 25s.
	DeadAfter time.Duration
	// Recycle is the age after which a server connection is replaced, above 0 or NoLimit: in the background if it is
	// idle, on return if it is in use. Connections to SQLite are not recycled. Default: 30m.
	Recycle time.Duration
	// RecycleJitter shortens each server connection's age limit by a random part of this, so that those opened together
	// are not replaced together. Default: 25 percent.
	RecycleJitter Jitter
	// PrePing is the idle time after which a server connection is pinged at checkout, above 0, or PingOff, PingAlways
	// or PingAuto. 0 is refused, because it means off in some other pools, and always in others. Unless it is PingOff,
	// a loss makes the pool ping all other connections once before their next use. If the pool knows the socket, it
	// checks it at each checkout, without a round trip. A driver without driver.Pinger is not pinged. Default:
	// PingAuto.
	PrePing time.Duration
	// PingTimeout is the longest wait for the answer to a ping, above 0. With NoLimit only the caller's context ends
	// it. Default: 5s.
	PingTimeout time.Duration
	// ResetOnReturn is what is done to the session when a server connection is returned. Default: ResetRollback.
	ResetOnReturn ResetMode
	// ResetTimeout is the longest that a reset may take, and with lib/pq the closing of a prepared statement; above 0
	// or NoLimit. Default: 5s.
	ResetTimeout time.Duration
	// InitSQL is run on each new server connection, and again after its session was reset. It may be several
	// statements if the driver takes them in one text. Default: empty, nothing is run.
	InitSQL string
	// StmtCache is how many prepared statements are kept on each server connection, for queries with arguments; at most
	// 65536. It is for lib/pq and go-sql-driver/mysql; other drivers keep none. Default: 0.
	StmtCache int
	// ForkGuard keeps a forked child process from using or closing its parent process's server connections. Default:
	// true.
	ForkGuard bool
	// LeakAfter is how long a checkout may last, above 0 or NoLimit. A longer one is logged with its last statement and
	// the stack that made it, and the Leak hooks are called. It costs a stack walk at each checkout. Default: NoLimit.
	LeakAfter time.Duration
	// Echo logs each statement, with EchoDebug also each row that is read. Default: EchoOff.
	Echo EchoMode
	// EchoPool logs the pool's events, with EchoDebug also each checkout, reset and checkin. Default: EchoOff.
	EchoPool EchoMode
	// HideParameters keeps statement arguments and row contents out of the log. It does not hide values in a
	// statement's text or in a server's error. Default: false.
	HideParameters bool
	// LoggerName is the name of a logger given to RegisterLogger. Default: empty.
	LoggerName string
	// Logger is where everything is logged. It cannot be set in a DSN. If it is nil, the logger called LoggerName is
	// used. If that is empty, too, it is slog.Default() at the moment of logging. Default: nil.
	Logger *slog.Logger
	// Interceptors are called for each operation of the program on a server connection, the first outermost; see
	// ConnID. They cannot be set in a DSN. Default: none, which costs nothing.
	Interceptors []Interceptor
	// Timings measures waits, connects, uses and resets from the start. False: only while somebody calls
	// Pool.Histogram. Default: false.
	Timings bool
	// Name is the name of the pool in logs, metrics and Stats. If it is empty, the pool is named after its driver and
	// number. Default: empty.
	Name string
	// HookNames are the names of hooks given to RegisterHooks. They are called in this order, before Hooks. Default:
	// none.
	HookNames []string
	// Hooks are called when something happens to a server connection. They cannot be set in a DSN. Default: none.
	Hooks Hooks
}

// NewConfig returns a Config with every option at its default.
func NewConfig() Config {
	return Config{
		Class:         ClassQueue,
		Size:          5,
		MaxOverflow:   NoLimit,
		Timeout:       30 * time.Second,
		ContextErrors: ContextErrorQueue,
		UseLIFO:       true,
		MinIdle:       0,
		IdleTimeout:   time.Minute,
		ConnectLimit:  4,
		Target:        TargetAny,
		HostOrder:     HostsInOrder,
		OutageWait:    OutageWaitAuto,
		DeadAfter:     25 * time.Second,
		Recycle:       30 * time.Minute,
		RecycleJitter: Jitter{Percent: 25},
		PrePing:       PingAuto,
		PingTimeout:   5 * time.Second,
		ResetOnReturn: ResetRollback,
		ResetTimeout:  5 * time.Second,
		ForkGuard:     true,
		LeakAfter:     NoLimit,
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

// validate reports the first option whose value is refused. The error names its key in a DSN, also for a Config made
// in code.
func (c *Config) validate() error {
	if c.Class == "" {
		return errors.New("pooled: Class is empty: make the Config with pooled.NewConfig")
	}
	if o, err := options.Check(c); err != nil {
		return badValue(o.Key, o.Format(c), err)
	}
	return nil
}
