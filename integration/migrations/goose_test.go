package migrations

import (
	"context"
	"database/sql"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/internal/pooledtest"
)

func TestGoose(t *testing.T) {
	each(t, func(t *testing.T, on target, dsn string) {
		for range 2 { // the second has nothing to do
			if err := gooseUp(t.Context(), on.dialect, dsn); err != nil {
				t.Fatal(err)
			}
			if n := notes(t, dsn); n != 1 {
				t.Errorf("have %d notes, want 1", n)
			}
		}
	})
}

// Three processes that migrate at once do each migration once: the lock stays on its connection.
func TestGooseSessionLock(t *testing.T) {
	gooseAtOnce(t, goose.DialectPostgres, postgres(t), sessionLock)
}

// The same, with the lock that goose has for MySQL and MariaDB, in a table.
func TestGooseTableLock(t *testing.T) {
	gooseAtOnce(t, goose.DialectMySQL, mysql(t), func() (goose.ProviderOption, error) {
		locker, err := lock.NewMySQLTableLocker(lock.WithTableLockTimeout(100*time.Millisecond, 600))
		return goose.WithLocker(locker), err
	})
}

func gooseAtOnce(t *testing.T, dialect goose.Dialect, dsn string, locked func() (goose.ProviderOption, error)) {
	t.Helper()
	drop(t, dsn)
	t.Cleanup(func() { drop(t, dsn) })
	var all sync.WaitGroup
	for range 3 {
		all.Go(func() {
			option, err := locked()
			if err == nil {
				err = gooseUp(t.Context(), dialect, dsn, option)
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n := notes(t, dsn); n != 1 {
		t.Errorf("have %d notes, want 1", n)
	}
}

// With a limit of one, the lock and migrations in SQL share the one connection. A migration in Go that is given the
// sql.DB needs a second.
func TestGooseLimitOfOne(t *testing.T) {
	dsn := pooledtest.WithOptions(pooledtest.Postgres(t), "pool_size=1&pool_max_overflow=0&pool_timeout=3s")
	drop(t, dsn)
	t.Cleanup(func() { drop(t, dsn) })
	locked, err := sessionLock()
	if err != nil {
		t.Fatal(err)
	}
	if err := gooseUp(t.Context(), goose.DialectPostgres, dsn, locked); err != nil {
		t.Errorf("in SQL: %v", err)
	}
	third := goose.NewGoMigration(3, &goose.GoFunc{RunDB: func(ctx context.Context, db *sql.DB) error {
		_, err := db.ExecContext(ctx, "DELETE FROM migrated_notes")
		return err
	}}, nil)
	err = gooseUp(t.Context(), goose.DialectPostgres, dsn, locked, goose.WithGoMigrations(third))
	timeout := new(pooled.TimeoutError)
	if !errors.As(err, &timeout) || timeout.Phase != pooled.PhaseWaiting {
		t.Errorf("in Go: have %v, want a timeout in the pool's queue", err)
	}
}

// goose chooses the dialect by the driver's name, and does not know this one: docs/migrations.md says so.
func TestGooseOpenDBWithDriver(t *testing.T) {
	if _, err := goose.OpenDBWithDriver("pooled", "postgres://scott:tiger@localhost/shop"); err == nil {
		t.Error("have no error, want that goose does not know the driver pooled")
	}
}
