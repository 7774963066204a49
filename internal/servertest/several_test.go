//go:build linux

package servertest_test

import (
	"context"
	"database/sql"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/internal/pooledtest"
	"github.com/pooled-go/pooled/internal/pooledtest/cluster"
)

// Several hosts in one DSN: a primary and a standby, which are up, down, restarted and promoted. The tests of one kind
// share the pair, and leave it as it was, all but the last.
func TestSeveralHosts(t *testing.T) {
	onPairs(t, true, func(t *testing.T, p pair) {
		s := newSeveral(t, p)
		t.Run("chosen", s.chosen)
		t.Run("attributes", s.attributes)
		t.Run("refused", func(t *testing.T) { s.foundOut(t, cluster.Refusing(t)) })
		t.Run("black hole", func(t *testing.T) { s.foundOut(t, cluster.BlackHole(t)) })
		t.Run("frozen", func(t *testing.T) { // its kernel accepts connections, and nobody speaks there
			s.standby.Freeze()
			defer s.standby.Thaw()
			s.foundOut(t, s.standby.Addr())
		})
		t.Run("addresses", s.addresses)
		t.Run("prefer-standby", s.preferStandby)
		t.Run("crash", s.crash)
		t.Run("promotion", s.promotion)
	})
}

// several is a pair whose servers can be told from each other.
type several struct {
	pair
	both              string // hosts for a DSN, the standby first
	isMain, isStandby string // what the servers say to the question who they are
}

func newSeveral(t *testing.T, p pair) several {
	t.Helper()
	s := several{pair: p, both: p.standby.Addr() + "," + p.primary.Addr()}
	s.isMain, s.isStandby = s.who(t, p.primary.Admin()), s.who(t, p.standby.Admin())
	return s
}

type rowQuerier interface {
	QueryRowContext(context.Context, string, ...any) *sql.Row
}

// who asks a server who it is.
func (s several) who(t *testing.T, db rowQuerier) string {
	t.Helper()
	if s.driver == "mysql" {
		return pooledtest.ScanOne[string](t, db, "SELECT @@server_id")
	}
	return pooledtest.ScanOne[string](t, db, "SELECT current_setting('listen_addresses')")
}

// wantAll wants that all connections are to one server, some of which are opened for that.
func (s several) wantAll(t *testing.T, db *sql.DB, want string) {
	t.Helper()
	for range 4 {
		conn, err := db.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if have := s.who(t, conn); have != want {
			t.Errorf("have a connection to %s, want %s", have, want)
		}
	}
}

// wantStates wants to know this of the hosts, in the order of the DSN.
func wantStates(t *testing.T, pool *pooled.Pool, want ...pooled.HostState) {
	t.Helper()
	hosts := pool.Hosts()
	if len(hosts) != len(want) {
		t.Fatalf("have %v, want %d hosts", hosts, len(want))
	}
	for i, h := range hosts {
		if h.State != want[i] {
			t.Errorf("host %d: have %+v, want it %s", i, h, want[i])
		}
	}
}

// awaitState waits until this is known of the host at an address.
func awaitState(t *testing.T, pool *pooled.Pool, address string, want pooled.HostState) {
	t.Helper()
	pooledtest.WaitUntil(t, func() bool {
		for _, h := range pool.Hosts() {
			if h.State == want && (h.Name == address || h.Address == address) {
				return true
			}
		}
		return false
	}, func() string { return fmt.Sprintf("have %+v, want %s %s", pool.Hosts(), address, want) })
}

// awaitSessions waits until a server has this many sessions of pools.
func (s several) awaitSessions(t *testing.T, server node, want int) {
	t.Helper()
	count := "SELECT count(*) FROM pg_stat_activity WHERE usename = 'pooled'"
	if s.driver == "mysql" {
		count = "SELECT count(*) FROM information_schema.processlist WHERE user = 'pooled'"
	}
	have := 0
	pooledtest.WaitUntil(t, func() bool {
		have = pooledtest.ScanOne[int](t, server.Admin(), count)
		return have == want
	}, func() string { return fmt.Sprintf("have %d sessions, want %d", have, want) })
}

// The first host that fits is used, or any if that is asked for.
func (s several) chosen(t *testing.T) {
	for _, test := range []struct{ target, want string }{
		{"any", s.isStandby}, {"primary", s.isMain}, {"standby", s.isStandby}, {"prefer-standby", s.isStandby},
	} {
		db, pool := s.open(t, s.both, "pool_target="+test.target)
		s.wantAll(t, db, test.want)
		if test.target == "primary" {
			wantStates(t, pool, pooled.HostWrongRole, pooled.HostUp)
			pooledtest.MustExec(t, db, "INSERT INTO outage VALUES (-1, 0)")
		} else {
			wantStates(t, pool, pooled.HostUp, pooled.HostUnknown)
		}
		db.Close()
	}
	other := s.primary.Addr() + "," + s.standby.Addr()
	for target, want := range map[string]string{
		"any": s.isMain, "standby": s.isStandby, "prefer-standby": s.isStandby,
	} {
		db, _ := s.open(t, other, "pool_target="+target)
		s.wantAll(t, db, want)
		db.Close()
	}
	db, pool := s.open(t, other, "pool_hosts=random")
	seen := map[string]bool{}
	pooledtest.WaitUntil(t, func() bool {
		pool.Dispose()
		seen[s.who(t, db)] = true
		return len(seen) == 2
	}, func() string { return fmt.Sprintf("all connections are to %v", seen) })
	db.Close()
}

// PostgreSQL's own names mean the same, in a URL and as keywords.
func (s several) attributes(t *testing.T) {
	if s.driver != "postgres" {
		return
	}
	for value, want := range map[string]string{
		"any": s.isStandby, "read-write": s.isMain, "primary": s.isMain, "read-only": s.isStandby,
		"standby": s.isStandby, "prefer-standby": s.isStandby,
	} {
		url := s.primary.DSNAt(s.both) + "&target_session_attrs=" + value
		for _, dsn := range []string{url, asKeywords(t, url)} {
			db, _ := openPatient(t, dsn)
			s.wantAll(t, db, want)
			db.Close()
		}
	}
}

// asKeywords writes a URL for PostgreSQL as keywords.
func asKeywords(t *testing.T, dsn string) string {
	t.Helper()
	rest, ok := strings.CutPrefix(dsn, "postgres://")
	login, rest, isLogin := strings.Cut(rest, "@")
	user, password, _ := strings.Cut(login, ":")
	list, rest, isList := strings.Cut(rest, "/")
	name, query, _ := strings.Cut(rest, "?")
	if !ok || !isLogin || !isList {
		t.Fatalf("%s is no URL", dsn)
	}
	var hosts, ports []string
	for address := range strings.SplitSeq(list, ",") {
		host, port, err := net.SplitHostPort(address)
		if err != nil {
			t.Fatal(err)
		}
		hosts, ports = append(hosts, host), append(ports, port)
	}
	return fmt.Sprintf("host=%s port=%s user=%s password=%s dbname=%s %s", strings.Join(hosts, ","),
		strings.Join(ports, ","), user, password, name, strings.ReplaceAll(query, "&", " "))
}

// A first host that is not there costs the first caller something, and then nobody: all other dials of it are probes.
func (s several) foundOut(t *testing.T, away string) {
	var dials atomic.Int64
	db, pool := openPatient(t, s.primary.DSNAt(away+","+s.primary.Addr()), func(c *pooled.Config) {
		c.Hooks.BeforeConnect = func(_ context.Context, p *pooled.ConnectParams) error {
			if strings.Contains(p.DSN, away) {
				dials.Add(1)
			}
			return nil
		}
	})
	pooledtest.MustExec(t, db, "SELECT 1")
	wantStates(t, pool, pooled.HostDown, pooled.HostUp)
	for range 8 {
		pool.Dispose()
		s.wantAll(t, db, s.isMain)
	}
	have := dials.Load()
	if probes := int64(pool.Stats().Probes); have == 0 || have > probes+1 {
		t.Errorf("have %d dials of the host that is down and %d probes, want one dial more at most", have, probes)
	}
	if stats := pool.Stats(); stats.Outages != 0 || stats.Opened < 32 {
		t.Errorf("have %+v, want no outage", stats)
	}
	db.Close()
}

// A name has the addresses of both servers. Its name server breaks, and nobody notices.
func (s several) addresses(t *testing.T) {
	names := cluster.DNS(t)
	names.UseByDefault()
	names.Set("db.test", s.standby.Addr(), s.primary.Addr())
	_, port, err := net.SplitHostPort(s.primary.Addr())
	if err != nil {
		t.Fatal(err)
	}
	db, pool := s.open(t, net.JoinHostPort("db.test", port), "pool_target=primary")
	s.wantAll(t, db, s.isMain)
	awaitState(t, pool, s.standby.Addr(), pooled.HostWrongRole)
	awaitState(t, pool, s.primary.Addr(), pooled.HostUp)

	l := startLoad(t, db)
	names.Break(true)
	for range 4 {
		asked := names.Asked("db.test")
		pool.Dispose()
		l.awaitAll(t)
		pooledtest.WaitUntil(t, func() bool { return names.Asked("db.test") > asked },
			func() string { return "the name is not looked up" })
	}
	l.end()
	s.wantAll(t, db, s.isMain)
	if stats := pool.Stats(); len(l.errors()) != 0 || stats.Outages != 0 {
		t.Errorf("have errors %v and %d outages, want none", l.errors(), stats.Outages)
	}
	db.Close()
}

// The primary is used while the standby is gone, and only then.
func (s several) preferStandby(t *testing.T) {
	db, pool := s.open(t, s.both, "pool_target=prefer-standby")
	s.awaitSessions(t, s.primary, 0)
	l := startReads(t, db)
	s.standby.Kill()
	l.awaitAll(t)
	l.wantFewErrors(t)
	s.wantAll(t, db, s.isMain)
	wantStates(t, pool, pooled.HostDown, pooled.HostUp)

	s.standby.Start()
	awaitState(t, pool, s.standby.Addr(), pooled.HostUp)
	s.awaitSessions(t, s.primary, 0) // they were idle
	s.wantAll(t, db, s.isStandby)
	db.Close()
}

// The host that is in use crashes: callers go on at the other one, until it is back.
func (s several) crash(t *testing.T) {
	db, pool := s.open(t, s.primary.Addr()+","+s.standby.Addr())
	s.wantAll(t, db, s.isMain)
	l := startReads(t, db)
	s.primary.Kill()
	l.awaitAll(t)
	s.wantAll(t, db, s.isStandby)
	wantStates(t, pool, pooled.HostDown, pooled.HostUp)
	s.primary.Start()
	awaitState(t, pool, s.primary.Addr(), pooled.HostUp)
	l.awaitAll(t)
	l.wantFewErrors(t)
	pool.Dispose()
	s.wantAll(t, db, s.isMain)
	pooledtest.MustExec(t, db, "INSERT INTO outage VALUES (-1, 0)")
	db.Close()
}

// The primary is lost for good. Writes wait for the standby to be promoted.
func (s several) promotion(t *testing.T) {
	db, pool := s.open(t, s.both, "pool_target=primary")
	l := startLoad(t, db)
	s.primary.Kill()
	awaitState(t, pool, s.primary.Addr(), pooled.HostDown)
	awaitState(t, pool, s.standby.Addr(), pooled.HostWrongRole)
	s.promoteStandby()
	l.awaitAll(t)
	l.wantFewErrors(t)
	s.wantAll(t, db, s.isStandby)
	wantStates(t, pool, pooled.HostUp, pooled.HostDown)
}
