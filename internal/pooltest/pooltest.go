// Package pooltest opens pools for tests. It is what internal/pooledtest, which must not import the root package, can't
// hold.
package pooltest

import (
	"database/sql"
	"database/sql/driver"
	"testing"

	"github.com/pooled-go/pooled"
)

// Connector is a connector with a pool before a driver's.
func Connector(t testing.TB, wrapped driver.Connector, set ...func(*pooled.Config)) *pooled.Connector {
	t.Helper()
	cfg := pooled.NewConfig()
	for _, f := range set {
		f(&cfg)
	}
	connector, err := pooled.NewConnector(wrapped, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return connector
}

// Open is a sql.DB on a pool before a driver's connector. It is closed when the test ends; a test in a synctest bubble
// closes it itself.
func Open(t testing.TB, wrapped driver.Connector, set ...func(*pooled.Config)) (*sql.DB, *pooled.Pool) {
	t.Helper()
	connector := Connector(t, wrapped, set...)
	db := sql.OpenDB(connector)
	t.Cleanup(func() { db.Close() })
	return db, connector.Pool()
}

// OpenFrom is Open for a Config that has a DSN.
func OpenFrom(t testing.TB, cfg pooled.Config, set ...func(*pooled.Config)) (*sql.DB, *pooled.Pool) {
	t.Helper()
	for _, f := range set {
		f(&cfg)
	}
	db, err := pooled.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	pool, _ := pooled.PoolOf(db)
	return db, pool
}

// Size sets pool_size and pool_max_overflow.
func Size(size, overflow int) func(*pooled.Config) {
	return func(cfg *pooled.Config) { cfg.Size, cfg.MaxOverflow = size, overflow }
}

// One makes a pool of the class that has one server connection.
func One(class pooled.Class) func(*pooled.Config) {
	return func(cfg *pooled.Config) {
		cfg.Class = class
		if class == pooled.ClassQueue {
			cfg.Size, cfg.MaxOverflow = 1, 0
		}
	}
}

// ResetMode sets pool_reset_on_return.
func ResetMode(mode pooled.ResetMode) func(*pooled.Config) {
	return func(cfg *pooled.Config) { cfg.ResetOnReturn = mode }
}
