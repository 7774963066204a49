package migrations

import (
	"database/sql"
	"path/filepath"
	"testing"

	"github.com/golang-migrate/migrate/v4/database"
	"github.com/pressly/goose/v3"

	"github.com/pooled-go/pooled/internal/pooledtest"
)

func TestMain(m *testing.M) { pooledtest.Main(m) }

// target is a database to migrate.
type target struct {
	name    string
	dsn     func(testing.TB) string // with the options that docs/migrations.md recommends
	dialect goose.Dialect
	driver  func(*sql.DB) (database.Driver, error)
}

const options = "pool_size=2&pool_max_overflow=0&pool_reset_on_return=auto"

var targets = []target{
	{"PostgreSQL", postgres, goose.DialectPostgres, migratePostgres},
	{"MySQL", mysql, goose.DialectMySQL, migrateMySQL},
	{"SQLite", sqlite, goose.DialectSQLite3, migrateSQLite},
}

func postgres(tb testing.TB) string { return pooledtest.WithOptions(pooledtest.Postgres(tb), options) }

func mysql(tb testing.TB) string {
	return pooledtest.WithOptions(pooledtest.MySQL(tb), "parseTime=true", "multiStatements=true", options)
}

func sqlite(tb testing.TB) string {
	file := filepath.ToSlash(filepath.Join(tb.TempDir(), "shop.db"))
	return "file:" + file + "?_pragma=busy_timeout(5000)&pool_driver=sqlite&" + options
}

// each runs a test for each database, which is empty before and after it.
func each(t *testing.T, test func(t *testing.T, on target, dsn string)) {
	for _, on := range targets {
		t.Run(on.name, func(t *testing.T) {
			dsn := on.dsn(t)
			drop(t, dsn)
			t.Cleanup(func() { drop(t, dsn) })
			test(t, on, dsn)
		})
	}
}

func drop(t *testing.T, dsn string) {
	t.Helper()
	db := pooledtest.OpenDB(t, "pooled", dsn)
	defer db.Close()
	for _, table := range []string{"migrated_notes", "goose_db_version", "goose_lock", "schema_migrations"} {
		pooledtest.MustExec(t, db, "DROP TABLE IF EXISTS "+table)
	}
}

// notes counts what the migrations inserted.
func notes(t *testing.T, dsn string) (n int) {
	t.Helper()
	db := pooledtest.OpenDB(t, "pooled", dsn)
	defer db.Close()
	if err := db.QueryRow("SELECT count(*) FROM migrated_notes").Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}
