// Package hosts knows the hosts that a pool may dial: which are up, down or of the wrong role, and since when. It
// decides which one is dialed next, and whether anything is dialed at all: while no host fits there is an outage,
// nobody dials for a caller, and probes in the background look for the end of it.
//
// It knows no driver and no pool. A host is dialed by a function given to [Dial], and probed by Config.Check. All
// methods may be called at any time, from any goroutine. Only [Dial], [Set.Wait] and [Set.Check] block.
package hosts

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Entry is a host as the configuration names it.
type Entry struct {
	Name   string // host:port, the path of a socket, or any other name to show
	Lookup bool   // the host in Name is looked up, and each of its addresses is a host of its own
}

// Address is one place that can be dialed.
type Address struct {
	Entry int    // the number of its Entry
	Name  string // that of the Entry
	IP    string // ip:port; empty: whoever dials finds it by Name
}

// String is the name, and the IP if that is another.
func (a Address) String() string {
	if a.IP == "" || a.IP == a.Name {
		return a.Name
	}
	return a.Name + " (" + a.IP + ")"
}

// Role is what a server is for.
type Role uint8

const (
	RoleUnknown Role = iota
	Primary          // takes writes
	Standby          // takes none
)

func (r Role) String() string { return [...]string{"unknown", "primary", "standby"}[r] }

// Target is which role is wanted.
type Target uint8

const (
	Any Target = iota
	WantPrimary
	WantStandby
	PreferStandby
)

// State is what is known of a host.
type State uint8

const (
	Unknown   State = iota // never dialed
	Up                     // the last dial succeeded
	Down                   // the last dial found no server
	WrongRole              // up, but not what is wanted
)

func (s State) String() string { return [...]string{"unknown", "up", "down", "wrong role"}[s] }

// WaitAuto is the Config.Wait of 10 seconds once there was a connection, and none before.
const WaitAuto time.Duration = -2

const autoWait = 10 * time.Second

// Config is what a Set is made with. Check, Away, Go and Changed are needed.
type Config struct {
	Entries []Entry // at least one
	Target  Target
	Random  bool // the hosts that fit are used at random; false: in the order of Entries

	// Wait is how long after the beginning of an outage callers still wait; 0: not at all, WaitAuto, any other
	// negative number: without a limit.
	Wait time.Duration

	// Check opens a connection to a host, asks for its role, and closes it.
	Check func(context.Context, Address) (Role, error)
	// Away tells whether an error of a dial means that there is no server, for now.
	Away func(error) bool
	// Lookup finds the addresses of a host by its name. It is needed if an Entry has Lookup.
	Lookup func(ctx context.Context, host string) ([]string, error)
	// Go runs a function on a goroutine.
	Go func(func())
	// Changed is told when Gate says something else, when a host no longer fits, and after each probe during an outage.
	// No lock is held.
	Changed func()
	// Began and Ended are told of each outage that lasts beyond the first probe, once. They and Demoted are called one
	// at a time, in the order of what has happened, with no lock held.
	Began func(Outage)
	Ended func(o Outage, took time.Duration)
	// Demoted is told when the server at an address turns out to take no writes any more: all connections to it that
	// are open now are of no use.
	Demoted func(Address)
	// Restored is told when a server takes writes that was used though it took none, as no other did.
	Restored func(Address)
	// Moved is told when connections are opened to another host than before, because that is not up or does not fit.
	Moved func(from, to Address)
}

// Outage is a time in which no host fits.
type Outage struct {
	Since  time.Time
	Probes int   // so far
	Err    error // the last error of a dial or probe
	Over   bool  // callers do not wait for its end any more

	// Settled: it has ended as no host takes writes, and any that is up is used now.
	Settled bool

	announced bool // it was told to Config.Began
}

// Set is the hosts of one pool.
type Set struct {
	cfg    Config
	ctx    context.Context // ends when the Set is closed
	cancel context.CancelFunc
	gate   atomic.Pointer[Outage] // nil: there is none

	mu        sync.Mutex
	hosts     []*host       // of all entries, in their order; at least one of each
	gone      []*host       // that were addresses of a name once, a few
	connected bool          // there was a connection
	first     Role          // of the server of the first one
	picky     bool          // a server was demoted once, so with Any only a primary fits
	used      *host         // where the last connection was opened, nil: none was
	relaxed   bool          // with picky: any role is better than none
	demoted   time.Time     // when the last host that fitted was demoted, zero: that is not why none does
	deadline  *time.Timer   // when callers wait no longer for the end of the outage
	change    chan struct{} // closed at the next change
	changed   bool          // there is one to be told when the lock is free
	starts    []func()      // probes to be started when the lock is free
	events    []func()      // to be told when the lock is free, in this order
	telling   bool          // somebody tells them
	counts    Counts
	check     *check // the last one, nil: there was none
}

// Counts only grow.
type Counts struct {
	Outages   uint64
	Demotions uint64
	Probes    uint64
}

// New makes a Set, which starts nothing before the first [Dial].
func New(cfg Config) *Set {
	s := &Set{cfg: cfg, change: make(chan struct{})}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	for i, e := range cfg.Entries {
		s.hosts = append(s.hosts, newHost(Address{Entry: i, Name: e.Name}))
	}
	return s
}

// ErrClosed is the error of a Wait for the end of an outage in a Set that is closed.
var ErrClosed = errors.New("the hosts are not looked for any more")

// Close ends the probes, and every Wait. Nothing is told of outages from then on.
func (s *Set) Close() {
	s.lock()
	defer s.unlock()
	s.cancel()
	s.stopDeadline()
	s.changed = true
}

// Gate is the outage, nil if there is none. It takes no lock.
func (s *Set) Gate() *Outage { return s.gate.Load() }

// Wait blocks until there is no outage. If callers need not wait for that any more, it returns the outage.
func (s *Set) Wait(ctx context.Context) (*Outage, error) {
	for {
		s.mu.Lock()
		change := s.change
		s.mu.Unlock()
		if o := s.Gate(); o == nil || o.Over {
			return o, nil
		}
		select {
		case <-change:
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-s.ctx.Done():
			return nil, ErrClosed
		}
	}
}

// Counts returns the counters.
func (s *Set) Counts() Counts {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.counts
}

// AsksRole reports whether each new connection has to be asked for the role of its server before it is used.
func (s *Set) AsksRole() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cfg.Target != Any || s.picky
}

// How well a role fits.
const (
	fitsNot = iota
	fitsFallback
	fitsBest
)

// fit is how well a role fits. One that is not known is as good as any.
func (s *Set) fit(r Role) int {
	wanted, other := Primary, fitsNot
	switch s.cfg.Target {
	case WantStandby:
		wanted = Standby
	case PreferStandby:
		wanted, other = Standby, fitsFallback
	case Any:
		if !s.picky {
			return fitsBest
		}
		if s.relaxed {
			other = fitsFallback
		}
	}
	if r == wanted || r == RoleUnknown {
		return fitsBest
	}
	return other
}

// Fits reports whether connections to a host may be used on: not if its role is wrong, or if another host would be
// better.
func (s *Set) Fits(a Address) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	best, own := fitsNot, fitsBest
	for _, h := range slices.Concat(s.hosts, s.gone) {
		if h.state == Up && h.role != RoleUnknown && !h.gone {
			best = max(best, s.fit(h.role))
		}
		if h.address == a && (h.state == Up || h.state == WrongRole) {
			own = s.fit(h.role)
		}
	}
	return own != fitsNot && own >= best
}

// Role is that of the hosts that are up and fit best: Primary if one of them is.
func (s *Set) Role() Role {
	s.mu.Lock()
	defer s.mu.Unlock()
	best, role := fitsNot, RoleUnknown
	for _, h := range s.hosts {
		if h.state != Up || s.fit(h.role) < best {
			continue
		}
		if fit := s.fit(h.role); fit > best {
			best, role = fit, RoleUnknown
		}
		if role != Primary && h.role != RoleUnknown {
			role = h.role
		}
	}
	return role
}

// UpWithin reports whether a host that fits was connected to within a time that ends now, and has refused nobody since.
func (s *Set) UpWithin(d time.Duration) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, h := range s.hosts {
		if h.state == Up && h.err == nil && time.Since(h.upAt) < d {
			return true
		}
	}
	return false
}
