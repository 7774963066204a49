package integration

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/lib/pq"
	"github.com/ngrok/sqlmw"
	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/internal/pooledtest"
	"modernc.org/sqlite"
)

// The parent may itself be a wrapper, as tracing packages are: pooled over it,
// by the name the program registered it under.

// countingInterceptor counts what passes; all else is sqlmw's null interceptor.
type countingInterceptor struct {
	sqlmw.NullInterceptor
	statements, begins, connects atomic.Int64
}

func (c *countingInterceptor) ConnectorConnect(ctx context.Context, conn driver.Connector) (driver.Conn, error) {
	c.connects.Add(1)
	return conn.Connect(ctx)
}

func (c *countingInterceptor) ConnBeginTx(
	ctx context.Context,
	conn driver.ConnBeginTx,
	opts driver.TxOptions,
) (context.Context, driver.Tx, error) {
	c.begins.Add(1)
	tx, err := conn.BeginTx(ctx, opts)
	return ctx, tx, err
}

func (c *countingInterceptor) ConnExecContext(
	ctx context.Context,
	conn driver.ExecerContext,
	query string,
	args []driver.NamedValue,
) (driver.Result, error) {
	c.statements.Add(1)
	return conn.ExecContext(ctx, query, args)
}

func (c *countingInterceptor) ConnQueryContext(
	ctx context.Context,
	conn driver.QueryerContext,
	query string,
	args []driver.NamedValue,
) (context.Context, driver.Rows, error) {
	c.statements.Add(1)
	rows, err := conn.QueryContext(ctx, query, args)
	return ctx, rows, err
}

// Registered once: the names are the program's.
var (
	tracedPostgres = &countingInterceptor{}
	tracedSQLite   = &countingInterceptor{}
	plainSQLite    = &countingInterceptor{}
)

func init() {
	sql.Register("postgres-traced", sqlmw.Driver(&pq.Driver{}, tracedPostgres))
	sql.Register("sqlite-traced", sqlmw.Driver(&sqlite.Driver{}, tracedSQLite))
	// A name that tells nothing of what is behind it.
	sql.Register("traced", sqlmw.Driver(&sqlite.Driver{}, plainSQLite))
}

func TestWrappedPostgres(t *testing.T) {
	dsn := pooledtest.Postgres(t)
	want := wrappedTranscript(t, openBare(t, "postgres", dsn), "$1")
	db := openPooled(t, pooledtest.WithOptions(dsn, "pool_driver=postgres-traced"))
	before := tracedPostgres.statements.Load()
	checkSame(t, "pooled over a wrapped parent", wrappedTranscript(t, db, "$1"), want)
	if tracedPostgres.statements.Load() == before || tracedPostgres.connects.Load() == 0 {
		t.Error("have nothing pass the interceptor, want the statements")
	}

	small := openPooled(t, pooledtest.WithOptions(dsn, "pool_driver=postgres-traced&pool_size=1&pool_max_overflow=0"))
	mustExec(t, small, "CREATE TABLE wrapped_reset (n int)")
	t.Cleanup(func() { mustExec(t, db, "DROP TABLE wrapped_reset") })
	pid := queryInt(t, small, "SELECT pg_backend_pid()")
	forgetTransaction(t, small, "BEGIN", "INSERT INTO wrapped_reset VALUES (1)")
	checkInt(t, "rows of a forgotten BEGIN", queryInt(t, small, "SELECT count(*) FROM wrapped_reset"), 0)
	checkInt(t, "backend", queryInt(t, small, "SELECT pg_backend_pid()"), pid)
}

func TestWrappedSQLite(t *testing.T) {
	want := wrappedTranscript(t, openBare(t, "sqlite", sqliteFile(t)), "?")
	for _, name := range []string{"sqlite-traced", "traced"} {
		t.Run(name, func(t *testing.T) {
			db := openPooled(t, sqliteFile(t)+"?pool_driver="+name)
			checkSame(t, "pooled over a wrapped parent", wrappedTranscript(t, db, "?"), want)
		})
	}
}

// TestWrappedUnknown: the kind of server is not to be told, so a ROLLBACK for want
// of certainty may cost the connection where the server calls it an error. The
// promise is kept all the same: no transaction outlives its checkout.
func TestWrappedUnknown(t *testing.T) {
	db := openPooled(t, sqliteFile(t)+"?pool_driver=traced&pool_size=1&pool_max_overflow=0")
	mustExec(t, db, "CREATE TABLE t (n INTEGER)")
	before := plainSQLite.connects.Load()
	for i := range 5 {
		forgetTransaction(t, db, "BEGIN", "INSERT INTO t VALUES (1)")
		checkInt(t, "rows of a forgotten BEGIN", queryInt(t, db, "SELECT count(*) FROM t"), 0)
		mustExec(t, db, "INSERT INTO t VALUES (?)", i)
		mustExec(t, db, "DELETE FROM t")
	}
	t.Logf("%d connections opened in 5 rounds", plainSQLite.connects.Load()-before)
}

// TestPooledIsWrapped: a tracing library opens a driver by its name and an empty DSN, takes the driver from the
// sql.DB, and registers it again in its wrapper.
func TestPooledIsWrapped(t *testing.T) {
	db := openBare(t, "pooled", "")
	seen := &countingInterceptor{}
	name := fmt.Sprintf("pooled-traced-%p", seen)
	sql.Register(name, sqlmw.Driver(db.Driver(), seen))
	want := wrappedTranscript(t, openBare(t, "sqlite", sqliteFile(t)), "?")
	checkSame(t, "a wrapper over pooled", wrappedTranscript(t, openBare(t, name, sqliteFile(t)), "?"), want)
	if seen.statements.Load() == 0 {
		t.Error("have nothing pass the interceptor, want the statements")
	}
	if err := openBare(t, name, "").Ping(); err == nil {
		t.Error("have no error of an empty DSN")
	}
}

// TestStackedPooled is pooled over pooled: odd, and no reason to fail.
func TestStackedPooled(t *testing.T) {
	inner, err := (&pooled.Driver{}).OpenConnector("sqlite://?pool_driver=sqlite")
	if err != nil {
		t.Fatal(err)
	}
	db := wrapPooled(t, inner)
	mustExec(t, db, "CREATE TABLE t (n INTEGER)")
	forgetTransaction(t, db, "BEGIN", "INSERT INTO t VALUES (1)")
	checkInt(t, "rows", queryInt(t, db, "SELECT count(*) FROM t"), 0)
}

// TestWrappedConnectorClosed: database/sql closes a connector that can be closed,
// so pooled has to close the one it wraps, once.
func TestWrappedConnectorClosed(t *testing.T) {
	parent := &closingConnector{Connector: must(sqliteConnector())}
	for range 2 {
		if err := wrapPooled(t, parent).Close(); err != nil {
			t.Fatal(err)
		}
	}
	checkInt(t, "closed", parent.closed, 2)
}

// closingConnector counts how often it is closed.
type closingConnector struct {
	driver.Connector
	closed int
}

func (c *closingConnector) Close() error { c.closed++; return nil }

func sqliteConnector() (driver.Connector, error) {
	return sqlmw.Driver(&sqlite.Driver{}, &countingInterceptor{}).(driver.DriverContext).OpenConnector(":memory:")
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func wrappedTranscript(t *testing.T, db *sql.DB, arg string) (lines []string) {
	t.Helper()
	log := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	mustExec(t, db, "DROP TABLE IF EXISTS wrapped")
	mustExec(t, db, "CREATE TABLE wrapped (id INTEGER PRIMARY KEY, name VARCHAR(20))")
	defer mustExec(t, db, "DROP TABLE wrapped")

	for i := range 3 {
		res, err := db.Exec(fmt.Sprintf("INSERT INTO wrapped VALUES (%d, %s)", i, arg), fmt.Sprint("name ", i))
		if err != nil {
			t.Fatal(err)
		}
		n, err := res.RowsAffected()
		log("affected %d %v", n, err)
	}
	stmt, err := db.Prepare("SELECT name FROM wrapped WHERE id = " + arg)
	if err != nil {
		t.Fatal(err)
	}
	defer stmt.Close()
	var name string
	err = stmt.QueryRow(2).Scan(&name)
	log("prepared %s %v", name, err)

	tx, err := db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	mustExec(t, tx, "DELETE FROM wrapped")
	err = tx.Stmt(stmt).QueryRow(2).Scan(&name)
	log("in the transaction %v, rollback %v", err, tx.Rollback())
	log("count %d", queryInt(t, db, "SELECT count(*) FROM wrapped"))
	lines = append(lines, columnTypes(t, db, "SELECT id, name FROM wrapped")...)
	_, err = db.Exec("INSERT INTO wrapped VALUES (1, 'again')")
	log("error %T %v", err, err)
	_, err = db.Query("SELECT * FROM wrapped WHERE name = "+arg, struct{}{})
	log("argument %v", err)
	return lines
}
