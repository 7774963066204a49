package servertest_test

import (
	"testing"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/internal/pooledtest"
)

// A session reset drops all prepared statements at the server. A sql.Stmt lives on,
// on the same server connection, prepared again.
func TestStmtOutlivesASessionReset(t *testing.T) {
	for _, s := range []server{onPostgres, onMySQL} {
		t.Run(s.name, func(t *testing.T) {
			db := openServer(t, "pooled", s.dsn(t), "pool_size=1", "pool_max_overflow=0", "pool_reset_on_return=session")
			stmt, err := db.Prepare("SELECT " + cast(s, s.arg(1)))
			if err != nil {
				t.Fatal(err)
			}
			defer stmt.Close()
			for want := range 5 {
				var have int
				if err := stmt.QueryRow(want).Scan(&have); err != nil || have != want {
					t.Errorf("have %d, %v, want %d", have, err, want)
				}
			}
			if pool, _ := pooled.PoolOf(db); pool.Stats().Opened != 1 {
				t.Errorf("have %+v, want one server connection, reset each time", pool.Stats())
			}
		})
	}
}

// What is set for all sessions is there after a reset: by the DSN and by pool_init_sql.
func TestSessionResetKeepsWhatAllSessionsHave(t *testing.T) {
	for _, test := range []struct {
		server  server
		options []string
		asks    map[string]string
	}{
		{onPostgres, []string{"application_name=orders", "search_path=pg_catalog", "pool_init_sql=SET lock_timeout = 4321"},
			map[string]string{"SHOW application_name": "orders", "SHOW search_path": "pg_catalog",
				"SHOW lock_timeout": "4321ms"}},
		{onMySQL, []string{"charset=latin1", "sql_select_limit=77", "pool_init_sql=SET lock_wait_timeout = 99"},
			map[string]string{"SELECT @@character_set_client": "latin1", "SELECT @@sql_select_limit": "77",
				"SELECT @@lock_wait_timeout": "99"}},
	} {
		t.Run(test.server.name, func(t *testing.T) {
			options := append(test.options, "pool_size=1", "pool_max_overflow=0", "pool_reset_on_return=session")
			db := openServer(t, "pooled", test.server.dsn(t), options...)
			for ask, want := range test.asks {
				pooledtest.MustExec(t, db, "SELECT 1")
				if have := pooledtest.ScanOne[string](t, db, ask); have != want {
					t.Errorf("%s: have %q, want %q", ask, have, want)
				}
			}
			if pool, _ := pooled.PoolOf(db); pool.Stats().Opened != 1 {
				t.Errorf("have %+v, want one server connection, reset each time", pool.Stats())
			}
		})
	}
}
