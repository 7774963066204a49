package servertest_test

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/go-sql-driver/mysql"

	"github.com/pooled-go/pooled/internal/dialect"
	mysqldialect "github.com/pooled-go/pooled/internal/dialect/mysql"
	"github.com/pooled-go/pooled/internal/driverconn"
	"github.com/pooled-go/pooled/internal/pooledtest"
	"github.com/pooled-go/pooled/internal/socket"
)

// restorable is a session of MySQL or MariaDB with the statements that restore it.
func restorable(t testing.TB, dsn string) (rawSession, []string) {
	t.Helper()
	r := openRaw(t, "mysql", dsn)
	facts, err := mysqldialect.Dialect.Probe(context.Background(), probed{r}, dialect.Wants{Reset: true})
	if err != nil || facts.Restore == nil {
		t.Fatalf("restore: %q %v", facts.Restore, err)
	}
	return r, facts.Restore
}

// reset resets the session and restores nothing.
func (r rawSession) reset() {
	r.Helper()
	if err := mysqldialect.Dialect.Reset(context.Background(), probed{r}, dialect.Facts{Restore: []string{}}); err != nil {
		r.Fatal(err)
	}
}

// probed is a rawSession as its dialect sees it.
type probed struct{ rawSession }

func (p probed) Exec(_ context.Context, query string) error { return p.exec(query) }
func (p probed) Sent(string)                                {}
func (p probed) Connector() driver.Connector                { return p.connector }
func (p probed) Socket() *socket.Socket                     { return p.socket }
func (p probed) MayHoldTx() bool                            { return false }
func (p probed) ForgetStatements()                          {}

func (p probed) Driver() *driverconn.Conn {
	c := driverconn.Of(p.conn)
	return &c
}

func (p probed) QueryRow(ctx context.Context, query string) ([]driver.Value, error) {
	return p.Driver().QueryRow(ctx, query, nil)
}

// resetTest is a way to change a session, and what shows it. left: the reset alone would not do.
type resetTest struct {
	name, dirty, show string
	left              bool
}

// TestMySQLReset: a session that was reset and restored shows what a new one does.
func TestMySQLReset(t *testing.T) {
	on := pooledtest.MySQLFacts(t)
	db := openServer(t, "mysql", onMySQL.dsn(t))
	table(t, db, "socket_reset", "id INT PRIMARY KEY")
	table(t, db, "socket_unlocked", "id INT PRIMARY KEY")
	setup := slices.Concat(pooledtest.Anew("DATABASE", "socket_other", "CHARACTER SET ascii"),
		pooledtest.Anew("ROLE", "`socket``role`", ""), []string{"GRANT `socket``role` TO CURRENT_USER()"})
	if on.Sequences {
		setup = append(setup, pooledtest.Anew("SEQUENCE", "socket_sequence", "")...)
	}
	prepareServer(t, db, setup, []string{"DROP DATABASE IF EXISTS socket_other", "DROP ROLE IF EXISTS `socket``role`",
		"DROP SEQUENCE IF EXISTS socket_sequence"})
	charsets := "SELECT @@character_set_client, @@character_set_results, @@character_set_connection, " +
		"@@collation_connection"
	params := []string{"charset=latin1", "time_zone=%27%2B01:00%27"}
	tests := []resetTest{
		{"user variable", "SET @a = 1", "SELECT @a", false},
		{"session variable", "SET sql_mode = ''", "SELECT @@sql_mode", false},
		{"variable of the DSN", "SET time_zone = '+03:00'", "SELECT @@time_zone", true},
		{"autocommit", "SET autocommit = 0", "SELECT @@autocommit", false},
		{"clock", "SET timestamp = 100", "SELECT NOW() < '2000-01-01'", false},
		{"next transaction", "SET TRANSACTION READ ONLY", "DELETE FROM socket_reset", false},
		{"temporary table", "CREATE TEMPORARY TABLE socket_reset SELECT 1 id", "SELECT COUNT(*) FROM socket_reset", false},
		{"named lock", "DO GET_LOCK('socket lock', 10)", "SELECT IS_USED_LOCK('socket lock')", false},
		{"table lock", "LOCK TABLES socket_reset READ", "SELECT 1 FROM socket_unlocked LIMIT 0", false},
		{"transaction", "BEGIN; INSERT INTO socket_reset VALUES (1)", "SELECT " + on.InTransaction +
			", (SELECT COUNT(*) FROM socket_reset)", false},
		{"failed transaction", "BEGIN; INSERT INTO socket_reset VALUES (1); INSERT INTO socket_reset VALUES (1)",
			"SELECT " + on.InTransaction + ", (SELECT COUNT(*) FROM socket_reset)", false},
		{"XA transaction", "XA START 'socket'; INSERT INTO socket_reset VALUES (1)",
			"SELECT COUNT(*) FROM socket_reset", false},
		{"statement by name", "PREPARE socket_statement FROM 'SELECT 1'", "EXECUTE socket_statement", false},
		{"handler", "HANDLER socket_reset OPEN AS h", "HANDLER h READ FIRST", false},
		{"last insert id", "SELECT LAST_INSERT_ID(77)", "SELECT LAST_INSERT_ID()", false},
		{"profiling", "SET profiling = 1", "SELECT @@profiling", false},
		{"character sets", "SET NAMES ascii", charsets, true}, // it goes back to the handshake's
		{"results as stored", "SET character_set_results = NULL", charsets, true},
		{"role", "SET ROLE `socket``role`", "SELECT CURRENT_ROLE()", true},
		{"database", "USE socket_other", "SELECT DATABASE(), @@collation_database", true},
	}
	if on.Sequences {
		tests = append(tests, resetTest{"last of a sequence", "SELECT NEXTVAL(socket_sequence)",
			"SELECT LASTVAL(socket_sequence)", false})
	}
	for _, test := range tests {
		for way, dsn := range map[string]string{"without TLS": pooledtest.MySQLPlain(t), "over TLS": pooledtest.MySQLTLS(t)} {
			t.Run(test.name+" "+way, func(t *testing.T) {
				test.run(t, pooledtest.WithOptions(dsn, append(params, "multiStatements=true")...))
			})
		}
	}
}

func (test resetTest) run(t *testing.T, dsn string) {
	fresh := openRaw(t, "mysql", dsn).show(test.show)
	r, restore := restorable(t, dsn)
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
		rows, err := stmt.(driver.StmtQueryContext).QueryContext(
			context.Background(),
			[]driver.NamedValue{{Ordinal: 1, Value: int64(1)}},
		)
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
	r, restore := restorable(t, pooledtest.WithOptions(onMySQL.dsn(t), "interpolateParams=true"))
	r.mustExec("SET sql_mode = 'NO_BACKSLASH_ESCAPES'")
	r.reset()
	r.mustExec(restore...)
	const word = `\' OR 1 -- `
	rows, err := r.conn.(driver.QueryerContext).QueryContext(
		context.Background(),
		"SELECT ?",
		[]driver.NamedValue{{Ordinal: 1, Value: word}},
	)
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
	on := pooledtest.MySQLFacts(t)
	limited, modes := "", []string{"", "ANSI,NO_BACKSLASH_ESCAPES"}
	if on.AccountTimeLimit {
		limited = " WITH MAX_STATEMENT_TIME 9"
	}
	if on.SQLModes {
		modes = append(modes, "EMPTY_STRING_IS_NULL", "ORACLE")
	}
	for _, text := range []string{
		"CREATE USER socket_limited IDENTIFIED BY 'x'" + limited,
		"GRANT SELECT ON pooled_test.* TO socket_limited",
		"CREATE ROLE `sock``et`",
		"GRANT `sock``et` TO socket_limited",
		fmt.Sprintf(on.DefaultRole, "`sock``et`", "socket_limited"),
	} {
		pooledtest.MustExec(t, db, text)
	}
	limit, _, _ := strings.Cut(on.TimeLimit, "=")
	for _, mode := range modes {
		cfg, err := mysql.ParseDSN(onMySQL.dsn(t))
		if err != nil {
			t.Fatal(err)
		}
		cfg.User, cfg.Passwd = "socket_limited", "x"
		cfg.Params = map[string]string{"sql_mode": "'" + mode + "'"}
		r, restore := restorable(t, cfg.FormatDSN())
		show := "SELECT CURRENT_ROLE(), @@" + limit + ", @@sql_mode"
		want := r.show(show)
		r.mustExec("SET ROLE NONE")
		r.reset()
		if have := r.show("SELECT @@" + limit); have != "0" {
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
	r, restore := restorable(t, cfg.FormatDSN())
	r.reset()
	r.mustExec(restore...)
	r.mustExec("USE " + name)
	r.reset()
	failed := slices.ContainsFunc(restore, func(text string) bool { return r.exec(text) != nil })
	if !failed {
		t.Errorf("all succeed in database %s: %q", r.show("SELECT DATABASE()"), restore)
	}
}
