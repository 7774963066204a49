package pooled_test

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/internal/pooledtest"
	"github.com/pooled-go/pooled/internal/socket"
)

// parentSession is a connection of a parent driver as the pool opens it, with its socket.
type parentSession struct {
	testing.TB
	conn      driver.Conn
	connector driver.Connector
	socket    *socket.Socket
}

func openRaw(t testing.TB, name, dsn string) parentSession {
	t.Helper()
	connector, err := pooled.OpenParent(name, dsn)
	if err != nil {
		t.Fatal(err)
	}
	ctx, dialed := socket.Collect(context.Background())
	conn, err := connector.Connect(ctx)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return parentSession{t, conn, connector, dialed.Last()}
}

func (r parentSession) exec(text string) error {
	_, err := r.conn.(driver.ExecerContext).ExecContext(context.Background(), text, nil)
	return err
}

func (r parentSession) mustExec(texts ...string) {
	r.Helper()
	for _, text := range texts {
		if err := r.exec(text); err != nil {
			r.Fatalf("%s: %v", text, err)
		}
	}
}

// show is everything a query returns, or its error, as text.
func (r parentSession) show(query string) string {
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

func (s server) openRaw(t testing.TB, params ...string) parentSession {
	t.Helper()
	dsn := s.dsn(t)
	if len(params) > 0 {
		dsn = withOptions(dsn, params...)
	}
	return openRaw(t, s.bare, dsn)
}

// TestSocketOfServers: what a peek shows while a real server is well, and when it
// has ended the session.
func TestSocketOfServers(t *testing.T) {
	for _, test := range []struct {
		server
		id, kill string
		want     []socket.State // PostgreSQL says why before it hangs up, MariaDB may
	}{
		{onPostgres, "SELECT pg_backend_pid()", "SELECT pg_terminate_backend(%s)", []socket.State{socket.Pending}},
		{onMySQL, "SELECT CONNECTION_ID()", "KILL %s", []socket.State{socket.Pending, socket.Gone}},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := test.openRaw(t)
			pooledtest.PeekSees(t, r.socket, socket.Quiet)
			id := r.show(test.id)
			pooledtest.PeekSees(t, r.socket, socket.Quiet)
			mustExec(t, openServer(t, test.bare, test.dsn(t)), fmt.Sprintf(test.kill, id))
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
			pooledtest.SkipUnlessRequired(t, "the server's Unix socket is out of reach: it runs on another machine, or as another account")
		}
		u.RawQuery = url.Values{"host": {dir}, "port": {u.Port()}, "sslmode": {"disable"}}.Encode()
		u.Host = ""
		unixIsQuiet(t, openRaw(t, "postgres", u.String()))
	})
	t.Run("mysql", func(t *testing.T) {
		cfg, err := mysql.ParseDSN(pooledtest.MySQL(t))
		if err != nil {
			t.Fatal(err)
		}
		cfg.Net, cfg.Addr = "unix", onMySQL.openRaw(t).show("SELECT @@socket")
		if _, err := os.Stat(cfg.Addr); err != nil {
			pooledtest.SkipUnlessRequired(t, "the server's Unix socket is out of reach: it runs on another machine, or as another account")
		}
		r := openRaw(t, "mysql", cfg.FormatDSN())
		unixIsQuiet(t, r)
		if err := pooled.ResetMySQLConnection(context.Background(), r.socket); err != nil {
			t.Error(err)
		}
	})
}

func unixIsQuiet(t *testing.T, r parentSession) {
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

// TestPQSocketIsTheOneInUse: lib/pq may dial several times for one connection.
func TestPQSocketIsTheOneInUse(t *testing.T) {
	dsn := pooledtest.Postgres(t)
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	closed, err := net.Listen("tcp", "127.0.0.1:0") // accepts and hangs up
	if err != nil {
		t.Fatal(err)
	}
	defer closed.Close()
	go func() {
		for {
			conn, err := closed.Accept()
			if err != nil {
				return
			}
			conn.Close()
		}
	}()
	_, closedPort, _ := net.SplitHostPort(closed.Addr().String())
	password, _ := u.User.Password()
	for name, dsn := range map[string]string{
		"second host": fmt.Sprintf("host=127.0.0.1,127.0.0.1 port=%s,%s user=%s password=%s dbname=%s sslmode=disable",
			closedPort, u.Port(), u.User.Username(), password, u.Path[1:]),
		"sslmode=prefer": strings.Replace(dsn, "sslmode=disable", "sslmode=prefer", 1),
	} {
		t.Run(name, func(t *testing.T) {
			r := openRaw(t, "postgres", dsn)
			if have := r.socket.Conn().RemoteAddr().String(); have != u.Host {
				t.Errorf("have %s, want %s", have, u.Host)
			}
			want := r.show("SELECT inet_client_port()")
			if have := fmt.Sprint(r.socket.Conn().LocalAddr().(*net.TCPAddr).Port); have != want {
				t.Errorf("have port %s, want %s", have, want)
			}
			pooledtest.PeekSees(t, r.socket, socket.Quiet)
		})
	}
}

// TestPQSocketCounts: after the server hung up, lib/pq may say ErrBadConn of a
// statement that it sent. The count tells.
func TestPQSocketCounts(t *testing.T) {
	r := onPostgres.openRaw(t)
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
	mustExec(t, openServer(t, "postgres", onPostgres.dsn(t)), "SELECT pg_terminate_backend("+pid+")")
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

func TestMySQLConnectorOfDSN(t *testing.T) {
	for _, test := range []struct {
		dsn   string
		plain bool
		set   string
	}{
		{"u:p@tcp(127.0.0.1:1)/db", true, ""},
		{"u:p@unix(/tmp/nowhere)/db", true, ""},
		{"/", true, ""},
		{"u:p@tcp(h)/db?tls=false&compress=false", true, ""},
		{"u:p@tcp(h)/db?tls=true", false, ""},
		{"u:p@tcp(h)/db?tls=skip-verify", false, ""},
		{"u:p@tcp(h)/db?tls=preferred", false, ""},
		{"u:p@tcp(h)/db?compress=true", false, ""},
		{"u:p@tcp(h)/db?parseTime=true&compress=1&timeout=1s", false, ""},
		{"u:p?x&compress=true&y@tcp(h)/a", true, ""},
		{"u:p@own(h)/db", false, ""}, // what that dialer does, nobody knows
		{"u:p@tcp6([::1]:1)/db", false, ""},
		{"u:p@tcp(h)/db?time_zone=%27%2B03:00%27&charset=latin1&autocommit=0&sql_mode=CONCAT(@@sql_mode,%27,ANSI%27)", true,
			"SET autocommit = 0, sql_mode = CONCAT(@@sql_mode,',ANSI'), time_zone = '+03:00'"},
	} {
		c, err := pooled.OpenParent("mysql", test.dsn)
		if err != nil {
			t.Errorf("%s: %v", test.dsn, err)
			continue
		}
		if have := pooled.MySQLPlain(c); have != test.plain {
			t.Errorf("%s: plain: have %t, want %t", test.dsn, have, test.plain)
		}
		if have := pooled.MySQLSetParams(c); have != test.set {
			t.Errorf("%s:\nhave %s\nwant %s", test.dsn, have, test.set)
		}
		if _, ok := c.Driver().(*mysql.MySQLDriver); !ok {
			t.Errorf("%s: driver is a %T", test.dsn, c.Driver())
		}
	}
	for _, dsn := range []string{"u:p@tcp(h)", "u:p@tcp(h/db", "u:p@own/db", "/?tls=nobody", "/?compress=perhaps"} {
		_, want := mysql.MySQLDriver{}.OpenConnector(dsn)
		if _, have := pooled.OpenParent("mysql", dsn); have == nil || have.Error() != want.Error() {
			t.Errorf("%s:\nhave %v\nwant %v", dsn, have, want)
		}
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
	texts, err := pooled.MySQLRestoreTexts(context.Background(), r.connector, r.conn)
	if texts != nil || err != nil {
		t.Errorf("have %q %v, want none: that dialer may have done TLS", texts, err)
	}
}
