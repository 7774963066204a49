package pooled_test

import (
	"context"
	"database/sql"
	"errors"
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
					cfg.Class = class
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
