package doctor

import (
	"bytes"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pooled-go/pooled/internal/pooledtest"
)

func TestDoctorOnMemory(t *testing.T) {
	for _, dsn := range []string{":memory:", "sqlite://", "file:x?mode=memory", "file:y?mode=memory&pool_driver=sqlite3"} {
		d := examine(t, dsn)
		replaced := ""
		if strings.Contains(dsn, "sqlite3") {
			replaced = " driver"
		}
		wantLevels(t, d, "dsn"+replaced+" reset-mode wait connect server sqlite-busy ping reset leak-transaction "+
			"leak-session")
		wantLatencies(t, d, "dial", "ping", "reset ROLLBACK")
		if !strings.HasPrefix(d.Server, "SQLite 3.") || d.Instances != 1 || len(d.Limits) != 0 || d.Verdict != levelOK {
			t.Errorf("have %+v, want SQLite, one process, no limits and nothing to be wrong", d)
		}
	}
}

func TestDoctorOnSQLiteFile(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "app.db")
	count := oneRow(t, file)
	before := pooledtest.Snapshot(t, dir)
	d := examine(t, file+"?"+sensible)
	wantLevels(t, d, "dsn reset-mode wait connect server sqlite-busy:warning ping reset leak-transaction leak-session")
	wantFinding(t, d, "sqlite-busy", levelWarning, "database is locked", "_pragma=busy_timeout(10000)")
	wantLatencies(t, d, "dial", "ping", "reset closed and reopened")
	d = examine(t, file+"?_pragma=busy_timeout(2000)&"+sensible)
	wantFinding(t, d, "sqlite-busy", levelOK, "up to 2s for another", "")
	d = examine(t, file+"?pool_size=1&pool_max_overflow=0")
	wantFinding(t, d, "sqlite-busy", levelOK, "take turns", "")
	if have := pooledtest.Snapshot(t, dir); have != before {
		t.Errorf("have the directory changed to %q, want %q", have, before)
	}
	if n := count(); n != 1 {
		t.Errorf("have %d rows, want 1", n)
	}
}

// What is no database is a problem, whether SQLite reads the file when it opens it or only later.
func TestDoctorOnOtherFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "notes.txt")
	if err := os.WriteFile(file, bytes.Repeat([]byte("no database\n"), 1000), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, dsn := range []string{"sqlite:///" + filepath.ToSlash(file), file + "?pool_driver=sqlite", file +
		"?pool_driver=sqlite&_pragma=journal_mode(wal)"} {
		d := examine(t, dsn)
		wantLevels(t, d, "dsn reset-mode wait connect:problem")
		wantFinding(t, d, "connect", levelProblem, "this is not a SQLite database", "check the path")
	}
}

func TestDoctorOnReadOnlySQLite(t *testing.T) {
	file := filepath.Join(t.TempDir(), "app.db")
	oneRow(t, file)
	for _, options := range []string{"mode=ro", "immutable=1", "_pragma=query_only(1)"} {
		d := examine(t, "file:"+file+"?"+options+"&"+sensible)
		wantFinding(t, d, "read-only", levelOK, "read-only", "")
		if strings.Contains(levels(d), "sqlite-busy") {
			t.Errorf("%s: have %s, want nothing about writers", options, levels(d))
		}
	}
	d := examine(t, "file:"+file+"?mode=rw&"+sensible)
	if have := levels(d); strings.Contains(have, "read-only") || !strings.Contains(have, "sqlite-busy:warning") {
		t.Errorf("mode=rw: have %s, want sqlite-busy and no read-only", have)
	}
}

// oneRow makes a database file with a table of one row, and returns what counts its rows.
func oneRow(t *testing.T, file string) (count func() int) {
	t.Helper()
	use := func(f func(*sql.DB) error) {
		t.Helper()
		db, err := sql.Open("sqlite", file)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(f(db), db.Close()); err != nil {
			t.Fatal(err)
		}
	}
	use(func(db *sql.DB) error {
		_, err := db.Exec("CREATE TABLE mine (id INTEGER); INSERT INTO mine VALUES (1)")
		return err
	})
	return func() (n int) {
		use(func(db *sql.DB) error { return db.QueryRow("SELECT count(*) FROM mine").Scan(&n) })
		return n
	}
}

func TestDoctorLeaksOnSQLite(t *testing.T) {
	for mode, want := range map[string]string{
		"none": "open transaction: found rollback\nPRAGMA: found auto\ntemporary table: found auto\nattached " +
			"database: found auto",
		"commit":   "open transaction: clean\nPRAGMA: found auto\ntemporary table: found auto\nattached database: found auto",
		"rollback": "open transaction: clean\nPRAGMA: found auto\ntemporary table: found auto\nattached database: found auto",
		"auto":     "open transaction: clean\nPRAGMA: clean\ntemporary table: clean\nattached database: clean",
		"session":  "open transaction: clean\nPRAGMA: clean\ntemporary table: clean\nattached database: clean",
	} {
		d := examine(t, ":memory:?pool_reset_on_return="+mode)
		if have := leaks(d); have != want {
			t.Errorf("%s: have\n%s\nwant\n%s", mode, have, want)
		}
		if mode == "none" {
			wantLevels(t, d, "dsn reset-mode:warning wait connect server sqlite-busy ping leak-transaction:problem "+
				"leak-session:warning")
			wantFinding(t, d, "leak-transaction", levelProblem, "is inside the transaction", "pool_reset_on_return=rollback")
			wantFinding(t, d, "leak-session", levelWarning, "finds 3 of 3 kinds",
				"pool_reset_on_return=auto, if the program leaves any of: PRAGMA, temporary table, attached database")
		}
	}
}

// A session has ended also if no other is in its place, as in class null: what it held may be held a moment longer.
func TestSessionEnded(t *testing.T) {
	for class, want := range map[string]bool{"null": true, "queue": false, "direct": false} {
		file := filepath.Join(t.TempDir(), "x.db")
		oneRow(t, file)
		x, err := newExam("file:"+file+"?pool_class="+class, 1)
		if err != nil {
			t.Fatal(err)
		}
		if err := x.with(nil, func(s *session) error {
			err := s.use(t.Context(), func(conn *sql.Conn) error { return conn.PingContext(t.Context()) })
			if have := s.ended(); have != want {
				t.Errorf("class %s: have it ended %t, want %t", class, have, want)
			}
			return err
		}); err != nil {
			t.Error(err)
		}
	}
}
