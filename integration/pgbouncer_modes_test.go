package integration

import (
	"database/sql"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/pooled-go/pooled/internal/pooledtest"
)

// bouncedDrivers are the columns of the table in docs/proxies.md.
var bouncedDrivers = []struct{ title, driver, scheme, params string }{
	{"lib/pq", "postgres", "postgres", "connect_timeout=10"},
	{"lib/pq, `binary_parameters=yes`", "postgres", "postgres", "binary_parameters=yes"},
	{"pgx", "pgx", "postgresql+pgx", "connect_timeout=10"},
	{"pgx, `default_query_exec_mode=exec`", "pgx", "postgresql+pgx", "default_query_exec_mode=exec"},
	{"pgx, `default_query_exec_mode=simple_protocol`", "pgx", "postgresql+pgx", "default_query_exec_mode=simple_protocol"},
}

// bouncedOperations are its rows. Each is done several times in a row.
var bouncedOperations = []struct {
	title string
	do    func(db *sql.DB, i int) error
}{
	{"statement without arguments", func(db *sql.DB, i int) error {
		return want(i, db.QueryRow(fmt.Sprint("SELECT ", i)))
	}},
	{"statement with arguments", func(db *sql.DB, i int) error {
		return want(i+1, db.QueryRow("SELECT $1::int + 1", i))
	}},
	{"`db.Begin`, statements with arguments, `Commit`", inTx(func(tx *sql.Tx, i int) error {
		return errors.Join(want(i+1, tx.QueryRow("SELECT $1::int + 1", i)), want(i+2, tx.QueryRow("SELECT $1::int + 2", i)))
	})},
	{"`tx.Prepare`, closed before `Commit`", inTx(func(tx *sql.Tx, i int) error {
		stmt, err := tx.Prepare("SELECT $1::int + 1")
		if err != nil {
			return err
		}
		return errors.Join(want(i+1, stmt.QueryRow(i)), want(i+2, stmt.QueryRow(i+1)), stmt.Close())
	})},
	{"`db.Prepare`", func(db *sql.DB, i int) error {
		stmt, err := db.Prepare("SELECT $1::int + 1")
		if err != nil {
			return err
		}
		return errors.Join(want(i+1, stmt.QueryRow(i)), want(i+2, stmt.QueryRow(i+1)), stmt.Close())
	}},
	{"`db.Prepare` before and after `ALTER TABLE`", func(db *sql.DB, i int) error {
		change := "ALTER TABLE bounced_altered ADD COLUMN c int"
		if i%2 == 1 {
			change = "ALTER TABLE bounced_altered DROP COLUMN c"
		}
		return errors.Join(prepareAltered(db), execute(db, change), prepareAltered(db))
	}},
	{"`db.Ping`", func(db *sql.DB, _ int) error { return db.Ping() }},
}

// prepareAltered prepares a statement on the table that TestPgBouncerTransactionMode makes, and runs it.
func prepareAltered(db *sql.DB) error {
	stmt, err := db.Prepare("SELECT * FROM bounced_altered WHERE a = $1")
	if err != nil {
		return err
	}
	_, err = stmt.Exec(1)
	return errors.Join(err, stmt.Close())
}

func execute(db *sql.DB, statement string) error {
	_, err := db.Exec(statement)
	return err
}

// want is the error of a query, or that it answered something else.
func want(want int, row *sql.Row) error {
	var have int
	if err := row.Scan(&have); err != nil || have == want {
		return err
	}
	return fmt.Errorf("the answer of another query: have %d, want %d", have, want)
}

func inTx(do func(tx *sql.Tx, i int) error) func(*sql.DB, int) error {
	return func(db *sql.DB, i int) error {
		tx, err := db.Begin()
		if err != nil {
			return err
		}
		defer tx.Rollback()
		return errors.Join(do(tx, i), tx.Commit())
	}
}

func repeat(db *sql.DB, do func(*sql.DB, int) error) error {
	var all error
	for i := range 5 {
		all = errors.Join(all, do(db, i))
	}
	return all
}

var pooledVariants = []string{
	"pool_reset_on_return=rollback", "pool_reset_on_return=auto", "pool_reset_on_return=session", "pool_reset_on_return=none",
	"pool_pre_ping=on", "pool_class=null", "pool_class=direct",
}

// What the bare driver can do behind a PgBouncer in transaction mode, pooled can do: with each reset mode, and with a
// ping before each use. What it cannot do is in docs/proxies.md, in a table for each kind of PgBouncer.
func TestPgBouncerTransactionMode(t *testing.T) {
	b := newPgBouncer(t, "transaction")
	if b.followsPrepared(t) {
		compareTable(t, "proxies.md", "pgbouncer max_prepared_statements", b.transactionTable(t))
		b.withoutPrepared(t)
	}
	compareTable(t, "proxies.md", "pgbouncer", b.transactionTable(t))
}

// transactionTable tries each operation with each driver, bare and by pooled.
func (b *pgbouncer) transactionTable(t *testing.T) string {
	t.Helper()
	var table strings.Builder
	table.WriteString("| |")
	for _, d := range bouncedDrivers {
		fmt.Fprintf(&table, " %s |", d.title)
	}
	table.WriteString("\n|---|" + strings.Repeat("---|", len(bouncedDrivers)) + "\n")
	for _, operation := range bouncedOperations {
		fmt.Fprintf(&table, "| %s |", operation.title)
		for _, d := range bouncedDrivers {
			db := b.renewed(t, d.driver, pooledtest.WithOptions(b.dsn, d.params))
			bare := repeat(db, operation.do)
			db.Close()
			if bare != nil {
				table.WriteString(" **no** |")
				continue
			}
			table.WriteString(" yes |")
			for _, options := range pooledVariants {
				db := b.renewed(t, "pooled", pooledtest.WithOptions(withScheme(t, b.dsn, d.scheme), d.params+"&"+options))
				if err := repeat(db, operation.do); err != nil {
					t.Errorf("%s, %s, %s: have %v, want no error, as with the bare driver", d.title, options, operation.title, err)
				}
				db.Close()
			}
		}
		table.WriteString("\n")
	}
	return table.String()
}

// renewed begins anew, with the table that some operations change, and opens the database.
func (b *pgbouncer) renewed(t *testing.T, driver, dsn string) *sql.DB {
	t.Helper()
	b.makeAltered(t)
	b.renew(t)
	db := openBare(t, driver, dsn)
	db.SetMaxOpenConns(1)
	return db
}

// makeAltered makes the table that some operations change.
func (b *pgbouncer) makeAltered(t *testing.T) {
	t.Helper()
	db := openBare(t, "postgres", pooledtest.Postgres(t))
	defer db.Close()
	mustExec(t, db, "DROP TABLE IF EXISTS bounced_altered")
	mustExec(t, db, "CREATE TABLE bounced_altered (a int)")
}

// The page says with which versions it was tested.
func TestPgBouncerVersion(t *testing.T) {
	text, err := os.ReadFile("../docs/proxies.md")
	if err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf("PgBouncer 1.%d ", newPgBouncer(t, "session").minor(t))
	if !strings.Contains(string(text), want) {
		t.Errorf("docs/proxies.md does not name %s", want)
	}
}

// followsPrepared tells whether PgBouncer follows prepared statements, as it can since 1.21.
func (b *pgbouncer) followsPrepared(t *testing.T) bool {
	t.Helper()
	most := b.config(t, "max_prepared_statements")
	return most != "" && most != "0"
}

// withoutPrepared makes one that does like one before 1.21.
func (b *pgbouncer) withoutPrepared(t *testing.T) {
	t.Helper()
	if b.followsPrepared(t) {
		b.set(t, "max_prepared_statements", "0", b.config(t, "max_prepared_statements"))
	}
}

// In session mode all of it works, with every driver.
func TestPgBouncerSessionMode(t *testing.T) {
	b := newPgBouncer(t, "session")
	for _, d := range bouncedDrivers {
		for _, options := range pooledVariants {
			b.makeAltered(t)
			db := openPooled(t, pooledtest.WithOptions(withScheme(t, b.dsn, d.scheme), d.params+"&"+options))
			for _, operation := range bouncedOperations {
				if err := repeat(db, operation.do); err != nil {
					t.Errorf("%s, %s, %s: have %v, want no error", d.title, options, operation.title, err)
				}
			}
			db.Close()
		}
	}
}

// In statement mode a transaction is refused, and costs its connection, and no more.
func TestPgBouncerStatementMode(t *testing.T) {
	b := newPgBouncer(t, "statement")
	for _, options := range pooledVariants {
		db := b.open(t, "binary_parameters=yes&"+options)
		for i := range 3 {
			if tx, err := db.Begin(); err == nil {
				t.Errorf("%s: have a transaction, want it refused", options)
				tx.Rollback()
			}
			for _, operation := range bouncedOperations[:2] {
				if err := operation.do(db, i); err != nil {
					t.Errorf("%s, %s: have %v, want no error", options, operation.title, err)
				}
			}
		}
		db.Close()
	}
}

// lib/pq sends a statement with arguments in two steps, which in transaction mode can be two servers: then
// the second step finds whatever was prepared there before. Not the pool's doing, and nothing it could mend; it is
// here because docs/proxies.md says so.
func TestPgBouncerAnswersOfOthers(t *testing.T) {
	b := newPgBouncer(t, "transaction")
	ask := func(db *sql.DB) (have int) {
		db.SetMaxOpenConns(1)
		db.QueryRow("SELECT $1::int + 1000", 1).Scan(&have) // prepared on one server, not found on the other
		db.Prepare("SELECT 0")                              // something for the first: now it is the other's turn
		return queryInt(t, db, "SELECT $1::int + 2000", 5)
	}
	for _, driver := range []string{"postgres", "pooled"} {
		b.renew(t)
		checkInt(t, driver+": 5 + 2000, without binary_parameters", ask(openBare(t, driver, b.dsn)), 1005)
		b.renew(t)
		db := openBare(t, driver, pooledtest.WithOptions(b.dsn, "binary_parameters=yes"))
		checkInt(t, driver+": 5 + 2000", ask(db), 2005)
	}
}

// The price of binary_parameters that docs/proxies.md names. It is lib/pq's own, whoever is in between.
func TestBinaryParametersTakeBytesAsTheyAre(t *testing.T) {
	db := openPooled(t, pooledtest.WithOptions(pooledtest.Postgres(t), "binary_parameters=yes"))
	for kind, value := range map[string]string{"jsonb": `{"a": 1}`, "uuid": "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"} {
		var have string
		if err := db.QueryRow("SELECT $1::"+kind, value).Scan(&have); err != nil || have != value {
			t.Errorf("%s as a string: have %s, %v, want %s", kind, have, err, value)
		}
		if err := db.QueryRow("SELECT $1::"+kind, []byte(value)).Scan(&have); err == nil {
			t.Errorf("%s as []byte: have %s, want an error: docs/proxies.md says so", kind, have)
		}
	}
}
