// Package pooled is a database/sql driver with a connection pool. It wraps your own driver. A program changes one word:
//
//	db, err := sql.Open("pooled", "postgres://scott:tiger@localhost/shop?pool_size=10&pool_max_overflow=10")
//
// Everything else continues to work. Options in the DSN configure the pool. It keeps more connections open than
// database/sql does, opens a few at a time instead of all at once, and lets callers wait in a queue. If a caller waits
// too long, it gets an error that says who holds the connections. A connection that a caller gets is alive, is not too
// old, and has no transaction that an earlier caller left open.
//
// # How it works
//
// There are two kinds of connections: those of database/sql, and server connections, which belong to the pool. A
// connection of database/sql takes a server connection from the pool for its first operation (checkout). It returns it
// when the program has finished with it (checkin). While it is idle it holds none. So it does not matter how many idle
// connections database/sql keeps. A dead server connection is replaced during the operation that needs one.
//
//	Connector.Connect(ctx)     a new connection takes a server connection at once, so Connect has the dial's error
//	conn.ResetSession(ctx)     does nothing
//	conn.QueryContext(ctx, …)  an idle connection takes a server connection now, then calls the wrapped driver
//	conn.IsValid()             is called on return: the session is reset and the server connection returned
//
// The wrapped driver is go-sql-driver/mysql or lib/pq, which come with the package, or any other registered driver by
// its name; see [ParseDSN].
//
// The pool checks a server connection at each checkout and resets its session on return. These checks are [Hooks]
// values, too. They run before the program's own hooks.
//
// # Seeing it
//
// [Pools] returns all pools of the process. [Pool.Stats] has the figures of one, [Pool.Conns] says who holds its
// connections, and [Pool.Events] says what happened last. Config.Echo and Config.EchoPool turn on logging with
// log/slog. Config.LeakAfter finds connections that are not returned. Package debug shows all of this on a page. Module
// metrics exports the figures.
//
// # What changes in meaning
//
//   - If database/sql has an idle connection, db.Conn takes no server connection until its first operation.
//   - SetConnMaxLifetime and SetConnMaxIdleTime only close connections of database/sql that hold no server connection.
//     SetMaxOpenConns has the same meaning as before. SetMaxIdleConns makes little difference.
//   - The function given to sql.Conn.Raw gets a connection of this package. [Raw] gives you the wrapped driver's.
//   - Server connections are replaced when they are half an hour old.
//   - db.Stats counts database/sql's connections. [Pool.Stats] counts server connections.
//
// With pool_class=direct none of this changes, because each connection keeps its server connection and database/sql is
// the only pool. pooled then only adds its checks and the reset.
//
// # Errors
//
//   - If a connection cannot be opened, the driver's error is returned unchanged. If its text has a password of the
//     DSN, it is wrapped, and the password is masked.
//   - A caller that waits longer than pool_timeout gets a [TimeoutError]. errors.Is finds [ErrTimeout] in it.
//   - A caller whose context ends while it waits in the queue gets a [ContextError]. errors.Is finds the context's
//     error in it.
//   - [ErrConnLost] means that the connection broke after the statement was sent. For this, some drivers return
//     driver.ErrBadConn, and database/sql would send the statement again.
//   - The pool returns driver.ErrBadConn only if nothing was sent.
package pooled
