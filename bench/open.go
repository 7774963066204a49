package bench

import (
	"context"
	"database/sql"
)

// OpenCounts are how many connections are open: few, many, very many.
var OpenCounts = []int{10, 1_000, 10_000}

// OpenContenders have n connections open over the null driver: bare database/sql,
// and pooled, which reuses them in either order.
func OpenContenders(ctx context.Context, n int) []Contender {
	queue := func(lifo bool) func() (*sql.DB, error) {
		return func() (*sql.DB, error) {
			db, err := Open(ctx, n, lifo)
			if err == nil {
				db.SetMaxIdleConns(1) // the rest in the pool alone
			}
			return db, err
		}
	}
	return []Contender{
		{"bare", func() (*sql.DB, error) { return OpenBare(ctx, n) }},
		{"pooled", queue(true)},
		{"pooled, pool_use_lifo=false", queue(false)},
	}
}
