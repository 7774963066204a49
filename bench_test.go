package pooled_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/ngrok/sqlmw"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/internal/pooledtest"
)

// These benchmarks run over a driver that does nothing, so all they show is
// database/sql and what the pool adds to it; bare beside the classes is
// database/sql alone. Benchmarks against servers and other wrappers are in the
// module bench.

// benchText is a statement that the classifier knows in every dialect.
const benchText = "UPDATE t SET x = 1"

// benchContenders are the ways to reach the null driver.
var benchContenders = []struct {
	name string
	open func(b *testing.B) *sql.DB
}{
	{"bare", func(b *testing.B) *sql.DB { return benchDB(b, pooledtest.Null{}) }},
	{"queue", func(b *testing.B) *sql.DB { return benchPooled(b) }},
	{"direct", func(b *testing.B) *sql.DB { return benchPooled(b, class(pooled.ClassDirect)) }},
}

func benchPooled(b *testing.B, set ...func(*pooled.Config)) *sql.DB {
	b.Helper()
	return benchDB(b, benchConnector(b, set...))
}

// benchConnector speaks of its driver as of a PostgreSQL, as most do of theirs.
func benchConnector(b *testing.B, set ...func(*pooled.Config)) *pooled.Connector {
	b.Helper()
	return connectorTo(b, pooledtest.Null{}, append(set, speaks("postgres"))...)
}

// benchDB keeps all Conns, so that none is opened and closed while time is taken.
func benchDB(b *testing.B, connector driver.Connector) *sql.DB {
	b.Helper()
	db := sql.OpenDB(connector)
	db.SetMaxIdleConns(1 << 20)
	b.Cleanup(func() { db.Close() })
	return db
}

// benchEach runs one operation over and over through each contender.
func benchEach(b *testing.B, operation func(context.Context, *sql.DB) error) {
	for _, c := range benchContenders {
		b.Run(c.name, func(b *testing.B) {
			db := c.open(b)
			benchLoop(b, func(ctx context.Context) error { return operation(ctx, db) })
		})
	}
}

func benchLoop(b *testing.B, operation func(context.Context) error) {
	b.Helper()
	ctx := b.Context()
	if err := operation(ctx); err != nil { // opens what has to be open
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := operation(ctx); err != nil {
			b.Fatal(err)
		}
	}
}

func benchExecOnce(ctx context.Context, db *sql.DB) error {
	_, err := db.ExecContext(ctx, benchText)
	return err
}

func BenchmarkExec(b *testing.B) { benchEach(b, benchExecOnce) }

func BenchmarkExecArg(b *testing.B) {
	benchEach(b, func(ctx context.Context, db *sql.DB) error {
		_, err := db.ExecContext(ctx, benchText+" WHERE id = $1", 1)
		return err
	})
}

func BenchmarkQuery(b *testing.B) {
	benchEach(b, func(ctx context.Context, db *sql.DB) error {
		rows, err := db.QueryContext(ctx, "SELECT 1")
		if err != nil {
			return err
		}
		return rows.Close()
	})
}

func BenchmarkTx(b *testing.B) {
	benchEach(b, func(ctx context.Context, db *sql.DB) error {
		tx, err := db.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		if _, err = tx.ExecContext(ctx, benchText); err != nil {
			return err
		}
		return tx.Commit()
	})
}

func BenchmarkStmt(b *testing.B) {
	for _, c := range benchContenders {
		b.Run(c.name, func(b *testing.B) {
			stmt, err := c.open(b).PrepareContext(b.Context(), benchText)
			if err != nil {
				b.Fatal(err)
			}
			defer stmt.Close()
			benchLoop(b, func(ctx context.Context) error {
				_, err := stmt.ExecContext(ctx)
				return err
			})
		})
	}
}

// BenchmarkExecParallel has one goroutine for each CPU.
func BenchmarkExecParallel(b *testing.B) {
	for _, c := range benchContenders {
		b.Run(c.name, func(b *testing.B) {
			db := c.open(b)
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if err := benchExecOnce(b.Context(), db); err != nil {
						b.Error(err)
						return
					}
				}
			})
		})
	}
}

// BenchmarkExecWithOpen: the price must not depend on how many server
// connections are open, whichever is taken next.
func BenchmarkExecWithOpen(b *testing.B) {
	for _, lifo := range []bool{true, false} {
		for _, open := range []int{10, 10_000} {
			b.Run(fmt.Sprintf("lifo=%t/open=%d", lifo, open), func(b *testing.B) {
				db := benchPooled(b, func(c *pooled.Config) { c.Size, c.UseLIFO = open, lifo })
				benchHoldConns(b, db, open)
				db.SetMaxIdleConns(1)
				benchLoop(b, func(ctx context.Context) error { return benchExecOnce(ctx, db) })
				benchCheckOpen(b, db, open)
			})
		}
	}
}

// BenchmarkCheckout is a checkout and a checkin without database/sql, by the
// calls that database/sql makes of a Conn.
func BenchmarkCheckout(b *testing.B) {
	for _, c := range []pooled.Class{pooled.ClassQueue, pooled.ClassDirect} {
		b.Run(string(c), func(b *testing.B) {
			connector := benchConnector(b, class(c))
			defer connector.Close()
			conn, err := connector.Connect(b.Context())
			if err != nil {
				b.Fatal(err)
			}
			defer conn.Close()
			own := conn.(*pooled.Conn)
			own.IsValid()
			benchLoop(b, func(ctx context.Context) error {
				if err := own.ResetSession(ctx); err != nil {
					return err
				}
				err := own.Ping(ctx)
				own.IsValid()
				return err
			})
		})
	}
}

// BenchmarkCheckoutParallel is BenchmarkCheckout on one goroutine for each CPU.
func BenchmarkCheckoutParallel(b *testing.B) {
	connector := benchConnector(b)
	defer connector.Close()
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		conn, err := connector.Connect(b.Context())
		if err != nil {
			b.Error(err)
			return
		}
		defer conn.Close()
		own := conn.(*pooled.Conn)
		own.IsValid()
		for pb.Next() {
			if err := own.Ping(b.Context()); err != nil {
				b.Error(err)
				return
			}
			own.IsValid()
		}
	})
}

// BenchmarkTexts: what a text may leave behind is looked up if it is the last one's, else judged. Programs have many.
func BenchmarkTexts(b *testing.B) {
	for _, text := range []string{
		"UPDATE t SET x = 1 WHERE id = $1",
		"WITH a AS (SELECT 1) INSERT INTO t SELECT * FROM a WHERE note = 'it is long enough to be read' RETURNING id",
	} {
		for _, texts := range []int{1, 2, 16} {
			b.Run(fmt.Sprintf("%.4s/texts=%d", text, texts), func(b *testing.B) {
				db := benchPooled(b)
				all := make([]string, texts)
				for i := range all {
					all[i] = fmt.Sprintf("%s -- %02d", text, i)
				}
				next := 0
				benchLoop(b, func(ctx context.Context) error {
					next = (next + 1) % texts
					_, err := db.ExecContext(ctx, all[next])
					return err
				})
			})
		}
	}
}

// BenchmarkContention: 200 goroutines want one of 4 connections, each for a
// millisecond. What counts is how long the unlucky wait.
// BenchmarkWatched is what it costs to look on: an Exec as in BenchmarkExec, and a checkout that
// looks for leaks, that is measured, and whose statements pass an interceptor or are logged.
func BenchmarkWatched(b *testing.B) {
	for _, watched := range []struct {
		name string
		set  func(*pooled.Config)
	}{
		{"off", func(*pooled.Config) {}},
		{"leaks", func(c *pooled.Config) { c.LeakAfter = time.Minute }},
		{"timings", func(c *pooled.Config) { c.Timings = true }},
		{"interceptor", func(c *pooled.Config) { c.Interceptors = []pooled.Interceptor{sqlmw.NullInterceptor{}} }},
		{"echo", func(c *pooled.Config) {
			c.Echo, c.Logger = pooled.EchoOn, slog.New(slog.NewTextHandler(io.Discard, nil))
		}},
		{"echo_pool", func(c *pooled.Config) {
			c.EchoPool, c.Logger = pooled.EchoOn, slog.New(slog.NewTextHandler(io.Discard, nil))
		}},
	} {
		b.Run(watched.name, func(b *testing.B) {
			db := benchPooled(b, watched.set)
			benchLoop(b, func(ctx context.Context) error { return benchExecOnce(ctx, db) })
		})
	}
}

// BenchmarkGuards is what all guards together cost a checkout and a checkin, on a
// driver that has no socket.
func BenchmarkGuards(b *testing.B) {
	connector := connectorTo(b, pooledtest.Null{})
	defer connector.Close()
	once := pooled.Guards(b, connector.Pool())
	b.ReportAllocs()
	for b.Loop() {
		once()
	}
}

func BenchmarkContention(b *testing.B) {
	const goroutines, connections, hold = 200, 4, time.Millisecond
	limited := func(b *testing.B) *sql.DB {
		return benchPooled(b, size(connections, 0))
	}
	b.Run("bare", func(b *testing.B) {
		db := benchDB(b, pooledtest.Null{})
		db.SetMaxOpenConns(connections)
		benchReportWaits(b, db, goroutines, hold)
	})
	b.Run("queue", func(b *testing.B) { benchReportWaits(b, limited(b), goroutines, hold) })
}

func benchReportWaits(b *testing.B, db *sql.DB, goroutines int, hold time.Duration) {
	b.Helper()
	waits := make([]time.Duration, b.N)
	next := make(chan int)
	var done sync.WaitGroup
	for range goroutines {
		done.Go(func() {
			for i := range next {
				began := time.Now()
				tx, err := db.BeginTx(b.Context(), nil)
				waits[i] = time.Since(began)
				if err != nil {
					b.Error(err)
					continue
				}
				time.Sleep(hold) // the work of a program, not a wait for something
				if err = tx.Commit(); err != nil {
					b.Error(err)
				}
			}
		})
	}
	for i := range b.N {
		next <- i
	}
	close(next)
	done.Wait()
	slices.Sort(waits)
	for _, q := range []struct {
		name string
		at   float64
	}{{"p50-ms", 0.5}, {"p99-ms", 0.99}, {"max-ms", 1}} {
		i := max(0, int(q.at*float64(len(waits)))-1)
		b.ReportMetric(float64(waits[i])/float64(time.Millisecond), q.name)
	}
}

// BenchmarkCanceledWaiters ends ten thousand waits in the queue at the same moment, as the end of a request's context
// that all of them share does.
func BenchmarkCanceledWaiters(b *testing.B) {
	const waiters = 10_000
	connector := benchConnector(b, size(5, 0), func(c *pooled.Config) { c.Timeout = pooled.NoLimit })
	db := benchDB(b, connector)
	for range 5 {
		conn, err := db.Conn(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		if _, err := conn.ExecContext(b.Context(), benchText); err != nil {
			b.Fatal(err)
		}
		defer conn.Close()
	}
	pool := connector.Pool()
	b.ReportAllocs()
	for range b.N {
		b.StopTimer()
		ctx, cancel := context.WithCancel(b.Context())
		var wait sync.WaitGroup
		for range waiters {
			wait.Go(func() {
				if _, err := db.ExecContext(ctx, benchText); !errors.Is(err, context.Canceled) {
					b.Errorf("have %v, want the context's end", err)
				}
			})
		}
		for pool.Stats().Waiting < waiters {
			runtime.Gosched()
		}
		b.StartTimer()
		cancel()
		wait.Wait()
	}
}

// BenchmarkIdleMemory is the memory of an idle server connection beside the
// driver's own: the pool's part, and, with=conns, with the Conns that database/sql
// may keep idle as well.
func BenchmarkIdleMemory(b *testing.B) {
	for _, conns := range []bool{false, true} {
		b.Run(fmt.Sprintf("conns=%t", conns), func(b *testing.B) {
			const open = 10_000
			for b.Loop() {
				before := benchLiveBytes()
				db := benchPooled(b, size(open, -1))
				benchHoldConns(b, db, open)
				if !conns {
					db.SetMaxIdleConns(-1)
				}
				b.ReportMetric(float64(benchLiveBytes()-before)/open, "B/conn")
				benchCheckOpen(b, db, open)
				db.Close()
			}
		})
	}
}

// benchHoldConns takes n Conns at once, uses each, and gives all back.
func benchHoldConns(b *testing.B, db *sql.DB, n int) {
	b.Helper()
	conns := make([]*sql.Conn, n)
	for i := range conns {
		conn, err := db.Conn(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		if _, err = conn.ExecContext(b.Context(), benchText); err != nil {
			b.Fatal(err)
		}
		conns[i] = conn
	}
	for _, conn := range conns {
		conn.Close()
	}
}

// benchCheckOpen makes sure that the benchmark was about what it says.
func benchCheckOpen(b *testing.B, db *sql.DB, want int) {
	b.Helper()
	pool, ok := pooled.PoolOf(db)
	if !ok {
		b.Fatal("no pool behind this sql.DB")
	}
	if have := pool.Stats().Open(); have != want {
		b.Fatalf("server connections open: have %d, want %d", have, want)
	}
}

// benchLiveBytes is the heap that is in use after two collections: what the first
// one finds to be finalized, the second one frees.
func benchLiveBytes() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
