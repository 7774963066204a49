package bench

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/pooled-go/pooled/internal/pooledtest"
)

// The same measurements as cmd/report takes, as Go benchmarks: for one of them
// at a time, for profiles, and for benchstat. Those that need a server say so
// and skip without.

func BenchmarkNull(b *testing.B) {
	for _, operation := range NullOperations {
		b.Run(operation.Name, func(b *testing.B) {
			for _, c := range NullContenders {
				b.Run(c.Name, func(b *testing.B) { loop(b, c.Open, operation.Run) })
			}
		})
	}
}

func BenchmarkNullParallel(b *testing.B) {
	for _, operation := range NullOperations {
		b.Run(operation.Name, func(b *testing.B) {
			for _, c := range NullContenders {
				b.Run(c.Name, func(b *testing.B) { parallel(b, 1, c.Open, operation.Run) })
			}
		})
	}
}

func BenchmarkOpen(b *testing.B) {
	for _, n := range OpenCounts {
		for _, c := range OpenContenders(b.Context(), n) {
			b.Run(fmt.Sprintf("%s/open=%d", c.Name, n), func(b *testing.B) { loop(b, c.Open, execOnce) })
		}
	}
}

func BenchmarkIdleMemory(b *testing.B) {
	for b.Loop() {
		m, err := IdleMemory(b.Context(), 10_000)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(m.Pool, "B/conn")
		b.ReportMetric(m.Conn, "B/sqlconn")
	}
}

func BenchmarkAlone(b *testing.B) {
	for _, c := range AloneContenders() {
		b.Run(c.Name, func(b *testing.B) {
			p, err := c.Open(b.Context())
			if missing := new(MissingPeer); errors.As(err, &missing) {
				b.Skip(missing)
			}
			if err != nil {
				b.Fatal(err)
			}
			defer p.Close()
			b.ResetTimer()
			if _, err = p.Slice(1, b.N); err != nil {
				b.Fatal(err)
			}
		})
	}
}

func BenchmarkWait(b *testing.B) {
	const n = 10_000
	for _, c := range WaitContenders {
		b.Run(c.Name, func(b *testing.B) {
			for b.Loop() {
				w, err := Wait(b.Context(), c, n)
				if err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(w.Bytes, "B/waiter")
				b.ReportMetric(float64(w.Drain)/n, "ns/waiter")
			}
		})
	}
}

func BenchmarkContention(b *testing.B) {
	for _, c := range ContentionContenders {
		b.Run(c.Name, func(b *testing.B) {
			report(b, func() (Load, error) { return Contend(b.Context(), c, time.Second) })
		})
	}
}

func BenchmarkOpenLoop(b *testing.B) {
	s, ok := PostgreSQL()
	needs(b, s, ok)
	for _, c := range OpenLoopContenders(s) {
		b.Run(c.Name, func(b *testing.B) {
			admin := connect(b, s)
			report(b, func() (Load, error) {
				l, _, err := RunOpenLoop(b.Context(), admin, c, 3*time.Second, 1)
				return l, err
			})
		})
	}
}

func BenchmarkOverload(b *testing.B) {
	for _, find := range []func() (Server, bool){PostgreSQL, MariaDB} {
		s, ok := find()
		b.Run(s.Name, func(b *testing.B) {
			needs(b, s, ok)
			admin := connect(b, s)
			restore, err := admin.LimitConnections(b.Context())
			if err != nil {
				b.Fatal(err)
			}
			defer restore()
			for _, c := range OverloadContenders(s) {
				b.Run(c.Name, func(b *testing.B) {
					report(b, func() (Load, error) { return RunOverload(b.Context(), admin, c) })
				})
			}
		})
	}
}

func BenchmarkSaturated(b *testing.B) {
	for _, find := range []func() (Server, bool){PostgreSQL, MariaDB} {
		s, ok := find()
		b.Run(s.Name, func(b *testing.B) {
			needs(b, s, ok)
			for _, operation := range SaturatedOperations(s) {
				b.Run(operation.Name, func(b *testing.B) {
					for _, c := range SaturatedContenders(s) {
						b.Run(c.Name, func(b *testing.B) {
							parallel(b, max(1, SaturatedGoroutines/runtime.GOMAXPROCS(0)), c.Open, operation.Run)
						})
					}
				})
			}
		})
	}
}

func loop(b *testing.B, open func() (*sql.DB, error), run func(context.Context, *sql.DB) error) {
	b.Helper()
	db := mustOpen(b, open, run)
	b.ReportAllocs()
	for b.Loop() {
		if err := run(b.Context(), db); err != nil {
			b.Fatal(err)
		}
	}
}

func parallel(b *testing.B, perCPU int, open func() (*sql.DB, error), run func(context.Context, *sql.DB) error) {
	b.Helper()
	db := mustOpen(b, open, run)
	b.ReportAllocs()
	b.SetParallelism(perCPU)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if err := run(b.Context(), db); err != nil {
				b.Error(err)
				return
			}
		}
	})
}

func mustOpen(b *testing.B, open func() (*sql.DB, error), run func(context.Context, *sql.DB) error) *sql.DB {
	b.Helper()
	db, err := open()
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { db.Close() })
	if err = run(b.Context(), db); err != nil {
		b.Fatal(err)
	}
	return db
}

// report runs a whole load as one operation. What fails in it is a figure.
func report(b *testing.B, run func() (Load, error)) {
	b.Helper()
	var last Load
	for b.Loop() {
		l, err := run()
		if err != nil {
			b.Fatal(err)
		}
		last = l
	}
	b.ReportMetric(last.Latency.Milliseconds(0.5), "p50-ms")
	b.ReportMetric(last.Latency.Milliseconds(0.99), "p99-ms")
	b.ReportMetric(float64(last.Failed), "errors")
	b.ReportMetric(last.PerSecond(), "req/s")
}

func connect(b testing.TB, s Server) *Admin {
	b.Helper()
	admin, err := NewAdmin(b.Context(), s)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(admin.Close)
	return admin
}

func needs(b testing.TB, s Server, ok bool) {
	b.Helper()
	if !ok {
		pooledtest.SkipUnlessRequired(b, s.driver, "no "+s.Name+": run make bench")
	}
}
