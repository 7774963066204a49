package bench

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"sync/atomic"
	"time"

	"github.com/jackc/puddle/v2"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/internal/pooledtest"
)

// Contention is how many want how few connections.
const (
	ContentionGoroutines  = 200
	ContentionConnections = 4
	ContentionHold        = time.Millisecond
)

// ContentionContenders are database/sql and the pool as the one that lets wait.
var ContentionContenders = []Contender{
	{"bare, SetMaxOpenConns(4)", func() (*sql.DB, error) {
		db := tuned(sql.OpenDB(&slow{takes: ContentionHold}))
		db.SetMaxOpenConns(ContentionConnections)
		return db, nil
	}},
	{"pooled, pool_size=4&pool_max_overflow=0", func() (*sql.DB, error) {
		return openOver(&slow{takes: ContentionHold}, func(c *pooled.Config) {
			c.Size, c.MaxOverflow = ContentionConnections, 0
		})
	}},
}

// Contend measures how long a request takes with its wait.
func Contend(ctx context.Context, c Contender, length time.Duration) (Load, error) {
	db, err := c.Open()
	if err != nil {
		return Load{}, err
	}
	defer db.Close()
	l := Saturate(ctx, db, execOnce, ContentionGoroutines, length)
	return l, l.Example
}

// ContendPuddle is the same for the pool under pgxpool: it has no database/sql above it and no driver below.
func ContendPuddle(ctx context.Context, length time.Duration) (Load, error) {
	pool, err := puddle.NewPool(&puddle.Config[struct{}]{
		Constructor: func(context.Context) (struct{}, error) { return struct{}{}, nil },
		Destructor:  func(struct{}) {},
		MaxSize:     ContentionConnections,
	})
	if err != nil {
		return Load{}, err
	}
	defer pool.Close()
	l := saturate(ContentionGoroutines, length, func() error {
		leased, err := pool.Acquire(ctx)
		if err == nil {
			time.Sleep(ContentionHold)
			leased.Release()
		}
		return err
	})
	return l, l.Example
}

// slow is the null driver with statements, and connects, that take a time.
type slow struct {
	takes, connectTakes time.Duration
	connects            atomic.Int64 // how many there were
}

// Connect takes its time, as a distant server would.
func (s *slow) Connect(ctx context.Context) (driver.Conn, error) {
	s.connects.Add(1)
	time.Sleep(s.connectTakes)
	conn, err := pooledtest.Null{}.Connect(ctx)
	return &slowConn{conn, s.takes}, err
}

func (*slow) Driver() driver.Driver { return pooledtest.Null{}.Driver() }

type slowConn struct {
	driver.Conn
	takes time.Duration
}

var (
	_ driver.ExecerContext   = (*slowConn)(nil)
	_ driver.SessionResetter = (*slowConn)(nil)
	_ driver.Validator       = (*slowConn)(nil)
)

// ExecContext takes its time, as a server would.
func (c *slowConn) ExecContext(context.Context, string, []driver.NamedValue) (driver.Result, error) {
	time.Sleep(c.takes)
	return driver.RowsAffected(1), nil
}

func (*slowConn) ResetSession(context.Context) error { return nil }
func (*slowConn) IsValid() bool                      { return true }
