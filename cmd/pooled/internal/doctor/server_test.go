package doctor

import (
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/cmd/pooled/internal/advice"
	"github.com/pooled-go/pooled/internal/pooledtest"
)

const (
	fineOnPostgres = "dsn reset-mode pre-ping recycle fork-guard wait outage-wait connect server tls read-only pooler " +
		"limit server-limit idle-limit transaction-limit ping reset leak-transaction leak-session"
	fineOnMySQL = "dsn reset-mode pre-ping recycle fork-guard wait outage-wait connect server tls read-only " +
		"autocommit limit server-limit idle-limit transaction-limit ping reset leak-transaction leak-session"
)

// withWarnings are the findings, some of them of another level.
func withWarnings(fine string, others ...string) string {
	all := strings.Fields(fine)
	for _, other := range others {
		id, _, _ := strings.Cut(other, ":")
		for i, one := range all {
			if one == id {
				all[i] = other
			}
		}
	}
	return strings.Join(all, " ")
}

// without are the findings less one.
func without(fine, id string) string { return strings.Replace(fine, " "+id+" ", " ", 1) }

func TestDoctorOnPostgres(t *testing.T) {
	dsn := pooledtest.Postgres(t)
	d := examine(t, pooledtest.WithOptions(dsn, sensible))
	wantLevels(t, d, fineOnPostgres)
	wantLatencies(t, d, "dial", "ping", "reset DISCARD ALL")
	if d.Verdict != levelOK || d.Driver != "postgres" || d.Form != "a URL" ||
		!strings.HasPrefix(d.Server, "PostgreSQL ") || d.ResetMode != "auto" {
		t.Errorf("have %+v, want nothing to be wrong with PostgreSQL", d)
	}
	d = examine(t, dsn)
	wantLevels(t, d, without(withWarnings(fineOnPostgres, "limit:warning"), "server-limit"))
	wantLatencies(t, d, "dial", "ping", "reset ROLLBACK")
	wantFinding(t, d, "limit", levelWarning, "1 process (--instances N for more) may take all",
		"pool_max_conns=")
	if f := about(t, d, "limit"); strings.Contains(f.Change, "raise the server's limit") {
		t.Errorf("have %q, want no higher limit: a pool without one reaches it as well", f.Change)
	}
	wantFinding(t, d, "leak-session", levelOK, "finds 10 of 10 kinds", "")
	wantFinding(t, d, "leak-session", levelOK,
		"; pool_reset_on_return=session, if the program leaves any of: SET by a function", "")

	d = examine(t, strings.Replace(dsn, "postgres://", "postgresql+pgx://", 1)+"&default_query_exec_mode=exec&"+sensible)
	wantLevels(t, d, strings.Replace(fineOnPostgres, "dsn", "dsn driver", 1))
	if d.Driver != "pgx" {
		t.Errorf("have driver %s, want pgx", d.Driver)
	}
}

func TestDoctorOnMySQL(t *testing.T) {
	dsn, on := pooledtest.MySQL(t), pooledtest.MySQLFacts(t)
	d := examine(t, pooledtest.WithOptions(dsn, sensible))
	wantLevels(t, d, fineOnMySQL)
	if d.Verdict != levelOK || d.Driver != "mysql" || d.Form != "go-sql-driver's own form" ||
		!strings.HasPrefix(d.Server, on.Name+" "+on.Version) {
		t.Errorf("have %+v, want nothing to be wrong with %s", d, on.Name)
	}
	if reset := d.Latency[2]; !strings.Contains(reset.Sent, "COM_RESET_CONNECTION") {
		t.Errorf("have %+v, want a reset by COM_RESET_CONNECTION", reset)
	}
	d = examine(t, dsn)
	wantLevels(t, d, without(withWarnings(fineOnMySQL, "limit:warning"), "server-limit"))
	wantLatencies(t, d, "dial", "ping", "reset ROLLBACK")

	d = examine(t, pooledtest.WithOptions(dsn, "autocommit=0&"+sensible))
	wantLevels(t, d, withWarnings(fineOnMySQL, "autocommit:warning"))
	wantFinding(t, d, "autocommit", levelWarning, "every statement opens a transaction", "autocommit=0")

	for value, text := range map[string]string{"1": "every COMMIT opens another",
		"2": "every COMMIT closes the connection"} {
		d = examine(t, pooledtest.WithOptions(dsn, "completion_type="+value+"&"+sensible))
		wantLevels(t, d, withWarnings(fineOnMySQL, "autocommit:warning"))
		wantFinding(t, d, "autocommit", levelWarning, text, "completion_type=0")
	}

	const compressed = "compress=true&pool_reset_on_return=session&pool_size=1&pool_max_overflow=0" +
		"&pool_init_sql=DO%20SLEEP(0.05)"
	d = examine(t, pooledtest.WithOptions(dsn, compressed))
	wantLevels(t, d, withWarnings(fineOnMySQL, "reset:warning"))
	wantFinding(t, d, "reset", levelWarning, "closes the connection and opens another, which takes ",
		"remove compress=true; or pool_reset_on_return=auto")
	if reset := d.Latency[2]; reset.MedianMS < 50 {
		t.Errorf("have %+v, want at least the 50 ms that an opening takes", reset)
	}
}

// What is said of a DSN without the server is what the server makes of it.
func TestAutocommitOfTheDSN(t *testing.T) {
	for _, parameter := range []string{"autocommit=0", "autoCommit=false", "AUTOCOMMIT=OFF", "autocommit='OFF'",
		"autocommit=%22off%22", "@@autocommit=0", "@@session.autocommit=0", "@@local.autocommit=0", "`autocommit`=0",
		"autocommit=00", "autocommit=1", "autoCommit=true", "autocommit='ON'", "@autocommit=0", "autocommit=DEFAULT"} {
		dsn := pooledtest.WithOptions(pooledtest.MySQL(t), parameter)
		cfg, err := pooled.ParseDSN(dsn)
		if err != nil {
			t.Fatal(err)
		}
		off := pooledtest.ScanOne[int](t, pooledtest.OpenDB(t, "mysql", cfg.DSN), "SELECT @@autocommit") == 0
		if have := advice.TurnsAutocommitOff(cfg); have != off {
			t.Errorf("%s: have off %t, want %t as on the server", parameter, have, off)
		}
	}
}

// What mode lets the next caller find which kind, and which mode would not.
func TestDoctorLeaks(t *testing.T) {
	for _, s := range []struct {
		name   string
		dsn    func(testing.TB) string
		kinds  []leakKind
		hidden string // from every statement's text, so auto leaves it
	}{
		{"postgres", pooledtest.Postgres, postgresLeaks, "SET by a function"},
		{"mysql", pooledtest.MySQL, mysqlLeaks, "warnings of a query"},
	} {
		for _, mode := range []pooled.ResetMode{pooled.ResetNone, pooled.ResetCommit, pooled.ResetRollback,
			pooled.ResetAuto, pooled.ResetSession} {
			t.Run(s.name+"/"+string(mode), func(t *testing.T) {
				var want []string
				for _, k := range s.kinds {
					result := "clean"
					switch {
					case mode == pooled.ResetSession:
					case k.tx && mode == pooled.ResetNone:
						result = "found rollback"
					case k.tx:
					case k.name == s.hidden:
						result = "found session"
					case mode != pooled.ResetAuto:
						result = "found auto"
					}
					want = append(want, k.name+": "+result)
				}
				d := examine(t, pooledtest.WithOptions(s.dsn(t), "pool_reset_on_return="+string(mode)))
				if have, want := leaks(d), strings.Join(want, "\n"); have != want {
					t.Errorf("have\n%s\nwant\n%s", have, want)
				}
				l := levelOK
				if mode == pooled.ResetNone {
					l = levelProblem
				}
				if have := about(t, d, "leak-transaction").Level; have != l {
					t.Errorf("leak-transaction: have %s, want %s", have, l)
				}
			})
		}
	}
}

// What a mode leaves does not depend on a reset that is cut short, which ends the session.
func TestDoctorLeaksWithTinyResetTimeout(t *testing.T) {
	for _, dsn := range []string{pooledtest.Postgres(t), pooledtest.MySQL(t)} {
		want := leaks(examine(t, dsn))
		if have := leaks(examine(t, pooledtest.WithOptions(dsn, "pool_reset_timeout=1us"))); have != want {
			t.Errorf("have\n%s\nwant\n%s", have, want)
		}
	}
}

// MySQL's accounts and its TLS have advice of their own.
func TestDoctorOnMySQLWithoutTLS(t *testing.T) {
	address := pooledtest.Serve(t, func(c net.Conn) {
		const greeting = "\x0a9.7.4\x00" + "1234" + "saltsalt\x00" + "\x00\x02" // protocol 4.1, and no TLS
		io.WriteString(c, string([]byte{byte(len(greeting)), 0, 0, 0})+greeting)
		io.Copy(io.Discard, c)
	})
	d := examine(t, "scott:tiger@tcp("+address+")/shop?tls=true")
	wantFinding(t, d, "connect", levelProblem, "TLS", "tls=false")
}

// In class null a session ends with its checkout, so nothing is found in any mode; in class direct the modes count.
func TestDoctorLeaksByClass(t *testing.T) {
	for name, dsn := range map[string]string{"postgres": pooledtest.Postgres(t), "mysql": pooledtest.MySQL(t),
		"sqlite": "file:" + t.TempDir() + "/x.db?pool_name=x"} {
		if name == "sqlite" {
			oneRow(t, strings.TrimSuffix(strings.TrimPrefix(dsn, "file:"), "?pool_name=x"))
		}
		for class, want := range map[string]string{"null": ": clean", "direct": ": found"} {
			d := examine(t, pooledtest.WithOptions(dsn, "pool_reset_on_return=none&pool_class="+class))
			for line := range strings.Lines(leaks(d)) {
				if !strings.Contains(line, want) {
					t.Errorf("%s, class %s: have %s, want %s", name, class, line, want)
				}
			}
		}
	}
}

func TestDoctorInstances(t *testing.T) {
	for name, dsn := range map[string]string{"postgres": pooledtest.Postgres(t), "mysql": pooledtest.MySQL(t)} {
		d := examine(t, pooledtest.WithOptions(dsn, "pool_size=5&pool_max_overflow=5"), "--instances", "40")
		wantFinding(t, d, "server-limit", levelProblem, "40 processes with at most 10 connections each: up to 400, "+
			"but the server allows ", "pool_max_conns=")
		if d.Instances != 40 || d.Verdict != levelProblem {
			t.Errorf("%s: have %d instances and verdict %s, want 40 and a problem", name, d.Instances, d.Verdict)
		}
	}
}

// Limits of the account count, and are found out without rights.
func TestDoctorAccountLimits(t *testing.T) {
	const secret = "doctor-s3cret"
	t.Run("postgres", func(t *testing.T) {
		dsn := pooledtest.Postgres(t)
		admin := pooledtest.OpenDB(t, "postgres", dsn)
		pooledtest.MustExec(t, admin, "DROP ROLE IF EXISTS pooled_doctor_few")
		pooledtest.MustExec(t, admin, "CREATE ROLE pooled_doctor_few LOGIN CONNECTION LIMIT 7 PASSWORD '"+secret+"'")
		t.Cleanup(func() { admin.Exec("DROP ROLE pooled_doctor_few") })
		_, host, _ := strings.Cut(dsn, "@")
		d := examine(t, "postgres://pooled_doctor_few:"+secret+"@"+host+"&"+sensible)
		wantLevels(t, d, withWarnings(fineOnPostgres, "server-limit:problem"))
		wantFinding(t, d, "server-limit", levelProblem, "up to 10, but the server allows 7 (the role's "+
			"connection limit)", "pool_max_conns=7 at most")
	})
	t.Run("mysql", func(t *testing.T) {
		dsn := pooledtest.MySQL(t)
		admin := pooledtest.OpenDB(t, "mysql", dsn)
		pooledtest.Make(t, admin, "USER", "pooled_doctor_few@'127.0.0.1'", "IDENTIFIED BY '"+secret+
			"' WITH MAX_USER_CONNECTIONS 7")
		pooledtest.MustExec(t, admin, "GRANT ALL ON pooled_test.* TO pooled_doctor_few@'127.0.0.1'")
		t.Cleanup(func() { admin.Exec("DROP USER pooled_doctor_few@'127.0.0.1'") })
		_, host, _ := strings.Cut(dsn, "@")
		d := examine(t, pooledtest.WithOptions("pooled_doctor_few:"+secret+"@"+host, sensible))
		wantLevels(t, d, withWarnings(fineOnMySQL, "server-limit:problem"))
		wantFinding(t, d, "server-limit", levelProblem, "up to 10, but the server allows 7 (max_user_connections)",
			"pool_max_conns=7 at most")
	})
}

// What can't be told apart, or is not allowed, is not tried, and the rest is.
func TestDoctorNotTried(t *testing.T) {
	reason := func(d *diagnosis, kind string) string {
		for _, l := range d.Leaks {
			if l.Kind == kind {
				return string(l.Result) + ": " + l.Reason
			}
		}
		return ""
	}
	d := examine(t, pooledtest.WithOptions(pooledtest.Postgres(t), "statement_timeout=54321"))
	if have, want := reason(d, "SET"), "not tried: the DSN sets the same in every session"; have != want {
		t.Errorf("have %q, want %q", have, want)
	}
	wantFinding(t, d, "leak-session", levelOK, "finds 8 of 8 kinds of session state, as with database/sql "+
		"alone; pool_reset_on_return=auto", "")

	dsn := pooledtest.MySQL(t)
	admin := pooledtest.OpenDB(t, "mysql", dsn)
	pooledtest.Make(t, admin, "USER", "pooled_doctor_reader@'127.0.0.1'", "IDENTIFIED BY 'doctor-s3cret'")
	pooledtest.MustExec(t, admin, "GRANT SELECT ON pooled_test.* TO pooled_doctor_reader@'127.0.0.1'")
	t.Cleanup(func() { admin.Exec("DROP USER pooled_doctor_reader@'127.0.0.1'") })
	_, host, _ := strings.Cut(dsn, "@")
	d = examine(t, "pooled_doctor_reader:doctor-s3cret@"+host)
	if have, want := reason(d, "temporary table"), "not tried: Error 1044"; !strings.HasPrefix(have, want) {
		t.Errorf("have %q, want %q", have, want)
	}
	wantFinding(t, d, "leak-session", levelOK, "finds 9 of 9 kinds of session state, as with database/sql "+
		"alone; pool_reset_on_return=auto", "")
}

func TestDoctorIdleLimit(t *testing.T) {
	for dsn, change := range map[string]string{
		pooledtest.WithOptions(pooledtest.Postgres(t), "idle_session_timeout=60000"): "raise idle_session_timeout " +
			"above pool_recycle",
		pooledtest.WithOptions(pooledtest.MySQL(t), "wait_timeout=60"): "raise wait_timeout above pool_recycle",
	} {
		d := examine(t, dsn)
		wantFinding(t, d, "idle-limit", levelWarning, "idle for 1m0s, which is less than pool_recycle=30m", change)
	}
}

func TestJudgeIdleLimit(t *testing.T) {
	for _, tt := range []struct {
		limit   time.Duration
		options string
		level   level
		text    string
		change  string
	}{
		{0, "pool_recycle=-1", levelOK, "does not end idle sessions", ""},
		{9 * time.Second, "pool_class=null", levelProblem, "after 9s of idleness", "raise wait_timeout, to 10 minutes"},
		{time.Minute, "pool_class=null", levelOK, "class null keeps no idle connections", ""},
		{time.Minute, "pool_recycle=61s", levelWarning, "less than pool_recycle=1m1s", "raise wait_timeout above"},
		{time.Minute, "pool_recycle=-1", levelWarning, "less than pool_recycle=-1", "lower pool_recycle"},
		{time.Minute, "pool_recycle=60s", levelOK, "the pool closes it earlier", ""},
		{5 * time.Minute, "pool_recycle=-1", levelOK, "the pool closes it earlier", ""},
	} {
		cfg, err := pooled.ParseDSN("mysql://h/db?" + tt.options)
		if err != nil {
			t.Fatal(err)
		}
		x := &exam{cfg: cfg, server: mysqlServer, facts: facts{idleLimit: tt.limit}}
		x.judgeIdleLimit()
		wantFinding(t, x.report.final(), "idle-limit", tt.level, tt.text, tt.change)
	}
}

// Slow answers are measured against the options.
func TestJudgeReset(t *testing.T) {
	for _, tt := range []struct {
		options     string
		median, max time.Duration
		replaced    bool
		level       level
		change      string
	}{
		{"", time.Millisecond, 2 * time.Second, false, levelOK, ""},
		{"", time.Millisecond, 3 * time.Second, false, levelProblem, "at least pool_reset_timeout=12s"},
		{"pool_reset_timeout=1ms", time.Millisecond, time.Millisecond, false, levelProblem,
			"at least pool_reset_timeout=4ms; 5s is the default"},
		{"pool_reset_timeout=-1", time.Millisecond, 3 * time.Second, false, levelOK, ""},
		{"", 200 * time.Millisecond, time.Second, false, levelWarning, "check what keeps the server busy"},
		{"pool_reset_on_return=session", 200 * time.Millisecond, time.Second, false, levelWarning,
			"pool_reset_on_return=auto"},
		{"pool_reset_on_return=session", time.Millisecond, time.Second, true, levelWarning, "pool_reset_on_return=auto"},
		{"pool_reset_on_return=session&compress=true", 9 * time.Second, 9 * time.Second, true, levelWarning,
			"remove compress=true; or pool_reset_on_return=auto"},
		{"pool_reset_on_return=auto", time.Millisecond, time.Second, true, levelWarning, "pool_reset_on_return=rollback"},
	} {
		cfg, err := pooled.ParseDSN("mysql://h/db?" + tt.options)
		if err != nil {
			t.Fatal(err)
		}
		x := &exam{cfg: cfg, server: mysqlServer}
		x.judgeReset(latency{median: tt.median, max: tt.max}, tt.replaced, 0)
		wantFinding(t, x.report.final(), "reset", tt.level, "", tt.change)
		if text := about(t, x.report.final(), "reset").Text; tt.replaced && !strings.Contains(text, "which takes "+
			precise(tt.median)) {
			t.Errorf("have %q, want what it takes in it", text)
		}
	}
}

// To run the program nearer to the server helps where the way is what takes the time.
func TestAdviceForSlowAnswers(t *testing.T) {
	for _, tt := range []struct {
		near               bool
		ping, reset        time.Duration
		forPing, forResets string
	}{
		{false, 80 * time.Millisecond, 150 * time.Millisecond, "run the program closer", "run the program closer"},
		{false, 60 * time.Millisecond, 900 * time.Millisecond, "run the program closer", "check what keeps the server busy"},
		{true, 80 * time.Millisecond, 150 * time.Millisecond, "keeps the server and this machine busy",
			"check what keeps the server busy"},
	} {
		cfg, err := pooled.ParseDSN("mysql://h/db")
		if err != nil {
			t.Fatal(err)
		}
		x := &exam{cfg: cfg, server: mysqlServer, facts: facts{near: tt.near, ping: tt.ping}}
		x.judgePing(latency{median: tt.ping, max: tt.ping})
		x.judgeReset(latency{median: tt.reset, max: tt.reset}, false, 0)
		wantFinding(t, x.report.final(), "ping", levelWarning, "", tt.forPing)
		wantFinding(t, x.report.final(), "reset", levelWarning, "", tt.forResets)
	}
}

func TestJudgePing(t *testing.T) {
	for _, tt := range []struct {
		options     string
		median, max time.Duration
		level       level
		change      string
	}{
		{"", time.Millisecond, 2 * time.Second, levelOK, ""},
		{"", time.Millisecond, 3 * time.Second, levelProblem, "at least pool_ping_timeout=12s"},
		{"pool_ping_timeout=1ms", time.Millisecond, time.Millisecond, levelProblem,
			"at least pool_ping_timeout=4ms; 5s is the default"},
		{"pool_ping_timeout=-1", 51 * time.Millisecond, 3 * time.Second, levelWarning, "closer"},
	} {
		cfg, err := pooled.ParseDSN("mysql://h/db?" + tt.options)
		if err != nil {
			t.Fatal(err)
		}
		x := &exam{cfg: cfg}
		x.judgePing(latency{median: tt.median, max: tt.max})
		wantFinding(t, x.report.final(), "ping", tt.level, "", tt.change)
	}
}

// The advice for a pool's size, for what servers say and programs ask for.
func TestJudgeSize(t *testing.T) {
	for _, tt := range []struct {
		options   string
		instances int
		bounds    []bound
		want      string // levels
		change    string
	}{
		{"pool_size=5&pool_max_overflow=5", 2, []bound{{"all", 100, 0, 3}}, "limit server-limit", ""},
		{"pool_size=5&pool_max_overflow=5", 10, []bound{{"all", 100, 0, 0}}, "limit server-limit", ""},
		{"pool_size=5&pool_max_overflow=5", 10, []bound{{"all", 100, 0, 1}}, "limit server-limit:warning",
			"pool_max_conns=9 at most, in place of pool_size and pool_max_overflow"},
		{"pool_size=5&pool_max_overflow=5", 10, []bound{{"all", 100, 0, -1}}, "limit server-limit", ""},
		{"pool_size=5&pool_max_overflow=5", 11, []bound{{"all", 100, 0, 0}}, "limit server-limit:problem",
			"pool_max_conns=9 at most, in place of pool_size and pool_max_overflow"},
		{"pool_size=50&pool_max_overflow=0", 11, []bound{{"all", 100, 0, 0}}, "limit server-limit:problem",
			"pool_max_conns=9 at most"},
		{"pool_size=1&pool_max_overflow=0", 11, []bound{{"all", 100, 0, 0}, {"role", 10, 0, -1}},
			"limit server-limit:problem", "less than one connection for each: raise its limit (role)"},
		{"pool_class=static", 10, []bound{{"all", 10, 0, 0}}, "limit server-limit", ""},
		{"pool_size=20", 4, []bound{{"all", 100, 0, 0}}, "limit:warning", "pool_max_conns=25 at most"},
		{"pool_size=-1", 4, []bound{{"all", 100, 0, 0}}, "limit:warning", "pool_max_conns=25 at most"},
		{"pool_class=direct", 4, []bound{{"all", 100, 0, 0}}, "limit:warning", "db.SetMaxOpenConns(25) at most"},
		{"pool_class=null", 4, []bound{{"all", 100, 0, 0}}, "limit:warning", "db.SetMaxOpenConns(25) at most"},
		{"pool_size=20", 4, nil, "", ""},
		{"pool_size=20", 1, []bound{{"all", 97, 7, 0}}, "limit:warning", "pool_max_conns=90 at most, in place of " +
			"pool_size and pool_max_overflow, which leaves 7 for others"},
		{"pool_size=20", 1, []bound{{"all", 97, 7, 17}}, "limit:warning", "pool_max_conns=80 at most"},
		{"pool_size=9&pool_max_overflow=9", 5, []bound{{"all", 97, 7, 0}}, "limit server-limit", ""},
		{"pool_size=9&pool_max_overflow=10", 5, []bound{{"all", 97, 7, 0}}, "limit server-limit:warning",
			"pool_max_conns=18 at most"},
		{"pool_size=5&pool_max_overflow=5", 9, []bound{{"all", 97, 7, 8}}, "limit server-limit:warning",
			"unless the others are older processes of this program that will end: pool_max_conns=9 at most"},
		{"pool_size=3&pool_max_overflow=3", 1, []bound{{"all", 97, 92, 0}, {"role", 6, 0, -1}},
			"limit server-limit:warning", "pool_max_conns=5 at most"},
		{"pool_size=7&pool_max_overflow=0", 1, []bound{{"all", 97, 92, 0}, {"role", 6, 0, -1}},
			"limit server-limit:problem", "pool_max_conns=5 at most"},
	} {
		cfg, err := pooled.ParseDSN("postgres://h/db?" + tt.options)
		if err != nil {
			t.Fatal(err)
		}
		x := &exam{cfg: cfg, instances: tt.instances, facts: facts{bounds: tt.bounds}}
		x.judgeSize()
		d := x.report.final()
		for _, f := range d.Findings {
			others := tt.bounds[0].used > tt.bounds[0].keep
			if strings.Contains(f.Change, "unless the others") && !others {
				t.Errorf("%s: have %q, and others have nothing open", tt.options, f.Change)
			}
		}
		if have := levels(d); have != tt.want {
			t.Errorf("%s, %d processes, %v: have %s, want %s", tt.options, tt.instances, tt.bounds, have, tt.want)
			continue
		}
		if n := len(d.Findings); tt.change != "" && !strings.Contains(d.Findings[n-1].Change, tt.change) {
			t.Errorf("%s, %d processes, %v: have change %q, want %q", tt.options, tt.instances, tt.bounds,
				d.Findings[n-1].Change, tt.change)
		}
	}
}

func TestJudgeTLS(t *testing.T) {
	const remote, here = "db.example", "127.0.0.1"
	plain, unchecked, checked := encryption{}, encryption{encrypted: true}, encryption{encrypted: true, checked: true}
	anyHost, prefer, strip := checked, unchecked, checked
	anyHost.anyHost, prefer.fallback, strip.fallback = true, true, true
	for _, tt := range []struct {
		hosts        []string
		way          encryption
		mode         string
		level        level
		text, change string
	}{
		{[]string{remote}, checked, "sslmode=verify-full", levelOK, "certificate is checked (sslmode=verify-full)", ""},
		{[]string{remote}, anyHost, "", levelOK, "is checked, but not the host name in it", ""},
		{[]string{remote}, prefer, "sslmode=prefer", levelWarning, "not checked and the connection may fall back to no TLS " +
			"(sslmode=prefer): whoever gets between", "CHECK"},
		{[]string{here}, prefer, "tls=preferred", levelWarning, "may fall back to no TLS (tls=preferred)",
			"CHECK; or OFF if"},
		{[]string{remote}, strip, "", levelWarning, "TLS, but the connection may fall back to no TLS: whoever", "CHECK"},
		{[]string{remote}, unchecked, "", levelWarning, "not checked: whoever gets between", "CHECK"},
		{[]string{remote}, unchecked, "tls=skip-verify", levelWarning, "not checked (tls=skip-verify)", "CHECK"},
		{[]string{here, remote}, unchecked, "", levelWarning, "this machine and db.example", "CHECK"},
		{[]string{here}, unchecked, "tls=skip-verify", levelWarning, "costs a handshake", "CHECK; or OFF if"},
		{[]string{here}, unchecked, "", levelOK, "does not leave this machine", ""},
		{[]string{remote}, plain, "sslmode=prefer", levelWarning, "no TLS on the connection to db.example",
			"CHECK"},
		{[]string{"localhost", "10.0.0.1"}, plain, "", levelWarning, "no TLS", "CHECK"},
		{[]string{"localhost", "127.8.0.1", "::1", "/run/postgresql", "@name", ""}, plain, "", levelOK,
			"does not leave this machine", ""},
	} {
		x := new(exam)
		tt.way.hosts, tt.way.mode, tt.way.change, tt.way.off = tt.hosts, tt.mode, "CHECK", "OFF"
		x.way(tt.way)
		wantFinding(t, x.report.final(), "tls", tt.level, tt.text, tt.change)
		if near := tt.hosts[0] != remote && len(tt.hosts) != 2; x.near != near {
			t.Errorf("%q: near %t, want %t", tt.hosts, x.near, near)
		}
	}
}

// What the drivers make of what a DSN says, on servers whose certificate is that of a known authority.
func TestDoctorTLS(t *testing.T) {
	t.Setenv("HOME", t.TempDir()) // where lib/pq looks for certificates
	postgres, mysql := pooledtest.PostgresTLS(t), pooledtest.MySQLTLS(t)
	root := postgres[strings.Index(postgres, "sslrootcert="):]
	plain, _, _ := strings.Cut(postgres, "?")
	mysql, _, _ = strings.Cut(mysql, "?")
	for _, tt := range []struct {
		dsn          string
		level        level
		text, change string
	}{
		{plain + "?sslmode=verify-full&" + root, levelOK, "", ""},
		{plain + "?sslmode=verify-ca&" + root, levelOK, "not the host name", ""},
		{plain + "?sslmode=require&" + root, levelOK, "not the host name", ""}, // which lib/pq takes for verify-ca
		{plain + "?sslmode=require", levelWarning, "", "sslmode=verify-full, with the certificate authority in sslrootcert"},
		{plain + "?sslmode=prefer", levelWarning, "may fall back to no TLS", "sslmode=verify-full"},
		{plain + "?sslmode=prefer&" + root, levelWarning, "may fall back to no TLS", "sslmode=verify-full"},
		{plain + "?sslmode=disable", levelOK, "", ""},
		{plain + "?application_name=x", levelOK, "", ""},
		{mysql + "?tls=true", levelOK, "", ""},
		{mysql + "?tls=skip-verify", levelWarning, "", "tls=true"},
		{mysql + "?tls=preferred", levelWarning, "may fall back to no TLS", "tls=true"},
		{mysql + "?tls=true&allowFallbackToPlaintext=true", levelWarning, "TLS, but the connection may fall back",
			"allowFallbackToPlaintext=false"},
		{mysql + "?tls=false", levelOK, "", ""},
		{mysql, levelOK, "", ""},
	} {
		d := onlyServer(t, tt.dsn)
		wantFinding(t, d, "tls", tt.level, tt.text, tt.change)
	}
}

// onlyServer makes the checks up to that of the server.
func onlyServer(t *testing.T, dsn string) *diagnosis {
	own := checks
	defer func() { checks = own }()
	checks = own[:4]
	return examine(t, dsn)
}

// What servers of each kind and version have of such limits.
func TestDoctorTransactionLimits(t *testing.T) {
	postgres, mysql := pooledtest.Postgres(t), pooledtest.MySQL(t)
	for _, tt := range []struct{ bare, dsn, setting, value string }{
		{"postgres", postgres, "idle_in_transaction_session_timeout", "60000"},
		{"postgres", postgres, "transaction_timeout", "60000"},
		{"mysql", mysql, "idle_transaction_timeout", "60"},
		{"mysql", mysql, "idle_write_transaction_timeout", "60"},
	} {
		dsn := pooledtest.WithOptions(tt.dsn, tt.setting+"="+tt.value)
		if pooledtest.OpenDB(t, tt.bare, dsn).Ping() != nil {
			continue // this server does not know it
		}
		d := examine(t, dsn)
		wantFinding(t, d, "transaction-limit", levelOK, "longer than 1m0s ("+tt.setting+")", "")
		d = examine(t, pooledtest.WithOptions(dsn, "pool_leak_after=2m"))
		wantFinding(t, d, "transaction-limit", levelWarning, "pool_leak_after=2m0s", "less than 1m0s")
		if i := slices.IndexFunc(d.Limits, func(l allowance) bool { return l.Name == tt.setting }); i < 0 ||
			d.Limits[i].Value == nil || *d.Limits[i].Value != 60 {
			t.Errorf("have the limits %+v, want 60 s of %s", d.Limits, tt.setting)
		}
	}
}

func TestJudgeTxLimits(t *testing.T) {
	idle, whole := txLimit{"i", time.Minute, true}, txLimit{"w", 30 * time.Second, false}
	for _, tt := range []struct {
		options string
		limits  []txLimit
		level   level
		text    string
		change  string
	}{
		{"", nil, levelOK, "does not end transactions", ""},
		{"", []txLimit{idle, whole}, levelOK, "that waits for the program for longer than 1m0s (i), or that is open for " +
			"longer than 30s (w); it is rolled back", ""},
		{"pool_leak_after=29s", []txLimit{idle, whole}, levelOK, "", ""},
		{"pool_leak_after=30s", []txLimit{idle, whole}, levelWarning, "pool_leak_after=30s reports the code that holds it " +
			"only after that", "pool_leak_after of less than 30s, or a higher w"},
	} {
		cfg, err := pooled.ParseDSN("mysql://h/db?" + tt.options)
		if err != nil {
			t.Fatal(err)
		}
		x := &exam{cfg: cfg, facts: facts{txLimits: tt.limits}}
		x.judgeTxLimits()
		wantFinding(t, x.report.final(), "transaction-limit", tt.level, tt.text, tt.change)
	}
}
