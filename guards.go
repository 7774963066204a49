package pooled

// The guards are the built-in part of the chain of hooks, in its order: what costs least and forbids most comes first.

// instantGuards would give the same answer again in the same moment, if nothing has happened since.
func (p *Pool) instantGuards() []Hooks {
	var list []Hooks
	if p.cfg.ForkGuard {
		list = append(list, forkGuard)
	}
	return append(list, p.ageGuard(), p.livenessGuard())
}

// guards are asked at each checkout.
func (p *Pool) guards() []Hooks {
	return []Hooks{resetterGuard, p.sessionGuard()}
}

// trusted reports whether the instant guards' last answer for s, which let it pass, is still true. They go by the
// coarse clock, which has not moved, and by what can change at any time, which is looked at here; but a socket has to
// be asked.
func (p *Pool) trusted(s *ServerConn) bool {
	return s.slot.Trusted() && s.conn.Socket == nil && s.process == p.process && p.cfg.PrePing != PingAlways
}

// watchers are the part of the chain that only looks on, behind all others.
func (p *Pool) watchers() []Hooks {
	list := []Hooks{journalHooks(&p.journal)}
	if p.cfg.EchoPool != EchoOff {
		list = append(list, logHooks(p.eventLog(), p.cfg.EchoPool))
	}
	if p.cfg.LeakAfter != NoLimit {
		list = append(list, leakHooks(p.eventLog()))
	}
	return list
}
