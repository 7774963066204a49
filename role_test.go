package pooled_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lib/pq"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/internal/pooledtest"
)

var errReadOnly = &pq.Error{Code: "25006", Message: "cannot execute INSERT in a read-only transaction"}

const insert = "INSERT INTO t VALUES (1)"

// After a demotion every write is sent again to the new primary, and no connection to the old one is kept.
func TestDemotion(t *testing.T) {
	for _, class := range []pooled.Class{pooled.ClassQueue, pooled.ClassNull, pooled.ClassStatic} {
		t.Run(string(class), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				fake := pooledtest.NewFake(t)
				var demoted atomic.Int32
				db, pool := open(t, fake, speaks("postgres"), func(cfg *pooled.Config) {
					if cfg.Class = class; class == pooled.ClassStatic {
						cfg.PingTimeout = pooled.NoLimit // which the question for the role has, too
					}
					cfg.Hooks.Demoted = func(pooled.Host) { demoted.Add(1) }
				})
				pooledtest.MustExec(t, db, insert)
				if class == pooled.ClassQueue {
					burst(t, db, 5)
				}
				fake.Demote(errReadOnly)
				var writers sync.WaitGroup
				for range 10 {
					writers.Go(func() {
						if _, err := db.Exec(insert); err != nil {
							t.Error(err)
						}
					})
				}
				time.Sleep(3 * time.Second)
				fake.TakeOver()
				writers.Wait()
				s := pool.Stats()
				if class != pooled.ClassNull && (s.Demotions != 1 || demoted.Load() != 1 || s.Moved == 0) || s.Outages != 1 {
					t.Errorf("have %+v", s)
				}
			})
		})
	}
}

// When callers have waited long enough, a server that takes no writes is better than none; and the pool goes on
// looking for another.
func TestDemotionForGood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := pooledtest.NewFake(t)
		db, pool := open(t, fake, speaks("postgres"))
		pooledtest.MustExec(t, db, insert)
		fake.Demote(errReadOnly)
		start := time.Now()
		if _, err := db.Exec(insert); !errors.Is(err, errReadOnly) || time.Since(start) != 10*time.Second {
			t.Fatalf("have %v after %v", err, time.Since(start))
		}
		pooledtest.MustExec(t, db, "SELECT 1")
		fake.TakeOver()
		time.Sleep(6 * time.Second)
		pooledtest.MustExec(t, db, insert)
		if h := pool.Health(t.Context()); h.Role != pooled.RolePrimary || !h.Reachable {
			t.Errorf("have %+v", h)
		}
	})
}

// In a transaction, in the middle of a lease, and of several statements in one text, the error is the program's; but
// the next caller is at the new primary.
func TestDemotionThatShows(t *testing.T) {
	for name, write := range map[string]func(t *testing.T, db execer) error{
		"transaction": func(t *testing.T, db execer) error {
			tx, err := db.BeginTx(t.Context(), nil)
			if err != nil {
				t.Fatal(err)
			}
			defer tx.Rollback()
			_, err = tx.Exec(insert)
			return err
		},
		"second statement": func(t *testing.T, db execer) error {
			conn, err := db.Conn(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if _, err := conn.ExecContext(t.Context(), "SELECT 1"); err != nil {
				t.Fatal(err)
			}
			_, err = conn.ExecContext(t.Context(), insert)
			return err
		},
		"two in one": func(t *testing.T, db execer) error {
			_, err := db.ExecContext(t.Context(), insert+"; "+insert)
			return err
		},
		"procedure": func(t *testing.T, db execer) error {
			_, err := db.ExecContext(t.Context(), "UPDATE; CALL p()")
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				fake := pooledtest.NewFake(t)
				db, pool := open(t, fake, speaks("postgres"))
				pooledtest.MustExec(t, db, insert)
				fake.Demote(errReadOnly)
				fake.TakeOver()
				if err := write(t, db); !errors.Is(err, errReadOnly) {
					t.Errorf("have %v", err)
				}
				synctest.Wait()
				pooledtest.MustExec(t, db, insert)
				if s := pool.Stats(); s.Moved != 0 || s.Demotions != 1 {
					t.Errorf("have %+v", s)
				}
			})
		})
	}
}

type execer = interface {
	BeginTx(context.Context, *sql.TxOptions) (*sql.Tx, error)
	Conn(context.Context) (*sql.Conn, error)
	ExecContext(context.Context, string, ...any) (sql.Result, error)
}

// A transaction that the program has begun read-only is no demotion, and a pool that never could write is left alone.
func TestNoDemotion(t *testing.T) {
	for name, replica := range map[string]bool{"read-only transaction": false, "replica": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				fake := pooledtest.NewFake(t)
				if replica {
					fake.Demote(errReadOnly)
				}
				db, pool := open(t, fake, speaks("postgres"))
				pooledtest.MustExec(t, db, "SELECT 1")
				if !replica {
					fake.On(pooledtest.StageExec, pooledtest.Fail(errReadOnly).Match(insert))
				}
				for range 3 {
					if _, err := db.Exec(insert); !errors.Is(err, errReadOnly) {
						t.Errorf("have %v", err)
					}
				}
				if s := pool.Stats(); s.Demotions != 0 || s.Opened != 1 || s.Outages != 0 {
					t.Errorf("have %+v", s)
				}
			})
		})
	}
}

// roleQuestions is how often the server was asked for its role.
func roleQuestions(fake *pooledtest.Fake) (n int) {
	for _, line := range fake.Log() {
		if strings.Contains(line, "pg_is_in_recovery()") {
			n++
		}
	}
	return n
}

// Whichever way a single statement is run that the server refuses, it runs again on the new primary.
func TestStatementsMove(t *testing.T) {
	for name, run := range map[string]func(t *testing.T, db *sql.DB, st *sql.Stmt) error{
		"Exec": func(t *testing.T, db *sql.DB, _ *sql.Stmt) error {
			_, err := db.Exec(insert)
			return err
		},
		"Query": func(t *testing.T, db *sql.DB, _ *sql.Stmt) error {
			rows, err := db.Query(insert)
			if err == nil {
				err = rows.Close()
			}
			return err
		},
		"arguments": func(t *testing.T, db *sql.DB, _ *sql.Stmt) error {
			_, err := db.Exec("INSERT INTO t VALUES (?)", 1)
			return err
		},
		"prepared before": func(t *testing.T, _ *sql.DB, st *sql.Stmt) error {
			_, err := st.Exec()
			return err
		},
		"prepared before, Query": func(t *testing.T, _ *sql.DB, st *sql.Stmt) error {
			rows, err := st.Query()
			if err == nil {
				err = rows.Close()
			}
			return err
		},
		"first of a sql.Conn": func(t *testing.T, db *sql.DB, _ *sql.Stmt) error {
			conn, err := db.Conn(t.Context())
			if err != nil {
				return err
			}
			defer conn.Close()
			_, err = conn.ExecContext(t.Context(), insert)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				fake := pooledtest.NewFake(t)
				db, pool := open(t, fake, speaks("postgres"))
				st, err := db.Prepare(insert)
				if err != nil {
					t.Fatal(err)
				}
				defer st.Close()
				if _, err := st.Exec(); err != nil {
					t.Fatal(err)
				}
				fake.Demote(errReadOnly)
				fake.TakeOver()
				if err := run(t, db, st); err != nil {
					t.Errorf("have %v", err)
				}
				if s := pool.Stats(); s.Moved != 1 || s.Demotions != 1 {
					t.Errorf("have %+v, want one statement moved", s)
				}
			})
		})
	}
}

// In class direct a refused statement is its caller's, and the next one is at the new primary.
func TestDemotionDirect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := pooledtest.NewFake(t)
		db, pool := open(t, fake, speaks("postgres"), class(pooled.ClassDirect))
		pooledtest.MustExec(t, db, insert)
		fake.Demote(errReadOnly)
		if _, err := db.Exec(insert); !errors.Is(err, errReadOnly) {
			t.Errorf("have %v, want what the server said", err)
		}
		done := make(chan error)
		go func() {
			_, err := db.Exec(insert)
			done <- err
		}()
		time.Sleep(3 * time.Second)
		fake.TakeOver()
		if err := <-done; err != nil {
			t.Errorf("have %v", err)
		}
		if s := pool.Stats(); s.Moved != 0 || s.Demotions != 1 || s.Outages != 1 {
			t.Errorf("have %+v", s)
		}
	})
}

// A transaction that the program begins read-only is no demotion. The role is asked once for it, when it is over,
// however many writes it tries.
func TestReadOnlyTransactionAsksOnce(t *testing.T) {
	for _, class := range []pooled.Class{pooled.ClassQueue, pooled.ClassDirect} {
		synctest.Test(t, func(t *testing.T) {
			fake := pooledtest.NewFake(t)
			db, pool := open(t, fake, speaks("postgres"), func(c *pooled.Config) { c.Class = class })
			pooledtest.MustExec(t, db, insert)
			before := roleQuestions(fake)
			fake.On(pooledtest.StageExec, pooledtest.Fail(errReadOnly).Match(insert).Times(3))
			tx, err := db.BeginTx(t.Context(), &sql.TxOptions{ReadOnly: true})
			if err != nil {
				t.Fatal(err)
			}
			for range 3 {
				if _, err := tx.Exec(insert); !errors.Is(err, errReadOnly) {
					t.Errorf("have %v", err)
				}
			}
			if have := roleQuestions(fake) - before; have != 0 {
				t.Errorf("asked %d times in the transaction", have)
			}
			tx.Rollback()
			synctest.Wait()
			for range 3 {
				pooledtest.MustExec(t, db, insert)
			}
			if have := roleQuestions(fake) - before; have != 1 {
				t.Errorf("asked %d times, want once", have)
			}
			if s := pool.Stats(); s.Demotions != 0 || s.Opened != 1 || s.Moved != 0 {
				t.Errorf("have %+v", s)
			}
		})
	}
}

// What is in use when its server is demoted can be used until it is returned, and no longer.
func TestDemotionOfWhatIsInUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := pooledtest.NewFake(t)
		db, _ := open(t, fake, speaks("postgres"))
		conn, old := grab(t, db)
		burst(t, db, 3) // which become idle
		fake.Demote(errReadOnly)
		fake.TakeOver()
		pooledtest.MustExec(t, db, insert)
		synctest.Wait()
		if have := number(t, conn); have != old || fake.Counts().Open != 2 {
			t.Errorf("have connection %d and %d open, want %d, and the new one", have, fake.Counts().Open, old)
		}
		conn.Close()
		synctest.Wait()
		if have := fake.Counts().Open; have != 1 {
			t.Errorf("have %d open, want the new one alone", have)
		}
	})
}

// The pool that needs a primary does not make do with another server, and has those who wait know why.
func TestDemotionWithTargetPrimary(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := pooledtest.NewFake(t)
		db, pool := open(t, fake, speaks("postgres"), func(c *pooled.Config) { c.Target = pooled.TargetPrimary })
		pooledtest.MustExec(t, db, insert)
		fake.Demote(errReadOnly)
		start := time.Now()
		for _, want := range []time.Duration{10 * time.Second, 0} {
			_, err := db.Exec(insert)
			if !errors.Is(err, pooled.ErrServerDown) || !strings.Contains(err.Error(), "takes no writes") ||
				time.Since(start) != want {
				t.Errorf("have %v after %v", err, time.Since(start))
			}
			start = time.Now()
		}
		if h := pool.Health(t.Context()); h.Reachable || h.Hosts[0].State != pooled.HostWrongRole {
			t.Errorf("have %+v", h)
		}
		fake.TakeOver()
		time.Sleep(6 * time.Second)
		pooledtest.MustExec(t, db, insert)
	})
}

// A demotion is told once, by its hook, the log and the events.
func TestDemotionIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := pooledtest.NewFake(t)
		var book pooledtest.LogBook
		var told []pooled.Host
		db, pool := open(t, fake, speaks("postgres"), logTo(&book), func(c *pooled.Config) {
			c.Hooks.Demoted = func(h pooled.Host) { told = append(told, h) }
		})
		pooledtest.MustExec(t, db, insert)
		burst(t, db, 5)
		fake.Demote(errReadOnly)
		fake.TakeOver()
		burst(t, db, 5)
		synctest.Wait()
		if len(told) != 1 || told[0].Name != "postgres" {
			t.Errorf("have %+v", told)
		}
		events := 0
		for _, e := range pool.Events() {
			if e.Name == "demoted" && e.Detail == "postgres" {
				events++
			}
		}
		lines := strings.Join(book.Take(), "\n")
		if events != 1 || strings.Count(lines, "takes no writes any more") != 1 || strings.Count(lines, "WARN") != 1 {
			t.Errorf("have %d events, and the log\n%s", events, lines)
		}
		for _, e := range pool.Events() {
			if e.Name == "close" && !strings.Contains(e.Detail, "role") {
				t.Errorf("have %+v, want the cause", e)
			}
		}
	})
}

// A statement that may be done in part is not sent again, whatever it was refused for.
func TestDoneInPartDoesNotMove(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const index = "CREATE INDEX CONCURRENTLY i ON t (a)"
		fake := pooledtest.NewFake(t)
		db, pool := open(t, fake, speaks("postgres"))
		pooledtest.MustExec(t, db, insert)
		fake.Demote(errReadOnly)
		fake.TakeOver()
		fake.On(pooledtest.StageExec, pooledtest.Fail(errReadOnly).Match(index).OnConn(1))
		if _, err := db.Exec(index); !errors.Is(err, errReadOnly) {
			t.Errorf("have %v, want what the server said", err)
		}
		if s := pool.Stats(); s.Moved != 0 || s.Demotions != 1 {
			t.Errorf("have %+v", s)
		}
	})
}

// In a transaction that the program has begun by a statement, the role is asked when that is over: a session that has
// failed in a transaction answers nothing before.
func TestRoleIsAskedAfterTheTransaction(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := pooledtest.NewFake(t)
		db, pool := open(t, fake, speaks("postgres"))
		pooledtest.MustExec(t, db, insert)
		before := roleQuestions(fake)
		fake.Demote(errReadOnly)
		fake.TakeOver()
		conn, err := db.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, query := range []string{"BEGIN", insert, insert} {
			_, err = conn.ExecContext(t.Context(), query)
		}
		if !errors.Is(err, errReadOnly) || roleQuestions(fake) != before {
			t.Errorf("have %v, and asked %d times", err, roleQuestions(fake)-before)
		}
		conn.Close()
		pooledtest.MustExec(t, db, insert)
		if s := pool.Stats(); s.Moved != 0 || s.Demotions != 1 {
			t.Errorf("have %+v, want a demotion", s)
		}
	})
}

// A statement that is refused again and again, by servers that were primaries a moment ago, is its caller's in the end.
func TestStatementMovesThreeTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := pooledtest.NewFake(t)
		var demoted bool
		db, pool := open(t, fake, speaks("postgres"), func(c *pooled.Config) {
			c.Hooks.BeforeConnect = func(context.Context, *pooled.ConnectParams) error { fake.TakeOver(); return nil }
			c.Hooks.Connect = func(context.Context, *pooled.ServerConn) error {
				if demoted {
					fake.Demote(errReadOnly)
				}
				return nil
			}
		})
		pooledtest.MustExec(t, db, insert)
		demoted = true
		fake.Demote(errReadOnly)
		if _, err := db.Exec(insert); !errors.Is(err, errReadOnly) {
			t.Errorf("have %v", err)
		}
		if s := pool.Stats(); s.Moved != 3 {
			t.Errorf("have %+v, want 3 moves", s)
		}
	})
}

// The caller of a statement that is sent again stands before all who came after it.
func TestMovedStatementKeepsItsTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := pooledtest.NewFake(t)
		db, _ := open(t, fake, speaks("postgres"), size(1, 0))
		pooledtest.MustExec(t, db, insert)
		fake.Demote(errReadOnly)
		fake.On(pooledtest.StageExec, pooledtest.Slow(time.Second).Match("first").Times(1))
		var callers sync.WaitGroup
		names := []string{"first", "second", "third"}
		for _, name := range names {
			callers.Go(func() {
				if _, err := db.Exec("INSERT INTO t VALUES ('" + name + "')"); err != nil {
					t.Error(err)
				}
			})
			synctest.Wait()
		}
		time.Sleep(2 * time.Second)
		fake.ResetLog()
		fake.TakeOver()
		callers.Wait()
		log := strings.Join(fake.Log(), "\n")
		for i := range names[1:] {
			if strings.Index(log, names[i]) > strings.Index(log, names[i+1]) || !strings.Contains(log, names[i]) {
				t.Errorf("want %s before %s:\n%s", names[i], names[i+1], log)
			}
		}
	})
}

// With a target, the role is asked on each new connection. One that does not answer is closed.
func TestRoleIsNotTold(t *testing.T) {
	for name, tt := range map[string]struct {
		err  error
		want string
	}{
		"lost":    {io.EOF, ""}, // an outage, which is waited out
		"refused": {errors.New("permission denied"), "pooled: open connection: ask for the server's role: permission denied"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				fake := pooledtest.NewFake(t)
				db, pool := open(t, fake, speaks("postgres"), outageWait(time.Minute), func(c *pooled.Config) {
					c.Target = pooled.TargetPrimary
				})
				fake.On(pooledtest.StageQuery, pooledtest.Fail(tt.err).Match("pg_is_in_recovery").Times(1))
				_, err := db.Exec(insert)
				if have := fmt.Sprint(err); tt.want != "" && have != tt.want || tt.want == "" && err != nil {
					t.Errorf("have %v, want %q", err, tt.want)
				}
				if have := fake.Counts().Open; have != pool.Stats().Open() {
					t.Errorf("%d are open, want the pool's %d", have, pool.Stats().Open())
				}
			})
		})
	}
}

// A COMMIT that the server refuses is a suspicion, too: MySQL's does that, if it has become read-only meanwhile.
func TestRefusedCommit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := pooledtest.NewFake(t)
		db, pool := open(t, fake, speaks("postgres"))
		tx, err := db.Begin()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tx.Exec(insert); err != nil {
			t.Fatal(err)
		}
		fake.Demote(errReadOnly)
		fake.On(pooledtest.StageCommit, pooledtest.Fail(errReadOnly))
		if err := tx.Commit(); !errors.Is(err, errReadOnly) {
			t.Errorf("have %v, want what the server said", err)
		}
		synctest.Wait()
		if s := pool.Stats(); s.Demotions != 1 || s.Open() != 0 {
			t.Errorf("have %+v, want a demotion and no connection", s)
		}
		db.Close()
	})
}

// lib/pq begins each transaction with READ WRITE, which a standby refuses by itself: it is begun at the new primary.
func TestBeginMoves(t *testing.T) {
	readWrite := &pq.Error{Code: "0A000", Message: "cannot set transaction read-write mode during recovery"}
	synctest.Test(t, func(t *testing.T) {
		fake := pooledtest.NewFake(t)
		db, pool := open(t, fake, speaks("postgres"))
		pooledtest.MustExec(t, db, insert)
		fake.Demote(errReadOnly)
		fake.TakeOver()
		fake.On(pooledtest.StageBegin, pooledtest.Fail(readWrite).Times(1))
		tx, err := db.Begin()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tx.Exec(insert); err != nil {
			t.Error(err)
		}
		if err := tx.Commit(); err != nil {
			t.Error(err)
		}
		if s := pool.Stats(); s.Moved != 1 || s.Demotions != 1 {
			t.Errorf("have %+v", s)
		}
	})
}
