package mysql_test

import (
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"
	"time"

	driverpkg "github.com/go-sql-driver/mysql"

	"github.com/pooled-go/pooled/internal/dialect"
	"github.com/pooled-go/pooled/internal/dialect/dialecttest"
	"github.com/pooled-go/pooled/internal/dialect/mysql"
	"github.com/pooled-go/pooled/internal/pooledtest"
)

// The questions to a new session, from the one that asks for all to those for servers that do not know all.
const (
	askRole    = "@@read_only, @@innodb_read_only"
	askUsual   = "SELECT @@autocommit, @@completion_type, @@wait_timeout, CONNECTION_ID()"
	askAll     = askUsual + ", " + askRole
	askStmts   = askUsual + ", @@max_prepared_stmt_count, " + askRole
	askNoType  = "SELECT @@autocommit, @@wait_timeout, CONNECTION_ID(), " + askRole
	askLeast   = "SELECT @@autocommit, @@completion_type"
	askNothing = "SELECT @@autocommit"
)

func unknown(variable string) error {
	return &driverpkg.MySQLError{Number: 1193, Message: "Unknown system variable '" + variable + "'"}
}

func TestProbe(t *testing.T) {
	usual := dialect.Facts{SessionID: "5", IdleLimit: 8 * time.Hour, IdleLimitKnown: true, RoleKnown: true}
	with := func(change func(*dialect.Facts)) dialect.Facts {
		facts := usual
		change(&facts)
		return facts
	}
	autoOff := with(func(f *dialect.Facts) { f.AutoOff = true })
	noRole := with(func(f *dialect.Facts) { f.RoleKnown = false })
	isReadOnly := with(func(f *dialect.Facts) { f.ReadOnly = true })
	busy := &driverpkg.MySQLError{Number: 1205, Message: "busy"}
	for _, test := range []struct {
		name  string
		wants dialect.Wants
		rows  map[string][]driver.Value
		errs  map[string]error
		want  dialect.Facts
		fails bool
	}{
		{name: "as most are", rows: map[string][]driver.Value{askAll: {"1", "NO_CHAIN", "28800", int64(5), "0", "0"}},
			want: usual},
		{name: "autocommit is off", want: autoOff,
			rows: map[string][]driver.Value{askAll: {"0", "NO_CHAIN", "28800", int64(5), "0", "0"}}},
		{name: "COMMIT begins the next", want: autoOff,
			rows: map[string][]driver.Value{askAll: {"1", "CHAIN", "28800", int64(5), "0", "0"}}},
		{name: "no limit that is known", rows: map[string][]driver.Value{askAll: {"1", "0", "long", int64(5), "0", "0"}},
			want: dialect.Facts{SessionID: "5", RoleKnown: true}},
		{name: "read-only", want: isReadOnly,
			rows: map[string][]driver.Value{askAll: {"1", "0", "28800", int64(5), int64(1), int64(0)}}},
		{name: "read-only in a word", want: isReadOnly, // newer MariaDB
			rows: map[string][]driver.Value{askAll: {"1", "0", "28800", int64(5), "NO_LOCK_NO_ADMIN", "OFF"}}},
		{name: "read-only InnoDB", want: isReadOnly,
			rows: map[string][]driver.Value{askAll: {"1", "0", "28800", int64(5), int64(0), int64(1)}}},
		{name: "OFF", want: usual,
			rows: map[string][]driver.Value{askAll: {"1", "0", "28800", int64(5), "OFF", nil}}},
		{name: "nothing about its role", want: noRole,
			rows: map[string][]driver.Value{askAll: {"1", "0", "28800", int64(5), nil, nil}}},
		{name: "no innodb_read_only", want: isReadOnly,
			errs: map[string]error{askAll: unknown("innodb_read_only")},
			rows: map[string][]driver.Value{askUsual + ", @@read_only": {"1", "0", "28800", int64(5), int64(1)}}},
		{name: "no read_only", want: usual,
			errs: map[string]error{askAll: unknown("read_only")},
			rows: map[string][]driver.Value{askUsual + ", @@innodb_read_only": {"1", "0", "28800", int64(5), int64(0)}}},
		{name: "neither", want: noRole,
			errs: map[string]error{askAll: unknown("read_only"),
				askUsual + ", @@innodb_read_only": unknown("innodb_read_only")},
			rows: map[string][]driver.Value{askUsual: {"1", "0", "28800", int64(5)}}},
		{name: "refuses to tell", errs: map[string]error{askAll: busy}, want: noRole,
			rows: map[string][]driver.Value{askUsual: {"1", "0", "28800", int64(5)}}},
		{name: "with statements", wants: dialect.Wants{Statements: true},
			rows: map[string][]driver.Value{askStmts: {"1", "0", "28800", int64(5), int64(16382), "0", "0"}},
			want: with(func(f *dialect.Facts) { f.StmtLimit, f.StmtLimited = 16382, true })},
		{name: "any number of statements", wants: dialect.Wants{Statements: true}, // TiDB
			rows: map[string][]driver.Value{askStmts: {"1", "NO_CHAIN", "28800", int64(5), int64(-1), "0", "0"}},
			want: with(func(f *dialect.Facts) { f.StmtLimit = -1 })},
		{name: "no completion_type", errs: map[string]error{askAll: unknown("completion_type")}, want: usual,
			rows: map[string][]driver.Value{askNoType: {"1", "28800", int64(5), "0", "0"}}},
		{name: "knows the least",
			errs: map[string]error{askAll: unknown("wait_timeout"), askLeast: unknown("completion_type")},
			rows: map[string][]driver.Value{askNothing: {"1"}}},
		{name: "knows nothing", want: dialect.Facts{AutoOff: true}},
		{name: "other columns", rows: map[string][]driver.Value{askAll: {"1"}}, want: dialect.Facts{AutoOff: true}},
		{name: "lost", errs: map[string]error{askAll: driverpkg.ErrInvalidConn}, fails: true},
		{name: "lost at the second question", fails: true,
			errs: map[string]error{askAll: unknown("wait_timeout"), askLeast: io.EOF}},
		{name: "no backend", fails: true, errs: map[string]error{askAll: serverError(9001, "Max connect timeout reached")}},
		{name: "a connector of the program's", wants: dialect.Wants{Reset: true},
			rows: map[string][]driver.Value{askAll: {"1", "0", "28800", int64(5), "0", "0"}}, want: usual},
	} {
		s := &dialecttest.Session{Rows: test.rows, Errs: test.errs}
		have, err := mysql.Dialect.Probe(t.Context(), s, test.wants)
		if fmt.Sprintf("%+v", have) != fmt.Sprintf("%+v", test.want) || (err != nil) != test.fails {
			t.Errorf("%s:\nhave %+v, %v\nwant %+v, an error: %t", test.name, have, err, test.want, test.fails)
		}
	}
}

// What decides whether transactions begin by themselves is restored with the character sets.
func TestProbeForReset(t *testing.T) {
	connector, err := mysql.NewConnector("/db?a=b")
	if err != nil {
		t.Fatal(err)
	}
	_, _, dialed := pooledtest.SocketPair(t, "tcp")
	s := &dialecttest.Session{
		Rows: map[string][]driver.Value{askAll: {"1", "NO_CHAIN", "28800", int64(5), "0", "0"}},
		Conn: &rowConn{row: []driver.Value{"SET c = 1", "SET ROLE r", "USE d"}},
		From: connector, Dialed: dialed,
	}
	facts, err := mysql.Dialect.Probe(t.Context(), s, dialect.Wants{Reset: true})
	want := []string{"SET c = 1, autocommit = 1, completion_type = 'NO_CHAIN'", "SET ROLE r", "USE d", "SET a = b"}
	if err != nil || !slices.Equal(facts.Restore, want) {
		t.Errorf("have %q, %v, want %q", facts.Restore, err, want)
	}
}

// Without a socket, or without an answer to what has to be restored, only a new session will do.
func TestResetNeedsASocket(t *testing.T) {
	connector, err := mysql.NewConnector("/db")
	if err != nil {
		t.Fatal(err)
	}
	_, _, dialed := pooledtest.SocketPair(t, "tcp")
	restore := []string{"SET a = b"}
	for _, test := range []struct {
		dialecttest.Session
		restore []string
	}{
		{dialecttest.Session{From: connector, Conn: &rowConn{}, Dialed: dialed}, nil},
		{dialecttest.Session{From: connector, Conn: &rowConn{}}, restore},
		{dialecttest.Session{From: pooledtest.Null{}, Conn: &rowConn{}, Dialed: dialed}, restore},
	} {
		err := mysql.Dialect.Reset(t.Context(), &test.Session, dialect.Facts{Restore: test.restore})
		if !errors.Is(err, dialect.ErrReopen) || len(test.Log) > 0 {
			t.Errorf("%+v: have %v, sent %q", test, err, test.Log)
		}
	}
}

func TestTooManyConns(t *testing.T) {
	for number, want := range map[uint16]bool{1040: true, 1203: true, 1045: false} {
		if have := mysql.Dialect.TooManyConns(&driverpkg.MySQLError{Number: number}); have != want {
			t.Errorf("%d: have %t, want %t", number, have, want)
		}
	}
}

// 1047 alone is about a command of the protocol.
func TestRefuses(t *testing.T) {
	const notPrimary = "WSREP has not yet prepared node for application use"
	for _, test := range []struct {
		err  error
		want bool
	}{
		{&driverpkg.MySQLError{Number: 1047, Message: notPrimary}, true},
		{fmt.Errorf("ping: %w", &driverpkg.MySQLError{Number: 1047, Message: notPrimary}), true},
		{&driverpkg.MySQLError{Number: 1047, Message: "Unknown command"}, false},
		{&driverpkg.MySQLError{Number: 1213, Message: notPrimary}, false},
		{errors.New(notPrimary), false},
	} {
		if have := mysql.Dialect.Refuses(test.err); have != test.want {
			t.Errorf("%v: have %t, want %t", test.err, have, test.want)
		}
	}
}
