package doctor

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pooled-go/pooled/internal/pooledtest"
)

// becomes polls until the condition holds, which it may do later than the client is told.
func becomes(condition func() bool) bool {
	for until := time.Now().Add(20 * time.Second); time.Now().Before(until); time.Sleep(time.Millisecond) {
		if condition() {
			return true
		}
	}
	return false
}

// What is on a server that an examination might leave there: queries, each with an answer that must be the same
// afterwards.
var traces = map[string][]string{
	"postgres": {
		"SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pooled_doctor_test'",
		"SELECT count(*) FROM pg_class WHERE relname LIKE 'pooled\\_doctor%'",
		"SELECT count(*) FROM pg_proc WHERE proname LIKE 'pooled\\_doctor%'",
		"SELECT count(*) FROM pg_locks l JOIN pg_stat_activity a USING (pid) WHERE a.application_name = 'pooled_doctor_test'",
		"SELECT count(*) FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase WHERE d.datname = " +
			"current_database()",
	},
	"mysql": {
		"SELECT count(*) FROM information_schema.processlist WHERE user = 'pooled_doctor_traces'",
		"SELECT count(*) FROM information_schema.tables WHERE table_name LIKE 'pooled\\_doctor%'",
		"SELECT count(*) FROM information_schema.routines WHERE routine_name LIKE 'pooled\\_doctor%'",
	},
}

// traced returns a DSN, without TLS, whose sessions can be told from those of others, and a check that nothing of
// them is left.
func traced(t *testing.T, name string) (dsn string, clean func()) {
	t.Helper()
	admin := ""
	if name == "postgres" {
		admin = pooledtest.PostgresPlain(t)
		dsn = pooledtest.WithOptions(admin, "application_name=pooled_doctor_test")
	} else {
		admin = pooledtest.MySQLPlain(t)
		db := pooledtest.OpenDB(t, "mysql", admin)
		pooledtest.Make(t, db, "USER", "pooled_doctor_traces@'127.0.0.1'", "IDENTIFIED BY 'doctor-s3cret'")
		pooledtest.MustExec(t, db, "GRANT ALL ON pooled_test.* TO pooled_doctor_traces@'127.0.0.1'")
		t.Cleanup(func() { db.Exec("DROP USER pooled_doctor_traces@'127.0.0.1'") })
		_, host, _ := strings.Cut(admin, "@")
		dsn = "pooled_doctor_traces:doctor-s3cret@" + host
	}
	return dsn, func() {
		t.Helper()
		for _, query := range traces[name] {
			pooledtest.WantNone(t, name, admin, query)
		}
	}
}

func TestDoctorLeavesNothing(t *testing.T) {
	for name := range traces {
		for _, mode := range []string{"none", "session"} {
			dsn, clean := traced(t, name)
			clean()
			examine(t, pooledtest.WithOptions(dsn, "pool_reset_on_return="+mode))
			clean()
		}
	}
}

// Ctrl-C ends it where it is: in the middle of what it tries on its sessions.
func TestDoctorInterrupted(t *testing.T) {
	for name, middle := range map[string]string{"postgres": "pg_advisory_lock", "mysql": "GET_LOCK"} {
		t.Run(name, func(t *testing.T) {
			dsn, clean := traced(t, name)
			p := pooledtest.NewProxy(t, dsn)
			ctx, cancel := context.WithCancelCause(t.Context())
			var stdout, stderr bytes.Buffer
			p.On(middle, func() { cancel(errors.New("interrupt signal received")) })
			c := runWith(ctx, &stdout, &stderr, pooledtest.WithOptions(p.DSN(), "pool_reset_on_return=none"))
			if c != 1 || stderr.String() != "pooled: doctor: interrupt signal received\n" {
				t.Errorf("have exit code %d and %q, want 1 and the interrupt", c, stderr.String())
			}
			for _, want := range []string{"\nok       ping ", "\ninterrupted: these are the findings so far\nproblems: "} {
				if !strings.Contains(stdout.String(), want) {
					t.Errorf("have %s\nwant %q in it", stdout.String(), want)
				}
			}
			clean()
			if !becomes(func() bool { return p.Open() == 0 }) {
				t.Errorf("have %d connections open, want none", p.Open())
			}
		})
	}
}

// Against a silent server, whose pool takes seconds to close, an interrupt is answered at once, and the report is JSON
// if that was asked for.
func TestDoctorInterruptedBySilence(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	own := os.Stderr
	t.Cleanup(func() { os.Stderr = own })
	os.Stderr = w
	ctx, cancel := context.WithCancelCause(t.Context())
	var stdout, stderr bytes.Buffer
	code := make(chan int, 1)
	go func() {
		args := []string{"--json", "postgres://scott:tiger@" + l.Addr().String() + "/db?sslmode=disable"}
		code <- runWith(ctx, &stdout, &stderr, args...)
	}()
	silent, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	cancel(errors.New("interrupt signal received"))
	text := make([]byte, 200)
	n, err := r.Read(text)
	const want = "pooled: doctor: closing what was opened; Ctrl-C again to leave now\n"
	if have := string(text[:n]); err != nil || have != want {
		t.Errorf("have %q, %v, want %q", have, err, want)
	}
	if c := <-code; c != 1 || stderr.String() != "pooled: doctor: interrupt signal received\n" {
		t.Errorf("have exit code %d and %q, want 1 and the interrupt", c, stderr.String())
	}
	w.Close()
	var d diagnosis
	if err := json.Unmarshal(stdout.Bytes(), &d); err != nil {
		t.Fatalf("%v in %q", err, stdout.String())
	}
	wantLevels(t, &d, "dsn reset-mode pre-ping recycle fork-guard wait outage-wait")
	if !d.Interrupted {
		t.Error("have a report like any other, want it marked as interrupted")
	}
}

// within sets the grace and the limit of all checks for the test, but that of the first, which waits for nobody.
func within(t *testing.T, limit, after time.Duration) {
	ownChecks, ownGrace := checks, grace
	t.Cleanup(func() { checks, grace = ownChecks, ownGrace })
	checks = append([]check{}, checks...)
	for i := range checks[1:] {
		checks[1+i].limit = limit
	}
	grace = after
}

// A server that takes connections and says nothing.
func TestDoctorNoAnswer(t *testing.T) {
	silent := pooledtest.Serve(t, func(c net.Conn) { io.Copy(io.Discard, c) })
	within(t, 300*time.Millisecond, grace)
	for _, dsn := range []string{"postgres://scott:s3cret@" + silent + "/db?sslmode=disable",
		"scott:s3cret@tcp(" + silent + ")/db"} {
		began := time.Now()
		d := examine(t, dsn)
		took := time.Since(began)
		wantLevels(t, d, "dsn reset-mode pre-ping recycle fork-guard wait outage-wait connect:problem")
		wantFinding(t, d, "connect", levelProblem, "no answer within ", "firewalls")
		_, text, _ := strings.Cut(about(t, d, "connect").Text, "no answer within ")
		if told, err := time.ParseDuration(text); err != nil || told < 300*time.Millisecond || told > took+time.Second {
			t.Errorf("have %q (%v), want more than the limit of 300ms, and about what it took: %v", text, err, took)
		}
	}
}

// What did not end with its limit is not said to have taken that long.
func TestSlowErrorTellsTheTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		late := slowError{"no answer within", time.Now()}
		for _, tt := range []struct {
			after time.Duration
			want  string
		}{
			{300 * time.Millisecond, "no answer within 300ms"},
			{15 * time.Second, "no answer within 15s"},
			{20*time.Second + 3*time.Millisecond, "no answer within 20s"},
		} {
			time.Sleep(tt.after - time.Since(late.began))
			if have := late.Error(); have != tt.want {
				t.Errorf("after %v: have %q, want %q", tt.after, have, tt.want)
			}
		}
	})
}

// A server that falls silent in the middle of a statement, which lib/pq doesn't notice: the examination ends with what
// was found so far.
func TestDoctorHangs(t *testing.T) {
	for name, asleep := range map[string]string{"postgres": "SELECT pg_sleep(30)", "mysql": "SELECT SLEEP(30)"} {
		t.Run(name, func(t *testing.T) {
			dsn := ""
			if name == "postgres" {
				dsn = pooledtest.PostgresPlain(t)
			} else {
				dsn = pooledtest.MySQLPlain(t)
			}
			p := pooledtest.NewProxy(t, dsn)
			connecting := checks[2] // for which a busy machine gets its time
			within(t, time.Second, 500*time.Millisecond)
			checks = []check{connecting, {title: "sleeping", limit: time.Second, run: func(ctx context.Context, x *exam) error {
				return x.with(nil, func(s *session) error {
					return s.use(ctx, func(conn *sql.Conn) error { return send(ctx, conn, asleep) })
				})
			}}}
			p.On(asleep, p.Hang)
			began := time.Now()
			d := examine(t, p.DSN())
			if took := time.Since(began); took > 25*time.Second {
				t.Errorf("have an examination of %v, want it ended", took)
			}
			wantLevels(t, d, "dsn connect unfinished:problem")
			wantFinding(t, d, "unfinished", levelProblem, "sleeping: no answer within ", "network")
			p.CloseAll()
		})
	}
}

// One that breaks off is examined as far as it goes.
func TestDoctorLosesItsServer(t *testing.T) {
	p := pooledtest.NewProxy(t, pooledtest.PostgresPlain(t))
	p.On("max_connections", func() { go p.Close(); p.CloseAll() })
	d := examine(t, p.DSN())
	f := about(t, d, "unfinished")
	if f.Level != levelWarning && f.Level != levelProblem {
		t.Errorf("have %+v, want it to say that something is missing", f)
	}
}

func TestProgress(t *testing.T) {
	var b bytes.Buffer
	p := &progress{w: &b}
	p.show("first")
	p.show("2nd")
	p.show("")
	if have, want := b.String(), "\r\rfirst\r     \r2nd\r   \r"; have != want {
		t.Errorf("have %q, want %q", have, want)
	}
	b.Reset()
	p.show(strings.Repeat("é", 100))
	if n := len([]rune(b.String())); n > 81 {
		t.Errorf("have %d columns, want less than a terminal's 80", n)
	}
	(*progress)(nil).show("nothing")
}

// What is no terminal is told nothing.
func TestProgressOnTerminalsOnly(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	file, err := os.Create(t.TempDir() + "/log")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for _, f := range []*os.File{w, file} {
		if newProgress(f) != nil {
			t.Errorf("%s: have progress, want none", f.Name())
		}
	}
}
