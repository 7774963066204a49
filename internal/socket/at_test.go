package socket_test

import (
	"context"
	"net"
	"path/filepath"
	"testing"

	"github.com/pooled-go/pooled/internal/socket"
)

// dials are the functions that a driver may dial by.
var dials = map[string]func(ctx context.Context, network, address string) (net.Conn, error){
	"Dial":        socket.Dial,
	"DialCounted": socket.DialCounted,
	"DialOne": func(ctx context.Context, network, address string) (net.Conn, error) {
		return socket.DialOne(ctx, new(net.Dialer), false, network, address)
	},
}

// Under At the address takes the place of a name, which is not even looked up.
func TestAt(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	address := listener.Addr().String()
	for name, dial := range dials {
		for _, network := range []string{"tcp", "tcp4"} {
			ctx, collector := socket.Collect(socket.At(t.Context(), address))
			conn, err := dial(ctx, network, "host.invalid:1")
			if err != nil {
				t.Errorf("%s of %s: have %v, want a connection to %s", name, network, err, address)
				continue
			}
			if have := conn.RemoteAddr().String(); have != address || collector.Last() == nil {
				t.Errorf("%s of %s: have a connection to %s, want %s, collected", name, network, have, address)
			}
			conn.Close()
		}
	}
}

// The path of a socket stays what it is.
func TestAtIsForTCP(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Skipf("no Unix sockets: %v", err)
	}
	defer listener.Close()
	for name, dial := range dials {
		conn, err := dial(socket.At(t.Context(), "127.0.0.1:1"), "unix", path)
		if err != nil {
			t.Errorf("%s: have %v, want a connection to the socket", name, err)
			continue
		}
		conn.Close()
	}
}
