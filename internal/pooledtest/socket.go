package pooledtest

import (
	"context"
	"net"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/pooled-go/pooled/internal/socket"
)

// SocketPair is a connection made by socket.Dial on "tcp" or "unix", its other end, and
// what was collected of it.
func SocketPair(t testing.TB, network string) (ours, theirs net.Conn, s *socket.Socket) {
	t.Helper()
	address := "127.0.0.1:0"
	if network == "unix" {
		address = filepath.Join(t.TempDir(), "socket")
	}
	listener, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	ctx, dialed := socket.Collect(context.Background())
	if ours, err = socket.Dial(ctx, network, listener.Addr().String()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ours.Close() })
	if theirs, err = listener.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { theirs.Close() })
	return ours, theirs, dialed.Last()
}

// PeekSees waits until a peek shows the state, and returns the peek's error; on platforms
// that can't see, it skips the test.
func PeekSees(t testing.TB, s *socket.Socket, want socket.State) error {
	t.Helper()
	switch runtime.GOOS {
	case "linux", "darwin", "freebsd", "netbsd", "openbsd", "dragonfly":
	default:
		t.Skip("internal/socket can't look at a socket on " + runtime.GOOS + ", and says unknown")
	}
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		have, err := s.Peek()
		if have == want {
			if (err != nil) != (want == socket.Gone) {
				t.Errorf("%s, error: %v", have, err)
			}
			return err
		}
		if time.Now().After(end) {
			t.Fatalf("peek: have %s (%v), want %s", have, err, want)
		}
	}
}
