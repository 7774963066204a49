package integration

import (
	"context"
	"crypto/rand"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/lib/pq"
	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/internal/pooledtest"
)

// The rows of the table in docs/drivers.md.

func tryIdleKill(dsn func(testing.TB) string) func(*testing.T, pgDriver) string {
	return func(t *testing.T, d pgDriver) string {
		db := d.open(t, dsn(t), "pool_pre_ping=off", fmt.Sprint("pool_size=", idleKillConns))
		killsPostgres.killIdle(t, openBare(t, "postgres", dsn(t)), db)
		return fmt.Sprint(queriesThatFail(t, db))
	}
}

func trySilentNetwork(t *testing.T, d pgDriver) string {
	db, proxy := d.openBehind(t, "pool_pre_ping=on", "pool_ping_timeout=100ms")
	mustExec(t, db, "SELECT 1")
	proxy.Hang()
	checkInt(t, "the answer", queryInt(t, db, "SELECT 1"), 1)
	return "gets another connection after `pool_ping_timeout`"
}

// twoIdle leaves two connections idle that pgx will not ping by itself, which it does on their second use.
func twoIdle(t *testing.T, db *sql.DB) {
	t.Helper()
	for range 2 {
		a, b := must(db.Begin()), must(db.Begin())
		if err := errors.Join(a.Commit(), b.Commit()); err != nil {
			t.Fatal(err)
		}
	}
}

func pings(proxy *pooledtest.Proxy) (n int) {
	for _, m := range proxy.Messages() {
		if m == "Query ;" || m == "Query -- ping" {
			n++
		}
	}
	return n
}

func tryLossOfAnother(t *testing.T, d pgDriver) string {
	db, proxy := d.openBehind(t, "pool_pre_ping=1h")
	twoIdle(t, db)
	tx := must(db.Begin())
	mustExec(t, openBare(t, "postgres", pooledtest.Postgres(t)),
		fmt.Sprintf("SELECT pg_terminate_backend(%d)", queryInt(t, tx, "SELECT pg_backend_pid()")))
	pooledtest.WaitUntil(t, func() bool { _, err := tx.Exec("SELECT 1"); return err != nil },
		func() string { return "the session was not ended" })
	tx.Rollback()
	before := pings(proxy)
	mustExec(t, db, "SELECT 1")
	if pings(proxy) > before {
		return "pinged"
	}
	return "**not** pinged"
}

func tryTooMany(t *testing.T, d pgDriver) string {
	dsn := pooledtest.Postgres(t)
	admin := openBare(t, "postgres", dsn)
	mustExec(t, admin, "DROP ROLE IF EXISTS few")
	mustExec(t, admin, "CREATE ROLE few LOGIN PASSWORD 'few' CONNECTION LIMIT 2")
	at := must(pq.NewConfig(dsn))
	few := fmt.Sprintf("postgres://few:few@%s:%d/%s?sslmode=disable", at.Host, at.Port, at.Database)
	db := d.open(t, few, "pool_size=8")
	defer mustExec(t, admin, "DROP ROLE few")
	defer db.Close()
	mustExec(t, db, "SELECT 1") // or there is nothing to wait for
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 4 {
				if _, err := db.Exec("SELECT pg_sleep(0.01)"); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	return "wait for a connection of the pool"
}

// kind says what an error is, as far as it does not change from run to run.
func kind(err error) string {
	var pgxErr *pgconn.PgError
	var pqErr *pq.Error
	switch {
	case err == nil:
		return "**none**"
	case errors.Is(err, driver.ErrBadConn):
		return "`driver.ErrBadConn`"
	case errors.As(err, &pgxErr):
		return "the server's, `" + pgxErr.Code + "`"
	case errors.As(err, &pqErr):
		return how(err) + "the server's, `" + string(pqErr.Code) + "`"
	case errors.Is(err, pooled.ErrConnLost):
		return "`pooled.ErrConnLost`"
	}
	return "the driver's"
}

// how is what pooled says of an operation, where the server's error is in it as the reason.
func how(err error) string {
	switch {
	case errors.Is(err, pooled.ErrConnLost):
		return "`pooled.ErrConnLost`, with "
	case errors.Is(err, pooled.ErrSessionEnded):
		return "`pooled.ErrSessionEnded` (nothing was sent), with "
	}
	return ""
}

// inFlight is a statement that takes long, and what tells it from others.
func inFlight() (query, mark string) {
	mark = rand.Text()
	return "SELECT pg_sleep(60) /* " + mark + " */", mark
}

func sentOf(proxy *pooledtest.Proxy, text string) (n int) {
	for _, m := range proxy.Messages() {
		if strings.Contains(m, text) {
			n++
		}
	}
	return n
}

// breakInUse runs a statement, and breaks its connection as often as the statement is sent.
func breakInUse(t *testing.T, db *sql.DB, proxy *pooledtest.Proxy) (sent int, err error) {
	t.Helper()
	mustExec(t, db, "SELECT 1")
	query, mark := inFlight()
	failed := make(chan error, 1)
	go func() {
		_, err := db.Exec(query)
		failed <- err
	}()
	pooledtest.WaitUntil(t, func() bool {
		if n := sentOf(proxy, mark); n > sent {
			sent = n
			proxy.CloseAll()
		}
		return len(failed) == 1
	}, func() string { return "the statement did not end" })
	return sent, <-failed
}

func tryKilledInUse(t *testing.T, d pgDriver) string {
	db, admin := d.openHere(t)
	conn := must(db.Conn(t.Context()))
	defer conn.Close()
	var pid int
	if err := conn.QueryRowContext(t.Context(), "SELECT pg_backend_pid()").Scan(&pid); err != nil {
		t.Fatal(err)
	}
	query, mark := inFlight()
	stop := pooledtest.When(runs(t, admin, mark), func() { mustExec(t, admin, "SELECT pg_terminate_backend($1)", pid) })
	defer stop()
	_, err := conn.ExecContext(t.Context(), query)
	return kind(err)
}

func tryEndedInAPause(t *testing.T, d pgDriver) string {
	db, admin := d.openHere(t)
	tx := must(db.Begin())
	defer tx.Rollback()
	var pid int
	if err := tx.QueryRow("SELECT pg_backend_pid()").Scan(&pid); err != nil {
		t.Fatal(err)
	}
	mustExec(t, tx, "SET idle_in_transaction_session_timeout = 50")
	pooledtest.WaitUntil(t, func() bool {
		return queryInt(t, admin, "SELECT count(*) FROM pg_stat_activity WHERE pid = $1", pid) == 0
	}, func() string { return "the session did not end" })
	_, err := tx.Exec("SELECT 1")
	return kind(err)
}

// runs asks the server whether a statement with this text runs.
func runs(t *testing.T, admin *sql.DB, text string) func() bool {
	return func() bool {
		return queryInt(t, admin, "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND "+
			"pid <> pg_backend_pid() AND query LIKE '%' || $1 || '%'", text) > 0
	}
}

func tryBrokenInUse(t *testing.T, d pgDriver) string {
	db, proxy := d.openBehind(t)
	_, err := breakInUse(t, db, proxy)
	return kind(err)
}

func trySentInUse(t *testing.T, d pgDriver) string {
	db, proxy := d.openBehind(t)
	sent, _ := breakInUse(t, db, proxy)
	return fmt.Sprint(sent)
}

func trySentAlone(t *testing.T, d pgDriver) string {
	proxy := pooledtest.NewProxy(t, pooledtest.PostgresPlain(t))
	if sent, _ := breakInUse(t, openBare(t, d.bare, proxy.DSN()), proxy); sent > 1 {
		return "**more than once**"
	}
	return "1"
}

func tryBrokenBegin(t *testing.T, d pgDriver) string {
	db, proxy := d.openBehind(t)
	mustExec(t, db, "SELECT 1")
	var once sync.Once
	proxy.On("BEGIN", func() { once.Do(proxy.CloseAll) })
	proxy.On("begin", func() { once.Do(proxy.CloseAll) })
	tx, err := db.Begin()
	if err != nil {
		return "does not begin: the error is " + kind(err)
	}
	checkInt(t, "in the transaction", queryInt(t, tx, "SELECT 1"), 1)
	if err := tx.Commit(); err != nil {
		t.Error(err)
	}
	return "begins on another connection"
}

func tryBrokenCommit(t *testing.T, d pgDriver) string {
	db, proxy := d.openBehind(t)
	tx := must(db.Begin())
	mustExec(t, tx, "SELECT 1")
	var once sync.Once
	proxy.On("COMMIT", func() { once.Do(proxy.CloseAll) })
	proxy.On("commit", func() { once.Do(proxy.CloseAll) })
	return kind(tx.Commit())
}

// tryNothingSent breaks a connection between the pool's look and the driver's write.
func tryNothingSent(t *testing.T, d pgDriver) string {
	name := "cut-" + rand.Text()
	var cut func()
	pooled.RegisterHooks(name, pooled.Hooks{Checkout: func(context.Context, *pooled.ServerConn) error {
		if cut != nil {
			cut()
			cut = nil
		}
		return nil
	}})
	conns := make(chan *net.TCPConn, 4)
	listener := resettingProxy(t, conns)
	at := must(pq.NewConfig(pooledtest.Postgres(t)))
	dsn := fmt.Sprintf("postgres://%s:%s@%s/%s?sslmode=disable", at.User, at.Password, listener, at.Database)
	db := d.open(t, dsn, "pool_hooks="+name, "pool_pre_ping=1h")
	for range 2 { // pgx pings before its second use
		mustExec(t, db, "SELECT 1")
	}
	first := <-conns
	links := []link{linkOf(first.RemoteAddr(), first.LocalAddr())}
	cut = func() {
		first.SetLinger(0) // a reset: what is written then fails at once
		first.Close()
		waitHungUp(t, links)
	}
	var n int
	if err := db.QueryRow("SELECT 1").Scan(&n); err != nil {
		t.Log(err)
		return "not done: the error is " + kind(err)
	}
	return "done on another connection"
}

// resettingProxy forwards to the server, and hands out its connections with clients.
func resettingProxy(t *testing.T, conns chan<- *net.TCPConn) (address string) {
	at := must(pq.NewConfig(pooledtest.Postgres(t)))
	return pooledtest.Serve(t, func(client net.Conn) {
		server, err := net.Dial("tcp", net.JoinHostPort(at.Host, fmt.Sprint(at.Port)))
		if err != nil {
			return
		}
		conns <- client.(*net.TCPConn)
		var wg sync.WaitGroup
		wg.Go(func() { forward(server, client) })
		wg.Go(func() { forward(client, server) })
		wg.Wait()
	})
}

func forward(to, from net.Conn) {
	defer to.Close()
	defer from.Close()
	buf := make([]byte, 4096)
	for {
		n, err := from.Read(buf)
		if err != nil {
			return
		}
		if _, err := to.Write(buf[:n]); err != nil {
			return
		}
	}
}

// cancelInUse ends the context of a statement that runs on the server.
func cancelInUse(t *testing.T, d pgDriver) (reused bool, running func() bool, err error) {
	t.Helper()
	db, admin := d.openHere(t)
	pid := queryInt(t, db, "SELECT pg_backend_pid()")
	ctx, cancel := context.WithCancel(t.Context())
	query, mark := inFlight()
	running = runs(t, admin, mark)
	stop := pooledtest.When(running, cancel)
	defer stop()
	_, err = db.ExecContext(ctx, query)
	return queryInt(t, db, "SELECT pg_backend_pid()") == pid, running, err
}

func tryCancelError(t *testing.T, d pgDriver) string {
	_, _, err := cancelInUse(t, d)
	if errors.Is(err, context.Canceled) {
		return "yes"
	}
	return "**no**: " + kind(err)
}

func tryCancelOnServer(t *testing.T, d pgDriver) string {
	_, running, _ := cancelInUse(t, d)
	pooledtest.WaitUntil(t, func() bool { return !running() }, func() string { return "the statement still runs" })
	return "is canceled"
}

func tryCancelConn(t *testing.T, d pgDriver) string {
	if reused, _, _ := cancelInUse(t, d); reused {
		return "used again"
	}
	return "replaced"
}

// trySilentInUse: lib/pq asks the server to cancel, and waits for the answer on the connection on which none will come.
func trySilentInUse(t *testing.T, d pgDriver) string {
	db, proxy := d.openBehind(t)
	mustExec(t, db, "SELECT 1")
	proxy.Hang()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	failed := make(chan error, 1)
	go func() {
		_, err := db.ExecContext(ctx, "SELECT 1")
		failed <- err
	}()
	if d == pgxDriver {
		if err := <-failed; !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("have %v, want %v", err, context.DeadlineExceeded)
		}
		checkInt(t, "the next answer", queryInt(t, db, "SELECT 1"), 1)
		return "ends with the context"
	}
	pooledtest.WaitUntil(t, func() bool { return sentOf(proxy, "CancelRequest") > 0 },
		func() string { return "no cancel request was sent" })
	goesOn := len(failed) == 0
	proxy.Close()
	if err := <-failed; err == nil || !goesOn {
		t.Errorf("have %v, while it went on %t", err, goesOn)
	}
	return "goes on until the connection breaks"
}

func tryCancelTx(t *testing.T, d pgDriver) string {
	db, admin := d.openHere(t)
	ctx, cancel := context.WithCancel(t.Context())
	tx := must(db.BeginTx(ctx, nil))
	pid := queryInt(t, tx, "SELECT pg_backend_pid()")
	cancel()
	pooledtest.WaitUntil(t, func() bool {
		return queryInt(t, admin,
			"SELECT count(*) FROM pg_stat_activity WHERE pid = $1 AND state LIKE '%transaction%'", pid) == 0
	}, func() string { return "the transaction is still open" })
	if err := tx.Commit(); err == nil {
		t.Error("have committed, want an error")
	}
	checkInt(t, "the next answer", queryInt(t, db, "SELECT 1"), 1)
	return "is rolled back at once"
}

func since(proxy *pooledtest.Proxy, from int) string {
	var list []string
	for _, m := range proxy.Messages()[from:] {
		list = append(list, strings.TrimPrefix(m, "Query "))
	}
	return strings.Join(list, "; ")
}

func tryOpenTx(t *testing.T, d pgDriver) string {
	db, proxy := d.openBehind(t)
	conn := must(db.Conn(t.Context()))
	must(conn.ExecContext(t.Context(), "BEGIN"))
	before := len(proxy.Messages())
	conn.Close()
	return "`" + since(proxy, before) + "`"
}

func tryReset(t *testing.T, d pgDriver) string {
	db, proxy := d.openBehind(t, "pool_reset_on_return=session")
	conn := must(db.Conn(t.Context()))
	must(conn.ExecContext(t.Context(), "SELECT 1"))
	before := len(proxy.Messages())
	conn.Close()
	switch sent := since(proxy, before); {
	case sent == "DISCARD ALL":
		return "`DISCARD ALL`"
	case strings.Contains(sent, "DISCARD PLANS") && strings.Count(sent, "Query") == 0:
		return "all of `DISCARD ALL` but for the driver's own prepared statements, in one round trip"
	default:
		return sent
	}
}

func tryPreparedAfterReset(t *testing.T, d pgDriver) string {
	for _, mode := range []string{"rollback", "commit", "auto", "session", "none"} {
		db, _ := d.openHere(t, "pool_max_overflow=0", "pool_reset_on_return="+mode)
		stmt := must(db.Prepare("SELECT $1::int"))
		for i := range 4 {
			var have, again int
			err := db.QueryRow("SELECT $1::int + 1", i).Scan(&have)
			if err = errors.Join(err, stmt.QueryRow(i).Scan(&again)); err != nil || have != i+1 || again != i {
				t.Errorf("%s: have %d, %d, %v, want %d, %d", mode, have, again, err, i+1, i)
			}
			mustExec(t, db, "SET work_mem = '1MB'") // of which auto makes a reset
		}
		stmt.Close()
	}
	return "work, in each mode"
}

// tryRoundTrips counts those of a query after some of the same.
func tryRoundTrips(options ...string) func(*testing.T, pgDriver) string {
	return func(t *testing.T, d pgDriver) string {
		db, proxy := d.openBehind(t, options...)
		before := 0
		for i := range 4 {
			before = len(proxy.Messages())
			checkInt(t, "the answer", queryInt(t, db, "SELECT $1::int", i), i)
		}
		n := 0
		for _, m := range proxy.Messages()[before:] {
			if m == "Sync" {
				n++
			}
		}
		return fmt.Sprint(n)
	}
}

func trySessionID(t *testing.T, d pgDriver) string {
	name, session := "session-"+rand.Text(), ""
	pooled.RegisterHooks(name, pooled.Hooks{Checkout: func(_ context.Context, s *pooled.ServerConn) error {
		session = s.Session()
		return nil
	}})
	db, proxy := d.openBehind(t, "pool_hooks="+name)
	if have := queryInt(t, db, "SELECT pg_backend_pid()"); fmt.Sprint(have) != session {
		return "**no**"
	}
	checkInt(t, "questions for it", sentOf(proxy, "pg_backend_pid"), 1)
	return "yes"
}

func tryNotification(t *testing.T, d pgDriver) string {
	db, proxy := d.openBehind(t, "pool_pre_ping=off", "pool_reset_on_return=none")
	admin := openBare(t, "postgres", pooledtest.Postgres(t))
	for range 2 { // pgx pings before the second
		mustExec(t, db, "LISTEN points")
	}
	mustExec(t, admin, "NOTIFY points")
	at := must(pq.NewConfig(proxy.DSN())).Port
	pooledtest.WaitUntil(t, func() bool {
		return anyTCP(t, func(l link, _ string, unread bool) bool { return unread && l.server == at })
	}, func() string { return "no notification came" })
	pinged := pings(proxy)
	mustExec(t, db, "SELECT 1")
	checkInt(t, "connections", proxy.Accepted(), 1)
	if pings(proxy) > pinged {
		return "pinged, and kept"
	}
	return "kept"
}

func tryBeforeConnect(t *testing.T, d pgDriver) string {
	const password = "new&secret/1"
	dsn := pooledtest.Postgres(t)
	admin := openBare(t, "postgres", dsn)
	mustExec(t, admin, "DROP ROLE IF EXISTS rotating_points")
	mustExec(t, admin, "CREATE ROLE rotating_points LOGIN PASSWORD '"+password+"'")
	name := "rotating-" + rand.Text()
	pooled.RegisterHooks(name, pooled.Hooks{BeforeConnect: func(_ context.Context, p *pooled.ConnectParams) error {
		p.User, p.Password = "rotating_points", password
		return nil
	}})
	db := d.open(t, dsn, "pool_hooks="+name)
	defer mustExec(t, admin, "DROP ROLE rotating_points")
	defer db.Close()
	var user string
	if err := db.QueryRow("SELECT current_user").Scan(&user); err != nil || user != "rotating_points" {
		t.Errorf("have %s, %v", user, err)
	}
	return "yes"
}

func tryWrongPassword(t *testing.T, d pgDriver) string {
	at := must(pq.NewConfig(pooledtest.Postgres(t)))
	for name, dsn := range map[string]string{
		"refused by the server": fmt.Sprintf("postgres://nobody:hunter2%%2F@%s:%d/x?sslmode=disable", at.Host, at.Port),
		"refused by the driver": "postgres://nobody:hunter2%2F@" + at.Host + "/x?sslmode=disable&port=hunter",
		"nobody listens":        "postgres://nobody:hunter2%2F@" + closedPort(t) + "/x?sslmode=disable",
	} {
		db, err := sql.Open("pooled", withScheme(t, dsn, d.scheme))
		if err == nil {
			err = db.Ping()
			db.Close()
		}
		if err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: have %v, want an error without the password", name, err)
		}
	}
	return "no"
}

func tryCopy(t *testing.T, d pgDriver) string {
	db, admin := d.openHere(t)
	table := "points_copy_" + strings.Map(func(r rune) rune {
		if strings.ContainsRune("abcdefghijklmnopqrstuvwxyz", r) {
			return r
		}
		return -1
	}, d.title)
	mustExec(t, admin, "DROP TABLE IF EXISTS "+table)
	mustExec(t, admin, "CREATE TABLE "+table+" (id int)")
	defer mustExec(t, admin, "DROP TABLE "+table)
	how := "a prepared statement in a transaction, as without pooled"
	if d == pgxDriver {
		how = "`CopyFrom`, by `pooled.Raw`"
		rawConn(t, db, func(c driver.Conn) error {
			_, err := c.(*stdlib.Conn).Conn().CopyFrom(t.Context(), pgx.Identifier{table}, []string{"id"},
				pgx.CopyFromRows([][]any{{1}, {2}}))
			return err
		})
	} else {
		tx := must(db.Begin())
		stmt := must(tx.Prepare(pq.CopyIn(table, "id")))
		for _, row := range []any{1, 2} {
			must(stmt.Exec(row))
		}
		must(stmt.Exec())
		if err := errors.Join(stmt.Close(), tx.Commit()); err != nil {
			t.Error(err)
		}
	}
	checkInt(t, "rows", queryInt(t, db, "SELECT count(*) FROM "+table), 2)
	return how
}

func tryListen(t *testing.T, d pgDriver) string {
	dsn := pooledtest.Postgres(t)
	admin := openBare(t, "postgres", dsn)
	if d == pqDriver {
		listener := pq.NewListener(dsn, time.Second, time.Minute, nil)
		defer listener.Close()
		if err := listener.Listen("points_listen"); err != nil {
			t.Fatal(err)
		}
		mustExec(t, admin, "NOTIFY points_listen, 'news'")
		for n := range listener.Notify {
			if n != nil {
				checkSame(t, "notification", []string{n.Extra}, []string{"news"})
				return "`pq.Listener`, which has a connection of its own"
			}
		}
	}
	db := d.open(t, dsn)
	rawConn(t, db, func(c driver.Conn) error {
		conn := c.(*stdlib.Conn).Conn()
		if _, err := conn.Exec(t.Context(), "LISTEN points_listen"); err != nil {
			return err
		}
		mustExec(t, admin, "NOTIFY points_listen, 'news'")
		n, err := conn.WaitForNotification(t.Context())
		if err == nil && !slices.Equal([]string{n.Channel, n.Payload}, []string{"points_listen", "news"}) {
			err = fmt.Errorf("have %+v", n)
		}
		return err
	})
	return "pgx's `WaitForNotification`, by `pooled.Raw`"
}
