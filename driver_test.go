package pooled_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/internal/pooledtest"
)

// A driver that is known by name only: it knows no Connector and no contexts.
type nameOnly struct{ opened []string }

func (d *nameOnly) Open(dsn string) (driver.Conn, error) {
	d.opened = append(d.opened, dsn)
	return pooledtest.Null{}.Connect(context.Background())
}

var (
	byName       = &nameOnly{}
	sqliteByName = &nameOnly{}
)

func init() {
	sql.Register("nameonly", byName)
	sql.Register("strange-sqlite", sqliteByName)
}

func TestRegistered(t *testing.T) {
	for _, name := range sql.Drivers() {
		if name == pooled.DriverName {
			return
		}
	}
	t.Errorf("have %v, want %q among them", sql.Drivers(), pooled.DriverName)
}

// Any registered driver can be wrapped, by pool_driver, and gets its own DSN.
func TestAnyRegisteredDriver(t *testing.T) {
	byName.opened = nil
	db, err := sql.Open("pooled", "whatever;it=likes;pool_size=3;pool_driver=nameonly;a=b")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.Ping(); err != nil {
		t.Fatal(err)
	}
	if have, want := fmt.Sprint(byName.opened), "[whatever;it=likes;a=b]"; have != want {
		t.Errorf("have %s, want %s", have, want)
	}
	if pool, _ := pooled.PoolOf(db); pool.Stats().Opened != 1 {
		t.Errorf("have %+v, want one opened", pool.Stats())
	}
}

// Tracing libraries open a driver by its name and an empty DSN, take the driver from the sql.DB, and register it again
// in a wrapper of their own, which is given the program's DSN.
func TestTheDriverIsToBeHadWithoutADSN(t *testing.T) {
	for _, dsn := range []string{"", " "} {
		db, err := sql.Open("pooled", dsn)
		if err != nil {
			t.Fatalf("%q: have %v, want none until a connection is asked for", dsn, err)
		}
		if err := db.Ping(); err == nil || !strings.Contains(err.Error(), "the DSN is empty") {
			t.Errorf("%q: have %v, want that the DSN is empty", dsn, err)
		}
		if pool, ok := pooled.PoolOf(db); ok {
			t.Errorf("%q: have a pool, %v", dsn, pool)
		}
		d := db.Driver()
		if err := db.Close(); err != nil {
			t.Error(err)
		}
		connector, err := d.(driver.DriverContext).OpenConnector("x?pool_driver=nameonly")
		if err != nil {
			t.Fatal(err)
		}
		db = sql.OpenDB(connector)
		if err := db.Ping(); err != nil {
			t.Error(err)
		}
		if _, ok := pooled.PoolOf(db); !ok {
			t.Error("have no pool behind the driver's connector")
		}
		db.Close()
		if conn, err := d.Open(dsn); err == nil {
			t.Errorf("%q: Open: have %v, want an error", dsn, conn)
		}
	}
}

// Every one of these drivers opens an empty DSN, which means its defaults. By pool_driver they do so through pooled.
func TestTheDriverAloneOpens(t *testing.T) {
	for _, name := range []string{"mysql", "postgres", "sqlite", "nameonly"} {
		if err := opens(name, ""); err != nil {
			t.Fatalf("bare %s: %v", name, err)
		}
		for _, dsn := range []string{
			"pool_driver=" + name, "?pool_driver=" + name, ";pool_driver=" + name, " pool_driver=" + name + " ",
		} {
			if err := opens("pooled", dsn); err != nil {
				t.Errorf("%q: have %v, want none, as bare", dsn, err)
			}
		}
	}
	if err := opens("pooled", "pool_driver=nosuch"); err == nil {
		t.Error("a driver that is not registered: have no error")
	}
}

func opens(driver, dsn string) error {
	db, err := sql.Open(driver, dsn)
	if err != nil {
		return err
	}
	return db.Close()
}

func TestOpenConnectsToNothing(t *testing.T) {
	before := len(byName.opened)
	db, err := sql.Open("pooled", "x?pool_driver=nameonly")
	if err != nil {
		t.Fatal(err)
	}
	db.Close()
	if have := len(byName.opened); have != before {
		t.Errorf("opened %d connections", have-before)
	}
}

// A pool over a pool: neither starves the other.
func TestPooledOverPooled(t *testing.T) {
	inner := connectorTo(t, pooledtest.NewFake(t), size(1, 0))
	db, pool := open(t, inner, size(1, 0))
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() { pooledtest.MustExec(t, db, "UPDATE") })
	}
	wg.Wait()
	if s := pool.Stats(); s.Opened != 1 {
		t.Errorf("have %+v, want one opened", s)
	}
}

// A SQLite driver that can't share a database in memory gets one connection.
func TestMemoryOfAnUnknownDriverIsStatic(t *testing.T) {
	db, err := sql.Open("pooled", ":memory:?pool_driver=strange-sqlite")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if pool, _ := pooled.PoolOf(db); pool.Stats().Class != pooled.ClassStatic {
		t.Errorf("have class %s, want static", pool.Stats().Class)
	}
	for _, class := range []string{"null", "direct"} {
		if _, err := sql.Open("pooled", ":memory:?pool_driver=strange-sqlite&pool_class="+class); err == nil {
			t.Errorf("pool_class=%s: no error, and a database for each connection", class)
		}
	}
}

// ATTACH and VACUUM INTO would stay in memory, in silence.
func TestMemoryRefusesFilesInMemory(t *testing.T) {
	db, err := sql.Open("pooled", ":memory:")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for name, op := range map[string]func() error{
		"exec":  func() error { _, err := db.Exec("VACUUM INTO 'backup.db'"); return err },
		"args":  func() error { _, err := db.Exec("VACUUM INTO ?", "backup.db"); return err },
		"query": func() error { _, err := db.Query("ATTACH 'orders.db' AS orders"); return err },
		"prepare": func() error {
			_, err := db.Prepare("ATTACH 'orders.db' AS orders")
			return err
		},
	} {
		if err := op(); err == nil || !strings.HasPrefix(err.Error(), "pooled: ") {
			t.Errorf("%s: have %v, want it refused", name, err)
		}
	}
	if err := db.Ping(); err != nil {
		t.Error(err)
	}
}

// Errors of sql.Open are one line that begins with "pooled:" and holds no secret.
func TestOpenErrors(t *testing.T) {
	const secret = "s3cr3t-T0ken"
	for _, test := range []struct{ dsn, want string }{
		{"mysql://scott:" + secret + "@localhost/db?pool_siez=5", "pool_size"},
		{"scott:" + secret + "@tcp(localhost)/db?pool_size=many", "pool_size"},
		{"scott:" + secret + "@tcp(localhost)/db?pool_timeout=soon", "pool_timeout"},
		{"scott:" + secret + "@tcp(localhost/db?parseTime=true", ""},
		{"scott:" + secret + "@tcp(localhost)/db?parseTime=perhaps", ""},
		{"postgres://scott:" + secret + "@local host/db", ""},
		{"postgres://scott:" + secret + "@localhost:port/db", ""},
		{"postgres://scott:" + secret + "%zz@localhost/db", ""},
		{"host=localhost password='" + secret, ""},
		{"postgresql+pgx://scott:" + secret + "@localhost/db", "github.com/jackc/pgx/v5/stdlib"},
		{"clickhouse://scott:" + secret + "@localhost/db", "clickhouse"},
		{"postgresql+psycopg2://scott:" + secret + "@localhost/db", "Python"},
		{"scott:" + secret + "@tcp(localhost)/db?pool_stmt_cache=-1", "pool_stmt_cache=-1: bad value: want 0 to 65536"},
		{"/dbname", "pool_driver"},
	} {
		db, err := sql.Open("pooled", test.dsn)
		if err == nil {
			err = db.Ping()
			db.Close()
		}
		if err == nil {
			t.Errorf("%s: no error", test.dsn)
			continue
		}
		text := err.Error()
		if strings.Contains(text, secret) || strings.Contains(text, "\n") || !strings.HasPrefix(text, "pooled: ") ||
			!strings.Contains(text, test.want) {
			t.Errorf("%s:\nhave %q\nwant one line from pooled with %q and without the password", test.dsn, text, test.want)
		}
		for ; err != nil; err = errors.Unwrap(err) {
			if strings.Contains(err.Error(), secret) {
				t.Errorf("%s: the password is in the error's chain: %q", test.dsn, err)
			}
		}
	}
}

// Whatever a program prints, the password is not in it.
func TestPrintingShowsNoPassword(t *testing.T) {
	const dsn = "postgres://scott:S3cret-T0ken@localhost/db?pool_name=printed"
	db, err := sql.Open("pooled", dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	cfg, err := pooled.ParseDSN(dsn)
	if err != nil {
		t.Fatal(err)
	}
	pool, _ := pooled.PoolNamed("printed") // after PoolOf the pool would look at the sql.DB while that is printed
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		for _, v := range []any{pool, cfg, &cfg, db, db.Driver(), pool.Stats()} {
			if text := fmt.Sprintf(verb, v); strings.Contains(text, "T0ken") {
				t.Errorf("%s of %T: the password is in %s", verb, v, text)
			}
		}
	}
}

// A driver that wraps itself would have no end.
func TestPooledIsNotWrapped(t *testing.T) {
	for _, dsn := range []string{"pooled://u:geheim@h/db", "postgres://u:geheim@h/db?pool_driver=pooled"} {
		if _, err := sql.Open("pooled", dsn); err == nil || !strings.Contains(err.Error(), "has to be another one") {
			t.Errorf("%s: have %v, want it refused", dsn, err)
		}
	}
}

// lib/pq finds fault with a DSN when it connects, and so it does here, in its
// own words.
func TestPQErrorsComeWithTheFirstConnection(t *testing.T) {
	for _, dsn := range []string{"host=localhost password=geheim client_encoding=SQL_ASCII", "client_encoding=SQL_ASCII"} {
		var errs []string
		for name, options := range map[string]string{"postgres": "", "pooled": " pool_driver=postgres"} {
			db, err := sql.Open(name, dsn+options)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			errs = append(errs, fmt.Sprint(db.Ping()))
			db.Close()
		}
		if errs[0] != errs[1] {
			t.Errorf("bare: %s, pooled: %s", errs[0], errs[1])
		}
	}
}
