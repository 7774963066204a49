package bench

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"runtime"
	"runtime/metrics"
	"sync"
	"time"

	"github.com/jackc/puddle/v2"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/internal/pooledtest"
)

// WaitConnections are all leased while everybody waits.
const WaitConnections = 4

// Waiting is what it costs that many wait in the queue for a connection.
type Waiting struct {
	Bytes float64       // of heap and stacks, for each that waits
	Drain time.Duration // from the connections' return until everybody has been served
}

// WaitContender is something that one can wait for. The first of them is only a
// channel: what a goroutine takes that waits for anything at all.
type WaitContender struct {
	Name string
	open func(context.Context) (*waitingLine, error)
}

// waitingLine is open, with nothing left to take.
type waitingLine struct {
	use     func() error // waits for its turn
	release func() error // gives back what is leased
	close   func() error
}

// WaitContenders are a channel, database/sql, pooled and puddle.
var WaitContenders = []WaitContender{
	{"a channel", func(context.Context) (*waitingLine, error) {
		open := make(chan struct{})
		return &waitingLine{
			use:     func() error { <-open; return nil },
			release: func() error { close(open); return nil },
			close:   func() error { return nil },
		}, nil
	}},
	{"database/sql", func(ctx context.Context) (*waitingLine, error) {
		db := tuned(sql.OpenDB(pooledtest.Null{}))
		db.SetMaxOpenConns(WaitConnections)
		return waitForDB(ctx, db)
	}},
	{"pooled", func(ctx context.Context) (*waitingLine, error) {
		db, err := OpenNull(func(c *pooled.Config) { c.Size, c.MaxOverflow = WaitConnections, 0 })
		if err != nil {
			return nil, err
		}
		return waitForDB(ctx, db)
	}},
	{"puddle", waitForPuddle},
}

// waitForDB leases all connections of a DB; those who wait want to Exec.
func waitForDB(ctx context.Context, db *sql.DB) (*waitingLine, error) {
	line := &waitingLine{close: db.Close, use: func() error { return execOnce(ctx, db) }}
	var conns []*sql.Conn
	for range WaitConnections {
		conn, err := db.Conn(ctx)
		if err == nil {
			err = conn.PingContext(ctx) // pooled leases when it is used
		}
		if err != nil {
			return nil, errors.Join(err, db.Close())
		}
		conns = append(conns, conn)
	}
	line.release = func() (err error) {
		for _, conn := range conns {
			err = errors.Join(err, conn.Close())
		}
		return err
	}
	return line, nil
}

// waitForPuddle has no database/sql above it and nothing to Exec.
func waitForPuddle(ctx context.Context) (*waitingLine, error) {
	pool, err := newPuddle(WaitConnections)
	if err != nil {
		return nil, err
	}
	var leased []*puddle.Resource[driver.Conn]
	for range WaitConnections {
		resource, err := pool.Acquire(ctx)
		if err != nil {
			return nil, err
		}
		leased = append(leased, resource)
	}
	return &waitingLine{
		close: func() error { pool.Close(); return nil },
		use: func() error {
			resource, err := pool.Acquire(ctx)
			if err == nil {
				resource.Release()
			}
			return err
		},
		release: func() error {
			for _, resource := range leased {
				resource.Release()
			}
			return nil
		},
	}, nil
}

// Wait has n goroutines wait, weighs them, and then lets them have their turns.
func Wait(ctx context.Context, c WaitContender, n int) (w Waiting, err error) {
	line, err := c.open(ctx)
	if err != nil {
		return w, err
	}
	defer func() { err = errors.Join(err, line.close()) }()
	waitingBefore, before := waiting(), usedBytes()
	var all sync.WaitGroup
	var mutex sync.Mutex
	for range n {
		all.Go(func() {
			if failed := line.use(); failed != nil {
				mutex.Lock()
				defer mutex.Unlock()
				err = failed
			}
		})
	}
	for waiting() < waitingBefore+n {
		time.Sleep(time.Millisecond)
		if ctx.Err() != nil {
			break
		}
	}
	w.Bytes = float64(usedBytes()-before) / float64(n)
	began := time.Now()
	released := line.release()
	all.Wait()
	w.Drain = time.Since(began)
	return w, errors.Join(err, released)
}

// waiting is the number of goroutines that wait for something.
func waiting() int {
	sample := []metrics.Sample{{Name: "/sched/goroutines/waiting:goroutines"}}
	metrics.Read(sample)
	return int(sample[0].Value.Uint64())
}

// usedBytes are the heap and the stacks in use after two collections.
func usedBytes() int64 {
	heap := liveBytes()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return heap + int64(m.StackInuse)
}
