//go:build gc && !purego && (amd64 || arm64)

package pooled

// walkStack writes down the return addresses on this goroutine's stack, from its caller's to its own caller on, and returns how
// many. It follows the frame pointers, which Go keeps on these machines, and takes a few nanoseconds for each function
// where runtime.Callers, which looks them up in tables, takes a hundred: that would make a look for leaks cost more than
// everything else that a checkout does.
//
// What it reads lies within the goroutine's own stack, each frame above the last, so whatever a frame pointer may be (C code that called
// back into Go may leave anything there), nothing else is read. It is in assembly because there a goroutine is not
// interrupted, so its stack can't be moved meanwhile.
//
//go:noescape
func walkStack(pcs *uintptr, n int) int

// callers is runtime.Callers by frame pointers. It gives no function of its own for a call that was inlined, which
// runtime.CallersFrames makes up for.
func callers(pcs []uintptr) int { return walkStack(&pcs[0], len(pcs)) }
