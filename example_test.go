package pooled_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"os"
	"time"

	"github.com/ngrok/sqlmw"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/internal/pooledtest"
)

// One word is different from a program without pooled: the driver's name.
func Example() {
	db, err := sql.Open("pooled", "sqlite://?pool_size=5&pool_max_overflow=10&pool_timeout=5s")
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()

	if _, err := db.Exec("CREATE TABLE answers (n INTEGER)"); err != nil {
		log.Fatal(err)
	}
	if _, err := db.Exec("INSERT INTO answers VALUES (?)", 42); err != nil {
		log.Fatal(err)
	}
	var n int
	if err := db.QueryRow("SELECT n FROM answers").Scan(&n); err != nil {
		log.Fatal(err)
	}
	fmt.Println(n)
	// Output: 42
}

// Any driver.Connector can be wrapped.
func ExampleNewConnector() {
	wrapped := pooledtest.Null{}
	if err := func() error {
		cfg := pooled.NewConfig()
		cfg.Size, cfg.MaxOverflow = 10, 10
		connector, err := pooled.NewConnector(wrapped, cfg)
		if err != nil {
			return err
		}
		db := sql.OpenDB(connector)
		defer db.Close()
		return db.Ping()
	}(); err != nil {
		log.Fatal(err)
	}
	fmt.Println("connected")
	// Output: connected
}

// A full pool says so.
func ExampleTimeoutError() {
	db, err := sql.Open("pooled", "sqlite://?pool_size=1&pool_max_overflow=0&pool_timeout=0&pool_name=orders")
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()

	tx, err := db.Begin() // takes the only server connection
	if err != nil {
		log.Fatal(err)
	}
	defer tx.Rollback()
	err = db.Ping()
	fmt.Println(errors.Is(err, pooled.ErrTimeout))

	var timeout *pooled.TimeoutError
	if errors.As(err, &timeout) {
		fmt.Println(timeout.Pool, timeout.Phase, timeout.CheckedOut, "of", timeout.Size+timeout.MaxOverflow)
	}
	// Output:
	// true
	// orders waiting for a connection 1 of 1
}

// The figures of a pool.
func ExamplePoolOf() {
	db, err := sql.Open("pooled", "sqlite://?pool_name=main")
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	if err := db.Ping(); err != nil {
		log.Fatal(err)
	}
	if pool, ok := pooled.PoolOf(db); ok {
		s := pool.Stats()
		fmt.Println(s.Name, s.Idle, "idle,", s.CheckedOut, "checked out,", s.Opened, "opened")
	}
	// Output: main 1 idle, 0 checked out, 1 opened
}

// A hook that runs for each new server connection.
func ExampleHooks() {
	cfg := pooled.NewConfig()
	cfg.Hooks.Connect = func(ctx context.Context, s *pooled.ServerConn) error {
		fmt.Println("connected server connection", s.ID())
		_, err := s.Raw().(driver.ExecerContext).ExecContext(ctx, "SET time_zone = 'UTC'", nil)
		return err
	}
	connector, err := pooled.NewConnector(pooledtest.Null{}, cfg)
	if err != nil {
		log.Fatal(err)
	}
	db := sql.OpenDB(connector)
	defer db.Close()
	if err := db.Ping(); err != nil {
		log.Fatal(err)
	}
	// Output: connected server connection 1
}

// The driver's connection, for what only its driver can do.
func ExampleConn_Raw() {
	db, err := sql.Open("pooled", "sqlite://")
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	conn, err := db.Conn(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	err = conn.Raw(func(dc any) error {
		raw := dc.(interface{ Raw() driver.Conn }).Raw()
		fmt.Printf("%T\n", raw)
		return nil
	})
	if err != nil {
		log.Fatal(err)
	}
	// Output: *sqlite.conn
}

func ExampleRegisterLogger() {
	pooled.RegisterLogger("audit", slog.New(slog.NewJSONHandler(os.Stderr, nil)))
	db, err := sql.Open("pooled", "postgres://scott:tiger@localhost/shop?echo=true&echo_pool=true&pool_logger=audit")
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	fmt.Println(len(pooled.Pools()) > 0)
	// Output: true
}

// slowStatements logs queries that took longer than a second.
type slowStatements struct{ sqlmw.NullInterceptor }

func (slowStatements) ConnQueryContext(
	ctx context.Context, conn driver.QueryerContext, query string, args []driver.NamedValue,
) (context.Context, driver.Rows, error) {
	began := time.Now()
	rows, err := conn.QueryContext(ctx, query, args)
	if took := time.Since(began); took > time.Second {
		log.Printf("connection %d: %v: %s", pooled.ConnID(ctx), took, query)
	}
	return ctx, rows, err
}

func openIntercepted() error {
	cfg, err := pooled.ParseDSN("postgres://scott:tiger@localhost/shop")
	if err != nil {
		return err
	}
	cfg.Interceptors = []pooled.Interceptor{slowStatements{}}
	db, err := pooled.Open(cfg)
	if err != nil {
		return err
	}
	return db.Close()
}

func ExampleConfig_interceptors() {
	fmt.Println(openIntercepted())
	// Output: <nil>
}

func openLeakWatched() error {
	cfg, err := pooled.ParseDSN("postgres://scott:tiger@localhost/shop?pool_leak_after=30s")
	if err != nil {
		return err
	}
	cfg.Hooks.Leak = func(h pooled.Holder) {
		if h.Returned {
			log.Printf("connection %d was returned after %v", h.Conn, h.Held)
			return
		}
		log.Printf("connection %d is out for %v: %s\n%s", h.Conn, h.Held, h.Statement, h.Stack)
	}
	db, err := pooled.Open(cfg)
	if err != nil {
		return err
	}
	return db.Close()
}

func ExampleHolder() {
	fmt.Println(openLeakWatched())
	// Output: <nil>
}

func openSeen() error {
	db, err := sql.Open("pooled", "postgres://scott:tiger@localhost/shop?echo_pool=true&pool_leak_after=30s&pool_name=shop")
	if err != nil {
		return err
	}
	return db.Close()
}

func ExamplePools() {
	fmt.Println(openSeen())
	for _, pool := range pooled.Pools() {
		fmt.Println(pool.Name())
	}
	// Output: <nil>
}
