package option

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
)

// Names is what a program gave names, for DSNs to ask for by them. Its methods may be called at any time.
type Names[T any] struct {
	What, Key string // what it is, and the option that asks for it; for errors

	mu     sync.Mutex
	values map[string]T
}

// Register gives value a name. It panics if the name is empty, has a comma or white space in it, or is taken.
func (r *Names[T]) Register(name string, value T) {
	if name == "" || strings.ContainsAny(name, ", \t\r\n") {
		panic(fmt.Sprintf("pooled: register %s: %q cannot stand in a DSN", r.What, name))
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, taken := r.values[name]; taken {
		panic(fmt.Sprintf("pooled: register %s: %q is registered already", r.What, name))
	}
	if r.values == nil {
		r.values = map[string]T{}
	}
	r.values[name] = value
}

// Get finds a value by its name.
func (r *Names[T]) Get(name string) (T, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	value, ok := r.values[name]
	if ok {
		return value, nil
	}
	known := strings.Join(slices.Sorted(maps.Keys(r.values)), ", ")
	known = cmp.Or(known, "none; register it before sql.Open")
	return value, fmt.Errorf("pooled: %s: nothing is registered as %q (registered: %s)", r.Key, name, known)
}

// All finds values by their names.
func (r *Names[T]) All(names []string) ([]T, error) {
	var found []T
	for _, name := range names {
		value, err := r.Get(name)
		if err != nil {
			return nil, err
		}
		found = append(found, value)
	}
	return found, nil
}
