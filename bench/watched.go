package bench

import (
	"database/sql"
	"io"
	"log/slog"
	"time"

	"github.com/ngrok/sqlmw"

	"github.com/pooled-go/pooled"
)

// WatchedContenders are pooled over the null driver with somebody looking on; with the first one nobody does.
var WatchedContenders = []Contender{
	watched("nothing observes it", func(*pooled.Config) {}),
	watched("`pool_leak_after`", func(c *pooled.Config) { c.LeakAfter = time.Minute }),
	watched("`pool_timings`", func(c *pooled.Config) { c.Timings = true }),
	watched("an interceptor that does nothing", func(c *pooled.Config) {
		c.Interceptors = []pooled.Interceptor{sqlmw.NullInterceptor{}}
	}),
	watched("`echo_pool=true`", func(c *pooled.Config) { c.EchoPool = pooled.EchoOn }),
	watched("`echo_pool=debug`", func(c *pooled.Config) { c.EchoPool = pooled.EchoDebug }),
	watched("`echo=true`", func(c *pooled.Config) { c.Echo = pooled.EchoOn }),
}

// watched logs what there is to log as text, to nowhere.
func watched(name string, change func(*pooled.Config)) Contender {
	return Contender{name, func() (*sql.DB, error) {
		return OpenNull(func(c *pooled.Config) {
			c.Logger = slog.New(slog.NewTextHandler(io.Discard, nil))
			change(c)
		})
	}}
}
