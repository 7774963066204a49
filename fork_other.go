//go:build !linux

package pooled

import "os"

// thisProcess is a number that a forked child does not share with its parent.
// It is never zero.
func thisProcess() uint64 { return uint64(os.Getpid()) }

// atHome reports whether process is certain to be this one; elsewhere tells for the others.
func atHome(process uint64) bool { return process == 0 }

// elsewhere reports whether process, an identity or zero for none, is not this one.
func elsewhere(process uint64) bool { return process != 0 && process != thisProcess() }
