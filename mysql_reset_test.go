package pooled_test

import (
	"bytes"
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/internal/pooledtest"
	"github.com/pooled-go/pooled/internal/socket"
)

// resetPacket is what the pool sends.
var resetPacket = []byte{1, 0, 0, 0, 0x1f}

// packet is one of MySQL's.
func packet(number byte, body string) string {
	return string([]byte{byte(len(body)), byte(len(body) >> 8), byte(len(body) >> 16), number}) + body
}

func TestResetMySQLConnection(t *testing.T) {
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
			err := pooled.ResetMySQLConnection(context.Background(), s)
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
		if err := pooled.ResetMySQLConnection(context.Background(), s); err != nil {
			t.Error(err)
		}
	})
	t.Run("not known", func(t *testing.T) {
		var s *socket.Socket
		want := "pooled: reset connection: its socket is not known"
		if err := pooled.ResetMySQLConnection(context.Background(), s); err == nil || err.Error() != want {
			t.Errorf("have %v, want %s", err, want)
		}
	})
	t.Run("server gone", func(t *testing.T) {
		_, theirs, s := pooledtest.SocketPair(t, "tcp")
		theirs.Close()
		pooledtest.PeekSees(t, s, socket.Gone)
		if err := pooled.ResetMySQLConnection(context.Background(), s); !errors.Is(err, io.EOF) {
			t.Errorf("have %v, want %v", err, io.EOF)
		}
	})
}

func TestResetMySQLConnectionEndsWithContext(t *testing.T) {
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
			if err := pooled.ResetMySQLConnection(ctx, s); !errors.Is(err, test.want) {
				t.Errorf("have %v, want %v", err, test.want)
			}
		})
	}
}

// restorable is a MariaDB session with the statements that restore it.
func restorable(t testing.TB, dsn string) (parentSession, []string) {
	t.Helper()
	r := openRaw(t, "mysql", dsn)
	texts, err := pooled.MySQLRestoreTexts(context.Background(), r.connector, r.conn)
	if err != nil || texts == nil {
		t.Fatalf("restore: %q %v", texts, err)
	}
	return r, texts
}

func (r parentSession) reset() {
	r.Helper()
	if err := pooled.ResetMySQLConnection(context.Background(), r.socket); err != nil {
		r.Fatal(err)
	}
}

// TestMySQLReset: a session that was reset and restored shows what a new one does.
// left: the reset alone would not do.
func TestMySQLReset(t *testing.T) {
	db := openServer(t, "mysql", onMySQL.dsn(t))
	table(t, db, "socket_reset", "id INT PRIMARY KEY")
	for _, text := range []string{
		"CREATE OR REPLACE DATABASE socket_other CHARACTER SET ascii",
		"CREATE OR REPLACE ROLE `socket``role`",
		"CREATE OR REPLACE SEQUENCE socket_sequence",
	} {
		mustExec(t, db, text)
	}
	t.Cleanup(func() {
		for _, text := range []string{"DROP DATABASE socket_other", "DROP ROLE `socket``role`", "DROP SEQUENCE socket_sequence"} {
			db.ExecContext(context.Background(), text)
		}
	})
	charsets := "SELECT @@character_set_client, @@character_set_results, @@character_set_connection, @@collation_connection"
	params := []string{"charset=latin1", "time_zone=%27%2B01:00%27"}
	for _, test := range []struct {
		name, dirty, show string
		left              bool
	}{
		{"user variable", "SET @a = 1", "SELECT @a", false},
		{"session variable", "SET sql_mode = ''", "SELECT @@sql_mode", false},
		{"variable of the DSN", "SET time_zone = '+03:00'", "SELECT @@time_zone", true},
		{"autocommit", "SET autocommit = 0", "SELECT @@autocommit", false},
		{"clock", "SET timestamp = 100", "SELECT NOW() < '2000-01-01'", false},
		{"next transaction", "SET TRANSACTION READ ONLY", "DELETE FROM socket_reset", false},
		{"temporary table", "CREATE TEMPORARY TABLE socket_reset SELECT 1 id", "SELECT COUNT(*) FROM socket_reset", false},
		{"named lock", "DO GET_LOCK('socket lock', 10)", "SELECT IS_USED_LOCK('socket lock')", false},
		{"table lock", "LOCK TABLES socket_reset READ", "SELECT 1 FROM socket_sequence LIMIT 0", false},
		{"transaction", "BEGIN; INSERT INTO socket_reset VALUES (1)", "SELECT @@in_transaction, (SELECT COUNT(*) FROM socket_reset)", false},
		{"failed transaction", "BEGIN; INSERT INTO socket_reset VALUES (1); INSERT INTO socket_reset VALUES (1)", "SELECT @@in_transaction, (SELECT COUNT(*) FROM socket_reset)", false},
		{"XA transaction", "XA START 'socket'; INSERT INTO socket_reset VALUES (1)", "SELECT COUNT(*) FROM socket_reset", false},
		{"statement by name", "PREPARE socket_statement FROM 'SELECT 1'", "EXECUTE socket_statement", false},
		{"handler", "HANDLER socket_reset OPEN AS h", "HANDLER h READ FIRST", false},
		{"last insert id", "SELECT LAST_INSERT_ID(77)", "SELECT LAST_INSERT_ID()", false},
		{"last of a sequence", "SELECT NEXTVAL(socket_sequence)", "SELECT LASTVAL(socket_sequence)", false},
		{"profiling", "SET profiling = 1", "SELECT @@profiling", false},
		{"character sets", "SET NAMES ascii", charsets, true}, // it goes back to the handshake's
		{"results as stored", "SET character_set_results = NULL", charsets, true},
		{"role", "SET ROLE `socket``role`", "SELECT CURRENT_ROLE()", true},
		{"database", "USE socket_other", "SELECT DATABASE(), @@collation_database", true},
	} {
		t.Run(test.name, func(t *testing.T) {
			fresh := onMySQL.openRaw(t, params...).show(test.show)
			r, restore := restorable(t, withOptions(onMySQL.dsn(t), append(params, "multiStatements=true")...))
			r.exec(test.dirty)
			if have := r.show(test.show); have == fresh {
				t.Errorf("it leaves nothing that this test could see: %s", have)
			}
			r.reset()
			r.exec(test.dirty)
			r.reset()
			if have := r.show(test.show); (have != fresh) != test.left {
				t.Errorf("reset: have %s, fresh is %s, want a difference: %t", have, fresh, test.left)
			}
			r.exec(test.dirty)
			r.reset()
			r.mustExec(restore...)
			if have := r.show(test.show); have != fresh {
				t.Errorf("reset and restored:\nhave %s\nwant %s", have, fresh)
			}
			pooledtest.PeekSees(t, r.socket, socket.Quiet)
		})
	}
}

// TestMySQLResetForgetsStatements: the server has forgotten the driver's prepared
// statements and gives their numbers to no others, so that closing one does no harm.
func TestMySQLResetForgetsStatements(t *testing.T) {
	r := onMySQL.openRaw(t)
	prepare := func() driver.Stmt {
		stmt, err := r.conn.Prepare("SELECT ? + 1")
		if err != nil {
			t.Fatal(err)
		}
		return stmt
	}
	query := func(stmt driver.Stmt) error {
		rows, err := stmt.(driver.StmtQueryContext).QueryContext(context.Background(), []driver.NamedValue{{Ordinal: 1, Value: int64(1)}})
		if err == nil {
			err = rows.Close()
		}
		return err
	}
	old := prepare()
	r.reset()
	young := prepare()
	var e *mysql.MySQLError
	if err := query(old); !errors.As(err, &e) || e.Number != 1243 {
		t.Errorf("have %v, want error 1243: unknown statement", err)
	}
	if err := old.Close(); err != nil {
		t.Error(err)
	}
	if err := query(young); err != nil {
		t.Errorf("the younger statement: %v", err)
	}
	if err := young.Close(); err != nil {
		t.Error(err)
	}
}

// TestMySQLResetSeesModes: the driver learns of a session's NO_BACKSLASH_ESCAPES from the
// server's answers. It has to know that it is over before it escapes an argument.
func TestMySQLResetSeesModes(t *testing.T) {
	r, restore := restorable(t, withOptions(onMySQL.dsn(t), "interpolateParams=true"))
	r.mustExec("SET sql_mode = 'NO_BACKSLASH_ESCAPES'")
	r.reset()
	r.mustExec(restore...)
	const word = `\' OR 1 -- `
	rows, err := r.conn.(driver.QueryerContext).QueryContext(context.Background(), "SELECT ?", []driver.NamedValue{{Ordinal: 1, Value: word}})
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	row := make([]driver.Value, 1)
	if err := rows.Next(row); err != nil || fmt.Sprintf("%s", row[0]) != word {
		t.Errorf("have %s %v, want %s", row[0], err, word)
	}
}

// TestMySQLResetOfAccount: what a session has of its account, and not of the DSN.
// EMPTY_STRING_IS_NULL stands for what sql_mode can do to the statement that asks.
func TestMySQLResetOfAccount(t *testing.T) {
	db := openServer(t, "mysql", onMySQL.dsn(t))
	drop := func() {
		db.ExecContext(context.Background(), "DROP USER IF EXISTS socket_limited")
		db.ExecContext(context.Background(), "DROP ROLE IF EXISTS `sock``et`")
	}
	drop()
	t.Cleanup(drop)
	for _, text := range []string{
		"CREATE USER socket_limited IDENTIFIED BY 'x' WITH MAX_STATEMENT_TIME 9",
		"GRANT SELECT ON pooled_test.* TO socket_limited",
		"CREATE ROLE `sock``et`",
		"GRANT `sock``et` TO socket_limited",
		"SET DEFAULT ROLE `sock``et` FOR socket_limited",
	} {
		mustExec(t, db, text)
	}
	for _, mode := range []string{"", "EMPTY_STRING_IS_NULL", "ORACLE", "ANSI,NO_BACKSLASH_ESCAPES"} {
		cfg, err := mysql.ParseDSN(onMySQL.dsn(t))
		if err != nil {
			t.Fatal(err)
		}
		cfg.User, cfg.Passwd = "socket_limited", "x"
		cfg.Params = map[string]string{"sql_mode": "'" + mode + "'"}
		r, restore := restorable(t, cfg.FormatDSN())
		const show = "SELECT CURRENT_ROLE(), @@max_statement_time, @@sql_mode"
		want := r.show(show)
		r.mustExec("SET ROLE NONE")
		r.reset()
		if have := r.show("SELECT @@max_statement_time"); have != "0" {
			t.Errorf("%q: have %s, want 0: then it need not be restored", mode, have)
		}
		r.mustExec(restore...)
		if have := r.show(show); have != want {
			t.Errorf("%q: have %s, want %s", mode, have, want)
		}
	}
}

// TestMySQLResetWithoutDatabase: no statement leaves a database, so one of those
// that restore fails if one was entered.
func TestMySQLResetWithoutDatabase(t *testing.T) {
	cfg, err := mysql.ParseDSN(pooledtest.MySQL(t))
	if err != nil {
		t.Fatal(err)
	}
	name := cfg.DBName
	cfg.DBName = ""
	r := openRaw(t, "mysql", cfg.FormatDSN())
	restore, err := pooled.MySQLRestoreTexts(context.Background(), r.connector, r.conn)
	if err != nil {
		t.Fatal(err)
	}
	r.reset()
	r.mustExec(restore...)
	r.mustExec("USE " + name)
	r.reset()
	failed := slices.ContainsFunc(restore, func(text string) bool { return r.exec(text) != nil })
	if !failed {
		t.Errorf("all succeed in database %s: %q", r.show("SELECT DATABASE()"), restore)
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

// TestMySQLRestoreTexts: when there is nothing to restore, and when nobody can.
func TestMySQLRestoreTexts(t *testing.T) {
	for _, test := range []struct {
		name, dsn string
		row       []driver.Value
		want      []string
	}{
		{"all", "/db?a=b", []driver.Value{[]byte("SET c"), []byte("SET ROLE r"), []byte("USE d")},
			[]string{"SET c", "SET ROLE r", "USE d", "SET a = b"}},
		{"a server without roles", "/db", []driver.Value{"SET c", nil, "USE d"}, []string{"SET c", "USE d"}},
		{"init_connect", "/db?a=b", []driver.Value{nil, "SET ROLE r", "USE d"}, nil},
		{"TLS", "/db?tls=preferred", []driver.Value{"SET c", "SET ROLE r", "USE d"}, nil},
		{"compression", "/db?compress=true", []driver.Value{"SET c", "SET ROLE r", "USE d"}, nil},
	} {
		c, err := pooled.OpenParent("mysql", test.dsn)
		if err != nil {
			t.Fatal(err)
		}
		have, err := pooled.MySQLRestoreTexts(context.Background(), c, &rowConn{row: test.row})
		if err != nil || !slices.Equal(have, test.want) || (have == nil) != (test.want == nil) {
			t.Errorf("%s: have %q %v, want %q", test.name, have, err, test.want)
		}
	}
}
