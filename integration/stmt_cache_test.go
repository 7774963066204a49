package integration

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pooled-go/pooled/internal/pooledtest"
)

const stmtCache = "pool_stmt_cache=64"

// askOwn uses the i-th of many texts, and fails if the answer belongs to another one.
func askOwn(ctx context.Context, db interface {
	QueryRowContext(context.Context, string, ...any) *sql.Row
}, i, arg int) error {
	var n, number int
	var text string
	query := fmt.Sprintf("SELECT $1::int, %d, 'text %[1]d'", i)
	if err := db.QueryRowContext(ctx, query, arg).Scan(&n, &number, &text); err != nil {
		return err
	}
	if n != arg || number != i || text != fmt.Sprint("text ", i) {
		return fmt.Errorf("the answer to another query: have %d, %d, %q, want %d, %d", n, number, text, arg, i)
	}
	return nil
}

// askInTx does so several times in a transaction.
func askInTx(ctx context.Context, db *sql.DB, i, arg int) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	return errors.Join(askOwn(ctx, tx, i, arg), askOwn(ctx, tx, i+1, arg), askOwn(ctx, tx, i, arg+1), tx.Commit())
}

// Behind a PgBouncer nothing is prepared and kept, in whatever mode, with whatever driver and reset: every answer
// belongs to its question, and there is no error that there is not without the cache.
func TestPgBouncerStmtCache(t *testing.T) {
	const callers, texts, lasts = 8, 16, 400 * time.Millisecond
	for _, test := range []struct {
		mode, params string
		transactions bool // the only thing that works there with lib/pq as it is
		alone        bool // so does this
	}{
		{"session", "connect_timeout=10", true, true}, {"session", "binary_parameters=yes", true, true}, {"session", "connect_timeout=10&pool_reset_on_return=session", true, true},
		{"transaction", "connect_timeout=10", true, false}, {"transaction", "binary_parameters=yes", true, true}, {"transaction", "binary_parameters=yes&pool_reset_on_return=auto", true, true},
		{"statement", "binary_parameters=yes", false, true},
	} {
		t.Run(test.mode+", "+test.params, func(t *testing.T) {
			b := newPgBouncer(t, test.mode)
			db := b.open(t, test.params+"&"+stmtCache+"&pool_size=6&pool_max_overflow=0")
			var wg sync.WaitGroup
			until := time.Now().Add(lasts)
			for range callers {
				wg.Go(func() {
					for time.Now().Before(until) {
						i, arg := rand.IntN(texts), rand.IntN(1_000_000)
						var err error
						if test.transactions && (!test.alone || rand.IntN(2) == 0) {
							err = askInTx(t.Context(), db, i, arg)
						} else {
							err = askOwn(t.Context(), db, i, arg)
						}
						if err != nil {
							t.Error(err)
							return
						}
					}
				})
			}
			wg.Wait()
			db.Close()
			b.wantNothingPrepared(t)
		})
	}
}

// wantNothingPrepared asks all of PgBouncer's sessions at the server, which it keeps.
func (b *pgbouncer) wantNothingPrepared(t *testing.T) {
	t.Helper()
	if b.mode == "session" { // in which PgBouncer resets a session when its client has gone
		return
	}
	db := openBare(t, "postgres", b.dsn)
	defer db.Close()
	for range 8 { // round robin
		checkInt(
			t,
			"prepared statements of a session behind PgBouncer",
			queryInt(t, db, "SELECT count(*) FROM pg_prepared_statements"),
			0,
		)
	}
}

// What a client sends to PgBouncer is with the cache, message for message, what it sends without.
func TestPgBouncerStmtCacheSends(t *testing.T) {
	for _, mode := range []string{"session", "transaction", "statement"} {
		t.Run(mode, func(t *testing.T) {
			b := newPgBouncer(t, mode)
			sent := func(options string) []string {
				proxy := pooledtest.NewProxy(t, b.plain)
				db := openPooled(t, pooledtest.WithOptions(proxy.DSN(), options))
				defer db.Close()
				db.SetMaxOpenConns(1)
				queryInt(t, db, "SELECT 1")
				before := len(proxy.Messages())
				for i := range 4 {
					if mode == "session" {
						db.QueryRow("SELECT $1::int", i).Scan(new(int))
					} else if tx, err := db.Begin(); err == nil { // refused in statement mode
						tx.QueryRow("SELECT $1::int", i).Scan(new(int))
						tx.Commit()
					}
				}
				return slices.DeleteFunc(proxy.Messages()[before:], func(message string) bool {
					return strings.Contains(
						message,
						"pg_backend_pid",
					) // how the pool finds out; a BEGIN that is refused costs the connection
				})
			}
			if have, want := sent("connect_timeout=10&"+stmtCache), sent("connect_timeout=10"); !slices.Equal(have, want) {
				t.Errorf("have %q, want %q", have, want)
			}
		})
	}
}

// Why nothing is kept there, also where PgBouncer follows prepared statements: it keeps those of a text for all
// clients, also after the table has changed and the text was prepared anew. The bare driver shows it, and pooled does
// not fall into it.
func TestPgBouncerStmtCacheAndChangedTables(t *testing.T) {
	b := newPgBouncer(t, "transaction")
	b.makeAltered(t)
	if b.followsPrepared(t) {
		bare := openBare(t, "postgres", pooledtest.WithOptions(b.dsn, "binary_parameters=yes"))
		bare.SetMaxOpenConns(1)
		err := errors.Join(prepareAltered(bare), prepareAltered(bare), // on each server
			execute(bare, "ALTER TABLE bounced_altered ADD COLUMN c int"), prepareAltered(bare), prepareAltered(bare))
		if err == nil || !strings.Contains(err.Error(), "cached plan must not change result type") {
			t.Errorf("have %v, want the old statement's error: docs/stmt-cache.md says so", err)
		}
		b.makeAltered(t)
	}
	db := b.open(t, stmtCache+"&pool_max_conns=1")
	for i := range 4 {
		tx, err := db.Begin()
		if err != nil {
			t.Fatal(err)
		}
		for range 4 {
			mustExec(t, tx, "SELECT * FROM bounced_altered WHERE a = $1", i)
		}
		if err := tx.Commit(); err != nil {
			t.Fatal(err)
		}
		mustExec(t, db, fmt.Sprint("ALTER TABLE bounced_altered ADD COLUMN d", i, " int"))
	}
}

// A pool at the server keeps statements while one behind PgBouncer, in the same process, keeps none.
func TestStmtCacheBesidePgBouncer(t *testing.T) {
	b := newPgBouncer(t, "transaction")
	direct := openPooled(t, pooledtest.WithOptions(pooledtest.Postgres(t), stmtCache))
	behind := b.open(t, stmtCache)
	for i := range 4 {
		for _, db := range []*sql.DB{direct, behind} {
			if err := askInTx(t.Context(), db, 1, i); err != nil {
				t.Error(err)
			}
		}
	}
	direct.SetMaxOpenConns(1)
	checkInt(t, "kept without PgBouncer", queryInt(t, direct, "SELECT count(*) FROM pg_prepared_statements"), 2)
	b.wantNothingPrepared(t)
}

// Parents with a cache of their own, or with none to have, take the option and do what they always did.
func TestStmtCacheOtherParents(t *testing.T) {
	postgres := pooledtest.Postgres(t)
	for _, test := range []struct{ name, driver, bare, dsn, query string }{
		{"pgx", "pgx", postgres, withScheme(t, postgres, "postgresql+pgx"), "SELECT $1::int + 1"},
		{
			"pgx, exec", "pgx",
			pooledtest.WithOptions(postgres, "default_query_exec_mode=exec"),
			pooledtest.WithOptions(withScheme(t, postgres, "postgresql+pgx"), "default_query_exec_mode=exec"),
			"SELECT $1::int + 1",
		},
		{"mattn", "sqlite3", ":memory:", "file::memory:?pool_driver=sqlite3", "SELECT ? + 1"},
	} {
		t.Run(test.name, func(t *testing.T) {
			ask := func(db *sql.DB) (all []string) {
				for i := range 4 {
					for _, arg := range []any{i, fmt.Sprint(i), nil, "x", 1.5} {
						var have any
						err := db.QueryRow(test.query, arg).Scan(&have)
						all = append(all, fmt.Sprintf("%T %v %v", have, have, err))
					}
				}
				return all
			}
			separator := "?"
			if strings.Contains(test.dsn, "?") {
				separator = "&"
			}
			checkSame(t, test.name, ask(openPooled(t, test.dsn+separator+stmtCache)), ask(openBare(t, test.driver, test.bare)))
		})
	}
}
