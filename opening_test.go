package pooled_test

import (
	"cmp"
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net"
	"os"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/internal/pooledtest"
)

func TestDialErrorReachesWhoseTurnItIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		refused := errors.New("connection refused")
		fake := pooledtest.NewFake(t)
		fake.On(pooledtest.StageConnect, pooledtest.Slow(time.Second).Then(pooledtest.Fail(refused)).Times(2))
		db, _ := open(t, fake, func(c *pooled.Config) { c.ConnectLimit = 1 })
		defer db.Close()
		results := make([]error, 3)
		var wg sync.WaitGroup
		for i := range results {
			wg.Go(func() { _, results[i] = db.ExecContext(t.Context(), "UPDATE") })
			synctest.Wait()
		}
		wg.Wait()
		if want := []error{refused, refused, nil}; !slices.Equal(results, want) {
			t.Errorf("have %v, want %v", results, want)
		}
	})
}

// lib/pq returns a nil *conn with its errors, which is not a nil driver.Conn.
func TestConnectThatReturnsATypedNil(t *testing.T) {
	db, _ := open(t, typedNil{})
	if err := db.Ping(); err != errTypedNil {
		t.Errorf("have %v, want %v itself", err, errTypedNil)
	}
}

type typedNil struct{ pooledtest.Null }

type nilConn struct{ driver.Conn }

var errTypedNil = errors.New("refused")

func (typedNil) Connect(context.Context) (driver.Conn, error) { return (*nilConn)(nil), errTypedNil }

func TestPanicInConnectIsAnError(t *testing.T) {
	fake := pooledtest.NewFake(t)
	fake.On(pooledtest.StageConnect, pooledtest.Panic("boom").Times(1))
	db, _ := open(t, fake)
	if err := db.Ping(); err == nil || !strings.Contains(err.Error(), "boom") {
		t.Errorf("have %v, want an error that tells of the panic", err)
	}
	if err := db.Ping(); err != nil {
		t.Errorf("after it: %v", err)
	}
}

// "Too many connections" is no caller's error while connections will come back.
func TestCeiling(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := pooledtest.NewFake(t, func(f *pooledtest.Fake) {
			f.MaxConns, f.TooManyConns = 3, stateError("53300")
		})
		db, pool := open(t, fake, speaks("postgres"))
		defer db.Close()
		var wg sync.WaitGroup
		for range 30 {
			wg.Go(func() { pooledtest.MustExec(t, db, "SLEEP 1s") })
		}
		time.Sleep(500 * time.Millisecond)
		if s := pool.Stats(); s.Ceiling != 3 || s.CheckedOut != 3 {
			t.Errorf("have %+v, want a ceiling of 3", s)
		}
		wg.Wait()
		if dialed := fake.Counts().Dialed; dialed > 16 {
			t.Errorf("have %d dials for a limit of 3 in 10s, want tries for more only now and then", dialed)
		}

		fake.MaxConns = 0
		time.Sleep(time.Minute)
		for range 30 {
			wg.Go(func() { pooledtest.MustExec(t, db, "SLEEP 1s") })
		}
		wg.Wait()
		if s := pool.Stats(); s.Ceiling != 0 {
			t.Errorf("have %+v, want no ceiling once the server accepts more", s)
		}
	})
}

// With nothing that could come back, waiting would be in vain.
func TestTooManyConnectionsIsAnErrorForAnEmptyPool(t *testing.T) {
	full := stateError("53300")
	fake := pooledtest.NewFake(t)
	fake.On(pooledtest.StageConnect, pooledtest.Fail(full))
	db, _ := open(t, fake, speaks("postgres"))
	if err := db.Ping(); err != error(full) {
		t.Errorf("have %v, want %v itself", err, full)
	}
}

// Nor is it an error while another dial is on its way: of the first dials, made
// at one time, some are refused before one is through.
func TestTooManyConnectionsDuringTheFirstDials(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := pooledtest.NewFake(t)
		fake.On(pooledtest.StageConnect, pooledtest.Slow(time.Millisecond).Then(
			pooledtest.Fail(stateError("53300"))).Times(3))
		fake.On(pooledtest.StageConnect, pooledtest.Slow(500*time.Millisecond).Times(1))
		fake.On(pooledtest.StageConnect, pooledtest.Fail(stateError("53300")))
		db, _ := open(t, fake, speaks("postgres"))
		defer db.Close()
		var wg sync.WaitGroup
		for range 10 {
			wg.Go(func() { pooledtest.MustExec(t, db, "SLEEP 1s") })
		}
		wg.Wait()
	})
}

type stateError string

func (e stateError) Error() string { return "state " + string(e) }

func (e stateError) SQLState() string { return string(e) }

func TestTimeoutError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := pooledtest.NewFake(t)
		db, _ := open(t, fake, size(1, 1), func(c *pooled.Config) { c.Timeout, c.Name = 2*time.Second, "orders" })
		defer db.Close()
		a, _ := grab(t, db)
		b, _ := grab(t, db)
		defer pooledtest.Give(t, a, b)

		began := time.Now()
		_, err := db.ExecContext(t.Context(), "UPDATE")
		if waited := time.Since(began); waited != 2*time.Second {
			t.Errorf("waited %v, want 2s, once", waited)
		}
		var timeout *pooled.TimeoutError
		if !errors.As(err, &timeout) || !errors.Is(err, pooled.ErrTimeout) || errors.Is(err, driver.ErrBadConn) {
			t.Fatalf("have %v, want a TimeoutError that is ErrTimeout and not ErrBadConn", err)
		}
		holders := []pooled.Holder{
			{Conn: 1, Statement: "SELECT conn", Held: 2 * time.Second}, {Conn: 2, Statement: "SELECT conn",
				Held: 2 * time.Second},
		}
		slices.SortFunc(timeout.Holders, func(a, b pooled.Holder) int { return cmp.Compare(a.Conn, b.Conn) })
		want := pooled.TimeoutError{Wait: pooled.Wait{Pool: "orders", Phase: pooled.PhaseWaiting, Size: 1, MaxOverflow: 1,
			CheckedOut: 2, Waiting: 1, Waited: 2 * time.Second, Limit: 2 * time.Second, Holders: holders}}
		if !reflect.DeepEqual(*timeout, want) {
			t.Errorf("have %+v\nwant %+v", *timeout, want)
		}
		text := `pooled: pool "orders": timeout waiting for a connection: waited 2s (pool_timeout=2s): ` +
			`size 1, overflow 1, checked out 2, idle 0, opening 0, waiting 1; ` +
			`held longest: conn 1 for 2s: SELECT conn, conn 2 for 2s: SELECT conn`
		if err.Error() != text {
			t.Errorf("have %q\nwant %q", err, text)
		}
	})
}

// A caller with a deadline of its own is told the same.
func TestContextErrorText(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db, _ := open(t, pooledtest.NewFake(t), size(1, 1), func(c *pooled.Config) {
			c.Timeout, c.Name = 2*time.Second, "orders"
		})
		defer db.Close()
		a, _ := grab(t, db)
		b, _ := grab(t, db)
		defer pooledtest.Give(t, a, b)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		text := `pooled: pool "orders": context deadline exceeded while waiting for a connection: waited 1s ` +
			`(pool_timeout=2s): size 1, overflow 1, checked out 2, idle 0, opening 0, waiting 1; ` +
			`held longest: conn 1 for 1s: SELECT conn, conn 2 for 1s: SELECT conn`
		if err := db.PingContext(ctx); err == nil || err.Error() != text {
			t.Errorf("have %v\nwant %s", err, text)
		}
	})
}

// A server that is slower to let us in than pool_timeout is still reached: the
// dial goes on and serves a later caller.
func TestDialOutlivesPoolTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := pooledtest.NewFake(t)
		fake.On(pooledtest.StageConnect, pooledtest.Slow(4500*time.Millisecond))
		db, _ := open(t, fake, func(c *pooled.Config) { c.Timeout = time.Second })
		defer db.Close()
		var failed int
		for db.PingContext(t.Context()) != nil {
			if failed++; failed > 10 {
				t.Fatal("the server is never reached")
			}
		}
		if failed != 4 {
			t.Errorf("have %d timeouts, want 4 before the dial of 4.5s is through", failed)
		}
	})
}

// A dial into the void gives its place up in the end.
func TestDialTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := pooledtest.NewFake(t)
		fake.On(pooledtest.StageConnect, pooledtest.Hang().Times(1))
		db, _ := open(t, fake, func(c *pooled.Config) { c.ConnectLimit, c.Timeout = 1, 10*time.Second })
		defer db.Close()
		began := time.Now()
		for db.PingContext(t.Context()) != nil {
		}
		if waited := time.Since(began); waited != 30*time.Second {
			t.Errorf("waited %v, want 30s", waited)
		}
	})
}

// Also where the opening itself ends at that moment, as it does with a pool_timeout of half a minute.
func TestTimeoutWhileOpening(t *testing.T) {
	for _, limit := range []time.Duration{time.Second, 30 * time.Second, time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			fake := pooledtest.NewFake(t)
			fake.On(pooledtest.StageConnect, pooledtest.Slow(time.Hour))
			db, _ := open(t, fake, func(c *pooled.Config) { c.Timeout = limit })
			defer db.Close()
			var timeout *pooled.TimeoutError
			err := db.PingContext(t.Context())
			if !errors.As(err, &timeout) || timeout.Phase != pooled.PhaseOpening || timeout.Opening != 1 {
				t.Errorf("%v: have %v, want a TimeoutError in phase %q with opening 1", limit, err, pooled.PhaseOpening)
			}
		})
	}
}

// A full server is told apart from a full pool by the error's cause.
func TestTimeoutErrorHasTheServersRefusal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := pooledtest.NewFake(t, func(f *pooledtest.Fake) { f.MaxConns, f.TooManyConns = 1, stateError("53300") })
		db, _ := open(t, fake, speaks("postgres"))
		defer db.Close()
		held, _ := grab(t, db)
		defer pooledtest.Give(t, held)
		var timeout *pooled.TimeoutError
		if err := db.PingContext(t.Context()); !errors.As(err, &timeout) || timeout.Err != error(stateError("53300")) {
			t.Errorf("have %v, want a TimeoutError with the server's word", err)
		}
	})
}

func TestTimeoutZeroAndNone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := pooledtest.NewFake(t)
		fake.On(pooledtest.StageConnect, pooledtest.Slow(20*time.Second))
		db, _ := open(t, fake, size(1, 0), func(c *pooled.Config) { c.Timeout = 0 })
		defer db.Close()
		held, _ := grab(t, db) // opening takes its time: that is not a wait for somebody else's
		began := time.Now()
		if err := db.PingContext(t.Context()); !errors.Is(err, pooled.ErrTimeout) || time.Since(began) != 0 {
			t.Errorf("pool_timeout=0: have %v after %v, want ErrTimeout at once", err, time.Since(began))
		}
		pooledtest.Give(t, held)

		db, _ = open(t, fake, size(1, 0), func(c *pooled.Config) { c.Timeout = -1 })
		defer db.Close()
		held, _ = grab(t, db)
		time.AfterFunc(24*time.Hour, func() { held.Close() })
		if err := db.PingContext(t.Context()); err != nil {
			t.Errorf("pool_timeout=-1: have %v, want success after a day", err)
		}
	})
}

// A stale connection is replaced also if there is no place for another while it
// is being closed, and no time to wait.
func TestStaleConnectionWithoutTimeToWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := pooledtest.NewFake(t)
		db, _ := open(t, fake, size(1, 0), func(c *pooled.Config) { c.Timeout = 0 })
		defer db.Close()
		pooledtest.MustExec(t, db, "UPDATE")
		fake.Kill(nil)
		fake.On(pooledtest.StageClose, pooledtest.Slow(time.Second).Times(1))
		pooledtest.MustExec(t, db, "UPDATE")
	})
}

// endWait waits in the pool with a context that the program ends after a while, for a cause.
func endWait(t *testing.T, db *sql.DB, after time.Duration, cause error) error {
	t.Helper()
	ctx, end := context.WithCancelCause(t.Context())
	time.AfterFunc(after, func() { end(cause) })
	_, err := db.ExecContext(ctx, "UPDATE")
	return err
}

// What a context ended that waited in the queue: the error is the context's, and says all that a timeout does.
func TestContextError(t *testing.T) {
	shutdown := errors.New("the shop closes")
	within := func(t *testing.T, db *sql.DB) error {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		return db.PingContext(ctx)
	}
	for name, test := range map[string]struct {
		wait    func(t *testing.T, db *sql.DB) error
		is      []error
		timeout bool
		text    string
	}{
		"deadline": {within, []error{context.DeadlineExceeded}, true, "context deadline exceeded"},
		"cancel": {func(t *testing.T, db *sql.DB) error { return endWait(t, db, time.Second, nil) },
			[]error{context.Canceled}, false, "context canceled"},
		"cause": {func(t *testing.T, db *sql.DB) error { return endWait(t, db, time.Second, shutdown) },
			[]error{context.Canceled, shutdown}, false, "context canceled (the shop closes)"},
		"a cause that database/sql would take for a bad connection": {
			func(t *testing.T, db *sql.DB) error { return endWait(t, db, time.Second, driver.ErrBadConn) },
			[]error{context.Canceled}, false, "context canceled (driver: bad connection)"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				db, pool := open(t, pooledtest.NewFake(t), size(1, 0), func(c *pooled.Config) { c.Name = "orders" })
				defer db.Close()
				held, _ := grab(t, db)
				defer pooledtest.Give(t, held)
				err := test.wait(t, db)
				var ended *pooled.ContextError
				if !errors.As(err, &ended) || err != error(ended) {
					t.Fatalf("have %#v, want a ContextError as it is", err)
				}
				for _, is := range test.is {
					if !errors.Is(err, is) {
						t.Errorf("have %v, want one that is %v", err, is)
					}
				}
				if errors.Is(err, driver.ErrBadConn) || errors.Is(err, pooled.ErrTimeout) {
					t.Errorf("have %v, which is a bad connection or pool_timeout's", err)
				}
				if n, ok := err.(net.Error); !ok || n.Timeout() != test.timeout || os.IsTimeout(err) != test.timeout {
					t.Errorf("timeout: want %t", test.timeout)
				}
				want := pooled.Wait{Pool: "orders", Phase: pooled.PhaseWaiting, Size: 1, CheckedOut: 1, Waiting: 1,
					Waited: time.Second, Limit: 30 * time.Second,
					Holders: []pooled.Holder{{Conn: 1, Statement: "SELECT conn", Held: time.Second}}}
				if !reflect.DeepEqual(ended.Wait, want) {
					t.Errorf("have %+v\nwant %+v", ended.Wait, want)
				}
				text := `pooled: pool "orders": ` + test.text + " while waiting for a connection: waited 1s "
				if !strings.HasPrefix(err.Error(), text) {
					t.Errorf("have  %s\nwant %s…", err, text)
				}
				if s := pool.Stats(); s.Waiting != 0 || s.Canceled != 1 {
					t.Errorf("have %+v, want one canceled, and nobody left", s)
				}
			})
		})
	}
}

// A wait for a connection that is being opened for the caller says that, if the program asks for it. Who waits behind
// that caller does not wait for the dial.
func TestContextErrorWhileOpening(t *testing.T) {
	for _, c := range []pooled.Class{pooled.ClassQueue, pooled.ClassNull, pooled.ClassStatic} {
		for _, mode := range []pooled.ContextErrorMode{"queue", "all"} {
			t.Run(string(c)+" "+string(mode), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { testContextErrorWhileOpening(t, c, mode) })
			})
		}
	}
}

func testContextErrorWhileOpening(t *testing.T, c pooled.Class, mode pooled.ContextErrorMode) {
	fake := pooledtest.NewFake(t)
	fake.On(pooledtest.StageConnect, pooledtest.Slow(time.Minute))
	db, _ := open(t, fake, one(c), func(c *pooled.Config) { c.ContextErrors = mode })
	defer db.Close()
	first := make(chan error, 1)
	go func() { first <- endWait(t, db, time.Second, nil) }()
	synctest.Wait()
	second := endWait(t, db, time.Millisecond, nil)
	behind := pooled.PhaseWaiting
	if c == pooled.ClassNull { // a dial of its own
		behind = pooled.PhaseOpening
	}
	for i, phase := range []pooled.Phase{pooled.PhaseOpening, behind} {
		err := second
		if i == 0 {
			err = <-first
		}
		var ended *pooled.ContextError
		if plain := mode == "queue" && phase == pooled.PhaseOpening; plain != (err == context.Canceled) {
			t.Errorf("caller %d: have %#v, want the context's own error: %t", i+1, err, plain)
		} else if !plain && (!errors.As(err, &ended) || ended.Phase != phase || ended.Opening == 0) {
			t.Errorf("caller %d: have %v, want a ContextError of phase %q", i+1, err, phase)
		}
	}
}

// Who did not wait gets the error as it is: the context had ended before, or ends while the server works.
func TestContextErrorIsOfAWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db, _ := open(t, pooledtest.NewFake(t), size(1, 0))
		defer db.Close()
		pooledtest.MustExec(t, db, "UPDATE")
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		soon, cancelSoon := context.WithTimeout(t.Context(), time.Second)
		defer cancelSoon()
		for _, ctx := range []context.Context{ended, soon} {
			if _, err := db.ExecContext(ctx, "SLEEP 1h"); err != ctx.Err() {
				t.Errorf("have %#v, want %v itself", err, ctx.Err())
			}
		}
	})
}

// A connection that comes back when the caller gives up is not lost, whichever happens first. (What happens at the very
// moment is internal/pool's TestCanceledAtTheMomentOfDelivery.)
func TestContextErrorCostsNoPlace(t *testing.T) {
	for name, mode := range map[string]pooled.ContextErrorMode{
		"all": pooled.ContextErrorAll, "plain": pooled.ContextErrorPlain,
	} {
		t.Run(name, func(t *testing.T) {
			db, pool := open(t, pooledtest.NewFake(t), size(1, 0), func(c *pooled.Config) { c.ContextErrors = mode })
			for range 200 {
				held, _ := grab(t, db)
				ctx, cancel := context.WithCancel(t.Context())
				done := make(chan error, 1)
				go func() { _, err := db.ExecContext(ctx, "UPDATE"); done <- err }()
				pooledtest.WaitUntil(t, func() bool { return pool.Stats().Waiting == 1 }, pool.String)
				go cancel()
				pooledtest.Give(t, held)
				if err := <-done; err != nil && !errors.Is(err, context.Canceled) {
					t.Fatal(err)
				}
			}
			pooledtest.MustExec(t, db, "UPDATE")
			if s := pool.Stats(); s.Waiting != 0 || s.CheckedOut != 0 || s.Open() != 1 {
				t.Errorf("have %+v, want the one connection idle", s)
			}
		})
	}
}

// A ContextError shows no password, neither the server's refusal nor what the program ended the context with.
func TestContextErrorShowsNoPassword(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		refusal := fmt.Errorf("too many for tigersecret: %w", stateError("53300"))
		fake := pooledtest.NewFake(t, func(f *pooledtest.Fake) { f.MaxConns, f.TooManyConns = 1, refusal })
		db, _ := open(t, fake, speaks("postgres"), func(c *pooled.Config) {
			c.DSN = "postgres://scott:tigersecret@h/db"
			c.ContextErrors = pooled.ContextErrorAll
		})
		defer db.Close()
		held, _ := grab(t, db)
		defer pooledtest.Give(t, held)
		pooledtest.MustExec(t, held, "UPDATE 'tigersecret'")
		failed := errors.New("no tigersecret here")
		err := endWait(t, db, time.Second, failed)
		if !errors.Is(err, failed) || !strings.Contains(err.Error(), "(no xxxxx here)") {
			t.Fatalf("have %v, want the cause without the password", err)
		}
		wantNothingOf(t, "the error", fmt.Sprintf("%v %+v %+v", err, err, err.(*pooled.ContextError).Wait), "tigersecret")
	})
}
