package bench

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/pooled-go/pooled"
)

// The recycling: requests in open loop keep about half of the connections busy,
// while every connection reaches its age again and again.
const (
	RecycleConnections = 100
	RecycleRate        = 5000 // requests a second
	RecycleTakes       = 10 * time.Millisecond
	RecycleConnect     = 20 * time.Millisecond
	RecycleAge         = 2 * time.Second
)

// RecycleContender is one way to renew connections, or not to.
type RecycleContender struct {
	Name string
	open func(*slow) (*sql.DB, error)
}

// RecycleContenders have all connections open before the load begins. The first one does
// not renew them, the second does so in the background, and database/sql when one
// is wanted that is too old.
var RecycleContenders = []RecycleContender{
	{"pooled, pool_recycle=-1", func(s *slow) (*sql.DB, error) { return openAged(s, -1) }},
	{
		fmt.Sprintf("pooled, pool_recycle=%v", RecycleAge),
		func(s *slow) (*sql.DB, error) { return openAged(s, RecycleAge) },
	},
	{fmt.Sprintf("bare, SetConnMaxLifetime(%v)", RecycleAge), func(s *slow) (*sql.DB, error) {
		db := tuned(sql.OpenDB(s))
		db.SetMaxOpenConns(RecycleConnections)
		db.SetConnMaxLifetime(RecycleAge)
		return db, nil
	}},
}

// RecycleBare is the place of bare database/sql.
const RecycleBare = 2

func openAged(s *slow, age time.Duration) (*sql.DB, error) {
	return openOver(s, func(c *pooled.Config) {
		c.Size, c.MaxOverflow, c.Recycle = RecycleConnections, 0, age
	})
}

// Recycled is the outcome of a run.
type Recycled struct {
	Load
	Replaced int // connections opened while the load was on
}

// Recycle runs the load on connections that are all open.
func Recycle(ctx context.Context, c RecycleContender, length time.Duration, seed uint64) (Recycled, error) {
	wrapped := &slow{takes: RecycleTakes, connectTakes: RecycleConnect}
	db, err := c.open(wrapped)
	if err != nil {
		return Recycled{}, err
	}
	defer db.Close()
	if err := openAll(ctx, db, RecycleConnections); err != nil {
		return Recycled{}, err
	}
	before := wrapped.connects.Load()
	l := OpenLoop(ctx, db, update, RecycleRate, length, seed)
	return Recycled{l, int(wrapped.connects.Load() - before)}, l.Example
}
