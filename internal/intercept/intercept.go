// Package intercept calls a program's interceptors around the operations on a driver's connection. They see what is
// sent to it and may change it: they are called where the driver can do a thing, in whatever old or new way, and
// nothing changes where it can't. Their methods are those of sqlmw's; the rest of that package, which wraps a driver,
// is not used, because it makes up what a driver lacks.
//
// Each interceptor is a link in a chain that ends at the driver's connection, and there a Guard is told what is sent.
// Without interceptors there is no chain.
package intercept

import (
	"context"
	"database/sql/driver"
	"slices"

	"github.com/ngrok/sqlmw"

	"github.com/pooled-go/pooled/internal/driverconn"
)

// Guard stands between the last interceptor and the driver: what an interceptor made of a statement, or sends by
// itself, is treated as if the program had sent it. It is called by whoever uses the connection, one call at a time.
type Guard interface {
	// Allow is asked before a statement goes to the driver; its error is the answer then.
	Allow(query string, args []driver.NamedValue) error

	// Sending is told of a statement that is about to be sent.
	Sending(query string)

	// Beginning is told that a transaction is about to be begun.
	Beginning()

	// TrueErr returns an operation's error as an interceptor may believe it; nil is given and returned too.
	TrueErr(err error) error
}

// Before returns conn with the interceptors before it, the first outermost, and id as the ConnID of their contexts.
// Without interceptors that is conn itself. What conn lacks, the result lacks too.
func Before(conn *driverconn.Conn, list []sqlmw.Interceptor, id uint64, guard Guard) *driverconn.Conn {
	if len(list) == 0 {
		return conn
	}
	var next linkConn = &chainEnd{driver: conn, guard: guard}
	for _, i := range slices.Backward(list) {
		next = &link{Interceptor: i, next: next}
	}
	front := &chainFront{linkConn: next, id: id}
	via := *conn // what it is not asked for below is the driver's own
	via.Preparer, via.Beginner = front, front
	if via.Execer != nil {
		via.Execer = front
	}
	if via.Queryer != nil {
		via.Queryer = front
	}
	if via.Pinger != nil {
		via.Pinger = front
	}
	return &via
}

// connIDKey is the key of a connection's ID in the context of an interceptor.
type connIDKey struct{}

// ConnID is the ID of the connection that an interceptor's context belongs to, in all its functions but
// ConnectorConnect; elsewhere 0.
func ConnID(ctx context.Context) uint64 {
	id, _ := ctx.Value(connIDKey{}).(uint64)
	return id
}

// Unwrap is the driver's own statement behind those of a chain.
func Unwrap(stmt driver.Stmt) driver.Stmt {
	for {
		switch s := stmt.(type) {
		case *frontStmt:
			stmt = s.Stmt
		case *linkStmt:
			stmt = s.Stmt
		case *endStmt:
			stmt = s.Stmt
		default:
			return stmt
		}
	}
}

// linkConn is what an interceptor is given to go on with.
type linkConn interface {
	driver.ExecerContext
	driver.QueryerContext
	driver.ConnPrepareContext
	driver.ConnBeginTx
	driver.Pinger
}

// chainFront adds the ID to the context.
type chainFront struct {
	linkConn
	id uint64
}

func (c *chainFront) with(ctx context.Context) context.Context {
	return context.WithValue(ctx, connIDKey{}, c.id)
}

func (c *chainFront) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	return c.linkConn.ExecContext(c.with(ctx), query, args)
}

func (c *chainFront) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	return c.linkConn.QueryContext(c.with(ctx), query, args)
}

func (c *chainFront) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	stmt, err := c.linkConn.PrepareContext(c.with(ctx), query)
	if err != nil {
		return nil, err
	}
	return &frontStmt{Stmt: stmt, front: c}, nil
}

func (c *chainFront) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	return c.linkConn.BeginTx(c.with(ctx), opts)
}

func (c *chainFront) Ping(ctx context.Context) error { return c.linkConn.Ping(c.with(ctx)) }

// frontStmt adds the ID to the context.
type frontStmt struct {
	driver.Stmt
	front *chainFront
}

func (s *frontStmt) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	return driverconn.ExecStmt(s.front.with(ctx), s.Stmt, args)
}

func (s *frontStmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	return driverconn.QueryStmt(s.front.with(ctx), s.Stmt, args)
}
