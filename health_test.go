package pooled_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/internal/pooledtest"
)

// look is a health check as a readiness probe makes it.
func look(t *testing.T, pool *pooled.Pool) pooled.Health {
	ctx, cancel := context.WithTimeout(t.Context(), 800*time.Millisecond)
	defer cancel()
	return pool.Health(ctx)
}

// A pool whose connections are all in use is saturated, and its server is there. It takes one connection a second to
// know that, however many ask.
func TestHealthOfBusyPool(t *testing.T) {
	for _, class := range []pooled.Class{pooled.ClassQueue, pooled.ClassNull, pooled.ClassStatic, pooled.ClassDirect} {
		t.Run(string(class), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				fake := pooledtest.NewFake(t)
				db, pool := open(t, fake, speaks("postgres"), one(class))
				conn, _ := grab(t, db)
				for second := range 30 {
					time.Sleep(time.Second)
					var all sync.WaitGroup
					for range 3 {
						all.Go(func() {
							h := look(t, pool)
							if limited := class == pooled.ClassQueue || class == pooled.ClassStatic; !h.Reachable ||
								h.Err != nil || h.Saturated != limited || !h.OutageSince.IsZero() {
								t.Errorf("after %d s: have %+v", second, h)
							}
						})
					}
					all.Wait()
				}
				conn.Close()
				if s := pool.Stats(); fake.Counts().Opened != 31 || s.Opened != 1 || s.Probes != 30 || s.Open() > 1 {
					t.Errorf("have %d connections, of which the pool counts %+v; want one for each second",
						fake.Counts().Opened, s)
				}
				db.Close()
			})
		})
	}
}

// It tells who waits, and since when, and does not wait with them.
func TestHealthDoesNotQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db, pool := open(t, pooledtest.NewFake(t), speaks("postgres"), size(1, 0))
		conn, _ := grab(t, db)
		var all sync.WaitGroup
		for range 2 {
			time.Sleep(2 * time.Second)
			all.Go(func() { pooledtest.MustExec(t, db, "UPDATE") })
		}
		time.Sleep(3 * time.Second)
		began := time.Now()
		if h := look(t, pool); !h.Saturated || h.Waiting != 2 || h.LongestWait != 5*time.Second || time.Since(began) != 0 {
			t.Errorf("have %+v after %v, want two that wait, for 5 s at most", h, time.Since(began))
		}
		conn.Close()
		all.Wait()
		if h := look(t, pool); h.Saturated || h.Waiting != 0 || h.LongestWait != 0 {
			t.Errorf("have %+v, want nobody that waits", h)
		}
		db.Close()
	})
}

// While connections come back nothing is sent.
func TestHealthByWhatComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := pooledtest.NewFake(t)
		db, pool := open(t, fake, speaks("postgres"))
		for range 10 {
			pooledtest.MustExec(t, db, "UPDATE")
			time.Sleep(500 * time.Millisecond)
			if h := look(t, pool); !h.Reachable || h.Saturated {
				t.Errorf("have %+v", h)
			}
		}
		if n := fake.Counts().Opened; n != 1 {
			t.Errorf("have %d connections, want one", n)
		}
		db.Close()
	})
}

// A server that is gone is noticed by the second of two probes, and nothing is dialed for the probes after.
func TestHealthOfStoppedServer(t *testing.T) {
	for _, class := range []pooled.Class{pooled.ClassQueue, pooled.ClassDirect} {
		t.Run(string(class), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				fake := pooledtest.NewFake(t)
				db, pool := open(t, fake, speaks("postgres"), func(cfg *pooled.Config) { cfg.Class = class })
				pooledtest.MustExec(t, db, "UPDATE")
				crash(fake)
				stopped := time.Now()
				if h := look(t, pool); !h.Reachable {
					t.Errorf("have %+v, want what the last second has shown", h)
				}
				time.Sleep(time.Second)
				h := look(t, pool)
				if h.Reachable || !errors.Is(h.Err, errRefused) || h.OutageSince != stopped.Add(time.Second) ||
					h.Hosts[0].State != pooled.HostDown {
					t.Errorf("have %+v, want an outage", h)
				}
				began := time.Now()
				if h := look(t, pool); h.Reachable || time.Since(began) != 0 {
					t.Errorf("have %+v after %v, want it at once", h, time.Since(began))
				}
				time.Sleep(time.Second)
				fake.ClearFaults()
				time.Sleep(6 * time.Second)
				if h := look(t, pool); !h.Reachable || !h.OutageSince.IsZero() || pool.Stats().Outages != 1 {
					t.Errorf("have %+v, want the end of the outage", h)
				}
				db.Close()
			})
		})
	}
}

// A server that never was there is asked once in a second, and that is no outage.
func TestHealthBeforeTheFirstConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := pooledtest.NewFake(t)
		db, pool := open(t, fake, speaks("postgres"))
		fake.On(pooledtest.StageConnect, pooledtest.Fail(errRefused))
		for range 4 {
			if h := look(t, pool); h.Reachable || h.Err != errRefused || !h.OutageSince.IsZero() {
				t.Errorf("have %+v, want the dial's own error", h)
			}
			time.Sleep(500 * time.Millisecond)
		}
		if n := dials(fake); n != 2 {
			t.Errorf("have %d dials in two seconds, want two", n)
		}
		fake.ClearFaults()
		time.Sleep(time.Second)
		if h := look(t, pool); !h.Reachable || h.Role != pooled.RolePrimary || h.Hosts[0].State != pooled.HostUp {
			t.Errorf("have %+v, want a primary", h)
		}
		db.Close()
	})
}

// A server that does not answer is not waited for longer than the context allows.
func TestHealthOfHangingServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := pooledtest.NewFake(t)
		db, pool := open(t, fake, speaks("postgres"))
		pooledtest.MustExec(t, db, "UPDATE")
		fake.On(pooledtest.StageConnect, pooledtest.Hang())
		for range 5 {
			time.Sleep(time.Second)
			began := time.Now()
			if h := look(t, pool); h.Reachable || !errors.Is(h.Err, context.DeadlineExceeded) || !h.OutageSince.IsZero() ||
				time.Since(began) > 800*time.Millisecond {
				t.Errorf("have %+v after %v, want no answer, and no outage", h, time.Since(began))
			}
		}
		db.Close()
	})
}

// A server that accepts no more connections is there, for a pool that has some.
func TestHealthOfFullServer(t *testing.T) {
	for _, has := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			full := &fullError{}
			fake := pooledtest.NewFake(t, func(f *pooledtest.Fake) { f.MaxConns, f.TooManyConns = 1, full })
			db, pool := open(t, fake, speaks("postgres"), size(5, 0))
			other, err := fake.Connect(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if has {
				other.Close()
				conn, _ := grab(t, db)
				defer conn.Close()
			} else {
				defer other.Close()
			}
			time.Sleep(2 * time.Second)
			h := look(t, pool)
			if h.Reachable != has || h.Saturated != has || (h.Err == nil) != has || !h.OutageSince.IsZero() {
				t.Errorf("has a connection: %t: have %+v", has, h)
			}
			db.Close()
		})
	}
}

// fullError is PostgreSQL's.
type fullError struct{}

func (*fullError) Error() string    { return "sorry, too many clients already" }
func (*fullError) SQLState() string { return "53300" }

// What is wrong with the pool's own connection is told, without secrets, and a closed pool is closed.
func TestHealthOfRefusedPool(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := pooledtest.NewFake(t)
		connector := connectorTo(t, fake, speaks("postgres"), func(cfg *pooled.Config) {
			cfg.ConnectArgs = map[string]string{"password": "tiger"}
		})
		pool := connector.Pool()
		fake.On(pooledtest.StageConnect, pooledtest.Fail(errors.New(`password "tiger" authentication failed`)))
		h := look(t, pool)
		if h.Reachable || h.Err == nil || h.Saturated || strings.Contains(fmt.Sprintf("%+v", h), "tiger") {
			t.Errorf("have %+v, want the error without its password", h)
		}
		connector.Close()
		if h := look(t, pool); h.Reachable || h.Err != pooled.ErrClosed {
			t.Errorf("closed: have %+v", h)
		}
	})
}

// A database in the process is always there.
func TestHealthOfSQLite(t *testing.T) {
	cfg, err := pooled.ParseDSN("sqlite:///:memory:")
	if err != nil {
		t.Fatal(err)
	}
	db, pool := openFrom(t, cfg, size(1, 0))
	if h := pool.Health(t.Context()); !h.Reachable || h.Role != pooled.RoleUnknown || pool.Stats().Opened != 0 {
		t.Errorf("have %+v, want it reachable without a connection", h)
	}
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.ExecContext(t.Context(), "SELECT 1"); err != nil {
		t.Fatal(err)
	}
	if h := pool.Health(t.Context()); !h.Reachable || !h.Saturated {
		t.Errorf("have %+v, want its only connection in use", h)
	}
}

// The connection of a check is closed, whatever happens.
func TestHealthClosesItsConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := pooledtest.NewFake(t)
		db, pool := open(t, fake, speaks("postgres"))
		fake.On(pooledtest.StageQuery, pooledtest.Fail(errors.New("no such function: pg_is_in_recovery")).Times(1))
		if h := look(t, pool); !h.Reachable || h.Role != pooled.RoleUnknown {
			t.Errorf("a server that can't tell: have %+v", h)
		}
		time.Sleep(time.Second)
		fake.On(pooledtest.StageQuery, pooledtest.Fail(io.EOF).Times(1))
		if h := look(t, pool); h.Reachable {
			t.Errorf("a connection that breaks: have %+v", h)
		}
		db.Close()
		if c := fake.Counts(); c.Open != 0 || c.Opened < 2 {
			t.Errorf("have %+v, want all closed", c)
		}
	})
}

// A server that refuses the pool's password answers, but is not reachable to it, however lately it has said so.
func TestHealthAfterRefusal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := pooledtest.NewFake(t)
		errDenied := errors.New("password authentication failed")
		fake.On(pooledtest.StageConnect, pooledtest.Fail(errDenied))
		db, pool := open(t, fake, speaks("postgres"))
		for range 3 {
			if _, err := db.Exec("UPDATE"); !errors.Is(err, errDenied) {
				t.Errorf("have %v", err)
			}
			if h := look(t, pool); h.Reachable || !errors.Is(h.Err, errDenied) {
				t.Errorf("have %+v, want the refusal", h)
			}
			time.Sleep(300 * time.Millisecond)
		}
		fake.ClearFaults()
		pooledtest.MustExec(t, db, "UPDATE")
		if h := look(t, pool); !h.Reachable {
			t.Errorf("have %+v", h)
		}
		db.Close()
	})
}
