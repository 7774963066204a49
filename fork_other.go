//go:build !linux

package pooled

import "os"

// thisProcess is a number that a forked child does not share with its parent.
// It is never zero.
func thisProcess() uint64 { return uint64(os.Getpid()) }
