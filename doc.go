// Package pooled is a database/sql driver that wraps another one and gives it a connection pool. A program changes one
// word:
//
//	db, err := sql.Open("pooled", "postgres://scott:tiger@localhost/shop?pool_size=10&pool_max_overflow=10")
//
// All that the program does goes on working. Its server connections are in a pool that the DSN configures. The pool
// keeps more of them open than database/sql does, opens a few at a time instead of all at once, and lets callers wait
// in a queue, with a timeout whose error says why. A server connection that it leases is alive, not too old, opened by
// this process, and without a transaction of its last user, or with its session as new.
//
// # How it works
//
// A connection of database/sql leases a server connection from the pool for its first operation, gives it back when
// database/sql gets the connection back, and holds none while it is idle. So it does not matter how many idle
// connections database/sql keeps, and a stale server connection is replaced within the operation that needs it.
//
//	Connector.Connect(ctx)     a new connection leases at once, so an error of the dial is Connect's
//	conn.ResetSession(ctx)     nothing
//	conn.QueryContext(ctx, …)  an idle connection leases now; then the wrapped driver is called
//	conn.IsValid()             called on return: reset, and back to the pool
//
// The wrapped driver is go-sql-driver/mysql or lib/pq, which come with the package, or any other registered driver by
// its name; see [ParseDSN].
//
// All that watches the life of a server connection is a [Hooks] value in one chain: the fork guard, age, liveness, the
// driver's ResetSession, reset on return, and then the program's own.
//
// # Seeing it
//
// [Pools] returns all pools of the process. [Pool.Stats] has the figures of one, [Pool.Conns] tells who holds what,
// and [Pool.Events] what happened last. Config.Echo and Config.EchoPool log by log/slog, and Config.LeakAfter finds
// who does not give back. Package debug shows all of it on a page, and module metrics exports it.
//
// # What changes in meaning
//
//   - db.Conn with an idle connection reserves no server connection until its first operation.
//   - SetConnMaxLifetime and SetConnMaxIdleTime only retire connections that hold no server connection.
//     SetMaxOpenConns means what it did, and SetMaxIdleConns makes little difference.
//   - The function given to sql.Conn.Raw gets a connection of this package, whose method Raw returns the wrapped
//     driver's connection. The function [Raw] calls a function with that one.
//   - Server connections are replaced when they are half an hour old.
//   - db.Stats counts database/sql's connections. The server connections are in [Pool.Stats].
//
// With pool_class=direct none of this changes: a connection keeps its server connection, database/sql is the only
// pool, and only the guards remain.
//
// # Errors
//
// The errors of a dial and of a context are returned as they are. Only if there is a password of the DSN in a dial's
// error, it is wrapped in an error with the same text and the password masked. A wait longer than pool_timeout returns
// a [TimeoutError], and errors.Is finds [ErrTimeout] in it. The pool never makes up driver.ErrBadConn: it is the
// wrapped driver's. Where the driver returns it though the statement was sent, the error is [ErrConnLost].
package pooled
