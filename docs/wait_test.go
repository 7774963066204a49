package docs_test

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/internal/pooledtest"
)

// What README.md and docs/sizing.md say of a caller without a deadline while all connections are in use.
func TestWaitWithoutADeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bare := sql.OpenDB(pooledtest.NewFake(t))
		defer bare.Close()
		bare.SetMaxOpenConns(1)
		held := hold(t, bare)
		done := make(chan error, 1)
		go func() { done <- bare.Ping() }()
		time.Sleep(time.Hour)
		select {
		case err := <-done:
			t.Errorf("database/sql: have %v after an hour, want it to wait", err)
		default:
		}
		pooledtest.Give(t, held)
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		db, _ := open(t, pooledtest.NewFake(t), func(c *pooled.Config) { c.Size, c.MaxOverflow = 1, 0 })
		defer db.Close()
		defer pooledtest.Give(t, hold(t, db))
		began := time.Now()
		err := db.Ping()
		if waited := time.Since(began); !errors.Is(err, pooled.ErrTimeout) || waited != 30*time.Second {
			t.Errorf("have %v after %v, want a timeout after 30s", err, waited)
		}
		if err == nil || !strings.Contains(err.Error(), "held longest: conn 1 for 30s") {
			t.Errorf("have %v, want who holds the connection", err)
		}
	})
}

// hold takes a connection and uses it.
func hold(t *testing.T, db *sql.DB) *sql.Conn {
	t.Helper()
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.PingContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	return conn
}

// What docs/what-changes.md says of SetMaxOpenConns: callers wait in database/sql, and the pool does not know of them.
func TestSetMaxOpenConnsHidesTheQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db, pool := open(t, pooledtest.NewFake(t), func(c *pooled.Config) {
			c.Size, c.MaxOverflow, c.Timeout = 1, 0, time.Second
		})
		defer db.Close()
		defer pooledtest.Give(t, hold(t, db))
		if err := db.Ping(); !errors.Is(err, pooled.ErrTimeout) {
			t.Errorf("without SetMaxOpenConns: have %v, want a timeout", err)
		}
		db.SetMaxOpenConns(1)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		began := time.Now()
		err := db.PingContext(ctx)
		if waited := time.Since(began); err != context.DeadlineExceeded || waited != time.Minute {
			t.Errorf("have %v after %v, want the bare %v after a minute", err, waited, context.DeadlineExceeded)
		}
		if have := pool.Stats().Timeouts; have != 1 {
			t.Errorf("have %d timeouts, want the first only", have)
		}
	})
}
