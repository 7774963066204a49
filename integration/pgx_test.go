package integration

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/internal/pooledtest"
)

// pgx's driver is not among pooled's own parents: the program imports it and
// names it, by the DSN's scheme or by pool_driver.

// pgxForms are the ways to name pgx.
func pgxForms(t *testing.T, dsn string) map[string]string {
	t.Helper()
	return map[string]string{
		"postgresql+pgx": withScheme(t, dsn, "postgresql+pgx"),
		"postgres+pgx":   withScheme(t, dsn, "postgres+pgx"),
		"pool_driver":    pooledtest.WithOptions(dsn, "pool_driver=pgx"),
		"direct":         pooledtest.WithOptions(dsn, "pool_driver=pgx&pool_class=direct"),
	}
}

func TestPgxForms(t *testing.T) {
	dsn := pooledtest.Postgres(t)
	want := pgxTranscript(t, openBare(t, "pgx", dsn))
	for name, dsn := range pgxForms(t, dsn) {
		t.Run(name, func(t *testing.T) {
			checkSame(t, "pgx through pooled", pgxTranscript(t, openPooled(t, dsn)), want)
		})
	}
	t.Run("connector", func(t *testing.T) {
		cfg, err := pgx.ParseConfig(dsn)
		if err != nil {
			t.Fatal(err)
		}
		db := wrapPooled(t, stdlib.GetConnector(*cfg))
		checkSame(t, "pgx through pooled", pgxTranscript(t, db), want)
	})
}

// pgxTranscript uses what tells pgx's driver from others.
func pgxTranscript(t *testing.T, db *sql.DB) (lines []string) {
	t.Helper()
	log := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }

	// Arguments of types that database/sql has not heard of.
	var n int
	err := db.QueryRow("SELECT cardinality($1::int[])", []int{1, 2, 3}).Scan(&n)
	log("slice argument %d %v", n, err)
	err = db.QueryRow("SELECT ($1::jsonb->>'a')::int", map[string]int{"a": 5}).Scan(&n)
	log("map argument %d %v", n, err)
	err = db.QueryRow("SELECT $1::int + 1", pgx.QueryExecModeSimpleProtocol, 6).Scan(&n)
	log("execution mode argument %d %v", n, err)
	err = db.QueryRow("SELECT @x::int * 2", pgx.NamedArgs{"x": 4}).Scan(&n)
	log("rewriter argument %d %v", n, err)
	err = db.QueryRow("SELECT $1::int", "not a number").Scan(&n)
	log("wrong argument %v", err)

	var b []byte
	err = db.QueryRow("SELECT $1::bytea", []byte{0, 1, 255}).Scan(&b)
	log("bytes %x %v", b, err)
	var at time.Time
	err = db.QueryRow("SELECT '2024-05-06 07:08:09.123456+02'::timestamptz").Scan(&at)
	log("time %s %v", at.UTC().Format(time.RFC3339Nano), err)

	lines = append(
		lines,
		columnTypes(t, db, "SELECT 1::int4, 'x'::varchar(7), 1.5::numeric(9,3), now(), ARRAY[1], true, '{}'::jsonb")...)

	_, err = db.Exec("SELECT 1/0")
	var pgErr *pgconn.PgError
	log("error %v %T", errors.As(err, &pgErr), err)
	if pgErr != nil {
		log("%s %s", pgErr.Code, pgErr.Message)
	}
	tx, err := db.BeginTx(t.Context(), &sql.TxOptions{Isolation: sql.LevelSerializable, ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	var level, readOnly string
	err = tx.QueryRow("SELECT current_setting('transaction_isolation'), current_setting('transaction_read_only')").
		Scan(&level, &readOnly)
	log("transaction %s %s %v, commit %v", level, readOnly, err, tx.Commit())

	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err = db.ExecContext(ctx, "SELECT pg_sleep(10)")
	log("deadline %v", errors.Is(err, context.DeadlineExceeded))
	log("after it %v", db.Ping())
	return lines
}

// columnTypes describes each column of a query's result.
func columnTypes(t *testing.T, db *sql.DB, query string) (lines []string) {
	t.Helper()
	rows, err := db.Query(query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	types, err := rows.ColumnTypes()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range types {
		length, hasLength := c.Length()
		precision, scale, hasScale := c.DecimalSize()
		nullable, hasNullable := c.Nullable()
		lines = append(lines, fmt.Sprintf("column %s %s %v %d %v %d %d %v %v %v", c.Name(), c.DatabaseTypeName(),
			c.ScanType(), length, hasLength, precision, scale, hasScale, nullable, hasNullable))
	}
	return lines
}

// TestPgxCopy speaks pgx's own protocol on the raw conn: COPY, and a batch.
func TestPgxCopy(t *testing.T) {
	for name, dsn := range pgxForms(t, pooledtest.Postgres(t)) {
		t.Run(name, func(t *testing.T) {
			db := openPooled(t, dsn)
			mustExec(t, db, "DROP TABLE IF EXISTS pgx_copy")
			mustExec(t, db, "CREATE TABLE pgx_copy (id int, name text)")
			t.Cleanup(func() { mustExec(t, db, "DROP TABLE pgx_copy") })
			rawConn(t, db, func(c driver.Conn) error { return pgxCopy(t, c.(*stdlib.Conn).Conn()) })
			checkInt(t, "rows after COPY and a batch", queryInt(t, db, "SELECT count(*) FROM pgx_copy"), 1002)
		})
	}
}

func pgxCopy(t *testing.T, conn *pgx.Conn) error {
	n, err := conn.CopyFrom(t.Context(), pgx.Identifier{"pgx_copy"}, []string{"id", "name"},
		pgx.CopyFromSlice(1000, func(i int) ([]any, error) { return []any{i, fmt.Sprint("row ", i)}, nil }))
	if err != nil {
		return err
	}
	checkInt(t, "copied rows", int(n), 1000)
	batch := &pgx.Batch{}
	batch.Queue("INSERT INTO pgx_copy VALUES ($1, $2)", 1000, "a")
	batch.Queue("INSERT INTO pgx_copy VALUES ($1, $2)", 1001, "b")
	return conn.SendBatch(t.Context(), batch).Close()
}

// TestPgxCopyInTransaction: what the raw conn did belongs to the transaction.
func TestPgxCopyInTransaction(t *testing.T) {
	db := openPooled(t, withScheme(t, pooledtest.Postgres(t), "postgresql+pgx"))
	mustExec(t, db, "CREATE TABLE pgx_copy_tx (id int)")
	t.Cleanup(func() { mustExec(t, db, "DROP TABLE pgx_copy_tx") })
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	tx, err := conn.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	err = conn.Raw(func(c any) error {
		raw := c.(interface{ Raw() driver.Conn }).Raw().(*stdlib.Conn).Conn()
		_, err := raw.CopyFrom(
			t.Context(),
			pgx.Identifier{"pgx_copy_tx"},
			[]string{"id"},
			pgx.CopyFromRows([][]any{{1}, {2}}),
		)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	checkInt(t, "rows in the transaction", queryInt(t, tx, "SELECT count(*) FROM pgx_copy_tx"), 2)
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	checkInt(t, "rows after its rollback", queryInt(t, db, "SELECT count(*) FROM pgx_copy_tx"), 0)
}

// TestPgxReset: the transaction that someone forgot is over when the next
// user comes, whichever way it was begun.
func TestPgxReset(t *testing.T) {
	dsn := pooledtest.Postgres(t)
	db := openPooled(t, pooledtest.WithOptions(withScheme(t, dsn, "postgresql+pgx"), "pool_size=1&pool_max_overflow=0"))
	mustExec(t, db, "CREATE TABLE pgx_reset (id int)")
	t.Cleanup(func() { mustExec(t, db, "DROP TABLE pgx_reset") })
	pid := queryInt(t, db, "SELECT pg_backend_pid()")

	forgetTransaction(t, db, "BEGIN", "INSERT INTO pgx_reset VALUES (1)")
	checkInt(t, "rows of a forgotten BEGIN", queryInt(t, db, "SELECT count(*) FROM pgx_reset"), 0)
	rawConn(t, db, func(c driver.Conn) error {
		_, err := c.(*stdlib.Conn).Conn().Exec(t.Context(), "BEGIN; INSERT INTO pgx_reset VALUES (2)")
		return err
	})
	checkInt(t, "rows of a transaction on the raw conn", queryInt(t, db, "SELECT count(*) FROM pgx_reset"), 0)
	checkInt(t, "backend after both", queryInt(t, db, "SELECT pg_backend_pid()"), pid)
}

// TestPgxSharedStatement: pgx prepares on each server connection; the statement
// moves between fewer of them than there are goroutines.
func TestPgxSharedStatement(t *testing.T) {
	db := openPooled(
		t,
		pooledtest.WithOptions(withScheme(t, pooledtest.Postgres(t), "postgresql+pgx"), "pool_size=4&pool_max_overflow=0"),
	)
	stmt, err := db.Prepare("SELECT $1::int * 2")
	if err != nil {
		t.Fatal(err)
	}
	defer stmt.Close()
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			for j := range 20 {
				var n int
				if err := stmt.QueryRow(i*100 + j).Scan(&n); err != nil || n != 2*(i*100+j) {
					t.Errorf("goroutine %d: have %d, %v, want %d", i, n, err, 2*(i*100+j))
					return
				}
			}
		})
	}
	wg.Wait()
}

// The host of a pgx:// URL is dialed, which pgx alone would not read.
func TestPgxScheme(t *testing.T) {
	addr := closedPort(t)
	for _, scheme := range []string{"pgx", "pgx5", "postgresql+pgx"} {
		err := openPooled(t, scheme+"://scott:tiger@"+addr+"/shop?pool_size=2").PingContext(t.Context())
		if err == nil || !strings.Contains(err.Error(), addr) || strings.Contains(err.Error(), "tiger") {
			t.Errorf("%s://: have %v, want the error of a dial of %s", scheme, err, addr)
		}
	}
}

// TestPgxHiddenPassword: an error of the parent's own parser goes through.
func TestPgxHiddenPassword(t *testing.T) {
	db, err := sql.Open("pooled", "postgresql+pgx://scott:tiger@127.0.0.1:1/x?sslmode=nonsense")
	if err == nil {
		defer db.Close()
		err = db.Ping()
	}
	if err == nil || strings.Contains(err.Error(), "tiger") {
		t.Errorf("have %v, want an error without the password", err)
	}
}

// pgx keeps prepared statements that it would miss after DISCARD ALL. A session
// reset leaves it those, and nothing else.
func TestPgxSessionReset(t *testing.T) {
	dsn := pooledtest.WithOptions(
		withScheme(t, pooledtest.Postgres(t), "postgresql+pgx"),
		"pool_size=1&pool_max_overflow=0&pool_reset_on_return=session",
	)
	db := openPooled(t, dsn)
	for want := range 5 {
		var have int
		if err := db.QueryRow("SELECT $1::int", want).Scan(&have); err != nil || have != want {
			t.Fatalf("have %d, %v, want %d", have, err, want)
		}
		for _, leak := range []string{"SET search_path = pg_catalog", "CREATE TEMP TABLE leak (a int)", "PREPARE leak AS " +
			"SELECT 1",
			"SELECT pg_advisory_lock(77)", "LISTEN leak", "SET ROLE pg_monitor"} {
			if _, err := db.Exec(leak); err != nil {
				t.Fatalf("%s: %v", leak, err)
			}
		}
	}
	var left string
	err := db.QueryRow(`SELECT concat(current_setting('search_path'), ' ', to_regclass('leak'), ' ',
		(SELECT count(*) FROM pg_prepared_statements WHERE from_sql), ' ',
		(SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()), ' ',
		(SELECT count(*) FROM pg_listening_channels()), ' ', current_user = session_user)`).Scan(&left)
	if want := `"$user", public  0 0 0 t`; err != nil || left != want {
		t.Errorf("have %q, %v, want %q", left, err, want)
	}
	if pool, _ := pooled.PoolOf(db); pool.Stats().Opened != 1 {
		t.Errorf("have %+v, want one server connection, reset each time", pool.Stats())
	}
}

// TestPgxStmtOutlivesItsContext: a context ends in the middle of a statement, in a transaction or outside of one, and
// then the program closes what it has prepared there.
func TestPgxStmtOutlivesItsContext(t *testing.T) {
	for name, dsn := range pgxForms(t, pooledtest.Postgres(t)) {
		for _, inTx := range []bool{false, true} {
			for _, detached := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s transaction=%t detached=%t", name, inTx, detached), func(t *testing.T) {
					db := openPooled(t, dsn)
					stmt := pgxStmtAfterItsContext(t, db, inTx, detached)
					stmt.Exec()
					stmt.Close()
					checkInt(t, "the next statement", queryInt(t, db, "SELECT 1"), 1)
				})
			}
		}
	}
}

// pgxStmtAfterItsContext returns a statement whose lease is over, since the context has ended.
func pgxStmtAfterItsContext(t *testing.T, db *sql.DB, inTx, detached bool) *sql.Stmt {
	t.Helper()
	conn := must(db.Conn(t.Context()))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var on interface {
		PrepareContext(context.Context, string) (*sql.Stmt, error)
	} = conn
	if inTx {
		on = must(conn.BeginTx(ctx, nil))
	}
	stmt := must(on.PrepareContext(t.Context(), "SELECT pg_sleep(60)"))
	if detached {
		if err := pooled.Detach(t.Context(), conn); err != nil {
			t.Fatal(err)
		}
	}
	time.AfterFunc(50*time.Millisecond, cancel)
	stmt.ExecContext(ctx)
	stmt.ExecContext(t.Context()) // which may find that the connection is bad
	conn.Close()                  // waits for the transaction's end
	return stmt
}

// pgx says driver.ErrBadConn of an operation that it did not begin, as Rows were open. The connection is as it was, so
// the pool keeps it, and has no doubts about the others.
func TestPgxRefuses(t *testing.T) {
	proxy := pooledtest.NewProxy(t, pooledtest.PostgresPlain(t))
	config := must(pgx.ParseConfig(proxy.DSN()))
	never := stdlib.OptionShouldPing(func(context.Context, stdlib.ShouldPingParams) bool { return false })
	cfg := pooled.NewConfig()
	cfg.PrePing = time.Hour
	db := sql.OpenDB(must(pooled.NewConnector(stdlib.GetConnector(*config, never), cfg)))
	defer db.Close()

	tx, other := must(db.Begin()), must(db.Begin())
	rows := must(tx.Query("SELECT generate_series(1, 10)"))
	if _, err := tx.Exec("SELECT 1"); !errors.Is(err, driver.ErrBadConn) {
		t.Errorf("while rows are open: have %v, want %v", err, driver.ErrBadConn)
	}
	rows.Close()
	checkInt(t, "in the same transaction", queryInt(t, tx, "SELECT 1"), 1)
	if err := errors.Join(tx.Commit(), other.Commit()); err != nil {
		t.Error(err)
	}
	tx, other = must(db.Begin()), must(db.Begin())
	if err := errors.Join(tx.Commit(), other.Commit()); err != nil {
		t.Error(err)
	}
	for _, m := range proxy.Messages() {
		if strings.Contains(m, "ping") {
			t.Errorf("have sent %q, want no doubts", m)
		}
	}
	checkInt(t, "connections", proxy.Accepted(), 2)
}

// pgx does not see that a program's own DISCARD ALL has dropped what pgx has prepared: the next use of a text fails,
// and the one after it works. It is the same with pgx alone.
func TestPgxAfterDiscardAll(t *testing.T) {
	dsn := pooledtest.Postgres(t)
	for _, db := range []*sql.DB{
		openBare(t, "pgx", dsn),
		openPooled(t, pooledtest.WithOptions(withScheme(t, dsn, "postgres+pgx"), "pool_reset_on_return=session")),
	} {
		db.SetMaxOpenConns(1)
		checkInt(t, "before", queryInt(t, db, "SELECT $1::int", 1), 1)
		mustExec(t, db, "DISCARD ALL")
		var n int
		var pgErr *pgconn.PgError
		if err := db.QueryRow("SELECT $1::int", 2).Scan(&n); !errors.As(err, &pgErr) || pgErr.Code != "26000" {
			t.Errorf("have %v, want that there is no such statement (26000)", err)
		}
		checkInt(t, "after", queryInt(t, db, "SELECT $1::int", 3), 3)
	}
}
