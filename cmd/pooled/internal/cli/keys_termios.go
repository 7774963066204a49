//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package cli

import (
	"os"

	"golang.org/x/sys/unix"
)

// HideKeys makes a terminal show nothing of what is typed. Ctrl-C and Ctrl-Z do what they always do. restore makes it
// as it was, and forgets what was typed, so that the shell does not run it.
func HideKeys(terminal *os.File) (restore func()) {
	fd := int(terminal.Fd())
	before, err := unix.IoctlGetTermios(fd, getTermios)
	if err != nil {
		return func() {}
	}
	hidden := *before
	hidden.Lflag &^= unix.ECHO
	unix.IoctlSetTermios(fd, setTermios, &hidden) // if it fails, keys are seen
	return func() { unix.IoctlSetTermios(fd, setTermios, before) }
}
