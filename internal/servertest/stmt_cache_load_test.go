package servertest_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/internal/pooledtest"
)

// loadTexts is a family of texts, each of which answers with its own number and what it is asked with.
func (s server) loadText(i int) string {
	return fmt.Sprintf("SELECT %s, %d, 'text %[2]d'", cast(s, s.arg(1)), i)
}

// askOwn uses the i-th text and fails if the answer belongs to another one.
func (s server) askOwn(ctx context.Context, db operator, i, arg int) error {
	var n, number int
	var text string
	if err := db.QueryRowContext(ctx, s.loadText(i), arg).Scan(&n, &number, &text); err != nil {
		return err
	}
	if n != arg || number != i || text != fmt.Sprint("text ", i) {
		return fmt.Errorf("the answer to another query: have %d, %d, %q, want %d, %d", n, number, text, arg, i)
	}
	return nil
}

// Many goroutines, more texts than are kept, contexts that end at any moment: every answer belongs to its
// question, and an error is the context's.
func TestStmtCacheUnderLoad(t *testing.T) {
	const texts, callers, lasts = 24, 16, 1500 * time.Millisecond
	for _, s := range cacheServers {
		t.Run(s.name, func(t *testing.T) {
			db := openServer(t, "pooled", s.dsn(t), cacheOf(8), "pool_size=4", "pool_max_overflow=0")
			var wg sync.WaitGroup
			var asked, ended atomic.Int64
			until := time.Now().Add(lasts)
			for range callers {
				wg.Go(func() {
					for time.Now().Before(until) {
						ctx, cancel := context.WithCancel(t.Context())
						if rand.IntN(6) == 0 {
							ctx, cancel = context.WithTimeout(t.Context(), time.Duration(rand.IntN(2000))*time.Microsecond)
						}
						err := s.load(ctx, db, rand.IntN(texts))
						if asked.Add(1); err != nil && ctx.Err() != nil {
							ended.Add(1)
						} else if err != nil {
							t.Error(err)
						}
						cancel()
					}
				})
			}
			wg.Wait()
			t.Logf("%d operations, of which %d were ended", asked.Load(), ended.Load())
			for i := range texts {
				if err := s.askOwn(t.Context(), db, i, i); err != nil {
					t.Error(err)
				}
			}
			pool, _ := pooled.PoolOf(db)
			// database/sql ends a transaction whose context has ended in the background.
			pooledtest.WaitUntil(t, func() bool { return pool.Stats().CheckedOut == 0 }, pool.String)
		})
	}
}

// load is one of the things that programs do.
func (s server) load(ctx context.Context, db *sql.DB, i int) error {
	arg := rand.IntN(1_000_000)
	switch rand.IntN(4) {
	case 0:
		tx, err := db.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		defer tx.Rollback()
		if err := errors.Join(s.askOwn(ctx, tx, i, arg), s.askOwn(ctx, tx, (i+1)%24, arg)); err != nil {
			return err
		}
		return tx.Commit()
	case 1:
		conn, err := db.Conn(ctx)
		if err != nil {
			return err
		}
		defer conn.Close()
		return errors.Join(s.askOwn(ctx, conn, i, arg), s.askOwn(ctx, conn, i, arg+1))
	case 2:
		rows, err := db.QueryContext(ctx, s.loadText(i), arg) // closed unread
		if err != nil {
			return err
		}
		return rows.Close()
	}
	return s.askOwn(ctx, db, i, arg)
}

// Sessions are killed and sockets closed while kept INSERTs run: what was answered is there once, what was not
// at most once.
func TestStmtCacheSendsNothingTwice(t *testing.T) {
	const callers, rounds = 8, 12
	for _, s := range cacheServers {
		t.Run(s.name, func(t *testing.T) {
			admin := openServer(t, s.bare, s.dsn(t))
			table(t, admin, "cache_once", "a INT, b INT")
			proxy := pooledtest.NewProxy(t, s.dsn(t))
			db := openServer(t, "pooled", proxy.DSN(), cacheOf(cacheSize), "pool_size=8")
			insert := fmt.Sprintf("INSERT INTO cache_once VALUES (%s, %s)", s.arg(1), s.arg(2))
			var next, answered atomic.Int64
			var done [1 << 20]atomic.Bool
			stop := make(chan struct{})
			var wg sync.WaitGroup
			for range callers {
				wg.Go(func() {
					for {
						select {
						case <-stop:
							return
						default:
						}
						n := int(next.Add(1))
						if n >= len(done) {
							return
						}
						if _, err := db.ExecContext(t.Context(), insert, n, 1); err == nil {
							done[n].Store(true)
							answered.Add(1)
						}
					}
				})
			}
			for round := range rounds {
				from := answered.Load()
				pooledtest.WaitUntil(t, func() bool { return answered.Load() > from+200 },
					func() string { return "nothing is answered any more" })
				if round%2 == 0 {
					proxy.CloseAll()
				} else {
					s.killAll(t, admin)
				}
			}
			close(stop)
			wg.Wait()
			if have := pooledtest.ScanOne[int](t, admin, "SELECT COUNT(*) FROM (SELECT a FROM cache_once GROUP BY a "+
				"HAVING COUNT(*) > 1) AS twice"); have > 0 {
				t.Errorf("have %d rows that were inserted twice, want none", have)
			}
			rows, err := admin.Query("SELECT a FROM cache_once")
			if err != nil {
				t.Fatal(err)
			}
			defer rows.Close()
			found := int64(0)
			for rows.Next() {
				var n int
				if err := rows.Scan(&n); err != nil {
					t.Fatal(err)
				}
				if done[n].Load() {
					found++
				}
			}
			if found != answered.Load() {
				t.Errorf("have %d rows of %d INSERTs that were answered", found, answered.Load())
			}
			t.Logf("%d INSERTs, %d answered", next.Load(), answered.Load())
		})
	}
}

// killAll ends all sessions but admin's.
func (s server) killAll(t testing.TB, admin *sql.DB) {
	t.Helper()
	if s.name == "postgres" {
		pooledtest.MustExec(t, admin, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE "+
			"'INSERT INTO cache_once%'")
		return
	}
	rows, err := admin.Query("SELECT id FROM information_schema.processlist WHERE id <> CONNECTION_ID() AND db = " +
		"DATABASE()")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var sessions []string
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			t.Fatal(err)
		}
		sessions = append(sessions, id)
	}
	rows.Close()
	for _, id := range sessions {
		admin.Exec("KILL " + id) // it may have gone by itself
	}
}

// All idle server connections are killed, and many come with kept texts: none of them learns of it.
func TestStmtCacheIdleKill(t *testing.T) {
	for _, s := range cacheServers {
		t.Run(s.name, func(t *testing.T) {
			admin := openServer(t, s.bare, s.dsn(t))
			db := openServer(t, "pooled", s.dsn(t), killPoolSize, cacheOf(cacheSize))
			for round := range 4 {
				sessions := openIdle(t, s, db, killIdle)
				wantNone(t, "before", s.come(t, db, killCallers))
				s.kill(t, admin, sessions)
				wantNone(t, fmt.Sprint("round ", round), s.come(t, db, killCallers))
			}
		})
	}
}

// Statements of db.Prepare and kept ones of the same text are two, and neither closes the other.
func TestStmtCacheAndPrepared(t *testing.T) {
	for _, s := range cacheServers {
		t.Run(s.name, func(t *testing.T) {
			admin := openServer(t, s.bare, s.dsn(t))
			waitIfMySQL(t, s, admin, 0)
			db := openOne(t, s, "pooled", cacheOf(2))
			for round := range 5 {
				stmt, err := db.Prepare(s.loadText(0))
				if err != nil {
					t.Fatal(err)
				}
				for i := range 6 {
					var n, number int
					var text string
					if err := stmt.QueryRow(i).Scan(&n, &number, &text); err != nil || n != i || number != 0 {
						t.Errorf("prepared: have %d, %d, %v, want %d", n, number, err, i)
					}
					for text := range 4 { // pushes out what is kept of text 0
						if err := s.askOwn(t.Context(), db, text, i); err != nil {
							t.Error(err)
						}
					}
					for range 2 {
						if err := s.askOwn(t.Context(), db, 0, i); err != nil {
							t.Error(err)
						}
					}
				}
				tx, err := db.Begin()
				if err != nil {
					t.Fatal(err)
				}
				in := tx.Stmt(stmt)
				for i := range 3 {
					if err := errors.Join(in.QueryRow(i).Scan(new(int), new(int), new(string)),
						s.askOwn(t.Context(), tx, 0, i)); err != nil {
						t.Error(err)
					}
				}
				if round%2 == 0 {
					in.Close()
				}
				if err := errors.Join(tx.Commit(), stmt.Close()); err != nil {
					t.Error(err)
				}
				if err := s.askOwn(t.Context(), db, 0, 1); err != nil {
					t.Error(err)
				}
			}
			pooledtest.ScanOne[int](t, db, "SELECT 1")
			if s.name == "postgres" {
				if have := kept(t, db, ""); have != 2 {
					t.Errorf("have %d statements, want the 2 that are kept", have)
				}
			}
			waitIfMySQL(t, s, admin, 2)
		})
	}
}

// What each reset leaves of the statements that are kept, and that texts answer as they should after it.
func TestStmtCacheAndReset(t *testing.T) {
	for _, s := range cacheServers {
		touch := map[string]string{"postgres": "SET work_mem = '1MB'", "mysql": "SET @touched = 1"}[s.name]
		for _, test := range []struct {
			mode, class string
			left        int // statements when the connection has come back
		}{
			{"none", "queue", 2}, {"rollback", "queue", 2}, {"commit", "queue", 2}, {"auto", "queue", 0},
			{"session", "queue", 0},
			{"rollback", "direct", 2}, {"auto", "direct", 0}, {"session", "direct", 0}, {"rollback", "static", 2},
		} {
			t.Run(s.name+", "+test.mode+", "+test.class, func(t *testing.T) {
				admin := openServer(t, s.bare, s.dsn(t))
				waitIfMySQL(t, s, admin, 0)
				db := openOne(t, s, "pooled", cacheOf(cacheSize), "pool_reset_on_return="+test.mode, "pool_class="+test.class)
				for round := range 3 {
					conn, err := db.Conn(t.Context())
					if err != nil {
						t.Fatal(err)
					}
					if round > 0 && s.name == "mysql" { // it makes those that were there unfit
						test.left = 0
					}
					pooledtest.MustExec(t, conn, touch)
					pooledtest.Give(t, conn)
					if conn, err = db.Conn(t.Context()); err != nil {
						t.Fatal(err)
					}
					for i := range 4 {
						for text := range 2 {
							if err := s.askOwn(t.Context(), conn, text, i); err != nil {
								t.Error(err)
							}
						}
					}
					pooledtest.Give(t, conn)
					if s.name == "postgres" {
						if conn, err = db.Conn(t.Context()); err != nil {
							t.Fatal(err)
						}
						if have := kept(t, conn, ""); have != test.left && !(test.mode == "auto" && have == 2) {
							t.Errorf("round %d: have %d statements, want %d", round, have, test.left)
						}
						pooledtest.Give(t, conn)
					}
					if s.name == "mysql" && test.mode == "session" {
						waitKeptByAll(t, admin, 0)
					}
					tx, err := db.Begin() // in which nothing can be prepared again
					if err != nil {
						t.Fatal(err)
					}
					if err := errors.Join(s.askOwn(t.Context(), tx, 0, 1), s.askOwn(t.Context(), tx, 1, 1), tx.Commit()); err != nil {
						t.Error(err)
					}
				}
				db.Close()
				waitIfMySQL(t, s, admin, 0)
			})
		}
	}
}
