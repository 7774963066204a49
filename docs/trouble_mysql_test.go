package docs_test

import (
	"fmt"
	"testing"

	"github.com/go-sql-driver/mysql"

	"github.com/pooled-go/pooled/internal/pooledtest"
)

var mysqlTroubles = troubles{
	`Too many connections`: func(t *testing.T) error {
		admin := pooledtest.OpenDB(t, "mysql", pooledtest.MySQL(t))
		pooledtest.MustExec(t, admin, "SET GLOBAL max_connections = 10")
		t.Cleanup(func() { pooledtest.MustExec(t, admin, "SET GLOBAL max_connections = 151") })
		plain := asUser(t, "trouble_plain", "")
		db := pooledtest.OpenDB(t, "mysql", plain)
		for range 10 {
			conn, err := db.Conn(t.Context())
			if err != nil {
				break
			}
			defer conn.Close()
		}
		return ping(t, plain)
	},
	`has exceeded the 'max_user_connections' resource`: func(t *testing.T) error {
		limited := asUser(t, "trouble_limited", "WITH MAX_USER_CONNECTIONS 1")
		holdOne(t, pooledtest.OpenDB(t, "mysql", limited))
		return ping(t, limited)
	},
	`Access denied for user`: func(t *testing.T) error {
		return ping(t, changed(t, func(c *mysql.Config) { c.Passwd = "wrong" }))
	},
	`Unknown database`: func(t *testing.T) error {
		return ping(t, changed(t, func(c *mysql.Config) { c.DBName = "no_such_shop" }))
	},
	`Unknown system variable '…'`: func(t *testing.T) error { // without pooled, its option goes to the server
		return pooledtest.OpenDB(t, "mysql", pooledtest.WithOptions(pooledtest.MySQL(t), "pool_max_conns=2")).Ping()
	},
	`invalid connection`: func(t *testing.T) error {
		tx := begin(t, pooledtest.OpenDB(t, "pooled", pooledtest.MySQL(t)))
		var id int
		if err := tx.QueryRow("SELECT CONNECTION_ID()").Scan(&id); err != nil {
			t.Fatal(err)
		}
		admin := pooledtest.OpenDB(t, "mysql", pooledtest.MySQL(t))
		sleeps := fmt.Sprintf("SELECT COUNT(*) FROM information_schema.processlist "+
			"WHERE id = %d AND state = 'User sleep'", id)
		stop := pooledtest.When(func() bool { return pooledtest.ScanOne[int](t, admin, sleeps) > 0 },
			func() { pooledtest.MustExec(t, admin, fmt.Sprintf("KILL %d", id)) })
		defer stop()
		_, err := tx.Exec("DO SLEEP(30)")
		return err
	},
	`busy buffer`: func(t *testing.T) error {
		tx := begin(t, pooledtest.OpenDB(t, "pooled", pooledtest.MySQL(t)))
		rows, err := tx.Query("SELECT REPEAT('x', 100000)")
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		_, err = tx.Exec("DO 1")
		return err
	},
	`--read-only option`: func(t *testing.T) error {
		admin := pooledtest.OpenDB(t, "mysql", pooledtest.MySQL(t))
		pooledtest.MustExec(t, admin, "SET GLOBAL read_only = 1")
		t.Cleanup(func() { pooledtest.MustExec(t, admin, "SET GLOBAL read_only = 0") })
		_, err := pooledtest.OpenDB(t, "pooled", asUser(t, "trouble_writer", "")).Exec("CREATE TABLE trouble (id int)")
		return err
	},
	`Can't create more than max_prepared_stmt_count statements`: func(t *testing.T) error {
		admin := pooledtest.OpenDB(t, "mysql", pooledtest.MySQL(t))
		pooledtest.MustExec(t, admin, "SET GLOBAL max_prepared_stmt_count = 0")
		t.Cleanup(func() { pooledtest.MustExec(t, admin, "SET GLOBAL max_prepared_stmt_count = 16382") })
		_, err := pooledtest.OpenDB(t, "pooled", pooledtest.MySQL(t)).Exec("DO ?", 1)
		return err
	},
	`max_statement_time exceeded`:               timeLimit(`max_statement_time exceeded`),
	`maximum statement execution time exceeded`: timeLimit(`maximum statement execution time exceeded`),
}

// timeLimit makes the error of a server's own limit, which MySQL and MariaDB have different texts for.
func timeLimit(text string) func(t *testing.T) error {
	return func(t *testing.T) error {
		on := pooledtest.MySQLFacts(t)
		on.Need(t, on.TimeLimitText == text, "error with this text")
		db := pooledtest.OpenDB(t, "pooled", pooledtest.WithOptions(pooledtest.MySQL(t), on.TimeLimit))
		return db.QueryRow("SELECT SUM(SQRT(a.ordinal_position)) FROM information_schema.columns a, " +
			"information_schema.columns b, information_schema.columns c").Scan(new(float64))
	}
}

// changed is the server's DSN with something else in it.
func changed(t *testing.T, f func(*mysql.Config)) string {
	t.Helper()
	cfg, err := mysql.ParseDSN(pooledtest.MySQL(t))
	if err != nil {
		t.Fatal(err)
	}
	f(cfg)
	return cfg.FormatDSN()
}

// asUser is the DSN for an account that is there until the test ends.
func asUser(t *testing.T, name, with string) string {
	t.Helper()
	db := pooledtest.OpenDB(t, "mysql", pooledtest.MySQL(t))
	pooledtest.Make(t, db, "USER", name+"@'127.0.0.1'", "IDENTIFIED BY 'tiger' "+with)
	pooledtest.MustExec(t, db, "GRANT SELECT, CREATE ON pooled_test.* TO "+name+"@'127.0.0.1'")
	t.Cleanup(func() { pooledtest.MustExec(t, db, "DROP USER "+name+"@'127.0.0.1'") })
	return changed(t, func(c *mysql.Config) { c.User, c.Passwd = name, "tiger" })
}
