package docs_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/pooled-go/pooled/internal/pooledtest"
)

var sqliteTroubles = troubles{
	`database is locked`: func(t *testing.T) error {
		dsn := sqliteFile(t) + "&_txlock=immediate"
		holdOne(t, pooledtest.OpenDB(t, "pooled", dsn))
		_, err := pooledtest.OpenDB(t, "pooled", dsn).Exec("CREATE TABLE notes (id INTEGER)")
		return err
	},
	`no such table`: func(t *testing.T) error { // each connection of the bare driver has a database of its own
		db := pooledtest.OpenDB(t, "sqlite", ":memory:")
		pooledtest.MustExec(t, db, "CREATE TABLE notes (id INTEGER)")
		holdOne(t, db)
		_, err := db.Exec("INSERT INTO notes VALUES (1)")
		return err
	},
	`unable to open database file`: func(t *testing.T) error {
		return ping(t, strings.Replace(sqliteFile(t), "shop.db", "no-such-folder/shop.db", 1))
	},
	`attempt to write a readonly database`: func(t *testing.T) error {
		dsn := sqliteFile(t)
		pooledtest.MustExec(t, pooledtest.OpenDB(t, "pooled", dsn), "CREATE TABLE notes (id INTEGER)")
		_, err := pooledtest.OpenDB(t, "pooled", dsn+"&mode=ro").Exec("INSERT INTO notes VALUES (1)")
		return err
	},
}

// sqliteFile is the DSN of a file of the test's own, with an option.
func sqliteFile(t *testing.T) string {
	return "file:" + filepath.ToSlash(filepath.Join(t.TempDir(), "shop.db")) + "?pool_driver=sqlite"
}
