package integration

import (
	"testing"

	"github.com/pooled-go/pooled/internal/pooledtest"
)

// What docs/from-hikaricp.md and docs/from-sqlalchemy.md say of isolation, read-only and autocommit for all of a
// pool: they are the driver's parameters, or pool_init_sql, and a session reset leaves them.
func TestSessionDefaults(t *testing.T) {
	t.Run("PostgreSQL", func(t *testing.T) {
		dsn := pooledtest.Postgres(t)
		keepsDefault(t, dsn, "default_transaction_isolation=serializable", "SHOW transaction_isolation", "serializable")
		keepsDefault(t, dsn, "default_transaction_read_only=on", "SHOW transaction_read_only", "on")
		keepsDefault(t, dsn, "search_path=pg_catalog", "SHOW search_path", "pg_catalog")
	})
	t.Run("MySQL", func(t *testing.T) {
		dsn, on := pooledtest.MySQL(t), pooledtest.MySQLFacts(t)
		keepsDefault(t, dsn, on.Isolation+"='SERIALIZABLE'", "SELECT @@"+on.Isolation, "SERIALIZABLE")
		keepsDefault(t, dsn, "pool_init_sql=SET SESSION TRANSACTION READ ONLY", "SELECT @@"+on.ReadOnly, "1")
		keepsDefault(t, dsn, "autocommit=0", "SELECT @@autocommit", "0")
	})
}

func keepsDefault(t *testing.T, dsn, params, show, want string) {
	t.Helper()
	for _, mode := range []string{"rollback", "session"} {
		db := openPooled(t, pooledtest.WithOptions(dsn, params+"&pool_size=1&pool_max_overflow=0&pool_reset_on_return="+mode))
		for range 3 {
			var have string
			if err := db.QueryRow(show).Scan(&have); err != nil || have != want {
				t.Errorf("%s, %s: have %s, %v, want %s", params, mode, have, err, want)
			}
		}
		db.Close()
	}
}
