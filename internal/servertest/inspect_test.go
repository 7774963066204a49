package servertest_test

import (
	"testing"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/internal/pooledtest"
)

// Each server connection knows what its server calls it, also with an interceptor before the driver.
func TestSessionOnServers(t *testing.T) {
	for _, test := range []struct {
		server
		query string
	}{{onPostgres, "SELECT pg_backend_pid()"}, {onMySQL, "SELECT CONNECTION_ID()"}} {
		for _, echoed := range []string{"echo=off", "echo=on"} {
			t.Run(test.name+" "+echoed, func(t *testing.T) {
				db := openServer(t, "pooled", test.dsn(t), echoed, "pool_logger=discard")
				want := pooledtest.ScanOne[string](t, db, test.query)
				pool, _ := pooled.PoolOf(db)
				if have := pool.Conns()[0].Session; have != want {
					t.Errorf("have session %q, the server says %q", have, want)
				}
			})
		}
	}
}
