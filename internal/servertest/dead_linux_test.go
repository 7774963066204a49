package servertest_test

import (
	"context"
	"database/sql"
	"regexp"
	"testing"
	"time"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/internal/pooledtest"
)

// deadBound is after how long an error is missing, beyond the time after which it is promised.
const deadBound = 25 * time.Second

var hostPort = regexp.MustCompile(`[\d.]+:\d+`)

// Each TCP connection gets the settings of pool_dead_after, also over TLS, and unless the program has none of it.
func TestDeadAfterIsSet(t *testing.T) {
	usual := pooledtest.KeepAlive{On: true, Idle: 10, Interval: 5, Count: 3, Unacknowledged: 25000}
	short := pooledtest.KeepAlive{On: true, Idle: 2, Interval: 1, Count: 3, Unacknowledged: 5000}
	ofGo := pooledtest.KeepAlive{On: true, Idle: 15, Interval: 15, Count: 9}
	for _, s := range []server{
		{name: "postgres", dsn: pooledtest.PostgresPlain}, {name: "postgres over TLS", dsn: pooledtest.PostgresTLS},
		{name: "mysql", dsn: pooledtest.MySQLPlain}, {name: "mysql over TLS", dsn: pooledtest.MySQLTLS},
	} {
		for option, want := range map[string]pooledtest.KeepAlive{
			"pool_name=usual": usual, "pool_dead_after=5s": short, "pool_dead_after=-1": ofGo,
			"pool_dead_after=5s&pool_class=direct": short, "pool_dead_after=5s&pool_class=null": short,
		} {
			t.Run(s.name+"/"+option, func(t *testing.T) {
				proxy := pooledtest.NewProxy(t, s.dsn(t))
				db := openServer(t, "pooled", proxy.DSN(), option)
				conn, err := db.Conn(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				defer conn.Close()
				if err := conn.PingContext(t.Context()); err != nil {
					t.Fatal(err)
				}
				have := pooledtest.KeepAlives(t, hostPort.FindString(proxy.DSN()))
				if len(have) != 1 || have[0] != want {
					t.Errorf("have %+v, want %+v", have, want)
				}
			})
		}
	}
}

// deadCase is a way in which a server's machine goes away, and comes back.
type deadCase struct {
	name       string
	away, back func(*pooledtest.Network)
	option     string
	after      time.Duration
}

var deadCases = []deadCase{
	{"silent", (*pooledtest.Network).Vanish, (*pooledtest.Network).Return, "pool_dead_after=3s", 3 * time.Second},
	{"unplugged", (*pooledtest.Network).Unplug, (*pooledtest.Network).Plug, "pool_dead_after=3s", 3 * time.Second},
	{"silent, by default", (*pooledtest.Network).Vanish, (*pooledtest.Network).Return, "pool_name=x", 25 * time.Second},
}

// The server's machine vanishes in the middle of a statement that nothing limits. An error comes all the same, of the
// statement that waits for its answer as of one that is sent later, and the pool goes on when the network is back.
func TestMachineVanishes(t *testing.T) {
	for _, s := range []server{onPostgres, onMySQL} {
		for _, c := range deadCases {
			t.Run(s.name+"/"+c.name, func(t *testing.T) {
				t.Parallel()
				network := pooledtest.NewNetwork(t, s.plain(t))
				admin := openServer(t, s.bare, s.dsn(t))
				db := openServer(t, "pooled", network.DSN(), c.option, "pool_size=4", "pool_max_overflow=0")
				openIdle(t, s, db, 4)
				tx, err := db.Begin() // for the statement that is sent later
				if err != nil {
					t.Fatal(err)
				}
				defer tx.Rollback()
				mark := "/* " + t.Name() + " */"
				t.Cleanup(func() { s.endAsleep(admin, mark) })
				underWay, sentLater := make(chan error, 1), make(chan error, 1)
				vanish := func() {
					c.away(network)
					go func() { sentLater <- exec(tx, "SELECT 1") }()
				}
				s.during(t, admin, mark, vanish, func() {
					go func() { underWay <- exec(db, s.sleep(600)+" "+mark) }()
					wantDead(t, c.after, "a statement under way", underWay)
				})
				wantDead(t, c.after, "one that is sent after that", sentLater)
				pool, _ := pooled.PoolOf(db)
				if n := pool.Stats().Open(); n > 4 {
					t.Errorf("have %d connections, want at most the 4 of before", n)
				}
				c.back(network)
				wantBack(t, s, db)
			})
		}
	}
}

func exec(db interface {
	Exec(string, ...any) (sql.Result, error)
}, query string) error {
	_, err := db.Exec(query)
	return err
}

// endAsleep ends what sleeps on for a client that has gone. MariaDB's has ended by then.
func (s server) endAsleep(admin *sql.DB, mark string) {
	if s.name == "postgres" {
		admin.Exec("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND query LIKE $1",
			"%"+mark)
	}
}

// wantDead wants an operation to fail. Time is counted from before the machine has vanished.
func wantDead(t *testing.T, after time.Duration, what string, failed <-chan error) {
	t.Helper()
	began := time.Now()
	select {
	case err := <-failed:
		t.Logf("%s: %v, after %v", what, err, time.Since(began).Round(time.Millisecond))
		if err == nil {
			t.Errorf("%s: have no error", what)
		}
	case <-time.After(after + deadBound):
		t.Fatalf("%s: have no error in %v, want one %v after the machine has vanished", what, after+deadBound, after)
	}
}

// wantBack wants the pool to serve again.
func wantBack(t *testing.T, s server, db *sql.DB) {
	t.Helper()
	var err error
	pooledtest.WaitUntil(t, func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		err = db.PingContext(ctx)
		return err == nil
	}, func() string { return "the network is back, and the pool is not: " + err.Error() })
	wantNone(t, "after the network is back", s.come(t, db, 16))
}

// A statement may take longer than pool_dead_after: the server's machine answers for it.
func TestSlowIsNotDead(t *testing.T) {
	for _, s := range []server{onPostgres, onMySQL} {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			db := openServer(t, "pooled", pooledtest.NewNetwork(t, s.plain(t)).DSN(), "pool_dead_after=2s")
			if _, err := db.Exec(s.sleep(8)); err != nil {
				t.Errorf("have %v, want none", err)
			}
		})
	}
}
