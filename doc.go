// Package pooled is a database/sql driver with a connection pool. It wraps the real driver. A program changes one word:
//
//	db, err := sql.Open("pooled", "postgres://scott:tiger@localhost/shop?pool_size=10&pool_max_overflow=10")
//
// Everything else goes on working. The options in the DSN configure the pool. It keeps more connections open than
// database/sql does, opens a few at a time instead of all at once, and lets callers wait in a queue. A wait that takes
// too long ends with an error that says who holds the connections. A connection that a caller gets is alive, not too
// old, and without a transaction that an earlier caller left open.
//
// # How it works
//
// Two kinds of connection matter: those of database/sql, and those to the server, which belong to the pool. A
// connection of database/sql takes a server connection from the pool for its first operation (checkout) and returns it
// when the program is done with it (checkin). While it is idle it holds none. So it does not matter how many idle
// connections database/sql keeps, and a dead server connection is replaced within the operation that needs one.
//
//	Connector.Connect(ctx)     a new connection takes a server connection at once, so Connect has the dial's error
//	conn.ResetSession(ctx)     does nothing
//	conn.QueryContext(ctx, …)  an idle connection takes a server connection now, then calls the wrapped driver
//	conn.IsValid()             is called on return: the session is reset and the server connection returned
//
// The wrapped driver is go-sql-driver/mysql or lib/pq, which come with the package, or any other registered driver by
// its name; see [ParseDSN].
//
// Everything that watches over a server connection is a [Hooks] value in one chain: the fork guard, age, liveness, the
// driver's ResetSession, reset on return. The program's own hooks come after these.
//
// # Seeing it
//
// [Pools] returns all pools of the process. [Pool.Stats] has the figures of one, [Pool.Conns] says who holds what, and
// [Pool.Events] says what happened last. Config.Echo and Config.EchoPool log by log/slog. Config.LeakAfter finds
// connections that are not returned. Package debug shows all of it on a page, and module metrics exports it.
//
// # What changes in meaning
//
//   - db.Conn with an idle connection reserves no server connection until its first operation.
//   - SetConnMaxLifetime and SetConnMaxIdleTime only close connections of database/sql that hold no server connection.
//     SetMaxOpenConns means what it did. SetMaxIdleConns makes little difference.
//   - The function given to sql.Conn.Raw gets a connection of this package. [Raw] gives you the wrapped driver's.
//   - Server connections are replaced when they are half an hour old.
//   - db.Stats counts database/sql's connections. [Pool.Stats] counts server connections.
//
// With pool_class=direct none of this changes: each connection keeps its server connection, and database/sql is the
// only pool. Only the checks and the reset remain.
//
// # Errors
//
//   - Errors of a dial are returned as they are. One with a password of the DSN in it is wrapped, and the text masked.
//   - A wait longer than pool_timeout returns a [TimeoutError]; errors.Is finds [ErrTimeout] in it.
//   - A wait in the queue that the caller's context ended returns a [ContextError]; errors.Is finds the context's error
//     in it.
//   - [ErrConnLost] means that the connection broke after the statement was sent. Some drivers return
//     driver.ErrBadConn then, at which database/sql would send the statement again.
//   - driver.ErrBadConn is the wrapped driver's. The pool itself returns it only where nothing was sent.
package pooled
