//go:build unix

package doctor

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/pooled-go/pooled/internal/pooledtest"
)

// startPgBouncer puts a PgBouncer with these settings before the PostgreSQL of the tests, and returns the DSN that
// leads through it. It lives in a directory of its own on a free port, as a user without rights, and ends with the
// test. Without the program the test is skipped.
func startPgBouncer(t *testing.T, settings ...string) (dsn string) {
	t.Helper()
	direct := pooledtest.PostgresPlain(t)
	program := os.Getenv("POOLED_TEST_PGBOUNCER")
	if program == "" {
		pooledtest.SkipUnlessRequired(t, "pgbouncer", "needs make test, which starts PgBouncer")
	}
	server, err := url.Parse(direct)
	if err != nil {
		t.Fatal(err)
	}
	password, _ := server.User.Password()
	dir, account := ownDirectory(t)
	port := freePort(t)
	write := func(name, text string) {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if account != nil {
			if err := os.Chown(file, int(account.Uid), int(account.Gid)); err != nil {
				t.Fatal(err)
			}
		}
	}
	write("users", fmt.Sprintf("%q %q\n", server.User.Username(), password))
	write("ini", strings.Join(append([]string{
		"[databases]", fmt.Sprintf("* = host=%s port=%s", server.Hostname(), server.Port()),
		"[pgbouncer]", "listen_addr=127.0.0.1", "listen_port=" + port, "unix_socket_dir=", "auth_type=md5",
		"auth_file=" + dir + "/users", "log_connections=0", "log_disconnections=0",
	}, settings...), "\n")+"\n")

	// The shell ends it when its standard input does, which is also the end of a test that panics.
	cmd := exec.Command("sh", "-c", `"$0" "$1" </dev/null & read _; kill $!; wait`, program, dir+"/ini")
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: account}
	log, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	cmd.Stderr = log
	end, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		end.Close()
		cmd.Wait()
		if text, _ := os.ReadFile(log.Name()); t.Failed() {
			t.Logf("%s", text)
		}
	})
	if !becomes(func() bool {
		c, err := net.DialTimeout("tcp", "127.0.0.1:"+port, time.Second)
		if err == nil {
			c.Close()
		}
		return err == nil
	}) {
		t.Fatalf("PgBouncer does not answer")
	}
	server.Host = "127.0.0.1:" + port
	return server.String()
}

// ownDirectory is a directory and, for root, whom it belongs to: PgBouncer refuses to run as root.
func ownDirectory(t *testing.T) (dir string, account *syscall.Credential) {
	t.Helper()
	if os.Getuid() != 0 {
		return t.TempDir(), nil
	}
	nobody, err := user.Lookup("nobody")
	if err != nil {
		pooledtest.SkipUnlessRequired(t, "pgbouncer", fmt.Sprintf("PgBouncer refuses to run as root: %v", err))
	}
	uid, _ := strconv.ParseUint(nobody.Uid, 10, 32)
	gid, _ := strconv.ParseUint(nobody.Gid, 10, 32)
	dir, err = os.MkdirTemp("", "pooled-pgbouncer.") // unlike t.TempDir's, whose parents only root may enter
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chown(dir, int(uid), int(gid)); err != nil {
		t.Fatal(err)
	}
	return dir, &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

// behind are the findings with a pooler, which has limits of its own.
func behind(levels ...string) string {
	return without(withWarnings(fineOnPostgres, levels...), "limit")
}

// changing are the words by which sessions are changed.
var changing = regexp.MustCompile(`(?i)\b(set|set_config|discard|reset|create|prepare|declare|listen|pg_\w*lock)\b`)

func TestDoctorBehindPgBouncer(t *testing.T) {
	shared := strings.TrimSuffix(behind(), " leak-transaction leak-session") // these are not tried
	level := func(findings, pooler string) string { return strings.Replace(findings, "pooler", "pooler:"+pooler, 1) }
	for _, tt := range []struct {
		name         string
		settings     string
		options      string
		levels       string
		text, change string // of the finding
	}{
		{"transaction", "pool_mode=transaction", "binary_parameters=yes",
			level(shared, "warning"), "pool_mode=transaction, or similar): ", "SET LOCAL"},
		{"in turn", "pool_mode=transaction\nserver_round_robin=1", "binary_parameters=yes",
			level(shared, "warning"), "one session had backend", "SET LOCAL"},
		{"one backend", "pool_mode=transaction\ndefault_pool_size=1", "binary_parameters=yes",
			level(shared, "warning"), "two open sessions had the same backend", "SET LOCAL"},
		{"prepared in two", "pool_mode=transaction", "",
			level(shared, "problem"), "or similar): ", "binary_parameters=yes"},
		{"reset of others", "pool_mode=transaction", "binary_parameters=yes&pool_reset_on_return=session",
			level(strings.TrimSuffix(shared, " reset"), "problem"), "or similar): ", "pool_reset_on_return=rollback"},
		{"statement", "pool_mode=statement", "binary_parameters=yes",
			level(strings.TrimSuffix(shared, " reset"), "problem"), "pool_mode=statement, or similar", "pool_mode=transaction"},
		{"session", "pool_mode=session", "pool_reset_on_return=auto",
			behind(), "sessions opened one after the other had the same backend", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dsn := startPgBouncer(t, tt.settings)
			if tt.name == "in turn" {
				openBackends(t, dsn, 3)
			}
			p := pooledtest.NewProxy(t, dsn)
			d := examine(t, pooledtest.WithOptions(p.DSN(), tt.options))
			wantLevels(t, d, tt.levels)
			if sent := strings.Join(p.Messages(), "\n"); tt.name != "session" && changing.MatchString(sent) {
				t.Errorf("have %q sent, want nothing that changes a session: it may be somebody else's",
					changing.FindAllString(sent, -1))
			}
			f := about(t, d, "pooler")
			if !strings.Contains(f.Text, tt.text) || !strings.Contains(f.Change, tt.change) {
				t.Errorf("have %+v, want text with %q and change with %q", f, tt.text, tt.change)
			}
			for _, l := range d.Leaks {
				if tried := l.Result != leakNotTried; tried != (tt.name == "session") ||
					!tried && !strings.Contains(l.Reason, "to other clients") {
					t.Errorf("have %+v, want kinds tried only where their sessions are ours", l)
				}
			}
		})
	}
}

// openBackends makes a pooler open some backends.
func openBackends(t *testing.T, dsn string, n int) {
	t.Helper()
	db := pooledtest.OpenDB(t, "postgres", dsn)
	for range n {
		tx, err := db.Begin()
		if err != nil {
			t.Fatal(err)
		}
		defer tx.Rollback()
	}
}

// Without a pooler there is none to see, however often one looks, also while others open and close sessions.
func TestDoctorSeesNoPoolerWithoutOne(t *testing.T) {
	dsn := pooledtest.Postgres(t)
	ctx, cancel := context.WithCancel(t.Context())
	db := pooledtest.OpenDB(t, "postgres", dsn)
	db.SetMaxIdleConns(0)
	var others sync.WaitGroup
	others.Go(func() {
		for ctx.Err() == nil {
			db.PingContext(ctx)
		}
	})
	defer others.Wait()
	defer cancel()
	for range 5 {
		x, err := newExam(dsn, 1)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []check{{run: checkConnect}, {run: checkPooler}} {
			if err := c.run(ctx, x); err != nil {
				t.Fatal(err)
			}
		}
		wantLevels(t, x.report.final(), "dsn connect pooler")
		wantFinding(t, x.report.final(), "pooler", levelOK, "no pooler found", "")
	}
}

// Where there is room for one session only, the second one waits, and nothing hangs.
func TestDoctorBehindPgBouncerForOne(t *testing.T) {
	if testing.Short() {
		t.Skip("it waits some seconds for a PgBouncer that lets only one in: not with -short")
	}
	dsn := startPgBouncer(t, "pool_mode=session", "default_pool_size=1")
	d := examine(t, dsn)
	wantLevels(t, d, behind("pooler:warning"))
	wantFinding(t, d, "pooler", levelWarning, "the second got no answer", "default_pool_size")
	for _, l := range d.Leaks {
		if alone := l.Reason == errAlone.Error(); alone != (l.Kind == "advisory lock") {
			t.Errorf("have %+v, want all tried but the lock, which takes two", l)
		}
	}
}

// A pooler in session mode that resets nothing hands on what it gets: it must get nothing.
func TestDoctorLeavesNothingBehindPgBouncer(t *testing.T) {
	for _, settings := range [][]string{
		{"pool_mode=session", "server_reset_query="},
		{"pool_mode=transaction", "default_pool_size=1"},
	} {
		dsn := startPgBouncer(t, append(settings, "min_pool_size=0")...)
		next := pooledtest.OpenDB(t, "postgres", dsn)
		states := func() (all []string) {
			for _, query := range []string{
				"SELECT count(*) FROM pg_prepared_statements", "SELECT count(*) FROM pg_cursors WHERE is_holdable",
				"SELECT count(*) FROM pg_listening_channels()",
				"SELECT count(*) FROM pg_class WHERE relnamespace = pg_my_temp_schema()",
				"SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()",
				"SHOW statement_timeout", "SHOW search_path", "SHOW role", "SHOW default_transaction_read_only",
			} {
				var v string
				if err := next.QueryRow(query).Scan(&v); err != nil {
					t.Fatal(err)
				}
				all = append(all, v)
			}
			return all
		}
		before := states()
		next.SetMaxIdleConns(0) // the pooler's one backend is for the examination
		for _, mode := range []string{"none", "rollback"} {
			examine(t, pooledtest.WithOptions(dsn, "pool_reset_on_return="+mode))
			next.SetMaxIdleConns(1)
			if have := states(); fmt.Sprint(have) != fmt.Sprint(before) {
				t.Errorf("%v, %s: have %q, want %q", settings, mode, have, before)
			}
			next.SetMaxIdleConns(0)
		}
	}
}
