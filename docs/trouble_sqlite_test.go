package docs_test

import (
	"path/filepath"
	"testing"

	"github.com/pooled-go/pooled/internal/pooledtest"
)

var sqliteTroubles = troubles{
	`database is locked`: func(t *testing.T) error {
		path := filepath.Join(t.TempDir(), "shop.db")
		writer := pooledtest.OpenDB(t, "pooled", "file:"+path+"?_txlock=immediate&pool_driver=sqlite")
		holdOne(t, writer)
		_, err := pooledtest.OpenDB(t, "pooled", "file:"+path+"?pool_driver=sqlite").Exec("CREATE TABLE notes (id INTEGER)")
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
		return ping(t, "file:"+filepath.Join(t.TempDir(), "no-such-folder", "shop.db")+"?pool_driver=sqlite")
	},
	`attempt to write a readonly database`: func(t *testing.T) error {
		path := filepath.Join(t.TempDir(), "shop.db")
		pooledtest.MustExec(t, pooledtest.OpenDB(t, "pooled", "file:"+path+"?pool_driver=sqlite"), "CREATE TABLE notes (id INTEGER)")
		_, err := pooledtest.OpenDB(t, "pooled", "file:"+path+"?mode=ro&pool_driver=sqlite").Exec("INSERT INTO notes VALUES (1)")
		return err
	},
}
