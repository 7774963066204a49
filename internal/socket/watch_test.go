package socket_test

import (
	"context"
	"errors"
	"net"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/pooled-go/pooled/internal/socket"
)

func TestWatch(t *testing.T) {
	noServer := func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("no DNS server") }
	nowhere := &net.Dialer{Resolver: &net.Resolver{PreferGo: true, Dial: noServer}}
	var address atomic.Pointer[string]
	ctx := socket.Watch(t.Context(), &address)
	if address.Load() != nil {
		t.Errorf("have %s before the first dial, want nothing", *address.Load())
	}
	for _, test := range []struct {
		network, address string
		dial             func(ctx context.Context, network, address string) (net.Conn, error)
	}{
		{"tcp", "127.0.0.1:0", socket.Dial},
		{"unix", filepath.Join(t.TempDir(), "s"), socket.DialCounted},
		{"tcp", "127.0.0.1:0", new(net.Dialer).DialContext},
	} {
		listener, err := net.Listen(test.network, test.address)
		if err != nil {
			t.Fatal(err)
		}
		defer listener.Close()
		conn, err := test.dial(ctx, test.network, listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		conn.Close()
		if have, want := *address.Load(), listener.Addr().String(); have != want {
			t.Errorf("have %s, want %s", have, want)
		}
	}
	if _, err := nowhere.DialContext(ctx, "tcp", "db.test:5432"); err == nil || *address.Load() != "db.test" {
		t.Errorf("have %s (%v), want the name that is looked up", *address.Load(), err)
	}
}
