//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package pooled

import (
	"io"
	"syscall"
)

// peekSocket looks at what has arrived on a socket. buf has at least one byte.
func peekSocket(fd uintptr, buf []byte) (socketState, error) {
	for {
		n, _, err := syscall.Recvfrom(int(fd), buf, syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		switch {
		case err == syscall.EINTR:
		case err == syscall.EAGAIN || err == syscall.EWOULDBLOCK:
			return socketQuiet, nil
		case err != nil:
			return socketGone, err
		case n == 0:
			return socketGone, io.EOF
		default:
			return socketPending, nil
		}
	}
}
