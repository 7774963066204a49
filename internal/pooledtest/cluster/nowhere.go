//go:build linux

package cluster

import (
	"encoding/binary"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Refusing is an address where nobody listens: a connect is refused at once.
func Refusing(tb testing.TB) string {
	tb.Helper()
	return newAddress(tb)
}

// BlackHole is an address that does not answer: a connect hangs, as with a machine that has vanished. Somebody listens
// there, whose queue is full.
func BlackHole(tb testing.TB) string {
	tb.Helper()
	address := newAddress(tb)
	host, port, _ := net.SplitHostPort(address)
	number, err := strconv.Atoi(port)
	if err != nil {
		tb.Fatal(err)
	}
	at := &syscall.SockaddrInet4{Port: number, Addr: [4]byte(net.ParseIP(host).To4())}
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { syscall.Close(fd) })
	if err := syscall.Bind(fd, at); err != nil {
		tb.Fatal(err)
	}
	if err := syscall.Listen(fd, 0); err != nil { // has room for one
		tb.Fatal(err)
	}
	for deadline := time.Now().Add(limit); waiting(tb, at) == 0; {
		if time.Now().After(deadline) {
			tb.Fatalf("%s is no black hole", address)
		}
		fill(tb, address, at)
	}
	return address
}

// fill takes a place in the queue of a listener. It can be that the system drops the client's last packet: then the
// client has a connection, and the listener none.
func fill(tb testing.TB, address string, at *syscall.SockaddrInet4) {
	conn, err := net.DialTimeout("tcp", address, time.Second)
	if err != nil {
		return
	}
	tb.Cleanup(func() { conn.Close() })
	for end := time.Now().Add(time.Second); waiting(tb, at) == 0 && time.Now().Before(end); {
		time.Sleep(pause)
	}
}

// waiting is how many connections wait for the listener at an address to accept them.
func waiting(tb testing.TB, at *syscall.SockaddrInet4) int64 {
	tb.Helper()
	// Not /proc/net, which is that of the first thread: a test may have put that into another network namespace.
	text, err := os.ReadFile("/proc/thread-self/net/tcp")
	if err != nil {
		tb.Fatal(err)
	}
	const listens = "0A"
	local := fmt.Sprintf("%08X:%04X", binary.NativeEndian.Uint32(at.Addr[:]), at.Port)
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if fields[1] == local && fields[3] == listens {
			_, queue, _ := strings.Cut(fields[4], ":")
			n, _ := strconv.ParseInt(queue, 16, 64)
			return n
		}
	}
	return 0
}
