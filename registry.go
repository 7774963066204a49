package pooled

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/pooled-go/pooled/internal/observe"
)

// The pools of this process that are open, oldest first. The list is replaced, never changed, without a lock: in a
// forked child a lock may be held for ever.
var (
	openPools  atomic.Pointer[[]*Pool]
	poolNumber atomic.Int64

	poolObservers observe.List[func(*Pool)]
)

// Pools are all pools of the process that are open, oldest first: those of each sql.Open and each Connector. A pool
// leaves the list when its sql.DB is closed.
func Pools() []*Pool {
	var list []*Pool
	if all := openPools.Load(); all != nil {
		for _, p := range *all {
			list = append(list, p.current())
		}
	}
	return list
}

// ObservePools calls f for each pool that is open, and for each that is opened from then on before it is used, until
// stop is called. A nil f does nothing.
func ObservePools(f func(*Pool)) (stop func()) {
	if f == nil {
		return func() {}
	}
	var mu sync.Mutex
	told := map[int]bool{} // by number: one that is being opened now could be met twice
	tell := func(p *Pool) {
		mu.Lock()
		again := told[p.number]
		told[p.number] = true
		mu.Unlock()
		if !again {
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

// Name is pool_name, or if that is empty the wrapped driver's name and the pool's number: "postgres-1".
func (p *Pool) Name() string { return p.name }

// register numbers the pool, names it, and makes it one of Pools.
func (p *Pool) register() {
	p.number = int(poolNumber.Add(1))
	if p.name = p.cfg.Name; p.name == "" {
		p.name = fmt.Sprintf("%s-%d", p.driverName(), p.number)
	}
	changeOpenPools(func(all []*Pool) []*Pool { return append(all, p) })
	defer p.logPanic("pool observer") // the pool is there all the same
	for f := range poolObservers.All() {
		f(p)
	}
}

// unregister takes the pool of this number from the list: in a forked child, it is the one that the parent process had.
func (p *Pool) unregister() {
	changeOpenPools(func(all []*Pool) []*Pool {
		return slices.DeleteFunc(all, func(other *Pool) bool { return other.number == p.number })
	})
}

// changeOpenPools replaces the list by what change makes of a copy of it.
func changeOpenPools(change func([]*Pool) []*Pool) {
	for {
		old := openPools.Load()
		var all []*Pool
		if old != nil {
			all = slices.Clone(*old)
		}
		all = change(all)
		if openPools.CompareAndSwap(old, &all) {
			return
		}
	}
}

// driverName is the driver's name, or what stands for it if the program made the connector.
func (p *Pool) driverName() string {
	if p.cfg.Driver != "" {
		return p.cfg.Driver
	}
	return p.dialect.name
}
