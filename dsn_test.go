package pooled_test

import (
	"errors"
	"fmt"
	"net/url"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/lib/pq"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/internal/dsn"
	"github.com/pooled-go/pooled/internal/pooledtest"
)

// dsns are one of each form, with an option, and what their drivers get of them.
var dsns = []struct{ dsn, driver, native string }{
	{"user:p?a/ss@tcp(host)/db?x=y&pool_size=7", "mysql", "user:p?a/ss@tcp(host)/db?x=y"},
	{"a b@tcp(h)/db?pool_driver=nrmysql&x=1&pool_size=7", "nrmysql", "a b@tcp(h)/db?x=1"},
	{"mysql://scott:t%2F%40%3Aiger%3F@host/db?pool_size=7&loc=US/Pacific", "mysql",
		"scott:t/@:iger?@tcp(host:3306)/db?loc=US%2FPacific"},
	{"mysql+nrmysql://scott@host/db?pool_size=7", "nrmysql", "scott@tcp(host:3306)/db"},
	{"pool_driver=mysql;pool_size=7", "mysql", ""},
	{"host=h  pool_size = 7\t\n user=u", "postgres", "host=h  \n user=u"},
	{`host=h pool_size='7' password='it\'s pool_size=3 \\'`, "postgres", `host=h password='it\'s pool_size=3 \\'`},
	{"host=h pool_driver=pgx pool_size=7", "pgx", "host=h"},
	{"postgres://u:p@h:5432/db?sslmode=disable&pool_size=7#f", "postgres",
		"postgres://u:p@h:5432/db?sslmode=disable#f"},
	{"postgres+pgx://u:p?size=3#@h1:1,h2:2/db?pool_size=7", "pgx", "postgres://u:p?size=3#@h1:1,h2:2/db"},
	{"pgx://u:p@h:5432/db?pool_size=7", "pgx", "postgres://u:p@h:5432/db"},
	{":memory:?pool_size=7", "", ":memory:"},
	{"file:a.db?mode=ro&pool_size=7", "", "file:a.db?mode=ro"},
	{"sqlite:///a%20b/app.db?pool_size=7", "", "sqlite:///a%20b/app.db"},
	{"sqlite+sqlite3:///app.db?pool_size=7", "sqlite3", "app.db"},
	{"mssql://sa:p@h?pool_size=7", "sqlserver", "sqlserver://sa:p@h"},
	{`Data Source=h;password="a;pool_size=3;""b";pool_size=7`, "sqlserver",
		`Data Source=h;password="a;pool_size=3;""b"`},
	{"odbc:server=h;password={a;pool_size=3;}}b};pool_size=7", "sqlserver",
		"odbc:server=h;password={a;pool_size=3;}}b}"},
	{"clickhouse://u:p@h:9000/db?pool_size=7&debug=true#f", "clickhouse", "clickhouse://u:p@h:9000/db?debug=true#f"},
	{"scott/t?ger@host:1521/svc?a=b&pool_size=7&pool_driver=oracle", "oracle", "scott/t?ger@host:1521/svc?a=b"},
	{"a=1;pool_size=7;b=2;pool_driver=oracle", "oracle", "a=1;b=2"},
	{`user="scott tiger" pool_driver=oracle pool_size=7 c=d`, "oracle", `user="scott tiger" c=d`},
}

func TestParseDSN(t *testing.T) {
	for _, test := range dsns {
		want := pooled.NewConfig()
		want.Driver, want.DSN, want.Size = test.driver, test.native, 7
		have, err := pooled.ParseDSN(test.dsn)
		if err != nil || !reflect.DeepEqual(have, want) {
			t.Errorf("%s: have %#v, %v; want %#v", test.dsn, have, err, want)
			continue
		}
		checkRoundTrip(t, have)
	}
}

func checkRoundTrip(t *testing.T, c pooled.Config) {
	t.Helper()
	dsn := c.FormatDSN()
	back, err := pooled.ParseDSN(dsn)
	if err != nil && looksLikeOption.MatchString(c.DSN) {
		return // as FormatDSN says
	}
	if err != nil || !reflect.DeepEqual(back, c) {
		t.Errorf("FormatDSN %q: have back %#v, %v; want %#v", dsn, back, err, c)
	}
}

// looksLikeOption finds what ParseDSN may refuse in a password.
var looksLikeOption = regexp.MustCompile(`(?i)[?&;\s](pool_[a-z_]+|echo)\s*=`)

func TestParseDSNErrors(t *testing.T) {
	for _, test := range []struct{ dsn, want string }{
		// Which driver
		{"u@/db?pool_driver=", "pool_driver=: bad value"},
		{"", "the DSN is empty"},
		{"postgres://u:p w@h/db", "does not parse"},

		// What may be part of a password is not shown
		{"postgres://u:x?pool_size=Zq7&y@h/db", "pool_size comes before the @"},
		{"postgres://u:x@g?pool_size=Zq7&y@h/db", "pool_size=(not shown): bad value"},
		{"postgres://u:x?pool_siz=1&y@h/db", "unknown key that begins with pool_"},
		{"u@/db?pool_Zq7xKvJ9wQ3=1", "unknown key that begins with pool_"},
		{"x?pool_driver=oracle&pool_size=Zq7", "pool_size=(not shown): bad value"},

		// Keys
		{"u@/db?pool_sise=7", "unknown key pool_sise: did you mean pool_size?"},
		{"u@/db?POOL_SIZE=7", "unknown key POOL_SIZE: did you mean pool_size?"},
		{"host=h Pool_Size=7", "unknown key Pool_Size: did you mean pool_size?"},
		{"server=h;Pool_Timeout=7", "did you mean pool_timeout?"},
		{"u@/db?pool_wibble=7", "write one of those in docs/options.md, such as pool_size"},
		{"u@/db?pool_=7", "unknown key"},
		{"u@/db?poolSize=7", "unknown key poolSize: did you mean pool_size?"},
		{"u@/db?pool_size=7&pool_size=7", "pool_size is given twice"},
		{"u@/db?echo=0&pool_echo=0", "echo and pool_echo set the same option"},
		{"u@/db?pool_max_conns=7&pool_size=7", "pool_max_conns and pool_size set the same option"},
		{"u@/db?pool_max_overflow=7&pool_max_conns=7", "pool_max_overflow and pool_max_conns set the same option"},
		{"u@/db?pool_idle_timeout=7&pool_max_conn_idle_time=7", "set the same option"},

		// Values
		{"u@/db?pool_size=x", "pool_size=x: bad value: want a whole number"},
		{"u@/db?pool_size", "pool_size=: bad value"},
		{"u@/db?pool_size=0", "pool_max_overflow=-1"},
		{"u@/db?pool_size=0", "pool_class=null"},
		{"u@/db?pool_max_conns=0", "pool_max_conns=0: bad value"},
		{"u@/db?pool_max_conns=-1", "pool_max_conns=-1: bad value"},
		{"u@/db?pool_size=99999999999999999999", "want a whole number"},
		{"u@/db?pool_timeout=-2", "pool_timeout=-2: bad value"},
		{"u@/db?pool_timeout=-1s", "pool_timeout=-1s: bad value"},
		{"u@/db?pool_timeout=1e3", "pool_timeout=1e3: bad value"},
		{"u@/db?pool_timeout=inf", "pool_timeout=inf: bad value"},
		{"u@/db?pool_timeout=9999999999999", "bad value"},
		{"u@/db?pool_timeout=two%0Alines", "pool_timeout=(not shown: there is white space in it, "},
		{"u@/db?pool_use_lifo=maybe", "pool_use_lifo=maybe: bad value"},
		{"u@/db?pool_class=quue", "pool_class=quue: bad value: want queue, null, static, assert or direct"},
		{"u@/db?pool_reset_on_return=maybe", "pool_reset_on_return=maybe: bad value"},
		{"u@/db?pool_reset_timeout=0", "bad value"},
		{"u@/db?pool_recycle=0", "bad value: want a duration above 0"},
		{"u@/db?pool_max_conn_lifetime=-1s", "bad value"},
		{"u@/db?pool_recycle_jitter=101%25", "bad value: want a percentage"},
		{"u@/db?pool_recycle_jitter=1e1%25", "bad value: want a percentage"},
		{"u@/db?pool_recycle_jitter=x", "pool_recycle_jitter=x: bad value: want a percentage"},
		{"u@/db?pool_pre_ping=sometimes", "pool_pre_ping=sometimes: bad value: want off, on, auto"},
		{"u@/db?pool_pre_ping=0", "pool_pre_ping=0: bad value: want off, on, auto, or a duration above 0"},
		{"u@/db?pool_pre_ping=1", "pool_pre_ping=1: bad value: want off, on, auto, or a duration above 0"},
		{"u@/db?pool_pre_ping=0s", "pool_pre_ping=0s: bad value: want off, on, auto"},
		{"u@/db?pool_ping_timeout=0", "bad value"},
		{"u@/db?pool_fork_guard=2", "pool_fork_guard=2: bad value"},
		{"u@/db?pool_class=null&pool_recycle=1h", "pool_recycle means nothing with pool_class=null"},
		{"u@/db?pool_class=null&pool_pre_ping=on", "pool_pre_ping means nothing with pool_class=null"},
		{"u@/db?pool_name=a%0Ab", "pool_name=(not shown: there is white space in it, "},
		{"u@/db?pool_size=-1&pool_max_overflow=2", "means nothing with pool_size=-1"},
		{"u@/db?pool_max_conns=2&pool_min_idle=3", "pool_min_idle=3"},

		// Options without meaning in the class
		{"u@/db?pool_class=null&pool_size=7", "pool_size means nothing with pool_class=null"},
		{"u@/db?pool_max_overflow=7&pool_class=static", "pool_max_overflow means nothing with pool_class=static"},
		{"u@/db?pool_class=assert&pool_use_lifo=true", "pool_use_lifo means nothing with pool_class=assert"},
		{"u@/db?pool_class=direct&pool_timeout=7", "pool_timeout means nothing with pool_class=direct"},
		{"u@/db?pool_class=direct&pool_connect_limit=7", "pool_connect_limit means nothing with pool_class=direct"},
		{"u@/db?pool_class=direct&pool_min_idle_conns=0", "pool_min_idle_conns means nothing with pool_class=direct"},
		{"u@/db?pool_class=null&pool_max_conn_idle_time=7",
			"pool_max_conn_idle_time means nothing with pool_class=null"},
		{"u@/db?pool_class=null&pool_timeout=7&pool_connect_limit=7", ""},
	} {
		_, err := pooled.ParseDSN(test.dsn)
		pooledtest.CheckError(t, test.dsn, err, test.want)
	}
}

func TestOptionValues(t *testing.T) {
	for _, test := range []struct {
		query string
		want  func(*pooled.Config)
	}{
		{"pool_class=static", func(c *pooled.Config) { c.Class = pooled.ClassStatic }},
		{"pool_size=-1", func(c *pooled.Config) { c.Size = -1 }},
		{"pool_max_overflow=0", func(c *pooled.Config) { c.MaxOverflow = 0 }},
		{"pool_max_conns=7", func(c *pooled.Config) { c.Size, c.MaxOverflow = 7, 0 }},
		{"pool_stmt_cache=256", func(c *pooled.Config) { c.StmtCache = 256 }},
		{"pool_timeout=0", func(c *pooled.Config) { c.Timeout = 0 }},
		{"pool_timeout=-1", func(c *pooled.Config) { c.Timeout = -1 }},
		{"pool_timeout=3600", func(c *pooled.Config) { c.Timeout = time.Hour }},
		{"pool_timeout=.25", func(c *pooled.Config) { c.Timeout = time.Second / 4 }},
		{"pool_timeout=1m30s", func(c *pooled.Config) { c.Timeout = 90 * time.Second }},
		{"pool_use_lifo=No", func(c *pooled.Config) { c.UseLIFO = false }},
		{"pool_use_lifo=off", func(c *pooled.Config) { c.UseLIFO = false }},
		{"pool_use_lifo=1", func(c *pooled.Config) {}},
		{"pool_min_idle=3", func(c *pooled.Config) { c.MinIdle = 3 }},
		{"pool_min_idle_conns=3", func(c *pooled.Config) { c.MinIdle = 3 }},
		{"pool_idle_timeout=0", func(c *pooled.Config) { c.IdleTimeout = 0 }},
		{"pool_max_conn_idle_time=2h", func(c *pooled.Config) { c.IdleTimeout = 2 * time.Hour }},
		{"pool_connect_limit=-1", func(c *pooled.Config) { c.ConnectLimit = -1 }},
		{"pool_pre_ping=off", func(c *pooled.Config) { c.PrePing = pooled.PingOff }},
		{"pool_pre_ping=False", func(c *pooled.Config) { c.PrePing = pooled.PingOff }},
		{"pool_pre_ping=-1", func(c *pooled.Config) { c.PrePing = pooled.PingOff }},
		{"pool_pre_ping=true", func(c *pooled.Config) { c.PrePing = pooled.PingAlways }},
		{"pool_pre_ping=auto", func(c *pooled.Config) { c.PrePing = pooled.PingAuto }},
		{"pool_pre_ping=30", func(c *pooled.Config) { c.PrePing = 30 * time.Second }},
		{"pool_pre_ping=1s", func(c *pooled.Config) { c.PrePing = time.Second }},
		{"pool_reset_on_return=commit", func(c *pooled.Config) { c.ResetOnReturn = pooled.ResetCommit }},
		{"pool_reset_on_return=False", func(c *pooled.Config) { c.ResetOnReturn = pooled.ResetNone }},
		{"pool_reset_on_return=TRUE", func(c *pooled.Config) {}},
		{"pool_reset_timeout=100ms", func(c *pooled.Config) { c.ResetTimeout = time.Second / 10 }},
		{"pool_name=a%2Fb%20%26+c", func(c *pooled.Config) { c.Name = "a/b & c" }},
		{"pool_name=10%", func(c *pooled.Config) { c.Name = "10%" }},
	} {
		want := pooled.NewConfig()
		want.Driver, want.DSN = "mysql", "u@tcp(h)/db"
		test.want(&want)
		have, err := pooled.ParseDSN("u@tcp(h)/db?" + test.query)
		if err != nil || !reflect.DeepEqual(have, want) {
			t.Errorf("%s: have %+v, %v; want %+v", test.query, have, err, want)
		}
		checkRoundTrip(t, want)
	}
}

// What means nothing in the class would be refused in a DSN, so FormatDSN leaves it out.
func TestFormatDSNOfEveryClass(t *testing.T) {
	for _, class := range []pooled.Class{pooled.ClassQueue, pooled.ClassNull, pooled.ClassStatic, pooled.ClassAssert,
		pooled.ClassDirect} {
		cfg := pooled.NewConfig()
		cfg.Class, cfg.Size, cfg.MaxOverflow, cfg.UseLIFO, cfg.Timeout = class, 3, 4, false, time.Second
		cfg.Driver, cfg.DSN = "postgres", "postgres://h/d"
		have, err := pooled.ParseDSN(cfg.FormatDSN())
		if err != nil || have.Class != class {
			t.Errorf("%s: have class %q and %v, want it back", cfg.FormatDSN(), have.Class, err)
		}
	}
}

func TestFormatDSN(t *testing.T) {
	c := pooled.NewConfig()
	c.Driver, c.DSN, c.Size, c.Name = "postgres", "host=", 7, "a;b c&'\"/"
	if have, want := c.FormatDSN(), `pool_size=7 pool_name='a;b c&\'"/' host=`; have != want {
		t.Errorf("have %s, want %s", have, want)
	}
	checkRoundTrip(t, c)
	c.Driver = "pgx" // which the form does not tell
	if have, want := c.FormatDSN(), `pool_driver=pgx pool_size=7 pool_name='a;b c&\'"/' host=`; have != want {
		t.Errorf("have %s, want %s", have, want)
	}
	checkRoundTrip(t, c)
}

func TestStringMasks(t *testing.T) {
	for dsn, want := range map[string]string{
		"u:Zq7@x/y@tcp(h)/db?pool_size=7":                "u:xxxxx@tcp(h)/db?pool_size=7",
		"mysql://u:Zq7@h/db":                             "u:xxxxx@tcp(h:3306)/db",
		"scott/Zq7@h/svc?pool_driver=oracle&pool_size=7": "xxxxx pool_driver=oracle pool_size=7",
	} {
		c, err := pooled.ParseDSN(dsn)
		if err != nil {
			t.Errorf("%s: have %v, want no error", dsn, err)
			continue
		}
		if have := c.String(); have != want {
			t.Errorf("%s: have %s, want %s", dsn, have, want)
		}
		if have := fmt.Sprint(c); have != want {
			t.Errorf("fmt.Sprint of %s: have %s, want %s", dsn, have, want)
		}
	}
}

// A Config without a DSN has nothing to mask.
func TestStringOfNoDSN(t *testing.T) {
	if have := pooled.NewConfig().String(); have != "" {
		t.Errorf("have %q, want nothing", have)
	}
}

func TestNearestKey(t *testing.T) {
	for key, want := range map[string]string{
		"pool_siz": "pool_size", "pool_maxoverflow": "pool_max_overflow", "pool_preping": "pool_pre_ping",
		"POOL_RECYCLE": "pool_recycle", "pool_max_conn": "pool_max_conns", "pool_reset_on_retrun": "pool_reset_on_return",
		"pool_min_conns": "pool_min_idle", "pool_health_check_period": "pool_pre_ping", "pool_logging_name": "pool_name",
		"pool_max_size": "pool_max_conns", "pool_maxOpenConns": "pool_max_conns", "pool_maximumPoolSize": "pool_max_conns",
		"pool_max_idle": "pool_size", "pool_overflow": "pool_max_overflow", "pool_checkout_timeout": "pool_timeout",
		"pool_fifo": "pool_use_lifo", "pool_max_idle_time": "pool_idle_timeout", "pool_max_lifetime": "pool_recycle",
		"pool_jitter": "pool_recycle_jitter", "pool_keepalive_time": "pool_pre_ping",
		"pool_validation_timeout": "pool_ping_timeout", "pool_reset": "pool_reset_on_return",
		"pool_connection_init_sql": "pool_init_sql", "pool_statement_cache": "pool_stmt_cache",
		"pool_max_connecting": "pool_connect_limit", "pool_leak_detection_threshold": "pool_leak_after",
		"pool_mode": "pool_class", "pool_dialect": "pool_driver", "pool_logging": "pool_logger",
		"pool_log_pool": "pool_echo_pool", "pool_hide_params": "pool_hide_parameters", "pool_events": "pool_hooks",
	} {
		_, err := pooled.ParseDSN("u@/db?" + key + "=7")
		pooledtest.CheckError(t, key, err, "unknown key "+key+": did you mean "+want+"?")
	}
}

// allDrivers are the names that the tests take as registered.
var allDrivers = []string{"mysql", "postgres", "pgx", "sqlite", "sqlite3", "sqlserver", "clickhouse", "oracle",
	"nrmysql", "pooled"}

// FuzzRoundTrip: what FormatDSN writes, ParseDSN reads back, for every DSN and every value of an option.
func FuzzRoundTrip(f *testing.F) {
	for i, test := range dsns {
		f.Add(test.dsn, i-1, i-2, int64(i)*int64(time.Second), "name "+string(rune(' '+i)), i%2 == 0, uint8(i))
	}
	f.Fuzz(func(t *testing.T, dsn string, size, overflow int, timeout int64, name string, lifo bool, mode uint8) {
		c, err := pooled.ParseDSN(dsn)
		if err != nil {
			return
		}
		checkRoundTrip(t, c)
		c.Class = []pooled.Class{pooled.ClassQueue, pooled.ClassStatic, pooled.ClassNull, pooled.ClassAssert,
			pooled.ClassDirect}[mode%5]
		c.ResetOnReturn = []pooled.ResetMode{pooled.ResetRollback, pooled.ResetCommit, pooled.ResetNone}[mode%3]
		c.Name, c.MinIdle = name, 0
		if c.Class == pooled.ClassQueue {
			c.Size, c.MaxOverflow, c.UseLIFO, c.IdleTimeout = size, overflow, lifo, time.Duration(timeout)
		} else {
			// What the class ignores is not in a DSN.
			d := pooled.NewConfig()
			c.Size, c.MaxOverflow, c.UseLIFO, c.IdleTimeout = d.Size, d.MaxOverflow, d.UseLIFO, d.IdleTimeout
			c.Timeout, c.ConnectLimit = d.Timeout, d.ConnectLimit
		}
		c.ResetTimeout = time.Duration(timeout)
		if refusal(c) == nil {
			checkRoundTrip(t, c)
		}
	})
}

func raw(before, after string) func(string) string {
	return func(s string) string { return before + s + after }
}

// inURL is for the user information of a URL; raw, for a driver that takes it as it is.
func inURL(before, after string) func(string) string {
	return func(s string) string { return before + url.QueryEscape(s) + after }
}

func quoteKV(v string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, "'", `\'`).Replace(v) + "'"
}

func quoteADO(v string) string { return `"` + strings.ReplaceAll(v, `"`, `""`) + `"` }

func quoteODBC(v string) string { return "{" + strings.ReplaceAll(v, "}", "}}") + "}" }

// token is what FuzzNoSecret looks for. No three characters of it in a row are in any text of the package.
const token = "Zq7xKvJ9wQ3"

// secretForms hold a password in every form, right and wrong.
var secretForms = []func(password string) string{
	raw("user:", "@tcp(host)/db"),
	raw("user:", "@tcp(host/db"),
	raw("user:", "@tcp(host)db"),
	raw("user:", "@/db?pool_size=x"),
	raw("user:", "@tcp(h)/db?loc=US/Pacific"),
	raw("user:", "@tcp(h)/db%zz"),
	raw("mysql://user:", "@host/db"),
	raw("mysql://user:", "@host:port/db"),
	raw("mysql://user:", "host/db"),
	raw("mysql+pymysql://user:", "@host/db"),
	raw("mysql://user:", "@host/db?unix_socket=/s"),
	raw("postgres://user:", "@host/db?pool_siz=3"),
	raw("postgres://user:", "@host/db"),
	raw("postgres://user:", "@host:port/db"),
	raw("postgresql+pgx://user:", "@host/db"),
	raw("postgresql+psycopg2://user:", "@host/db"),
	raw("postgres://host/db?password=", "&pool_timeout=x"),
	inURL("postgres://user:", "@host/db?pool_timeout=x"),
	inURL("sqlserver://user:", "@host%zz?database=d"),
	raw("sqlserver://user:", "@host?database=d"),
	raw("mssql://user:", "@host"),
	raw("sqlite://user:", "@host/db"),
	raw("sqlite:///app.db?_auth_pass=", "&pool_size=0"),
	raw("file:app.db?_auth_pass=", "&pool_size=0"),
	raw("clickhouse://user:", "@host/db"),
	raw("user/", "@host:1521/svc?pool_driver=oracle"),
	raw("user:", "@account/db/schema"),
	func(s string) string { return "host=h user=u password=" + quoteKV(s) + " pool_size=x" },
	func(s string) string { return "host=h password=" + quoteKV(s) + " x" },
	func(s string) string { return "host=h password=" + quoteKV(s) },
	func(s string) string { return "server=h;password=" + quoteADO(s) + ";pool_size=0" },
	func(s string) string { return "server=h;password=" + quoteADO(s) },
	func(s string) string { return "odbc:server=h;password=" + quoteODBC(s) + "x" },
	func(s string) string { return "odbc:server=h;password=" + quoteODBC(s) },
	raw("pgx://user:", "@host/db&pool_size=3"),
	raw("pgx://user:", "?pool_size=3@host/db"),
	raw("mysql://user:", "@tcp(host)/db"),
	raw("mysql://user:", "@host/db&pool_size=3"),
	raw("postgres://user:", "@host:99999/db"),
	raw("postgres://user:", "?pool_timeout=99999&x@host/db"),
	raw("sqlserver://user:", "@host;pool_size=3"),
	raw("user:", "@tcp(host)/db&pool_size=3"),
	raw("user:", "@host:3306/db?pool_size=3"),
	raw("DATABASE_URL=postgres://user:", "@host/db"),
	raw("jdbc:mysql://user:", "@host/db"),
	raw("postgres:/user:", "@host/db"),
	func(s string) string { return "host=h password=" + quoteKV(s) + ";pool_size=3" },
	func(s string) string { return "server=h;password=" + quoteADO(s) + "&pool_size=3" },
	raw("my user:", "@tcp(host)/db"),
	raw("my;us?er:", "@tcp(host)/db?pool_size=x"),
	raw("my=user:", "@tcp(host)/db"),
	raw("a=b;pwd=", "@tcp(host)/db"),
}

// FuzzNoSecret: no part of a password is in any error or in String, whatever the form, however it is cut short or
// mistaken.
func FuzzNoSecret(f *testing.F) {
	for i := range secretForms {
		for j, s := range []string{"", "a?b", "/", "@", "#", "%zz", ":", "'", ";", " ",
			"?pool_size=", "&pool_x=", "//", "(", "\n", "=", "}\"\\"} {
			f.Add(uint8(i), s, "", uint8(j%2*j))
			f.Add(uint8(i), "", s, uint8(0))
			f.Add(uint8(i), s, s, uint8(0))
		}
	}
	f.Fuzz(func(t *testing.T, form uint8, before, after string, cut uint8) {
		write := secretForms[int(form)%len(secretForms)]
		text, bare := write(before+token+after), write("")
		if !strings.Contains(bare, "@") && strings.Contains(before, "&") && strings.Contains(before+after, "=") {
			return // the token may be the value of another key
		}
		if !strings.ContainsAny(bare, "@=") && strings.ContainsAny(before+after, "@/?#") {
			return // the @ is missing, and the token may be a host, a path or a key for all one can tell
		}
		if cut > 0 {
			if strings.ContainsAny(before+after, "@=&?/#") {
				return // cut short, this would be another DSN, in which the token is no password
			}
			text = text[:max(len(text)-int(cut)%32, 0)]
		}
		check := func(what, shown string) {
			if part := tokenPart(shown); part != "" {
				t.Errorf("%q: have %q of the password in %s %q, want nothing of it", text, part, what, shown)
			}
		}
		for _, err := range driverErrors(text) {
			scrubbed := dsn.Scrub(err, text)
			pooledtest.CheckError(t, text, scrubbed, "pooled: ")
			check("a scrubbed error", scrubbed.Error())
		}
		c, err := pooled.ParseDSN(text)
		if err != nil {
			pooledtest.CheckError(t, text, err, "pooled: ")
			check("an error", err.Error())
			return
		}
		check("String", c.String())
		for _, registered := range [][]string{nil, allDrivers} {
			driver, native, err := dsn.Resolve(c.Driver, c.DSN, c.ConnectArgs, registered)
			if err != nil {
				check("the error of the driver's name", err.Error())
				continue
			}
			for _, err := range driverErrors(native) {
				check("a scrubbed error of "+driver, dsn.Scrub(err, native).Error())
			}
		}
	})
}

// tokenPart returns three characters of the token that are in text.
func tokenPart(text string) string {
	for i := range len(token) - 2 {
		if strings.Contains(text, token[i:i+3]) {
			return token[i : i+3]
		}
	}
	return ""
}

// driverErrors are those of parsers that show what they parse.
func driverErrors(dsn string) (errs []error) {
	add := func(err error) {
		if err != nil {
			errs = append(errs, err)
		}
	}
	func() {
		// The driver panics at a parameter that it no longer has.
		defer func() {
			if recover() != nil {
				add(errors.New("mysql: panic"))
			}
		}()
		_, err := mysql.ParseDSN(dsn)
		add(err)
	}()
	_, err := pq.NewConfig(dsn)
	add(err)
	_, err = url.Parse(dsn)
	add(err)
	return errs
}

// What libpq's keys say becomes the option's, and is the same when the Config is written and read again.
func TestTargetOfDSN(t *testing.T) {
	for _, test := range []struct {
		dsn    string
		target pooled.Target
		order  pooled.HostOrder
	}{
		{"postgres://h1,h2/db", pooled.TargetAny, pooled.HostsInOrder},
		{"postgres://h1:5432,h2/db?target_session_attrs=read-write", pooled.TargetPrimary, pooled.HostsInOrder},
		{"host=h1,h2 port=1,2 target_session_attrs=prefer-standby load_balance_hosts=random",
			pooled.TargetPreferStandby, pooled.HostsRandom},
		{"postgres://h/db?target_session_attrs=standby&pool_target=standby", pooled.TargetStandby, pooled.HostsInOrder},
		{"pgx://h/db?load_balance_hosts=random&pool_hosts=random", pooled.TargetAny, pooled.HostsRandom},
		{"mysql://u:p@h1,h2:3307/db?pool_target=primary", pooled.TargetPrimary, pooled.HostsInOrder},
		{"u:p@tcp(h1,h2:3307)/db?pool_hosts=random", pooled.TargetAny, pooled.HostsRandom},
	} {
		cfg, err := pooled.ParseDSN(test.dsn)
		if err != nil || cfg.Target != test.target || cfg.HostOrder != test.order {
			t.Errorf("%s: have %s, %s, %v; want %s, %s", test.dsn, cfg.Target, cfg.HostOrder, err, test.target, test.order)
			continue
		}
		again, err := pooled.ParseDSN(cfg.FormatDSN())
		if err != nil || !reflect.DeepEqual(again, cfg) {
			t.Errorf("%s: have %#v, %v after FormatDSN, want %#v", test.dsn, again, err, cfg)
		}
	}
}

// In a Config and in ConnectArgs the same holds as in a DSN.
func TestTargetOfConfig(t *testing.T) {
	open := func(change func(*pooled.Config)) (*pooled.Pool, error) {
		cfg := pooled.NewConfig()
		cfg.Driver, cfg.DSN = "postgres", "postgres://127.0.0.1:1,127.0.0.2:1/db?sslmode=disable"
		cfg.ConnectArgs = map[string]string{"target_session_attrs": "primary", "load_balance_hosts": "random"}
		change(&cfg)
		db, err := pooled.Open(cfg)
		if err != nil {
			return nil, err
		}
		t.Cleanup(func() { db.Close() })
		pool, _ := pooled.PoolOf(db)
		return pool, nil
	}
	pool, err := open(func(*pooled.Config) {})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range pool.Settings() {
		if s.Key == "pool_target" && s.Value != "primary" || s.Key == "pool_hosts" && s.Value != "random" {
			t.Errorf("have %s=%s", s.Key, s.Value)
		}
	}
	_, err = open(func(c *pooled.Config) { c.Target = pooled.TargetStandby })
	pooledtest.CheckError(t, "another target", err,
		"pooled: pool_target=standby: the driver's own key in the DSN, target_session_attrs, says something")
	_, err = open(func(c *pooled.Config) { c.ConnectArgs["load_balance_hosts"] = "yes" })
	pooledtest.CheckError(t, "a wrong value", err, "pooled: load_balance_hosts=yes: bad value: want disable or random")
}

// Only servers that have roles can be chosen by them.
func TestTargetNeedsRoles(t *testing.T) {
	cfg := pooled.NewConfig()
	cfg.Target = pooled.TargetPrimary
	_, err := pooled.NewConnector(pooledtest.NewFake(t), cfg)
	pooledtest.CheckError(t, "a driver that is not known", err,
		"pooled: pool_target=primary: bad value: servers have roles with")
	cfg.Driver, cfg.DSN = "sqlite", "app.db"
	_, err = pooled.Open(cfg)
	pooledtest.CheckError(t, "SQLite", err, "pooled: pool_target=primary: bad value: servers have roles with")
	for _, dsn := range []string{"sqlite:///q.db?pool_target=primary", "q.db?pool_target=standby",
		"sqlserver://h?pool_target=primary", "server=h;pool_target=prefer-standby"} {
		_, err := pooled.ParseDSN(dsn)
		pooledtest.CheckError(t, dsn, err, "pooled: pool_target=")
	}
	for _, dsn := range []string{"sqlite:///q.db?pool_target=any", "clickhouse://h/db?pool_target=primary"} {
		if _, err := pooled.ParseDSN(dsn); err != nil {
			t.Errorf("%s: have %v, want what is certain to be refused", dsn, err)
		}
	}
}
