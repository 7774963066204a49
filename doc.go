// Package pooled is a database/sql driver that wraps the real one and gives it a connection pool that can be trusted.
// A program changes one word:
//
//	db, err := sql.Open("pooled", "postgres://scott:tiger@localhost/shop?pool_size=10&pool_max_overflow=10")
//
// Everything it did keeps working. Its server connections now live in a pool that the DSN configures: more than two are
// kept open, a few at a time are opened instead of all at once, and who has to wait waits in a queue, with a timeout
// that says why. What is leased is alive, young enough, opened by this process, and without a transaction of the last
// user, or without anything of it.
//
// # How it works
//
// A connection of database/sql's leases a server connection from the pool for its first operation, gives it back when
// database/sql gets it back, and holds none while it is idle. So it does not matter how many idle connections
// database/sql keeps, and a stale server connection is replaced inside the operation that would have met it.
//
//	Connector.Connect(ctx)    a new connection leases at once; a dial's error is Connect's
//	conn.ResetSession(ctx)    nothing
//	conn.QueryContext(ctx, …) a reused one leases now; then straight to the wrapped driver
//	conn.IsValid()            called on return: reset, and back to the pool
//
// The wrapped driver is go-sql-driver/mysql or lib/pq, which come with the package, or any other registered driver by
// its name; see [ParseDSN].
//
// Everything that watches a server connection's life is a [Hooks] value in one chain: the fork guard, age, liveness,
// the driver's ResetSession, reset on return, and then the program's own.
//
// # Seeing it
//
// [Pools] are all pools of the process, [Pool.Stats] has their figures, [Pool.Conns] who holds what, and [Pool.Events]
// what happened last. Config.Echo and its neighbours log by log/slog, LeakAfter finds who forgets to give back.
// Package debug shows all of it on a page, module metrics exports it.
//
// # What changes in meaning
//
//   - db.Conn reserves no server connection until its first operation.
//   - SetConnMaxLifetime and SetConnMaxIdleTime only retire connections that hold none.
//     SetMaxOpenConns means what it did, SetMaxIdleConns costs next to nothing.
//   - The argument of sql.Conn.Raw's function is a connection of this package's; its method Raw gives
//     the driver's connection, as does the function [Raw].
//   - Server connections are replaced when they are half an hour old.
//   - db.Stats counts database/sql's connections. The server connections are in [Pool.Stats].
//
// With pool_class=direct nothing of this changes: a connection keeps its server connection, database/sql is the only
// pool, and only the guards remain.
//
// # Errors
//
// A dial's error and a context's are returned as they are, but for a dial's in which there is a password of the DSN:
// it is wrapped in one with the same text and the password masked. A wait longer than pool_timeout is a
// [TimeoutError], for which errors.Is(err, ErrTimeout). driver.ErrBadConn is never made up: it is what the driver
// said, and where that is known to be untrue, because the statement was sent, it is [ErrConnLost].
package pooled
