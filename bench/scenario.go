package bench

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// OpenLoopRate is how many requests a second OpenLoop sends, and what each asks
// the server to do.
const (
	OpenLoopRate  = 1000
	OpenLoopSleep = 3 * time.Millisecond
)

// OpenLoopContenders are the driver with nothing tuned, and with its name changed.
// The third, tuned by hand, is made from what the second one used; see Tuned.
func OpenLoopContenders(s Server) []Contender {
	return []Contender{
		{"bare, defaults", s.Bare},
		{"pooled, defaults", func() (*sql.DB, error) { return s.Pooled("") }},
	}
}

// RunOpenLoop runs a contender from cold, and tells how many server connections
// it opened if it is pooled.
func RunOpenLoop(ctx context.Context, admin *Admin, c Contender, length time.Duration, seed uint64) (Load, int, error) {
	var opened int
	l, err := fromCold(ctx, admin, c, func(db *sql.DB) Load {
		l := OpenLoop(ctx, db, admin.server.Sleep(OpenLoopSleep), OpenLoopRate, length, seed)
		if stats, err := poolStats(db); err == nil {
			opened = int(stats.Opened)
		}
		return l
	})
	return l, opened, err
}

// fromCold runs a load on a new sql.DB, with nobody else on the server.
func fromCold(ctx context.Context, admin *Admin, c Contender, run func(*sql.DB) Load) (Load, error) {
	if err := admin.Settle(ctx); err != nil {
		return Load{}, err
	}
	db, err := c.Open()
	if err != nil {
		return Load{}, err
	}
	l := run(db)
	if err = db.Close(); err != nil && l.Failed == 0 {
		return l, fmt.Errorf("%s: close: %w", c.Name, err)
	}
	return l, ctx.Err()
}

// The overload: more goroutines than the server takes connections.
const (
	OverloadGoroutines = 400
	OverloadTimes      = 5
	OverloadSleep      = 20 * time.Millisecond
	overloadMariaDB    = 50 // max_connections; PostgreSQL's is 100 by default
)

// OverloadContenders have nothing tuned.
func OverloadContenders(s Server) []Contender { return OpenLoopContenders(s) }

// RunOverload runs a contender from cold.
func RunOverload(ctx context.Context, admin *Admin, c Contender) (Load, error) {
	return fromCold(ctx, admin, c, func(db *sql.DB) Load {
		return Burst(ctx, db, admin.server.Sleep(OverloadSleep), OverloadGoroutines, OverloadTimes)
	})
}

// LimitConnections sets the limit that the overload runs against, where it can
// be set, until restore is called.
func (a *Admin) LimitConnections(ctx context.Context) (restore func() error, err error) {
	if a.server.driver != "mysql" {
		return func() error { return nil }, nil
	}
	was, err := a.MaxConnections(ctx)
	if err != nil {
		return nil, err
	}
	if err = a.SetMaxConnections(ctx, overloadMariaDB); err != nil {
		return nil, err
	}
	return func() error { return a.SetMaxConnections(context.WithoutCancel(ctx), was) }, nil
}

// The saturation: more goroutines than connections, all busy.
const (
	SaturatedGoroutines  = 32
	SaturatedConnections = 16
)

// SaturatedContenders have the same number of connections.
func SaturatedContenders(s Server) []Contender {
	return []Contender{
		{"tuned by hand", func() (*sql.DB, error) { return s.Tuned(SaturatedConnections) }},
		{"pooled", func() (*sql.DB, error) {
			return s.Pooled(fmt.Sprintf("pool_size=%d&pool_max_overflow=0", SaturatedConnections))
		}},
	}
}

// SaturatedOperations are the queries.
func SaturatedOperations(s Server) []Operation {
	return []Operation{{"SELECT 1", s.Select1}, {s.OneArg, s.SelectArg}}
}
