package servertest_test

import (
	"database/sql"
	"database/sql/driver"
	"log/slog"
	"testing"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/internal/pooledtest"
)

func TestMain(m *testing.M) {
	playRole()
	pooledtest.Main(m)
}

// playRole ends a process that was started as some test's helper, after it has done its part. fork_test.go has roles.
var playRole = func() {}

// open is a sql.DB on a pool before a driver. It is closed with the test.
func open(t testing.TB, wrapped driver.Connector, set ...func(*pooled.Config)) (*sql.DB, *pooled.Pool) {
	t.Helper()
	cfg := pooled.NewConfig()
	for _, f := range set {
		f(&cfg)
	}
	connector, err := pooled.NewConnector(wrapped, cfg)
	if err != nil {
		t.Fatal(err)
	}
	db := sql.OpenDB(connector)
	t.Cleanup(func() { db.Close() })
	return db, connector.Pool()
}

// openFrom is the same for a Config that has a DSN.
func openFrom(t testing.TB, cfg pooled.Config, set ...func(*pooled.Config)) (*sql.DB, *pooled.Pool) {
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

func size(size, overflow int) func(*pooled.Config) {
	return func(cfg *pooled.Config) { cfg.Size, cfg.MaxOverflow = size, overflow }
}

// one is a pool of the class that has one server connection.
func one(c pooled.Class) func(*pooled.Config) {
	return func(cfg *pooled.Config) {
		cfg.Class = c
		if c == pooled.ClassQueue {
			cfg.Size, cfg.MaxOverflow = 1, 0
		}
	}
}

func resetMode(m pooled.ResetMode) func(*pooled.Config) {
	return func(c *pooled.Config) { c.ResetOnReturn = m }
}

func init() { pooled.RegisterLogger("discard", slog.New(slog.DiscardHandler)) }
