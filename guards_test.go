package pooled_test

import (
	"context"
	"math"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/internal/pooledtest"
)

// A server connection that has just passed the guards passes them no more when something happens, though the coarse
// clock has not moved. In class direct it rests with its Conn then, so the guards alone can tell.
func TestGuardsWithinOneMoment(t *testing.T) {
	for name, happens := range map[string]func(*pooled.Pool, *pooledtest.Fake){
		"disposed of": func(p *pooled.Pool, _ *pooledtest.Fake) { p.Dispose() },
		"invalidated": func(p *pooled.Pool, _ *pooledtest.Fake) { p.InvalidateConn(1, nil) },
	} {
		t.Run(name, func(t *testing.T) {
			fake := pooledtest.NewFake(t)
			db, pool := open(t, fake, class(pooled.ClassDirect))
			pooledtest.MustExec(t, db, "UPDATE")
			pooledtest.MustExec(t, db, "UPDATE")
			happens(pool, fake)
			pooledtest.MustExec(t, db, "UPDATE")
			if s := pool.Stats(); s.Opened != 2 || s.Open() != 1 {
				t.Errorf("have %+v, want one open, the second", s)
			}
		})
	}
}

// A loss is one of these events: those that are left are pinged.
func TestPingAfterALossWithinOneMoment(t *testing.T) {
	fake := pooledtest.NewFake(t)
	db, pool := open(t, fake, size(2, 0))
	first, _ := grab(t, db)
	second, _ := grab(t, db)
	pooledtest.Give(t, first, second)
	pooledtest.MustExec(t, db, "UPDATE")
	pooledtest.MustExec(t, db, "UPDATE")
	if n := pings(fake); n != 0 {
		t.Fatalf("have %d pings before the loss", n)
	}
	pooled.Suspect(pool)
	pooledtest.MustExec(t, db, "UPDATE")
	if n := pings(fake); n != 1 {
		t.Errorf("have %d pings, want 1", n)
	}
	pooledtest.MustExec(t, db, "UPDATE")
	if n := pings(fake); n != 1 {
		t.Errorf("have %d pings, want no other", n)
	}
}

// A Checkout hook that panics, or ends its goroutine, costs no place, whatever the lease was for.
func TestCheckoutHookThatPanicsAnywhere(t *testing.T) {
	ctx := context.Background()
	stmtOf := func(c *pooled.Conn) *pooled.Stmt {
		st, err := c.PrepareContext(ctx, "UPDATE")
		if err != nil {
			t.Fatal(err)
		}
		c.IsValid()
		return st.(*pooled.Stmt)
	}
	for name, use := range map[string]func(c *pooled.Conn) func(){
		"exec":    func(c *pooled.Conn) func() { return func() { c.ExecContext(ctx, "UPDATE", nil) } },
		"query":   func(c *pooled.Conn) func() { return func() { c.QueryContext(ctx, "SELECT conn", nil) } },
		"prepare": func(c *pooled.Conn) func() { return func() { c.PrepareContext(ctx, "UPDATE") } },
		"begin":   func(c *pooled.Conn) func() { return func() { c.Begin() } },
		"ping":    func(c *pooled.Conn) func() { return func() { c.Ping(ctx) } },
		"raw":     func(c *pooled.Conn) func() { return func() { c.Raw() } },
		"stmt": func(c *pooled.Conn) func() {
			st := stmtOf(c)
			return func() { st.ExecContext(ctx, nil) }
		},
	} {
		for ending, end := range map[string]func(){"panics": func() { panic("boom") }, "ends": runtime.Goexit} {
			t.Run(name+" "+ending, func(t *testing.T) {
				armed := false
				connector := connectorTo(t, pooledtest.NewFake(t), size(1, 0), hooks(pooled.Hooks{
					Checkout: func(context.Context, *pooled.ServerConn) error {
						if armed {
							armed = false
							end()
						}
						return nil
					},
				}))
				defer connector.Close()
				conn, err := connector.Connect(ctx)
				if err != nil {
					t.Fatal(err)
				}
				c := conn.(*pooled.Conn)
				c.IsValid()
				operation := use(c)
				armed = true
				apart(operation)
				wantPlace(t, connector)
			})
		}
	}
}

// The same for the leases that no operation makes: Connect, and class direct's use of an idle Conn.
func TestCheckoutHookThatPanicsInConnect(t *testing.T) {
	ctx := context.Background()
	for ending, end := range map[string]func(){"panics": func() { panic("boom") }, "ends": runtime.Goexit} {
		for _, c := range []pooled.Class{pooled.ClassQueue, pooled.ClassDirect} {
			t.Run(string(c)+" "+ending, func(t *testing.T) {
				armed := true
				connector := connectorTo(t, pooledtest.NewFake(t), class(c), size(1, 0), hooks(pooled.Hooks{
					Checkout: func(context.Context, *pooled.ServerConn) error {
						if armed {
							armed = false
							end()
						}
						return nil
					},
				}))
				defer connector.Close()
				apart(func() { connector.Connect(ctx) })
				conn, err := connector.Connect(ctx)
				if err != nil {
					t.Fatal(err)
				}
				own := conn.(*pooled.Conn)
				own.IsValid()
				if c == pooled.ClassDirect {
					armed = true
					apart(func() { own.ResetSession(ctx) })
					if s := connector.Pool().Stats(); s.Open() != 0 { // though nobody closes the Conn
						t.Errorf("have %+v, want nothing open", s)
					}
					return
				}
				wantPlace(t, connector)
			})
		}
	}
}

// apart runs f on a goroutine of its own, which it may end or let panic.
func apart(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() { recover() }()
		f()
	}()
	<-done
}

// wantPlace expects that the only place of the pool is free.
func wantPlace(t *testing.T, connector *pooled.Connector) {
	t.Helper()
	conn, err := connector.Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	conn.(*pooled.Conn).IsValid()
	if s := connector.Pool().Stats(); s.Open() != 1 || s.CheckedOut != 0 {
		t.Errorf("have %+v, want one open, and idle", s)
	}
}

// What was judged is the text at hand, also if a prepared statement was sent with it before.
func TestTextAfterAStatementOfTheSameText(t *testing.T) {
	fake := pooledtest.NewFake(t)
	db, pool := open(t, fake, one(pooled.ClassQueue), speaks("postgres"))
	pooledtest.MustExec(t, db, "UPDATE")
	stmt, err := db.Prepare("BEGIN")
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := stmt.Exec(); err != nil {
			t.Fatal(err)
		}
	}
	before := pool.Stats().Resets
	pooledtest.MustExec(t, db, "BEGIN")
	if n := pool.Stats().Resets - before; n != 1 {
		t.Errorf("have %d resets after BEGIN, want 1", n)
	}
	stmt.Close()
}

// perMinute counts what reaches a server. Shorter buckets would measure luck: each second has about ten connects.
type perMinute []int

func newPerMinute(length time.Duration) perMinute { return make(perMinute, length/time.Minute) }

func (n perMinute) add(at time.Duration) { n[at/time.Minute]++ }

func (n perMinute) peak() (most int) {
	for _, count := range n {
		most = max(most, count)
	}
	return most
}

func (n perMinute) total() (sum int) {
	for _, count := range n {
		sum += count
	}
	return sum
}

func (n perMinute) mean() float64       { return float64(n.total()) / float64(len(n)) }
func (n perMinute) peakToMean() float64 { return float64(n.peak()) / n.mean() }

const (
	fleetConns = 15            // of each process
	fleetStart = time.Minute   // within which all processes are started
	fleetWatch = 6 * time.Hour // how long the server is watched
)

// renewals is when a fleet's server connections are replaced: the fleet is many processes that share a server. The
// ages are those of real pools, without the pools: a thousand of them take a minute under the race detector. Each
// process opens all of its own when it is started, which is not counted.
func renewals(processes int, cfg pooled.Config) perMinute {
	count, due := newPerMinute(fleetWatch), pooled.DueAfter(cfg)
	for range processes {
		started := rand.N(fleetStart)
		for range fleetConns {
			for at := started + due(); at < fleetWatch; at += due() {
				count.add(at)
			}
		}
	}
	return count
}

func jittered(percent float64) pooled.Config {
	cfg := pooled.NewConfig()
	cfg.RecycleJitter = pooled.Jitter{Percent: percent}
	return cfg
}

// A thousand processes that were started together do not replace their server connections together. The worst minute
// is in the first wave: the more jitter, the flatter. At most twice the mean was hoped for. A jitter of 10% is far
// from it, so it is not the default; with 25% that is reached after three and a half hours. The bounds are at least
// six standard deviations away from what is measured.
func TestFleetIsRenewedBitByBit(t *testing.T) {
	for name, test := range map[string]struct {
		cfg         pooled.Config
		least, most float64 // the worst minute, as a multiple of the mean of all
		flat        bool    // no minute has twice the mean after three and a half hours
	}{
		"jitter 2.5%": {jittered(2.5), 20, 24.5, false},
		"jitter 10%":  {jittered(10), 9, 11, false},
		"jitter 25%":  {jittered(25), 3.3, 4.2, true},
		"jitter 50%":  {jittered(50), 1.35, 1.9, true},
		"the default": {pooled.NewConfig(), 1, 4.2, true},
	} {
		t.Run(name, func(t *testing.T) {
			count := renewals(1000, test.cfg)
			if have := count.peakToMean(); have < test.least || have > test.most {
				t.Errorf("the worst minute has %.2f times the mean, want %v to %v", have, test.least, test.most)
			}
			late := float64(count[3*60+30:].peak()) / count.mean()
			if flat := late <= 2; flat != test.flat {
				t.Errorf("after three and a half hours: have %.2f times the mean, want at most twice: %t", late, test.flat)
			}
		})
	}
}

// What the ages say is what real pools do: at no minute do their sums differ by more than a part in a hundred.
func TestFleetIsLikeRealPools(t *testing.T) {
	const processes = 40
	cfg := pooled.NewConfig()
	want, have := renewals(25*processes, cfg), realRenewals(t, processes, cfg)
	var haveSum, wantSum, worst float64
	all := float64(want.total()) / 25
	for i := range want {
		haveSum += float64(have[i])
		wantSum += float64(want[i]) / 25
		worst = max(worst, math.Abs(haveSum-wantSum)/all)
	}
	if worst > 0.01 {
		t.Errorf("real pools made %v connects, want %v; the sums differ by up to %.2f%% of all", haveSum, all, 100*worst)
	}
}

// realRenewals is the same of real pools, each of which keeps its server connections idle.
func realRenewals(t *testing.T, processes int, cfg pooled.Config) perMinute {
	count := newPerMinute(fleetWatch)
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		began := time.Now()
		counted := hooks(pooled.Hooks{Connect: func(_ context.Context, s *pooled.ServerConn) error {
			mu.Lock()
			defer mu.Unlock()
			if s.ID() > fleetConns {
				count.add(time.Since(began))
			}
			return nil
		}})
		keeping := func(c *pooled.Config) {
			*c = cfg
			c.Size, c.MinIdle = fleetConns, fleetConns
		}
		for range processes {
			connector := connectorTo(t, pooledtest.Null{}, keeping, counted)
			defer connector.Close()
			time.Sleep(fleetStart / time.Duration(processes))
		}
		time.Sleep(fleetWatch - fleetStart - time.Second)
	})
	return count
}
