package sqlite_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	driverpkg "modernc.org/sqlite"

	"github.com/pooled-go/pooled/internal/dialect"
	"github.com/pooled-go/pooled/internal/dialect/sqlite"
	"github.com/pooled-go/pooled/internal/pooledtest"
)

var errClosed = errors.New("closed")

// shared and static make the connector of a pool with several connections, or with one at a time.
func shared(dsn string, open func(string) (driver.Connector, error)) (driver.Connector, error) {
	return sqlite.Dialect.Share(dsn, dialect.Sharing{Open: open, Closed: errClosed})
}

func static(dsn string, open func(string) (driver.Connector, error)) (driver.Connector, error) {
	return sqlite.Dialect.Share(dsn, dialect.Sharing{Open: open, Static: true, Closed: errClosed})
}

func mustExec(t *testing.T, db interface {
	ExecContext(context.Context, string, ...any) (sql.Result, error)
}, text string, args ...any) {
	t.Helper()
	if _, err := db.ExecContext(context.Background(), text, args...); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
}

func sqliteOpen(dsn string) (driver.Connector, error) { return driverpkg.NewConnector(dsn) }

// memory is a sql.DB on the connector alone, without a pool of ours.
func memory(t *testing.T, dsn string) *sql.DB {
	t.Helper()
	return memoryBy(t, shared, dsn)
}

type makeConnector = func(string, func(string) (driver.Connector, error)) (driver.Connector, error)

func memoryBy(t *testing.T, make makeConnector, dsn string) *sql.DB {
	t.Helper()
	connector, err := make(dsn, sqliteOpen)
	if err != nil {
		t.Fatal(err)
	}
	db := sql.OpenDB(connector)
	t.Cleanup(func() { db.Close() })
	return db
}

func TestMemoryIsOneDatabase(t *testing.T) {
	for _, dsn := range []string{":memory:", "", "file::memory:", "file:x?mode=memory", "file:y?vfs=memdb"} {
		errs, rows := pooledtest.InsertAndCount(t, memory(t, dsn))
		if len(errs) != 0 || rows != 400 {
			t.Errorf("%q: have %d rows and %d errors (%v), want 400 and none",
				dsn, rows, len(errs), errors.Join(errs...))
		}
	}
}

func TestMemoryDatabasesAreSeparate(t *testing.T) {
	a, b := memory(t, ":memory:"), memory(t, ":memory:")
	mustExec(t, a, "CREATE TABLE mine (n INTEGER)")
	mustExec(t, b, "CREATE TABLE mine (n INTEGER)")
	mustExec(t, a, "INSERT INTO mine VALUES (1)")
	if have := countRows(t, b, "mine"); have != 0 {
		t.Errorf("rows in the other database: have %d, want 0", have)
	}
}

func countRows(t *testing.T, db *sql.DB, table string) (n int) {
	t.Helper()
	if err := db.QueryRow("SELECT count(*) FROM " + table).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestMemoryOutlivesItsConnections(t *testing.T) {
	for name, make := range map[string]makeConnector{"several": shared, "one": static} {
		db := memoryBy(t, make, ":memory:")
		db.SetMaxIdleConns(0) // every statement on a connection of its own
		mustExec(t, db, "CREATE TABLE kept (n INTEGER)")
		mustExec(t, db, "INSERT INTO kept VALUES (1)")
		if open := db.Stats().OpenConnections; open != 0 {
			t.Fatalf("%s: open connections: have %d, want 0", name, open)
		}
		if have := countRows(t, db, "kept"); have != 1 {
			t.Errorf("%s: rows: have %d, want 1", name, have)
		}
	}
}

// A database that the program itself shares by name keeps its name, and lives
// until Close too.
func TestMemorySharedByNameOutlivesItsConnections(t *testing.T) {
	for _, dsn := range []string{
		"file:named?mode=memory&cache=shared&_pragma=busy_timeout(9)", "file:/named?vfs=memdb",
	} {
		db := memory(t, dsn)
		db.SetMaxIdleConns(0)
		mustExec(t, db, "CREATE TABLE kept (n INTEGER)")
		mustExec(t, db, "INSERT INTO kept VALUES (1)")
		bare := openSQLite(t, dsn)
		if have := countRows(t, bare, "kept"); have != 1 {
			t.Errorf("%q: rows seen by the bare driver: have %d, want 1", dsn, have)
		}
		bare.Close()
		if have := countRows(t, db, "kept"); have != 1 {
			t.Errorf("%q: rows: have %d, want 1", dsn, have)
		}
		db.Close()
		if _, err := openSQLite(t, dsn).Exec("SELECT n FROM kept"); err == nil {
			t.Errorf("%q: still there after Close", dsn)
		}
	}
}

func TestMemoryIsGoneAfterClose(t *testing.T) {
	for name, make := range map[string]makeConnector{"several": shared, "one": static} {
		var used string
		connector, err := make(":memory:", func(dsn string) (driver.Connector, error) {
			used = dsn
			return driverpkg.NewConnector(dsn)
		})
		if err != nil {
			t.Fatal(err)
		}
		db := sql.OpenDB(connector)
		mustExec(t, db, "CREATE TABLE kept (n INTEGER)")
		again := openSQLite(t, used)
		if have := countRows(t, again, "kept"); have != 0 {
			t.Fatalf("%s: before Close: have %d rows, want 0", name, have)
		}
		again.Close()
		if err := db.Close(); err != nil {
			t.Errorf("%s: Close: %v", name, err)
		}
		_, err = openSQLite(t, used).Exec("SELECT n FROM kept")
		if err == nil || !strings.Contains(err.Error(), "no such table") {
			t.Errorf("%s: after Close: have %v, want no such table", name, err)
		}
	}
}

func TestMemoryParametersReachEveryConnection(t *testing.T) {
	for _, test := range []struct{ dsn, pragma, want string }{
		{":memory:", "busy_timeout", "10000"},
		{":memory:?_pragma=busy_timeout(123)", "busy_timeout", "123"},
		{":memory:?_busy_timeout=123", "busy_timeout", "123"},
		{":memory:?_pragma=foreign_keys(1)", "foreign_keys", "1"},
		{"file::memory:?_pragma=cache_size(-77)&_txlock=immediate", "cache_size", "-77"},
	} {
		db := memory(t, test.dsn)
		for range 3 {
			conn, err := db.Conn(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			var have string
			err = conn.QueryRowContext(context.Background(), "PRAGMA "+test.pragma).Scan(&have)
			if err != nil || have != test.want {
				t.Errorf("%q: %s: have %s (%v), want %s", test.dsn, test.pragma, have, err, test.want)
			}
		}
	}
}

// Readers don't exclude each other, so a query inside the loop over another's rows works.
func TestMemoryNestedQueries(t *testing.T) {
	db := memory(t, ":memory:")
	mustExec(t, db, "CREATE TABLE t (n INTEGER)")
	mustExec(t, db, "INSERT INTO t VALUES (1), (2), (3)")
	rows, err := db.Query("SELECT n FROM t")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	sum := 0
	for rows.Next() {
		sum += countRows(t, db, "t")
	}
	if sum != 9 {
		t.Errorf("sum of counts: have %d, want 9", sum)
	}
}

// A goroutine that writes while it reads is in its own way. It gets the error it
// would get from a file, after the busy timeout, and no hang.
func TestMemoryWriteInsideOpenRowsFailsAsOnDisk(t *testing.T) {
	const params = "?_pragma=busy_timeout(20)"
	var have [2]string
	for i, db := range []*sql.DB{
		memory(t, ":memory:"+params),
		openSQLite(t, filepath.Join(t.TempDir(), "t.db")+params),
	} {
		mustExec(t, db, "CREATE TABLE t (n INTEGER)")
		mustExec(t, db, "INSERT INTO t VALUES (1), (2), (3)")
		rows, err := db.Query("SELECT n FROM t")
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		rows.Next()
		_, err = db.Exec("UPDATE t SET n = n + 1")
		if err == nil {
			t.Fatal("the update succeeded")
		}
		have[i] = err.Error()
	}
	if have[0] != have[1] {
		t.Errorf("have %s\nwant %s", have[0], have[1])
	}
}

// Transactions that begin by taking the write lock wait for each other.
func TestMemoryImmediateTransactionsLoseNothing(t *testing.T) {
	db := memory(t, ":memory:?_txlock=immediate")
	mustExec(t, db, "CREATE TABLE t (n INTEGER)")
	mustExec(t, db, "INSERT INTO t VALUES (0)")
	increment := func() error {
		tx, err := db.Begin()
		if err != nil {
			return err
		}
		defer tx.Rollback()
		var n int
		if err := tx.QueryRow("SELECT n FROM t").Scan(&n); err != nil {
			return err
		}
		if _, err := tx.Exec("UPDATE t SET n = ?", n+1); err != nil {
			return err
		}
		return tx.Commit()
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 10 {
				if err := increment(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	var n int
	if err := db.QueryRow("SELECT n FROM t").Scan(&n); err != nil || n != 80 {
		t.Errorf("have %d (%v), want 80", n, err)
	}
}

// countingConnector is a driver's connector that can be told to fail or to hang, and knows
// what was closed.
type countingConnector struct {
	driver.Connector
	fail    error
	entered chan struct{} // if not nil, Connect sends here, then waits
	mu      sync.Mutex
	opened  int
	open    int
	closed  int
}

type countingConn struct {
	driver.Conn
	of *countingConnector
}

func (c *countingConnector) Connect(ctx context.Context) (driver.Conn, error) {
	if c.entered != nil {
		c.entered <- struct{}{}
		select {
		case <-c.entered:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fail != nil {
		return nil, c.fail
	}
	conn, err := c.Connector.Connect(ctx)
	if err == nil {
		c.opened++
		c.open++
	}
	return &countingConn{conn, c}, err
}

func (c *countingConnector) Close() error { c.closed++; return nil }

func (c *countingConn) Close() error {
	c.of.mu.Lock()
	defer c.of.mu.Unlock()
	c.of.open--
	return c.Conn.Close()
}

// counting is the connector of a memory database over a countingConnector.
func counting(t *testing.T) (driver.Connector, *countingConnector) {
	t.Helper()
	var wrapped *countingConnector
	connector, err := shared(":memory:", func(dsn string) (driver.Connector, error) {
		real, err := driverpkg.NewConnector(dsn)
		wrapped = &countingConnector{Connector: real}
		return wrapped, err
	})
	if err != nil {
		t.Fatal(err)
	}
	return connector, wrapped
}

func closer(c driver.Connector) interface{ Close() error } { return c.(interface{ Close() error }) }

func TestMemoryAnchor(t *testing.T) {
	connector, wrapped := counting(t)
	ctx := context.Background()
	if wrapped.opened != 0 {
		t.Errorf("opened before the first Connect: have %d, want 0", wrapped.opened)
	}
	boom := errors.New("boom")
	wrapped.fail = boom
	if _, err := connector.Connect(ctx); err != boom {
		t.Errorf("Connect: have %v, want the driver's error as it is", err)
	}
	wrapped.fail = nil
	var conns []driver.Conn
	for range 3 {
		conn, err := connector.Connect(ctx)
		if err != nil {
			t.Fatal(err)
		}
		conns = append(conns, conn)
	}
	if wrapped.opened != 4 {
		t.Errorf("opened by 3 Connects: have %d, want 4", wrapped.opened)
	}
	if have, want := connector.Driver(), wrapped.Driver(); have != want {
		t.Errorf("Driver: have %T, want %T", have, want)
	}
	for range 2 {
		if err := closer(connector).Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	}
	if wrapped.open != 3 || wrapped.closed != 1 {
		t.Errorf("after Close: have %d connections, wrapped closed %d times, want 3 and 1",
			wrapped.open, wrapped.closed)
	}
	if _, err := connector.Connect(ctx); !errors.Is(err, errClosed) {
		t.Errorf("Connect after Close: have %v, want ErrClosed", err)
	}
	if wrapped.opened != 4 {
		t.Errorf("opened after Close: have %d, want none", wrapped.opened-4)
	}
	for _, conn := range conns {
		conn.Close()
	}
	if wrapped.open != 0 {
		t.Errorf("connections left: have %d, want 0", wrapped.open)
	}
}

// Who waits for another's anchor leaves when its own context ends.
func TestMemoryAnchorWaitEndsWithContext(t *testing.T) {
	connector, wrapped := counting(t)
	wrapped.entered = make(chan struct{})
	hanging, stop := context.WithCancel(context.Background())
	failed := make(chan error)
	go func() {
		_, err := connector.Connect(hanging)
		failed <- err
	}()
	<-wrapped.entered
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := connector.Connect(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Connect beside one that hangs: have %v, want context canceled", err)
	}
	stop()
	if err := <-failed; !errors.Is(err, context.Canceled) {
		t.Errorf("Connect that hung: have %v, want context canceled", err)
	}
	if err := closer(connector).Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
}

// A connection that was being opened when Close came would be to a new, empty database.
func TestMemoryCloseDuringConnect(t *testing.T) {
	connector, wrapped := counting(t)
	ctx := context.Background()
	first, err := connector.Connect(ctx)
	if err != nil {
		t.Fatal(err)
	}
	first.Close()
	wrapped.entered = make(chan struct{})
	failed := make(chan error)
	go func() {
		_, err := connector.Connect(ctx)
		failed <- err
	}()
	<-wrapped.entered
	if err := closer(connector).Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	wrapped.entered <- struct{}{}
	if err := <-failed; !errors.Is(err, errClosed) {
		t.Errorf("Connect: have %v, want ErrClosed", err)
	}
	if wrapped.open != 0 {
		t.Errorf("connections left: have %d, want 0", wrapped.open)
	}
}

func TestMemoryOfUnknownDriverIsSingle(t *testing.T) {
	wrapped := &countingConnector{Connector: &strangeConnector{}}
	for _, test := range []struct {
		dsn  string
		want bool
	}{{":memory:", true}, {"file:x?mode=memory&cache=shared", false}, {"app.db", false}} {
		var opened []string
		connector, err := shared(test.dsn, func(dsn string) (driver.Connector, error) {
			opened = append(opened, dsn)
			return wrapped, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if have := sqlite.Dialect.Private(connector); have != test.want {
			t.Errorf("%q: single: have %t, want %t", test.dsn, have, test.want)
		}
		if len(opened) != 1 || opened[0] != test.dsn {
			t.Errorf("%q: opened: have %q, want it as it is", test.dsn, opened)
		}
		closed := wrapped.closed
		if closer(connector).Close(); wrapped.closed != closed+1 {
			t.Errorf("%q: wrapped closed %d times, want once", test.dsn, wrapped.closed-closed)
		}
	}
}

type strangeConnector struct{ driver.Connector }

func (*strangeConnector) Driver() driver.Driver { return strangeDriver{"sqlite"} }

func TestMemoryGuard(t *testing.T) {
	connector, _ := shared(":memory:", sqliteOpen)
	guard := sqlite.Dialect.Veto(connector)
	if guard == nil {
		t.Fatal("no guard")
	}
	for _, test := range []struct {
		query  string
		arg    any
		refuse bool
	}{
		{query: "ATTACH 'a.db' AS a", refuse: true},
		{query: "/* x */ attach\tDatabase 'a.db' as a", refuse: true},
		{query: "ATTACH DATABASE \"a.db\" AS a", refuse: true},
		{query: "ATTACH 'file:a.db' AS a", refuse: true},
		{query: "ATTACH 'a.db?vfs=unix' AS a", refuse: true}, // no URI: all of it is the name
		{query: "ATTACH 'file:a.db?vfs=unix' AS a"},
		{query: "ATTACH '/shared?vfs=memdb' AS a", refuse: true},
		{query: "ATTACH 'file:/shared?vfs=memdb' AS a"},
		{query: "ATTACH ':memory:' AS a"},
		{query: "ATTACH '' AS a"},
		{query: "ATTACH ? AS a", refuse: true},
		{query: "ATTACH ? AS a", arg: "a.db", refuse: true},
		{query: "ATTACH ? AS a", arg: "file:a.db?vfs=unix"},
		{query: "ATTACH a AS b", refuse: true},
		{query: "SELECT 1; ATTACH 'a.db' AS a", refuse: true},
		{query: "SELECT 'x; ATTACH y'"},
		{query: "DETACH a"},
		{query: "INSERT INTO attach VALUES ('vacuum into x')"},
		{query: "VACUUM"},
		{query: "VACUUM;"},
		{query: "VACUUM main"},
		{query: "VACUUM 'main'"},
		{query: "VACUUM INTO 'b.db'", refuse: true},
		{query: "vacuum main into 'b.db'", refuse: true},
		{query: "VACUUM \"main\" INTO 'b.db'", refuse: true},
		{query: "VACUUM INTO ?", arg: "b.db", refuse: true},
		{query: "VACUUM INTO ?", arg: 7, refuse: true},
		{query: "VACUUM INTO ?", arg: "file:b.db?vfs=unix"},
		{query: "VACUUM INTO 'file:b.db?vfs=unix'"},
		{query: "VACUUM INTO", refuse: true},
		{query: "ATTACH", refuse: true},
		{query: "ATTACH 'a", refuse: true},
		{query: ""},
	} {
		var args []driver.NamedValue
		if test.arg != nil {
			args = []driver.NamedValue{{Ordinal: 1, Value: test.arg}}
		}
		err := guard(test.query, args)
		if (err != nil) != test.refuse {
			t.Errorf("%s (%v): have %v, want refused: %t", test.query, test.arg, err, test.refuse)
		}
		if err != nil && !strings.Contains(err.Error(), "?vfs=") {
			t.Errorf("%s: have %v, want the way out", test.query, err)
		}
	}
}

// The guard is there for databases that were put into memdb, and no others.
func TestMemoryGuardIsForMemdbOnly(t *testing.T) {
	for _, test := range []struct {
		make makeConnector
		dsn  string
		want bool
	}{
		{shared, ":memory:", true},
		{shared, "app.db", false},
		{shared, "file:x?mode=memory&cache=shared", false},
		{shared, "file:/x?vfs=memdb", false}, // the program's own choice
		{static, ":memory:", false},
	} {
		connector, err := test.make(test.dsn, sqliteOpen)
		if err != nil {
			t.Fatal(err)
		}
		if have := sqlite.Dialect.Veto(connector) != nil; have != test.want {
			t.Errorf("%q: guard: have %t, want %t", test.dsn, have, test.want)
		}
	}
}

// This is why there is a guard, and what the way out and class static are good for.
func TestMemoryToDisk(t *testing.T) {
	dir := t.TempDir()
	vfs := "unix"
	if runtime.GOOS == "windows" {
		vfs = "win32"
	}
	for _, test := range []struct {
		name string
		make makeConnector
		path string // of the copy, as written in SQL
		want bool
	}{
		{"a", shared, filepath.Join(dir, "a"), false},
		{"b", shared, "file:" + filepath.Join(dir, "b") + "?vfs=" + vfs, true},
		{"c", static, filepath.Join(dir, "c"), true},
	} {
		db := memoryBy(t, test.make, ":memory:")
		db.SetMaxOpenConns(1)
		mustExec(t, db, "CREATE TABLE t (n INTEGER)")
		mustExec(t, db, "INSERT INTO t VALUES (1)")
		mustExec(t, db, "VACUUM INTO ?", test.path)
		_, err := os.Stat(filepath.Join(dir, test.name))
		if have := err == nil; have != test.want {
			t.Errorf("VACUUM INTO %s: a file: have %t, want %t", test.path, have, test.want)
		}
		mustExec(t, db, "VACUUM")
		mustExec(t, db, "DROP TABLE t")
	}
}

// With an anchor in the shared cache, one connection must still be free to do all.
func TestMemoryStaticAttach(t *testing.T) {
	path := filepath.Join(t.TempDir(), "orders.db")
	orders := openSQLite(t, path)
	mustExec(t, orders, "CREATE TABLE orders (n INTEGER)")
	mustExec(t, orders, "INSERT INTO orders VALUES (1), (2)")
	db := memoryBy(t, static, ":memory:")
	db.SetMaxOpenConns(1)
	mustExec(t, db, "ATTACH ? AS disk", path)
	mustExec(t, db, "CREATE TABLE mine AS SELECT n FROM disk.orders")
	if have := countRows(t, db, "mine"); have != 2 {
		t.Errorf("rows: have %d, want 2", have)
	}
}

// Nothing of the above waits for a timeout: a deadline for all of it would be
// met by far. This one bounds the only wait there is, the busy timeout.
func TestMemoryBusyTimeoutBoundsTheWait(t *testing.T) {
	db := memory(t, ":memory:?_pragma=busy_timeout(30)")
	mustExec(t, db, "CREATE TABLE t (n INTEGER)")
	tx, err := db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	if _, err := tx.Exec("INSERT INTO t VALUES (1)"); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	_, err = db.Exec("INSERT INTO t VALUES (2)")
	if err == nil || !strings.Contains(err.Error(), "database is locked") {
		t.Errorf("write beside an open write transaction: have %v, want database is locked", err)
	}
	if waited := time.Since(start); waited > 5*time.Second {
		t.Errorf("waited: have %v, want about 30ms", waited)
	}
}
