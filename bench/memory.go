package bench

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"runtime"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/internal/pooledtest"
)

// Open opens n server connections in a pool of that size over the null driver.
func Open(ctx context.Context, n int, lifo bool) (*sql.DB, error) {
	db, err := OpenNull(func(c *pooled.Config) { c.Size, c.UseLIFO = n, lifo })
	if err != nil {
		return nil, err
	}
	if err = hold(ctx, db, n); err == nil {
		err = checkOpen(db, n)
	}
	if err != nil {
		db.Close()
		return nil, err
	}
	return db, nil
}

// OpenBare opens n with database/sql over the null driver itself.
func OpenBare(ctx context.Context, n int) (*sql.DB, error) {
	db := tuned(sql.OpenDB(pooledtest.Null{}))
	err := hold(ctx, db, n)
	if have := db.Stats().Idle; err == nil && have != n {
		err = fmt.Errorf("connections idle in database/sql: have %d, want %d", have, n)
	}
	if err != nil {
		db.Close()
		return nil, err
	}
	return db, nil
}

// hold takes n conns at once, uses each, and gives all back.
func hold(ctx context.Context, db *sql.DB, n int) error {
	conns := make([]*sql.Conn, 0, n)
	defer func() {
		for _, conn := range conns {
			conn.Close()
		}
	}()
	for range n {
		conn, err := db.Conn(ctx)
		if err != nil {
			return err
		}
		conns = append(conns, conn)
		if _, err = conn.ExecContext(ctx, update); err != nil {
			return err
		}
	}
	return nil
}

// checkOpen makes sure that a measurement was about as many as it says.
func checkOpen(db *sql.DB, want int) error {
	stats, err := poolStats(db)
	if err == nil && stats.Open() != want {
		err = fmt.Errorf("server connections open: have %d, want %d", stats.Open(), want)
	}
	return err
}

func poolStats(db *sql.DB) (pooled.Stats, error) {
	pool, ok := pooled.PoolOf(db)
	if !ok {
		return pooled.Stats{}, fmt.Errorf("no pool behind this sql.DB")
	}
	return pool.Stats(), nil
}

// Memory is what one idle server connection takes, in bytes.
type Memory struct {
	Driver float64 // by the wrapped driver alone
	Pool   float64 // beside it by pooled, while database/sql keeps no conn
	Conn   float64 // beside these by the Conn and what database/sql has for it, while it does
	Bare   float64 // beside the driver's by database/sql over the driver itself
}

// IdleMemory measures with n server connections.
func IdleMemory(ctx context.Context, n int) (Memory, error) {
	var m Memory
	before := liveBytes()
	conns := make([]driver.Conn, n)
	for i := range conns {
		conns[i], _ = pooledtest.Null{}.Connect(ctx)
	}
	slots := float64(n) * 16 // of the slice itself
	m.Driver = (float64(liveBytes()-before) - slots) / float64(n)
	runtime.KeepAlive(conns)
	conns = nil

	before = liveBytes()
	db, err := Open(ctx, n, true)
	if err != nil {
		return m, err
	}
	defer db.Close()
	withConns := float64(liveBytes()-before) / float64(n)
	db.SetMaxIdleConns(-1)
	m.Pool = float64(liveBytes()-before)/float64(n) - m.Driver
	m.Conn = withConns - m.Pool - m.Driver
	if err = checkOpen(db, n); err != nil {
		return m, err
	}
	before = liveBytes()
	bare, err := OpenBare(ctx, n)
	if err != nil {
		return m, err
	}
	defer bare.Close()
	m.Bare = float64(liveBytes()-before)/float64(n) - m.Driver
	return m, nil
}

// liveBytes is the heap in use after two collections: what the first finds to be
// finalized, the second frees.
func liveBytes() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
