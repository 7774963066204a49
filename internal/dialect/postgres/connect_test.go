package postgres_test

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"github.com/lib/pq"

	"github.com/pooled-go/pooled/internal/dialect/postgres"
)

// A server that accepts a connection and says nothing keeps nobody longer than the context. lib/pq itself knows only
// connect_timeout then.
func TestConnectToSilentServer(t *testing.T) {
	server, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	for _, mode := range []string{"disable", "allow", "prefer", "require"} {
		for _, limit := range []string{"", "&connect_timeout=90"} {
			t.Run(mode+limit, func(t *testing.T) {
				dsn := "postgres://u@" + server.Addr().String() + "/db?sslmode=" + mode + limit
				connector, err := postgres.Dialect.Connector(&pq.Driver{}, dsn)
				if err != nil {
					t.Fatal(err)
				}
				ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
				defer cancel()
				ended := make(chan error, 1)
				go func() {
					conn, err := connector.Connect(ctx)
					if err == nil {
						conn.Close()
					}
					ended <- err
				}()
				select {
				case err := <-ended:
					if !errors.Is(err, context.DeadlineExceeded) {
						t.Errorf("have %v, want the end of the context", err)
					}
				case <-time.After(20 * time.Second):
					t.Error("it hangs")
				}
			})
		}
	}
}
