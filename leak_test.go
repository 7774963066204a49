package pooled_test

import (
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

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
				var book logBook
				db, pool := open(t, pooledtest.NewFake(t), class(c), leakAfter(10*time.Second, &l), logTo(&book))
				defer db.Close()
				for range 3 { // in time, again and again
					conn, _ := grab(t, db)
					time.Sleep(9 * time.Second)
					give(t, conn)
				}
				before := pool.Stats()
				conn, n := grab(t, db)
				mustExec(t, conn, "UPDATE forgotten")
				time.Sleep(12 * time.Second)
				synctest.Wait()
				list, stacks := l.take()
				if len(list) != 1 || !strings.HasSuffix(list[0], " UPDATE forgotten false") || !strings.HasPrefix(list[0], fmt.Sprint(n, " 1")) {
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
				if i := slices.IndexFunc(held, func(c pooled.ConnInfo) bool { return c.Leaked }); i < 0 || held[i].Stack != stacks[0] {
					t.Errorf("Conns: have %+v, want the leak with its stack", held)
				}
				give(t, conn)
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
				book.want(t, "the log", "WARN pooled: leak pool=shop conn="+id+" dur stmt=UPDATE forgotten stack",
					"WARN pooled: leak_returned pool=shop conn="+id+" dur stmt=UPDATE forgotten")
				conn, _ = grab(t, db) // the next is a checkout of its own
				time.Sleep(15 * time.Second)
				give(t, conn)
				if list, _ := l.take(); len(list) != 2 {
					t.Errorf("a second leak: have %q, want it told and told over", list)
				}
			})
		})
	}
}

// However a borrow ends, a leak is over: its server connection was detached, invalidated or broken.
func TestLeakEnds(t *testing.T) {
	for name, end := range map[string]func(t *testing.T, fake *pooledtest.Fake, conn *sql.Conn){
		"close":      func(*testing.T, *pooledtest.Fake, *sql.Conn) {},
		"detach":     func(t *testing.T, _ *pooledtest.Fake, c *sql.Conn) { pooled.Detach(t.Context(), c) },
		"invalidate": func(t *testing.T, _ *pooledtest.Fake, c *sql.Conn) { pooled.Invalidate(t.Context(), c, nil) },
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

// A borrow that database/sql made and nobody uses is no leak: the pool takes it back when it needs it.
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

// A TimeoutError lists those who have held a server connection for longest, five at most, with their stacks if they are known.
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
				defer give(t, conn)
				mustExec(t, conn, fmt.Sprintf("UPDATE\n\ttable_%d", i))
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
			line, rest, _ := strings.Cut(err.Error(), "\n")
			if part := "; held longest: conn 1 for 8s (UPDATE table_0) conn 2 for 7s (UPDATE table_1)"; !strings.Contains(line, part) {
				t.Errorf("have %s\nwant it to hold %s", line, part)
			}
			if strings.Contains(rest, "TestTimeoutErrorListsHolders") != watched {
				t.Errorf("watched %v: have stacks %q", watched, rest)
			}
		})
	}
}

// What is kept of a statement is cut, and of one that is idle only that.
func TestStatementsAreCut(t *testing.T) {
	db, pool := open(t, pooledtest.NewFake(t))
	long := "UPDATE " + strings.Repeat("é", 4000)
	mustExec(t, db, long)
	have := pool.Conns()[0].Statement
	if len(have) > 256 || !strings.HasPrefix(long, strings.TrimSuffix(have, "…")) || !strings.HasSuffix(have, "…") {
		t.Errorf("have %d bytes: %s", len(have), have)
	}
	if kept := pooled.KeptText(pool); kept > 256 {
		t.Errorf("the idle server connection keeps %d bytes", kept)
	}
}
