//go:build !gc || purego || !(amd64 || arm64)

package pooled

import "runtime"

// callers are the return addresses on this goroutine's stack.
func callers(pcs []uintptr) int { return runtime.Callers(1, pcs) }
