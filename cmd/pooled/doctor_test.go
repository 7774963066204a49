package main

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pooled-go/pooled"
)

// sensible are options with which there is nothing to say against a DSN.
const sensible = "pool_size=5&pool_max_overflow=5&pool_reset_on_return=auto"

// examine runs doctor --json, whose exit code and standard error must go with what it says.
func examine(t *testing.T, args ...string) *diagnosis {
	t.Helper()
	unhurried(t)
	code, stdout, stderr := runCommand(t, append([]string{"doctor", "--json"}, args...)...)
	d := new(diagnosis)
	strict := json.NewDecoder(strings.NewReader(stdout))
	strict.DisallowUnknownFields()
	if err := strict.Decode(d); err != nil {
		t.Fatalf("%v in %q, with exit code %d and %q", err, stdout, code, stderr)
	}
	wantCode, wantErr := 0, ""
	if err := d.err(); err != nil {
		wantCode, wantErr = 1, "pooled: doctor: "+err.Error()+"\n"
	}
	if code != wantCode || stderr != wantErr {
		t.Errorf("have exit code %d and %q, want %d and %q", code, stderr, wantCode, wantErr)
	}
	return d
}

// unhurried makes no answer too slow for the rest of the test, on however busy a machine.
func unhurried(t *testing.T) {
	dial, ping, reset := slowDial, slowPing, slowReset
	t.Cleanup(func() { slowDial, slowPing, slowReset = dial, ping, reset })
	slowDial, slowPing, slowReset = time.Hour, time.Hour, time.Hour
}

// levels are the findings without their words.
func levels(d *diagnosis) string {
	var all []string
	for _, f := range d.Findings {
		if f.Level == levelOK {
			all = append(all, f.ID)
		} else {
			all = append(all, f.ID+":"+string(f.Level))
		}
	}
	return strings.Join(all, " ")
}

func wantLevels(t *testing.T, d *diagnosis, want string) {
	t.Helper()
	if have := levels(d); have != want {
		t.Errorf("have findings %s\nwant          %s\n%+v", have, want, d.Findings)
	}
}

// about is the finding with an ID, which must be there.
func about(t *testing.T, d *diagnosis, id string) finding {
	t.Helper()
	i := slices.IndexFunc(d.Findings, func(f finding) bool { return f.ID == id })
	if i < 0 {
		t.Fatalf("have findings %+v, want %s", d.Findings, id)
	}
	return d.Findings[i]
}

func wantFinding(t *testing.T, d *diagnosis, id string, l level, text, change string) {
	t.Helper()
	f := about(t, d, id)
	if f.Level != l || !strings.Contains(f.Text, text) || !strings.Contains(f.Change, change) || change == "" && f.Change != "" {
		t.Errorf("have %+v\nwant %s, text with %q, change with %q", f, l, text, change)
	}
}

// leaks are what became of each kind: "kind result prevented_by".
func leaks(d *diagnosis) string {
	var all []string
	for _, l := range d.Leaks {
		all = append(all, strings.TrimSpace(l.Kind+": "+string(l.Result)+" "+l.PreventedBy))
	}
	return strings.Join(all, "\n")
}

func wantLatencies(t *testing.T, d *diagnosis, want ...string) {
	t.Helper()
	var have []string
	for _, l := range d.Latency {
		have = append(have, strings.TrimSpace(l.Name+" "+l.Sent))
		if l.Tries < 5 || l.MedianMS < 0 || l.MaxMS < l.MedianMS {
			t.Errorf("have %+v, want at least 5 tries and a median below the maximum", l)
		}
	}
	if !slices.Equal(have, want) {
		t.Errorf("have latencies %q, want %q", have, want)
	}
}

func TestDoctorUsage(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing.db")
	for _, tt := range []struct {
		args []string
		want string // stderr has it behind the command's name
	}{
		{[]string{}, "no DSN"},
		{[]string{"--json"}, "no DSN"},
		{[]string{":memory:", "--instances", "0"}, "--instances 0: want at least 1"},
		{[]string{":memory:", "--instances", "s3cret"}, "--instances: not a number"},
		{[]string{":memory:", "--instances"}, "--instances has no value"},
		{[]string{"--instances=s3cret", ":memory:"}, "--instances: not a number"},
		{[]string{"--json=s3cret", ":memory:"}, "--json takes no value"},
		{[]string{"--verbose", ":memory:"}, "there is no flag --verbose"},
		{[]string{":memory:", "--verbose=s3cret", "x"}, "there is no flag --verbose:"},
		{[]string{"-x:s3cret@tcp(h)/db"}, "bad flag: "},
		{[]string{"--s3cret"}, "bad flag: "},
		{[]string{"---s3cret"}, "bad flag: "},
		{[]string{"host=h", "user=scott", "password=s3cret"}, "want one DSN, have 3 arguments: put it in quotes"},
		{[]string{""}, "the DSN is empty"},
		{[]string{"s3cret"}, "cannot tell"},
		{[]string{"scott:s3cret@tcp(h)/db?pool_sise=1"}, "pool_size"},
		{[]string{"postgres://scott:s3cret@h/db?pool_size=x"}, "pool_size"},
		{[]string{"postgres://scott:s3cret@h:port/db"}, ""},
		{[]string{"oracle://scott:s3cret@h/db"}, "driver oracle is not registered"},
		{[]string{missing}, "there is no database file " + missing},
		{[]string{"sqlite:///" + filepath.ToSlash(missing)}, "there is no database file"},
	} {
		code, stdout, stderr := runCommand(t, append([]string{"doctor"}, tt.args...)...)
		if code != 2 || stdout != "" {
			t.Errorf("%q: have exit code %d and output %q, want 2 and none", tt.args, code, stdout)
		}
		if !strings.HasPrefix(stderr, "pooled: doctor: ") || !strings.Contains(stderr, tt.want) || strings.Count(stderr, "\n") != 1 {
			t.Errorf("%q: have %q, want one line with %q", tt.args, stderr, tt.want)
		}
		if strings.Contains(stderr, "s3cret") {
			t.Errorf("%q: have the password in %q, want none", tt.args, stderr)
		}
	}
	if _, err := os.Stat(missing); err == nil {
		t.Errorf("have a new file %s, want none", missing)
	}
	code, stdout, stderr := runCommand(t, "doctor", "-h")
	if code != 0 || !strings.HasPrefix(stdout, "usage: pooled doctor DSN") || stderr != "" {
		t.Errorf("have exit code %d, %q and %q, want 0 and the usage", code, stdout, stderr)
	}
}

// The DSN may stand before, between and behind the flags.
func TestDoctorArguments(t *testing.T) {
	for _, args := range [][]string{
		{":memory:", "--instances", "3", "--json"},
		{"--instances=3", ":memory:", "--json"},
		{"--json", "--instances", "3", ":memory:"},
	} {
		o, err := parseDoctor(args)
		if want := (doctorOptions{":memory:", 3, true}); err != nil || o != want {
			t.Errorf("%q: have %+v, %v, want %+v", args, o, err, want)
		}
	}
}

func TestDoctorOnMemory(t *testing.T) {
	for _, dsn := range []string{":memory:", "sqlite://", "file:x?mode=memory", "file:y?mode=memory&pool_driver=sqlite3"} {
		d := examine(t, dsn)
		replaced := ""
		if strings.Contains(dsn, "sqlite3") {
			replaced = " driver"
		}
		wantLevels(t, d, "dsn"+replaced+" reset-mode wait connect server sqlite-busy ping reset leak-transaction leak-session:warning")
		wantLatencies(t, d, "dial", "ping", "reset ROLLBACK")
		if !strings.HasPrefix(d.Server, "SQLite 3.") || d.Instances != 1 || len(d.Limits) != 0 || d.Verdict != levelWarning {
			t.Errorf("have %+v, want SQLite, one process, no limits and a warning", d)
		}
	}
}

func TestDoctorOnSQLiteFile(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "app.db")
	count := oneRow(t, file)
	before := snapshot(t, dir)
	d := examine(t, file+"?"+sensible)
	wantLevels(t, d, "dsn reset-mode wait connect server sqlite-busy:warning ping reset leak-transaction leak-session")
	wantFinding(t, d, "sqlite-busy", levelWarning, "database is locked", "_pragma=busy_timeout(10000)")
	wantLatencies(t, d, "dial", "ping", "reset closed, and opened again")
	d = examine(t, file+"?_pragma=busy_timeout(2000)&"+sensible)
	wantFinding(t, d, "sqlite-busy", levelOK, "2000 ms", "")
	d = examine(t, file+"?pool_size=1&pool_max_overflow=0")
	wantFinding(t, d, "sqlite-busy", levelOK, "take turns", "")
	if have := snapshot(t, dir); have != before {
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
	for _, dsn := range []string{"sqlite:///" + filepath.ToSlash(file), file + "?pool_driver=sqlite", file + "?pool_driver=sqlite&_pragma=journal_mode(wal)"} {
		d := examine(t, dsn)
		wantLevels(t, d, "dsn reset-mode wait connect:problem")
		wantFinding(t, d, "connect", levelProblem, "this is not an SQLite database", "look at the path")
	}
}

func TestDoctorOnReadOnlySQLite(t *testing.T) {
	file := filepath.Join(t.TempDir(), "app.db")
	oneRow(t, file)
	for _, options := range []string{"mode=ro", "immutable=1", "_pragma=query_only(1)"} {
		d := examine(t, "file:"+file+"?"+options+"&"+sensible)
		wantFinding(t, d, "read-only", levelOK, "for reading only", "")
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
		"none":     "open transaction: found rollback\nPRAGMA: found auto\ntemporary table: found auto\nattached database: found auto",
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
			wantLevels(t, d, "dsn reset-mode:warning wait connect server sqlite-busy ping leak-transaction:problem leak-session:warning")
			wantFinding(t, d, "leak-transaction", levelProblem, "is in the transaction", "pool_reset_on_return=rollback")
			wantFinding(t, d, "leak-session", levelWarning, "finds 3 of 3 kinds", "pool_reset_on_return=auto, if the program leaves any of: PRAGMA, temporary table, attached database")
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
			err := s.borrow(t.Context(), func(conn *sql.Conn) error { return conn.PingContext(t.Context()) })
			if have := s.ended(); have != want {
				t.Errorf("class %s: have it ended %t, want %t", class, have, want)
			}
			return err
		}); err != nil {
			t.Error(err)
		}
	}
}

// doctorother is a driver by a name that nobody knows.
func init() {
	db, err := sql.Open("sqlite", ":memory:")
	if err != nil {
		panic(err)
	}
	defer db.Close()
	sql.Register("doctorother", db.Driver())
}

// Of a database that isn't known here, all is said that needs no knowledge.
func TestDoctorOnUnknownServer(t *testing.T) {
	d := examine(t, ":memory:?pool_driver=doctorother&pool_pre_ping=off")
	wantLevels(t, d, "dsn reset-mode pre-ping:warning recycle fork-guard wait connect server ping")
	wantFinding(t, d, "server", levelOK, "the server of driver doctorother is not known here", "")
	wantLatencies(t, d, "dial", "ping")
	if d.Server != "" || d.Form != "the driver's own form" {
		t.Errorf("have server %q and form %q, want none and the driver's own", d.Server, d.Form)
	}
}

// What is said of an option needs no server, also if none answers.
func TestDoctorOptions(t *testing.T) {
	for _, tt := range []struct{ options, id string }{
		{"pool_reset_on_return=none", "reset-mode"},
		{"pool_pre_ping=off", "pre-ping"},
		{"pool_recycle=-1", "recycle"},
		{"pool_fork_guard=false", "fork-guard"},
		{"pool_timeout=-1&pool_max_overflow=0", "wait"},
		{"pool_timeout=-1&pool_class=static", "wait"},
		{"pool_timeout=-1", ""}, // nobody waits: there is no limit
		{"pool_timeout=-1&pool_max_overflow=9223372036854775802", ""},
		{"pool_class=null", ""},
	} {
		d := examine(t, "any?pool_driver=demotest&"+tt.options)
		want := "dsn reset-mode pre-ping recycle fork-guard wait connect:problem"
		if tt.id != "" {
			want = strings.Replace(want, tt.id, tt.id+":warning", 1)
			if f := about(t, d, tt.id); !strings.Contains(f.Change, "pool_") {
				t.Errorf("have %+v, want it to say which option to change", f)
			}
		}
		wantLevels(t, d, want)
	}
	d := examine(t, "any?pool_driver=demotest&pool_hooks=rotate,audit&pool_logger=mine")
	wantFinding(t, d, "hooks", levelOK, "pool_hooks=rotate,audit", "")
	wantFinding(t, d, "connect", levelProblem, "want no connection", "see the message")
}

func TestFormOf(t *testing.T) {
	for dsn, want := range map[string]string{
		"mysql://scott@h/db":                  "a URL",
		"mariadb://scott@h/db":                "a URL",
		"postgresql+pgx://scott@h/db":         "a URL",
		"sqlite:///x.db":                      "a URL",
		"scott:tiger@tcp(h:3306)/db":          "go-sql-driver's own form",
		"scott://tiger@tcp(h:3306)/db":        "go-sql-driver's own form",
		"host=h user=scott":                   "keywords and values",
		"host=h user=scott pool_driver=pgx":   "keywords and values",
		"x.db":                                "SQLite's own form",
		":memory:":                            "SQLite's own form",
		"anything?pool_driver=doctorother":    "the driver's own form",
		"doctorother://h/db?pool_driver=x":    "the driver's own form",
		"doctorother://h/db":                  "a URL",
		"server=h;user id=sa;pool_size=1":     "the driver's own form",
		"sqlserver://sa@h?database=db":        "a URL",
		"odbc:server=h;user id=sa":            "the driver's own form",
		"host=h password='a://b' user=scott2": "keywords and values",
	} {
		cfg, err := pooled.ParseDSN(dsn)
		if err != nil {
			t.Fatalf("%s: %v", dsn, err)
		}
		if cfg, err = withDriver(cfg); err != nil {
			t.Fatalf("%s: %v", dsn, err)
		}
		if have := formOf(dsn, cfg.Driver); have != want {
			t.Errorf("%s: have %q, want %q", dsn, have, want)
		}
	}
}

func TestWithoutPgxKeys(t *testing.T) {
	for dsn, want := range map[string]string{
		"postgres://h/db?default_query_exec_mode=exec":                                                "postgres://h/db?",
		"postgres://h/db?statement_cache_capacity=1&default_query_exec_mode=exec&sslmode=disable":     "postgres://h/db?sslmode=disable",
		"postgres://h/db?sslmode=disable&statement_cache_capacity=1":                                  "postgres://h/db?sslmode=disable&",
		"host=h description_cache_capacity=5 statement_cache_capacity=1 user=scott":                   "host=h user=scott",
		"host=h password=default_query_exec_mode=exec user=scott":                                     "host=h password=default_query_exec_mode=exec user=scott",
		"postgres://h/db?sslmode=disable":                                                             "postgres://h/db?sslmode=disable",
		"postgres://h/db?a=1&default_query_exec_mode=simple_protocol&b=2&statement_cache_capacity=10": "postgres://h/db?a=1&b=2&",
	} {
		if have := withoutPgxKeys(dsn); have != want {
			t.Errorf("%s: have %s, want %s", dsn, have, want)
		}
	}
}

// What people see: the parts in their order, and no line that is wider than the page.
func TestDoctorText(t *testing.T) {
	code, stdout, stderr := runCommand(t, "doctor", "sqlite://?pool_reset_on_return=none&pool_name=shop")
	if code != 1 || stderr != "pooled: doctor: 1 problem\n" {
		t.Errorf("have exit code %d and %q, want 1 and one problem", code, stderr)
	}
	at := 0
	for _, want := range []string{
		"sqlite://?pool_reset_on_return=none&pool_name=shop\n", "\ndriver sqlite, a URL; SQLite 3.", "\n\n   latency", "\n   dial ", "\n   ping ",
		"\n\n   left behind         the next borrower, none   prevented by\n   open transaction    finds it                  rollback\n",
		"\n\nok       dsn ", "\nwarning  reset-mode         pool_reset_on_return=none: ", "\n                            change: pool_reset_on_return=rollback, or auto\n",
		"\nproblem  leak-transaction ", "\n\nproblems: 1, warnings: 2, ok: 6\n",
	} {
		i := strings.Index(stdout[at:], want)
		if i < 0 {
			t.Errorf("have no %q behind what is before it, want it, in\n%s", want, stdout)
			continue
		}
		at += i + 1
	}
	for line := range strings.Lines(stdout) {
		if n := len([]rune(line)) - 1; n > pageWidth {
			t.Errorf("have %d columns, want at most %d: %s", n, pageWidth, line)
		}
	}
}

// The JSON has no null where a list belongs, also when nothing could be found out.
func TestDoctorJSON(t *testing.T) {
	_, stdout, _ := runCommand(t, "doctor", "--json", "any?pool_driver=demotest&pool_size=1")
	for _, want := range []string{`"version": 1,`, `"latency": [],`, `"limits": [],`, `"leaks": [],`, `"verdict": "problem"`, `"id": "connect"`} {
		if !strings.Contains(stdout, want) {
			t.Errorf("have %s\nwant %s in it", stdout, want)
		}
	}
}

func TestDoctorJSONIsReadable(t *testing.T) {
	_, stdout, _ := runCommand(t, "doctor", "--json", ":memory:?pool_size=3&pool_max_overflow=1")
	if want := `:memory:?pool_size=3&pool_max_overflow=1`; !strings.Contains(stdout, want) {
		t.Errorf("have %s\nwant %s in it", stdout, want)
	}
}

// Each finding and each field of the JSON is in the documentation, and nothing else is there as one.
func TestDoctorDocumented(t *testing.T) {
	page, err := os.ReadFile("../../docs/doctor.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range findingIDs {
		if !bytes.Contains(page, []byte("\n| `"+id+"` | ")) {
			t.Errorf("docs/doctor.md: have no row for finding %s, want one", id)
		}
	}
	all := &diagnosis{Latency: []latency{{Sent: "x"}}, Limits: []allowance{{}}, Leaks: []leak{{PreventedBy: "x", Reason: "x"}}, Findings: []finding{{Change: "x"}}}
	text, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	for key := range strings.SplitSeq(string(text), `":`) {
		name := key[strings.LastIndexByte(key, '"')+1:]
		if name != "" && !strings.HasSuffix(key, "}") && !bytes.Contains(page, []byte("`"+name+"`")) {
			t.Errorf("docs/doctor.md: have no field %s, want it", name)
		}
	}
}

func TestLatency(t *testing.T) {
	l := newLatency("ping", []time.Duration{3 * time.Millisecond, 1500 * time.Nanosecond, 20 * time.Millisecond})
	if l.median != 3*time.Millisecond || l.MedianMS != 3 || l.MaxMS != 20 || l.Tries != 3 {
		t.Errorf("have %+v, want a median of 3 ms, a maximum of 20 ms and 3 tries", l)
	}
	for d, want := range map[time.Duration]string{
		1234567 * time.Nanosecond: "1.23ms", 3*time.Second + 456*time.Millisecond: "3.46s", 42500 * time.Microsecond: "43ms", 1499 * time.Nanosecond: "1µs",
	} {
		if have := precise(d); have != want {
			t.Errorf("have %s, want %s", have, want)
		}
	}
}

func TestWrap(t *testing.T) {
	if have, want := wrap("one two  three abcdefghijk l", 8), "one two\nthree\nabcdefghijk\nl"; have != want {
		t.Errorf("have %q, want %q", have, want)
	}
}
