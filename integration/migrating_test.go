package integration

import (
	"testing"

	"github.com/pooled-go/pooled/internal/pooledtest"
)

// What docs/from-hikaricp.md and docs/from-sqlalchemy.md say of isolation, read-only and autocommit for all of a
// pool: they are the driver's parameters, or pool_init_sql, and a session reset leaves them.
func TestSessionDefaults(t *testing.T) {
	for _, c := range []struct {
		name, params, show, want string
		dsn                      func(testing.TB) string
	}{
		{"PostgreSQL, isolation", "default_transaction_isolation=serializable", "SHOW transaction_isolation", "serializable", pooledtest.Postgres},
		{"PostgreSQL, read-only", "default_transaction_read_only=on", "SHOW transaction_read_only", "on", pooledtest.Postgres},
		{"PostgreSQL, schema", "search_path=pg_catalog", "SHOW search_path", "pg_catalog", pooledtest.Postgres},
		{"MariaDB, isolation", "tx_isolation='SERIALIZABLE'", "SELECT @@tx_isolation", "SERIALIZABLE", pooledtest.MySQL},
		{"MariaDB, read-only", "pool_init_sql=SET SESSION TRANSACTION READ ONLY", "SELECT @@tx_read_only", "1", pooledtest.MySQL},
		{"MariaDB, autocommit", "autocommit=0", "SELECT @@autocommit", "0", pooledtest.MySQL},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, mode := range []string{"rollback", "session"} {
				db := openPooled(t, addQuery(c.dsn(t), c.params+"&pool_size=1&pool_max_overflow=0&pool_reset_on_return="+mode))
				for range 3 {
					var have string
					if err := db.QueryRow(c.show).Scan(&have); err != nil || have != c.want {
						t.Errorf("%s: have %s, %v, want %s", mode, have, err, c.want)
					}
				}
				db.Close()
			}
		})
	}
}
