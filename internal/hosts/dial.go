package hosts

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"time"
)

// patience is how long a dial of one host may take while there are others to try.
const patience = 3 * time.Second

// DownError is the error of a [Dial] that found no host that fits, during an outage. It is no reason to dial again
// before the gate is open.
type DownError struct{ Err error }

func (e *DownError) Error() string { return e.Err.Error() }
func (e *DownError) Unwrap() error { return e.Err }

// RoleError says that a host that is up has not the role that is wanted.
type RoleError struct {
	Address Address
	Role    Role
	Target  Target
}

func (e *RoleError) Error() string {
	switch {
	case e.Role == Standby && e.Target == Any:
		return e.Address.String() + " takes no writes any more"
	case e.Role == Standby:
		return e.Address.String() + " takes no writes, it is a standby"
	}
	return e.Address.String() + " is a primary, not a standby"
}

// OwnError wraps an error that says nothing of the host, as it is the program's own.
type OwnError struct{ Err error }

func (e *OwnError) Error() string { return e.Err.Error() }

// Dial calls dial for one host after another until one fits: first those that are known to be good, then those that
// were never dialed, and only if there is nothing else those that are down or of the wrong role. dial connects to an
// address, and tells the role if that is known. What it has opened and is not wanted is given to unfit.
//
// An error that does not mean that the server is away is returned at once. If no host fits, the error is a [DownError],
// and an outage has begun; but before the first connection, if nobody is to wait then, it is what dial has said.
// During an outage nothing is dialed.
func Dial[T any](
	ctx context.Context, s *Set, dial func(context.Context, Address) (T, Role, error), unfit func(T),
) (none T, _ Address, _ error) {
	if o := s.Gate(); o != nil {
		return none, Address{}, &DownError{o.Err}
	}
	r := round{set: s, began: time.Now(), tried: map[Address]bool{}}
	for {
		h, more, err := r.next(ctx)
		if err != nil {
			return none, Address{}, err
		}
		if h == nil {
			return none, Address{}, s.allFailed(r.began, r.errs)
		}
		began := time.Now()
		conn, role, err := bounded(ctx, h.address, more, dial)
		if err == nil {
			if r.accept(h, role) {
				return conn, h.address, nil
			}
			unfit(conn)
			continue
		}
		if !r.failed(ctx, h, err, began) {
			return none, h.address, err
		}
		if ctx.Err() != nil {
			return none, h.address, s.allFailed(r.began, r.errs)
		}
	}
}

// bounded dials with little patience if there are others.
func bounded[T any](
	ctx context.Context, a Address, others bool, dial func(context.Context, Address) (T, Role, error),
) (T, Role, error) {
	if others {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, patience)
		defer cancel()
	}
	return dial(ctx, a)
}

// round is one Dial, which tries each host once.
type round struct {
	set    *Set
	began  time.Time
	tried  map[Address]bool
	looked []bool // which entries were looked up
	errs   []error
}

// next is the host to try now, nil: none is left. more: there will be another. A name is looked up when its turn has
// come, as a dial by name would do.
func (r *round) next(ctx context.Context) (h *host, more bool, err error) {
	s := r.set
	if r.looked == nil {
		r.looked = make([]bool, len(s.cfg.Entries))
	}
	for {
		s.mu.Lock()
		list := s.candidates(r.tried, r.looked)
		s.mu.Unlock()
		if len(list) == 0 {
			return nil, false, nil
		}
		first := list[0]
		entry := first.address.Entry
		if r.looked[entry] || !s.cfg.Entries[entry].Lookup {
			r.tried[first.address] = true
			return first, len(list) > 1, nil
		}
		r.looked[entry] = true
		if err := r.lookUp(ctx, entry); err != nil {
			return nil, false, err
		}
	}
}

// lookUp finds the addresses of an entry. If that fails for now, those that were found before have to do.
func (r *round) lookUp(ctx context.Context, entry int) error {
	s := r.set
	name := s.cfg.Entries[entry].Name
	found, err := s.lookUp(ctx, name)
	s.lock()
	defer s.unlock()
	known := slices.ContainsFunc(s.hosts, func(h *host) bool { return h.address.Entry == entry })
	switch {
	case err == nil:
		s.resolved(entry, found)
	case ctx.Err() != nil:
		return err
	case known && s.cfg.Away(err):
	case len(s.cfg.Entries) == 1 && !s.cfg.Away(err):
		return err
	default:
		r.errs = append(r.errs, err)
		s.resolved(entry, nil)
	}
	return nil
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
	for i, ip := range ips {
		ips[i] = net.JoinHostPort(ip, port)
	}
	return ips, err
}

// candidates are the hosts to try, the best first. An entry that was not looked up yet, and of which nothing is known,
// is one of them by its name alone.
func (s *Set) candidates(tried map[Address]bool, looked []bool) []*host {
	var list []*host
	ranks := s.ranks()
	for i, e := range s.cfg.Entries {
		before := len(list)
		for _, h := range s.hosts {
			if h.address.Entry == i && !tried[h.address] {
				list = append(list, h)
			}
		}
		if len(list) == before && e.Lookup && !looked[i] {
			list = append(list, newHost(Address{Entry: i, Name: e.Name}))
		}
	}
	slices.SortStableFunc(list, func(a, b *host) int {
		return cmp.Or(s.score(a)-s.score(b), ranks[a.address.Entry]-ranks[b.address.Entry])
	})
	return list
}

// ranks is the place of each entry in this round.
func (s *Set) ranks() []int {
	if s.cfg.Random {
		return rand.Perm(len(s.cfg.Entries))
	}
	ranks := make([]int, len(s.cfg.Entries))
	for i := range ranks {
		ranks[i] = i
	}
	return ranks
}

// score says how promising a host is, the less the better. One that was never dialed is as good as another address of
// its entry.
func (s *Set) score(h *host) int {
	switch h.state {
	case Up:
		if s.fit(h.role) == fitsFallback {
			return 2
		}
		return 0
	case Unknown:
		for _, other := range s.hosts {
			if s.cfg.Random || other.address.Entry == h.address.Entry && other.state == Up {
				return 0
			}
		}
		return 1
	case WrongRole:
		return 3
	}
	return 4
}

// accept takes what a dial has found, and reports whether that is to be used.
func (r *round) accept(h *host, role Role) bool {
	s := r.set
	s.lock()
	defer s.unlock()
	s.connected = true
	s.found(h, role)
	switch {
	case h.state == WrongRole:
		r.errs = append(r.errs, &RoleError{h.address, h.role, s.cfg.Target})
		s.plan()
		return false
	case s.fit(h.role) == fitsFallback && r.better():
		delete(r.tried, h.address) // it is good enough if the better ones are not there
		return false
	}
	s.plan()
	return true
}

// better reports whether a host that was not tried yet may fit better than a fallback.
func (r *round) better() bool {
	for _, h := range r.set.candidates(r.tried, r.looked) {
		if r.set.score(h) < 2 {
			return true
		}
	}
	return false
}

// failed takes the error of a dial, and reports whether the next host is to be tried.
func (r *round) failed(ctx context.Context, h *host, err error, began time.Time) bool {
	s := r.set
	if ctx.Err() == context.Canceled || ctx.Err() != nil && time.Since(began) < patience {
		return false // whoever wanted it was in a hurry
	}
	if isOwn(err) {
		return false
	}
	s.lock()
	defer s.unlock()
	if !s.cfg.Away(err) {
		s.found(h, RoleUnknown) // it has answered
		h.err = err
		return false
	}
	s.lost(h, err, began)
	r.errs = append(r.errs, err)
	return true
}

func isOwn(err error) bool {
	_, own := err.(*OwnError)
	return own
}

// allFailed is the end of a Dial that no host fits. An outage has begun, unless a host was seen up since the Dial
// began: then that may be dialed again at once.
func (s *Set) allFailed(began time.Time, errs []error) error {
	err := joined(errs)
	s.lock()
	defer s.unlock()
	if !s.waits() {
		return err
	}
	for _, h := range s.hosts {
		if h.state == Up && h.upAt.After(began) {
			return &DownError{err}
		}
	}
	s.begin(err)
	return &DownError{err}
}

// waits reports whether there are outages: before the first connection only if callers would wait then. Without that,
// each caller dials for itself and sees what is wrong.
func (s *Set) waits() bool {
	return s.connected || s.cfg.Wait > 0 || s.cfg.Wait < 0 && s.cfg.Wait != WaitAuto
}

// joined is one error in one line.
func joined(errs []error) error {
	switch len(errs) {
	case 0:
		return errors.New("no host is known")
	case 1:
		return errs[0]
	}
	texts := make([]string, len(errs))
	for i, err := range errs {
		texts[i] = err.Error()
	}
	return &allError{strings.Join(texts, "; "), errs}
}

type allError struct {
	text string
	errs []error
}

func (e *allError) Error() string   { return fmt.Sprintf("none of %d hosts: %s", len(e.errs), e.text) }
func (e *allError) Unwrap() []error { return e.errs }
