package parse

import (
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/cmd/pooled/internal/cli"
	"github.com/pooled-go/pooled/cmd/pooled/internal/clitest"
	"github.com/pooled-go/pooled/internal/pooledtest"

	_ "github.com/go-sql-driver/mysql"
	_ "github.com/lib/pq"
)

func TestMain(m *testing.M) { clitest.Main(m) }

func runCommand(t *testing.T, args ...string) (code int, stdout, stderr string) {
	return clitest.Output(t.Context(), Command(), args...)
}

// What people see of it: docs/cli.md shows it, too.
const page = `postgres://scott:xxxxx@db/shop?pool_max_conns=10&sslmode=require&pool_pre_ping=off (DSN from DATABASE_URL)

   form      a URL
   driver    postgres
   its DSN   postgres://scott:xxxxx@db/shop?sslmode=require

   option                 value      from
   pool_driver            postgres   implied by the scheme
   pool_size              10         DSN, as pool_max_conns
   pool_max_overflow      0          implied by pool_max_conns
   pool_pre_ping          off        DSN
   pool_class             queue      default
   pool_timeout           30s        default
`

const pageEnd = `
warning  pre-ping           pool_pre_ping=off: a connection that a firewall dropped silently, or
                            that was lost in a failover, is handed to a caller and fails there
                            fix: pool_pre_ping=auto, which costs a round trip only after a second of
                            idleness
`

func TestParse(t *testing.T) {
	t.Setenv("DATABASE_URL",
		"postgres://scott:t1ger@db/shop?pool_max_conns=10&sslmode=require&pool_pre_ping=off")
	code, stdout, stderr := runCommand(t)
	if code != 0 || stderr != "" || !strings.HasPrefix(stdout, page) || !strings.HasSuffix(stdout, pageEnd) {
		t.Errorf("have exit code %d, %s and\n%s\nwant 0, and in it\n%s…%s", code, stderr, stdout, page, pageEnd)
	}
}

// parsed is the JSON for a DSN.
func parsed(t *testing.T, dsn string) (r report) {
	t.Helper()
	code, stdout, stderr := runCommand(t, "--json", dsn)
	strict := json.NewDecoder(strings.NewReader(stdout))
	strict.DisallowUnknownFields()
	if err := strict.Decode(&r); err != nil || code != 0 || stderr != "" {
		t.Fatalf("%s: have exit code %d, %v and %s%s, want 0 and JSON", dsn, code, err, stdout, stderr)
	}
	if r.Version != 1 || r.From != cli.FromArgument || r.Warnings == nil {
		t.Errorf("%s: have %+v, want version 1, an argument, and a list of warnings", dsn, r)
	}
	return r
}

func TestParseDriver(t *testing.T) {
	for _, tt := range []struct {
		dsn, form, driver, native, origin, by string
		builtIn                               bool
	}{
		{"postgres://u:Zq7@h/db?pool_size=2&sslmode=disable", "a URL", "postgres",
			"postgres://u:xxxxx@h/db?sslmode=disable", "implied", "the scheme", true},
		{"host=h user=u password=Zq7 pool_size=2", "keywords and values", "postgres",
			"host=h user=u password=xxxxx", "implied", "the form", true},
		{"mysql://u:Zq7@h/db?pool_size=2", "a URL", "mysql",
			"u:xxxxx@tcp(h:3306)/db", "implied", "the scheme", true},
		{"u:Zq7@tcp(h:3306)/db?pool_size=2&parseTime=true", "go-sql-driver's own form", "mysql",
			"u:xxxxx@tcp(h:3306)/db?parseTime=true", "implied", "the form", true},
		{"postgresql+pgx://u:Zq7@h/db", "a URL", "pgx",
			"postgresql://u:xxxxx@h/db", "implied", "the scheme", false},
		{"host=h password=Zq7 pool_driver=pgx", "keywords and values", "pgx",
			"host=h password=xxxxx", "DSN", "", false},
		{"app.db?_pragma=user_version(1)&pool_size=2", "SQLite's own form", "sqlite",
			"app.db?_pragma=user_version(1)", "implied", "the form", false},
		{"app.db?pool_driver=sqlite3", "SQLite's own form", "sqlite3", "app.db", "DSN", "", false},
		{"sqlite:///app.db?pool_size=2", "a URL", "sqlite", "app.db", "implied", "the scheme", false},
		{"sqlserver://u:Zq7@h?database=db&pool_size=2", "a URL", "sqlserver",
			"sqlserver://u:xxxxx@h?database=db", "implied", "the scheme", false},
		{"server=h;user id=u;password=Zq7;pool_size=2", "the driver's own form", "sqlserver",
			"server=h;user id=u;password=xxxxx", "implied", "the form", false},
		{"scott/Zq7@h/svc?pool_driver=oracle", "the driver's own form", "oracle", "xxxxx", "DSN", "", false},
		{"anything;pool_driver=other", "the driver's own form", "other", "xxxxx", "DSN", "", false},
	} {
		r := parsed(t, tt.dsn)
		if r.Form != tt.form || r.Driver != tt.driver || r.DriverDSN != tt.native || r.BuiltIn != tt.builtIn {
			t.Errorf("%s: have %q, %q, %q, %t, want %+v", tt.dsn, r.Form, r.Driver, r.DriverDSN, r.BuiltIn, tt)
		}
		if want := (option{"pool_driver", tt.driver, origin(tt.origin), tt.by}); r.Options[0] != want {
			t.Errorf("%s: have %+v, want %+v", tt.dsn, r.Options[0], want)
		}
	}
}

func TestParseOptions(t *testing.T) {
	for _, tt := range []struct {
		options string
		want    []option
	}{
		{"", nil},
		{"pool_size=7&pool_timeout=1500ms", []option{{"pool_size", "7", "DSN", ""}, {"pool_timeout", "1.5s", "DSN", ""}}},
		{"pool_size=5", []option{{"pool_size", "5", "DSN", ""}}}, // also where it says the default
		{"pool_max_conns=7", []option{{"pool_size", "7", "DSN", "pool_max_conns"},
			{"pool_max_overflow", "0", "implied", "pool_max_conns"}}},
		{"pool_max_conn_lifetime=1h&echo=true", []option{{"pool_recycle", "1h", "DSN", "pool_max_conn_lifetime"},
			{"pool_echo", "true", "DSN", "echo"}}},
		{"pool_init_sql=SET+x", []option{{"pool_init_sql", "xxxxx", "DSN", ""}}},
		{"pool_name=shop", []option{{"pool_name", "shop", "DSN", ""}}},
		{"pool_class=null", []option{{"pool_class", "null", "DSN", ""}}},
	} {
		r := parsed(t, "postgres://u:Zq7@h/db?"+tt.options)
		set := slices.DeleteFunc(slices.Clone(r.Options[1:]), func(o option) bool { return o.Origin == originDefault })
		if !slices.Equal(set, tt.want) {
			t.Errorf("%s: have %+v, want %+v", tt.options, set, tt.want)
		}
		for _, o := range r.Options[1:] {
			if o.Origin == originDefault && o.Value != defaultOf(o.Key) {
				t.Errorf("%s: have %+v, want %q", tt.options, o, defaultOf(o.Key))
			}
		}
		if hasSize := slices.ContainsFunc(r.Options, func(o option) bool { return o.Key == "pool_size" }); hasSize ==
			(tt.options == "pool_class=null") {
			t.Errorf("%s: have pool_size among the options: %t", tt.options, hasSize)
		}
	}
}

func defaultOf(key string) string {
	for _, o := range pooled.Options() {
		if o.Key == key {
			return o.Default
		}
	}
	return "no such option"
}

func TestParseWarnings(t *testing.T) {
	for dsn, want := range map[string]string{
		"postgres://h/db?pool_max_overflow=5": "",
		"postgres://h/db":                     "limit",
		"postgres://h/db?pool_max_overflow=5&pool_reset_on_return=none":       "reset-mode",
		"postgres://h/db?pool_max_overflow=5&pool_timeout=-1&pool_recycle=-1": "recycle wait",
		"mysql://h/db?pool_class=direct":                                      "limit",
		"postgres://u:p@h/db?pool_max_conns=5&application_name=a@b":           "dsn",
		"postgers://h/db?pool_max_conns=5":                                    "driver",
		"mongodb://h/db?pool_max_conns=5":                                     "driver",
		"oracle://h/db?pool_max_conns=5":                                      "", // a known one, which is not in here
		":memory:":                                                            "",
		"app.db?pool_recycle=-1&pool_reset_on_return=none":                    "reset-mode",
	} {
		var ids []string
		for _, w := range parsed(t, dsn).Warnings {
			ids = append(ids, w.ID)
			if w.Text == "" || w.Change == "" {
				t.Errorf("%s: have %+v, want what is wrong and what to change", dsn, w)
			}
		}
		if have := strings.Join(ids, " "); have != want {
			t.Errorf("%s: have warnings %q, want %q", dsn, have, want)
		}
	}
}

// autocommitOff and autocommitOn are parameters of MySQL, as the server takes them.
var (
	autocommitOff = []string{"autocommit=0", "autoCommit=false", "AUTOCOMMIT=OFF", "autocommit='OFF'",
		"autocommit=%22off%22", "autocommit=%27off%27", "@@autocommit=0", "@@session.autocommit=0", "`autocommit`=0",
		"autocommit=00"}
	autocommitOn = []string{"autocommit=1", "autoCommit=true", "autocommit='ON'", "autocommit=DEFAULT", "parseTime=false",
		"@autocommit=0"}
)

// What is committed by nobody is lost: that is said before there is a server.
func TestParseAutocommit(t *testing.T) {
	warns := func(dsn string) bool {
		return slices.ContainsFunc(parsed(t, dsn).Warnings, func(w warning) bool { return w.ID == "autocommit" })
	}
	for _, parameter := range autocommitOff {
		for _, form := range []string{"u@tcp(h)/db?", "mysql://u@h/db?"} {
			if !warns(form + parameter) {
				t.Errorf("%s%s: have no warning, want one", form, parameter)
			}
		}
	}
	for _, parameter := range autocommitOn {
		if warns("u@tcp(h)/db?" + parameter) {
			t.Errorf("%s: have a warning, want none", parameter)
		}
	}
	if warns("postgres://u@h/db?autocommit=0") {
		t.Error("PostgreSQL: have a warning, want none")
	}
}

// A driver that is not in this program may be in another, unless its name is misspelt.
func TestParseUnknownDriver(t *testing.T) {
	for dsn, want := range map[string]string{
		"postgers://h/db":   "did you mean postgres? If not, your program must import a driver of that name",
		"https://h/db":      "did you mean postgres or mysql? If not, your program must import a driver of that name",
		"mongodb://h/db":    "your program must import a driver of that name",
		"pgx://h/db":        "",
		"clickhouse://h/db": "",
	} {
		have := ""
		r := parsed(t, dsn)
		for _, w := range r.Warnings {
			if w.ID == "driver" && strings.Contains(w.Text, r.Driver) {
				have = w.Change
			}
		}
		if have != want || r.BuiltIn {
			t.Errorf("%s: have %q, want %q", dsn, have, want)
		}
		_, stdout, _ := runCommand(t, dsn)
		if !strings.Contains(stdout, r.Driver+" (not built into this command; your program must import it)") {
			t.Errorf("%s: have %s, want it to say that the driver is not here", dsn, stdout)
		}
	}
}

// The errors are the library's, in one line.
func TestParseErrors(t *testing.T) {
	for _, dsn := range []string{"", "Zq7xKv9w", "postgres://u:Zq7xKv9w@h/db?pool_sise=1", "u:Zq7xKv9w@/db?pool_size=x",
		"postgres://u:Zq7xKv9w@h:port/db", "sqlite:///q.db?pool_target=primary"} {
		_, err := pooled.ParseDSN(dsn)
		code, stdout, stderr := runCommand(t, dsn)
		if want := "pooled: parse: " + strings.TrimPrefix(err.Error(), "pooled: ") + "\n"; code != 1 || stdout != "" ||
			stderr != want {
			t.Errorf("%s: have exit code %d, %q and %q, want 1 and %q", dsn, code, stdout, stderr, want)
		}
	}
	if code, _, stderr := runCommand(t); code != 2 || !strings.Contains(stderr, "no DSN") {
		t.Errorf("have exit code %d and %q, want 2 for no DSN", code, stderr)
	}
}

// secrets are DSNs with a password in each place where one can be.
var secrets = []string{
	"u:Zq7xKv9w@tcp(h)/db?pool_size=7", "u:Zq7xKv9w@unix(/run/m.sock)/db", "u:Zq7xKv9w@/db",
	"my user:Zq7xKv9w@tcp(h)/db", "pwd=Zq7xKv9w;uid=x@tcp(h)/db", "mysql://u:Zq7xKv9w@h/db?tls=true",
	"mariadb://u:Zq7xKv9w@h/db", "postgres://u:Zq7xKv9w@h/db?sslmode=x&sslpassword=Zq7xKv9w",
	"postgres://h/db?user=u&password=Zq7xKv9w&pool_max_conns=3", "postgres://u:Zq7xKv9w@h1,h2:6543/db",
	"postgresql+pgx://u:Zq7xKv9w@h/db", "host=h password='Zq7xKv9w x' user=u", "host=h user=u pasword=Zq7xKv9w",
	"server=h;pwd=Zq7xKv9w;user id=sa", "odbc:server=h;Password={Zq7xKv9w;};uid=sa",
	"sqlserver://sa:Zq7xKv9w@h?database=d",
	"file:a.db?_auth&_auth_user=u&_auth_pass=Zq7xKv9w", "a.db?_pragma=key('Zq7xKv9w')",
	"databricks://token:Zq7xKv9w@h/db", "snowflake://u:Zq7xKv9w@h/db", "scott/Zq7xKv9w@h/svc?pool_driver=oracle",
	"clickhouse://h/db?username=u&password=Zq7xKv9w", "x;password=Zq7xKv9w;pool_driver=other",
	"postgres://h/db?pool_init_sql=SET+x%3D'Zq7xKv9w'", "postgres://u:a%2FZq7xKv9w@h/db",
	"postgres://u:a?pool_name=Zq7xKv9w@h/db", "u:a?pool_name=Zq7xKv9w@tcp(h)/db", "sqlite:///a.db?_auth_pass=Zq7xKv9w",
}

// Whether a DSN is understood or not, its password is not shown.
func TestParseShowsNoPassword(t *testing.T) {
	understood := 0
	for _, dsn := range secrets {
		for _, args := range [][]string{{dsn}, {dsn, "--json"}} {
			code, stdout, stderr := runCommand(t, args...)
			if strings.Contains(stdout+stderr, "Zq7xKv9w") {
				t.Errorf("%s: have the password in\n%s%s", dsn, stdout, stderr)
			}
			if code == 0 {
				understood++
			}
		}
	}
	if least := len(secrets); understood < least {
		t.Errorf("have %d pages, want at least %d", understood, least)
	}
}

// Nothing is dialed, also where the pool would open connections ahead, and no file is made.
func TestParseConnectsToNothing(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	dialed := make(chan error, 1)
	go func() {
		c, err := l.Accept()
		if err == nil {
			c.Close()
		}
		dialed <- err
	}()
	file := filepath.Join(t.TempDir(), "missing.db")
	for _, dsn := range []string{
		"postgres://u@" + l.Addr().String() + "/db?pool_min_idle=5&pool_max_conns=5",
		"mysql://u@" + l.Addr().String() + "/db?pool_min_idle=5&pool_max_conns=5",
		file + "?pool_min_idle=5",
	} {
		parsed(t, dsn)
	}
	l.Close()
	if err := <-dialed; err == nil {
		t.Error("have a connection, want none")
	}
	if _, err := os.Stat(file); err == nil {
		t.Error("have a new file, want none")
	}
}

// Whatever is in a DSN does nothing to a terminal.
func TestParseIsRuly(t *testing.T) {
	for _, dsn := range []string{pooledtest.Unruly, "postgres://u@h/" + pooledtest.Unruly,
		"host=h dbname='" + pooledtest.Unruly + "'", "x?pool_driver=oracle&a=" + pooledtest.Unruly} {
		for _, args := range [][]string{{dsn}, {dsn, "--json"}} {
			_, stdout, stderr := runCommand(t, args...)
			pooledtest.WantRuly(t, stdout+stderr)
		}
	}
}

// Several hosts are shown one by one, without their password.
func TestParseHosts(t *testing.T) {
	code, stdout, _ := runCommand(t, "mysql://u:Zq7xKv9w@h1,h2:7/db?pool_target=primary")
	const want = "   driver    mysql\n" +
		"   host 1    h1:3306: u:xxxxx@tcp(h1:3306)/db\n" +
		"   host 2    h2:7: u:xxxxx@tcp(h2:7)/db\n"
	if code != 0 || !strings.Contains(stdout, want) || strings.Contains(stdout, "Zq7") {
		t.Errorf("have exit code %d and\n%s\nwant in it\n%s", code, stdout, want)
	}
	r := parsed(t, "host=h1,h2 port=1,2 password=Zq7xKv9w target_session_attrs=standby")
	hosts := []host{{"h1:1", "host=h1 port=1 password=xxxxx"}, {"h2:2", "host=h2 port=2 password=xxxxx"}}
	if !slices.Equal(r.Hosts, hosts) {
		t.Errorf("have %v, want %v", r.Hosts, hosts)
	}
}
