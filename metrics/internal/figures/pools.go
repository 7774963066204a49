package figures

import (
	"fmt"
	"strings"
	"sync"

	"github.com/pooled-go/pooled"
)

// Named is an open pool and what it is called in metrics.
type Named struct {
	Name string
	Pool *pooled.Pool
}

// Choose returns what gives the open ones of these pools, or of all pools of the process if none is named. Pools are
// told apart by number: in a forked process each is another Pool.
func Choose(pools []*pooled.Pool) func() []Named {
	if len(pools) == 0 {
		return openPools
	}
	chosen := make(map[int]bool, len(pools))
	for _, p := range pools {
		if p != nil {
			chosen[p.Number()] = true
		}
	}
	return func() []Named {
		var list []Named
		for _, n := range openPools() {
			if chosen[n.Pool.Number()] {
				list = append(list, n)
			}
		}
		return list
	}
}

// names are those of the open pools by their numbers. A pool keeps its name for as long as it is open, or its counters
// would go on under another; and it has the same in all exporters.
var names struct {
	sync.Mutex
	of map[int]string
}

// openPools gives each pool a name of its own. One that is called like another is told from it by its number.
func openPools() []Named {
	names.Lock()
	defer names.Unlock()
	pools := pooled.Pools()
	of := make(map[int]string, len(pools)) // without those that were closed
	taken := make(map[string]bool, len(pools))
	for _, p := range pools {
		if name, ok := names.of[p.Number()]; ok {
			of[p.Number()], taken[name] = name, true
		}
	}
	list := make([]Named, len(pools))
	for i, p := range pools {
		name, ok := of[p.Number()]
		if !ok {
			name = strings.ToValidUTF8(p.Name(), "?") // neither exporter takes another
			for taken[name] {
				name = fmt.Sprintf("%s-%d", name, p.Number())
			}
			of[p.Number()], taken[name] = name, true
		}
		list[i] = Named{name, p}
	}
	names.of = of
	return list
}
