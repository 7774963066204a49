package pooled_test

import (
	"database/sql/driver"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

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
	mustExec(t, db, "SELECT 1")
	conn, n := grab(t, db)
	before := len(fake.Log())
	mustExec(t, conn, statement)
	give(t, conn)
	var sent []string
	for _, line := range fake.Log()[before:] {
		line = strings.TrimPrefix(line, "c")
		_, line, _ = strings.Cut(line, " ")
		if line = strings.TrimPrefix(line, "exec "); line != statement && line != "close" && line != "resetSession" {
			sent = append(sent, line)
		}
	}
	conn, now := grab(t, db)
	give(t, conn)
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
	mustExec(t, db, "SET a = 1")
	before := len(fake.Log())
	mustExec(t, db, "SELECT 1")
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
		mustExec(t, db, "SELECT 1")
		synctest.Wait()
		if s := pool.Stats(); s.Open() != 0 || s.Invalidated != 1 {
			t.Errorf("after one that failed: have %+v", s)
		}
		began := time.Now()
		mustExec(t, db, "SELECT 1")
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
	mustExec(t, db, "UPDATE")
	mustExec(t, db, "UPDATE")
	pool.Dispose()
	mustExec(t, db, "UPDATE")
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
	mustExec(t, db, "SELECT 1")
	mustExec(t, db, "SELECT 1")
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

// A connection that is lost while the pool asks what it wants to know of it is not lent.
func TestLostWhileGreeted(t *testing.T) {
	for _, dialect := range []string{"postgres", "mysql"} {
		fake := pooledtest.NewFake(t)
		db, pool := open(t, fake, speaks(dialect))
		fake.On(pooledtest.StageQuery, pooledtest.BadConn().Times(1))
		if err := db.Ping(); err == nil || errors.Is(err, driver.ErrBadConn) {
			t.Errorf("%s: have %v, want an error at which database/sql does not try again", dialect, err)
		}
		if s := pool.Stats(); s.Open() != 0 {
			t.Errorf("%s: have %+v", dialect, s)
		}
		mustExec(t, db, "SELECT 1")
	}
}
