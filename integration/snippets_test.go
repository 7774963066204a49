package integration

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"slices"
	"strings"
	"sync"
	"testing"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/jmoiron/sqlx"
	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/integration/sqlcshop"
	"github.com/pooled-go/pooled/internal/pooledtest"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/mysqldialect"
	"github.com/uptrace/bun/dialect/pgdialect"
	"github.com/uptrace/bun/dialect/sqlitedialect"
	"github.com/uptrace/bun/schema"
	"gorm.io/driver/mysql"
	"gorm.io/driver/postgres"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
)

// The snippets of docs/orms.md. Each opens a database of a kind, and one short program is run over it.

// snippetDSNs are the databases, by the name of the dialect.
func snippetDSNs(t *testing.T, run func(t *testing.T, dialect, dsn string)) {
	for name, dsn := range map[string]func(testing.TB) string{
		"postgres": pooledtest.Postgres,
		"mysql":    pooledtest.MySQL,
		"sqlite3":  func(testing.TB) string { return "sqlite://?pool_driver=sqlite" },
	} {
		t.Run(name, func(t *testing.T) { run(t, name, pooledtest.WithOptions(dsn(t), "pool_size=2&pool_max_overflow=2")) })
	}
}

func gormPostgres(dsn string) (*gorm.DB, error) {
	db, err := gorm.Open(postgres.New(postgres.Config{DriverName: "pooled", DSN: dsn}), &gorm.Config{})
	return db, err
}

func gormMySQL(dsn string) (*gorm.DB, error) {
	db, err := gorm.Open(mysql.New(mysql.Config{DriverName: "pooled", DSN: dsn}), &gorm.Config{})
	return db, err
}

func gormSQLite(dsn string) (*gorm.DB, error) {
	db, err := gorm.Open(sqlite.New(sqlite.Config{DriverName: "pooled", DSN: dsn}), &gorm.Config{})
	return db, err
}

type Note struct {
	ID   int `gorm:"primaryKey;autoIncrement:false"`
	Text string
}

func (Note) TableName() string { return "snippet_notes" }

const makeNotes = "CREATE TABLE snippet_notes (id INTEGER PRIMARY KEY, text VARCHAR(40))"

func TestSnippetGORM(t *testing.T) {
	open := map[string]func(string) (*gorm.DB, error){"postgres": gormPostgres, "mysql": gormMySQL, "sqlite3": gormSQLite}
	snippetDSNs(t, func(t *testing.T, dialect, dsn string) {
		g, err := open[dialect](dsn)
		if err != nil {
			t.Fatal(err)
		}
		db, err := g.DB()
		if err != nil {
			t.Fatal(err)
		}
		withNotes(t, db, func() []string {
			if err := g.Create([]Note{{1, "a"}, {2, "b"}, {3, "c"}}).Error; err != nil {
				t.Fatal(err)
			}
			var texts []string
			if err := g.Model(&Note{}).Where("id < ?", 3).Order("id").Pluck("text", &texts).Error; err != nil {
				t.Fatal(err)
			}
			return texts
		})
	})
}

// withNotes closes db after it has run a program that adds the notes a, b and c and returns those up to b, and
// sees that nothing was lost, left open or reset on the way.
func withNotes(t *testing.T, db *sql.DB, program func() []string) {
	t.Helper()
	defer db.Close()
	mustExec(t, db, "DROP TABLE IF EXISTS snippet_notes")
	mustExec(t, db, makeNotes)
	defer mustExec(t, db, "DROP TABLE snippet_notes")
	pool, ok := pooled.PoolOf(db)
	if !ok {
		t.Fatal("have a database without a pool, want one over pooled")
	}
	before := pool.Stats()
	if have, want := program(), []string{"a", "b"}; !slices.Equal(have, want) {
		t.Errorf("have %q, want %q", have, want)
	}
	s := pool.Stats()
	if s.Checkouts == before.Checkouts || s.CheckedOut != 0 || s.Invalidated != 0 || s.Resets != before.Resets {
		t.Errorf("have %+v, want uses, nothing in use, nothing invalidated and no reset", s)
	}
}

func sqlxNewDB(dsn, dialect string) (*sqlx.DB, error) {
	db, err := sql.Open("pooled", dsn)
	if err != nil {
		return nil, err
	}
	return sqlx.NewDb(db, dialect), nil
}

func sqlxConnect(dsn string) (*sqlx.DB, error) {
	sqlx.BindDriver("pooled", sqlx.DOLLAR)
	db, err := sqlx.Connect("pooled", dsn)
	return db, err
}

func TestSnippetSQLx(t *testing.T) {
	program := func(t *testing.T, db *sqlx.DB) {
		withNotes(t, db.DB, func() (texts []string) {
			for id, text := range []string{"a", "b", "c"} {
				if _, err := db.NamedExec("INSERT INTO snippet_notes VALUES (:id, :text)", Note{id, text}); err != nil {
					t.Fatal(err)
				}
			}
			if err := db.Select(&texts, db.Rebind("SELECT text FROM snippet_notes WHERE id < ? ORDER BY id"), 2); err != nil {
				t.Fatal(err)
			}
			return texts
		})
	}
	snippetDSNs(t, func(t *testing.T, dialect, dsn string) {
		db, err := sqlxNewDB(dsn, dialect)
		if err != nil {
			t.Fatal(err)
		}
		program(t, db)
	})
	t.Run("BindDriver", func(t *testing.T) {
		db, err := sqlxConnect(pooledtest.Postgres(t))
		if err != nil {
			t.Fatal(err)
		}
		program(t, db)
	})
}

func entDriver(dsn, kind string) (*entsql.Driver, error) {
	db, err := sql.Open("pooled", dsn)
	if err != nil {
		return nil, err
	}
	drv := entsql.OpenDB(kind, db)
	return drv, nil
}

func entPostgres(dsn string) (*entsql.Driver, error) {
	db, err := sql.Open("pooled", dsn)
	if err != nil {
		return nil, err
	}
	drv := entsql.OpenDB(dialect.Postgres, db)
	return drv, nil
}

// ent's generated code is not here: what it has of the database is the driver, and what it sends is
// made by this builder.
func TestSnippetEnt(t *testing.T) {
	ctx := t.Context()
	snippetDSNs(t, func(t *testing.T, kind, dsn string) {
		open := func(dsn string) (*entsql.Driver, error) { return entDriver(dsn, kind) }
		if kind == dialect.Postgres {
			open = entPostgres
		}
		drv, err := open(dsn)
		if err != nil {
			t.Fatal(err)
		}
		withNotes(t, drv.DB(), func() (texts []string) {
			query, args := entsql.Dialect(drv.Dialect()).Insert("snippet_notes").Columns("id", "text").
				Values(1, "a").Values(2, "b").Values(3, "c").Query()
			tx, err := drv.Tx(ctx)
			if err != nil {
				t.Fatal(err)
			}
			if err := tx.Exec(ctx, query, args, nil); err != nil {
				t.Fatal(err)
			}
			if err := tx.Commit(); err != nil {
				t.Fatal(err)
			}
			query, args = entsql.Dialect(drv.Dialect()).Select("text").From(entsql.Table("snippet_notes")).
				Where(entsql.LT("id", 3)).OrderBy("id").Query()
			rows := &entsql.Rows{}
			if err := drv.Query(ctx, query, args, rows); err != nil {
				t.Fatal(err)
			}
			defer rows.Close()
			if err := entsql.ScanSlice(rows, &texts); err != nil {
				t.Fatal(err)
			}
			return texts
		})
	})
}

// What docs/orms.md warns of: here the dialect is the driver's name.
func TestEntOpenTakesDriverForDialect(t *testing.T) {
	drv, err := entsql.Open("pooled", "sqlite://?pool_driver=sqlite")
	if err != nil {
		t.Fatal(err)
	}
	defer drv.Close()
	if have := drv.Dialect(); have != "pooled" {
		t.Errorf("have dialect %s, want pooled, which ent does not know: docs/orms.md says so", have)
	}
}

func bunPostgres(dsn string) (*bun.DB, error) {
	sqldb, err := sql.Open("pooled", dsn)
	if err != nil {
		return nil, err
	}
	db := bun.NewDB(sqldb, pgdialect.New())
	return db, nil
}

func bunWith(d schema.Dialect) func(string) (*bun.DB, error) {
	return func(dsn string) (*bun.DB, error) {
		sqldb, err := sql.Open("pooled", dsn)
		if err != nil {
			return nil, err
		}
		return bun.NewDB(sqldb, d), nil
	}
}

type bunNote struct {
	bun.BaseModel `bun:"table:snippet_notes"`

	ID   int `bun:",pk"`
	Text string
}

func TestSnippetBun(t *testing.T) {
	ctx := t.Context()
	open := map[string]func(string) (*bun.DB, error){
		"postgres": bunPostgres, "mysql": bunWith(mysqldialect.New()), "sqlite3": bunWith(sqlitedialect.New()),
	}
	snippetDSNs(t, func(t *testing.T, dialect, dsn string) {
		db, err := open[dialect](dsn)
		if err != nil {
			t.Fatal(err)
		}
		withNotes(t, db.DB, func() (texts []string) {
			notes := []bunNote{{ID: 1, Text: "a"}, {ID: 2, Text: "b"}, {ID: 3, Text: "c"}}
			err := db.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
				_, err := tx.NewInsert().Model(&notes).Exec(ctx)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			err = db.NewSelect().Model((*bunNote)(nil)).Column("text").Where("id < ?", 3).Order("id").Scan(ctx, &texts)
			if err != nil {
				t.Fatal(err)
			}
			pool, _ := pooled.PoolOf(db.DB)
			if sent := pool.Conns()[0].Statement; !strings.Contains(sent, "id < 3") {
				t.Errorf("have %s, want the argument in the text: docs/orms.md says so", sent)
			}
			return texts
		})
	})
}

func sqlcNotes(ctx context.Context, db *sql.DB) ([]string, error) {
	queries := sqlcshop.New(db)
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer tx.Rollback()
	for id, text := range []string{"a", "b", "c"} {
		err := queries.WithTx(tx).AddNote(ctx, sqlcshop.AddNoteParams{ID: int32(id), Text: text})
		if err != nil {
			return nil, err
		}
	}
	if err := tx.Commit(); err != nil {
		return nil, err
	}
	return queries.NotesBefore(ctx, 2)
}

// sqlcshop is as sqlc made it for PostgreSQL; its statements happen to be SQLite's as well.
func TestSnippetSQLC(t *testing.T) {
	snippetDSNs(t, func(t *testing.T, dialect, dsn string) {
		if dialect == "mysql" {
			return // it has another bind style, for which sqlc makes other code
		}
		db, err := sql.Open("pooled", dsn)
		if err != nil {
			t.Fatal(err)
		}
		withNotes(t, db, func() []string {
			texts, err := sqlcNotes(t.Context(), db)
			if err != nil {
				t.Fatal(err)
			}
			return texts
		})
	})
}

// The sql.Opens of docs that stand for themselves. They open nothing.
func TestSnippetOpens(t *testing.T) {
	for name, open := range map[string]func() (*sql.DB, error){
		"docs/proxies.md": func() (*sql.DB, error) {
			db, err := sql.Open("pooled", "postgres://scott:tiger@bouncer:6432/shop?binary_parameters=yes&pool_size=10&pool_max_overflow=10")
			return db, err
		},
		"docs/from-pgxpool.md": func() (*sql.DB, error) {
			db, err := sql.Open("pooled", "postgresql+pgx://jack:secret@pg.example.com:5432/mydb?sslmode=verify-full&pool_max_conns=10")
			return db, err
		},
	} {
		db, err := open()
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if err := db.Close(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The snippets of docs/from-pgxpool.md.
func openPgxConfig(dsn string) (*sql.DB, error) {
	config, err := pgx.ParseConfig(dsn)
	if err != nil {
		return nil, err
	}
	cfg := pooled.NewConfig()
	cfg.Size, cfg.MaxOverflow = 10, 0
	connector, err := pooled.NewConnector(stdlib.GetConnector(*config), cfg)
	if err != nil {
		return nil, err
	}
	return sql.OpenDB(connector), nil
}

func copyNotes(ctx context.Context, db *sql.DB) error {
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	return pooled.Raw(ctx, conn, func(wrapped driver.Conn) error {
		rows := pgx.CopyFromRows([][]any{{1, "a"}, {2, "b"}})
		_, err := wrapped.(*stdlib.Conn).Conn().CopyFrom(ctx, pgx.Identifier{"notes"}, []string{"id", "text"}, rows)
		return err
	})
}

func TestSnippetPgx(t *testing.T) {
	db, err := openPgxConfig(pooledtest.Postgres(t))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	mustExec(t, db, "DROP TABLE IF EXISTS notes")
	mustExec(t, db, "CREATE TABLE notes (id int, text text)")
	defer mustExec(t, db, "DROP TABLE notes")
	if err := copyNotes(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	checkInt(t, "rows", queryInt(t, db, "SELECT count(*) FROM notes"), 2)
}

// registerMood registers a name, which can be done once.
var registerMood = sync.OnceFunc(func() {
	pooled.RegisterHooks("mood", pooled.Hooks{
		Connect: func(ctx context.Context, s *pooled.ServerConn) error {
			conn := s.Raw().(*stdlib.Conn).Conn()
			mood, err := conn.LoadType(ctx, "mood")
			if err == nil {
				conn.TypeMap().RegisterType(mood)
			}
			return err
		},
	})
})

func TestSnippetPgxTypes(t *testing.T) {
	dsn := withScheme(t, pooledtest.Postgres(t), "postgresql+pgx")
	db := openPooled(t, dsn)
	mustExec(t, db, "DROP TYPE IF EXISTS mood")
	mustExec(t, db, "CREATE TYPE mood AS ENUM ('glad', 'sad')")
	defer mustExec(t, db, "DROP TYPE mood")
	registerMood()
	known := openPooled(t, pooledtest.WithOptions(dsn, "pool_hooks=mood"))
	defer known.Close()
	rawConn(t, known, func(c driver.Conn) error {
		if _, ok := c.(*stdlib.Conn).Conn().TypeMap().TypeForName("mood"); !ok {
			t.Error("have no type mood, want the one that the hook loaded")
		}
		return nil
	})
}
