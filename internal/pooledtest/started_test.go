package pooledtest_test

import (
	"database/sql"
	"testing"

	_ "github.com/go-sql-driver/mysql"
	_ "github.com/lib/pq"

	"github.com/pooled-go/pooled/internal/pooledtest"
)

// What scripts/with-servers starts is what tests build on.

// check compares a query's only value, as text, with what tests rely on.
func check(t *testing.T, db *sql.DB, query, want string) {
	t.Helper()
	var have string
	if err := db.QueryRowContext(t.Context(), query).Scan(&have); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	if have != want {
		t.Errorf("%s: have %q, want %q", query, have, want)
	}
}

func TestPostgresAsStarted(t *testing.T) {
	db := pooledtest.OpenDB(t, "postgres", pooledtest.Postgres(t))
	check(t, db, "SELECT current_database()", "pooled_test")
	check(t, db, "SELECT usesuper FROM pg_user WHERE usename = current_user", "true")
	check(t, db, "SHOW max_connections", "100")
	check(t, db, "SHOW lock_timeout", "30s") // a test that waits for a lock that nobody gives up fails
	check(t, db, "SHOW server_encoding", "UTF8")
	check(t, db, "SHOW listen_addresses", "127.0.0.1")
}

func TestMySQLAsStarted(t *testing.T) {
	db := pooledtest.OpenDB(t, "mysql", pooledtest.MySQL(t))
	check(t, db, "SELECT DATABASE()", "pooled_test")
	check(t, db, "SELECT @@GLOBAL.max_connections", "151")
	check(t, db, "SELECT @@GLOBAL.lock_wait_timeout", "30") // see above
	check(t, db, "SELECT @@GLOBAL.innodb_lock_wait_timeout", "30")
	check(t, db, "SELECT @@GLOBAL.local_infile", "1")
	check(t, db, "SELECT @@GLOBAL.character_set_server", "utf8mb4")
	check(t, db, "SELECT @@GLOBAL.bind_address", "127.0.0.1")
	// Tests change settings, kill connections and make users.
	check(t, db, `SELECT COUNT(*) FROM information_schema.user_privileges
		WHERE grantee = CONCAT('''', REPLACE(CURRENT_USER(), '@', '''@'''), '''')
		AND REPLACE(privilege_type, '_', ' ') IN ('SUPER', 'CREATE USER', 'CONNECTION ADMIN', 'BINLOG ADMIN')
		AND is_grantable = 'YES'`, "4")
}

func TestPostgresTLSAsAskedFor(t *testing.T) {
	const query = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
	check(t, pooledtest.OpenDB(t, "postgres", pooledtest.PostgresPlain(t)), query, "false")
	check(t, pooledtest.OpenDB(t, "postgres", pooledtest.PostgresTLS(t)), query, "true")
}

func TestMySQLTLSAsAskedFor(t *testing.T) {
	for dsn, want := range map[string]string{pooledtest.MySQLPlain(t): "", pooledtest.MySQLTLS(t): "TLSv1.3"} {
		var name, have string
		err := pooledtest.OpenDB(t, "mysql", dsn).QueryRow("SHOW SESSION STATUS LIKE 'Ssl_version'").Scan(&name, &have)
		if err != nil || have != want {
			t.Errorf("have %q, %v, want %q", have, err, want)
		}
	}
}
