package hosts

import (
	"slices"
	"time"
)

// Met is told the role of a new connection's server where that was seen by the way, and not asked for by [Dial]. It
// counts what the first one was. That a later one takes no writes is not enough to give it up: behind a proxy that
// sends reads to other servers than writes, that says nothing.
func (s *Set) Met(a Address, role Role) {
	s.lock()
	defer s.unlock()
	if s.first == RoleUnknown {
		s.first = role
	}
	for _, h := range s.hosts {
		if h.address == a && (role == Primary || !s.minds()) {
			s.found(h, role)
		}
	}
}

// Demoted is told that the server of a connection takes no writes. It reports whether the Set minds, so that the
// connection is of no use: not if the first connection took none either, or if callers have waited long enough for a
// server that does. Config.Demoted is told, unless somebody has said so of a connection that was opened later.
func (s *Set) Demoted(a Address, opened time.Time) (minds bool) {
	s.lock()
	defer s.unlock()
	if !s.minds() {
		return false
	}
	news := false
	for _, h := range slices.Concat(s.hosts, s.gone) {
		if h.address != a || !h.demoted.Before(opened) {
			continue
		}
		news = true
		h.demoted, h.role = time.Now(), Standby
		s.picky = s.cfg.Target == Any
		s.judge(h)
		if s.judgeAll(); s.demoted.IsZero() && !s.anyUp() {
			s.demoted = h.demoted
		}
	}
	if news {
		s.counts.Demotions++
		s.changed = true
		if s.cfg.Demoted != nil {
			s.tell(func() { s.cfg.Demoted(a) })
		}
	}
	return true
}

// minds reports whether it matters that a server takes no writes.
func (s *Set) minds() bool {
	return s.cfg.Target == WantPrimary || s.cfg.Target == Any && s.first == Primary && !s.relaxed
}
