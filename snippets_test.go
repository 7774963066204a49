package pooled_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"log"
	"sync"
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

// openRotating registers a name, which can be done once.
var openRotating = sync.OnceValue(func() error {
	pooled.RegisterHooks("rotate", pooled.Hooks{
		BeforeConnect: func(ctx context.Context, p *pooled.ConnectParams) (err error) {
			p.Password, err = currentPassword(ctx)
			return err
		},
	})
	db, err := sql.Open("pooled", "postgres://scott@localhost/shop?pool_hooks=rotate")
	if err != nil {
		return err
	}
	return db.Close()
})

func TestSnippetHooks(t *testing.T) {
	if err := openRotating(); err != nil {
		t.Fatal(err)
	}
}

// openAudited registers a name, which can be done once.
var openAudited = sync.OnceValue(func() error {
	pooled.RegisterHooks("audit", pooled.Hooks{
		Invalidate: func(s *pooled.ServerConn, cause error) {
			log.Printf("server connection %d is of no use: %v", s.ID(), cause)
		},
	})
	db, err := sql.Open("pooled", "postgres://scott@localhost/shop?pool_hooks=audit")
	if err != nil {
		return err
	}
	return db.Close()
})

func TestSnippetAudit(t *testing.T) {
	if err := openAudited(); err != nil {
		t.Fatal(err)
	}
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
	if err != nil {
		return err
	}

	// It is of no use, read-only after a failover: conn goes on with another, and it is closed with conn.
	if err := pooled.Invalidate(ctx, conn, errors.New("read-only")); err != nil {
		return err
	}

	// Close it when it comes back.
	if err := pooled.SoftInvalidate(ctx, conn, nil); err != nil {
		return err
	}

	// It leaves the pool, and is closed for real with conn.
	if err := pooled.Detach(ctx, conn); err != nil {
		return err
	}

	// All of them: the idle ones now, those in use when they come back.
	if pool, ok := pooled.PoolOf(db); ok {
		pool.Dispose()
	}
	return nil
}

func TestSnippetOpenConfig(t *testing.T) {
	if err := openConfig(); err != nil {
		t.Fatal(err)
	}
}

func openConfig() error {
	cfg, err := pooled.ParseDSN("postgres://scott:tiger@localhost/shop?pool_size=10")
	if err != nil {
		return err
	}
	cfg.ConnectArgs = map[string]string{"application_name": "orders"}
	db, err := pooled.Open(cfg)
	if err != nil {
		return err
	}
	return db.Close()
}
