package pooled_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/internal/dialect"
	"github.com/pooled-go/pooled/internal/dialect/generic"
	"github.com/pooled-go/pooled/internal/dialect/mysql"
	"github.com/pooled-go/pooled/internal/pooledtest"
	"github.com/pooled-go/pooled/internal/stmtcache"
)

// What the server says about statements by the rules of stmtsForAll.
var (
	errStale = errors.New("stale statement")
	errFull  = errors.New("no more statements")
)

// stmtsForAll has pools keep statements over drivers of which the dialect is not known. needsPrepare: they answer
// driver.ErrSkip to a text with arguments.
func stmtsForAll(needsPrepare bool) (undo func()) {
	rules := &stmtcache.Rules{
		Unsupported:   func(driver.Connector) string { return "" },
		Inspect:       func(driver.Conn) (stmtcache.Facts, string) { return stmtcache.Facts{}, "" },
		Preparable:    generic.Dialect.Rules.Preparable,
		ReturnsRows:   generic.Dialect.Rules.ReturnsRows,
		NeedsPrepare:  needsPrepare,
		ClosesLocally: true,
		Stale:         func(err error) bool { return errors.Is(err, errStale) },
		Unfit:         dialect.Never,
		Changed:       dialect.Never,
		Full:          func(err error) bool { return errors.Is(err, errFull) },
	}
	if needsPrepare {
		rules.Kinds = mysql.Dialect.Stmts.Kinds
	}
	return pooled.KeepStatementsBy(rules)
}

func keeps(n int) func(*pooled.Config) { return func(cfg *pooled.Config) { cfg.StmtCache = n } }

// With kept statements, too, the program gets what the bare driver gives. They are asked to convert arguments, and run
// in place of texts; how connections and transactions begin and end they have no part in.
func TestConformanceWithKeptStatements(t *testing.T) {
	for _, skips := range []bool{true, false} {
		t.Run(fmt.Sprintf("skips=%t", skips), func(t *testing.T) {
			defer stmtsForAll(skips)()
			what := pooledtest.Arguments | pooledtest.Statements
			pooledtest.ConformLoosely(t, what, func(t *testing.T, wrapped driver.Connector) *sql.DB {
				db, _ := open(t, wrapped, keeps(3))
				return db
			}, func(p pooledtest.Profile) bool { // the rules of go-sql-driver's statements are its connections'
				return !skips || p.Features()&(pooledtest.HasStmtChecker|pooledtest.HasColumnConverter) == 0
			})
		})
	}
}

// told is a fake that asks for statements when there are arguments, as go-sql-driver does, and what it was told
// since the last look.
type told struct {
	*pooledtest.Fake
	looked int
}

func keeping(t *testing.T, n int, set ...func(*pooled.Config)) (*sql.DB, *told, *pooled.Pool) {
	t.Helper()
	t.Cleanup(stmtsForAll(true))
	fake := pooledtest.NewFake(t, pooledtest.With(pooledtest.SkipQueries))
	db, pool := open(t, fake, append([]func(*pooled.Config){keeps(n), one(pooled.ClassQueue)}, set...)...)
	return db, &told{fake, 0}, pool
}

// skip forgets what it was told so far.
func (f *told) skip() { f.looked = len(f.Log()) }

// want compares what it was told since the last look, but for the numbers of connections and what
// happens in the background.
func (f *told) want(t *testing.T, want ...string) {
	t.Helper()
	var have []string
	for _, line := range f.Log()[f.looked:] {
		_, what, _ := strings.Cut(line, " ")
		if what != "close" && what != "connect" && what != "resetSession" {
			have = append(have, what)
		}
	}
	f.skip()
	if !slices.Equal(have, want) {
		t.Errorf("reached the server:\nhave %q\nwant %q", have, want)
	}
}

func TestStmtIsKeptFromTheSecondUse(t *testing.T) {
	for _, c := range []pooled.Class{pooled.ClassQueue, pooled.ClassDirect, pooled.ClassStatic} {
		t.Run(string(c), func(t *testing.T) {
			db, fake, _ := keeping(t, 2, one(c))
			pooledtest.MustExec(t, db, "UPDATE ?", 1)
			fake.want(t, "prepare UPDATE ?", "stmt exec UPDATE ? [1]", "stmt close UPDATE ?")
			pooledtest.MustExec(t, db, "UPDATE ?", 2)
			fake.want(t, "prepare UPDATE ?", "stmt exec UPDATE ? [2]")
			pooledtest.MustExec(t, db, "UPDATE ?", 3)
			fake.want(t, "stmt exec UPDATE ? [3]")
			pooledtest.MustExec(t, db, "UPDATE")
			fake.want(t, "exec UPDATE")
		})
	}
}

// In a transaction the error is the program's, and the statement is given up.
func TestStaleStmtInATransaction(t *testing.T) {
	for name, begin := range map[string]func(t *testing.T, db *sql.DB) (exec func(string, ...any) error, end func()){
		"begun by the driver": func(t *testing.T, db *sql.DB) (func(string, ...any) error, func()) {
			tx, err := db.Begin()
			if err != nil {
				t.Fatal(err)
			}
			return func(q string, args ...any) error { _, err := tx.Exec(q, args...); return err }, func() { tx.Rollback() }
		},
		"begun by a text": func(t *testing.T, db *sql.DB) (func(string, ...any) error, func()) {
			conn, err := db.Conn(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			pooledtest.MustExec(t, conn, "BEGIN")
			exec := func(q string, args ...any) error {
				_, err := conn.ExecContext(t.Context(), q, args...)
				return err
			}
			return exec, func() { conn.Close() }
		},
	} {
		t.Run(name, func(t *testing.T) {
			db, fake, _ := keeping(t, 2)
			pooledtest.MustExec(t, db, "UPDATE ?", 1)
			pooledtest.MustExec(t, db, "UPDATE ?", 1)
			exec, end := begin(t, db)
			fake.skip()
			fake.On(pooledtest.StageExec, pooledtest.Fail(errStale).Times(1).Match("UPDATE"))
			if err := exec("UPDATE ?", 2); !errors.Is(err, errStale) {
				t.Errorf("have %v, want the server's word", err)
			}
			fake.want(t, "stmt exec UPDATE ? [2] -> stale statement")
			if err := exec("UPDATE ?", 3); err != nil {
				t.Error(err)
			}
			fake.want(t, "prepare UPDATE ?", "stmt exec UPDATE ? [3]")
			end()
		})
	}
}

// When the server takes no more statements, those that are kept make room.
func TestKeptStmtsMakeRoom(t *testing.T) {
	full := pooledtest.Fail(errFull).Times(1).Match("UPDATE new")
	t.Run("of the same connection", func(t *testing.T) {
		db, fake, _ := keeping(t, 4)
		keep(t, db, "UPDATE a ?", "UPDATE b ?")
		pooledtest.MustExec(t, db, "UPDATE new ?", 1)
		fake.skip()
		fake.On(pooledtest.StagePrepare, full)
		pooledtest.MustExec(t, db, "UPDATE new ?", 2)
		fake.want(t, "prepare UPDATE new ? -> no more statements", "stmt close UPDATE a ?", "stmt close UPDATE b ?",
			"prepare UPDATE new ?", "stmt exec UPDATE new ? [2]")
	})
	t.Run("for a statement that is not kept", func(t *testing.T) {
		db, fake, _ := keeping(t, 4)
		keep(t, db, "UPDATE a ?")
		fake.skip()
		fake.On(pooledtest.StagePrepare, full)
		pooledtest.MustExec(t, db, "UPDATE new ?", 1)
		fake.want(t, "prepare UPDATE new ? -> no more statements", "stmt close UPDATE a ?",
			"prepare UPDATE new ?", "stmt exec UPDATE new ? [1]", "stmt close UPDATE new ?")
	})
	t.Run("of one that is idle", func(t *testing.T) {
		db, fake, pool := keeping(t, 4, size(2, 0))
		held, _ := grab(t, db)
		keep(t, db, "UPDATE a ?")
		idle, _ := grab(t, db)
		pooledtest.Give(t, idle)
		fake.skip()
		fake.On(pooledtest.StagePrepare, full)
		pooledtest.MustExec(t, held, "UPDATE new ?", 1)
		fake.want(t, "prepare UPDATE new ? -> no more statements", "stmt close UPDATE a ?", "ping",
			"prepare UPDATE new ?", "stmt exec UPDATE new ? [1]", "stmt close UPDATE new ?")
		pooledtest.Give(t, held)
		if s := pool.Stats(); s.Idle != 2 || s.CheckedOut != 0 {
			t.Errorf("have %+v, want both idle", s)
		}
	})
	t.Run("there are none", func(t *testing.T) {
		db, fake, _ := keeping(t, 4)
		fake.On(pooledtest.StagePrepare, pooledtest.Fail(errFull))
		if _, err := db.Exec("UPDATE new ?", 1); !errors.Is(err, errFull) {
			t.Errorf("have %v, want the server's word", err)
		}
		fake.want(t, "prepare UPDATE new ? -> no more statements")
	})
}

// keep uses each text twice.
func keep(t *testing.T, db *sql.DB, texts ...string) {
	t.Helper()
	for _, text := range texts {
		pooledtest.MustExec(t, db, text, 1)
		pooledtest.MustExec(t, db, text, 1)
	}
}

// What makes statements unfit makes them rest until the connection comes back, or go.
func TestUnsettledStmts(t *testing.T) {
	for _, test := range []struct {
		text string
		back []string // what is told when the connection comes back
		next []string // and at the next use of the statement
	}{
		{"SET LOCAL search_path = x", nil, []string{"stmt exec UPDATE ? [2]"}},
		{"SET app.tenant = 7", nil, []string{"stmt exec UPDATE ? [2]"}},
		{"SET search_path = x", []string{"stmt close UPDATE ?"}, []string{"prepare UPDATE ?", "stmt exec UPDATE ? [2]"}},
		{"DROP TABLE t", []string{"stmt close UPDATE ?"}, []string{"prepare UPDATE ?", "stmt exec UPDATE ? [2]"}},
	} {
		t.Run(test.text, func(t *testing.T) {
			db, fake, _ := keeping(t, 4)
			keep(t, db, "UPDATE ?")
			conn, err := db.Conn(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			fake.skip()
			pooledtest.MustExec(t, conn, test.text)
			pooledtest.MustExec(t, conn, "UPDATE ?", 1)
			rests := []string{"exec " + test.text, "prepare UPDATE ?", "stmt exec UPDATE ? [1]", "stmt close UPDATE ?"}
			if test.text == "SET app.tenant = 7" {
				rests = []string{"exec " + test.text, "stmt exec UPDATE ? [1]"}
			}
			fake.want(t, rests...)
			pooledtest.Give(t, conn)
			fake.want(t, append([]string{"exec ROLLBACK"}, test.back...)...)
			pooledtest.MustExec(t, db, "UPDATE ?", 2)
			fake.want(t, append(test.next, "exec ROLLBACK")...)
		})
	}
}

// A server connection that was lost while it was idle costs nothing: what can't be prepared on it is, with the same
// arguments, on another.
func TestKeptStmtOnAStaleConnection(t *testing.T) {
	db, fake, _ := keeping(t, 4)
	pooledtest.MustExec(t, db, "UPDATE ?", 1)
	fake.On(pooledtest.StagePrepare, pooledtest.BadConn().Times(1))
	pooledtest.MustExec(t, db, "UPDATE ?", 2)
	pooledtest.MustExec(t, db, "UPDATE ?", 2)
	fake.skip()
	fake.On(pooledtest.StageExec, pooledtest.BadConn().Times(1))
	pooledtest.MustExec(t, db, "UPDATE ?", 3)
	fake.want(t, "stmt exec UPDATE ? [3] -> driver: bad connection", "stmt close UPDATE ?",
		"prepare UPDATE ?", "stmt exec UPDATE ? [3]")
}

// Whatever panics, no statement and no place in the pool is lost.
func TestPanicAtAKeptStmt(t *testing.T) {
	for _, stage := range []string{pooledtest.StagePrepare, pooledtest.StageExec, pooledtest.StageStmtClose} {
		t.Run(stage, func(t *testing.T) {
			db, fake, pool := keeping(t, 1)
			keep(t, db, "UPDATE a ?")
			for range 8 {
				pooledtest.MustExec(t, db, "UPDATE b ?", 1)
			}
			fake.On(stage, pooledtest.Panic("boom").Times(1))
			func() {
				defer func() {
					if recover() == nil {
						t.Error("no panic")
					}
				}()
				db.Exec("UPDATE b ?", 2)
			}()
			pooledtest.MustExec(t, db, "UPDATE b ?", 3)
			if s := pool.Stats(); s.CheckedOut != 0 {
				t.Errorf("have %+v, want none checked out", s)
			}
		})
	}
}

// What one server connection did to the tables, the statements of the others were prepared without. They are prepared
// again when it is committed, and if that can't be told, whenever it may have been.
func TestStmtsAreUnfitAfterAChangeElsewhere(t *testing.T) {
	db, fake, _ := keeping(t, 4, size(2, 0))
	keep(t, db, "UPDATE ?")
	held, _ := grab(t, db) // where the statement is kept
	other, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	use := func(prepared bool) {
		t.Helper()
		fake.skip()
		pooledtest.MustExec(t, held, "UPDATE ?", 1)
		want := []string{"stmt exec UPDATE ? [1]"}
		if prepared {
			want = append([]string{"prepare UPDATE ?"}, want...)
		}
		fake.want(t, want...)
	}
	tx, err := other.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	pooledtest.MustExec(t, tx, "ALTER TABLE t ADD a int")
	use(false)
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	use(true)
	pooledtest.MustExec(t, other, "BEGIN")
	use(true) // of an unknown server, which may have committed what was before
	pooledtest.MustExec(t, other, "ALTER TABLE t ADD b int")
	use(true)
	pooledtest.MustExec(t, other, "SELECT 1")
	use(false)
	pooledtest.MustExec(t, other, "COMMIT")
	use(true)
	pooledtest.Give(t, other)
	use(true)
	pooledtest.Give(t, held)
	fake.want(t, slices.Repeat([]string{"stmt close UPDATE ?"}, 5)...)
}

// What is sent while a server connection is opened may be such a change too.
func TestStmtsAreUnfitAfterAChangeByTheOpening(t *testing.T) {
	sends := func(text string) func(*pooled.Config) {
		return func(c *pooled.Config) {
			c.Hooks.Connect = func(ctx context.Context, s *pooled.ServerConn) error { return s.Exec(ctx, text) }
		}
	}
	raw := func(c *pooled.Config) {
		c.Hooks.Connect = func(_ context.Context, s *pooled.ServerConn) error { s.Raw(); return nil }
	}
	for name, test := range map[string]struct {
		set   func(*pooled.Config)
		unfit bool
	}{
		"pool_init_sql":            {initSQL("CREATE TABLE t (a int)"), true},
		"pool_init_sql that sets":  {initSQL("SET search_path = x"), false},
		"pool_init_sql, temporary": {initSQL("CREATE TEMP TABLE t (a int)"), false},
		"Exec":                     {sends("CALL p()"), true},
		"Exec that sets":           {sends("SET search_path = x"), false},
		"Raw":                      {raw, true},
	} {
		t.Run(name, func(t *testing.T) {
			db, fake, _ := keeping(t, 4, size(2, 0), test.set)
			keep(t, db, "UPDATE ?")
			held, _ := grab(t, db)
			pooledtest.MustExec(t, held, "UPDATE ?", 1) // after the change by its own opening
			fake.skip()
			pooledtest.MustExec(t, held, "UPDATE ?", 2)
			fake.want(t, "stmt exec UPDATE ? [2]")
			other, _ := grab(t, db)
			fake.skip()
			pooledtest.MustExec(t, held, "UPDATE ?", 3)
			want := []string{"stmt exec UPDATE ? [3]"}
			if test.unfit {
				want = append([]string{"prepare UPDATE ?"}, want...)
			}
			fake.want(t, want...)
			pooledtest.Give(t, held, other)
		})
	}
}

// An error of a text with arguments turns no cache off, not even one that says that the connection is lost.
func TestStmtsAreKeptAfterAnError(t *testing.T) {
	for _, failed := range []error{
		context.Canceled, context.DeadlineExceeded, driver.ErrBadConn, errors.New("server's"),
	} {
		t.Run(failed.Error(), func(t *testing.T) {
			t.Cleanup(stmtsForAll(true))
			var book pooledtest.LogBook
			fake := &told{pooledtest.NewFake(t), 0}
			fake.On(pooledtest.StageExec, pooledtest.Fail(driver.ErrSkip).Times(1).Match("UPDATE a"))
			db, _ := open(t, fake, keeps(4), one(pooled.ClassQueue), logTo(&book))
			pooledtest.MustExec(t, db, "UPDATE a ?", 1)
			conn, err := db.Conn(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			pooledtest.MustExec(t, conn, "UPDATE c") // so that the one that fails is not sent again
			fake.On(pooledtest.StageExec, pooledtest.Fail(failed).Times(1).Match("UPDATE b"))
			if _, err := conn.ExecContext(t.Context(), "UPDATE b ?", 1); !errors.Is(err, failed) {
				t.Errorf("have %v, want %v", err, failed)
			}
			conn.Close()
			fake.skip()
			pooledtest.MustExec(t, db, "UPDATE a ?", 2)
			pooledtest.MustExec(t, db, "UPDATE a ?", 3)
			fake.want(t, "prepare UPDATE a ?", "stmt exec UPDATE a ? [2]", "stmt exec UPDATE a ? [3]")
			if lines := notKeptLines(&book); len(lines) > 0 {
				t.Errorf("have %q, want no word of it", lines)
			}
		})
	}
}

// notKeptLines are the lines that say that the statement cache is not used.
func notKeptLines(book *pooledtest.LogBook) []string {
	return slices.DeleteFunc(book.Take(), func(l string) bool { return !strings.Contains(l, "statement cache not used") })
}

// A cache that was asked for and keeps none says so once.
func TestStmtCacheThatKeepsNoneSaysSo(t *testing.T) {
	var book pooledtest.LogBook
	fake := pooledtest.NewFake(t)
	db, _ := open(t, fake, keeps(4), size(2, 0), logTo(&book))
	a, _ := grab(t, db)
	b, _ := grab(t, db)
	pooledtest.Give(t, a, b)
	lines := notKeptLines(&book)
	if len(lines) != 1 || !strings.Contains(lines[0], "the driver is neither lib/pq nor") {
		t.Errorf("have %q, want one line with the reason", lines)
	}
}
