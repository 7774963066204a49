package cli

import "golang.org/x/sys/unix"

// Requests to a terminal. setTermios drops what was typed and not read.
const (
	getTermios = unix.TCGETS
	setTermios = unix.TCSETSF
)
