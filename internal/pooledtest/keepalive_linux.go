package pooledtest

import (
	"net/netip"
	"os"
	"strconv"
	"syscall"
	"testing"
)

// KeepAlive is what the system does to find out that the other end of a TCP connection is gone. Idle and Interval are
// in seconds, Unacknowledged (TCP_USER_TIMEOUT) in milliseconds.
type KeepAlive struct {
	On                    bool
	Idle, Interval, Count int
	Unacknowledged        int
}

// KeepAlives asks the system for the settings of each IPv4 connection of this process to an address.
func KeepAlives(tb testing.TB, address string) (list []KeepAlive) {
	tb.Helper()
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		tb.Fatal(err)
	}
	files, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		tb.Fatal(err)
	}
	for _, file := range files {
		fd, err := strconv.Atoi(file.Name())
		if err != nil {
			continue
		}
		peer, err := syscall.Getpeername(fd)
		if v4, ok := peer.(*syscall.SockaddrInet4); err == nil && ok &&
			netip.AddrPortFrom(netip.AddrFrom4(v4.Addr), uint16(v4.Port)) == to {
			list = append(list, keepAliveOf(tb, fd))
		}
	}
	return list
}

func keepAliveOf(tb testing.TB, fd int) KeepAlive {
	tb.Helper()
	const tcpUserTimeout = 18
	get := func(level, name int) int {
		v, err := syscall.GetsockoptInt(fd, level, name)
		if err != nil {
			tb.Fatal(os.NewSyscallError("getsockopt", err))
		}
		return v
	}
	return KeepAlive{
		On:             get(syscall.SOL_SOCKET, syscall.SO_KEEPALIVE) == 1,
		Idle:           get(syscall.IPPROTO_TCP, syscall.TCP_KEEPIDLE),
		Interval:       get(syscall.IPPROTO_TCP, syscall.TCP_KEEPINTVL),
		Count:          get(syscall.IPPROTO_TCP, syscall.TCP_KEEPCNT),
		Unacknowledged: get(syscall.IPPROTO_TCP, tcpUserTimeout),
	}
}
