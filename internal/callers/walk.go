//go:build gc && !purego && (amd64 || arm64)

package callers

// walk writes down at most n return addresses, from that of its caller on, and returns
// how many. It follows the frame pointers; runtime.Callers looks each function up in
// tables.
//
// What it reads lies within the goroutine's own stack, each frame above the last.
// Whatever a frame pointer may be (C code that called back into Go may leave anything
// there), nothing else is read. It is in assembly because there a goroutine is not
// interrupted, so its stack can't be moved meanwhile.
//
//go:noescape
func walk(pcs *uintptr, n int) int

// into gives no function of its own for a call that was inlined, which
// runtime.CallersFrames makes up for.
func into(pcs []uintptr) int { return walk(&pcs[0], len(pcs)) }
