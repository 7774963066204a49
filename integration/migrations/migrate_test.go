package migrations

import (
	"sync"
	"testing"
	"time"

	"github.com/golang-migrate/migrate/v4"
	migratepostgres "github.com/golang-migrate/migrate/v4/database/postgres"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/internal/pooledtest"
)

func TestMigrate(t *testing.T) {
	each(t, func(t *testing.T, on target, dsn string) {
		for range 2 { // the second has nothing to do
			if err := migrateUp(dsn, on.driver); err != nil {
				t.Fatal(err)
			}
			if n := notes(t, dsn); n != 2 {
				t.Errorf("have %d notes, want 2", n)
			}
		}
	})
}

// Three processes that migrate at once do each migration once. SQLite's driver there locks within a process only.
func TestMigrateAtOnce(t *testing.T) {
	each(t, func(t *testing.T, on target, dsn string) {
		if on.name == "SQLite" {
			return
		}
		if err := migrateUp(dsn, on.driver); err != nil { // three that make the table of versions may collide
			t.Fatal(err)
		}
		db := pooledtest.OpenDB(t, "pooled", dsn)
		for _, back := range []string{"DELETE FROM schema_migrations", "DROP TABLE migrated_notes"} {
			pooledtest.MustExec(t, db, back)
		}
		var all sync.WaitGroup
		for range 3 {
			all.Go(func() {
				if err := migrateUp(dsn, on.driver); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if n := notes(t, dsn); n != 2 {
			t.Errorf("have %d notes, want 2", n)
		}
	})
}

// Why a lock on a sql.Conn is safe: the sql.Conn keeps its server connection from its first statement to its Close,
// whatever else the pool does meanwhile.
func TestMigrateLockStays(t *testing.T) {
	dsn := postgres(t)
	drop(t, dsn)
	t.Cleanup(func() { drop(t, dsn) })
	db := pooledtest.OpenDB(t, "pooled", dsn)
	locking, err := migratepostgres.WithInstance(db, &migratepostgres.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if err := locking.Lock(); err != nil {
		t.Fatal(err)
	}
	const held = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND database = " +
		"(SELECT oid FROM pg_database WHERE datname = current_database())"
	var n int
	for range 3 {
		if err := db.QueryRow(held).Scan(&n); err != nil || n != 1 {
			t.Errorf("have %d locks, %v, want 1", n, err)
		}
		pool, _ := pooled.PoolOf(db)
		pool.Dispose() // closes what is idle, not what is in use
	}
	if err := locking.Unlock(); err != nil {
		t.Error(err)
	}
	if err := db.QueryRow(held).Scan(&n); err != nil || n != 0 {
		t.Errorf("have %d locks, %v, want none", n, err)
	}
	if err := locking.Close(); err != nil {
		t.Error(err)
	}
	if err := db.Ping(); err == nil || err.Error() != "sql: database is closed" {
		t.Errorf("have %v after Close of the migrations, want the database closed", err)
	}
}

// How long golang-migrate waits for its lock, as docs/migrations.md says.
func TestMigrateLockTimeout(t *testing.T) {
	if have := migrate.DefaultLockTimeout; have != 15*time.Second {
		t.Errorf("have %v, want 15s", have)
	}
}

// What a migration leaves in its session meets no other user with pool_reset_on_return=auto.
func TestMigrationLeavesNothing(t *testing.T) {
	for reset, want := range map[string]string{"auto": "0", "rollback": "5s"} {
		db := pooledtest.OpenDB(t, "pooled", pooledtest.WithOptions(pooledtest.Postgres(t), "pool_reset_on_return="+reset))
		conn, err := db.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		pooledtest.MustExec(t, conn, "SET statement_timeout = '5s'")
		conn.Close()
		var have string
		if err := db.QueryRow("SHOW statement_timeout").Scan(&have); err != nil || have != want {
			t.Errorf("%s: the next caller has %s, %v, want %s", reset, have, err, want)
		}
	}
}
