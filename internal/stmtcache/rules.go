package stmtcache

import (
	"context"
	"database/sql/driver"
)

// Causes why no statements are kept.
const (
	OtherDriver  = "the driver is neither lib/pq nor go-sql-driver/mysql, or another library wraps it"
	OtherConn    = "another library wraps the driver's connection"
	Interpolates = "interpolateParams=true is set: a query needs one round trip anyway"
	Binary       = "binary_parameters=yes is set: a query needs one round trip anyway"
)

// Rules are what is known about kept statements of one driver and its server.
type Rules struct {
	// Unsupported is why no statements are kept for a connector: it is not that driver's, or so configured that it
	// would not pay, or would change something. Inspect is why none are kept for a connection, such as one that is not
	// that driver's own, and what else matters about it. An empty cause is none.
	Unsupported func(driver.Connector) (why string)
	Inspect     func(driver.Conn) (facts Facts, why string)

	// Preparable reports whether a statement can be kept for a text, and ReturnsRows, whether such a text may return
	// rows.
	Preparable, ReturnsRows func(query string) bool

	// Sound reports whether a kept statement of a text answers as a new one does, on a connection with these facts.
	// Nil: each does.
	Sound func(query string, facts Facts) bool

	// Kinds tells the kinds of arguments for which a statement is kept by itself; false: none is kept for them. Nil:
	// all are alike.
	Kinds func(args []driver.NamedValue, facts Facts) (uint64, bool)

	// NeedsPrepare: the driver answers driver.ErrSkip to a text with arguments; then database/sql prepares it. What it
	// says to wrong arguments is said to the statement's, and rows that Exec does not read are in its way when a
	// statement is run again.
	NeedsPrepare bool

	// Stale recognises the error by which a server says that a kept statement is of no use any more. It has executed
	// nothing then. Unfit recognises other errors after which it is given up. Changed recognises those of the stale
	// that tell of a change which concerns the statements of all connections.
	Stale, Unfit, Changed func(error) bool

	// Full recognises the refusal to prepare one more. Nil: there is no such limit.
	Full func(error) bool

	// ClosesLocally: a statement is closed without an answer from the server, so to close all costs no time.
	ClosesLocally bool

	// WatchRows: the driver does not notice by itself when a kept statement is run while Rows are open, and it keeps a
	// connection of which a context ended while a kept statement ran. Busy is its error for a text while Rows are
	// open.
	WatchRows bool
	Busy      error
}

// Facts are what matters about one connection.
type Facts struct {
	Packet  int  // the length of the longest packet that the driver sends, if Rules.Kinds needs it
	Derives bool // the server derives the types of parameters from a text, and others once arguments do not fit
}

// Host is the connection that a Cache belongs to, as its holder sees it.
type Host interface {
	// Start is called before each operation but the first, which the host has begun itself.
	Start()

	// CloseStmt closes a statement on the server within ctx. After an error nobody knows what is on the wire, so the
	// host does not use the connection again.
	CloseStmt(ctx context.Context, stmt driver.Stmt) error

	// InTx reports whether a transaction that was begun through the driver is not known to have ended.
	InTx() bool

	// MayHoldTx reports whether any transaction may be open.
	MayHoldTx() bool

	// Lost is told that the connection is of no use after this lease.
	Lost()

	// Cut is told that not even this lease can go on, since a context ended.
	Cut(err error)

	// MakeRoom closes statements because the server takes no more, and reports whether there were any.
	MakeRoom(ctx context.Context) bool
}
