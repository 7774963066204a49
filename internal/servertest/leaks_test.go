package servertest_test

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/pooled-go/pooled/internal/pooledtest"
)

// Parts of the list above.
const (
	pgInTx      = "SELECT now() = statement_timestamp()" // in a transaction now() is when it began
	pgCursors   = "SELECT count(*) FROM pg_cursors WHERE name = 'leak'"
	pgTemporary = "SELECT count(*) FROM pg_class WHERE relname = 'leak_temp' AND relnamespace = pg_my_temp_schema()"
)

var (
	pgRole = []string{"DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'leak_role') THEN CREATE " +
		"ROLE leak_role; END IF; END $$"}
	pgSequence = []string{"CREATE SEQUENCE IF NOT EXISTS leak_seq"}
)

// Parts of the list above.
const (
	myVariable = "SELECT @leak"
)

// matrix is the states of one server and where each leaks.
type matrix struct {
	server
	states  func(*testing.T) []state
	options []string // of the DSN
}

var (
	postgresMatrix = matrix{server: onPostgres, states: func(*testing.T) []state { return postgresStates },
		options: []string{"application_name=pooled_test"}}
	mysqlMatrix = matrix{server: onMySQL, options: []string{"multiStatements=true"},
		states: func(t *testing.T) []state { return mysqlStates(pooledtest.MySQLFacts(t)) }}
)

// contender is a way to open the pool of one connection on which a state is left.
type contender struct {
	name   string
	driver string                  // empty: the bare one
	mode   string                  // of pool_reset_on_return
	clean  func(state) (must bool) // the promise
	resets bool                    // it resets the session, and does not replace it
}

var contenders = []contender{
	{name: "bare", clean: func(state) bool { return false }},
	{name: "none", driver: "pooled", mode: "none", clean: func(state) bool { return false }},
	{name: "rollback", driver: "pooled", mode: "rollback", clean: func(s state) bool { return s.tx }},
	{name: "auto", driver: "pooled", mode: "auto", resets: true, clean: func(s state) bool {
		return !s.hidden &&
			!s.beyond
	}},
	{name: "session", driver: "pooled", mode: "session", resets: true, clean: func(s state) bool { return !s.beyond }},
}

// The next caller sees what a fresh connection shows, as far as the mode
// promises, also the second time. The bare driver shows that each state is a leak.
func TestLeakMatrix(t *testing.T) {
	for _, m := range []matrix{postgresMatrix, mysqlMatrix} {
		t.Run(m.name, func(t *testing.T) {
			dsn := pooledtest.WithOptions(m.dsn(t), m.options...)
			admin := openServer(t, m.bare, dsn)
			table(t, admin, "leak_rows", "a INT")
			pooledtest.MustExec(t, admin, "INSERT INTO leak_rows VALUES (1)")
			states := m.states(t)
			leaks := make([][]bool, len(states))
			for i, s := range states {
				if !s.absent {
					leaks[i] = m.leaksOf(t, admin, dsn, s)
				}
			}
			checkLeakTable(t, m.name, states, leaks)
		})
	}
}

// leaksOf tells with whom a state leaks.
func (m matrix) leaksOf(t *testing.T, admin *sql.DB, dsn string, s state) (leaks []bool) {
	t.Helper()
	for _, statement := range s.setup {
		pooledtest.MustExec(t, admin, statement)
	}
	defer func() {
		for _, statement := range s.undo {
			pooledtest.MustExec(t, admin, statement)
		}
	}()
	for _, c := range contenders {
		leaks = append(leaks, m.leaks(t, admin, dsn, s, c))
	}
	return leaks
}

// leaks leaves a state and asks whether it is there for the next caller.
func (m matrix) leaks(t *testing.T, admin *sql.DB, dsn string, s state, c contender) (leaks bool) {
	t.Helper()
	fresh := m.asks(t, dsn, s)
	db := m.open(t, dsn, s, c)
	defer db.Close()
	sessions := map[string]bool{}
	for round := range 2 { // a session that was dirty once must be clean the second time too
		session := answer(t, db, m.session())
		sessions[session] = true
		m.leave(t, db, s)
		have := ""
		if s.elsewhere {
			have = m.asks(t, dsn, s)
		} else {
			have = answer(t, db, s.probe)
		}
		differs := have != fresh
		leaks = leaks || differs
		switch {
		case c.driver == "" && !differs && round == 0:
			t.Errorf("%s: bare: have %s, as on a fresh connection: this leak is none", s.name, have)
		case c.clean(s) && differs:
			t.Errorf("%s: %s: have %s, want %s, as on a fresh connection", s.name, c.name, have, fresh)
		}
		// A session that was replaced is clean too, but that is not what is promised here.
		now := answer(t, db, m.session())
		sessions[now] = true
		if c.resets && now != session {
			t.Errorf("%s: %s: have session %s, want %s, which was reset", s.name, c.name, now, session)
		}
	}
	db.Close()
	m.await(t, dsn, s, fresh)
	for session := range sessions { // the next one leaves things by the same names
		if _, err := strconv.Atoi(session); err == nil { // else it did not say
			m.waitGone(t, admin, session)
		}
	}
	return leaks
}

// asks is the probe's answer on a fresh connection.
func (m matrix) asks(t *testing.T, dsn string, s state) string {
	t.Helper()
	db := openServer(t, m.bare, dsn)
	defer db.Close()
	return answer(t, db, s.probe)
}

// await waits until a lock is free again: a server sees the end of a session
// some time after the client.
func (m matrix) await(t *testing.T, dsn string, s state, fresh string) {
	t.Helper()
	if !s.elsewhere {
		return
	}
	for until := time.Now().Add(10 * time.Second); m.asks(t, dsn, s) != fresh; {
		if time.Now().After(until) {
			t.Fatalf("%s: the lock is still held after the session's end", s.name)
		}
	}
}

func (m matrix) open(t *testing.T, dsn string, s state, c contender) *sql.DB {
	t.Helper()
	if s.option != "" {
		dsn = pooledtest.WithOptions(dsn, s.option)
	}
	if c.driver == "" {
		db := openServer(t, m.bare, dsn)
		db.SetMaxOpenConns(1)
		if s.initial != "" {
			pooledtest.MustExec(t, db, s.initial)
		}
		return db
	}
	options := []string{"pool_size=1", "pool_max_overflow=0", "pool_reset_on_return=" + c.mode}
	if s.initial != "" {
		options = append(options, "pool_init_sql="+s.initial)
	}
	return openServer(t, c.driver, dsn, options...)
}

// leave is one user's work.
func (m matrix) leave(t *testing.T, db *sql.DB, s state) {
	t.Helper()
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for _, statement := range s.do {
		rows, err := conn.QueryContext(t.Context(), statement)
		if err != nil {
			continue
		}
		for more := true; more; more = rows.NextResultSet() {
			for rows.Next() {
			}
		}
		rows.Close()
	}
}

// answer is what a query shows: its only value, "nothing", or its error.
func answer(t *testing.T, db *sql.DB, query string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	var v any
	switch err := db.QueryRowContext(ctx, query).Scan(&v); {
	case err == sql.ErrNoRows:
		return "nothing"
	case err != nil:
		return "error " + err.Error()
	}
	if b, ok := v.([]byte); ok {
		return string(b)
	}
	return fmt.Sprint(v)
}
