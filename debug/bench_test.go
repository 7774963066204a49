package debug_test

import (
	"database/sql"
	"fmt"
	"testing"
	"time"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/debug"
	"github.com/pooled-go/pooled/internal/pooledtest"
)

// crowd opens pools whose connections are all in use, with long statements and stacks.
func crowd(t testing.TB, pools, conns int) []*sql.DB {
	t.Helper()
	var list []*sql.DB
	for i := range pools {
		db, _ := open(t, pooledtest.Null{}, func(cfg *pooled.Config) {
			cfg.Size, cfg.ConnectLimit, cfg.LeakAfter = conns, -1, time.Hour
		})
		for j := range conns {
			hold(t, db, fmt.Sprintf("SELECT %d, %d, <b>%0200d</b>", i, j, j))
		}
		list = append(list, db)
	}
	return list
}

var questions = []struct{ name, target string }{
	{"page", "/"},
	{"poll", "/?format=json&limit=10"},
	{"everything as JSON", "/?format=json"},
	{"everything as a page", "/?limit=1000"},
}

// What a look costs, with 10 pools of 200 server connections.
func BenchmarkHandler(b *testing.B) {
	crowd(b, 10, 200)
	for _, q := range questions {
		b.Run(q.name, func(b *testing.B) {
			size := 0
			for b.Loop() {
				size = len(get(b, debug.Handler{AllowActions: true}, q.target))
			}
			b.ReportMetric(float64(size)/1000, "kB")
		})
	}
}

// What the figures of one pool of 200 server connections cost.
func BenchmarkConns(b *testing.B) {
	db := crowd(b, 1, 200)[0]
	pool, _ := pooled.PoolOf(db)
	for b.Loop() {
		pool.Conns()
	}
}
