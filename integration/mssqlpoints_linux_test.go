package integration

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/pooled-go/pooled/internal/pooledtest"
)

// The rows of the table in docs/drivers.md with go-mssqldb, as far as they need no server that knows SQL.

func openTDS(t *testing.T, driver string, options ...string) (*sql.DB, *tdsServer) {
	t.Helper()
	s := newTDSServer(t)
	return openBare(t, driver, pooledtest.WithOptions(s.dsn(), options...)), s
}

// idleTDS leaves connections idle.
func idleTDS(t *testing.T, db *sql.DB, n int) {
	t.Helper()
	var conns []*sql.Conn
	for range n {
		conn := must(db.Conn(t.Context()))
		must(conn.ExecContext(t.Context(), "SELECT 1"))
		conns = append(conns, conn)
	}
	pooledtest.Give(t, conns...)
}

// closeAll hangs up on all clients.
func (s *tdsServer) closeAll() (links []link) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for conn := range s.conns {
		links = append(links, linkOf(conn.RemoteAddr(), conn.LocalAddr()))
		conn.Close()
	}
	clear(s.conns)
	return links
}

func mssqlIdleKill(t *testing.T) string {
	db, s := openTDS(t, "pooled", "pool_pre_ping=off", fmt.Sprint("pool_size=", idleKillConns))
	idleTDS(t, db, idleKillConns)
	waitHungUp(t, s.closeAll())
	return fmt.Sprint(queriesThatFail(t, db))
}

func mssqlSilentNetwork(t *testing.T) string {
	db, s := openTDS(t, "pooled", "pool_pre_ping=on", "pool_ping_timeout=100ms")
	mustExec(t, db, "SELECT 1")
	s.hang()
	checkInt(t, "the answer", queryInt(t, db, "SELECT 1"), 1)
	return "gets another connection after `pool_ping_timeout`"
}

// breakTDS runs a statement, and breaks its connection as often as it is sent.
func breakTDS(t *testing.T, db *sql.DB, s *tdsServer) (sent int, err error) {
	t.Helper()
	failed := make(chan error, 1)
	go func() {
		_, err := db.Exec("WAITFOR DELAY '1:00'")
		failed <- err
	}()
	pooledtest.WaitUntil(t, func() bool {
		if n := s.sent("WAITFOR"); n > sent {
			sent = n
			s.closeBusy()
		}
		return len(failed) == 1
	}, func() string { return "the statement did not end" })
	return sent, <-failed
}

func mssqlLossOfAnother(t *testing.T) string {
	db, s := openTDS(t, "pooled", "pool_pre_ping=1h", "pool_size=2")
	idleTDS(t, db, 2)
	breakTDS(t, db, s)
	before := s.sent("select 1;")
	mustExec(t, db, "SELECT 1")
	if s.sent("select 1;") > before {
		return "pinged"
	}
	return "**not** pinged"
}

func mssqlBrokenInUse(t *testing.T) string {
	db, s := openTDS(t, "pooled")
	mustExec(t, db, "SELECT 1")
	_, err := breakTDS(t, db, s)
	return kind(err)
}

func mssqlSent(driver string) func(*testing.T) string {
	return func(t *testing.T) string {
		db, s := openTDS(t, driver)
		mustExec(t, db, "SELECT 1")
		sent, _ := breakTDS(t, db, s)
		return fmt.Sprint(sent)
	}
}

// cancelTDS ends the context of a statement that is under way.
func cancelTDS(t *testing.T) (reused bool, err error) {
	t.Helper()
	db, s := openTDS(t, "pooled")
	mustExec(t, db, "SELECT 1")
	ctx, cancel := context.WithCancel(t.Context())
	stop := pooledtest.When(func() bool { return s.sent("WAITFOR") > 0 }, cancel)
	defer stop()
	_, err = db.ExecContext(ctx, "WAITFOR DELAY '1:00'")
	checkInt(t, "the next answer", queryInt(t, db, "SELECT 1"), 1)
	return s.sent("@@OPTIONS") == 1, err // which is asked of each new session
}

func mssqlCancelError(t *testing.T) string {
	if _, err := cancelTDS(t); !errors.Is(err, context.Canceled) {
		return "**no**: " + kind(err)
	}
	return "yes"
}

func mssqlCancelConn(t *testing.T) string {
	if reused, _ := cancelTDS(t); reused {
		return "used again"
	}
	return "replaced"
}

func mssqlPassword(t *testing.T) string {
	for _, dsn := range []string{
		"sqlserver://sa:hunter2%2F@" + closedPort(t) + "?dial+timeout=2",
		"sqlserver://sa:hunter2%2F@127.0.0.1:1?encrypt=nonsense",
	} {
		db, err := sql.Open("pooled", dsn)
		if err == nil {
			err = db.Ping()
			db.Close()
		}
		if err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("have %v, want an error without the password", err)
		}
	}
	return "no"
}
