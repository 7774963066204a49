package doctor

import (
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// sensible are options with which there is nothing to say against a DSN.
const sensible = "pool_size=5&pool_max_overflow=5&pool_reset_on_return=auto"

// examine runs doctor --json, whose exit code and standard error must go with what it says.
func examine(t *testing.T, args ...string) *diagnosis {
	t.Helper()
	unhurried(t)
	code, stdout, stderr := runCommand(t, append([]string{"--json"}, args...)...)
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
	if f.Level != l || !strings.Contains(f.Text, text) || !strings.Contains(f.Change, change) ||
		change == "" && f.Change != "" {
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

func TestDoctorErrors(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing.db")
	for _, tt := range []struct {
		code int
		want string // stderr has it behind the command's name
		args []string
	}{
		{2, "no DSN", nil},
		{2, "no DSN", []string{"--json"}},
		{2, "--instances 0: want at least 1", []string{":memory:", "--instances", "0"}},
		{2, "--instances: want a number", []string{":memory:", "--instances", "s3cret"}},
		{2, "--instances has no value", []string{":memory:", "--instances"}},
		{2, "--instances: want a number", []string{"--instances=s3cret", ":memory:"}},
		{2, "--json: want no value", []string{"--json=s3cret", ":memory:"}},
		{2, "there is no flag --verbose", []string{"--verbose", ":memory:"}},
		{2, "there is no flag --verbose:", []string{":memory:", "--verbose=s3cret", "x"}},
		{2, "there is no such flag: ", []string{"-x:s3cret@tcp(h)/db"}},
		{2, "there is no such flag: ", []string{"--s3cret"}},
		{2, "wrong flag: ", []string{"---s3cret"}},
		{2, "want one DSN, have 3 arguments: put it in quotes", []string{"host=h", "user=scott", "password=s3cret"}},
		{1, "the DSN is empty", []string{""}},
		{1, "cannot tell", []string{"s3cret"}},
		{1, "pool_size", []string{"scott:s3cret@tcp(h)/db?pool_sise=1"}},
		{1, "pool_size", []string{"postgres://scott:s3cret@h/db?pool_size=x"}},
		{1, "", []string{"postgres://scott:s3cret@h:port/db"}},
		{1, `this program has no driver oracle, only `, []string{"oracle://scott:s3cret@h/db"}},
		{1, "there is no database file " + missing, []string{missing}},
		{1, "there is no database file", []string{"sqlite:///" + filepath.ToSlash(missing)}},
	} {
		code, stdout, stderr := runCommand(t, tt.args...)
		if code != tt.code || stdout != "" {
			t.Errorf("%q: have exit code %d and output %q, want %d and none", tt.args, code, stdout, tt.code)
		}
		if !strings.HasPrefix(stderr, "pooled: doctor: ") || !strings.Contains(stderr, tt.want) ||
			strings.Count(stderr, "\n") != 1 {
			t.Errorf("%q: have %q, want one line with %q", tt.args, stderr, tt.want)
		}
		if strings.Contains(stderr, "s3cret") {
			t.Errorf("%q: have the password in %q, want none", tt.args, stderr)
		}
	}
	if _, err := os.Stat(missing); err == nil {
		t.Errorf("have a new file %s, want none", missing)
	}
}

// The DSN may stand before, between and behind the flags, and need not be an argument.
func TestDoctorArguments(t *testing.T) {
	file := filepath.Join(t.TempDir(), "dsn")
	if err := os.WriteFile(file, []byte("any?pool_driver=doctoroffline\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"any?pool_driver=doctoroffline", "--instances", "3", "--json"},
		{"--instances=3", "any?pool_driver=doctoroffline", "--json"},
		{"--json", "--instances", "3", "any?pool_driver=doctoroffline"},
		{"--json", "--instances", "3", "--dsn-file", file},
	} {
		_, stdout, stderr := runCommand(t, args...)
		from := `"dsn_from": "argument"`
		if args[len(args)-1] == file {
			from = `"dsn_from": "--dsn-file"`
		}
		if !strings.Contains(stdout, `"instances": 3,`) || !strings.Contains(stdout, from) {
			t.Errorf("%q: have %s%s, want 3 instances and %s", args, stdout, stderr, from)
		}
	}
	_, stdout, _ := runCommand(t, "--dsn-file", file)
	if line, _, _ := strings.Cut(stdout, "\n"); !strings.HasSuffix(line, " (DSN from --dsn-file)") {
		t.Errorf("have %q, want it to say where the DSN comes from", line)
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
	wantLevels(t, d, "dsn reset-mode pre-ping:warning recycle fork-guard wait outage-wait connect server ping")
	wantFinding(t, d, "server", levelOK, "the doctor does not know the server of driver doctorother", "")
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
		{"pool_outage_wait=60s", "outage-wait"},
		{"pool_outage_wait=30s", ""},
		{"pool_outage_wait=-1", ""}, // as long as pool_timeout
		{"pool_timeout=5s", ""},     // what is automatic is nobody's mistake
		{"pool_timeout=-1&pool_outage_wait=60s", ""},
		{"pool_outage_wait=60s&pool_class=direct", ""},
	} {
		d := examine(t, "any?pool_driver=doctoroffline&"+tt.options)
		want := "dsn reset-mode pre-ping recycle fork-guard wait outage-wait connect:problem"
		if tt.id != "" {
			want = strings.Replace(want, tt.id, tt.id+":warning", 1)
			if f := about(t, d, tt.id); !strings.Contains(f.Change, "pool_") {
				t.Errorf("have %+v, want it to say which option to change", f)
			}
		}
		wantLevels(t, d, want)
	}
	d := examine(t, "any?pool_driver=doctoroffline&pool_hooks=rotate,audit&pool_logger=mine")
	wantFinding(t, d, "hooks", levelOK, "pool_hooks=rotate,audit", "")
	wantFinding(t, d, "connect", levelProblem, "want no connection", "see the message")
}

// offline is a driver that is known to nobody and connects to nothing.
type offline struct{}

func init() { sql.Register("doctoroffline", offline{}) }

func (offline) Open(string) (driver.Conn, error) { return nil, errors.New("want no connection") }

// The DSN is shown as it was given, but for its password.
func TestDoctorShowsTheDSNGiven(t *testing.T) {
	for dsn, want := range map[string]string{
		"pgx://scott:s3cret@127.0.0.1:1/db?pool_max_conns=10&sslmode=disable": "pgx://scott:xxxxx@127.0.0.1:1/db?" +
			"pool_max_conns=10&sslmode=disable",
		"scott:s3cret@tcp(127.0.0.1:1)/db?pool_max_conns=3&timeout=2s": "scott:xxxxx@tcp(127.0.0.1:1)/db?" +
			"pool_max_conns=3&timeout=2s",
	} {
		if have := examine(t, dsn).DSN; have != want {
			t.Errorf("have %s, want %s", have, want)
		}
	}
}
