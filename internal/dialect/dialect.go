// Package dialect defines what a pool has to know about one kind of server. A Dialect is data and functions: what the
// server says when a connection is lost, how a session is asked what it was born with, how it is reset. It is handed
// one session at a time and returns Facts; it holds nothing of a pool and changes nothing in it.
//
// Each kind of server has a folder of its own below this one.
package dialect

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"
	"time"

	"github.com/pooled-go/pooled/internal/driverconn"
	"github.com/pooled-go/pooled/internal/socket"
	"github.com/pooled-go/pooled/internal/sqltext"
	"github.com/pooled-go/pooled/internal/stmtcache"
)

// Dialect is what there is to know about one kind of server. Functions that are nil have nothing to say.
type Dialect struct {
	// Name stands for the driver's where that is not known.
	Name string

	// Names are words by which a driver's name or type tells that it speaks to such a server.
	Names []string

	// Connector makes the connector of a driver that the pool knows better than others, which remembers what it
	// dials; nil for another driver.
	Connector func(d driver.Driver, dsn string) (driver.Connector, error)

	// DialsByName: what Connector makes dials a name by package socket, one address after another, so that an address
	// can be given to it.
	DialsByName bool

	// Share makes the connector of a pool whose connections could have a database each, by which they have one,
	// until it is closed. Private tells one of which each connection has a database of its own all the same;
	// InMemory, one whose database cannot be reached otherwise.
	Share             func(dsn string, how Sharing) (driver.Connector, error)
	Private, InMemory func(driver.Connector) bool

	// Veto is a check to make before a statement is sent to what a connector opened; nil: none. args are nil when
	// the statement is prepared.
	Veto func(driver.Connector) func(query string, args []driver.NamedValue) error

	// Rules are what the server makes of a statement's text.
	Rules *sqltext.Rules

	// Rollback and Commit end a transaction. NoChain is added to them on a session whose settings are in doubt:
	// MySQL's completion_type can make a plain ROLLBACK open the next transaction.
	Rollback, Commit, NoChain string

	// NoTransaction recognises the error by which the server says that there was no transaction to end.
	NoTransaction func(error) bool

	// TooManyConns recognises the server's refusal to accept one more connection.
	TooManyConns func(error) bool

	// ConnLost recognises the errors by which a connection that was in use turns out to be lost, beyond those that any
	// driver may return; see IsLost.
	ConnLost func(error) bool

	// Away recognises what the server, or a proxy before it, says to a connect while it is not there for now; see IsAway.
	Away func(error) bool

	// ReadOnly recognises the error of a statement that the server refused as a whole because it takes no writes. That
	// is a suspicion: a transaction that the program began read-only gives the same. Nil: there is no such server.
	ReadOnly func(error) bool

	// Role asks, in one round trip, whether the server takes no writes, whatever the program or the DSN has made of
	// the session. An error means that this is not known. Where the session has failed in a transaction, the server may
	// answer nothing until that has ended.
	Role func(ctx context.Context, s Session) (readOnly bool, err error)

	// Fatal finds, in a driver's connection, the error with which the server ends a session, for a driver that makes
	// driver.ErrBadConn of it; nil for another driver, which returns the error itself.
	Fatal func(driver.Conn) Fatal

	// Refuses recognises the error of a server that is there and answers pings, but takes no statements for now: the
	// connection counts as lost. From then on Ask, a statement that such a server refuses, is sent instead of pings,
	// and on each new connection.
	Refuses func(error) bool
	Ask     string

	// SilentWhenIdle tells of connections, by what opened them, that the server sends nothing to a session that asked
	// nothing, except that it ends. Over TLS it may: a session ticket, or new keys.
	SilentWhenIdle func(driver.Connector) bool

	// Embedded: the database is a part of the process, there is no server that could go away.
	Embedded bool

	// BoundBySocket: an operation is made to end with its context by a deadline on the socket.
	BoundBySocket bool

	// Inside finds what is to be known of the connection of a driver that dials by itself. Nil: another driver.
	Inside func(driver.Conn) *Inside

	// SessionID is the server's own number of a session as far as its driver knows it; else Probe asks, or there is
	// none.
	SessionID func(driver.Conn) string

	// Stmts is what there is to know about kept statements. Nil: none are kept.
	Stmts *stmtcache.Rules

	// Probe asks a new session what the pool wants to know of it. The Facts count also if there is an error, which
	// is that of a session that is of no use.
	Probe func(ctx context.Context, s Session, wants Wants) (Facts, error)

	// Reset gives a session the state it had after connect; ErrReopen if only a new one will do, as where Reset is
	// nil. Of the facts it is given Restore.
	Reset func(ctx context.Context, s Session, facts Facts) error

	// ResetsAtCheckout: the driver's ResetSession resets the session for real, so pool_init_sql has to be run after
	// each.
	ResetsAtCheckout bool
}

// Inside is what a driver that dials by itself, and ends each operation with its context, shows of a connection.
type Inside struct {
	Socket *socket.Socket // only to be looked at
	Closed func() bool    // the driver has given the connection up

	Answered func(error) bool // an operation's error is the server's
}

// Sharing is how a shared database is opened.
type Sharing struct {
	Open   func(dsn string) (driver.Connector, error) // makes the driver's own connector
	Static bool                                       // there is one connection at a time
	Closed error                                      // the error of Connect after Close
}

// Fatal knows the error with which the server ends one session. Its methods are called while the driver does nothing.
type Fatal interface {
	// Busy: the driver is in the middle of an answer or a COPY. What arrives meanwhile is for the driver to read, and
	// to tell.
	Busy() bool

	// Unread is that error if it has arrived and the driver has not read it, or io.EOF if the server hung up without
	// one; nil: neither. Nothing is taken from the driver. It reads once from the connection, because something has
	// arrived there. Then it calls arrived, from which on a read must not wait.
	Unread(arrived func()) error

	// Read is that error if it is the last thing that the driver has read; else nil. An operation has failed before.
	Read() error
}

// Session is one connection, as its holder sees it.
type Session interface {
	// Exec runs a statement of a reset, which the pool writes down.
	Exec(ctx context.Context, query string) error

	// Sent writes down what a reset sends otherwise.
	Sent(what string)

	// QueryRow runs a query that has one row of one column or more. Bytes are returned as a string.
	QueryRow(ctx context.Context, query string) ([]driver.Value, error)

	// Driver is the driver's connection, Connector what opened it, and Socket what the driver dialed; nil if that
	// is not known.
	Driver() *driverconn.Conn
	Connector() driver.Connector
	Socket() *socket.Socket

	// MayHoldTx tells whether a transaction may be open.
	MayHoldTx() bool

	// ForgetStatements is called when the server has dropped all prepared statements.
	ForgetStatements()
}

// Wants is what the pool has a use for.
type Wants struct {
	IdleLimit  bool // when the server ends an idle session; one session is asked for all
	Statements bool // whether statements can be kept, and how many
	Reset      bool // what Reset will have to restore
	Role       bool // whether the server takes no writes; it may be told unasked
}

// Facts are what a session has answered.
type Facts struct {
	// AutoOff: every statement may open a transaction, or a COMMIT the next one.
	AutoOff bool

	// SessionID is the server's own number of the session; empty: it was not asked.
	SessionID string

	// IdleLimit is the time after which the server ends a session that does nothing. IdleLimitKnown: it has said
	// whether there is one.
	IdleLimit      time.Duration
	IdleLimitKnown bool

	// ReadOnly: the server takes no writes; see Dialect.Role. RoleKnown: it has said whether it does.
	ReadOnly, RoleKnown bool

	// StmtLimit is how many prepared statements all clients of the server may have, if StmtLimited.
	StmtLimit   int
	StmtLimited bool

	// NoStatements is why no statements can be kept on this session; empty: they can.
	NoStatements string

	// Restore is for Reset: the statements that bring back what the session has and a reset one has not. Nil: there
	// is no way.
	Restore []string
}

// ErrReopen says that a session can only be reset by opening a new one.
var ErrReopen = errors.New("the session cannot be reset")

// BrokenNetwork recognises what any driver may return when the connection broke; dialects know more.
func BrokenNetwork(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || hasErrno(err, unreachable)
}

// IsLost tells whether an operation's error means that its connection is lost.
func (d *Dialect) IsLost(err error) bool { return BrokenNetwork(err) || d.ConnLost(err) }

// Unanswered is the error of a question that the pool can do without: nil, unless the connection was lost. It does
// not match driver.ErrBadConn, but IsAway knows it.
func Unanswered(ctx context.Context, err error, lost func(error) bool) error {
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil && (errors.Is(err, driver.ErrBadConn) || BrokenNetwork(err) || lost(err)):
		return &lostError{err}
	}
	return nil
}

// ErrNoRole says that a server was asked for its role and did not tell it.
var ErrNoRole = errors.New("the server does not say whether it takes writes")

// Never is for errors that a server does not have.
func Never(error) bool { return false }
