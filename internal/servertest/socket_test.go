package servertest_test

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/lib/pq"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/internal/dialect"
	mysqldialect "github.com/pooled-go/pooled/internal/dialect/mysql"
	"github.com/pooled-go/pooled/internal/opener"
	"github.com/pooled-go/pooled/internal/pooledtest"
	"github.com/pooled-go/pooled/internal/socket"
)

// rawSession is a connection of a wrapped driver as the pool opens it, with its socket.
type rawSession struct {
	testing.TB
	conn      driver.Conn
	connector driver.Connector
	socket    *socket.Socket
}

func openRaw(t testing.TB, name, dsn string) rawSession {
	t.Helper()
	opened, err := opener.Open(name, dsn, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	connector := opened.Connector()
	ctx, dialed := socket.Collect(context.Background())
	conn, err := connector.Connect(ctx)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return rawSession{t, conn, connector, dialed.Last()}
}

func (r rawSession) exec(text string) error {
	_, err := r.conn.(driver.ExecerContext).ExecContext(context.Background(), text, nil)
	return err
}

func (r rawSession) mustExec(texts ...string) {
	r.Helper()
	for _, text := range texts {
		if err := r.exec(text); err != nil {
			r.Fatalf("%s: %v", text, err)
		}
	}
}

// show is everything a query returns, or its error, as text.
func (r rawSession) show(query string) string {
	rows, err := r.conn.(driver.QueryerContext).QueryContext(context.Background(), query, nil)
	if err != nil {
		return err.Error()
	}
	defer rows.Close()
	var lines []string
	row := make([]driver.Value, len(rows.Columns()))
	for err = rows.Next(row); err == nil; err = rows.Next(row) {
		line := make([]string, len(row))
		for i, v := range row {
			if b, ok := v.([]byte); ok {
				v = string(b)
			}
			line[i] = fmt.Sprint(v)
		}
		lines = append(lines, strings.Join(line, " "))
	}
	if err != io.EOF {
		lines = append(lines, err.Error())
	}
	return strings.Join(lines, "\n")
}

func (s server) openRaw(t testing.TB, params ...string) rawSession {
	t.Helper()
	dsn := s.dsn(t)
	if len(params) > 0 {
		dsn = pooledtest.WithOptions(dsn, params...)
	}
	return openRaw(t, s.bare, dsn)
}

// TestSocketOfServers: what a peek shows while a real server is well, and when it
// has ended the session.
func TestSocketOfServers(t *testing.T) {
	for _, test := range []struct {
		server
		id, kill string
		want     []socket.State // PostgreSQL says why before it hangs up, MySQL may
	}{
		{onPostgres, "SELECT pg_backend_pid()", "SELECT pg_terminate_backend(%s)", []socket.State{socket.Pending}},
		{onMySQL, "SELECT CONNECTION_ID()", "KILL %s", []socket.State{socket.Pending, socket.Gone}},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := test.openRaw(t)
			pooledtest.PeekSees(t, r.socket, socket.Quiet)
			id := r.show(test.id)
			pooledtest.PeekSees(t, r.socket, socket.Quiet)
			pooledtest.MustExec(t, openServer(t, test.bare, test.dsn(t)), fmt.Sprintf(test.kill, id))
			for end := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
				have, err := r.socket.Peek()
				if slices.Contains(test.want, have) {
					break
				}
				if time.Now().After(end) {
					t.Fatalf("have %s (%v), want one of %v", have, err, test.want)
				}
			}
			if err := r.conn.(driver.Pinger).Ping(context.Background()); err == nil {
				t.Error("it still answers")
			}
			pooledtest.PeekSees(t, r.socket, socket.Gone)
		})
	}
}

// TestMySQLDriverLeavesThePeek: the pool looks at the socket; the driver need not
// do so once more.
func TestMySQLDriverLeavesThePeek(t *testing.T) {
	proxy := pooledtest.NewProxy(t, pooledtest.MySQL(t))
	r := openRaw(t, "mysql", proxy.DSN())
	proxy.CloseAll()
	pooledtest.PeekSees(t, r.socket, socket.Gone)
	if err := r.conn.(driver.SessionResetter).ResetSession(context.Background()); err != nil {
		t.Errorf("it looked: %v", err)
	}
}

// TestSocketOfUnixServers goes by the servers' Unix sockets, where they are on this machine.
func TestSocketOfUnixServers(t *testing.T) {
	t.Run("postgres", func(t *testing.T) {
		u, err := url.Parse(pooledtest.Postgres(t))
		if err != nil {
			t.Fatal(err)
		}
		dir := onPostgres.openRaw(t).show("SHOW unix_socket_directories")
		if _, err := os.Stat(dir + "/.s.PGSQL." + u.Port()); err != nil {
			pooledtest.SkipUnlessRequired(
				t, "postgres",
				"the server's Unix socket is out of reach: it runs on another machine, or as another account",
			)
		}
		u.RawQuery = url.Values{"host": {dir}, "port": {u.Port()}, "sslmode": {"disable"}}.Encode()
		u.Host = ""
		unixIsQuiet(t, openRaw(t, "postgres", u.String()))
	})
	t.Run("mysql", func(t *testing.T) {
		cfg, err := mysql.ParseDSN(pooledtest.MySQLPlain(t))
		if err != nil {
			t.Fatal(err)
		}
		cfg.Net, cfg.Addr = "unix", onMySQL.openRaw(t).show("SELECT @@socket")
		if _, err := os.Stat(cfg.Addr); err != nil {
			pooledtest.SkipUnlessRequired(
				t, "mysql",
				"the server's Unix socket is out of reach: it runs on another machine, or as another account",
			)
		}
		r := openRaw(t, "mysql", cfg.FormatDSN())
		unixIsQuiet(t, r)
		r.reset()
	})
}

func unixIsQuiet(t *testing.T, r rawSession) {
	t.Helper()
	if _, ok := r.socket.Conn().(*net.UnixConn); !ok {
		t.Errorf("a %T", r.socket.Conn())
	}
	pooledtest.PeekSees(t, r.socket, socket.Quiet)
	if have := r.show("SELECT 1"); have != "1" {
		t.Errorf("have %s, want 1", have)
	}
	pooledtest.PeekSees(t, r.socket, socket.Quiet)
}

// TestPQSocketIsTheOneInUse: lib/pq dials twice for one connection where the server has no TLS.
func TestPQSocketIsTheOneInUse(t *testing.T) {
	dsn := pooledtest.Postgres(t)
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	r := openRaw(t, "postgres", strings.Replace(dsn, "sslmode=disable", "sslmode=prefer", 1))
	if have := r.socket.Conn().RemoteAddr().String(); have != u.Host {
		t.Errorf("have %s, want %s", have, u.Host)
	}
	want := r.show("SELECT inet_client_port()")
	if have := fmt.Sprint(r.socket.Conn().LocalAddr().(*net.TCPAddr).Port); have != want {
		t.Errorf("have port %s, want %s", have, want)
	}
	pooledtest.PeekSees(t, r.socket, socket.Quiet)
}

// TestPQSocketCounts: after the server hung up, lib/pq may say ErrBadConn of a
// statement that it sent. The count tells.
func TestPQSocketCounts(t *testing.T) {
	r := openRaw(t, "postgres", pooledtest.PostgresPlain(t)) // TLS adds bytes of its own
	before, counted := r.socket.Sent()
	if !counted || before == 0 {
		t.Fatalf("have %d, counted %t", before, counted)
	}
	query := "SELECT 'some words'"
	r.mustExec(query)
	const frame = 1 + 4 + 1 // type, length, and a zero behind the text
	if after, _ := r.socket.Sent(); after-before != uint64(len(query)+frame) {
		t.Errorf("have %d more bytes, want %d", after-before, len(query)+frame)
	}
	if err := r.socket.LastErr(); err != nil {
		t.Errorf("an error before there was one: %v", err)
	}
	pid := r.show("SELECT pg_backend_pid()")
	pooledtest.MustExec(t, openServer(t, "postgres", onPostgres.dsn(t)), "SELECT pg_terminate_backend("+pid+")")
	pooledtest.PeekSees(t, r.socket, socket.Pending)
	before, _ = r.socket.Sent()
	if err := r.exec(query); err == nil { // ErrBadConn for the server's last words, if they are not lost by then
		t.Error("have no error")
	}
	if after, _ := r.socket.Sent(); after == before {
		t.Error("it was sent and is not counted")
	}
	before, _ = r.socket.Sent()
	if err := r.exec(query); err != driver.ErrBadConn {
		t.Errorf("have %v, want %v", err, driver.ErrBadConn)
	}
	if after, _ := r.socket.Sent(); after != before {
		t.Error("it was not sent and is counted")
	}
}

// TestPQCancelIsNotRemembered: lib/pq dials once more to cancel a query.
func TestPQCancelIsNotRemembered(t *testing.T) {
	proxy := pooledtest.NewProxy(t, pooledtest.Postgres(t))
	r := openRaw(t, "postgres", proxy.DSN())
	ctx, dialed := socket.Collect(context.Background())
	ctx, cancel := context.WithCancel(ctx)
	const mark = "/* canceled */"
	onPostgres.during(t, openServer(t, "postgres", onPostgres.dsn(t)), mark, cancel, func() {
		if _, err := r.conn.(driver.ExecerContext).ExecContext(ctx, "SELECT pg_sleep(30) "+mark, nil); err == nil {
			t.Error("not canceled")
		}
	})
	if have := proxy.Accepted(); have != 2 {
		t.Errorf("have %d dials, want 2", have)
	}
	if dialed.Last() != nil {
		t.Error("remembered")
	}
}

// TestPQPingBounded: on a network that swallows everything, a ping ends with the
// bound, and dials no cancel request.
func TestPQPingBounded(t *testing.T) {
	proxy := pooledtest.NewProxy(t, pooledtest.Postgres(t))
	r := openRaw(t, "postgres", proxy.DSN())
	ping := func(limit time.Duration) error {
		ctx, cancel := context.WithTimeout(t.Context(), limit)
		defer cancel()
		defer r.socket.Bound(ctx)()
		return r.conn.(driver.Pinger).Ping(context.Background())
	}
	if err := ping(time.Minute); err != nil {
		t.Fatalf("ping: %v", err)
	}
	proxy.Hang()
	if err := ping(50 * time.Millisecond); err == nil {
		t.Error("have no error")
	}
	if err := r.socket.LastErr(); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("have %v, want %v", err, os.ErrDeadlineExceeded)
	}
	if have := proxy.Accepted(); have != 1 {
		t.Errorf("have %d dials, want 1", have)
	}
}

// TestMySQLOwnDialer: a dial function that the program registered is used, and
// may use ours.
func TestMySQLOwnDialer(t *testing.T) {
	cfg, err := mysql.ParseDSN(pooledtest.MySQL(t))
	if err != nil {
		t.Fatal(err)
	}
	dials := 0
	mysql.RegisterDialContext("pooled-socket-test", func(ctx context.Context, address string) (net.Conn, error) {
		dials++
		return pooled.DialContext(ctx, "tcp", address)
	})
	defer mysql.DeregisterDialContext("pooled-socket-test")
	cfg.Net = "pooled-socket-test"
	r := openRaw(t, "mysql", cfg.FormatDSN())
	if dials != 1 {
		t.Fatalf("have %d dials, want 1", dials)
	}
	if r.socket == nil {
		t.Fatal("not remembered")
	}
	pooledtest.PeekSees(t, r.socket, socket.Quiet)
	facts, err := mysqldialect.Dialect.Probe(context.Background(), probed{r}, dialect.Wants{Reset: true})
	if facts.Restore != nil || err != nil {
		t.Errorf("have %q %v, want none: that dialer may have done TLS", facts.Restore, err)
	}
}

// What lib/pq finds fault with at first may be in order later: a service file that was not there yet. Then the
// connection is opened as any other, by the pool's dialer.
func TestPQFaultsMayPass(t *testing.T) {
	at, err := pq.NewConfig(pooledtest.Postgres(t))
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "services")
	t.Setenv("PGSERVICEFILE", file)
	opened, err := opener.Open("postgres", "service=late", false, nil)
	if err != nil {
		t.Fatal(err)
	}
	connector := opened.Connector()
	if _, err := connector.Connect(t.Context()); err == nil {
		t.Fatal("have a connection to a service that there is not")
	}
	service := fmt.Sprintf("[late]\nhost=%s\nport=%d\nuser=%s\npassword=%s\ndbname=%s\nsslmode=disable\n",
		at.Host, at.Port, at.User, at.Password, at.Database)
	if err := os.WriteFile(file, []byte(service), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, dialed := socket.Collect(t.Context())
	conn, err := connector.Connect(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if dialed.Last() == nil {
		t.Error("the pool does not know the connection's socket")
	}
}
