package pooled

import (
	"context"
	"math/rand/v2"
	"time"
)

// ageLimit is the age limit of a new server connection: pool_recycle less a random part of the jitter; off if it has
// none.
func ageLimit(cfg *Config) time.Duration {
	if cfg.Recycle == NoLimit {
		return NoLimit
	}
	limit := cfg.Recycle
	if jitter := cfg.RecycleJitter.of(limit); jitter > 0 {
		limit -= rand.N(jitter)
	}
	return limit
}

// ageGuard keeps what is too old, was idle for too long or has been disposed of from being used.
func (p *Pool) ageGuard() Hooks {
	return Hooks{Checkout: func(_ context.Context, s *ServerConn) error { return p.core.Expired(&s.slot) }}
}
