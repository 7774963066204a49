// Package callers records call stacks, fast enough to do so at each checkout. They show who holds a connection.
//
// By runtime.Callers a checkout would take a microsecond longer, more than all else that
// it does; by the frame pointers, which Go keeps on amd64 and arm64, it takes some 25
// nanoseconds longer. Elsewhere, and with the build tag purego, it is runtime.Callers.
package callers

// Into writes the return addresses on this goroutine's stack, the innermost first, and
// returns how many; runtime.CallersFrames tells what they are. What calls Into may be
// left out, and Into itself may be among them.
func Into(pcs []uintptr) int { return into(pcs) }
