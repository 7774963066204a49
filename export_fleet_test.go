package pooled

import (
	"time"

	"github.com/pooled-go/pooled/internal/pool"
)

// DueAfter gives the ages at which new server connections of a pool are due to be replaced, one by one.
func DueAfter(cfg Config) func() time.Duration {
	return func() time.Duration { return ageLimit(&cfg) - pool.Lead(cfg.Recycle) }
}
