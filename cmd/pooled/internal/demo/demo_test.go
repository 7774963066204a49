package demo

import (
	"database/sql"
	"database/sql/driver"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/cmd/pooled/internal/cli"
	"github.com/pooled-go/pooled/internal/pooledtest"
)

// What the output shows of pooled, as regular expressions. What the bare driver does is partly luck, as is in which of
// two bursts a connection is opened: the demo itself promises how many there are in all.
const (
	memoryShared  = `pooled +0 of 800 +400 `
	sessionShared = `pooled +0 of 80 +40 +1 `
	rolledBack    = `pooled +no row +ok: the other was rolled back on return`
	stray         = `bare +a stray row +`
	gaveUp        = `pooled +pool_size=2&pool_max_overflow=0&pool_timeout=[\d.]+m?s +[\d.]+m?s +ok`
	typedError    = `pooled: pool "[a-z]+-\d+": timeout waiting for a connection: ` +
		`waited [\d.]+m?s \(pool_timeout=[\d.]+m?s\): ` +
		`size 2, overflow 0, ` +
		`checked out 2, idle 0, opening 0, waiting 1; ` +
		`held longest: conn \d+ (\(session \d+\) )?for [\d.]+m?s: SELECT 'report [12]', ` +
		`conn \d+ (\(session \d+\) )?for [\d.]+m?s: SELECT 'report [12]' errors.Is\(err, pooled.ErrTimeout\) = true`
	bareGaveUp = `bare says: context deadline exceeded`
	smallBurst = `pooled +pool_size=5&pool_max_overflow=0 +[1-5] +[0-4] more +0 of \d+ `
	allKept    = `pooled kept every promise in this run`
)

// wantDemo runs the demo, which must succeed, and checks its output.
func wantDemo(t *testing.T, args []string, want ...string) (stdout string) {
	t.Helper()
	code, stdout, stderr := runCommand(t, args...)
	if code != 0 || stderr != "" {
		t.Fatalf("have exit code %d and %q, want 0 and no error; output:\n%s", code, stderr, stdout)
	}
	text := strings.Join(strings.Fields(stdout), " ")
	for _, pattern := range append(want, rolledBack, stray, gaveUp, typedError, bareGaveUp, allKept) {
		if !regexp.MustCompile(strings.ReplaceAll(pattern, " +", " ")).MatchString(text) {
			t.Errorf("have output:\n%s\nwant in it: %s", stdout, pattern)
		}
	}
	wantOneScreen(t, stdout)
	return stdout
}

func wantOneScreen(t *testing.T, stdout string) {
	t.Helper()
	lines := strings.Split(strings.TrimSuffix(stdout, "\n"), "\n")
	if len(lines) > 40 {
		t.Errorf("have %d lines, want at most 40", len(lines))
	}
	for _, line := range lines {
		if have := utf8.RuneCountInString(line); have > cli.PageWidth && !strings.HasPrefix(line, "database: ") {
			t.Errorf("have a line of %d columns, want at most %d: %s", have, cli.PageWidth, line)
		}
	}
}

func TestDemo(t *testing.T) {
	wantDemo(t, nil, "database: :memory: ", memoryShared, smallBurst, `cannot start a transaction within a transaction`)
}

// Of the user's options the size counts; others would make another demo of it.
func TestDemoOptions(t *testing.T) {
	wantDemo(t, []string{"sqlite://?pool_size=3&pool_max_overflow=1&pool_timeout=0"}, memoryShared,
		`pooled +pool_size=3&pool_max_overflow=1 +[1-4] +[0-3] more +0 of 400 `)
	withScenarios(t, shared, forgotten, limit)
	wantDemo(t, []string{"file:x?mode=memory&pool_class=null&pool_reset_on_return=none"}, memoryShared,
		`database: file:x\?mode=memory&pool_class=null&pool_reset_on_return=none `) // as it was given
}

func TestLimits(t *testing.T) {
	for _, tt := range []struct {
		options        string
		size, overflow int
	}{
		{"", 5, 0},
		{"?pool_size=3", 3, 0},
		{"?pool_size=3&pool_max_overflow=2", 3, 2},
		{"?pool_max_conns=7", 7, 0},
		{"?pool_size=-1", 5, 0},
	} {
		cfg, err := pooled.ParseDSN(":memory:" + tt.options)
		if err != nil {
			t.Fatal(err)
		}
		size, overflow := (&database{cfg: cfg}).limits()
		if size != tt.size || overflow != tt.overflow {
			t.Errorf("%q: have %d and %d, want %d and %d", tt.options, size, overflow, tt.size, tt.overflow)
		}
	}
}

func TestLimitWait(t *testing.T) {
	for opening, want := range map[time.Duration]time.Duration{
		0:                      200 * time.Millisecond,
		29 * time.Millisecond:  200 * time.Millisecond,
		157 * time.Millisecond: 1500 * time.Millisecond,
		time.Minute:            5 * time.Second,
	} {
		if have := (&database{opening: opening}).limitWait(); have != want {
			t.Errorf("%v: have %v, want %v", opening, have, want)
		}
	}
}

func TestDemoOnSQLiteFile(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "app 1.db")
	db, err := sql.Open("sqlite", file)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec("CREATE TABLE mine (id INTEGER); INSERT INTO mine VALUES (1)"); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	before := pooledtest.Snapshot(t, dir)
	path := filepath.ToSlash(file)
	for _, dsn := range []string{
		file,
		file + "?pool_size=3",
		"file:" + strings.ReplaceAll(path, " ", "%20"),
		"sqlite:///" + path,
	} {
		wantDemo(t, []string{dsn}, sessionShared)
		if have := pooledtest.Snapshot(t, dir); have != before {
			t.Errorf("%s: have the directory changed to %q, want %q", dsn, have, before)
		}
	}
}

func TestDemoOnPostgres(t *testing.T) {
	dsn := pooledtest.Postgres(t)
	stdout := wantDemo(t, []string{pooledtest.WithOptions(dsn, "application_name=pooled_demo_test")},
		sessionShared, smallBurst)
	wantNoPassword(t, dsn, stdout)
	pooledtest.WantNone(t, "postgres", dsn, "SELECT count(*) FROM pg_class WHERE relname LIKE 'pooled_demo%'")
	pooledtest.WantNone(t, "postgres", dsn, "SELECT count(*) FROM pg_stat_activity WHERE application_name = "+
		"'pooled_demo_test'")
}

func TestDemoOnMySQL(t *testing.T) {
	dsn := pooledtest.MySQL(t)
	stdout := wantDemo(t, []string{pooledtest.WithOptions(dsn, "pool_size=5")}, sessionShared, smallBurst)
	wantNoPassword(t, dsn, stdout)
	pooledtest.WantNone(t, "mysql", dsn, "SELECT count(*) FROM information_schema.tables WHERE table_name LIKE "+
		"'pooled_demo%'")
}

func wantNoPassword(t *testing.T, dsn, stdout string) {
	t.Helper()
	user, _, _ := strings.Cut(dsn[strings.LastIndex(dsn, "//")+1:], "@")
	_, password, _ := strings.Cut(user, ":")
	if password == "" {
		t.Fatalf("have no password in the DSN, want one to look for")
	}
	if strings.Contains(stdout, password) {
		t.Error("have the password in the output, want none")
	}
}

func TestDemoErrors(t *testing.T) {
	const secret = "s3cr3t-w0rd"
	missing := filepath.Join(t.TempDir(), "missing.db")
	for _, tt := range []struct{ name, dsn, want string }{
		{"nobody listens", "postgres://scott:" + secret + "@127.0.0.1:1/db", "connection refused"},
		{"the same, mysql", "scott:" + secret + "@tcp(127.0.0.1:1)/db", "connection refused"},
		{"unknown option", "scott:" + secret + "@tcp(127.0.0.1:1)/db?pool_sise=1", "pool_size"},
		{"bad value", "mysql://scott:" + secret + "@127.0.0.1:1/db?pool_size=x", "pool_size"},
		{"bad port", "postgres://scott:" + secret + "@127.0.0.1:port/db", ""},
		{"bad parameter", "scott:" + secret + "@tcp(127.0.0.1:1)/db?timeout=" + secret, ""},
		{"unknown driver", "oracle://scott:" + secret + "@127.0.0.1/db", `this program has no driver oracle, only `},
		{"no form", secret, ""},
		{"empty", "", ""},
		{"no file", missing, "there is no database file " + missing},
		{"no file, as a URI", "file:" + filepath.ToSlash(missing) + "?mode=rwc&pool_size=2", "there is no database file"},
		{"no file, as a URL", "sqlite:///" + filepath.ToSlash(missing), "there is no database file"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			code, stdout, stderr := runCommand(t, tt.dsn)
			if code != 1 || stdout != "" {
				t.Errorf("have exit code %d and output %q, want 1 and none", code, stdout)
			}
			if !strings.HasPrefix(stderr, "pooled: demo: ") || !strings.Contains(stderr, tt.want) ||
				strings.Count(stderr, "\n") != 1 {
				t.Errorf("have %q, want one line with %q", stderr, tt.want)
			}
			if strings.Contains(stderr, secret) {
				t.Errorf("have the password in %q, want none", stderr)
			}
		})
	}
	if _, err := os.Stat(missing); err == nil {
		t.Errorf("have a new file %s, want none", missing)
	}
}

// other is a driver that the demo doesn't know.
type other struct{}

func init() { sql.Register("demotest", other{}) }

func (other) Open(string) (driver.Conn, error) { return nil, errors.New("want no connection") }

func TestDemoUnknownServer(t *testing.T) {
	code, _, stderr := runCommand(t, "any?pool_driver=demotest")
	if want := "not the server of driver demotest"; code != 1 || !strings.Contains(stderr, want) {
		t.Errorf("have exit code %d and %q, want 1 and %q", code, stderr, want)
	}
}
