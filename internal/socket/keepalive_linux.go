package socket

import (
	"net"
	"syscall"
	"time"
)

const (
	tcpUserTimeout = 18 // TCP_USER_TIMEOUT, which package syscall lacks
	goIdle         = 15 // seconds, of net.Dialer
)

// limitUnacknowledged limits how long sent data may stay without acknowledgement. Keepalive does not begin before that.
func limitUnacknowledged(conn *net.TCPConn, d time.Duration) {
	if raw, err := conn.SyscallConn(); err == nil {
		raw.Control(func(fd uintptr) {
			syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, tcpUserTimeout, int(d.Milliseconds()))
		})
	}
}

// tuned tells that somebody has changed what net.Dialer sets.
func tuned(conn *net.TCPConn) (is bool) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return false
	}
	raw.Control(func(fd uintptr) {
		differs := func(level, name, want int) bool {
			have, err := syscall.GetsockoptInt(int(fd), level, name)
			return err == nil && have != want
		}
		is = differs(syscall.SOL_SOCKET, syscall.SO_KEEPALIVE, 1) ||
			differs(syscall.IPPROTO_TCP, syscall.TCP_KEEPIDLE, goIdle) ||
			differs(syscall.IPPROTO_TCP, tcpUserTimeout, 0)
	})
	return is
}
