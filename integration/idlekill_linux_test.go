package integration

import (
	"bufio"
	"database/sql"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/pooled-go/pooled/internal/pooledtest"
)

const (
	idleKillRounds  = 5
	idleKillConns   = 16 // that are killed, and callers that come then
	idleKillQueries = 16 // of each caller
)

// kills is how the sessions of a kind of server are found and killed.
type kills struct{ driver, self, kill, left string }

var (
	killsPostgres = kills{
		"postgres", "SELECT pg_backend_pid(), inet_client_port(), inet_server_port()", "SELECT pg_terminate_backend(%s)",
		"SELECT count(*) FROM pg_stat_activity WHERE pid IN (%s)",
	}
	killsMySQL = kills{
		"mysql",
		"SELECT id, SUBSTRING_INDEX(host, ':', -1), @@port FROM information_schema.processlist WHERE id = CONNECTION_ID()",
		"KILL %s", "SELECT count(*) FROM information_schema.processlist WHERE id IN (%s)",
	}
)

// All idle connections are killed, and as many callers come at once: no query fails, with any driver, over TLS or not,
// with a ping before or without. Linux alone says in which state another socket of the process is, without which it
// would be luck whether the kill has reached it.
func TestIdleKillOfEachDriver(t *testing.T) {
	for _, test := range []struct {
		name, scheme string
		dsn          func(testing.TB) string
		kills
	}{
		{"lib/pq", "postgres", pooledtest.PostgresPlain, killsPostgres},
		{"lib/pq, TLS", "postgres", pooledtest.PostgresTLS, killsPostgres},
		{"pgx", "postgres+pgx", pooledtest.PostgresPlain, killsPostgres},
		{"pgx, TLS", "postgres+pgx", pooledtest.PostgresTLS, killsPostgres},
		{"go-sql-driver", "", pooledtest.MySQLPlain, killsMySQL},
		{"go-sql-driver, TLS", "", pooledtest.MySQLTLS, killsMySQL},
	} {
		for _, ping := range []string{"", "&pool_pre_ping=off"} {
			t.Run(test.name+ping, func(t *testing.T) {
				dsn := test.dsn(t)
				admin := openBare(t, test.driver, dsn)
				if test.scheme != "" {
					dsn = withScheme(t, dsn, test.scheme)
				}
				db := openPooled(t, pooledtest.WithOptions(dsn, fmt.Sprint("pool_size=", idleKillConns, ping)))
				failed := 0
				for range idleKillRounds {
					test.killIdle(t, admin, db)
					failed += queriesThatFail(t, db)
				}
				checkInt(t, fmt.Sprint("failed of ", idleKillRounds*idleKillConns*idleKillQueries), failed, 0)
			})
		}
	}
}

// killIdle opens connections, lets them be idle, and kills their sessions. It returns when this side of each has learnt
// of it.
func (k kills) killIdle(t *testing.T, admin, db *sql.DB) {
	t.Helper()
	var conns []*sql.Conn
	var sessions []string
	var links []link
	for range idleKillConns {
		conn := must(db.Conn(t.Context()))
		var session string
		var l link
		if err := conn.QueryRowContext(t.Context(), k.self).Scan(&session, &l.client, &l.server); err != nil {
			t.Fatal(err)
		}
		conns, sessions, links = append(conns, conn), append(sessions, session), append(links, l)
	}
	for _, conn := range conns {
		conn.Close()
	}
	for _, session := range sessions {
		mustExec(t, admin, fmt.Sprintf(k.kill, session))
	}
	left := fmt.Sprintf(k.left, strings.Join(sessions, ", "))
	pooledtest.WaitUntil(t, func() bool { return queryInt(t, admin, left) == 0 },
		func() string { return "the server still lists sessions that were killed" })
	waitHungUp(t, links)
}

// link is a TCP connection on this machine, by the ports of its ends.
type link struct{ client, server uint16 }

func linkOf(client, server net.Addr) link {
	return link{uint16(client.(*net.TCPAddr).Port), uint16(server.(*net.TCPAddr).Port)}
}

// waitHungUp waits until the clients of all these have learnt that the servers have hung up.
func waitHungUp(t *testing.T, links []link) {
	t.Helper()
	const established = "01"
	pooledtest.WaitUntil(t, func() bool {
		return !anyTCP(t, func(l link, state string, _ bool) bool {
			return state == established && slices.Contains(links, l)
		})
	}, func() string { return "the server has not hung up" })
}

// anyTCP asks of each end of each TCP connection on this machine; to it, it is the client. unread: something has
// arrived there that its process has not read.
func anyTCP(t *testing.T, is func(l link, state string, unread bool) bool) bool {
	t.Helper()
	file := must(os.Open("/proc/thread-self/net/tcp"))
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		fields := strings.Fields(lines.Text()) // a number, both ends, the state, both queues, and more
		if len(fields) < 5 {
			continue
		}
		unread := !strings.HasSuffix(fields[4], ":00000000")
		if is(link{port(fields[1]), port(fields[2])}, fields[3], unread) {
			return true
		}
	}
	return false
}

// port is that of an address of /proc/net/tcp.
func port(address string) uint16 {
	_, digits, _ := strings.Cut(address, ":")
	n, _ := strconv.ParseUint(digits, 16, 16)
	return uint16(n)
}

// queriesThatFail sends as many callers as there were connections, at once.
func queriesThatFail(t *testing.T, db *sql.DB) (failed int) {
	t.Helper()
	errs := make(chan error, idleKillConns*idleKillQueries)
	var wg sync.WaitGroup
	for range idleKillConns {
		wg.Go(func() {
			for range idleKillQueries {
				var n int
				if err := db.QueryRow("SELECT 1").Scan(&n); err != nil {
					errs <- err
				}
			}
		})
	}
	wg.Wait()
	close(errs)
	for err := range errs {
		if failed++; failed == 1 {
			t.Log(err)
		}
	}
	return failed
}
