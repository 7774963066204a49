package hosts

import (
	"context"
	"fmt"
	"net"
	"slices"
	"time"
)

// mostGone is how many addresses that a name had are remembered: there may be connections to them.
const mostGone = 16

// lookUp finds the addresses of an entry. If that fails for now, those that were found before have to do.
func (r *round) lookUp(ctx context.Context, entry int, more bool) error {
	s, began := r.set, time.Now()
	limited, cancel := ctx, context.CancelFunc(func() {})
	if more || s.known(entry) {
		limited, cancel = context.WithTimeout(ctx, patience)
	}
	defer cancel()
	found, err := s.lookUp(limited, s.cfg.Entries[entry].Name)
	s.lock()
	defer s.unlock()
	away := err != nil && (s.cfg.Away(err) || limited.Err() != nil)
	switch {
	case err == nil:
		s.resolved(entry, found)
	case ctx.Err() != nil, len(s.cfg.Entries) == 1 && !away:
		return err
	case s.knownLocked(entry) && away:
	default:
		r.errs = append(r.errs, err)
		s.unresolved(entry, err, began)
	}
	return nil
}

// lookUpAgain looks up the name of a host before it is probed: its servers may be elsewhere by now. probe: the host is
// to be probed all the same.
func (s *Set) lookUpAgain(ctx context.Context, h *host) (probe bool, err error) {
	e := s.cfg.Entries[h.address.Entry]
	if !e.Lookup {
		return true, nil
	}
	found, err := s.lookUp(ctx, e.Name)
	s.lock()
	defer s.unlock()
	switch {
	case err == nil:
		s.resolved(h.address.Entry, found)
	case h.address.IP == "":
		return false, err
	}
	return !h.gone, nil
}

// lookUp finds the addresses of host:port.
func (s *Set) lookUp(ctx context.Context, name string) ([]string, error) {
	host, port, err := net.SplitHostPort(name)
	if err != nil {
		return nil, err
	}
	if net.ParseIP(host) != nil {
		return []string{name}, nil
	}
	ips, err := s.cfg.Lookup(ctx, host)
	if err == nil && len(ips) == 0 {
		err = fmt.Errorf("%s has no address", host)
	}
	found := make([]string, len(ips))
	for i, ip := range ips {
		found[i] = net.JoinHostPort(ip, port)
	}
	return found, err
}

// isName tells whether a host stands for a name whose addresses are not known.
func (s *Set) isName(h *host) bool {
	return h.address.IP == "" && s.cfg.Entries[h.address.Entry].Lookup
}

// known tells whether addresses of an entry are known.
func (s *Set) known(entry int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.knownLocked(entry)
}

func (s *Set) knownLocked(entry int) bool {
	return slices.ContainsFunc(s.hosts, func(h *host) bool { return h.address.Entry == entry && !s.isName(h) })
}

// resolved takes the addresses that the name of an entry has now, in their order.
func (s *Set) resolved(entry int, addresses []string) {
	var now []*host
	taken := map[string]bool{}
	for _, ip := range addresses {
		if !taken[ip] {
			taken[ip] = true
			now = append(now, s.at(Address{Entry: entry, Name: s.cfg.Entries[entry].Name, IP: ip}))
		}
	}
	s.replace(entry, now)
}

// unresolved takes why the name of an entry has no addresses.
func (s *Set) unresolved(entry int, err error, began time.Time) {
	h := s.at(Address{Entry: entry, Name: s.cfg.Entries[entry].Name})
	s.lost(h, err, began)
	s.replace(entry, []*host{h})
}

// at is the host at an address: one that is known, or was, or a new one.
func (s *Set) at(a Address) *host {
	is := func(h *host) bool { return h.address == a }
	if i := slices.IndexFunc(s.hosts, is); i >= 0 {
		return s.hosts[i]
	}
	i := slices.IndexFunc(s.gone, is)
	if i < 0 {
		return newHost(a)
	}
	h := s.gone[i]
	s.gone = slices.Delete(s.gone, i, i+1)
	h.gone = false
	h.set(Unknown)
	return h
}

// replace replaces the hosts of an entry.
func (s *Set) replace(entry int, now []*host) {
	var list []*host
	for _, h := range s.hosts {
		if h.address.Entry != entry {
			list = append(list, h)
		} else if !slices.Contains(now, h) {
			s.forget(h)
		}
	}
	s.hosts = append(list, now...)
	slices.SortStableFunc(s.hosts, func(a, b *host) int { return a.address.Entry - b.address.Entry })
}

// forget takes note that a host is none any more.
func (s *Set) forget(h *host) {
	h.gone = true
	h.calm()
	if !s.isName(h) {
		s.gone = append(s.gone[max(0, len(s.gone)+1-mostGone):], h)
	}
}
