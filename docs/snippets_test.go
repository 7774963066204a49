package docs_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"math"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	_ "github.com/go-sql-driver/mysql"
	_ "github.com/lib/pq"
	_ "modernc.org/sqlite"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/internal/pooledtest"
	"github.com/pooled-go/pooled/internal/pooltest"
)

// Snippets of README and docs that are no examples of their own.

func TestMain(m *testing.M) { pooledtest.Main(m) }

var open = pooltest.Open

func TestSnippetStmtCache(t *testing.T) {
	db, err := sql.Open("pooled", "postgres://scott:tiger@localhost/shop?pool_max_conns=10&pool_stmt_cache=256")
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

func currentPassword(context.Context) (string, error) { return "tiger", nil }

// openRotating registers a name, which can be done once.
var openRotating = sync.OnceValue(func() error {
	pooled.RegisterHooks("rotate", pooled.Hooks{
		BeforeConnect: func(ctx context.Context, p *pooled.ConnectParams) (err error) {
			p.Password, err = currentPassword(ctx)
			return err
		},
	})
	db, err := sql.Open("pooled", "postgres://scott@localhost/shop?pool_hooks=rotate")
	if err != nil {
		return err
	}
	return db.Close()
})

func TestSnippetHooks(t *testing.T) {
	if err := openRotating(); err != nil {
		t.Fatal(err)
	}
}

// openAudited registers a name, which can be done once.
var openAudited = sync.OnceValue(func() error {
	pooled.RegisterHooks("audit", pooled.Hooks{
		Invalidate: func(s *pooled.ServerConn, cause error) {
			log.Printf("server connection %d is closed: %v", s.ID(), cause)
		},
	})
	db, err := sql.Open("pooled", "postgres://scott@localhost/shop?pool_hooks=audit")
	if err != nil {
		return err
	}
	return db.Close()
})

func TestSnippetAudit(t *testing.T) {
	if err := openAudited(); err != nil {
		t.Fatal(err)
	}
}

// openChecked registers a name, which can be done once.
var openChecked = sync.OnceValues(func() (*sql.DB, error) {
	pooled.RegisterHooks("check", pooled.Hooks{
		Checkout: func(ctx context.Context, s *pooled.ServerConn) error {
			if err := s.Exec(ctx, "SELECT count(*) FROM tenants"); err != nil {
				return fmt.Errorf("%w: %w", pooled.ErrDisconnect, err)
			}
			return nil
		},
	})
	db, err := sql.Open("pooled", "postgres://scott@localhost/shop?pool_hooks=check")
	return db, err
})

// The same hook is tried on a database in memory without the table: each new connection is refused, with the reason.
func TestSnippetCheck(t *testing.T) {
	db, err := openChecked()
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	tried, err := sql.Open("pooled", "sqlite://?pool_driver=sqlite&pool_hooks=check")
	if err != nil {
		t.Fatal(err)
	}
	defer tried.Close()
	err = tried.Ping()
	if !errors.Is(err, pooled.ErrDisconnect) || !strings.Contains(err.Error(), "no such table: tenants") {
		t.Errorf("have %v, want ErrDisconnect and its reason", err)
	}
}

// What docs/logging.md shows of a log. All durations are the same here.
func TestSnippetLog(t *testing.T) {
	const want = `level=INFO msg="pooled: connect" pool=shop event=connect conn=1 age_ms=1.5
level=INFO msg="pooled: exec" pool=shop event=exec conn=1 stmt="INSERT INTO notes VALUES (?)" args="[\"milk\"]" duration_ms=1.5 rows=1
level=INFO msg="pooled: close" pool=shop event=close conn=1 age_ms=1.5
`
	cfg, err := pooled.ParseDSN("sqlite://?pool_driver=sqlite&pool_name=shop&echo=true&echo_pool=true")
	if err != nil {
		t.Fatal(err)
	}
	var have strings.Builder
	cfg.InitSQL = "CREATE TABLE notes (text TEXT)"
	cfg.Logger = slog.New(slog.NewTextHandler(&have, &slog.HandlerOptions{
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			switch {
			case a.Key == slog.TimeKey:
				return slog.Attr{}
			case strings.HasSuffix(a.Key, "_ms"):
				return slog.Float64(a.Key, 1.5)
			}
			return a
		},
	}))
	db, err := pooled.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	pooledtest.MustExec(t, db, "INSERT INTO notes VALUES (?)", "milk")
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if have.String() != want {
		t.Errorf("have:\n%s\nwant:\n%s", have.String(), want)
	}
}

func TestSnippetByHand(t *testing.T) {
	db, _ := open(t, pooledtest.Null{})
	if err := byHand(t.Context(), db); err != nil {
		t.Fatal(err)
	}
}

func byHand(ctx context.Context, db *sql.DB) error {
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()

	err = pooled.Raw(ctx, conn, func(raw driver.Conn) error {
		fmt.Printf("%T\n", raw)
		return nil
	})
	if err != nil {
		return err
	}

	if err := pooled.Invalidate(conn, errors.New("read-only")); err != nil {
		return err
	}

	if err := pooled.SoftInvalidate(ctx, conn, nil); err != nil {
		return err
	}

	if err := pooled.Detach(ctx, conn); err != nil {
		return err
	}

	if pool, ok := pooled.PoolOf(db); ok {
		pool.Dispose()
	}
	return nil
}

func TestSnippetOpenConfig(t *testing.T) {
	if err := openConfig(); err != nil {
		t.Fatal(err)
	}
}

func openConfig() error {
	cfg, err := pooled.ParseDSN("postgres://scott:tiger@localhost/shop?pool_max_conns=10")
	if err != nil {
		return err
	}
	cfg.ConnectArgs = map[string]string{"application_name": "orders"}
	db, err := pooled.Open(cfg)
	if err != nil {
		return err
	}
	return db.Close()
}

// The sql.Opens of docs that stand for themselves. They open nothing.
func TestSnippetOpens(t *testing.T) {
	for name, open := range map[string]func() (*sql.DB, error){
		"docs/sizing.md": func() (*sql.DB, error) {
			db, err := sql.Open("pooled", "postgres://scott:tiger@localhost/shop?pool_size=10&pool_max_overflow=10&pool_timeout=5s")
			return db, err
		},
		"docs/from-hikaricp.md": func() (*sql.DB, error) {
			db, err := sql.Open("pooled", "mysql://bart:51mp50n@localhost/simpsons?"+
				"pool_size=10&pool_max_overflow=0&pool_timeout=30s&pool_recycle=30m&pool_recycle_jitter=25%25&"+
				"pool_pre_ping=500ms&pool_ping_timeout=5s&pool_reset_on_return=auto")
			return db, err
		},
		"docs/from-sqlalchemy.md": func() (*sql.DB, error) {
			db, err := sql.Open("pooled", "postgresql://scott:tiger@localhost/shop?"+
				"pool_size=10&pool_max_overflow=20&pool_recycle=3600&pool_pre_ping=true&echo_pool=true")
			return db, err
		},
	} {
		db, err := open()
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if err := db.Close(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// How many server connections are in use on average, by the sum of the times in use: docs/sizing.md.
func TestSnippetInUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db, pool := open(t, pooledtest.NewFake(t), func(c *pooled.Config) { c.Size, c.MaxOverflow = 5, 5 })
		defer db.Close()
		defer load(t, db)()
		before, began := pool.Histogram(pooled.TimingUse), time.Now()
		time.Sleep(time.Minute)
		inUse := (pool.Histogram(pooled.TimingUse).Sum - before.Sum).Seconds() / time.Since(began).Seconds()
		if want := 3 * 0.8; math.Abs(inUse-want) > 0.1 {
			t.Errorf("have %v in use on average, want %v", inUse, want)
		}
		stats, wait := pool.Stats(), pool.Histogram(pooled.TimingWait)
		log.Printf("in use %d, waiting %d; waited %d of %d, 99%% at most %v; timeouts %d",
			stats.CheckedOut, stats.Waiting, stats.Waits, stats.Checkouts, wait.Quantile(0.99), stats.Timeouts)
	})
}

// load has three server connections in use for 80ms of each 100ms, until stop is called.
func load(t *testing.T, db *sql.DB) (stop func()) {
	var all sync.WaitGroup
	done := make(chan struct{})
	for range 3 {
		all.Go(func() {
			for {
				tx, err := db.Begin()
				if err != nil {
					t.Error(err)
					return
				}
				time.Sleep(80 * time.Millisecond)
				if err := tx.Commit(); err != nil {
					t.Error(err)
				}
				select {
				case <-done:
					return
				case <-time.After(20 * time.Millisecond):
				}
			}
		})
	}
	return func() { close(done); all.Wait() }
}

func TestSnippetFailEarly(t *testing.T) {
	db, _ := open(t, pooledtest.Null{})
	if err := failEarly(t.Context(), db); err != nil {
		t.Error(err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := failEarly(ended, db); !errors.Is(err, context.Canceled) {
		t.Errorf("have %v, want %v", err, context.Canceled)
	}
}

func TestSnippetContextError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db, _ := open(t, pooledtest.NewFake(t), pooltest.Size(1, 0))
		defer db.Close()
		defer pooledtest.Give(t, hold(t, db))
		var logged strings.Builder
		log.SetOutput(&logged)
		defer log.SetOutput(os.Stderr)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if !tooLate(ctx, db) || !strings.Contains(logged.String(), "no connection within 1s; held longest: [{Conn:1 ") {
			t.Errorf("have %s", &logged)
		}
	})
}

// tooLate tells whether an operation failed for its deadline.
func tooLate(ctx context.Context, db *sql.DB) bool {
	if _, err := db.ExecContext(ctx, "UPDATE orders SET state = 'paid'"); err != nil {
		var waited *pooled.ContextError
		if errors.As(err, &waited) {
			log.Printf("no connection within %v; held longest: %+v", waited.Waited, waited.Holders)
		}
		return errors.Is(err, context.DeadlineExceeded)
	}
	return false
}

func failEarly(ctx context.Context, db *sql.DB) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if err := db.PingContext(ctx); err != nil {
		return fmt.Errorf("the database cannot be reached: %w", err)
	}
	return nil
}

// openForeignKeys registers a name, which can be done once.
var openForeignKeys = sync.OnceValues(func() (*sql.DB, error) {
	pooled.RegisterHooks("foreign_keys", pooled.Hooks{
		Connect: func(ctx context.Context, s *pooled.ServerConn) error {
			return s.Exec(ctx, "PRAGMA foreign_keys = ON")
		},
	})
	db, err := sql.Open("pooled", "sqlite:///shop.db?pool_hooks=foreign_keys")
	return db, err
})

// The snippet's file is not made: the same hooks are tried on a database in memory.
func TestSnippetForeignKeys(t *testing.T) {
	db, err := openForeignKeys()
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	tried, err := sql.Open("pooled", "sqlite://?pool_driver=sqlite&pool_hooks=foreign_keys")
	if err != nil {
		t.Fatal(err)
	}
	defer tried.Close()
	var have int
	if err := tried.QueryRow("PRAGMA foreign_keys").Scan(&have); err != nil || have != 1 {
		t.Errorf("foreign_keys: have %d, %v, want 1", have, err)
	}
}

// What docs/proxies.md says that a new MySQL connection is asked: ProxySQL goes by the text.
func TestSnippetMySQLGreeting(t *testing.T) {
	const probe = "SELECT @@autocommit, @@completion_type, @@wait_timeout, CONNECTION_ID(), " +
		"@@read_only, @@innodb_read_only"
	fake := pooledtest.NewFake(t)
	db, _ := open(t, fake, func(c *pooled.Config) { c.Driver = "mysql" })
	defer db.Close()
	if err := db.Ping(); err != nil {
		t.Fatal(err)
	}
	asked := slices.ContainsFunc(fake.Log(), func(line string) bool { return strings.Contains(line, probe) })
	if !asked {
		t.Errorf("have %q, want %s among it: docs/proxies.md says so", fake.Log(), probe)
	}
}

func TestSnippetHealth(t *testing.T) {
	db, _ := open(t, pooledtest.NewFake(t))
	ctx := t.Context()
	if pool, ok := pooled.PoolOf(db); ok {
		if health := pool.Health(ctx); !health.Reachable {
			log.Print("the database is gone: ", health.Err)
		}
	}
}

// What docs/outages.md tells of the errors, tried with a server that goes away after the first connection.
func TestSnippetOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := pooledtest.NewFake(t)
		db, _ := open(t, fake)
		if err := db.Ping(); err != nil {
			t.Fatal(err)
		}
		refused := &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
		fake.On(pooledtest.StageConnect, pooledtest.Fail(refused))
		fake.Kill(io.EOF)
		began := time.Now()
		_, err := db.Exec("UPDATE stock")
		var outage *pooled.OutageError
		switch {
		case err == nil:
			log.Print("the order is stored")
		case errors.As(err, &outage): // nothing was executed: answer 503, or try again later
			log.Printf("no database since %v: %v", outage.Since, outage.Err)
		case errors.Is(err, pooled.ErrTimeout), errors.Is(err, pooled.ErrSessionEnded): // nor here: run the transaction again
			log.Print("try again: ", err)
		default: // ErrConnLost, and all that you do not know: look whether it was done, before you do it again
			log.Print("the order may have been stored: ", err)
		}
		if outage == nil || outage.Since != began || time.Since(began) != 10*time.Second {
			t.Errorf("have %v after %v, want the outage", err, time.Since(began))
		}
		var dial *net.OpError
		if !errors.Is(err, pooled.ErrServerDown) || !errors.As(err, &dial) || errors.Is(err, driver.ErrBadConn) {
			t.Errorf("have %v, want ErrServerDown, with the dial's error and without driver.ErrBadConn", err)
		}
	})
}
