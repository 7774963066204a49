//go:build unix

package top

import (
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"
)

// suspensions tells of each Ctrl-Z, which then does nothing by itself. There are none in the group of the session's
// leader: no shell is there to continue it, so that the system does not stop it either.
func suspensions() (pressed chan os.Signal, stop func()) {
	if leader, err := unix.Getsid(0); err != nil || leader == unix.Getpgrp() {
		return nil, func() {}
	}
	pressed = make(chan os.Signal, 1)
	signal.Notify(pressed, syscall.SIGTSTP)
	return pressed, func() { signal.Stop(pressed) }
}

// suspend stops this process, as Ctrl-Z does to one that takes no notice of it, and returns when it was continued. Go
// lets no SIGTSTP of its own stop a process that has asked for such signals.
func suspend() {
	resumed := make(chan os.Signal, 1)
	signal.Notify(resumed, syscall.SIGCONT)
	defer signal.Stop(resumed)
	if syscall.Kill(syscall.Getpid(), syscall.SIGSTOP) == nil {
		<-resumed
	}
}
