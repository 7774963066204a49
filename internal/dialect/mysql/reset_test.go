package mysql_test

import (
	"bytes"
	"context"
	"database/sql/driver"
	"errors"
	"io"
	"net"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	driverpkg "github.com/go-sql-driver/mysql"

	"github.com/pooled-go/pooled/internal/dialect/mysql"
	"github.com/pooled-go/pooled/internal/pooledtest"
	"github.com/pooled-go/pooled/internal/socket"
)

// resetPacket is what the pool sends.
var resetPacket = []byte{1, 0, 0, 0, 0x1f}

// packet is one of MySQL's.
func packet(number byte, body string) string {
	return string([]byte{byte(len(body)), byte(len(body) >> 8), byte(len(body) >> 16), number}) + body
}

func TestResetConnection(t *testing.T) {
	ok := "\x00\x00\x00\x02\x00\x00\x00"
	for _, test := range []struct {
		name, before, answer string
		hangUp               bool
		want                 string // empty: none
	}{
		{name: "ok", answer: packet(1, ok)},
		{name: "longer ok", answer: packet(1, ok+"some words")},
		{name: "error", answer: packet(1, "\xff\x17\x04#08S01Unknown command"),
			want: "pooled: reset connection: Error 1047 (08S01): Unknown command"},
		{name: "error without state", answer: packet(1, "\xff\x10\x04Too many"),
			want: "pooled: reset connection: Error 1040: Too many"},
		{name: "neither", answer: packet(1, "\xfe\x00\x00\x02\x00"),
			want: "pooled: reset connection: the answer is neither OK nor an error"},
		{name: "empty", answer: packet(1, ""),
			want: "pooled: reset connection: the answer is neither OK nor an error"},
		{name: "short error", answer: packet(1, "\xff\x01"),
			want: "pooled: reset connection: the answer is neither OK nor an error"},
		{name: "wrong number", answer: packet(2, ok),
			want: "pooled: reset connection: malformed answer of 7 bytes, number 2"},
		{name: "too long", answer: "\x00\x00\x01\x01\x00",
			want: "pooled: reset connection: malformed answer of 65536 bytes, number 1"},
		{name: "more behind it", answer: packet(1, ok) + "x",
			want: "pooled: reset connection: malformed answer of 7 bytes, number 1"},
		{name: "hangs up", hangUp: true, want: "pooled: reset connection: EOF"},
		{name: "hangs up half-way", answer: packet(1, ok)[:6], hangUp: true,
			want: "pooled: reset connection: unexpected EOF"},
		{name: "hangs up in the header", answer: packet(1, ok)[:3], hangUp: true,
			want: "pooled: reset connection: unexpected EOF"},
		{name: "unread bytes", before: packet(1, ok),
			want: "pooled: reset connection: unread bytes on the socket"},
	} {
		t.Run(test.name, func(t *testing.T) {
			ours, theirs, s := pooledtest.SocketPair(t, "tcp")
			if test.before != "" {
				theirs.Write([]byte(test.before))
				pooledtest.PeekSees(t, s, socket.Pending)
			}
			var server sync.WaitGroup
			defer server.Wait()
			defer ours.Close()
			server.Go(func() {
				got := make([]byte, len(resetPacket))
				if _, err := io.ReadFull(theirs, got); err == nil && !bytes.Equal(got, resetPacket) {
					t.Errorf("sent: have %x, want %x", got, resetPacket)
				}
				theirs.Write([]byte(test.answer))
				if test.hangUp {
					theirs.Close()
				}
			})
			err := mysql.ResetConnection(context.Background(), s.Conn(), s)
			if (err == nil) != (test.want == "") || err != nil && err.Error() != test.want {
				t.Errorf("have %v, want %s", err, test.want)
			}
		})
	}
	t.Run("in pieces", func(t *testing.T) {
		_, theirs, s := pooledtest.SocketPair(t, "tcp")
		theirs.(*net.TCPConn).SetNoDelay(true)
		var server sync.WaitGroup
		defer server.Wait()
		server.Go(func() {
			io.ReadFull(theirs, make([]byte, len(resetPacket)))
			for _, b := range []byte(packet(1, ok)) {
				theirs.Write([]byte{b})
				runtime.Gosched()
			}
		})
		if err := mysql.ResetConnection(context.Background(), s.Conn(), s); err != nil {
			t.Error(err)
		}
	})
	t.Run("server gone", func(t *testing.T) {
		_, theirs, s := pooledtest.SocketPair(t, "tcp")
		theirs.Close()
		pooledtest.PeekSees(t, s, socket.Gone)
		if err := mysql.ResetConnection(context.Background(), s.Conn(), s); !errors.Is(err, io.EOF) {
			t.Errorf("have %v, want %v", err, io.EOF)
		}
	})
}

func TestResetConnectionEndsWithContext(t *testing.T) {
	for name, test := range map[string]struct {
		ctx  func() (context.Context, context.CancelFunc)
		want error
	}{
		"deadline": {func() (context.Context, context.CancelFunc) {
			return context.WithTimeout(context.Background(), 20*time.Millisecond)
		}, context.DeadlineExceeded},
		"cancel": {func() (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancel(context.Background())
			time.AfterFunc(20*time.Millisecond, cancel)
			return ctx, cancel
		}, context.Canceled},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, s := pooledtest.SocketPair(t, "tcp") // the other end never answers
			ctx, cancel := test.ctx()
			defer cancel()
			if err := mysql.ResetConnection(ctx, s.Conn(), s); !errors.Is(err, test.want) {
				t.Errorf("have %v, want %v", err, test.want)
			}
		})
	}
}

// rowConn answers each query with one row.
type rowConn struct {
	driver.Conn
	row []driver.Value
}

func (c *rowConn) QueryContext(context.Context, string, []driver.NamedValue) (driver.Rows, error) {
	return c, nil
}
func (c *rowConn) Columns() []string { return make([]string, len(c.row)) }
func (c *rowConn) Close() error      { return nil }
func (c *rowConn) Next(dest []driver.Value) error {
	copy(dest, c.row)
	return nil
}

// TestRestoreTexts: when there is nothing to restore, and when nobody can.
func TestRestoreTexts(t *testing.T) {
	for _, test := range []struct {
		name, dsn string
		row       []driver.Value
		want      []string
	}{
		{"all", "/db?a=b", []driver.Value{[]byte("SET c"), []byte("SET ROLE r"), []byte("USE d")},
			[]string{"SET c", "SET ROLE r", "USE d", "SET a = b"}},
		{"a server without roles", "/db", []driver.Value{"SET c", nil, "USE d"}, []string{"SET c", "USE d"}},
		{"init_connect", "/db?a=b", []driver.Value{nil, "SET ROLE r", "USE d"}, nil},
		{"TLS of another driver", "/db?tls=preferred", []driver.Value{"SET c", "SET ROLE r", "USE d"}, nil},
		{"compression", "/db?compress=true", []driver.Value{"SET c", "SET ROLE r", "USE d"}, nil},
	} {
		c, err := mysql.NewConnector(test.dsn)
		if err != nil {
			t.Fatal(err)
		}
		_, _, dialed := pooledtest.SocketPair(t, "tcp")
		have, err := mysql.RestoreTexts(context.Background(), c, &rowConn{row: test.row}, dialed)
		if err != nil || !slices.Equal(have, test.want) || (have == nil) != (test.want == nil) {
			t.Errorf("%s: have %q %v, want %q", test.name, have, err, test.want)
		}
	}
}

func TestConnectorOfDSN(t *testing.T) {
	_, _, dialed := pooledtest.SocketPair(t, "tcp")
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
		{"u:p@tcp(h)/db?time_zone=%27%2B03:00%27&charset=latin1&autocommit=0" +
			"&sql_mode=CONCAT(@@sql_mode,%27,ANSI%27)", true,
			"SET autocommit = 0, sql_mode = CONCAT(@@sql_mode,',ANSI'), time_zone = '+03:00'"},
	} {
		c, err := mysql.NewConnector(test.dsn)
		if err != nil {
			t.Errorf("%s: %v", test.dsn, err)
			continue
		}
		if have := mysql.Wire(c, &rowConn{}, dialed) == dialed.Conn(); have != test.plain {
			t.Errorf("%s: the socket is where the driver writes: have %t, want %t", test.dsn, have, test.plain)
		}
		if have := mysql.SetParams(c); have != test.set {
			t.Errorf("%s:\nhave %s\nwant %s", test.dsn, have, test.set)
		}
		if _, ok := c.Driver().(*driverpkg.MySQLDriver); !ok {
			t.Errorf("%s: driver is a %T", test.dsn, c.Driver())
		}
	}
	for _, dsn := range []string{"u:p@tcp(h)", "u:p@tcp(h/db", "u:p@own/db", "/?tls=nobody", "/?compress=perhaps"} {
		_, want := driverpkg.MySQLDriver{}.OpenConnector(dsn)
		if _, have := mysql.NewConnector(dsn); have == nil || have.Error() != want.Error() {
			t.Errorf("%s:\nhave %v\nwant %v", dsn, have, want)
		}
	}
}

// Only a server's own word that it has no such variable says that it is not set.
func TestLacksVariable(t *testing.T) {
	const unknown = "Unknown system variable 'completion_type'"
	for _, test := range []struct {
		err  error
		want bool
	}{
		{nil, false},
		{&driverpkg.MySQLError{Number: 1193, Message: unknown}, true},
		{&driverpkg.MySQLError{Number: 1193, Message: "Unknown system variable 'wait_timeout'"}, false},
		{&driverpkg.MySQLError{Number: 1205, Message: unknown}, false},
		{errors.New(unknown), false},
		{context.Canceled, false},
		{driver.ErrBadConn, false},
	} {
		if have := mysql.LacksVariable(test.err, "completion_type"); have != test.want {
			t.Errorf("%v: have %t, want %t", test.err, have, test.want)
		}
	}
}
