package integration

import (
	"bufio"
	"context"
	"database/sql"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

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
		"postgres", "SELECT pg_backend_pid(), inet_client_port()", "SELECT pg_terminate_backend(%s)",
		"SELECT count(*) FROM pg_stat_activity WHERE pid IN (%s)",
	}
	killsMySQL = kills{
		"mysql", "SELECT id, SUBSTRING_INDEX(host, ':', -1) FROM information_schema.processlist WHERE id = CONNECTION_ID()",
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
	var sessions, ports []string
	for range idleKillConns {
		conn := must(db.Conn(t.Context()))
		var session, port string
		if err := conn.QueryRowContext(t.Context(), k.self).Scan(&session, &port); err != nil {
			t.Fatal(err)
		}
		conns, sessions, ports = append(conns, conn), append(sessions, session), append(ports, port)
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
	pooledtest.WaitUntil(t, func() bool { return !anyEstablished(t, ports) },
		func() string { return "the server has not hung up on sessions that were killed" })
}

// anyEstablished tells whether a TCP connection from one of these ports of 127.0.0.1 is there, and its other end has
// not hung up.
func anyEstablished(t *testing.T, ports []string) bool {
	t.Helper()
	file := must(os.Open("/proc/net/tcp"))
	defer file.Close()
	const established = "01"
	for lines := bufio.NewScanner(file); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) < 4 || fields[3] != established {
			continue
		}
		_, local, _ := strings.Cut(fields[1], ":")
		for _, port := range ports {
			if n, err := strconv.ParseUint(local, 16, 16); err == nil && strconv.FormatUint(n, 10) == port {
				return true
			}
		}
	}
	return false
}

// queriesThatFail sends as many callers as there were connections, at once.
func queriesThatFail(t *testing.T, db *sql.DB) (failed int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	errs := make(chan error, idleKillConns*idleKillQueries)
	var wg sync.WaitGroup
	for range idleKillConns {
		wg.Go(func() {
			for range idleKillQueries {
				var n int
				if err := db.QueryRowContext(ctx, "SELECT 1").Scan(&n); err != nil {
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
