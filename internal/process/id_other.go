//go:build !linux

package process

import "os"

// ID is a number that a forked child does not share with its parent. It is never zero.
func ID() uint64 { return uint64(os.Getpid()) }

// Same reports whether id is certain to be this process's; if it is false, Other tells.
func Same(id uint64) bool { return id == 0 }
