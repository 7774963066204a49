package process

import "sync/atomic"

// Pretend makes this process look like a child that was forked from it, until back is
// called. It says whether that is possible: the kernel has to know MADV_WIPEONFORK. It is
// for tests, and so is ByPid.
func Pretend() (back func(), possible bool) {
	was := identity.Load()
	identity.Store(0)
	return func() { identity.Store(was) }, identityWiped
}

// ByPid makes this process do without MADV_WIPEONFORK, until back is called.
func ByPid() (back func()) {
	page, wiped := identity, identityWiped
	identity, identityWiped = new(atomic.Uint64), false
	return func() { identity, identityWiped = page, wiped }
}
