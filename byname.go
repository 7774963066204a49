package pooled

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
)

// byName is what a program gave names, for DSNs to ask for by them.
type byName[T any] struct {
	what, option string // for errors

	mu     sync.Mutex
	values map[string]T
}

func (r *byName[T]) register(name string, value T) {
	if name == "" || strings.ContainsAny(name, ", \t\r\n") {
		panic(fmt.Sprintf("pooled: register %s: %q cannot stand in a DSN", r.what, name))
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, taken := r.values[name]; taken {
		panic(fmt.Sprintf("pooled: register %s: %q is registered already", r.what, name))
	}
	if r.values == nil {
		r.values = map[string]T{}
	}
	r.values[name] = value
}

func (r *byName[T]) named(name string) (T, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	value, ok := r.values[name]
	if ok {
		return value, nil
	}
	known := strings.Join(slices.Sorted(maps.Keys(r.values)), ", ")
	known = cmp.Or(known, "none; register it before sql.Open")
	return value, fmt.Errorf("pooled: %s: nothing is registered as %q (registered: %s)", r.option, name, known)
}
