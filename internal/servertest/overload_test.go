package servertest_test

import (
	"database/sql"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/internal/pooledtest"
)

// Overload with default options: more callers than the server has connections.
// Nobody gets an error; the pool finds the ceiling.
func TestOverload(t *testing.T) {
	for _, s := range []server{onPostgres, onMySQL} {
		t.Run(s.name, func(t *testing.T) {
			dsn := s.dsn(t)
			if s.name == "mysql" {
				admin := openServer(t, "mysql", dsn)
				before := pooledtest.ScanOne[int](t, admin, "SELECT @@max_connections")
				pooledtest.MustExec(t, admin, "SET GLOBAL max_connections=20")
				t.Cleanup(func() {
					// Through a connection of its own, when the pool's are closed.
					pooledtest.MustExec(t, admin, fmt.Sprint("SET GLOBAL max_connections=", before))
				})
			}
			db := openServer(t, "pooled", dsn, "pool_connect_limit=16")
			var wg sync.WaitGroup
			for range 300 {
				wg.Go(func() {
					for range 3 {
						if _, err := db.Exec(s.sleep(0.02)); err != nil {
							t.Errorf("have %v", err)
						}
					}
				})
			}
			wg.Wait()
			pool, _ := pooled.PoolOf(db)
			t.Logf("%+v", pool.Stats())
			if stats := pool.Stats(); s.name == "mysql" && stats.ConnectErrors == 0 {
				t.Errorf("have %+v, want that the server has refused some", stats)
			}
			db.Close()
		})
	}
}

// A changed driver name adds no deadlock: more conns at once than pool_size.
func TestNoLimitByDefault(t *testing.T) {
	for _, s := range servers {
		t.Run(s.name, func(t *testing.T) {
			db := openServer(t, "pooled", s.dsn(t))
			var conns []*sql.Conn
			for range 12 {
				conn, err := db.Conn(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				pooledtest.ScanOne[int](t, conn, "SELECT 1")
				conns = append(conns, conn)
			}
			pooledtest.Give(t, slices.Clone(conns)...)
		})
	}
}
