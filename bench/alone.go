package bench

import (
	"context"
	"database/sql/driver"
	"errors"
	"time"

	"github.com/jackc/puddle/v2"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/internal/pooledtest"
)

// AloneConnections is how many connections a pool may open when it is measured
// alone: what pooled's defaults come to.
const AloneConnections = 15

// Alone is a pool without what is around it: its connections do nothing, and
// nobody but the measurement uses it.
type Alone interface {
	// Slice is the time of one of n checkouts, each with its checkin, spread over
	// so many goroutines or threads.
	Slice(goroutines, n int) (nanoseconds float64, err error)
	Version() string // empty if it is in this process
	Close() error
}

// AloneContender opens a pool; the error of one that is not installed is a
// *MissingPeer.
type AloneContender struct {
	Name string
	Open func(context.Context) (Alone, error)
}

// AloneContenders are pooled, the pool that pgx has, and those of other languages.
func AloneContenders() []AloneContender {
	all := []AloneContender{{"pooled", openPooledAlone(nil)}, {"puddle", openPuddle(AloneConnections)}}
	for _, p := range peerPrograms {
		all = append(
			all,
			AloneContender{p.name, func(ctx context.Context) (Alone, error) { return startAlone(ctx, p.name, p.command) }},
		)
	}
	return all
}

// AloneOpenContenders are pooled and puddle with n connections open.
func AloneOpenContenders(n int) []AloneContender {
	return []AloneContender{
		{"pooled", filled(n, openPooledAlone(func(c *pooled.Config) { c.Size = n }))},
		{"puddle", filled(n, openPuddle(n))},
	}
}

// filled has n connections leased at once before anything is measured.
func filled(n int, open func(context.Context) (Alone, error)) func(context.Context) (Alone, error) {
	return func(ctx context.Context) (Alone, error) {
		p, err := open(ctx)
		if err != nil {
			return nil, err
		}
		if err = p.(*goPool).fill(n); err != nil {
			return nil, errors.Join(err, p.Close())
		}
		return p, nil
	}
}

// goPool is a pool in this process.
type goPool struct {
	newUser func() (goUser, error)
	users   []goUser // one for each goroutine
	close   func() error
}

// goUser takes one connection at a time.
type goUser struct {
	take func() error
	give func()
}

// Slice runs its users at once.
func (p *goPool) Slice(goroutines, n int) (nanoseconds float64, err error) {
	for len(p.users) < goroutines {
		u, err := p.newUser()
		if err != nil {
			return 0, err
		}
		p.users = append(p.users, u)
	}
	each := n / goroutines
	began := time.Now()
	err = together(goroutines, func(g int) error {
		u := p.users[g]
		for range each {
			if err := u.take(); err != nil {
				return err
			}
			u.give()
		}
		return nil
	})
	return float64(time.Since(began)) / float64(each*goroutines), err
}

// fill has n connections leased at once.
func (p *goPool) fill(n int) error {
	for range n {
		u, err := p.newUser()
		if err == nil {
			err = u.take()
		}
		if err != nil {
			return err
		}
		defer u.give()
	}
	return nil
}

// Version is told by the module's.
func (*goPool) Version() string { return "" }

// Close closes the pool.
func (p *goPool) Close() error { return p.close() }

func openPooledAlone(change func(*pooled.Config)) func(context.Context) (Alone, error) {
	return func(ctx context.Context) (Alone, error) {
		connector, err := nullConnector(unasked{}, change)
		if err != nil {
			return nil, err
		}
		return newPooledAlone(ctx, connector), nil
	}
}

// newPooledAlone leaves database/sql out. A connection of pooled's leases a server connection at
// its first use, here a ping that has nobody to ask, and gives it back when
// database/sql would ask whether it is valid.
func newPooledAlone(ctx context.Context, connector *pooled.Connector) *goPool {
	return &goPool{close: connector.Close, newUser: func() (goUser, error) {
		conn, err := connector.Connect(ctx)
		if err != nil {
			return goUser{}, err
		}
		pinger, validator := conn.(driver.Pinger), conn.(driver.Validator)
		return goUser{
			take: func() error { return pinger.Ping(ctx) },
			give: func() { validator.IsValid() },
		}, nil
	}}
}

func openPuddle(connections int) func(context.Context) (Alone, error) {
	return func(ctx context.Context) (Alone, error) {
		pool, err := newPuddle(connections)
		if err != nil {
			return nil, err
		}
		return &goPool{close: func() error { pool.Close(); return nil }, newUser: func() (goUser, error) {
			var leased *puddle.Resource[driver.Conn]
			return goUser{
				take: func() (err error) { leased, err = pool.Acquire(ctx); return err },
				give: func() { leased.Release() },
			}, nil
		}}, nil
	}
}

func newPuddle(connections int) (*puddle.Pool[driver.Conn], error) {
	return puddle.NewPool(&puddle.Config[driver.Conn]{
		Constructor: pooledtest.Null{}.Connect,
		Destructor:  func(driver.Conn) {},
		MaxSize:     int32(connections),
	})
}

// unasked is the null driver without its Ping.
type unasked struct{}

type unaskedConn struct{ driver.Conn }

var (
	_ driver.SessionResetter = unaskedConn{}
	_ driver.Validator       = unaskedConn{}
)

func (unasked) Driver() driver.Driver { return pooledtest.Null{}.Driver() }

func (unasked) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := pooledtest.Null{}.Connect(ctx)
	return &unaskedConn{conn}, err
}

func (unaskedConn) ResetSession(context.Context) error { return nil }
func (unaskedConn) IsValid() bool                      { return true }

// AloneCosts are the costs of those contenders that are here.
type AloneCosts struct {
	Names       []string
	Versions    []string // of programs
	Missing     []error
	Nanoseconds map[int][]Series // by the number of goroutines, in the order of the names
}

// AlonePlan is how long MeasureAlone takes.
type AlonePlan struct {
	Starts     int           // how often all are started anew
	Rounds     int           // altogether
	Slice      time.Duration // each contender's part of a round
	Warm       time.Duration // of a program before the first round, for compilers that work while it runs
	Goroutines []int
}

// MeasureAlone takes the time of all contenders in turns.
func MeasureAlone(ctx context.Context, contenders []AloneContender, plan AlonePlan) (AloneCosts, error) {
	costs := AloneCosts{Nanoseconds: make(map[int][]Series)}
	for range plan.Starts {
		pools, err := costs.open(ctx, contenders)
		if err == nil {
			err = costs.measure(pools, plan)
		}
		for _, p := range pools {
			err = errors.Join(err, p.Close())
		}
		if err != nil {
			return costs, err
		}
	}
	return costs, nil
}

// open starts who is here; it is the same ones each time.
func (c *AloneCosts) open(ctx context.Context, contenders []AloneContender) (pools []Alone, err error) {
	c.Names, c.Versions, c.Missing = nil, nil, nil
	for _, contender := range contenders {
		p, err := contender.Open(ctx)
		if missing := new(MissingPeer); errors.As(err, &missing) {
			c.Missing = append(c.Missing, missing)
			continue
		}
		if err != nil {
			return pools, err
		}
		pools = append(pools, p)
		c.Names = append(c.Names, contender.Name)
		if v := p.Version(); v != "" {
			c.Versions = append(c.Versions, v)
		}
	}
	return pools, nil
}

func (c *AloneCosts) measure(pools []Alone, plan AlonePlan) error {
	for _, goroutines := range plan.Goroutines {
		times := make([]int, len(pools))
		for i, p := range pools {
			n, err := warm(p, goroutines, plan)
			if err != nil {
				return err
			}
			times[i] = n
		}
		if c.Nanoseconds[goroutines] == nil {
			c.Nanoseconds[goroutines] = make([]Series, len(pools))
		}
		series := c.Nanoseconds[goroutines]
		err := InTurns(plan.Rounds/plan.Starts, len(pools), func(i int) error {
			ns, err := pools[i].Slice(goroutines, times[i])
			series[i] = append(series[i], ns)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// warm runs a program for a while, a pool of this process at least twice, and
// tells how often it does its work in a slice.
func warm(p Alone, goroutines int, plan AlonePlan) (times int, err error) {
	if _, compiled := p.(*goPool); compiled {
		plan.Warm = plan.Slice
	}
	times = 100 * goroutines
	for began := time.Now(); ; {
		ns, err := p.Slice(goroutines, times)
		if err != nil {
			return 0, err
		}
		times = max(goroutines, int(float64(plan.Slice)/ns))
		if time.Since(began) >= plan.Warm {
			return times, nil
		}
	}
}
