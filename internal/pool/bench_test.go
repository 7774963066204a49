package pool_test

import (
	"context"
	"testing"
	"time"

	"github.com/pooled-go/pooled/internal/pool"
)

// What a lease costs: by one caller, by several at a time, and by several of which some wait.
func BenchmarkLease(b *testing.B) {
	for name, test := range map[string]struct{ limit, callers int }{
		"one": {1, 0}, "several": {64, 1}, "waiting": {1, 1},
	} {
		b.Run(name, func(b *testing.B) {
			p := benchPool(b, test.limit)
			b.ReportAllocs()
			if test.callers == 0 {
				for b.Loop() {
					lease(b, p)
				}
				return
			}
			b.SetParallelism(8)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					lease(b, p)
				}
			})
		})
	}
}

// benchPool is a pool of so many, of which one is open.
func benchPool(b *testing.B, limit int) *pool.Pool[int] {
	p := pool.New(config{
		Limit: limit, Keep: limit, Reuse: true, Timeout: -1, IdleTimeout: -1, Recycle: -1, OverdueAfter: -1,
		ConnectLimit: -1,
		Open: func(_ context.Context, o pool.Opening[int]) (*slot, error) {
			s := &slot{}
			s.Init(o, int(o.ID))
			return s, nil
		},
		Close: func(int) error { return nil }, Leaving: func(int, error) {}, OpenFailed: func(error) {},
		MaxAge: func() time.Duration { return -1 },
		Causes: pool.Causes{Invalid: func(error) bool { return false }},
	})
	b.Cleanup(func() { p.Close() })
	lease(b, p)
	return p
}

// lease leases a slot and gives it back.
func lease(b *testing.B, p *pool.Pool[int]) {
	s := p.TryTake(0)
	if s == nil {
		var err error
		if s, err = p.Take(context.Background(), new(time.Time), 0); err != nil {
			b.Fatal(err)
		}
	}
	p.Put(s)
}
