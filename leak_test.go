package pooled_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"weak"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/internal/pooledtest"
)

// leaks is a Leak hook that writes down what it is told.
type leaks struct {
	mu   sync.Mutex
	list []pooled.Holder
}

func (l *leaks) hook(h pooled.Holder) {
	l.mu.Lock()
	l.list = append(l.list, h)
	l.mu.Unlock()
}

// take is what was told, without the stacks, which it returns beside it.
func (l *leaks) take() (list []string, stacks []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, h := range l.list {
		list = append(list, fmt.Sprintf("%d %v %s %v", h.Conn, h.Held, h.Statement, h.Returned))
		stacks = append(stacks, h.Stack)
	}
	l.list = nil
	return list, stacks
}

func leakAfter(d time.Duration, l *leaks) func(*pooled.Config) {
	return func(c *pooled.Config) { c.LeakAfter, c.Hooks.Leak, c.Logger = d, l.hook, slog.New(slog.DiscardHandler) }
}

// A checkout that lasts too long is reported once, with who took it and what for, and again when it
// is over. One that is over in time is not.
func TestLeak(t *testing.T) {
	for _, c := range []pooled.Class{pooled.ClassQueue, pooled.ClassNull, pooled.ClassStatic, pooled.ClassDirect} {
		t.Run(string(c), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var l leaks
				var book pooledtest.LogBook
				db, pool := open(t, pooledtest.NewFake(t), class(c), leakAfter(10*time.Second, &l), logTo(&book))
				defer db.Close()
				for range 3 { // in time, again and again
					conn, _ := grab(t, db)
					time.Sleep(9 * time.Second)
					pooledtest.Give(t, conn)
				}
				before := pool.Stats()
				conn, n := grab(t, db)
				pooledtest.MustExec(t, conn, "UPDATE forgotten")
				time.Sleep(12 * time.Second)
				synctest.Wait()
				list, stacks := l.take()
				if len(list) != 1 || !strings.HasSuffix(list[0], " UPDATE forgotten false") ||
					!strings.HasPrefix(list[0], fmt.Sprint(n, " 1")) {
					t.Fatalf("have %q, want one report of connection %d", list, n)
				}
				taker := "_test.number" // which sent the first statement
				if c == pooled.ClassDirect {
					taker = "_test.grab" // which called db.Conn
				}
				if first, _, _ := strings.Cut(stacks[0], "\n"); !strings.HasSuffix(first, taker) {
					t.Errorf("the stack begins with %q, want %s; whole:\n%s", first, taker, stacks[0])
				}
				if !strings.Contains(stacks[0], "TestLeak") {
					t.Errorf("the stack lacks this test:\n%s", stacks[0])
				}
				time.Sleep(time.Minute)
				synctest.Wait()
				if list, _ := l.take(); len(list) != 0 {
					t.Errorf("reported again: %q", list)
				}
				held := pool.Conns()
				if i := slices.IndexFunc(held, func(c pooled.ConnInfo) bool { return c.Leaked }); i < 0 ||
					held[i].Stack != stacks[0] {
					t.Errorf("Conns: have %+v, want the leak with its stack", held)
				}
				pooledtest.Give(t, conn)
				synctest.Wait()
				if list, _ := l.take(); len(list) != 1 || !strings.HasSuffix(list[0], " UPDATE forgotten true") {
					t.Errorf("have %q, want that it came back", list)
				}
				for _, c := range pool.Conns() {
					if c.Stack != "" || c.Leaked {
						t.Errorf("nobody holds it: have %+v", c)
					}
				}
				s := pool.Stats()
				if before.Leaks != 0 || s.Leaks != 1 || s.LeaksReturned != 1 {
					t.Errorf("have %d, then %d leaks and %d returned, want 0, 1 and 1", before.Leaks, s.Leaks, s.LeaksReturned)
				}
				id := fmt.Sprint(held[0].ID)
				book.Want(t, "the log", "WARN pooled: leak pool=shop conn="+id+" held_ms stmt=UPDATE forgotten stack",
					"WARN pooled: leak_returned pool=shop conn="+id+" held_ms stmt=UPDATE forgotten")
				conn, _ = grab(t, db) // the next is a checkout of its own
				time.Sleep(15 * time.Second)
				pooledtest.Give(t, conn)
				synctest.Wait()
				if list, _ := l.take(); len(list) != 2 {
					t.Errorf("a second leak: have %q, want it told and told over", list)
				}
			})
		})
	}
}

// However a lease ends, a leak is over: its server connection was detached, invalidated or broken.
func TestLeakEnds(t *testing.T) {
	for name, end := range map[string]func(t *testing.T, fake *pooledtest.Fake, conn *sql.Conn){
		"close":      func(*testing.T, *pooledtest.Fake, *sql.Conn) {},
		"detach":     func(t *testing.T, _ *pooledtest.Fake, c *sql.Conn) { pooled.Detach(t.Context(), c) },
		"invalidate": func(t *testing.T, _ *pooledtest.Fake, c *sql.Conn) { pooled.Invalidate(c, nil) },
		"broken": func(t *testing.T, fake *pooledtest.Fake, c *sql.Conn) {
			fake.On(pooledtest.StageExec, pooledtest.BadConn().Times(1))
			c.ExecContext(t.Context(), "UPDATE")
		},
	} {
		for _, c := range []pooled.Class{pooled.ClassQueue, pooled.ClassDirect} {
			t.Run(name+" "+string(c), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					var l leaks
					fake := pooledtest.NewFake(t)
					db, pool := open(t, fake, class(c), leakAfter(time.Second, &l))
					defer db.Close()
					conn, _ := grab(t, db)
					time.Sleep(2 * time.Second)
					end(t, fake, conn)
					conn.Close()
					time.Sleep(time.Minute)
					list, _ := l.take()
					if s := pool.Stats(); len(list) != 2 || s.Leaks != 1 || s.LeaksReturned != 1 {
						t.Errorf("have %q, %d leaks and %d returned, want one of each", list, s.Leaks, s.LeaksReturned)
					}
				})
			})
		}
	}
}

// A lease that database/sql made and nobody uses is no leak: the pool takes it back when it needs it.
func TestUnusedBorrowIsNoLeak(t *testing.T) {
	for _, c := range []pooled.Class{pooled.ClassQueue, pooled.ClassDirect} {
		t.Run(string(c), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var l leaks
				connector := connectorTo(t, pooledtest.NewFake(t), class(c), leakAfter(time.Second, &l))
				defer connector.Close()
				conn, err := connector.Connect(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Minute)
				if list, _ := l.take(); len(list) != 0 {
					t.Errorf("have %q, want none", list)
				}
				conn.Close()
			})
		})
	}
}

// A TimeoutError lists those who have held a server connection for longest, five at most, with their stacks if they are
// known.
func TestTimeoutErrorListsHolders(t *testing.T) {
	for _, watched := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			db, _ := open(t, pooledtest.NewFake(t), size(7, 0), func(c *pooled.Config) {
				c.Timeout = time.Second
				if watched {
					c.LeakAfter = time.Hour
				}
			})
			defer db.Close()
			for i := range 7 {
				conn, _ := grab(t, db)
				defer pooledtest.Give(t, conn)
				pooledtest.MustExec(t, conn, fmt.Sprintf("UPDATE\n\ttable_%d", i))
				time.Sleep(time.Second)
			}
			_, err := db.Exec("UPDATE")
			var timeout *pooled.TimeoutError
			if !errors.As(err, &timeout) {
				t.Fatal(err)
			}
			var have []string
			for _, h := range timeout.Holders {
				have = append(have, fmt.Sprintf("%d %v %s %v", h.Conn, h.Held, h.Statement, h.Stack != ""))
			}
			var want []string
			for i := range 5 {
				want = append(want, fmt.Sprintf("%d %v UPDATE\n\ttable_%d %v", i+1, time.Duration(8-i)*time.Second, i, watched))
			}
			if !slices.Equal(have, want) {
				t.Errorf("have %q\nwant %q", have, want)
			}
			line := err.Error()
			if strings.Contains(line, "\n") || strings.Contains(line, " by pooled_test.number at helpers_test.go:") != watched {
				t.Errorf("watched %v: have %s", watched, line)
			}
			rest := fmt.Sprintf("%+v", err)
			if part := "; held longest: conn 1 for 8s"; !strings.Contains(line, part) ||
				!strings.Contains(line, ": UPDATE table_0, conn 2 for 7s") {
				t.Errorf("have %s\nwant it to hold %s", line, part)
			}
			if strings.Contains(rest, "TestTimeoutErrorListsHolders") != watched {
				t.Errorf("watched %v: have stacks %q", watched, rest)
			}
		})
	}
}

// What is shown of a statement is cut, and of a very long one no more is kept.
func TestStatementsAreCut(t *testing.T) {
	db, pool := open(t, pooledtest.NewFake(t))
	long := "UPDATE " + strings.Repeat("é", 4000)
	pooledtest.MustExec(t, db, long)
	have := pool.Conns()[0].Statement
	if len(have) > 256 || !strings.HasPrefix(long, strings.TrimSuffix(have, "…")) || !strings.HasSuffix(have, "…") {
		t.Errorf("have %d bytes: %s", len(have), have)
	}
	if kept := pooled.KeptText(pool); kept > 300 {
		t.Errorf("the idle server connection keeps %d bytes", kept)
	}
}

// Only who uses a server connection can leak it: neither a slow Checkout hook does, nor a slow reset, and what it was
// reported for is over with the lease.
func TestLeakIsOfABorrow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l leaks
		fake := pooledtest.NewFake(t)
		slow := false
		db, pool := open(t, fake, one(pooled.ClassQueue), noRecycle, leakAfter(time.Second, &l), func(c *pooled.Config) {
			c.Hooks.Checkout = func(context.Context, *pooled.ServerConn) error {
				if slow {
					slow = false
					time.Sleep(time.Minute)
					return pooled.ErrDisconnect
				}
				return nil
			}
			c.Timeout, c.ResetTimeout = -1, -1
		})
		defer db.Close()
		pooledtest.MustExec(t, db, "UPDATE before")
		slow = true
		pooledtest.MustExec(t, db, "UPDATE after a refusal")
		fake.On(pooledtest.StageExec, pooledtest.Slow(time.Minute).Match("ROLLBACK").Times(1))
		pooledtest.MustExec(t, db, "BEGIN")
		pooledtest.MustExec(t, db, "UPDATE after a slow reset")
		if list, _ := l.take(); len(list) != 0 {
			t.Errorf("have %q, want none", list)
		}
		if s := pool.Stats(); s.Leaks != 0 || s.LeaksReturned != 0 {
			t.Errorf("have %+v", s)
		}
	})
}

// However short the time, nobody is reported who gave back within it.
func TestLeakAfterAShortTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l leaks
		db, _ := open(t, pooledtest.NewFake(t), one(pooled.ClassQueue), noRecycle, leakAfter(100*time.Millisecond, &l))
		defer db.Close()
		for range 300 {
			pooledtest.MustExec(t, db, "SLEEP 14ms")
		}
		if list, _ := l.take(); len(list) != 0 {
			t.Errorf("have %q, want none", list)
		}
	})
}

// A Leak hook may use the database it is told about, whatever the limits.
func TestLeakHookThatQueries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var db *sql.DB
		told := 0
		db, _ = open(t, pooledtest.NewFake(t), noRecycle, func(c *pooled.Config) {
			c.LeakAfter, c.Logger = time.Second, slog.New(slog.DiscardHandler)
			c.Hooks.Leak = func(h pooled.Holder) {
				if h.Returned {
					told++
					pooledtest.MustExec(t, db, "INSERT INTO leaks")
				}
			}
		})
		db.SetMaxOpenConns(1)
		conn, _ := grab(t, db)
		time.Sleep(2 * time.Second)
		pooledtest.Give(t, conn)
		synctest.Wait()
		db.Close()
		if told != 1 {
			t.Errorf("told %d times, want once", told)
		}
	})
}

// A TimeoutError names who holds a server connection now, not who did a moment ago.
func TestTimeoutErrorIsOfTheMoment(t *testing.T) {
	db, _ := open(t, pooledtest.NewFake(t), size(1, 0), func(c *pooled.Config) { c.Timeout = 0 })
	for _, text := range []string{"UPDATE a", "UPDATE b"} {
		conn, _ := grab(t, db)
		pooledtest.MustExec(t, conn, text)
		_, err := db.Exec("UPDATE")
		var timeout *pooled.TimeoutError
		if !errors.As(err, &timeout) || len(timeout.Holders) != 1 || timeout.Holders[0].Statement != text {
			t.Errorf("%s holds it: have %v", text, err)
		}
		pooledtest.Give(t, conn)
	}
}

// A pool that was closed is not kept by what looks for leaks, and measures.
func TestClosedPoolIsLetGo(t *testing.T) {
	kept := func() weak.Pointer[pooled.Pool] {
		connector := connectorTo(t, pooledtest.NewFake(t), noRecycle, func(c *pooled.Config) {
			c.LeakAfter,
				c.Timings = time.Hour, true
		})
		conn, err := connector.Connect(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		conn.Close()
		connector.Close()
		connector.Pool().Histogram(pooled.TimingUse)
		return weak.Make(connector.Pool())
	}()
	pooledtest.WaitUntil(t, func() bool { runtime.GC(); return kept.Value() == nil },
		func() string { return "it is still referred to" })
}

// Whatever users do, when all is given back there is no leak left, and nobody was out for years.
func TestLeaksAddUp(t *testing.T) {
	for _, c := range []pooled.Class{pooled.ClassQueue, pooled.ClassNull, pooled.ClassStatic, pooled.ClassDirect} {
		t.Run(string(c), func(t *testing.T) {
			fake := pooledtest.NewFake(t)
			fake.On(pooledtest.StageExec, pooledtest.BadConn().Match("UNLUCKY"))
			var l leaks
			db, pool := open(t, fake, class(c), leakAfter(300*time.Microsecond, &l))
			var wg sync.WaitGroup
			for i := range 4 {
				wg.Go(func() {
					for n := range 60 {
						ctx, cancel := context.WithTimeout(t.Context(), time.Duration(n)*50*time.Microsecond)
						conn, err := db.Conn(ctx)
						if err == nil {
							conn.ExecContext(ctx, "SLEEP 1ms")
							switch (i + n) % 4 {
							case 0:
								pooled.Invalidate(conn, nil)
							case 1:
								pooled.Detach(ctx, conn)
							case 2:
								conn.ExecContext(ctx, "UPDATE UNLUCKY")
							}
							conn.Close()
						}
						cancel()
					}
				})
			}
			wg.Wait()
			pooledtest.WaitUntil(t, func() bool {
				s := pool.Stats()
				return s.Leaks == s.LeaksReturned && s.CheckedOut == 0
			}, pool.String)
			l.mu.Lock()
			defer l.mu.Unlock()
			for _, h := range l.list {
				if h.Held > time.Minute {
					t.Fatalf("have %+v", h)
				}
			}
		})
	}
}

// That the pool had nothing to give to a caller whose context ended is an event, and logged.
func TestCanceledWait(t *testing.T) {
	for mode, plain := range map[pooled.ContextErrorMode]bool{"queue": false, "all": false, "plain": true} {
		t.Run(string(mode), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { testCanceledWait(t, mode, plain) })
		})
	}
}

func testCanceledWait(t *testing.T, mode pooled.ContextErrorMode, plain bool) {
	var book pooledtest.LogBook
	var told []error
	db, pool := open(t, pooledtest.NewFake(t), size(1, 0), logTo(&book), echoPool(pooled.EchoOn), func(c *pooled.Config) {
		c.ContextErrors = mode
		c.Hooks.Canceled = func(err *pooled.ContextError) { told = append(told, err) }
	})
	defer db.Close()
	conn, _ := grab(t, db)
	defer pooledtest.Give(t, conn)
	book.Take()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	_, err := db.ExecContext(ctx, "UPDATE")
	want := `pooled: pool "shop": context deadline exceeded while waiting for a connection: waited 2s ` +
		"(pool_timeout=30s): size 1, overflow 0, checked out 1, idle 0, opening 0, waiting 1; held longest: conn 1 " +
		"for 2s: SELECT conn"
	if len(told) != 1 || told[0].Error() != want || plain != (err == context.DeadlineExceeded) ||
		!plain && err != told[0] {
		t.Errorf("have %v, told %v\nwant %s", err, told, want)
	}
	book.Want(t, "the log", "WARN pooled: canceled pool=shop err="+want)
	if events := pool.Events(); events[len(events)-1].Name != "canceled" || pool.Stats().Canceled != 1 {
		t.Errorf("have %+v and %+v", events, pool.Stats())
	}
}

// A holder that has sent nothing yet is not blamed for what the one before sent.
func TestHolderWithoutAStatement(t *testing.T) {
	db, pool := open(t, pooledtest.NewFake(t), size(1, 0), func(c *pooled.Config) { c.Timeout = 0 })
	pooledtest.MustExec(t, db, "UPDATE innocent")
	tx, err := db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	_, err = db.Exec("UPDATE")
	if !strings.Contains(err.Error(), ": no statement yet") || strings.Contains(err.Error(), "innocent") ||
		pool.Conns()[0].Statement != "" {
		t.Errorf("have %v, and %q", err, pool.Conns()[0].Statement)
	}
	tx.Rollback()
	if have := pool.Conns()[0].Statement; have != "UPDATE innocent" {
		t.Errorf("idle: have %q", have)
	}
}

// Such a holder's leak is an event that says so.
func TestLeakWithoutAStatement(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l leaks
		db, pool := open(t, pooledtest.NewFake(t), leakAfter(10*time.Second, &l))
		defer db.Close()
		tx, err := db.Begin()
		if err != nil {
			t.Fatal(err)
		}
		defer tx.Rollback()
		time.Sleep(20 * time.Second)
		synctest.Wait()
		events := pool.Events()
		if e := events[len(events)-1]; e.Name != "leak" || !strings.HasSuffix(e.Detail, "s: no statement") {
			t.Errorf("have %v, want a leak with no statement", e)
		}
	})
}

// A connection that its driver closed because a context ended says so.
func TestBrokenByAContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // so that the deadline finds the statement under way
		var e events
		fake := pooledtest.NewFake(t, func(f *pooledtest.Fake) { f.BreakOnCancel = true })
		db, _ := open(t, fake, hooks(e.hooks()))
		defer db.Close()
		pooledtest.MustExec(t, db, "UPDATE")
		e.take()
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		db.ExecContext(ctx, "SLEEP 10s")
		want := "invalidate 1: pooled: the connection is broken: a context ended while it was in use: " +
			"context deadline exceeded"
		if have := e.take(); !slices.Contains(have, want) {
			t.Errorf("have %q, want %q", have, want)
		}
	})
}

// When the wall clock is set, nothing has been held for longer.
func TestLeakIsNoStepOfTheWallClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l leaks
		db, pool := open(t, pooledtest.NewFake(t), size(1, 0), leakAfter(time.Minute, &l), timeout(time.Second))
		defer db.Close()
		conn, _ := grab(t, db)
		time.Sleep(50 * time.Second)
		pooledtest.Give(t, conn)
		conn, _ = grab(t, db)
		pooled.StepWallClock(pool, time.Hour)
		time.Sleep(50 * time.Second)
		synctest.Wait()
		if list, _ := l.take(); len(list) != 0 {
			t.Errorf("reported after 50s: %q", list)
		}
		var timeout *pooled.TimeoutError
		if _, err := db.Exec("UPDATE"); !errors.As(err, &timeout) || timeout.Holders[0].Held > time.Minute {
			t.Errorf("have %v, want a holder for less than a minute", err)
		}
		if held := pool.Conns()[0].Held; held > time.Minute {
			t.Errorf("Conns: held for %v", held)
		}
		time.Sleep(20 * time.Second)
		synctest.Wait()
		if list, _ := l.take(); len(list) != 1 {
			t.Errorf("have %q after 71s, want one report", list)
		}
		pooledtest.Give(t, conn)
		synctest.Wait()
		if list, _ := l.take(); len(list) != 1 || strings.Contains(list[0], "h") {
			t.Errorf("have %q, want that it came back after little more than a minute", list)
		}
	})
}
