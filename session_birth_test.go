package pooled_test

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/DATA-DOG/go-sqlmock"
	"github.com/go-sql-driver/mysql"
	"github.com/lib/pq"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/internal/pooledtest"
)

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
func TestMySQLBirth(t *testing.T) {
	const (
		shorter  = "SELECT @@autocommit, @@wait_timeout, CONNECTION_ID()"
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
		"as most":         {[]exchange{{mysqlGreeting, row{1, "NO_CHAIN", 28800, 7}, nil}}, false},
		"bytes":           {[]exchange{{mysqlGreeting, row{[]byte("1"), []byte("NO_CHAIN"), 28800, 7}, nil}}, false},
		"number":          {[]exchange{{mysqlGreeting, row{1, 0, 28800, 7}, nil}}, false},
		"autocommit off":  {[]exchange{{mysqlGreeting, row{0, "NO_CHAIN", 28800, 7}, nil}}, true},
		"OFF":             {[]exchange{{mysqlGreeting, row{"OFF", "NO_CHAIN", 28800, 7}, nil}}, true},
		"CHAIN":           {[]exchange{{mysqlGreeting, row{1, "CHAIN", 28800, 7}, nil}}, true},
		"RELEASE":         {[]exchange{{mysqlGreeting, row{1, []byte("RELEASE"), 28800, 7}, nil}}, true},
		"CHAIN as number": {[]exchange{{mysqlGreeting, row{1, 1, 28800, 7}, nil}}, true},
		"no completion_type": {[]exchange{
			{mysqlGreeting, nil, lacks("completion_type")},
			{shorter, row{1, 28800, 7}, nil}}, false},
		"nor autocommit": {[]exchange{
			{mysqlGreeting, nil, lacks("completion_type")},
			{shorter, row{0, 28800, 7}, nil}}, true},
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
		"without a number": {[]exchange{{mysqlGreeting, nil, plain}, {least, nil, plain}}, true},
		"busy":             {[]exchange{{mysqlGreeting, nil, busy}, {least, nil, busy}}, true},
		"busy once":        {[]exchange{{mysqlGreeting, nil, busy}, {least, row{1, "NO_CHAIN"}, nil}}, false},
		"short": {[]exchange{
			{mysqlGreeting, row{1, "NO_CHAIN"}, nil},
			{least, row{1, "NO_CHAIN"}, nil}}, false},
		"too short": {[]exchange{{mysqlGreeting, row{1}, nil}, {least, row{1}, nil}}, true},
	} {
		t.Run(name, func(t *testing.T) {
			db, mock := mocked(t, "mysql")
			for _, x := range test.asked {
				expectExchange(mock, x)
			}
			for range 2 { // for later users too
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
func TestSQLServerBirth(t *testing.T) {
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
					mustExec(t, db, "UPDATE t")
				}
			})
		}
	}
}

// A Connect hook comes after the question, so its statements are judged by their texts.
func TestBirthByAConnectHook(t *testing.T) {
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
				mustExec(t, db, "UPDATE t")
			}
		})
	}
}

// A connection that is lost, or a server that is hindered, while it is asked something has answered nothing: the next
// is asked.
func TestGreetingThatFailsIsNoAnswer(t *testing.T) {
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
			fake.On(pooledtest.StageQuery, test.fault.Times(1).Match(idle))
			if err := db.Ping(); (err != nil) != test.lost || errors.Is(err, driver.ErrBadConn) {
				t.Errorf("have %v, want an error if it was lost, and not one at which database/sql tries again", err)
			}
			a, _ := grab(t, db)
			b, _ := grab(t, db)
			give(t, a, b)
			want := 2
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
func TestInitSQLComesBeforeTheGreeting(t *testing.T) {
	for _, dialect := range []string{"postgres", "mysql", "sqlserver"} {
		fake := pooledtest.NewFake(t)
		db, _ := open(t, fake, speaks(dialect), initSQL("SET a = 1"))
		mustExec(t, db, "SELECT 1")
		log := fake.Log()
		if at := slices.Index(log, "c1 exec SET a = 1"); at != 1 || !strings.HasPrefix(log[2], "c1 query ") {
			t.Errorf("%s: have %q, want the question behind pool_init_sql", dialect, log)
		}
	}
}
