package integration

import (
	"database/sql"
	"errors"
	"fmt"
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
	{"`db.Ping`", func(db *sql.DB, _ int) error { return db.Ping() }},
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

// What the bare driver can do behind a PgBouncer in transaction mode, pooled can do: with each
// reset mode, and with a ping before each use. What it cannot do is in docs/proxies.md.
func TestPgBouncerTransactionMode(t *testing.T) {
	b := newPgBouncer(t, "transaction")
	b.withoutPrepared(t)
	var table strings.Builder
	table.WriteString("| |")
	for _, d := range bouncedDrivers {
		fmt.Fprintf(&table, " %s |", d.title)
	}
	table.WriteString("\n|---|" + strings.Repeat("---|", len(bouncedDrivers)) + "\n")
	for _, operation := range bouncedOperations {
		fmt.Fprintf(&table, "| %s |", operation.title)
		for _, d := range bouncedDrivers {
			b.renew(t)
			db := openBare(t, d.driver, addQuery(b.dsn, d.params))
			db.SetMaxOpenConns(1)
			bare := repeat(db, operation.do)
			db.Close()
			if bare != nil {
				table.WriteString(" **no** |")
				continue
			}
			table.WriteString(" yes |")
			for _, options := range pooledVariants {
				b.renew(t)
				dsn := addQuery(withScheme(t, b.dsn, d.scheme), d.params+"&"+options)
				db := openPooled(t, dsn)
				db.SetMaxOpenConns(1)
				if err := repeat(db, operation.do); err != nil {
					t.Errorf("%s, %s, %s: have %v, want no error, as with the bare driver", d.title, options, operation.title, err)
				}
				db.Close()
			}
		}
		table.WriteString("\n")
	}
	compareTable(t, "proxies.md", "pgbouncer", table.String())
}

// withoutPrepared makes a newer PgBouncer, which follows prepared statements, like one before 1.21.
func (b *pgbouncer) withoutPrepared(t *testing.T) {
	t.Helper()
	for _, row := range b.show(t, "CONFIG") {
		if row["key"] == "max_prepared_statements" {
			b.set(t, row["key"], "0", row["value"])
		}
	}
}

// In session mode all of it works, with every driver.
func TestPgBouncerSessionMode(t *testing.T) {
	b := newPgBouncer(t, "session")
	for _, d := range bouncedDrivers {
		for _, options := range pooledVariants {
			db := openPooled(t, addQuery(withScheme(t, b.dsn, d.scheme), d.params+"&"+options))
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
		checkInt(t, driver+": 5 + 2000", ask(openBare(t, driver, addQuery(b.dsn, "binary_parameters=yes"))), 2005)
	}
}

// The price of binary_parameters that docs/proxies.md names. It is lib/pq's own, whoever is in between.
func TestBinaryParametersTakeBytesAsTheyAre(t *testing.T) {
	db := openPooled(t, addQuery(pooledtest.Postgres(t), "binary_parameters=yes"))
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
