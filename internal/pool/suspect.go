package pool

// Suspect says that one was lost. All that were opened before are suspect then, until they are seen alive: what befell
// one of them, a server that failed over, say, has probably befallen the others.
func (p *Pool[T]) Suspect() {
	p.mu.Lock()
	p.losses++
	p.mu.Unlock()
}

// CloseSuspects closes the idle ones that are suspect, for cause. Where longer is not nil it is one that was idle until
// it was leased: only those that have been idle since before then are closed.
func (p *Pool[T]) CloseSuspects(longer *Slot[T], cause error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closeAllIdleLocked(cause, func(s *Slot[T]) bool {
		return s.losses != p.losses && (longer == nil || longer.leasedAt.Since(s.idleSince) > 0)
	})
}
