package pooled_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"log"
	"testing"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/internal/pooledtest"
)

// Snippets of README and docs that are no examples of their own.

func TestSnippetOpen(t *testing.T) {
	db, err := sql.Open("pooled", "postgres://scott:tiger@localhost/shop?sslmode=disable&pool_size=10&pool_max_overflow=10")
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

func currentPassword(context.Context) (string, error) { return "tiger", nil }

func TestSnippetHooks(t *testing.T) {
	pooled.RegisterHooks("rotate", pooled.Hooks{
		BeforeConnect: func(ctx context.Context, p *pooled.ConnectParams) (err error) {
			p.Password, err = currentPassword(ctx)
			return err
		},
	})
	db, err := sql.Open("pooled", "postgres://scott@localhost/shop?pool_hooks=rotate")
	if err != nil {
		t.Fatal(err)
	}
	db.Close()
}

func TestSnippetAudit(t *testing.T) {
	pooled.RegisterHooks("audit", pooled.Hooks{
		Invalidate: func(s *pooled.ServerConn, cause error) {
			log.Printf("server connection %d is of no use: %v", s.ID(), cause)
		},
	})
	db, err := sql.Open("pooled", "postgres://scott@localhost/shop?pool_hooks=audit")
	if err != nil {
		t.Fatal(err)
	}
	db.Close()
}

func TestSnippetByHand(t *testing.T) {
	db, _ := open(t, pooledtest.Null{})
	if err := byHand(t.Context(), db); err != nil {
		t.Fatal(err)
	}
}

func byHand(ctx context.Context, db *sql.DB) error {
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()

	// The parent driver's connection.
	err = pooled.Raw(ctx, conn, func(parent driver.Conn) error {
		fmt.Printf("%T\n", parent)
		return nil
	})

	// It is of no use, read-only after a failover: closed, and conn goes on with another.
	err = pooled.Invalidate(ctx, conn, errors.New("read-only"))

	// Close it when it comes back.
	err = pooled.SoftInvalidate(ctx, conn, nil)

	// It leaves the pool, and is closed for real with conn.
	err = pooled.Detach(ctx, conn)

	// All of them: the idle ones now, those in use when they come back.
	if pool, ok := pooled.PoolOf(db); ok {
		pool.Dispose()
	}
	return err
}
