package hosts

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
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
	r := round{set: s, tried: map[*host]bool{}, looked: make([]bool, len(s.cfg.Entries))}
	for {
		h, more, err := r.next(ctx)
		if err != nil {
			return none, Address{}, err
		}
		if h == nil {
			return none, Address{}, s.allFailed(r.errs)
		}
		var limit time.Duration
		if more {
			limit = s.limit(ctx, h)
		}
		began := time.Now()
		conn, role, late, err := bounded(ctx, limit, h.address, dial)
		if err == nil {
			if r.accept(h, role, time.Since(began)) {
				return conn, h.address, nil
			}
			unfit(conn)
			continue
		}
		if !r.failed(ctx, h, err, began, late) || ctx.Err() != nil && more {
			return none, h.address, err
		}
	}
}

// limit is how long a dial of a host may take if there are others. One that was slow gets more time, and half of the
// time of whoever is in a hurry is left for the others.
func (s *Set) limit(ctx context.Context, h *host) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	limit := max(patience, 2*h.took)
	if end, ends := ctx.Deadline(); ends {
		limit = max(1, min(limit, time.Until(end)/2))
	}
	return limit
}

// bounded dials, with a limit of time if that is not 0. late: it was over.
func bounded[T any](
	ctx context.Context, limit time.Duration, a Address, dial func(context.Context, Address) (T, Role, error),
) (conn T, role Role, late bool, err error) {
	if limit == 0 {
		conn, role, err = dial(ctx, a)
		return conn, role, false, err
	}
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	conn, role, err = dial(limited, a)
	return conn, role, ctx.Err() == nil && limited.Err() != nil, err
}

// round is one Dial, which tries each host once.
type round struct {
	set    *Set
	tried  map[*host]bool
	looked []bool // which entries were looked up
	errs   []error

	hasty []func() // to be called if another host fits: those that had little time to answer are down then
}

// enough is the time after which a host that did not answer is down if another one fits, and if it has not been slow
// before.
const enough = 300 * time.Millisecond

// next is the host to try now, nil: none is left. more: there will be another. A name is looked up when its turn has
// come, as a dial by name would do.
func (r *round) next(ctx context.Context) (h *host, more bool, err error) {
	s := r.set
	for {
		s.mu.Lock()
		list := r.candidates()
		s.mu.Unlock()
		if len(list) == 0 {
			return nil, false, nil
		}
		first, more := list[0], len(list) > 1
		entry := first.address.Entry
		if r.looked[entry] || !s.cfg.Entries[entry].Lookup {
			r.tried[first] = true
			return first, more, nil
		}
		r.looked[entry] = true
		if err := r.lookUp(ctx, entry, more); err != nil {
			return nil, false, err
		}
	}
}

// candidates are the hosts to try, the best first. A name that was looked up in vain is none.
func (r *round) candidates() []*host {
	s := r.set
	var list []*host
	for _, h := range s.hosts {
		if !r.tried[h] && !(s.isName(h) && r.looked[h.address.Entry]) {
			list = append(list, h)
		}
	}
	if s.cfg.Random {
		rand.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	}
	slices.SortStableFunc(list, func(a, b *host) int { return s.score(a) - s.score(b) })
	return list
}

// score says how promising a host is, the less the better. One that was never dialed is as good as another address of
// its entry. Where there are no probes nobody would find out that a host is up again: then they are all the same.
func (s *Set) score(h *host) int {
	switch {
	case h.state == Up && s.fit(h.role) == fitsFallback:
		return 2
	case h.state == Up, !s.waits():
		return 0
	case h.state == WrongRole:
		return 3
	case h.state == Down:
		return 4
	}
	for _, other := range s.hosts {
		if s.cfg.Random || other.address.Entry == h.address.Entry && other.state == Up {
			return 0
		}
	}
	return 1
}

// accept takes what a dial has found, and reports whether that is to be used.
func (r *round) accept(h *host, role Role, took time.Duration) bool {
	s := r.set
	s.lock()
	defer s.unlock()
	h.took = took
	s.found(h, role)
	switch {
	case h.state == WrongRole:
		r.errs = append(r.errs, &RoleError{h.address, h.role, s.cfg.Target})
		return false
	case s.fit(h.role) == fitsFallback && r.better():
		delete(r.tried, h) // it is good enough if the better ones are not there
		return false
	}
	s.connected = true
	for _, lost := range r.hasty {
		lost()
	}
	s.use(h)
	return true
}

// use notes where a connection was opened.
func (s *Set) use(h *host) {
	before := s.used
	s.used = h
	if before == nil || before == h || before.state == Up || s.cfg.Moved == nil {
		return
	}
	from, to := before.address, h.address
	s.tell(func() { s.cfg.Moved(from, to) })
}

// better reports whether a host that was not tried yet may fit better than a fallback.
func (r *round) better() bool {
	list := r.candidates()
	return len(list) > 0 && r.set.score(list[0]) < 2
}

// failed takes the error of a dial, and reports whether the next host is to be tried.
func (r *round) failed(ctx context.Context, h *host, err error, began time.Time, late bool) bool {
	s := r.set
	ended := ctx.Err()
	if ended == context.Canceled || ended != nil && time.Since(began) < patience {
		return false // whoever wanted it was in a hurry
	}
	if isOwn(err) {
		r.errs = append(r.errs, err)
		return late // then it had not the time it needs, and gets that with the last host
	}
	s.lock()
	defer s.unlock()
	if !late && !s.cfg.Away(cmp.Or(ended, err)) {
		s.found(h, RoleUnknown) // it has answered
		h.err = err
		return false
	}
	r.errs = append(r.errs, err)
	switch took := time.Since(began); {
	case !late || took >= patience:
		s.lost(h, err, began)
	case took >= max(enough, 2*h.took):
		r.hasty = append(r.hasty, func() { s.lost(h, err, began) })
	}
	return true
}

func isOwn(err error) bool {
	_, own := err.(*OwnError)
	return own
}

// allFailed is the end of a Dial that no host fits. An outage has begun, unless a host was seen up meanwhile: then that
// may be dialed again at once.
func (s *Set) allFailed(errs []error) error {
	err := joined(errs)
	s.lock()
	defer s.unlock()
	if !s.waits() {
		return err
	}
	if !s.anyUp() {
		s.begin(err)
	}
	return &DownError{err}
}

// waits reports whether there are outages: before the first connection only if callers would wait then. Without that,
// each caller dials for itself and sees what is wrong.
func (s *Set) waits() bool {
	return s.ctx.Err() == nil && (s.connected || s.cfg.Wait > 0 || s.cfg.Wait < 0 && s.cfg.Wait != WaitAuto)
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
