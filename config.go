package pooled

import (
	"errors"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/pooled-go/pooled/internal/option"
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

// NoLimit is the value of a number or a duration in a Config that sets no limit. Other negative values are refused.
const NoLimit = option.NoLimit

// Values of Config.PrePing that have a name.
const (
	// PingOff pings no server connection.
	PingOff time.Duration = NoLimit
	// PingAlways pings before each use but the first: any idle time is longer.
	PingAlways time.Duration = 1
	// PingAuto pings those that have been idle for longer than a second. The default.
	PingAuto = time.Second
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

// Config says which parent to use and how its server connections are pooled. Make it with NewConfig or ParseDSN: the
// zero Config is refused. What is given a Config copies it and leaves it unchanged.
//
// Where a number or a duration may have no limit, that is written [NoLimit], or -1 in a DSN.
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
	// ConnectLimit is how many server connections may be in the opening at one moment when a burst begins; -1: no
	// limit. While callers wait whom returned connections can't serve soon, each that was opened permits one more; each
	// that could not be opened halves it, down to one. Default: 4.
	ConnectLimit int
	// Recycle is the age after which a server connection is replaced, above 0: in the background if it is idle, on
	// return if it is in use; -1: never. SQLite's are not recycled, there is no server that could mind their age.
	// Default: 30m.
	Recycle time.Duration
	// RecycleJitter shortens each server connection's own age limit by a random part of this, fixed when it is opened,
	// so that those opened together do not end together. Default: 25 percent.
	RecycleJitter Jitter
	// PrePing is the idle time after which a server connection is pinged at checkout, above 0; or PingOff, PingAlways,
	// PingAuto. 0 is refused: elsewhere it means off, or always. Where the socket is known it is looked at in any case, which costs no round trip; and
	// unless PrePing is PingOff, a server connection is also pinged when another was lost since it was last seen alive.
	// A parent without driver.Pinger cannot be pinged. Default: PingAuto.
	PrePing time.Duration
	// PingTimeout is the longest wait for the answer to a ping, above 0; -1: no limit but the caller's context.
	// Default: 5s.
	PingTimeout time.Duration
	// ResetOnReturn is what happens to a server connection's session when it is given back. Default: ResetRollback.
	ResetOnReturn ResetMode
	// ResetTimeout is the longest a reset may take, and with lib/pq the closing of a prepared statement; above 0, -1:
	// no limit. Default: 5s.
	ResetTimeout time.Duration
	// InitSQL is run on each new server connection, and again after its session was reset. Several statements only if
	// the parent takes them in one text. Default: empty, nothing is run.
	InitSQL string
	// StmtCache is how many prepared statements are kept on each server connection, for queries with arguments by
	// lib/pq or go-sql-driver/mysql, at most 65536; 0: none. With other parents none are kept. Default: 0.
	StmtCache int
	// ForkGuard keeps a forked child process from using or closing its parent's server connections. Default: true.
	ForkGuard bool
	// LeakAfter is how long a checkout may last before it is logged, with its last statement and the stack that took
	// it, and told to the Leak hooks; above 0, -1: none is. It costs a look at the stack for each checkout. Default:
	// -1.
	LeakAfter time.Duration
	// Echo logs each statement; EchoDebug also each row that is read. Default: EchoOff.
	Echo EchoMode
	// EchoPool logs the pool's events; EchoDebug also each checkout, reset and checkin. Default: EchoOff.
	EchoPool EchoMode
	// HideParameters keeps the arguments of statements, and what rows hold, out of the log. What a program writes into
	// the text of a statement itself, and what a server repeats in an error, is not known to be an argument. Default:
	// false.
	HideParameters bool
	// LoggerName is the name of a logger given to RegisterLogger. Default: empty.
	LoggerName string
	// Logger is where everything is logged. It has no place in a DSN. Nil, the default: LoggerName's, and if that is
	// empty slog.Default() at the moment of logging.
	Logger *slog.Logger
	// Interceptors are called for each operation of the program's on a server connection, the first outermost; see
	// ConnID. They have no place in a DSN. Default: none, which costs nothing.
	Interceptors []Interceptor
	// Timings measures waits, connects, uses and resets from the start. False: while Pool.Histogram is called.
	// Default: false.
	Timings bool
	// Name stands for the pool in logs, metrics and Stats. Default: empty, and the pool is called by its driver and
	// number.
	Name string
	// HookNames are the names of hooks given to RegisterHooks. They are called in this order, before Hooks. Default:
	// none.
	HookNames []string
	// Hooks are called on the way of a server connection through the pool. They have no place in a DSN.
	Hooks Hooks
}

// NewConfig returns a Config with every option at its default.
func NewConfig() Config {
	return Config{
		Class:         ClassQueue,
		Size:          5,
		MaxOverflow:   NoLimit,
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

// validate reports the first option whose value is refused. The error names its key in a DSN, also for a Config made in
// code.
func (c *Config) validate() error {
	if c.Class == "" {
		return errors.New("pooled: Class is empty: make the Config with pooled.NewConfig")
	}
	if o, err := options.Check(c); err != nil {
		return badValue(o.Key, o.Format(c), err)
	}
	return nil
}
