package pooled

import (
	"cmp"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
)

var registeredHooks = byName[Hooks]{what: "hooks", option: "pool_hooks"}

// RegisterHooks makes hooks available to DSNs by name: pool_hooks=name, or several, name,name, which are called in
// that order. It is meant for init functions and panics if the name is empty, has a comma or white space in it, or is
// taken.
func RegisterHooks(name string, h Hooks) { registeredHooks.register(name, h) }

// hooksNamed finds registered hooks.
func hooksNamed(names []string) ([]Hooks, error) {
	var found []Hooks
	for _, name := range names {
		h, err := registeredHooks.named(name)
		if err != nil {
			return nil, err
		}
		found = append(found, h)
	}
	return found, nil
}

var registeredLoggers = byName[*slog.Logger]{what: "logger", option: "pool_logger"}

// RegisterLogger makes a logger available to DSNs by name: pool_logger=name. It is meant for init functions and panics
// if the name is empty, has a comma or white space in it, or is taken, and if the logger is nil.
func RegisterLogger(name string, logger *slog.Logger) {
	if logger == nil {
		panic("pooled: register logger: the logger is nil")
	}
	registeredLoggers.register(name, logger)
}

// findLogger puts the logger that the configuration names in its place.
func (c *Config) findLogger() (err error) {
	if c.Logger == nil && c.LoggerName != "" {
		c.Logger, err = registeredLoggers.named(c.LoggerName)
	}
	return err
}

// log is where this pool logs. A program may set slog's default later than it opens its database, so that is asked for
// each time.
func (p *Pool) log() *slog.Logger {
	if p.cfg.Logger != nil {
		return p.cfg.Logger
	}
	return slog.Default()
}

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
