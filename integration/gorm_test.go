package integration

import (
	"testing"

	"github.com/pooled-go/pooled/internal/pooledtest"
	"gorm.io/driver/mysql"
	"gorm.io/driver/postgres"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"

	"github.com/pooled-go/pooled"
	_ "modernc.org/sqlite"
)

// GORM takes the driver's name beside the DSN, and picks its dialect by the
// package the program uses. Each test runs the same program bare and through
// pooled and compares what GORM returned, errors and schema included.

func TestGORMMySQL(t *testing.T) {
	dsn := pooledtest.WithOptions(pooledtest.MySQL(t), "parseTime=true&loc=UTC")
	want := gormTranscript(t, mysql.New(mysql.Config{DSN: dsn}))
	for name, dsn := range map[string]string{
		"the same DSN": dsn,
		"with options": dsn + "&pool_size=2&pool_max_overflow=1",
		"direct":       dsn + "&pool_class=direct",
	} {
		t.Run(name, func(t *testing.T) {
			have := gormTranscript(t, mysql.New(mysql.Config{DriverName: "pooled", DSN: dsn}))
			checkSame(t, "GORM through pooled", have, want)
		})
	}
}

func TestGORMPostgres(t *testing.T) {
	dsn := pooledtest.Postgres(t)
	want := gormTranscript(t, postgres.New(postgres.Config{DriverName: "postgres", DSN: dsn}))
	for name, dsn := range map[string]string{
		"the same DSN": dsn,
		"with options": pooledtest.WithOptions(dsn, "pool_size=2&pool_max_overflow=1"),
		"direct":       pooledtest.WithOptions(dsn, "pool_class=direct"),
	} {
		t.Run(name, func(t *testing.T) {
			have := gormTranscript(t, postgres.New(postgres.Config{DriverName: "pooled", DSN: dsn}))
			checkSame(t, "GORM through pooled", have, want)
		})
	}
}

// TestGORMPgx is GORM's own choice of driver on PostgreSQL.
func TestGORMPgx(t *testing.T) {
	dsn := pooledtest.Postgres(t)
	want := gormTranscript(t, postgres.New(postgres.Config{DSN: dsn}))
	for name, dsn := range map[string]string{
		"scheme":      withScheme(t, dsn, "postgresql+pgx"),
		"pool_driver": pooledtest.WithOptions(dsn, "pool_driver=pgx"),
	} {
		t.Run(name, func(t *testing.T) {
			have := gormTranscript(t, postgres.New(postgres.Config{DriverName: "pooled", DSN: dsn}))
			checkSame(t, "GORM through pooled", have, want)
		})
	}
}

func TestGORMSQLite(t *testing.T) {
	// A memory database bare is one per connection: hold it to one.
	bare := openBare(t, "sqlite", ":memory:")
	bare.SetMaxOpenConns(1)
	want := gormTranscript(t, sqlite.New(sqlite.Config{Conn: bare}))
	for name, dsn := range map[string]string{
		"memory": "sqlite://?pool_driver=sqlite",
		"file":   sqliteFile(t) + "?pool_driver=sqlite",
		"direct": sqliteFile(t) + "?pool_driver=sqlite&pool_class=direct",
	} {
		t.Run(name, func(t *testing.T) {
			have := gormTranscript(t, sqlite.New(sqlite.Config{DriverName: "pooled", DSN: dsn}))
			checkSame(t, "GORM through pooled", have, want)
		})
	}
}

// Without DriverName, GORM's SQLite driver ignores the options in silence, as docs/orms.md says.
func TestGORMWithoutDriverName(t *testing.T) {
	db, err := gorm.Open(sqlite.Open(sqliteFile(t)+"?pool_max_conns=2"), gormConfig())
	if err != nil {
		t.Fatal(err)
	}
	bare, err := db.DB()
	if err != nil {
		t.Fatal(err)
	}
	defer bare.Close()
	if _, ok := pooled.PoolOf(bare); ok {
		t.Error("have a pool, want none")
	}
}

// gormTranscript runs the program and returns what it saw. It leaves no table
// behind.
func gormTranscript(t *testing.T, dialector gorm.Dialector) []string {
	t.Helper()
	db, err := gorm.Open(dialector, gormConfig())
	if err != nil {
		t.Fatal(err)
	}
	pool, err := db.DB()
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	g := &gormProgram{t: t, db: db}
	g.drop()
	defer g.drop()
	for _, step := range g.steps() {
		step()
	}
	return g.transcript
}
