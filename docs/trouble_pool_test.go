package docs_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lib/pq"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/internal/pooledtest"
	"github.com/pooled-go/pooled/internal/pooltest"
)

// Errors of the pool and of database/sql, over a driver that is not real.
var poolTroubles = troubles{
	`pooled: pool "…": timeout waiting for a connection`: func(t *testing.T) (err error) {
		db, _ := open(t, pooledtest.Null{}, pooltest.Size(1, 0), func(c *pooled.Config) { c.Timeout = 0 })
		holdOne(t, db)
		return db.Ping()
	},
	`pooled: pool "…": timeout opening a connection`: func(t *testing.T) (err error) {
		synctest.Test(t, func(t *testing.T) {
			fake := pooledtest.NewFake(t)
			fake.On(pooledtest.StageConnect, pooledtest.Slow(2*time.Second).Times(1))
			db, _ := open(t, fake, pooltest.Size(1, 0), func(c *pooled.Config) { c.Timeout = time.Second })
			defer db.Close()
			err = db.Ping()
		})
		return err
	},
	`pooled: pool "…": no server can be reached for …`: func(t *testing.T) error {
		return inOutage(t, func(cfg *pooled.Config) { cfg.OutageWait = 0 })
	},
	`pooled: pool "…": no server has the role that is needed for …`: func(t *testing.T) (err error) {
		synctest.Test(t, func(t *testing.T) {
			fake := pooledtest.NewFake(t)
			db, _ := open(t, fake, func(cfg *pooled.Config) {
				cfg.Driver, cfg.Target, cfg.OutageWait = "postgres", pooled.TargetPrimary, 0
			})
			defer db.Close()
			if err := db.Ping(); err != nil {
				t.Fatal(err)
			}
			fake.Demote(errors.New("a write was refused"))
			fake.Kill(io.EOF)
			err = db.Ping()
		})
		return err
	},
	`cannot set transaction read-write mode during recovery`: func(t *testing.T) error {
		fake := pooledtest.NewFake(t)
		db, _ := open(t, fake, func(cfg *pooled.Config) { cfg.Driver = "postgres" })
		fake.On(pooledtest.StageBegin, pooledtest.Fail(&pq.Error{
			Code: "0A000", Message: "cannot set transaction read-write mode during recovery",
		}))
		_, err := db.Begin()
		return err
	},
	`pooled: pool "…": timeout waiting for a server to be back`: func(t *testing.T) error {
		return inOutage(t, func(cfg *pooled.Config) { cfg.Timeout = 5 * time.Second })
	},
	`pooled: pool "…": context deadline exceeded while waiting for a server to be back`: func(t *testing.T) error {
		return inOutage(t)
	},
	`pooled: pool is closed`: func(t *testing.T) error {
		connector := pooltest.Connector(t, pooledtest.Null{})
		if err := connector.Close(); err != nil {
			t.Error(err)
		}
		_, err := connector.Connect(t.Context())
		return err
	},
	`pooled: pool_class=assert: a second checkout before the first was returned`: func(t *testing.T) error {
		db, _ := open(t, pooledtest.Null{}, pooltest.One(pooled.ClassAssert))
		holdOne(t, db)
		return db.Ping()
	},
	`pooled: the transaction's connection was closed`:      commitClosed,
	`pooled: the transaction's connection was invalidated`: commitInvalidated,
	`sql: database is closed`: func(t *testing.T) error {
		db, _ := open(t, pooledtest.Null{})
		db.Close()
		return db.Ping()
	},
	`sql: connection is already closed`: func(t *testing.T) error {
		db, _ := open(t, pooledtest.Null{})
		conn, err := db.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		conn.Close()
		return conn.PingContext(t.Context())
	},
	`sql: transaction has already been committed or rolled back`: func(t *testing.T) error {
		db, _ := open(t, pooledtest.Null{})
		tx, err := db.Begin()
		if err != nil {
			t.Fatal(err)
		}
		tx.Rollback()
		return tx.Commit()
	},
	`sql: unknown driver "pooled" (forgotten import?)`: func(t *testing.T) error {
		_, err := sql.Open("pooled"+suffix, "postgres://scott:tiger@localhost/shop")
		return err
	},
	`sql: Register called twice for driver mysql`: func(t *testing.T) (err error) {
		defer func() { err = fmt.Errorf("panic: %v", recover()) }()
		sql.Register("mysql", pooledtest.Null{}.Driver())
		return nil
	},
	`driver: bad connection`: func(t *testing.T) error {
		fake := pooledtest.NewFake(t)
		fake.On(pooledtest.StageExec, pooledtest.BadConn())
		db, _ := open(t, fake)
		tx, err := db.Begin()
		if err != nil {
			t.Fatal(err)
		}
		defer tx.Rollback()
		return execInTx(tx)
	},
	`context deadline exceeded`: func(t *testing.T) error { return endSleep(t, context.DeadlineExceeded) },
	`context canceled`:          func(t *testing.T) error { return endSleep(t, context.Canceled) },
	`pooled: pool "…": context deadline exceeded while waiting for a connection`: func(t *testing.T) error {
		return waitInQueue(t, context.DeadlineExceeded)
	},
	`pooled: pool "…": context canceled while waiting for a connection`: func(t *testing.T) error {
		return waitInQueue(t, context.Canceled)
	},
	`pooled: pool "…": context deadline exceeded while opening a connection`: func(t *testing.T) (err error) {
		synctest.Test(t, func(t *testing.T) {
			fake := pooledtest.NewFake(t)
			fake.On(pooledtest.StageConnect, pooledtest.Slow(2*time.Second).Times(1))
			db, _ := open(t, fake, func(c *pooled.Config) { c.ContextErrors = pooled.ContextErrorAll })
			defer db.Close()
			err = endWithin(t, context.DeadlineExceeded, db.PingContext)
		})
		return err
	},
}

// suffix makes a name that nobody has registered; it is taken out of the error again.
const suffix = "-not-imported"

// holdOne takes a server connection until the test ends.
func holdOne(t *testing.T, db *sql.DB) {
	t.Helper()
	tx, err := db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tx.Rollback() })
}

func execInTx(tx *sql.Tx) error {
	_, err := tx.Exec("INSERT 1")
	return err
}

// commitInvalidated is the error of a transaction whose server connection the program invalidated.
func commitInvalidated(t *testing.T) error {
	db, _ := open(t, pooledtest.NewFake(t))
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	tx, err := conn.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := pooled.Invalidate(conn, nil); err != nil {
		t.Fatal(err)
	}
	return tx.Commit()
}

// commitClosed is the error of a transaction whose connection was closed before its end. database/sql does not do that,
// but what stands between it and the driver may.
func commitClosed(t *testing.T) error {
	connector := pooltest.Connector(t, pooledtest.NewFake(t))
	defer connector.Close()
	conn, err := connector.Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	tx, err := conn.(driver.ConnBeginTx).BeginTx(t.Context(), driver.TxOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
	return tx.Commit()
}

// waitInQueue is the error of a caller whose context ended in the queue.
func waitInQueue(t *testing.T, cause error) (err error) {
	synctest.Test(t, func(t *testing.T) {
		db, _ := open(t, pooledtest.NewFake(t), pooltest.Size(1, 0))
		defer db.Close()
		tx, beginErr := db.Begin()
		if beginErr != nil {
			t.Fatal(beginErr)
		}
		defer tx.Rollback()
		err = endWithin(t, cause, db.PingContext)
	})
	return err
}

// endSleep is the error of a statement whose context ended while the server worked on it.
func endSleep(t *testing.T, cause error) (err error) {
	synctest.Test(t, func(t *testing.T) {
		db, _ := open(t, pooledtest.NewFake(t))
		defer db.Close()
		err = endWithin(t, cause, func(ctx context.Context) error {
			_, err := db.ExecContext(ctx, "SLEEP 1h")
			return err
		})
	})
	return err
}

// endWithin calls f with a context that ends for a cause.
func endWithin(t *testing.T, cause error, f func(context.Context) error) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if cause == context.Canceled {
		time.AfterFunc(time.Millisecond, cancel)
	}
	return f(ctx)
}

// inOutage is the error of a caller with a deadline whose server has gone away.
func inOutage(t *testing.T, set ...func(*pooled.Config)) (err error) {
	synctest.Test(t, func(t *testing.T) {
		fake := pooledtest.NewFake(t)
		db, _ := open(t, fake, append(set, func(cfg *pooled.Config) { cfg.Driver = "postgres" })...)
		defer db.Close()
		if err := db.Ping(); err != nil {
			t.Fatal(err)
		}
		fake.On(pooledtest.StageConnect, pooledtest.Fail(fmt.Errorf("dial tcp 127.0.0.1:5432: %w", syscall.ECONNREFUSED)))
		fake.Kill(io.EOF)
		ctx, cancel := context.WithTimeout(t.Context(), 6*time.Second)
		defer cancel()
		err = db.PingContext(ctx)
	})
	return err
}
