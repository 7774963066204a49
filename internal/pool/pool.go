// Package pool is the core of a connection pool: it knows who holds what, who waits, and what is to be opened and
// closed. It knows nothing of what it keeps, a T, and is told how to open and close one by functions in [Config].
//
// Each T has a [Slot] of its own, which is in exactly one place at any time: idle, leased, being opened or being
// closed. The four together never exceed the limit. [Pool.TryTake] and [Pool.Take] lease a slot, and the holder gives
// it back by [Pool.Put], or has it closed by [Pool.Discard]. Callers that find nothing idle wait in a queue, first
// come, first served. Slots are opened by the pool and not by the caller that needs one: a caller gets whatever comes
// first, a new slot or one that was given back.
//
// All methods may be called at any time, from any goroutine; those that may block say so. The methods of a slot are for
// its holder. All state is under one lock, under which nothing is called that can block: the functions in Config run
// without it, but for Admit, Gate and Causes.Invalid.
package pool

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// Unlimited stands for the absence of a limit.
const Unlimited = int(^uint(0) >> 1)

// Config is what a pool is made with. The functions are needed, but for Full, Gate, Away, Overdue and Admit.
type Config[T any] struct {
	Limit   int  // most slots at one time, those being opened or closed included
	Keep    int  // so many stay open when they are idle
	MinIdle int  // so many are opened ahead of need, and kept idle; only with Reuse
	Reuse   bool // false: a slot that comes back is closed
	LIFO    bool // the slot that came back last is leased first

	// Direct: slots are opened by their callers, and leased for life (see Rest); no lease is ever revoked.
	Direct bool

	Timeout      time.Duration // how long a caller waits; 0: not at all, negative: without a limit
	IdleTimeout  time.Duration // how long a slot above Keep may be idle; negative: without a limit
	Recycle      time.Duration // age at which slots are replaced, at the latest; negative: never
	OverdueAfter time.Duration // how long a lease may last before Overdue is told; negative: Overdue is not told
	ConnectLimit int           // how many may be being opened at one time, to begin with; negative: any number

	// Open opens one, and sets its slot up by Slot.Init. It runs on a goroutine of the pool's own, but with Direct on
	// that of Take.
	Open func(context.Context, Opening[T]) (*Slot[T], error)
	// OpenFailed is told each error of Open, before a caller gets it.
	OpenFailed func(error)
	// Close closes one that is in no place any more.
	Close func(T) error
	// Leaving is told of one that the pool is about to close of its own accord, on a goroutine of its own. What the
	// holder discards, the holder tells by itself.
	Leaving func(v T, cause error)
	// CloseNow: to close takes no time, so it is done at once and not in the background.
	CloseNow bool
	// MaxAge is the age at which a new slot expires; negative: never.
	MaxAge func() time.Duration
	// Full tells whether an error of Open means that there are as many as there can be.
	Full func(error) bool
	// Gate tells whether slots may be opened now. If not, refusal is why callers must not wait until it is open; nil:
	// they may. It runs under the lock. Regate is called when its answer changes.
	Gate func() (open bool, refusal error)
	// Away tells whether an error of Open means that nothing can be opened for now. The callers stay in the queue
	// then, for as long as Gate lets them, which knows of the error by then; so it is for use with Gate.
	Away func(error) bool
	// Overdue is told of the leases that have lasted longer than OverdueAfter, once of each.
	Overdue func([]Holding[T])
	// Panicked is told what one of the other functions panicked with, and returns that as an error. during is "open",
	// "open failed", "away", "full", "leave", "close" or "overdue". A panic of Admit is its caller's.
	Panicked func(during string, v any) error
	// Admit decides whether a caller may take a slot at all: the only one may be free or not. It runs under the lock.
	Admit func(free bool) error

	Causes Causes
}

// Causes are the errors for which the pool itself closes a slot with which nothing is wrong.
type Causes struct {
	Expired   error // it has reached its age
	IdledOut  error // it was idle for almost as long as its server allows
	Disposed  error // Pool.Dispose
	Exhausted error // Open ended its goroutine
	Closed    error // what callers get when the pool is closed

	// Invalid tells whether what was closed for cause was of no use.
	Invalid func(cause error) bool
}

// Pool keeps slots.
type Pool[T any] struct {
	cfg Config[T]

	// ctx ends when the pool is closed; what is being opened runs under it.
	ctx    context.Context
	cancel context.CancelFunc

	spare      sync.Pool     // waiters
	generation atomic.Uint64 // how often the pool was disposed of; changed under mu
	idleLimit  atomic.Int64  // how long a slot may be idle before its server ends it; 0: not known

	mu     sync.Mutex // guards all below
	closed bool
	clock  clock
	counts Counts

	// The places. all are those that are idle or leased.
	idle     deque[T]
	all      map[*Slot[T]]struct{}
	leased   int
	outside  int          // of those leased, idle in the hands of their holder; see Rest
	openings []Opening[T] // in the order in which they were begun
	closing  int
	slow     int // of those closing, for so long that their place is given away
	nextID   uint64
	losses   uint64 // how often one was lost; see Suspect
	returned Moment // when one last came back; zero: none has

	queue    queue[T]
	timeouts alarm // for the next caller whose time is up

	limit   connectLimit
	ceiling ceiling
	gate    gate
	refill  chore // opening ahead of need, after it failed

	renewal    renewal
	sweepArmed bool
	reclaim    chore
	overdue    overdue[T]

	background int           // goroutines of the pool's own
	drained    chan struct{} // closed when background is zero and the pool is closed
}

// New makes a pool, which starts nothing before Refill.
func New[T any](cfg Config[T]) *Pool[T] {
	p := &Pool[T]{
		cfg:     cfg,
		all:     make(map[*Slot[T]]struct{}),
		clock:   clock{read: Now, resolution: coarsest},
		limit:   newConnectLimit(cfg.ConnectLimit),
		ceiling: newCeiling(),
		gate:    newGate(),
		refill:  chore{pause: backoff{first: time.Second, most: 30 * time.Second}},
		reclaim: chore{pause: backoff{first: 10 * time.Millisecond, most: time.Second}},
		drained: make(chan struct{}),
	}
	p.clock.start = p.startClockLocked
	p.ctx, p.cancel = context.WithCancel(context.Background())
	if cfg.Keep != Unlimited && cfg.IdleTimeout > 0 {
		p.clock.serve(cfg.IdleTimeout)
	}
	p.clock.serve(cfg.OverdueAfter)
	if cfg.Reuse {
		p.clock.serve(cfg.Recycle)
	}
	return p
}

// establishedLocked counts what is open and will come back.
func (p *Pool[T]) establishedLocked() int { return p.idle.len() + p.leased }

// totalLocked counts all that takes a place. One that takes long to close is not waited for.
func (p *Pool[T]) totalLocked() int {
	return p.establishedLocked() + len(p.openings) + p.closing - p.slow
}

func (p *Pool[T]) capacityLocked() int { return min(p.cfg.Limit, p.ceiling.most) }

// Likely is how many slots there may be at one time: Limit, or where there is none a few times those that are kept.
func (p *Pool[T]) Likely() int {
	const burst = 4
	switch {
	case p.cfg.Limit != Unlimited:
		return p.cfg.Limit
	case p.cfg.Keep != Unlimited:
		return max(1, p.cfg.Keep) * burst
	}
	return burst * burst
}
