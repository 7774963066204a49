package pooled

import (
	"cmp"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/pooled-go/pooled/internal/observe"
)

// The pools of this process that are open, oldest first.
var (
	openPools  observe.List[*Pool]
	poolNumber atomic.Int64

	poolObservers observe.List[func(*Pool)]
)

// Pools returns the open pools of the process, oldest first: one for each sql.Open and each Connector. A pool leaves
// the list when its sql.DB is closed.
func Pools() []*Pool {
	var list []*Pool
	for p := range openPools.All() {
		list = append(list, p.current())
	}
	return list
}

// PoolNamed returns the open pool with that name, and false if there is none. If several have the same name, it is the
// one that was opened last. Use it where [PoolOf] finds nothing, because a library has wrapped the driver. Give the
// pool its name with pool_name.
func PoolNamed(name string) (*Pool, bool) {
	for _, p := range slices.Backward(Pools()) {
		if p.name == name {
			return p, true
		}
	}
	return nil, false
}

// ObservePools calls f for each open pool, and until stop is called also for each new pool, before its first use. A nil
// f does nothing.
func ObservePools(f func(*Pool)) (stop func()) {
	if f == nil {
		return func() {}
	}
	var told sync.Map // by number: one that is being opened now could be met twice
	tell := func(p *Pool) {
		if _, again := told.LoadOrStore(p.number, true); !again {
			f(p)
		}
	}
	stop = poolObservers.Add(tell)
	for _, p := range Pools() {
		tell(p)
	}
	return stop
}

// Number is 1 for the first pool of the process, 2 for the next, and so on.
func (p *Pool) Number() int { return p.number }

// Name is pool_name. If that is empty, it is the wrapped driver's name and the pool's number: "postgres-1".
func (p *Pool) Name() string { return p.name }

// register numbers the pool, names it, and makes it one of Pools.
func (p *Pool) register() {
	p.number = int(poolNumber.Add(1))
	if p.name = p.cfg.Name; p.name == "" {
		driver := cmp.Or(p.cfg.Driver, p.driver.Dialect.Name) // the program may have made the connector
		p.name = fmt.Sprintf("%s-%d", driver, p.number)
	}
	p.unregister = openPools.Add(p)
	defer p.logPanic("pool observer") // the pool is there all the same
	for f := range poolObservers.All() {
		f(p)
	}
}
