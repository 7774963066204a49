package integration

import (
	"database/sql"
	"fmt"
	"reflect"
	"testing"

	"github.com/jmoiron/sqlx"
	"github.com/pooled-go/pooled/internal/pooledtest"
)

// sqlx picks its bind style by the driver's name, and "pooled" says nothing of
// the server behind it. A program tells it in one of two ways: by NewDb with the
// name of the parent, or once, for the whole program, by BindDriver.

type sqlxUser struct {
	ID   int            `db:"id"`
	Name string         `db:"name"`
	Age  sql.NullInt64  `db:"age"`
	Note sql.NullString `db:"note"`
}

func TestSQLxNewDb(t *testing.T) {
	t.Run("PostgreSQL", func(t *testing.T) {
		dsn := pooledtest.Postgres(t)
		want := sqlxTranscript(t, sqlx.NewDb(openBare(t, "postgres", dsn), "postgres"))
		have := sqlxTranscript(t, sqlx.NewDb(openPooled(t, dsn), "postgres"))
		checkSame(t, "sqlx through pooled", have, want)
	})
	t.Run("pgx", func(t *testing.T) {
		dsn := pooledtest.Postgres(t)
		want := sqlxTranscript(t, sqlx.NewDb(openBare(t, "pgx", dsn), "pgx"))
		have := sqlxTranscript(t, sqlx.NewDb(openPooled(t, withScheme(t, dsn, "postgresql+pgx")), "pgx"))
		checkSame(t, "sqlx through pooled", have, want)
	})
	t.Run("MySQL", func(t *testing.T) {
		dsn := pooledtest.MySQL(t)
		want := sqlxTranscript(t, sqlx.NewDb(openBare(t, "mysql", dsn), "mysql"))
		have := sqlxTranscript(t, sqlx.NewDb(openPooled(t, dsn), "mysql"))
		checkSame(t, "sqlx through pooled", have, want)
	})
	t.Run("SQLite", func(t *testing.T) {
		want := sqlxTranscript(t, sqlx.NewDb(openBare(t, "sqlite", sqliteFile(t)), "sqlite3"))
		have := sqlxTranscript(t, sqlx.NewDb(openPooled(t, "sqlite://?pool_driver=sqlite"), "sqlite3"))
		checkSame(t, "sqlx through pooled", have, want)
	})
}

// TestSQLxBindDriver is for programs that open with sqlx.Connect. The style
// holds for the whole program, so it is of use to those with one kind of server.
func TestSQLxBindDriver(t *testing.T) {
	for _, c := range []struct {
		parent string
		style  int
		dsn    func(testing.TB) string
	}{
		{"postgres", sqlx.DOLLAR, pooledtest.Postgres},
		{"mysql", sqlx.QUESTION, pooledtest.MySQL},
	} {
		t.Run(c.parent, func(t *testing.T) {
			dsn := c.dsn(t)
			sqlx.BindDriver("pooled", c.style)
			bare, err := sqlx.Connect(c.parent, dsn)
			if err != nil {
				t.Fatal(err)
			}
			defer bare.Close()
			db, err := sqlx.Connect("pooled", dsn)
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			want := sqlxTranscript(t, bare)
			checkSame(t, "sqlx through pooled", sqlxTranscript(t, db), want)
		})
	}
}

// sqlxTranscript uses what sqlx adds to database/sql and returns what it saw.
func sqlxTranscript(t *testing.T, db *sqlx.DB) (lines []string) {
	t.Helper()
	log := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	ok := func(what string, err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("sqlx %s: %v", what, err)
		}
	}
	const table = "sqlx_users"
	db.MustExec("DROP TABLE IF EXISTS " + table)
	db.MustExec("CREATE TABLE " + table + " (id INTEGER PRIMARY KEY, name VARCHAR(40), age INTEGER, note VARCHAR(40))")
	defer db.MustExec("DROP TABLE " + table)

	insert := "INSERT INTO " + table + " (id, name, age, note) VALUES (:id, :name, :age, :note)"
	users := []sqlxUser{
		{ID: 1, Name: "ada", Age: sql.NullInt64{Int64: 36, Valid: true}},
		{ID: 2, Name: "bob ?", Note: sql.NullString{String: "$1", Valid: true}},
		{ID: 3, Name: "cyd"},
	}
	res, err := db.NamedExec(insert, users)
	ok("NamedExec of many", err)
	n, err := res.RowsAffected()
	log("inserted %d %v", n, err)

	var one sqlxUser
	ok("Get", db.Get(&one, db.Rebind("SELECT * FROM "+table+" WHERE id = ?"), 2))
	log("one %v", one)
	query, args, err := sqlx.In("SELECT * FROM "+table+" WHERE id IN (?) ORDER BY id", []int{1, 3})
	ok("In", err)
	var some []sqlxUser
	ok("Select", db.Select(&some, db.Rebind(query), args...))
	log("some %v", some)
	log("missing %v", db.Get(&one, db.Rebind("SELECT * FROM "+table+" WHERE id = ?"), 99))

	rows, err := db.NamedQuery("SELECT * FROM "+table+" WHERE name = :name", map[string]any{"name": "cyd"})
	ok("NamedQuery", err)
	for rows.Next() {
		var u sqlxUser
		ok("StructScan", rows.StructScan(&u))
		log("row %v", u)
	}
	ok("Close", rows.Close())

	sqlxTransaction(t, db, insert, table)
	stmt, err := db.PrepareNamed("SELECT COUNT(*) FROM " + table + " WHERE id > :id")
	ok("PrepareNamed", err)
	defer stmt.Close()
	ok("Get", stmt.Get(&n, map[string]any{"id": 1}))
	log("count %d", n)

	all, err := db.Queryx("SELECT id, name FROM " + table + " ORDER BY id")
	ok("Queryx", err)
	for all.Next() {
		row := map[string]any{}
		ok("MapScan", all.MapScan(row))
		log("map %v %s", row["id"], asText(row["name"]))
	}
	types, err := all.ColumnTypes()
	log("types %d %v", len(types), err)
	ok("Close", all.Close())
	return lines
}

// sqlxTransaction keeps one user and rolls another back.
func sqlxTransaction(t *testing.T, db *sqlx.DB, insert, table string) {
	t.Helper()
	for id, end := range map[int]func(*sqlx.Tx) error{4: (*sqlx.Tx).Commit, 5: (*sqlx.Tx).Rollback} {
		tx, err := db.Beginx()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tx.NamedExec(insert, sqlxUser{ID: id, Name: "in a tx"}); err != nil {
			t.Fatal(err)
		}
		var name string
		if err := tx.Get(&name, tx.Rebind("SELECT name FROM "+table+" WHERE id = ?"), id); err != nil {
			t.Fatal(err)
		}
		if err := end(tx); err != nil {
			t.Fatal(err)
		}
	}
	var ids []int
	if err := db.Select(&ids, "SELECT id FROM "+table+" ORDER BY id"); err != nil {
		t.Fatal(err)
	}
	if want := []int{1, 2, 3, 4}; !reflect.DeepEqual(ids, want) {
		t.Errorf("after the transactions: have %v, want %v", ids, want)
	}
}

func asText(v any) string {
	if b, ok := v.([]byte); ok {
		return string(b)
	}
	return fmt.Sprint(v)
}
