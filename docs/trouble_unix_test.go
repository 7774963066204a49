//go:build unix

package docs_test

import (
	"context"
	"errors"
	"net"
	"os"
	"syscall"
	"testing"

	"github.com/go-sql-driver/mysql"
)

// What the system says of sockets and files. Windows says it in other words.
var systemTroubles = troubles{
	`connection refused`: func(t *testing.T) error {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		listener.Close()
		return ping(t, "scott:tiger@tcp("+listener.Addr().String()+")/shop")
	},
	`no route to host`: func(t *testing.T) error { // the dialer says what the system says when a route is gone
		mysql.RegisterDialContext("trouble", func(context.Context, string) (net.Conn, error) {
			return nil, &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.EHOSTUNREACH)}
		})
		defer mysql.DeregisterDialContext("trouble")
		return ping(t, "scott:tiger@trouble(10.0.0.7:3306)/shop")
	},
	`connection reset by peer`: func(t *testing.T) error {
		_, err := resetByPeer(t).Read(make([]byte, 1))
		return err
	},
	`broken pipe`: func(t *testing.T) error {
		c := resetByPeer(t)
		c.Read(make([]byte, 1)) // takes the first error, of the reset
		_, err := c.Write([]byte("SELECT 1"))
		return err
	},
	`too many open files`: func(t *testing.T) error {
		var was syscall.Rlimit
		if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &was); err != nil {
			t.Fatal(err)
		}
		few := was
		few.Cur = 3
		if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &few); err != nil {
			t.Fatal(err)
		}
		defer syscall.Setrlimit(syscall.RLIMIT_NOFILE, &was)
		return ping(t, "scott:tiger@tcp(127.0.0.1:1)/shop")
	},
}

// resetByPeer is a connection whose other side was closed without ending the protocol.
func resetByPeer(t *testing.T) net.Conn {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	c, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	peer, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(peer.(*net.TCPConn).SetLinger(0), peer.Close()); err != nil {
		t.Fatal(err)
	}
	return c
}
