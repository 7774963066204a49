package pooled_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/internal/pooledtest"
)

func TestPools(t *testing.T) {
	before := len(pooled.Pools())
	_, first := open(t, pooledtest.NewFake(t), func(c *pooled.Config) { c.Name = "orders" })
	db, err := sql.Open("pooled", "postgres://h/db")
	if err != nil {
		t.Fatal(err)
	}
	second, _ := pooled.PoolOf(db)
	if have := pooled.Pools()[before:]; !slices.Equal(have, []*pooled.Pool{first, second}) {
		t.Errorf("have %v, want both pools, the older one first", have)
	}
	if have, want := second.Name(), fmt.Sprintf("postgres-%d", second.Number()); have != want || first.Name() != "orders" {
		t.Errorf("have names %q and %q, want orders and %s", first.Name(), have, want)
	}
	if second.Number() <= first.Number() {
		t.Errorf("have numbers %d and %d, want them to grow", first.Number(), second.Number())
	}
	db.Close()
	if have := pooled.Pools()[before:]; !slices.Equal(have, []*pooled.Pool{first}) {
		t.Errorf("one was closed: have %v, want the other", have)
	}
}

// A pool is found by its name, the program's or one made up, while it is open. Of two with one name it is the newer.
func TestPoolNamed(t *testing.T) {
	named := func(c *pooled.Config) { c.Name = "found by name" }
	db, first := open(t, pooledtest.NewFake(t), named)
	newerDB, newer := open(t, pooledtest.NewFake(t), named)
	_, other := open(t, pooledtest.NewFake(t))
	find := func(name string, want *pooled.Pool) {
		t.Helper()
		if have, ok := pooled.PoolNamed(name); have != want || ok != (want != nil) {
			t.Errorf("%q: have %v and %t, want %v", name, have, ok, want)
		}
	}
	find(other.Name(), other)
	find("found by name", newer)
	newerDB.Close()
	find("found by name", first)
	db.Close()
	find("found by name", nil)
	find("", nil)
}

// An observer is told of the pools that are open and of those that come, until it stops.
func TestObservePools(t *testing.T) {
	_, first := open(t, pooledtest.NewFake(t))
	var have []int
	stop := pooled.ObservePools(func(p *pooled.Pool) {
		if p.Number() >= first.Number() {
			have = append(have, p.Number())
		}
	})
	_, second := open(t, pooledtest.NewFake(t))
	stop()
	open(t, pooledtest.NewFake(t))
	if want := []int{first.Number(), second.Number()}; !slices.Equal(have, want) {
		t.Errorf("have %v, want %v", have, want)
	}
}

func TestConns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		opened := time.Now()
		db, pool := open(t, pooledtest.NewFake(t), noRecycle)
		defer db.Close()
		a, _ := grab(t, db)
		b, _ := grab(t, db)
		time.Sleep(time.Minute)
		pooledtest.Give(t, a)
		time.Sleep(time.Minute)
		pooledtest.MustExec(t, b, "UPDATE b")
		have := pool.Conns()
		for i := range have {
			have[i].Opened = have[i].Opened.UTC()
		}
		want := []pooled.ConnInfo{
			{ID: 1, State: pooled.StateIdle, Opened: opened.UTC(), Age: 2 * time.Minute, Idle: time.Minute, Uses: 1,
				Statement: "SELECT conn"},
			{ID: 2, State: pooled.StateInUse, Opened: opened.UTC(), Age: 2 * time.Minute, Held: 2 * time.Minute,
				Uses: 1, Statement: "UPDATE b"},
		}
		if !reflect.DeepEqual(have, want) {
			t.Errorf("have %+v\nwant %+v", have, want)
		}
		pooledtest.Give(t, b)
	})
}

// In class direct a server connection is idle while database/sql has its Conn.
func TestConnsDirect(t *testing.T) {
	db, pool := open(t, pooledtest.NewFake(t), class(pooled.ClassDirect))
	conn, _ := grab(t, db)
	if have := pool.Conns()[0]; have.State != pooled.StateInUse {
		t.Errorf("in use: have %+v", have)
	}
	pooledtest.Give(t, conn)
	if have := pool.Conns()[0]; have.State != pooled.StateIdle || have.Uses != 1 {
		t.Errorf("idle: have %+v", have)
	}
	conn, _ = grab(t, db)
	if s := pool.Stats(); s.Idle != 0 || s.CheckedOut != 1 {
		t.Errorf("in use again: have %+v", s)
	}
	pooledtest.Give(t, conn)
	if have := pool.Conns()[0]; have.State != pooled.StateIdle || have.Uses != 2 {
		t.Errorf("idle again: have %+v", have)
	}
	db.SetMaxIdleConns(-1) // database/sql closes it
	if s := pool.Stats(); s.Idle != 0 || s.CheckedOut != 0 {
		t.Errorf("closed: have %+v", s)
	}
}

// The last statement may be a prepared one.
func TestConnsShowPreparedStatements(t *testing.T) {
	db, pool := open(t, pooledtest.NewFake(t))
	stmt, err := db.Prepare("UPDATE prepared")
	if err != nil {
		t.Fatal(err)
	}
	defer stmt.Close()
	pooledtest.MustExec(t, db, "UPDATE")
	if _, err := stmt.Exec(); err != nil {
		t.Fatal(err)
	}
	if have := pool.Conns()[0].Statement; have != "UPDATE prepared" {
		t.Errorf("have %q", have)
	}
}

// In class direct nobody takes a lease back: it is database/sql's.
func TestUnusedBorrowStaysInClassDirect(t *testing.T) {
	connector := connectorTo(t, pooledtest.NewFake(t), class(pooled.ClassDirect))
	defer connector.Close()
	conn, err := connector.Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	connector.Pool().Dispose()
	if s := connector.Pool().Stats(); s.CheckedOut != 1 || s.Idle != 0 {
		t.Errorf("have %+v, want it leased", s)
	}
	if err := conn.(*pooled.Conn).Ping(t.Context()); err != nil {
		t.Error(err)
	}
	conn.Close()
}

func TestConnectErrorInClassDirect(t *testing.T) {
	var e events
	fake := pooledtest.NewFake(t)
	fake.On(pooledtest.StageConnect, pooledtest.Fail(errors.New("refused")).Times(1))
	db, _ := open(t, fake, class(pooled.ClassDirect), hooks(e.hooks()))
	db.Ping()
	if have, want := e.take(), []string{"before connect", "connect error: refused"}; !slices.Equal(have, want) {
		t.Errorf("have %q, want %q", have, want)
	}
}

// Everything may be looked at while it is in use.
func TestLookingOnWhileInUse(t *testing.T) {
	for _, c := range []pooled.Class{pooled.ClassQueue, pooled.ClassDirect} {
		db, pool := open(t, pooledtest.Null{}, class(c), func(c *pooled.Config) { c.LeakAfter, c.Timings = time.Hour, true })
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			for ctx.Err() == nil {
				for _, p := range pooled.Pools() {
					p.Conns()
					p.Stats()
					p.Events()
					p.Settings()
					p.Histogram(pooled.TimingUse)
				}
			}
		}()
		for i := range 200 {
			pooledtest.MustExec(t, db, fmt.Sprint("UPDATE ", i%7))
			if i%50 == 0 {
				pool.Dispose()
			}
		}
		cancel()
		<-done
	}
}

func TestInvalidateConn(t *testing.T) {
	for _, c := range []pooled.Class{pooled.ClassQueue, pooled.ClassDirect} {
		t.Run(string(c), func(t *testing.T) {
			fake := pooledtest.NewFake(t)
			var e events
			db, pool := open(t, fake, class(c), hooks(e.hooks()))
			db.SetMaxIdleConns(5)
			idle, _ := grab(t, db)
			used, _ := grab(t, db)
			pooledtest.Give(t, idle)
			e.take()
			if pool.InvalidateConn(77, nil) {
				t.Error("there is no 77")
			}
			if !pool.InvalidateConn(1, errors.New("read-only")) || !pool.InvalidateConn(2, errors.New("read-only")) {
				t.Error("have false for one that is there")
			}
			pooledtest.MustExec(t, used, "UPDATE") // it is the user's until it comes back
			pooledtest.Give(t, used)
			pooledtest.MustExec(t, db, "UPDATE")
			pooledtest.WaitUntil(t, func() bool { return fake.Counts().Open == 1 && pool.Stats().Closing == 0 }, pool.String)
			if s := pool.Stats(); s.Invalidated != 2 || fake.Counts().Opened != 3 {
				t.Errorf("have %+v, want 2 invalidated and a third opened", s)
			}
			closed := 0
			for _, line := range e.take() {
				if strings.HasPrefix(line, "close") && strings.Contains(line, "read-only") {
					closed++
				}
			}
			if closed != 2 {
				t.Errorf("have %d closes that say why, want 2", closed)
			}
		})
	}
}

func TestSettings(t *testing.T) {
	const secret = "t1ger"
	of := func(p *pooled.Pool) map[string]string {
		m := map[string]string{}
		for _, s := range p.Settings() {
			m[s.Key] = s.Value + " (" + s.Origin + ")"
		}
		return m
	}
	check := func(p *pooled.Pool, want map[string]string) {
		t.Helper()
		have := of(p)
		for key, value := range want {
			if have[key] != value {
				t.Errorf("%s: have %q, want %q", key, have[key], value)
			}
		}
		if strings.Contains(fmt.Sprint(have), secret) {
			t.Errorf("have the password: %v", have)
		}
	}
	db, err := sql.Open("pooled", "postgres://scott:"+secret+"@h/db?sslpassword="+secret+
		"&pool_size=7&pool_timeout=30s&pool_init_sql=SET+x%3D"+secret)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	pool, _ := pooled.PoolOf(db)
	check(pool, map[string]string{
		"dsn":       "postgres://scott:xxxxx@h/db?sslpassword=xxxxx (DSN)",
		"pool_size": "7 (DSN)", "pool_timeout": "30s (default)", "pool_driver": "postgres (DSN)",
		"pool_init_sql": "xxxxx (DSN)",
		"pool_recycle":  "30m (default)",
	})

	cfg := pooled.NewConfig()
	cfg.Driver, cfg.DSN, cfg.Size = "sqlite", ":memory:", 3
	if db, err = pooled.Open(cfg); err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	pool, _ = pooled.PoolOf(db)
	check(pool, map[string]string{"pool_size": "3 (program)", "pool_recycle": "-1 (pool)",
		"pool_driver": "sqlite (program)"})

	_, pool = open(t, pooledtest.Null{}, class(pooled.ClassDirect))
	check(pool, map[string]string{"dsn": "(a connector of the program's: pooledtest.Null) (program)",
		"pool_class": "direct (program)"})
	if _, ok := of(pool)["pool_size"]; ok {
		t.Error("pool_size means nothing in class direct")
	}
}

// The last hundred events are kept, in their order.
func TestEvents(t *testing.T) {
	fake := pooledtest.NewFake(t)
	db, pool := open(t, fake)
	pooledtest.MustExec(t, db, "UPDATE")
	fake.On(pooledtest.StageIsValid, pooledtest.Fail(errors.New("no")).Times(1))
	pooledtest.MustExec(t, db, "UPDATE")
	var have []string
	for _, e := range pool.Events() {
		have = append(have, fmt.Sprintf("%s %d %s", e.Name, e.Conn, e.Detail))
	}
	want := []string{"connect 1 ", "invalidate 1 pooled: the connection is broken",
		"close 1 pooled: the connection is broken"}
	if !slices.Equal(have, want) {
		t.Errorf("have %q\nwant %q", have, want)
	}
	for range 120 {
		pool.Dispose()
	}
	list := pool.Events()
	if last := list[len(list)-1]; len(list) != 4 || last.Name != "dispose" || last.Detail != "(120 times in a row)" {
		t.Errorf("have %d events, the last %+v, want 4, and the last that of 120", len(list), last)
	}
	for range 60 {
		conn, _ := grab(t, db)
		pooled.Detach(t.Context(), conn)
		pooledtest.Give(t, conn)
	}
	list = pool.Events()
	if len(list) != 100 || list[97].Name != "connect" || list[98].Name != "detach" || list[99].Name != "close" ||
		list[99].Time.Before(list[0].Time) {
		t.Errorf("have %d events, the last %+v, want 100, the last the end of one that was detached", len(list),
			list[len(list)-1])
	}
}

func init() { pooled.RegisterLogger("discard", slog.New(slog.DiscardHandler)) }

// What was opened is open, closed or detached, whatever became of it.
func TestStatsAddUp(t *testing.T) {
	for _, c := range []pooled.Class{pooled.ClassQueue, pooled.ClassNull, pooled.ClassStatic, pooled.ClassDirect} {
		t.Run(string(c), func(t *testing.T) {
			fake := pooledtest.NewFake(t)
			db, pool := open(t, fake, class(c))
			for name, end := range map[string]func(*sql.Conn){
				"nothing":         func(*sql.Conn) {},
				"invalidate":      func(conn *sql.Conn) { pooled.Invalidate(conn, nil) },
				"soft invalidate": func(conn *sql.Conn) { pooled.SoftInvalidate(t.Context(), conn, nil) },
				"detach":          func(conn *sql.Conn) { pooled.Detach(t.Context(), conn) },
				"dispose":         func(*sql.Conn) { pool.Dispose() },
				"bad": func(conn *sql.Conn) {
					fake.On(pooledtest.StageExec, pooledtest.BadConn().Times(1))
					conn.ExecContext(t.Context(), "UPDATE")
				},
			} {
				conn, _ := grab(t, db)
				end(conn)
				conn.Close()
				pooledtest.WaitUntil(t, func() bool {
					s := pool.Stats()
					return s.Closing == 0 && s.Open() == fake.Counts().Open && int(s.Opened-s.Closed-s.Detached) == s.Open()
				}, func() string {
					return fmt.Sprintf("after %s: have %v, and %d open at the server", name, pool, fake.Counts().Open)
				})
			}
		})
	}
}

// A server connection that is taken again at once, and not for a statement, does not show the last caller's.
func TestNoStatementYet(t *testing.T) {
	for name, take := range map[string]func(ctx context.Context, db *sql.DB) (end func()){
		"begin": func(ctx context.Context, db *sql.DB) func() {
			tx, err := db.BeginTx(ctx, nil)
			if err != nil {
				t.Fatal(err)
			}
			return func() { tx.Rollback() }
		},
		"prepare": func(ctx context.Context, db *sql.DB) func() {
			conn, err := db.Conn(ctx)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := conn.PrepareContext(ctx, "UPDATE b"); err != nil {
				t.Fatal(err)
			}
			return func() { conn.Close() }
		},
		"ping": func(ctx context.Context, db *sql.DB) func() {
			conn, err := db.Conn(ctx)
			if err != nil {
				t.Fatal(err)
			}
			if err := conn.PingContext(ctx); err != nil {
				t.Fatal(err)
			}
			return func() { conn.Close() }
		},
		"raw": func(ctx context.Context, db *sql.DB) func() {
			conn, err := db.Conn(ctx)
			if err != nil {
				t.Fatal(err)
			}
			if err := pooled.Raw(ctx, conn, func(driver.Conn) error { return nil }); err != nil {
				t.Fatal(err)
			}
			return func() { conn.Close() }
		},
		"connect": func(ctx context.Context, db *sql.DB) func() {
			db.SetMaxIdleConns(-1)
			conn, err := db.Conn(ctx)
			if err != nil {
				t.Fatal(err)
			}
			return func() { conn.Close() }
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { // so that the clock stands still
				db, pool := open(t, pooledtest.NewFake(t), one(pooled.ClassQueue))
				defer db.Close()
				pooledtest.MustExec(t, db, "UPDATE a")
				pooledtest.MustExec(t, db, "UPDATE a")
				end := take(t.Context(), db)
				if conns := pool.Conns(); conns[0].Statement != "" {
					t.Errorf("have %q, want no statement", conns[0].Statement)
				}
				end()
			})
		})
	}
}

// The log says once that callers wait in database/sql and not in the pool, if the program shows the pool its sql.DB.
func TestSetMaxOpenConns(t *testing.T) {
	static := func(c *pooled.Config) { c.Class = pooled.ClassStatic }
	for name, test := range map[string]struct {
		set     func(*pooled.Config)
		maxOpen int
		limit   string // what the log says; empty: it is silent
	}{
		"at the limit":       {size(2, 3), 5, "5"},
		"below the limit":    {size(2, 3), 1, "5"},
		"above the limit":    {size(2, 3), 6, ""},
		"not set":            {size(2, 3), 0, ""},
		"a pool of one":      {static, 1, "1"},
		"two above one":      {static, 2, ""},
		"a pool without one": {size(2, pooled.NoLimit), 5, ""},
		"class null":         {class(pooled.ClassNull), 5, ""},
		"class direct":       {class(pooled.ClassDirect), 5, ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var book pooledtest.LogBook
				db, pool := open(t, pooledtest.NewFake(t), test.set, logTo(&book))
				defer db.Close()
				db.SetMaxOpenConns(test.maxOpen)
				for range 3 {
					if have, _ := pooled.PoolOf(db); have != pool {
						t.Errorf("have %v, want %v", have, pool)
					}
					time.Sleep(time.Minute)
				}
				pooledtest.MustExec(t, db, "UPDATE")
				var want []string
				if test.limit != "" {
					want = append(want, fmt.Sprintf("WARN pooled: callers wait in database/sql, without pool_timeout and "+
						"without an error that says who holds the connections: delete db.SetMaxOpenConns, or set it above "+
						"the pool's limit pool=shop max_open_conns=%d limit=%s", test.maxOpen, test.limit))
				}
				book.Want(t, "the log", want...)
				if have := pool.Stats().MaxOpenConns; have != test.maxOpen {
					t.Errorf("have MaxOpenConns %d, want %d", have, test.maxOpen)
				}
			})
		})
	}
}

// The pool looks when database/sql makes its next connection, too: most programs set the limit after Open.
func TestSetMaxOpenConnsAfterOpen(t *testing.T) {
	var book pooledtest.LogBook
	cfg := pooled.NewConfig()
	cfg.Driver, cfg.DSN = driverThat(pooledtest.NewFake(t).Driver().Open), "x"
	size(5, 0)(&cfg)
	logTo(&book)(&cfg)
	cfg.Name = "limited after Open"
	db, err := pooled.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	pool, _ := pooled.PoolNamed(cfg.Name)
	db.SetMaxOpenConns(5)
	if s := pool.Stats(); s.MaxOpenConns != 0 {
		t.Errorf("have %+v, want nothing known yet", s)
	}
	pooledtest.MustExec(t, db, "UPDATE")
	if s := pool.Stats(); s.MaxOpenConns != 5 || len(book.Take()) != 1 {
		t.Errorf("have %+v, want it known, and logged", s)
	}
}

// A hook may ask for the pool, also while database/sql closes a connection with its sql.DB locked.
func TestPoolOfInAHook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := pooledtest.NewFake(t)
		var db *sql.DB
		var asked atomic.Bool
		db, _ = open(t, fake, class(pooled.ClassDirect), hooks(pooled.Hooks{Close: func(s *pooled.ServerConn, _ error) {
			if s.ID() == 2 {
				_, ok := pooled.PoolOf(db)
				asked.Store(ok)
			}
		}}))
		defer db.Close()
		db.SetMaxOpenConns(1)
		db.SetMaxIdleConns(-1)
		conn, _ := grab(t, db)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		done := make(chan error, 1)
		go func() { _, err := db.ExecContext(ctx, "UPDATE"); done <- err }()
		synctest.Wait()
		fake.On(pooledtest.StageConnect, pooledtest.Slow(time.Minute))
		conn.Raw(func(any) error { return driver.ErrBadConn }) // database/sql opens another one for who waits
		if err := <-done; !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("have %v, want the deadline", err)
		}
		time.Sleep(time.Hour) // nobody wants what was opened, and nothing may be idle
		if !asked.Load() {
			t.Error("the second connection was not closed")
		}
	})
}
