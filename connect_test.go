package pooled_test

import (
	"net"
	"testing"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/internal/socket"
)

// TestDialContext: what a program dials for the pool is remembered, and is the connection itself.
func TestDialContext(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	ctx, dialed := socket.Collect(t.Context())
	conn, err := pooled.DialContext(ctx, "tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, ok := conn.(*net.TCPConn); !ok {
		t.Errorf("have a %T", conn)
	}
	if have := dialed.Last().Conn(); have != conn {
		t.Errorf("remembered: have %v, want %v", have, conn)
	}
}
