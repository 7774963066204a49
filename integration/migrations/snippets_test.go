package migrations

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"io/fs"

	"github.com/golang-migrate/migrate/v4"
	"github.com/golang-migrate/migrate/v4/database"
	migratemysql "github.com/golang-migrate/migrate/v4/database/mysql"
	migratepostgres "github.com/golang-migrate/migrate/v4/database/postgres"
	migratesqlite "github.com/golang-migrate/migrate/v4/database/sqlite"
	"github.com/golang-migrate/migrate/v4/source/iofs"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	_ "github.com/pooled-go/pooled"
)

// The snippets of docs/migrations.md.

//go:embed goose/*.sql
var gooseFiles embed.FS

func gooseUp(ctx context.Context, dialect goose.Dialect, dsn string, options ...goose.ProviderOption) error {
	db, err := sql.Open("pooled", dsn)
	if err != nil {
		return err
	}
	defer db.Close()
	files, err := fs.Sub(gooseFiles, "goose")
	if err != nil {
		return err
	}
	provider, err := goose.NewProvider(dialect, db, files, options...)
	if err != nil {
		return err
	}
	_, err = provider.Up(ctx)
	return err
}

func sessionLock() (goose.ProviderOption, error) {
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 60))
	if err != nil {
		return nil, err
	}
	return goose.WithSessionLocker(locker), nil
}

//go:embed migrate/*.sql
var migrateFiles embed.FS

func migrateUp(dsn string, driver func(*sql.DB) (database.Driver, error)) error {
	db, err := sql.Open("pooled", dsn)
	if err != nil {
		return err
	}
	target, err := driver(db)
	if err != nil {
		return errors.Join(err, db.Close())
	}
	files, err := iofs.New(migrateFiles, "migrate")
	if err != nil {
		return errors.Join(err, target.Close())
	}
	m, err := migrate.NewWithInstance("iofs", files, "shop", target)
	if err != nil {
		return errors.Join(err, target.Close())
	}
	err = m.Up()
	if errors.Is(err, migrate.ErrNoChange) {
		err = nil
	}
	sourceErr, databaseErr := m.Close() // closes db, too
	return errors.Join(err, sourceErr, databaseErr)
}

func migratePostgres(db *sql.DB) (database.Driver, error) {
	return migratepostgres.WithInstance(db, &migratepostgres.Config{})
}

func migrateMySQL(db *sql.DB) (database.Driver, error) {
	return migratemysql.WithInstance(db, &migratemysql.Config{})
}

func migrateSQLite(db *sql.DB) (database.Driver, error) {
	return migratesqlite.WithInstance(db, &migratesqlite.Config{})
}
