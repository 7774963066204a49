//go:build linux

package bench

import (
	"errors"
	"net"
	"syscall"
	"testing"
	"time"
)

// Refused and accepted dials count, what is sent afterwards does not, nor does what goes elsewhere.
func TestDialsAreCounted(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	c := countDials(t, listener.Addr().String())
	for range 3 {
		dial(t, listener.Addr().String())
	}
	awaitDials(t, c, 3)
	listener.Close()
	for range 2 {
		if conn, err := net.Dial("tcp", listener.Addr().String()); err == nil {
			conn.Close()
			t.Fatal("have a connection, want it refused")
		}
	}
	awaitDials(t, c, 5)
	elsewhere, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer elsewhere.Close()
	dial(t, elsewhere.Addr().String())
	if n := c.Count(); n != 5 {
		t.Errorf("have %d dials, want 5", n)
	}
}

// dial sends something, so that there are packets other than the first.
func dial(t *testing.T, address string) {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Write([]byte("hello")); err != nil {
		t.Error(err)
	}
	conn.Close()
}

func countDials(t *testing.T, address string) *DialCounter {
	t.Helper()
	c, err := CountDials(address)
	if errors.Is(err, syscall.EPERM) {
		t.Skip("counting dials needs root: ", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func awaitDials(t *testing.T, c *DialCounter, want int) {
	t.Helper()
	for until := time.Now().Add(20 * time.Second); c.Count() != want; time.Sleep(time.Millisecond) {
		if time.Now().After(until) {
			t.Fatalf("have %d dials, want %d", c.Count(), want)
		}
	}
}
