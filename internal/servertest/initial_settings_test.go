package servertest_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/go-sql-driver/mysql"
	"github.com/lib/pq"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/internal/pooledtest"
)

// source is a way to give every new session of MySQL or MariaDB a setting.
type source struct {
	name string
	give func(t *testing.T, setting string, cfg *pooled.Config)
}

var mysqlSources = []source{
	{"DSN", func(_ *testing.T, setting string, cfg *pooled.Config) {
		cfg.DSN = pooledtest.WithOptions(cfg.DSN, setting)
	}},
	{"pool_init_sql", func(_ *testing.T, setting string, cfg *pooled.Config) { cfg.InitSQL = "SET " + setting }},
	{"Connect hook", func(_ *testing.T, setting string, cfg *pooled.Config) {
		cfg.Hooks.Connect = func(ctx context.Context, s *pooled.ServerConn) error { return s.Exec(ctx, "SET "+setting) }
	}},
	{"SET GLOBAL", func(t *testing.T, setting string, _ *pooled.Config) {
		name, _, _ := strings.Cut(setting, "=")
		setGlobal(t, name, setting)
	}},
	{"init_connect", func(t *testing.T, setting string, cfg *pooled.Config) {
		setGlobal(t, "init_connect", fmt.Sprintf("init_connect = 'SET %s'", setting))
		cfg.DSN = plainAccount(t, cfg.DSN)
	}},
}

// setGlobal changes a variable of the server's until the test ends.
func setGlobal(t *testing.T, name, setting string) {
	t.Helper()
	admin := openServer(t, onMySQL.bare, onMySQL.dsn(t))
	var before any = pooledtest.ScanOne[string](t, admin, "SELECT @@GLOBAL."+name)
	if name == "autocommit" {
		before = pooledtest.ScanOne[int](t, admin, "SELECT @@GLOBAL.autocommit")
	}
	t.Cleanup(func() { pooledtest.MustExec(t, admin, "SET GLOBAL "+name+" = ?", before) })
	pooledtest.MustExec(t, admin, "SET GLOBAL "+setting)
}

// plainAccount is the DSN of an account that init_connect is for: the server leaves its administrators out.
func plainAccount(t *testing.T, dsn string) string {
	t.Helper()
	admin := openServer(t, onMySQL.bare, onMySQL.dsn(t))
	t.Cleanup(func() { admin.ExecContext(context.Background(), "DROP USER IF EXISTS initial_account") })
	for _, text := range []string{
		"DROP USER IF EXISTS initial_account",
		"CREATE USER initial_account IDENTIFIED BY 'x'",
		"GRANT ALL ON pooled_test.* TO initial_account",
	} {
		pooledtest.MustExec(t, admin, text)
	}
	cfg, err := mysql.ParseDSN(dsn)
	if err != nil {
		t.Fatal(err)
	}
	cfg.User, cfg.Passwd = "initial_account", "x"
	return cfg.FormatDSN()
}

// openWithSetting opens a pool whose new sessions have a setting.
func openWithSetting(t *testing.T, s source, setting string, set ...func(*pooled.Config)) *sql.DB {
	t.Helper()
	cfg, err := pooled.ParseDSN(onMySQL.dsn(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range set {
		f(&cfg)
	}
	s.give(t, setting, &cfg)
	db, err := pooled.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

var resettingModes = []pooled.ResetMode{
	pooled.ResetRollback, pooled.ResetCommit, pooled.ResetAuto, pooled.ResetSession,
}

// No transaction outlives its checkout on a session that began with completion_type: CHAIN (1) lets a COMMIT begin
// the next one, RELEASE (2) lets it end the session. Who comes next finds neither, and what it does is committed.
func TestNoTransactionOfAnInitialSetting(t *testing.T) {
	for _, s := range mysqlSources {
		for _, setting := range []string{"completion_type=1", "completion_type=2"} {
			for _, mode := range resettingModes {
				for _, class := range []pooled.Class{pooled.ClassQueue, pooled.ClassDirect} {
					t.Run(fmt.Sprint(s.name, "/", setting, "/", mode, "/", class), func(t *testing.T) {
						s.commits(t, setting, resetMode(mode), one(class))
					})
				}
			}
		}
	}
}

// commits ends transactions, and looks for what the next caller finds.
func (s source) commits(t *testing.T, setting string, set ...func(*pooled.Config)) {
	admin := openServer(t, onMySQL.bare, onMySQL.dsn(t))
	table(t, admin, "initial", "a INT")
	db := openWithSetting(t, s, setting, set...)
	db.SetMaxOpenConns(1)
	for i, end := range []func(*sql.Tx) error{(*sql.Tx).Commit, (*sql.Tx).Rollback, (*sql.Tx).Commit} {
		tx, err := db.Begin()
		if err != nil {
			t.Fatal(err)
		}
		pooledtest.MustExec(t, tx, fmt.Sprintf("INSERT INTO initial VALUES (%d)", 10*i))
		if err := end(tx); err != nil {
			t.Fatal(err)
		}
		pooledtest.MustExec(t, db, fmt.Sprintf("INSERT INTO initial VALUES (%d)", 10*i+1))
		if !rowsAreFree(t, admin) {
			t.Error("an open transaction is in the way")
		}
	}
	wantRows(t, admin, "0,1,11,20,21")
}

// rowsAreFree tells whether no transaction is open that has written a row. An error that says anything else ends the
// test: it would not go away.
func rowsAreFree(t *testing.T, admin *sql.DB) bool {
	t.Helper()
	_, err := admin.Exec("SELECT a FROM initial FOR UPDATE NOWAIT")
	var e *mysql.MySQLError
	if errors.As(err, &e) && e.Number == pooledtest.MySQLFacts(t).RowLocked {
		return false
	}
	if err != nil {
		t.Fatal(err)
	}
	return true
}

func wantRows(t *testing.T, admin *sql.DB, want string) {
	t.Helper()
	if have := pooledtest.ScanOne[string](t, admin, "SELECT GROUP_CONCAT(a ORDER BY a) FROM initial"); have != want {
		t.Errorf("have %s committed, want %s", have, want)
	}
}

// The same for autocommit: what was not committed does not outlive its checkout either, however the session got it.
func TestNoTransactionOfASessionWithoutAutocommit(t *testing.T) {
	for _, s := range mysqlSources {
		for _, mode := range resettingModes {
			t.Run(s.name+"/"+string(mode), func(t *testing.T) {
				admin := openServer(t, onMySQL.bare, onMySQL.dsn(t))
				table(t, admin, "initial", "a INT")
				db := openWithSetting(t, s, "autocommit=0", resetMode(mode), size(1, 0))
				for range 3 {
					pooledtest.MustExec(t, db, "INSERT INTO initial VALUES (1)")
					// A session that is closed ends a little later.
					pooledtest.WaitUntil(t, func() bool { return rowsAreFree(t, admin) },
						func() string { return "a transaction is open" })
				}
				want := 0
				switch {
				case mode == pooled.ResetCommit:
					want = 3
				case mode == pooled.ResetSession && s.name == "Connect hook":
					want = 2 // the reset undoes what a Connect hook sets
				}
				if have := pooledtest.ScanOne[int](t, admin, "SELECT COUNT(*) FROM initial"); have != want {
					t.Errorf("have %d rows, want %d", have, want)
				}
			})
		}
	}
}

// What is set for new sessions while a session is there is not what this one gets when it is reset: it keeps
// what it began with.
func TestSessionResetKeepsInitialSettings(t *testing.T) {
	for _, setting := range []string{"completion_type=1", "autocommit=0"} {
		for _, mode := range []pooled.ResetMode{pooled.ResetAuto, pooled.ResetSession} {
			t.Run(setting+"/"+string(mode), func(t *testing.T) {
				admin := openServer(t, onMySQL.bare, onMySQL.dsn(t))
				table(t, admin, "initial", "a INT")
				plain := source{"", func(*testing.T, string, *pooled.Config) {}}
				db := openWithSetting(t, plain, "", resetMode(mode), size(1, 0))
				pooledtest.MustExec(t, db, "INSERT INTO initial VALUES (0)")
				name, _, _ := strings.Cut(setting, "=")
				setGlobal(t, name, setting)
				for range 2 {
					pooledtest.MustExec(t, db, "SET @dirty = 1")
					tx, err := db.Begin()
					if err != nil {
						t.Fatal(err)
					}
					pooledtest.MustExec(t, tx, "INSERT INTO initial VALUES (1)")
					if err := tx.Commit(); err != nil {
						t.Fatal(err)
					}
					pooledtest.MustExec(t, db, "INSERT INTO initial VALUES (2)")
				}
				wantRows(t, admin, "0,1,1,2,2")
				if pool, _ := pooled.PoolOf(db); pool.Stats().Opened != 1 {
					t.Errorf("have %+v, want one server connection, reset each time", pool.Stats())
				}
			})
		}
	}
}

// A session that begins with any of these is reset and not replaced, as long as no transaction ends it.
func TestSessionResetOfInitialSettings(t *testing.T) {
	for _, setting := range []string{"completion_type=0", "completion_type=1", "completion_type=2", "autocommit=0"} {
		for _, mode := range []string{"auto", "session"} {
			options := []string{setting, "pool_size=1", "pool_max_overflow=0", "pool_reset_on_return=" + mode}
			db := openServer(t, "pooled", onMySQL.dsn(t), options...)
			for range 3 {
				pooledtest.MustExec(t, db, "SET @dirty = 1")
			}
			if pool, _ := pooled.PoolOf(db); pool.Stats().Opened != 1 {
				t.Errorf("%s, %s: have %+v, want one server connection, reset each time", setting, mode, pool.Stats())
			}
		}
	}
}

// With completion_type=RELEASE every transaction ends its session. Callers in numbers notice nothing: each row is
// there once.
func TestReleaseUnderLoad(t *testing.T) {
	const callers, each = 6, 25
	admin := openServer(t, onMySQL.bare, onMySQL.dsn(t))
	table(t, admin, "initial", "a INT")
	db := openServer(t, "pooled", onMySQL.dsn(t), "completion_type=2", "pool_size=3", "pool_max_overflow=0")
	var wg sync.WaitGroup
	for caller := range callers {
		wg.Go(func() {
			for i := range each {
				if err := commitOne(db, caller*1000+2*i); err != nil {
					t.Error(err)
				}
				if _, err := db.Exec("INSERT INTO initial VALUES (?)", caller*1000+2*i+1); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	have := pooledtest.ScanOne[string](t, admin, "SELECT CONCAT(COUNT(*), ' ', COUNT(DISTINCT a)) FROM initial")
	if want := fmt.Sprintf("%d %d", 2*callers*each, 2*callers*each); have != want {
		t.Errorf("have %s rows, want %s", have, want)
	}
}

func commitOne(db *sql.DB, value int) error {
	tx, err := db.Begin()
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if _, err := tx.Exec("INSERT INTO initial VALUES (?)", value); err != nil {
		return err
	}
	return tx.Commit()
}

// What PostgreSQL gives a session at its start, by the DSN or by its role, is there after a reset, and so is what
// pool_init_sql sets.
func TestSessionResetKeepsWhatPostgresGives(t *testing.T) {
	const (
		drop  = "DROP ROLE IF EXISTS initial_login, initial_role"
		start = "CREATE ROLE initial_role SUPERUSER; CREATE ROLE initial_login SUPERUSER LOGIN PASSWORD 'x'; " +
			"ALTER ROLE initial_login SET default_transaction_read_only = on; " +
			"ALTER ROLE initial_login IN DATABASE pooled_test SET default_transaction_isolation = serializable; " +
			"ALTER ROLE initial_login SET role = initial_role"
		ask = "SELECT concat_ws(' ', current_setting('transaction_read_only'), current_setting('transaction_isolation'), " +
			"current_setting('transaction_deferrable'), current_user, " +
			"current_setting('lock_timeout'), current_setting('work_mem'))"
		want = "on serializable on initial_role 4321ms 3MB"
	)
	admin := openServer(t, onPostgres.bare, onPostgres.dsn(t))
	pooledtest.MustExec(t, admin, drop)
	t.Cleanup(func() { pooledtest.MustExec(t, admin, drop) })
	pooledtest.MustExec(t, admin, start)
	dsn := postgresAs(t, onPostgres.dsn(t), "initial_login", "x")
	connector, err := pq.NewConnector(pooledtest.WithOptions(dsn, "default_transaction_deferrable=on",
		"options=-c%20work_mem%3D3MB"))
	if err != nil {
		t.Fatal(err)
	}
	for name, connector := range map[string]driver.Connector{"lib/pq": connector, "another driver": unknownPQ{connector}} {
		for _, mode := range []pooled.ResetMode{pooled.ResetAuto, pooled.ResetSession} {
			t.Run(name+"/"+string(mode), func(t *testing.T) {
				init := func(c *pooled.Config) { c.InitSQL = "SET lock_timeout = 4321" }
				db, pool := open(t, connector, func(c *pooled.Config) { c.Driver = "postgres" }, size(1, 0), resetMode(mode), init)
				for _, change := range []string{
					"SELECT 1", "SET default_transaction_read_only = off",
					"SET default_transaction_isolation = 'read committed'", "SET default_transaction_deferrable = off",
					"SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE", "SET ROLE NONE", "SET ROLE initial_login",
					"SET SESSION AUTHORIZATION initial_role", "RESET ALL", "SET work_mem = '1MB'", "DISCARD ALL",
				} {
					pooledtest.MustExec(t, db, change)
					if have := pooledtest.ScanOne[string](t, db, ask); have != want {
						t.Errorf("after %s: have %s, want %s", change, have, want)
					}
				}
				if s := pool.Stats(); s.Opened != 1 {
					t.Errorf("have %+v, want one server connection, reset each time", s)
				}
			})
		}
	}
}

// unknownPQ is a driver that the pool does not know to be lib/pq.
type unknownPQ struct{ driver.Connector }

func (c unknownPQ) Driver() driver.Driver { return struct{ driver.Driver }{c.Connector.Driver()} }

// postgresAs is a DSN for another account.
func postgresAs(t *testing.T, dsn, user, password string) string {
	t.Helper()
	_, rest, ok := strings.Cut(strings.TrimPrefix(dsn, "postgres://"), "@")
	if !ok {
		t.Fatal("the DSN has no account")
	}
	return "postgres://" + user + ":" + password + "@" + rest
}

// SQLite has nothing by which a session begins transactions by itself: these options say how one begins that the
// program begins.
func TestSQLiteInitialSettings(t *testing.T) {
	for _, option := range []string{"_txlock=deferred", "_txlock=immediate", "_txlock=exclusive"} {
		dsn := pooledtest.WithOptions(onSQLite.dsn(t), option)
		other := openServer(t, onSQLite.bare, dsn)
		db := openServer(t, "pooled", dsn, "pool_driver=sqlite", "pool_size=1", "pool_max_overflow=0")
		table(t, db, "initial", "a INT")
		for range 2 {
			tx, err := db.Begin()
			if err != nil {
				t.Fatal(err)
			}
			pooledtest.MustExec(t, tx, "INSERT INTO initial VALUES (1)")
			if err := tx.Commit(); err != nil {
				t.Fatal(err)
			}
			if onSQLite.inTransaction(t, db) {
				t.Errorf("%s: the next caller is in a transaction", option)
			}
			pooledtest.MustExec(t, db, "INSERT INTO initial VALUES (2)")
			pooledtest.MustExec(t, other, "INSERT INTO initial VALUES (3)") // a lock would be in its way
		}
		if have := pooledtest.ScanOne[int](t, other, "SELECT count(*) FROM initial"); have != 6 {
			t.Errorf("%s: have %d rows, want 6", option, have)
		}
	}
}
