package pooled_test

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/DATA-DOG/go-sqlmock"
	"github.com/go-sql-driver/mysql"
	"github.com/lib/pq"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/internal/pooledtest"
)

func mode(m pooled.ResetMode) func(*pooled.Config) {
	return func(c *pooled.Config) { c.ResetOnReturn = m }
}

func initSQL(text string) func(*pooled.Config) {
	return func(c *pooled.Config) { c.InitSQL = text }
}

// sentBy is what reached the fake for one db.Exec on a warm pool, without what
// every use has; "reopened" if there was another connection afterwards.
func sentBy(t *testing.T, statement string, set ...func(*pooled.Config)) string {
	t.Helper()
	fake := pooledtest.NewFake(t)
	db, pool := open(t, fake, append(set, size(1, 0), noRecycle)...)
	pooledtest.MustExec(t, db, "SELECT 1")
	conn, n := grab(t, db)
	before := len(fake.Log())
	pooledtest.MustExec(t, conn, statement)
	pooledtest.Give(t, conn)
	var sent []string
	for _, line := range fake.Log()[before:] {
		line = strings.TrimPrefix(line, "c")
		_, line, _ = strings.Cut(line, " ")
		if line = strings.TrimPrefix(line, "exec "); line != statement && line != "close" && line != "resetSession" {
			sent = append(sent, line)
		}
	}
	conn, now := grab(t, db)
	pooledtest.Give(t, conn)
	if now != n {
		if s := pool.Stats(); s.Invalidated != 0 {
			t.Errorf("have %+v: to close a session in order to reset it invalidates nothing", s)
		}
		sent = append(sent, "reopened")
	}
	return strings.Join(sent, "; ")
}

// What each mode sends after which statement. The fake is no server that could
// reset MySQL's session by its packet; the tests on real ones show that.
func TestResetModesSend(t *testing.T) {
	const discards = "CLOSE ALL; SET SESSION AUTHORIZATION DEFAULT; RESET ALL; DO $$ DECLARE"
	for _, test := range []struct {
		speaks    string
		mode      pooled.ResetMode
		statement string
		want      string // the beginning, if it ends with …
	}{
		{"postgres", pooled.ResetAuto, "SELECT 1", ""},
		{"postgres", pooled.ResetAuto, "BEGIN", "ROLLBACK"},
		{"postgres", pooled.ResetAuto, "SET a = 1", discards + "…"},
		{"postgres", pooled.ResetRollback, "SET a = 1", ""},
		{"postgres", pooled.ResetSession, "SELECT 1", discards + "…"},
		{"postgres", pooled.ResetSession, "BEGIN", "ROLLBACK; " + discards + "…"},
		{"postgres", pooled.ResetNone, "BEGIN", ""},
		{"sqlite", pooled.ResetAuto, "SELECT 1", ""},
		{"sqlite", pooled.ResetAuto, "PRAGMA x", "reopened"},
		{"sqlite", pooled.ResetSession, "SELECT 1", "reopened"},
		{"sqlserver", pooled.ResetSession, "SELECT 1", "IF @@TRANCOUNT > 0 ROLLBACK"},
		{"sqlserver", pooled.ResetAuto, "SET a 1", "IF @@TRANCOUNT > 0 ROLLBACK"},
		{"mysql", pooled.ResetSession, "SELECT 1", "reopened"},
		{"mysql", pooled.ResetAuto, "SET @a = 1", "reopened"},
		{"", pooled.ResetSession, "SELECT 1", "reopened"},
		{"", pooled.ResetAuto, "SELECT 1", ""},
		{"", pooled.ResetAuto, "SET a = 1", "reopened"},
	} {
		have := sentBy(t, test.statement, speaks(test.speaks), mode(test.mode))
		want, begins := strings.CutSuffix(test.want, "…")
		if begins && strings.HasPrefix(have, want) {
			have = want
		}
		if have != want {
			t.Errorf("%s, %s, %q:\nhave %q\nwant %q", test.speaks, test.mode, test.statement, have, test.want)
		}
	}
}

// A session that was reset is clean: the next return has nothing to do.
func TestAutoResetsOnce(t *testing.T) {
	fake := pooledtest.NewFake(t)
	db, _ := open(t, fake, speaks("postgres"), mode(pooled.ResetAuto))
	pooledtest.MustExec(t, db, "SET a = 1")
	before := len(fake.Log())
	pooledtest.MustExec(t, db, "SELECT 1")
	for _, line := range fake.Log()[before:] {
		if strings.Contains(line, "RESET ALL") {
			t.Errorf("reset again: %q", fake.Log()[before:])
		}
	}
}

// A prepared statement that changes the session is seen too.
func TestAutoSeesPreparedStatements(t *testing.T) {
	fake := pooledtest.NewFake(t)
	db, _ := open(t, fake, speaks("postgres"), mode(pooled.ResetAuto))
	stmt, err := db.Prepare("SET a = 1")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stmt.Exec(); err != nil {
		t.Fatal(err)
	}
	stmt.Close()
	if !strings.Contains(strings.Join(fake.Log(), "\n"), "RESET ALL") {
		t.Errorf("not reset: %q", fake.Log())
	}
}

// A session reset that fails or hangs costs the server connection.
func TestSessionResetThatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := pooledtest.NewFake(t)
		db, pool := open(t, fake, speaks("postgres"), mode(pooled.ResetSession))
		defer db.Close()
		fake.On(pooledtest.StageExec, pooledtest.Fail(errors.New("no")).Match("RESET ALL").Times(1))
		fake.On(pooledtest.StageExec, pooledtest.Hang().Match("RESET ALL").Times(1))
		pooledtest.MustExec(t, db, "SELECT 1")
		synctest.Wait()
		if s := pool.Stats(); s.Open() != 0 || s.Invalidated != 1 {
			t.Errorf("after one that failed: have %+v", s)
		}
		began := time.Now()
		pooledtest.MustExec(t, db, "SELECT 1")
		synctest.Wait()
		if s := pool.Stats(); s.Open() != 0 || s.Invalidated != 2 || time.Since(began) != 5*time.Second {
			t.Errorf("after one that hung %v: have %+v", time.Since(began), s)
		}
	})
}

// pool_init_sql comes first on each new server connection, and again after a session reset.
func TestInitSQL(t *testing.T) {
	fake := pooledtest.NewFake(t)
	db, pool := open(t, fake, speaks("sqlite"), initSQL("SET a = 1"))
	pooledtest.MustExec(t, db, "UPDATE")
	pooledtest.MustExec(t, db, "UPDATE")
	pool.Dispose()
	pooledtest.MustExec(t, db, "UPDATE")
	wantLog(t, fake, "c1 connect", "c1 exec SET a = 1", "c1 exec UPDATE", "c1 resetSession", "c1 exec UPDATE",
		"c2 connect", "c2 exec SET a = 1", "c2 exec UPDATE")

	have := sentBy(t, "SELECT 1", speaks("postgres"), mode(pooled.ResetSession), initSQL("SET b = 2"))
	if !strings.HasSuffix(have, "; SET b = 2") {
		t.Errorf("after a session reset: have %q", have)
	}
}

// SQL Server's driver resets the session at each checkout, and pool_init_sql's work with it.
func TestInitSQLOnSQLServer(t *testing.T) {
	fake := pooledtest.NewFake(t)
	fake.On(pooledtest.StageQuery, pooledtest.Fail(errors.New("not SQL Server")).Match("@@OPTIONS"))
	db, _ := open(t, fake, speaks("sqlserver"), mode(pooled.ResetNone), initSQL("SET a = 1"))
	pooledtest.MustExec(t, db, "SELECT 1")
	pooledtest.MustExec(t, db, "SELECT 1")
	have := strings.Join(fake.Log(), "; ")
	if want := "c1 resetSession; c1 exec SET a = 1; c1 exec SELECT 1"; !strings.Contains(have, want) {
		t.Errorf("have %q\nwant it to hold %q", have, want)
	}
}

func TestInitSQLThatFails(t *testing.T) {
	fake := pooledtest.NewFake(t)
	db, pool := open(t, fake, initSQL("WRONG"))
	wrong := errors.New("syntax error")
	fake.On(pooledtest.StageExec, pooledtest.Fail(wrong))
	err := db.Ping()
	if !errors.Is(err, wrong) || !strings.HasPrefix(err.Error(), "pooled: pool_init_sql: ") {
		t.Errorf("have %v", err)
	}
	if s := pool.Stats(); s.Open() != 0 || fake.Counts().Open != 0 {
		t.Errorf("have %+v, want it closed", s)
	}
}

// A database that ends with its connection can't be reopened to reset it.
func TestNoSessionResetForAPrivateMemoryDatabase(t *testing.T) {
	for _, m := range []string{"auto", "session"} {
		_, err := pooled.SuitSingle(m)
		if err == nil || !strings.Contains(err.Error(), "pool_reset_on_return="+m) {
			t.Errorf("have %v", err)
		}
	}
}

// A connection that is lost while the pool asks what it wants to know of it is not leased.
func TestLostWhileGreeted(t *testing.T) {
	for _, dialect := range []string{"postgres", "mysql"} {
		fake := pooledtest.NewFake(t)
		db, pool := open(t, fake, speaks(dialect))
		fake.On(pooledtest.StageQuery, pooledtest.BadConn().Times(2)) // another one is opened once
		if err := db.Ping(); err == nil || errors.Is(err, driver.ErrBadConn) {
			t.Errorf("%s: have %v, want an error at which database/sql does not try again", dialect, err)
		}
		if s := pool.Stats(); s.Open() != 0 {
			t.Errorf("%s: have %+v", dialect, s)
		}
		pooledtest.MustExec(t, db, "SELECT 1")
	}
}

// exchange is a question to a new session and the answer: a row or an error.
type exchange struct {
	query string
	row   []driver.Value
	err   error
}

func expectExchange(mock sqlmock.Sqlmock, x exchange) {
	expected := mock.ExpectQuery(x.query)
	if x.err != nil {
		expected.WillReturnError(x.err)
		return
	}
	expected.WillReturnRows(sqlmock.NewRows(slices.Repeat([]string{"a"}, len(x.row))).AddRow(x.row...))
}

type row = []driver.Value

// A new MySQL session is asked once what it is born with. Where not all of it is answered, the least that has to be
// known is asked, and what is not known is taken for the worst.
func TestMySQLInitialSettings(t *testing.T) {
	const (
		role     = ", @@read_only, @@innodb_read_only"
		usual    = "SELECT @@autocommit, @@completion_type, @@wait_timeout, CONNECTION_ID()"
		shorter  = "SELECT @@autocommit, @@wait_timeout, CONNECTION_ID()" + role
		least    = "SELECT @@autocommit, @@completion_type"
		shortest = "SELECT @@autocommit"
	)
	lacks := func(variable string) error {
		return &mysql.MySQLError{Number: 1193, Message: fmt.Sprintf("Unknown system variable '%s'", variable)}
	}
	busy, plain := &mysql.MySQLError{Number: 1205, Message: "busy"}, errors.New("no")
	for name, test := range map[string]struct {
		asked  []exchange
		begins bool // transactions begin by themselves, as far as is known
	}{
		"as most":         {[]exchange{{mysqlGreeting, row{1, "NO_CHAIN", 28800, 7, 0, 0}, nil}}, false},
		"bytes":           {[]exchange{{mysqlGreeting, row{[]byte("1"), []byte("NO_CHAIN"), 28800, 7, 0, 0}, nil}}, false},
		"number":          {[]exchange{{mysqlGreeting, row{1, 0, 28800, 7, 0, 0}, nil}}, false},
		"autocommit off":  {[]exchange{{mysqlGreeting, row{0, "NO_CHAIN", 28800, 7, 0, 0}, nil}}, true},
		"OFF":             {[]exchange{{mysqlGreeting, row{"OFF", "NO_CHAIN", 28800, 7, 0, 0}, nil}}, true},
		"CHAIN":           {[]exchange{{mysqlGreeting, row{1, "CHAIN", 28800, 7, 0, 0}, nil}}, true},
		"RELEASE":         {[]exchange{{mysqlGreeting, row{1, []byte("RELEASE"), 28800, 7, 0, 0}, nil}}, true},
		"CHAIN as number": {[]exchange{{mysqlGreeting, row{1, 1, 28800, 7, 0, 0}, nil}}, true},
		"no completion_type": {[]exchange{
			{mysqlGreeting, nil, lacks("completion_type")},
			{shorter, row{1, 28800, 7, 0, 0}, nil}}, false},
		"nor autocommit": {[]exchange{
			{mysqlGreeting, nil, lacks("completion_type")},
			{shorter, row{0, 28800, 7, 0, 0}, nil}}, true},
		"no wait_timeout": {[]exchange{
			{mysqlGreeting, nil, lacks("wait_timeout")},
			{least, row{1, "NO_CHAIN"}, nil}}, false},
		"no wait_timeout, CHAIN": {[]exchange{
			{mysqlGreeting, nil, lacks("wait_timeout")},
			{least, row{1, "CHAIN"}, nil}}, true},
		"neither": {[]exchange{
			{mysqlGreeting, nil, lacks("completion_type")},
			{shorter, nil, lacks("wait_timeout")},
			{least, nil, lacks("completion_type")},
			{shortest, row{1}, nil}}, false},
		"nothing": {[]exchange{
			{mysqlGreeting, nil, lacks("completion_type")},
			{shorter, nil, lacks("wait_timeout")},
			{least, nil, lacks("completion_type")},
			{shortest, nil, lacks("autocommit")}}, true},
		"no read_only": {[]exchange{
			{mysqlGreeting, nil, lacks("read_only")},
			{usual + ", @@innodb_read_only", nil, lacks("innodb_read_only")},
			{usual, row{1, "NO_CHAIN", 28800, 7}, nil}}, false},
		"without a number": {[]exchange{
			{mysqlGreeting, nil, plain}, {usual, nil, plain}, {least, nil, plain}}, true},
		"busy":      {[]exchange{{mysqlGreeting, nil, busy}, {usual, nil, busy}, {least, nil, busy}}, true},
		"busy once": {[]exchange{{mysqlGreeting, nil, busy}, {usual, row{1, "NO_CHAIN", 28800, 7}, nil}}, false},
		"busy twice": {[]exchange{
			{mysqlGreeting, nil, busy}, {usual, nil, busy}, {least, row{1, "NO_CHAIN"}, nil}}, false},
		"short": {[]exchange{
			{mysqlGreeting, row{1, "NO_CHAIN"}, nil}, {usual, row{1, "NO_CHAIN"}, nil},
			{least, row{1, "NO_CHAIN"}, nil}}, false},
		"too short": {[]exchange{
			{mysqlGreeting, row{1}, nil}, {usual, row{1}, nil}, {least, row{1}, nil}}, true},
	} {
		t.Run(name, func(t *testing.T) {
			db, mock := mocked(t, "mysql")
			for _, x := range test.asked {
				expectExchange(mock, x)
			}
			for range 2 { // for later callers too
				mock.ExpectBegin()
				mock.ExpectCommit()
				if test.begins {
					mock.ExpectExec("ROLLBACK AND NO CHAIN NO RELEASE").WillReturnResult(sqlmock.NewResult(0, 0))
				}
				tx, err := db.Begin()
				if err != nil {
					t.Fatal(err)
				}
				if err := tx.Commit(); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// SQL Server's session is born with implicit transactions by pool_init_sql, which its driver undoes at each checkout,
// so that it runs again; or by the server's configuration.
func TestSQLServerInitialSettings(t *testing.T) {
	const question = "SELECT CASE WHEN @@OPTIONS & 2 = 2 THEN 0 ELSE 1 END"
	for _, mode := range []pooled.ResetMode{pooled.ResetRollback, pooled.ResetCommit, pooled.ResetAuto} {
		for _, init := range []string{"SET IMPLICIT_TRANSACTIONS ON", "SET ANSI_DEFAULTS ON", ""} {
			t.Run(string(mode)+"/"+init, func(t *testing.T) {
				db, mock := mocked(t, "sqlserver", resetMode(mode), initSQL(init))
				end := "IF @@TRANCOUNT > 0 ROLLBACK"
				if mode == pooled.ResetCommit {
					end = "IF @@TRANCOUNT > 0 COMMIT"
				}
				ok := sqlmock.NewResult(0, 1)
				for use := range 3 {
					if init != "" {
						mock.ExpectExec(init).WillReturnResult(ok)
					}
					if use == 0 {
						expectExchange(mock, exchange{question, row{0}, nil})
					}
					mock.ExpectExec("UPDATE t").WillReturnResult(ok)
					mock.ExpectExec(end).WillReturnResult(ok)
					pooledtest.MustExec(t, db, "UPDATE t")
				}
			})
		}
	}
}

// A Connect hook comes after the question, so its statements are judged by their texts.
func TestInitialSettingsOfAConnectHook(t *testing.T) {
	for _, test := range []struct {
		speaks, sends string
		begins        bool
	}{
		{"mysql", "SET completion_type = CHAIN", true},
		{"mysql", "SET autocommit = 0", true},
		{"mysql", "SET NAMES utf8mb4", false},
		{"sqlserver", "SET IMPLICIT_TRANSACTIONS ON", true},
		{"sqlserver", "SET NOCOUNT ON", false},
	} {
		t.Run(test.sends, func(t *testing.T) {
			hook := func(ctx context.Context, s *pooled.ServerConn) error { return s.Exec(ctx, test.sends) }
			db, mock := mocked(t, test.speaks, func(c *pooled.Config) { c.Hooks.Connect = hook })
			ok, rollback := sqlmock.NewResult(0, 1), "ROLLBACK AND NO CHAIN NO RELEASE"
			if test.speaks == "sqlserver" {
				rollback = "IF @@TRANCOUNT > 0 ROLLBACK"
			}
			expectAutocommit(mock, test.speaks, 1)
			mock.ExpectExec(test.sends).WillReturnResult(ok)
			for range 2 {
				mock.ExpectExec("UPDATE t").WillReturnResult(ok)
				if test.begins {
					mock.ExpectExec(rollback).WillReturnResult(ok)
				}
				pooledtest.MustExec(t, db, "UPDATE t")
			}
		})
	}
}

// A connection that is lost, or a server that is hindered, while it is asked something has answered nothing: the next
// is asked.
func TestProbeThatFailsIsNoAnswer(t *testing.T) {
	const idle = "SELECT setting FROM pg_catalog.pg_settings WHERE name = 'idle_session_timeout'"
	asked := func(fake *pooledtest.Fake) (n int) {
		for _, line := range fake.Log() {
			if strings.Contains(line, "idle_session_timeout") {
				n++
			}
		}
		return n
	}
	for name, test := range map[string]struct {
		fault pooledtest.Fault
		final bool // the error is the answer of a server that does not know the question
		lost  bool
	}{
		"lost":             {pooledtest.BadConn(), false, true},
		"shut down":        {pooledtest.Fail(&pq.Error{Code: "57P01"}), false, true},
		"time limit":       {pooledtest.Fail(&pq.Error{Code: "57014"}), false, false},
		"out of memory":    {pooledtest.Fail(&pq.Error{Code: "53200"}), false, false},
		"broken":           {pooledtest.Fail(&pq.Error{Code: "XX000"}), false, false},
		"no such view":     {pooledtest.Fail(&pq.Error{Code: "42P01"}), true, false},
		"not supported":    {pooledtest.Fail(&pq.Error{Code: "0A000"}), true, false},
		"without a number": {pooledtest.Fail(errors.New("what?")), true, false},
	} {
		t.Run(name, func(t *testing.T) {
			fake := pooledtest.NewFake(t)
			db, _ := open(t, fake, speaks("postgres"), size(2, 0))
			times := 1
			if test.lost { // another connection is opened once
				times = 2
			}
			fake.On(pooledtest.StageQuery, test.fault.Times(times).Match(idle))
			if err := db.Ping(); (err != nil) != test.lost || errors.Is(err, driver.ErrBadConn) {
				t.Errorf("have %v, want an error if it was lost, and not one at which database/sql tries again", err)
			}
			a, _ := grab(t, db)
			b, _ := grab(t, db)
			pooledtest.Give(t, a, b)
			want := times + 1
			if test.final {
				want = 1
			}
			if have := asked(fake); have != want {
				t.Errorf("asked %d times, want %d", have, want)
			}
		})
	}
}

// What pool_init_sql sets is there when the session is asked.
func TestInitSQLComesBeforeTheProbe(t *testing.T) {
	for _, dialect := range []string{"postgres", "mysql", "sqlserver"} {
		fake := pooledtest.NewFake(t)
		db, _ := open(t, fake, speaks(dialect), initSQL("SET a = 1"))
		pooledtest.MustExec(t, db, "SELECT 1")
		log := fake.Log()
		if at := slices.Index(log, "c1 exec SET a = 1"); at != 1 || !strings.HasPrefix(log[2], "c1 query ") {
			t.Errorf("%s: have %q, want the question behind pool_init_sql", dialect, log)
		}
	}
}

// The time after which the server ends an idle session is what the session was born with, pool_init_sql's doing too.
func TestIdleLimitOfInitialSettings(t *testing.T) {
	for _, test := range []struct {
		name   string
		dsn    func(testing.TB) string
		option string
	}{
		{"postgres", pooledtest.Postgres, "idle_session_timeout=40000"},
		{"postgres", pooledtest.Postgres, "pool_init_sql=SET idle_session_timeout = 40000"},
		{"mysql", pooledtest.MySQL, "wait_timeout=40"},
		{"mysql", pooledtest.MySQL, "pool_init_sql=SET wait_timeout = 40"},
	} {
		t.Run(test.name+"/"+test.option, func(t *testing.T) {
			db := pooledtest.OpenDB(t, "pooled", pooledtest.WithOptions(test.dsn(t), test.option))
			if err := db.Ping(); err != nil {
				t.Fatal(err)
			}
			pool, _ := pooled.PoolOf(db)
			if have := pooled.IdleLimit(pool).Seconds(); have != 30 {
				t.Errorf("have %v s, want 30, which is earlier than the server", have)
			}
		})
	}
}

// A connection that is lost while it is asked for its limit is replaced at once, and the next one is asked again if its
// server tells one by default.
func TestIdleLimitOfALostProbe(t *testing.T) {
	for _, test := range []struct {
		name string
		dsn  func(testing.TB) string
		at   string
	}{
		{"postgres", pooledtest.PostgresPlain, "pg_backend_pid"},
		{"postgres", pooledtest.PostgresPlain, "idle_session_timeout"},
		{"mysql", pooledtest.MySQLPlain, "@@autocommit"},
		{"mysql", pooledtest.MySQLPlain, "@@init_connect"},
	} {
		t.Run(test.name+"/"+test.at, func(t *testing.T) {
			proxy := pooledtest.NewProxy(t, test.dsn(t))
			proxy.On(test.at, proxy.CloseAll)
			db := pooledtest.OpenDB(t, "pooled", pooledtest.WithOptions(proxy.DSN(), "pool_reset_on_return=session",
				"pool_stmt_cache=64"))
			if err := db.Ping(); err != nil {
				t.Fatal(err)
			}
			pool, _ := pooled.PoolOf(db)
			if have := pooled.IdleLimit(pool) > 0; have != (test.name == "mysql") {
				t.Errorf("a limit on idleness is known: %t", have)
			}
		})
	}
}
