package pooled

import (
	"log/slog"

	"github.com/pooled-go/pooled/internal/option"
)

var registeredHooks = option.Names[Hooks]{What: "hooks", Key: "pool_hooks"}

// RegisterHooks makes hooks available to DSNs by name: pool_hooks=name, or pool_hooks=first,second, called in that
// order. It is meant for init functions. It panics if the name is empty, has a comma or white space, or is taken.
func RegisterHooks(name string, h Hooks) { registeredHooks.Register(name, h) }

var registeredLoggers = option.Names[*slog.Logger]{What: "logger", Key: "pool_logger"}

// RegisterLogger makes a logger available to DSNs by name: pool_logger=name. It is meant for init functions. It panics
// if the logger is nil, or the name is empty, has a comma or white space, or is taken.
func RegisterLogger(name string, logger *slog.Logger) {
	if logger == nil {
		panic("pooled: register logger: the logger is nil")
	}
	registeredLoggers.Register(name, logger)
}

// findLogger puts the logger that the configuration names in its place.
func (c *Config) findLogger() (err error) {
	if c.Logger == nil && c.LoggerName != "" {
		c.Logger, err = registeredLoggers.Get(c.LoggerName)
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
