package integration

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"

	"github.com/pooled-go/pooled"
)

// A driver that the pool does not dial for is seen dialing, too.
func TestWaitErrorHasTheAddress(t *testing.T) {
	for _, dsn := range []string{
		"pgx://scott:t1ger@SERVER/db?sslmode=disable",
		"sqlserver://scott:t1ger@SERVER?encrypt=disable",
	} {
		server, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		want := server.Addr().String()
		ctx, cancel := context.WithCancel(t.Context())
		go func() { // accepts the connection, and says nothing
			if conn, err := server.Accept(); err == nil {
				defer conn.Close()
				cancel()
				<-t.Context().Done()
			}
		}()
		db := openPooled(t, strings.Replace(dsn, "SERVER", want, 1)+"&pool_timeout=-1&pool_context_errors=all")
		var ended *pooled.ContextError
		if err := db.PingContext(ctx); !errors.As(err, &ended) || ended.Address != want {
			t.Errorf("%s: have %v, want a ContextError with %s", dsn, err, want)
		}
		server.Close()
	}
}
