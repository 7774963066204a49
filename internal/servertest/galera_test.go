package servertest_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/internal/pooledtest"
)

// galera are the two nodes of a cluster, of which the second may leave it.
type galera struct {
	first, second string  // DSNs
	admin         *sql.DB // on the second, without pooled
}

// newGalera waits until both nodes are in the cluster, and makes a table with one row.
func newGalera(t *testing.T) galera {
	t.Helper()
	var g galera
	g.first, g.second = pooledtest.Galera(t)
	g.admin = pooledtest.OpenDB(t, "mysql", g.second)
	g.wantReady(t, true)
	pooledtest.MustExec(t, g.admin, "DROP TABLE IF EXISTS galera_row")
	first := pooledtest.OpenDB(t, "mysql", g.first)
	pooledtest.WaitUntil(t, func() bool { // until it is gone there, too
		_, err := first.ExecContext(t.Context(), "SELECT 1 FROM galera_row")
		var e *mysql.MySQLError
		return errors.As(err, &e) && e.Number == 1146
	}, func() string { return "the first node does not follow" })
	pooledtest.MustExec(t, g.admin, "CREATE TABLE galera_row (id int PRIMARY KEY, n int)")
	pooledtest.MustExec(t, g.admin, "INSERT INTO galera_row VALUES (1, 0)")
	wantRow(t, first, 0)
	return g
}

// wantRow waits until a node has a value: it may be that of another node, which comes a little later.
func wantRow(t *testing.T, db *sql.DB, want int) {
	t.Helper()
	var have int
	var err error
	pooledtest.WaitUntil(t, func() bool {
		err = db.QueryRowContext(t.Context(), "SELECT n FROM galera_row").Scan(&have)
		return err == nil && have == want
	}, func() string { return fmt.Sprintf("have %d, %v, want %d", have, err, want) })
}

// wantReady waits until the second node takes statements, or takes none.
func (g galera) wantReady(t *testing.T, want bool) {
	t.Helper()
	status := map[bool]string{true: "ON", false: "OFF"}
	var name, ready string
	for deadline := time.Now().Add(time.Minute); ready != status[want]; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("wsrep_ready: have %s, want %s", ready, status[want])
		}
		err := g.admin.QueryRowContext(context.Background(), "SHOW STATUS LIKE 'wsrep_ready'").Scan(&name, &ready)
		if err != nil {
			ready = err.Error()
		}
	}
}

// isolate makes the second node lose the first until the test ends or the function it returns is called.
func (g galera) isolate(t *testing.T) (end func()) {
	t.Helper()
	pooledtest.MustExec(t, g.admin, "SET GLOBAL wsrep_provider_options = 'gmcast.isolate=1'")
	end = func() {
		if _, err := g.admin.Exec("SET GLOBAL wsrep_provider_options = 'gmcast.isolate=0'"); err != nil {
			t.Error(err)
		}
		g.wantReady(t, true)
	}
	t.Cleanup(end)
	g.wantReady(t, false)
	return end
}

// open is a pool on a node.
func (g galera) open(t *testing.T, dsn string, set ...func(*pooled.Config)) (*sql.DB, *pooled.Pool) {
	t.Helper()
	cfg, err := pooled.ParseDSN(pooledtest.WithOptions(dsn, "pool_driver=mysql"))
	if err != nil {
		t.Fatal(err)
	}
	return openFrom(t, cfg, set...)
}

// wantNotPrimary wants the error of a node that takes no statements.
func wantNotPrimary(t *testing.T, what string, err error) {
	t.Helper()
	var e *mysql.MySQLError
	if !errors.As(err, &e) || e.Number != 1047 || !strings.Contains(e.Message, "WSREP") {
		t.Errorf("%s: have %v, want error 1047 of a node outside of the primary component", what, err)
	}
}

// What the pool sends works, in each mode, and costs no connection.
func TestGalera(t *testing.T) {
	g := newGalera(t)
	for _, mode := range []pooled.ResetMode{pooled.ResetRollback, pooled.ResetAuto, pooled.ResetSession} {
		t.Run(fmt.Sprint(mode), func(t *testing.T) {
			db, pool := g.open(t, g.first, one(pooled.ClassQueue), resetMode(mode), func(c *pooled.Config) {
				c.StmtCache, c.PrePing = 8, pooled.PingAlways
			})
			for i := range 4 {
				tx, err := db.BeginTx(t.Context(), nil)
				if err != nil {
					t.Fatal(err)
				}
				pooledtest.MustExec(t, tx, "UPDATE galera_row SET n = n + ? WHERE id = ?", 1, 1)
				if err := tx.Commit(); err != nil {
					t.Fatal(err)
				}
				pooledtest.MustExec(t, db, fmt.Sprint("SET @galera = ", i))
				pooledtest.MustExec(t, db, "BEGIN") // forgotten
				found := pooledtest.ScanOne[sql.NullInt64](t, db, "SELECT @galera")
				if found.Valid != (mode == pooled.ResetRollback) {
					t.Errorf("a variable of the caller before: have %v", found)
				}
			}
			if s := pool.Stats(); s.Opened != 1 || s.Invalidated != 0 {
				t.Errorf("have %+v, want one connection", s)
			}
		})
	}
	wantRow(t, g.admin, 12)
}

// A transaction that another node was faster than is the program's to repeat: its connection is in order.
func TestGaleraConflict(t *testing.T) {
	g := newGalera(t)
	db, pool := g.open(t, g.second, size(1, 0))
	slow, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	pooledtest.MustExec(t, slow, "UPDATE galera_row SET n = 1")
	pooledtest.MustExec(t, pooledtest.OpenDB(t, "mysql", g.first), "UPDATE galera_row SET n = 2")
	var e *mysql.MySQLError
	if err := slow.Commit(); !errors.As(err, &e) || e.Number != 1213 {
		t.Errorf("have %v, want error 1213", err)
	}
	wantRow(t, db, 2)
	if s := pool.Stats(); s.Opened != 1 || s.Invalidated != 0 {
		t.Errorf("have %+v, want one connection", s)
	}
}

// A node outside of the primary component answers pings. The program sees its error once, and then no connection to it
// is given out, while others are: here those that a load balancer opens on the first node.
func TestGaleraNodeLeaves(t *testing.T) {
	const idle = 8
	for _, ping := range []struct {
		name string
		set  func(*pooled.Config)
	}{
		{"auto", func(*pooled.Config) {}},
		{"always", func(c *pooled.Config) { c.PrePing = pooled.PingAlways }},
	} {
		t.Run(ping.name, func(t *testing.T) {
			g := newGalera(t)
			var balanced string // the DSN that new connections get; empty: the second node's
			db, pool := g.open(t, g.second, size(idle, 0), ping.set, func(c *pooled.Config) {
				c.Hooks.BeforeConnect = func(_ context.Context, p *pooled.ConnectParams) error {
					if balanced != "" {
						p.DSN = balanced
					}
					return nil
				}
			})
			openIdle(t, server{name: "mysql"}, db, idle)
			tx, err := db.BeginTx(t.Context(), nil)
			if err != nil {
				t.Fatal(err)
			}
			pooledtest.MustExec(t, tx, "UPDATE galera_row SET n = 100")
			end := g.isolate(t)
			balanced = g.first

			_, err = tx.ExecContext(t.Context(), "UPDATE galera_row SET n = 101")
			wantNotPrimary(t, "in a transaction", err)
			tx.Rollback()
			for i := range 2 * idle {
				if _, err := db.ExecContext(t.Context(), "UPDATE galera_row SET n = ?", i); err != nil {
					t.Errorf("statement %d after the first error: %v", i, err)
				}
			}
			db.SetMaxOpenConns(0)
			openIdle(t, server{name: "mysql"}, db, idle) // the others that were idle
			if s := pool.Stats(); s.Invalidated != idle || s.Opened != 2*idle {
				t.Errorf("have %+v, want each connection to the node replaced", s)
			}
			end()
			wantRow(t, g.admin, 2*idle-1) // of the transaction nothing
		})
	}
}

// With that node alone a connection can't be opened, after its first error, until it is back. That is an outage.
func TestGaleraNodeAlone(t *testing.T) {
	g := newGalera(t)
	db, pool := g.open(t, g.second, size(2, 0), func(c *pooled.Config) { c.OutageWait = 0 })
	openIdle(t, server{name: "mysql"}, db, 2)
	end := g.isolate(t)
	for range 4 {
		_, err := db.ExecContext(t.Context(), "UPDATE galera_row SET n = 1")
		wantNotPrimary(t, "UPDATE", err)
	}
	_, err := db.BeginTx(t.Context(), nil)
	wantNotPrimary(t, "BEGIN", err)
	wantNotPrimary(t, "ping", db.PingContext(t.Context()))
	if _, is := pool.Outage(); !is {
		t.Errorf("have no outage: %+v", pool.Hosts())
	}
	end()
	pooledtest.WaitUntil(t, func() bool {
		_, err = db.ExecContext(t.Context(), "UPDATE galera_row SET n = 2")
		return err == nil
	}, func() string { return fmt.Sprintf("have %v when the node is back", err) })
}

// A node that is killed is a server that is killed.
func TestGaleraNodeKilled(t *testing.T) {
	g := newGalera(t)
	db, _ := g.open(t, g.second, size(4, 0))
	openIdle(t, server{name: "mysql"}, db, 4)
	busy := make(chan error)
	go func() {
		_, err := db.ExecContext(t.Context(), "SELECT SLEEP(60) FROM galera_row")
		busy <- err
	}()
	pooledtest.WaitUntil(t, func() bool {
		return pooledtest.ScanOne[int](t, g.admin,
			"SELECT count(*) FROM information_schema.processlist WHERE info LIKE 'SELECT SLEEP%'") == 1
	}, func() string { return "the statement does not run" })
	pooledtest.Restart(t, "galera2")
	if err := <-busy; !errors.Is(err, mysql.ErrInvalidConn) && !errors.Is(err, pooled.ErrConnLost) {
		t.Errorf("have %v, want a lost connection", err)
	}
	g.wantReady(t, true)
	for range 8 {
		pooledtest.MustExec(t, db, "UPDATE galera_row SET n = n + 1")
	}
	wantRow(t, db, 8)
}
