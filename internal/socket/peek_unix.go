//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package socket

import (
	"io"
	"syscall"
)

// peek looks at what has arrived on a socket. buf has at least one byte.
func peek(fd uintptr, buf []byte) (State, error) {
	for {
		n, _, err := syscall.Recvfrom(int(fd), buf, syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		switch {
		case err == syscall.EINTR:
		case err == syscall.EAGAIN || err == syscall.EWOULDBLOCK:
			return Quiet, nil
		case err != nil:
			return Gone, err
		case n == 0:
			return Gone, io.EOF
		default:
			return Pending, nil
		}
	}
}
