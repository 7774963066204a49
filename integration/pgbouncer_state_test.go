package integration

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"testing"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/internal/pooledtest"
)

const oneOnly = "binary_parameters=yes&pool_size=1&pool_max_overflow=0"

// bouncedState is what a session can hold: a statement that leaves it, and a query that finds 1 if it is there.
var bouncedState = []struct{ name, leave, find string }{
	{"SET", "SET work_mem = '5MB'", "SELECT count(*) FROM pg_settings WHERE name = 'work_mem' AND setting = '5120'"},
	{
		"temporary table",
		"CREATE TEMP TABLE bounced (a int)",
		"SELECT count(*) FROM pg_class WHERE oid = to_regclass('pg_temp.bounced')",
	},
	{"PREPARE", "PREPARE bounced AS SELECT 1", "SELECT count(*) FROM pg_prepared_statements WHERE name = 'bounced'"},
	{"LISTEN", "LISTEN bounced", "SELECT count(*) FROM pg_listening_channels()"},
	{
		"advisory lock",
		"SELECT pg_advisory_lock(4711)",
		"SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 4711 AND pid = pg_backend_pid()",
	},
}

// In transaction mode what a statement leaves in its session is not there for the next one of the same sql.Conn.
func TestPgBouncerSessionStateIsElsewhere(t *testing.T) {
	b := newPgBouncer(t, "transaction")
	for _, state := range bouncedState {
		b.renew(t)
		db := b.open(t, oneOnly)
		conn, err := db.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := conn.ExecContext(t.Context(), state.leave); err != nil {
			t.Fatalf("%s: %v", state.leave, err)
		}
		var found int
		if err := conn.QueryRowContext(t.Context(), state.find).Scan(&found); err != nil {
			t.Fatal(err)
		}
		checkInt(t, state.name+", found by the next statement", found, 0)
		conn.Close()
		db.Close()
	}
}

// And it is there for somebody else later, whatever the reset mode: the reset meets another session. Which one,
// goes by how many statements there were.
func TestPgBouncerNoResetHelps(t *testing.T) {
	b := newPgBouncer(t, "transaction")
	for _, mode := range []string{"none", "rollback", "auto", "session"} {
		for _, state := range bouncedState {
			found := 0
			for more := range 2 {
				b.renew(t)
				db := b.open(t, oneOnly+"&pool_reset_on_return="+mode)
				forgetTransaction(t, db, append([]string{state.leave}, []string{"SELECT 1"}[:more]...)...)
				found += queryInt(t, db, state.find) + queryInt(t, db, state.find)
				db.Close()
			}
			if found == 0 {
				t.Errorf("%s, %s: have it gone, want it found by a later caller: docs/proxies.md says so", mode, state.name)
			}
		}
	}
}

// In session mode a session is a session: it is there, and the reset undoes it.
func TestPgBouncerSessionStateInSessionMode(t *testing.T) {
	b := newPgBouncer(t, "session")
	for _, mode := range []string{"auto", "session"} {
		db := b.open(t, oneOnly+"&pool_reset_on_return="+mode)
		for _, state := range bouncedState {
			conn, err := db.Conn(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if _, err := conn.ExecContext(t.Context(), state.leave); err != nil {
				t.Fatalf("%s: %v", state.leave, err)
			}
			var same int
			if err := conn.QueryRowContext(t.Context(), state.find).Scan(&same); err != nil {
				t.Fatal(err)
			}
			checkInt(t, mode+", "+state.name+", found by the next statement", same, 1)
			conn.Close()
			checkInt(t, mode+", "+state.name+", found by the next caller", queryInt(t, db, state.find), 0)
		}
		db.Close()
	}
}

// What is bound to a transaction works in transaction mode too.
func TestPgBouncerTransactionState(t *testing.T) {
	db := newPgBouncer(t, "transaction").open(t, oneOnly)
	for range 3 {
		tx, err := db.Begin()
		if err != nil {
			t.Fatal(err)
		}
		mustExec(t, tx, "SET LOCAL work_mem = '5MB'")
		mustExec(t, tx, "SELECT pg_advisory_xact_lock(4712)")
		mustExec(t, tx, "CREATE TEMP TABLE bounced_tx (a int) ON COMMIT DROP")
		checkInt(t, "SET LOCAL, in the transaction", queryInt(t, tx, bouncedState[0].find), 1)
		if err := tx.Commit(); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			checkInt(t, "SET LOCAL, after it", queryInt(t, db, bouncedState[0].find), 0)
			checkInt(
				t,
				"the lock, after it",
				queryInt(t, db, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 4712"),
				0,
			)
		}
	}
}

// pool_init_sql meets one server, and the statements after it others.
func TestPgBouncerInitSQL(t *testing.T) {
	for mode, want := range map[string]int{"transaction": 1, "session": 2} {
		db := newPgBouncer(t, mode).open(t, oneOnly+"&pool_init_sql=SET%20work_mem%3D'5MB'")
		found := queryInt(t, db, bouncedState[0].find) + queryInt(t, db, bouncedState[0].find)
		checkInt(t, mode+" mode: of two statements, those that find what pool_init_sql has set", found, want)
	}
}

// A transaction that was left open holds its server until the pool rolls it back.
func TestPgBouncerForgottenTransaction(t *testing.T) {
	b := newPgBouncer(t, "transaction")
	db := b.open(t, oneOnly)
	mustExec(t, db, "DROP TABLE IF EXISTS bounced_forgotten")
	mustExec(t, db, "CREATE TABLE bounced_forgotten (a int)")
	t.Cleanup(func() { mustExec(t, db, "DROP TABLE bounced_forgotten") })
	forgetTransaction(t, db, "BEGIN", "INSERT INTO bounced_forgotten VALUES (1)")
	for range 2 {
		checkInt(t, "rows of a forgotten transaction", queryInt(t, db, "SELECT count(*) FROM bounced_forgotten"), 0)
	}
	checkInt(t, "servers that are held", len(b.activeServers(t)), 0)
}

func (b *pgbouncer) activeServers(t *testing.T) (list []map[string]string) {
	t.Helper()
	for _, row := range b.show(t, "SERVERS") {
		if row["database"] == b.mode && row["state"] == "active" {
			list = append(list, row)
		}
	}
	return list
}

// What PgBouncer has closed while it was idle is replaced, and nobody sees it.
func TestPgBouncerClosesIdleClients(t *testing.T) {
	b := newPgBouncer(t, "transaction")
	for name, dsn := range map[string]string{
		"lib/pq": pooledtest.WithOptions(b.dsn, oneOnly),
		"pgx": pooledtest.WithOptions(withScheme(t, b.dsn, "postgresql+pgx"),
			"default_query_exec_mode=exec&pool_size=1&pool_pre_ping=on"),
	} {
		for _, how := range []string{"client_idle_timeout", "KILL"} {
			db := openPooled(t, dsn)
			checkInt(t, name, queryInt(t, db, "SELECT 1"), 1)
			if how == "KILL" {
				b.renew(t)
			} else {
				b.tell(t, "SET client_idle_timeout=1")
				eventually(t, "PgBouncer to close an idle client", func() bool { return b.clients(t, "") == 0 })
				b.tell(t, "SET client_idle_timeout=0")
			}
			var n int
			if err := db.QueryRow("SELECT $1::int", 7).Scan(&n); err != nil || n != 7 {
				t.Errorf("%s, after %s: have %d, %v, want 7", name, how, n, err)
			}
			pool, _ := pooled.PoolOf(db)
			if s := pool.Stats(); s.Invalidated != 1 || s.Opened != 2 {
				t.Errorf("%s, after %s: have %+v, want one invalidated, and another in its place", name, how, s)
			}
			db.Close()
		}
	}
}

// One that is in a transaction is lost with it, and what comes then is not sent.
func TestPgBouncerEndsInTransaction(t *testing.T) {
	b := newPgBouncer(t, "transaction")
	for _, how := range []string{"KILL", "idle_transaction_timeout"} {
		db := b.open(t, oneOnly)
		tx, err := db.Begin()
		if err != nil {
			t.Fatal(err)
		}
		mustExec(t, tx, "SELECT 1")
		if how == "KILL" {
			b.renew(t)
		} else {
			b.tell(t, "SET idle_transaction_timeout=1")
			eventually(t, "PgBouncer to close the client", func() bool { return b.clients(t, "") == 0 })
			b.tell(t, "SET idle_transaction_timeout=0")
		}
		if _, err := tx.Exec("SELECT 1"); !errors.Is(err, pooled.ErrSessionEnded) {
			t.Errorf("%s: have %v, want ErrSessionEnded", how, err)
		}
		tx.Rollback()
		checkInt(t, how+": after it", queryInt(t, db, "SELECT 1"), 1)
		db.Close()
	}
}

// While PgBouncer is paused, as for a restart of the server, statements wait in it, and connections are not taken for
// dead in a way that a caller would see.
func TestPgBouncerPause(t *testing.T) {
	b := newPgBouncer(t, "transaction")
	for _, options := range []string{"pool_pre_ping=off", "pool_pre_ping=on&pool_ping_timeout=100ms"} {
		db := b.open(t, oneOnly+"&"+options)
		mustExec(t, db, "SELECT 1")
		b.tell(t, "PAUSE transaction")
		answered := make(chan error, 1)
		go func() {
			_, err := db.Exec("SELECT 1")
			answered <- err
		}()
		// The one that waits is the statement, and not a ping before it.
		pool, _ := pooled.PoolOf(db)
		eventually(t, "a statement to wait", func() bool {
			pinged := options == "pool_pre_ping=off" || pool.Stats().Opened == 2
			return pinged && b.clients(t, "waiting") > 0
		})
		b.tell(t, "RESUME transaction")
		if err := <-answered; err != nil {
			t.Errorf("%s: have %v, want no error", options, err)
		}
		db.Close()
	}
}

// With a limit that PgBouncer allows, nobody is refused by it.
func TestPgBouncerFull(t *testing.T) {
	b := newPgBouncer(t, "transaction")
	b.set(t, "max_client_conn", "8", "100")
	db := b.open(t, "binary_parameters=yes&pool_size=4&pool_max_overflow=0")
	errs := make(chan error)
	for range 40 {
		go func() {
			_, err := db.Exec("SELECT pg_sleep(0.01)")
			errs <- err
		}()
	}
	for range 40 {
		if err := <-errs; err != nil {
			t.Errorf("have %v, want no error", err)
		}
	}
}

// Without one, its refusal is the caller's error: it does not have the SQLSTATE by which PostgreSQL itself says that
// there are too many.
func TestPgBouncerRefuses(t *testing.T) {
	b := newPgBouncer(t, "transaction")
	b.set(t, "max_client_conn", "4", "100")
	db := b.open(t, "binary_parameters=yes&pool_timeout=10s")
	var held []*sql.Tx
	var refused error
	for refused == nil && len(held) < 5 {
		tx, err := db.Begin()
		if err != nil {
			refused = err
			continue
		}
		defer tx.Rollback()
		held = append(held, tx)
	}
	if !errors.Is(refused, pooled.ErrTimeout) ||
		!strings.Contains(refused.Error(), "no more connections allowed (max_client_conn)") {
		t.Fatalf("have %v, want a wait for one to come back, and PgBouncer's refusal in its error", refused)
	}
	if err := held[0].Rollback(); err != nil {
		t.Fatal(err)
	}
	checkInt(t, "when one has come back", queryInt(t, db, "SELECT 1"), 1)
}

// query_wait_timeout ends the connection of a client that waits too long.
func TestPgBouncerQueryWait(t *testing.T) {
	b := newPgBouncer(t, "transaction")
	db := b.open(t, oneOnly)
	mustExec(t, db, "SELECT 1")
	b.tell(t, "PAUSE transaction")
	b.tell(t, "SET query_wait_timeout=1")
	_, err := db.Exec("SELECT 1")
	b.tell(t, "SET query_wait_timeout=120")
	b.tell(t, "RESUME transaction")
	if !errors.Is(err, pooled.ErrConnLost) {
		t.Errorf("have %v, want ErrConnLost", err)
	}
	checkInt(t, "after it", queryInt(t, db, "SELECT 1"), 1)
}

// pgx says why.
func TestPgBouncerQueryWaitPgx(t *testing.T) {
	b := newPgBouncer(t, "transaction")
	db := openPooled(t, pooledtest.WithOptions(withScheme(t, b.dsn, "pgx"),
		"default_query_exec_mode=exec&pool_max_conns=1"))
	mustExec(t, db, "SELECT 1")
	b.tell(t, "PAUSE transaction")
	b.tell(t, "SET query_wait_timeout=1")
	_, err := db.Exec("SELECT 1")
	b.tell(t, "SET query_wait_timeout=120")
	b.tell(t, "RESUME transaction")
	checkTrouble(t, err, `query_wait_timeout`)
}

// The end of a context ends the statement at the server, through PgBouncer.
func TestPgBouncerCancel(t *testing.T) {
	b := newPgBouncer(t, "transaction")
	db := b.open(t, oneOnly)
	mustExec(t, db, "SELECT 1")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		_, err := db.ExecContext(ctx, "SELECT pg_sleep(60)")
		ended <- err
	}()
	eventually(t, "the server to be at work", func() bool { return len(b.activeServers(t)) > 0 })
	cancel()
	if err := <-ended; err == nil {
		t.Error("have no error, want that of a statement which was cancelled")
	}
	eventually(t, "the server to be free again", func() bool { return len(b.activeServers(t)) == 0 })
	checkInt(t, "after it", queryInt(t, db, "SELECT 1"), 1)
	b.awaitCancels(t)
}

// awaitCancels waits until PgBouncer has done with requests to cancel: 1.18 does not survive a KILL before.
func (b *pgbouncer) awaitCancels(t *testing.T) {
	t.Helper()
	eventually(t, "PgBouncer to forget the request to cancel", func() bool {
		for _, pool := range b.show(t, "POOLS") {
			for column, n := range pool {
				if strings.Contains(column, "cancel") && n != "0" {
					return false
				}
			}
		}
		return true
	})
}

// Parameters of the server do not go through PgBouncer in a DSN, but for those that it knows: its version tells which.
func TestPgBouncerStartupParameters(t *testing.T) {
	b := newPgBouncer(t, "transaction")
	newer := b.minor(t) >= 26
	for param, ok := range map[string]bool{
		"application_name=orders": true, "TimeZone=UTC": true,
		"search_path=shop": newer, "options=-c%20search_path%3Dshop": newer, "IntervalStyle=iso_8601": newer,
		"statement_timeout=1000": false, "extra_float_digits=2": false, "options=-c%20work_mem%3D5MB": false,
	} {
		db := b.open(t, param)
		err := db.Ping()
		if refused := err != nil && strings.Contains(err.Error(), "unsupported startup parameter"); refused == ok ||
			(err == nil) != ok {
			t.Errorf("%s: have %v, want it accepted: %v", param, err, ok)
		}
		db.Close()
	}
	if newer {
		b.wantSearchPathKept(t)
	}
}

// wantSearchPathKept wants each client to have the search_path of its DSN, on each server connection.
func (b *pgbouncer) wantSearchPathKept(t *testing.T) {
	t.Helper()
	own, other := b.open(t, oneOnly+"&search_path=shop"), b.open(t, oneOnly)
	for range 4 { // round robin
		for db, want := range map[*sql.DB]string{own: "shop", other: `"$user", public`} {
			if have := pooledtest.ScanOne[string](t, db, "SHOW search_path"); have != want {
				t.Errorf("search_path: have %s, want %s", have, want)
			}
		}
	}
}

// More callers than PgBouncer has servers, in session mode: the pool's limit keeps them in the pool's line.
func TestPgBouncerSessionModeLimit(t *testing.T) {
	b := newPgBouncer(t, "session")
	b.set(t, "default_pool_size", "2", "20")
	db := b.open(t, "binary_parameters=yes&pool_size=2&pool_max_overflow=0")
	done := make(chan error)
	for range 10 {
		go func() {
			tx, err := db.Begin()
			if err == nil {
				_, err = tx.Exec("SELECT $1::int", 1)
				err = errors.Join(err, tx.Commit())
			}
			done <- err
		}()
	}
	for range 10 {
		if err := <-done; err != nil {
			t.Errorf("have %v, want no error", err)
		}
	}
	checkInt(t, "clients that wait in PgBouncer", b.clients(t, "waiting"), 0)
	pool, _ := pooled.PoolOf(db)
	if s := pool.Stats(); s.Opened != 2 || s.Waits == 0 {
		t.Errorf("have %+v, want two opened, and waits in the pool", s)
	}
}
