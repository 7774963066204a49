package pooled_test

import (
	"errors"
	"fmt"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/lib/pq"

	"github.com/pooled-go/pooled"
)

// allDrivers are the names that the tests take as registered.
var allDrivers = []string{"mysql", "postgres", "pgx", "sqlite", "sqlite3", "sqlserver", "clickhouse", "oracle", "nrmysql", "pooled"}

// forms holds DSNs with options of ours, and what their parents get of them.
var forms = []struct{ dsn, driver, parent string }{
	// go-sql-driver/mysql
	{"user:pw@tcp(host:3306)/db?pool_size=7", "mysql", "user:pw@tcp(host:3306)/db"},
	{"user:pw@tcp(host)/db?x=y&pool_size=7&z=1", "mysql", "user:pw@tcp(host)/db?x=y&z=1"},
	{"user:p?a/ss@tcp(host)/db?x=y&pool_size=7", "mysql", "user:p?a/ss@tcp(host)/db?x=y"},
	{"user:p@s:s?pool_size=3@tcp(host)/db?pool_size=7", "mysql", "user:p@s:s?pool_size=3@tcp(host)/db"},
	{"user:/pool_size=3@tcp([de:ad:be:ef::ca:fe]:80)/db?pool_size=7&loc=US%2FPacific", "mysql", "user:/pool_size=3@tcp([de:ad:be:ef::ca:fe]:80)/db?loc=US%2FPacific"},
	{"u:/p?w@tcp(host)/db?pool_size=7", "mysql", "u:/p?w@tcp(host)/db"},
	{"user@unix(/path/to/mysql.sock)/pool_size?pool_size=7", "mysql", "user@unix(/path/to/mysql.sock)/pool_size"},
	{"user:pw@mynet(my-addr)/db%2Fname?x=pool_size%3D1&pool_size=7", "mysql", "user:pw@mynet(my-addr)/db%2Fname?x=pool_size%3D1"},
	{"tcp(host)/?pool_size=7&a=b&&c", "mysql", "tcp(host)/?a=b&&c"},
	{"user://pw@tcp(host)/db?pool_size=7", "mysql", "user://pw@tcp(host)/db"},
	{"user@/db?a=b&pool_size=7&pool_name=x", "mysql", "user@/db?a=b"},
	{"/?pool_size=7", "mysql", "/"},
	{"/db?pool_size=7&pool_driver=mysql", "mysql", "/db"},
	{"u@tcp(h)/db?pool_driver=nrmysql&x=1&pool_size=7", "nrmysql", "u@tcp(h)/db?x=1"},
	{"pool_driver=mysql;pool_size=7", "mysql", ""},
	{"my user:pw@tcp(host:3306)/db?pool_size=7", "mysql", "my user:pw@tcp(host:3306)/db"},
	{"my\tuser@unix(/run/my sql.sock)/db?pool_size=7", "mysql", "my\tuser@unix(/run/my sql.sock)/db"},
	{"a;b:pw@tcp(host)/d;b?pool_size=7", "mysql", "a;b:pw@tcp(host)/d;b"},
	{"a=b:pw@tcp(host)/d=b?pool_size=7", "mysql", "a=b:pw@tcp(host)/d=b"},
	{"a?b:pw@tcp(host)/db?x=y&pool_size=7", "mysql", "a?b:pw@tcp(host)/db?x=y"},
	{"a b:;server=x;user=y@tcp(host)/db?pool_size=7", "mysql", "a b:;server=x;user=y@tcp(host)/db"},
	{"a b:host=x password=y@tcp(host)/db?pool_size=7", "mysql", "a b:host=x password=y@tcp(host)/db"},
	{"a b=c;?://pw@tcp(host)/db?pool_size=7", "mysql", "a b=c;?://pw@tcp(host)/db"},
	{"a b@tcp(h)/db?pool_driver=nrmysql&x=1&pool_size=7", "nrmysql", "a b@tcp(h)/db?x=1"},
	{"a=b@tcp(h)/db?pool_driver=nrmysql&x=1&pool_size=7", "nrmysql", "a=b@tcp(h)/db?x=1"},
	{"a b@/db?pool_driver=mysql&pool_size=7", "mysql", "a b@/db"},

	// mysql://
	{"mysql://scott:tiger@host:3307/db?parseTime=true&pool_size=7", "mysql", "scott:tiger@tcp(host:3307)/db?parseTime=true"},
	{"mysql://scott:t%2F%40%3Aiger%3F@host/db?pool_size=7&loc=US/Pacific", "mysql", "scott:t/@:iger?@tcp(host:3306)/db?loc=US%2FPacific"},
	{"mariadb://scott@[::1]/d%20b?pool_size=7", "mysql", "scott@tcp([::1]:3306)/d%20b"},
	{"MySQL://host?pool_size=7", "mysql", "tcp(host:3306)/"},
	{"mysql://scott:@/db?pool_size=7", "mysql", "scott:@/db"},
	{"mysql://:pw@host/?pool_size=7", "mysql", ":pw@tcp(host:3306)/"},
	{"mysql://scott@/db?unix_socket=/run/my.sock&pool_size=7&a=b", "mysql", "scott@unix(/run/my.sock)/db?a=b"},
	{"mysql://scott@localhost/db?a=b&unix_socket=%2Frun%2Fmy.sock&pool_size=7", "mysql", "scott@unix(/run/my.sock)/db?a=b"},
	{"mysql://scott@%2Frun%2Fmy.sock/db?pool_size=7", "mysql", "scott@unix(/run/my.sock)/db"},
	{"mysql+mysql://scott@host/db?pool_size=7", "mysql", "scott@tcp(host:3306)/db"},
	{"mysql+nrmysql://scott@host/db?pool_size=7", "nrmysql", "scott@tcp(host:3306)/db"},
	{"mysql://scott@host/db?pool_driver=nrmysql&pool_size=7", "nrmysql", "mysql://scott@host/db"},

	// PostgreSQL, keyword/value
	{"host=h user=u pool_size=7 dbname=d", "postgres", "host=h user=u dbname=d"},
	{"pool_size=7 host=h", "postgres", "host=h"},
	{"host=h  pool_size = 7\t\n user=u", "postgres", "host=h  \n user=u"},
	{`host=h pool_size='7' password='it\'s pool_size=3 \\' pool_name=it\'s`, "postgres", `host=h password='it\'s pool_size=3 \\'`},
	{`user=u password=a\ pool_size=3 pool_size=7`, "postgres", `user=u password=a\ pool_size=3`},
	{"host=/var/run/postgresql user=u pool_size=7 search_path=pool_size", "postgres", "host=/var/run/postgresql user=u search_path=pool_size"},
	{"host=h password='a'pool_size=7 user=b", "postgres", "host=h password='a'user=b"},
	{"host=h user= pool_size=7", "postgres", "host=h user= pool_size=7"}, // lib/pq reads it so
	{"host=h\u00a0pool_size=7", "postgres", "host=h"},
	{"host=h pool_driver=pgx pool_size=7", "pgx", "host=h"},
	{"host=h user=u password=x@tcp(y)/z pool_size=7", "postgres", "host=h user=u password=x@tcp(y)/z"},
	{"pool_size=7 host=h password='a b@tcp(y)/z'", "postgres", "host=h password='a b@tcp(y)/z'"},
	{"pool_driver=postgres pool_size=7", "postgres", ""},

	// PostgreSQL, URLs
	{"postgres://u:p@h:5432/db?sslmode=disable&pool_size=7", "postgres", "postgres://u:p@h:5432/db?sslmode=disable"},
	{"postgresql://h1,h2/db?pool_size=7&port=5432,6543", "postgres", "postgresql://h1,h2/db?port=5432,6543"},
	{"postgres://u:p%3Fpool_size=3%26@[::1]:5/db?po%6Fl_size=7&a=%70ool", "postgres", "postgres://u:p%3Fpool_size=3%26@[::1]:5/db?a=%70ool"},
	{"postgres://u:p@h/db?%20pool_size%20=7&a=b", "postgres", "postgres://u:p@h/db?a=b"},
	{"postgres://u:p@h/db?pool_size=7&x%3D%271%27%20echo=off&a=b", "postgres", "postgres://u:p@h/db?a=b"},
	{"postgres:///db?host=/var/run/postgresql&pool_size=7#f?pool_size=2", "postgres", "postgres:///db?host=/var/run/postgresql#f?pool_size=2"},
	{"postgres://u:p@h/pool_size=3?pool_size=7&options=-c%20pool_size%3D3", "postgres", "postgres://u:p@h/pool_size=3?options=-c%20pool_size%3D3"},
	{"postgresql+pgx://u:p@h/db?pool_size=7", "pgx", "postgresql://u:p@h/db"},
	{"postgres+pgx://u:p?pool_size=3#@h1:1,h2:2/db?pool_size=7", "pgx", "postgres://u:p?pool_size=3#@h1:1,h2:2/db"},
	{"postgres://u:p?a&b@h/db?pool_driver=pgx&pool_size=7", "pgx", "postgres://u:p?a&b@h/db"},
	{"postgres://u:p@h/db?pool_driver=pgx&%20pool_size=7", "pgx", "postgres://u:p@h/db"},

	// SQLite
	{":memory:?pool_size=7", "sqlite", ":memory:"},
	{"file:a.db?mode=ro&pool_size=7&_pragma=busy_timeout(5000)", "sqlite", "file:a.db?mode=ro&_pragma=busy_timeout(5000)"},
	{"file:///a%3Fpool_size=3.db?pool_size=7", "sqlite", "file:///a%3Fpool_size=3.db"},
	{"app.db?pool_size=7", "sqlite", "app.db"},
	{"./data/app?pool_size=7&_txlock=immediate", "sqlite", "./data/app?_txlock=immediate"},
	{"/data/pool_size=3@x/app.db?pool_size=7", "sqlite", "/data/pool_size=3@x/app.db"},
	{`C:\data\app.db?pool_size=7`, "sqlite", `C:\data\app.db`},
	{"/app.db?pool_driver=sqlite3&pool_size=7", "sqlite3", "/app.db"},
	{"sqlite://?pool_size=7", "sqlite", ":memory:"},
	{"sqlite:///?pool_size=7&a=b", "sqlite", ":memory:?a=b"},
	{"sqlite:///:memory:?pool_size=7", "sqlite", ":memory:"},
	{"sqlite:///app?pool_size=7", "sqlite", "app"},
	{"sqlite:///a%20b/app.db?pool_size=7&_pragma=x", "sqlite", "a b/app.db?_pragma=x"},
	{"sqlite:////abs/app.db?pool_size=7", "sqlite", "/abs/app.db"},
	{"sqlite:///file:a%20b.db?mode=ro&pool_size=7", "sqlite", "file:a%20b.db?mode=ro"},
	{"sqlite+sqlite3:///app.db?pool_size=7", "sqlite3", "app.db"},
	{"sqlite:///app.db?pool_driver=sqlite3&pool_size=7", "sqlite3", "app.db"},

	// SQL Server
	{"sqlserver://sa:p%3F@h:1433/inst?database=d&pool_size=7", "sqlserver", "sqlserver://sa:p%3F@h:1433/inst?database=d"},
	{"mssql://sa:p@h?pool_size=7", "sqlserver", "sqlserver://sa:p@h"},
	{"server=h;pool_size=7;user id=sa;password={a;b}", "sqlserver", "server=h;user id=sa;password={a;b}"},
	{`Data Source=h;password="a;pool_size=3;""b";pool_size=7`, "sqlserver", `Data Source=h;password="a;pool_size=3;""b"`},
	{"server=h; pool_size = 7 ;database=d;", "sqlserver", "server=h;database=d;"},
	{"odbc:server=h;password={a;pool_size=3;}}b};pool_size=7", "sqlserver", "odbc:server=h;password={a;pool_size=3;}}b}"},
	{"odbc:pool_size={7};server=h", "sqlserver", "odbc:server=h"},
	{"server=h;pool_size=7;user id=sa;password=x@tcp(y)/z", "sqlserver", "server=h;user id=sa;password=x@tcp(y)/z"},
	{"odbc:pool_size=7;server=h;password={a b@tcp(y)/z}", "sqlserver", "odbc:server=h;password={a b@tcp(y)/z}"},

	// Drivers of which nothing is known
	{"clickhouse://u:p@h:9000/db?pool_size=7&debug=true#f", "clickhouse", "clickhouse://u:p@h:9000/db?debug=true#f"},
	{"oracle+nrmysql://u:p@h/svc?pool_size=7", "nrmysql", "oracle://u:p@h/svc"},
	{"scott/tiger@host:1521/svc?pool_driver=oracle&pool_size=7", "oracle", "scott/tiger@host:1521/svc"},
	{"scott/t?ger@host:1521/svc?a=b&pool_size=7&pool_driver=oracle", "oracle", "scott/t?ger@host:1521/svc?a=b"},
	{"scott/t?ger@host:1521/svc?pool_driver=oracle&pool_size=7", "oracle", "scott/t?ger@host:1521/svc"},
	{"a=1;pool_size=7;b=2;pool_driver=oracle", "oracle", "a=1;b=2"},
	{`user="scott tiger" password="x pool_size=3" pool_driver=oracle pool_size=7 c=d`, "oracle", `user="scott tiger" password="x pool_size=3" c=d`},
	{"postgres://u:p@h/db?pool_driver=nrmysql&pool_size=7", "nrmysql", "postgres://u:p@h/db"},
}

func TestParseDSNForms(t *testing.T) {
	for _, test := range forms {
		c, err := pooled.ParseDSN(test.dsn)
		if err != nil {
			t.Errorf("%s: have error %q, want none", test.dsn, err)
			continue
		}
		driver, dsn, err := pooled.ParentAmong(c, allDrivers...)
		if driver != test.driver || dsn != test.parent || err != nil {
			t.Errorf("%s: have parent %q with %q, %v; want %q with %q", test.dsn, driver, dsn, err, test.driver, test.parent)
		}
		wantSize := 7
		if strings.Contains(dsn, "= pool_size=7") {
			wantSize = 5
		}
		if c.Size != wantSize {
			t.Errorf("%s: have size %d, want %d", test.dsn, c.Size, wantSize)
		}
		checkRoundTrip(t, c)
	}
}

func checkRoundTrip(t *testing.T, c pooled.Config) {
	t.Helper()
	dsn := c.FormatDSN()
	back, err := pooled.ParseDSN(dsn)
	if err != nil || !reflect.DeepEqual(back, c) {
		t.Errorf("FormatDSN %q: have back %#v, %v; want %#v", dsn, back, err, c)
	}
}

// TestNativeUnchanged compares what the drivers themselves make of a DSN before and after.
func TestNativeUnchanged(t *testing.T) {
	for _, dsn := range []string{
		"user:p?a/ss@tcp(host)/db?parseTime=true&loc=US%2FPacific", "user@unix(/s)/db", "user:pw@/db?timeout=3s&x=%27a%27",
	} {
		c, err := pooled.ParseDSN(dsn)
		if err != nil || c.DSN != dsn {
			t.Errorf("%s: have %q, %v; want it unchanged", dsn, c.DSN, err)
		}
		want, wantErr := mysql.ParseDSN(dsn)
		have, haveErr := mysql.ParseDSN(c.DSN)
		if wantErr != nil || haveErr != nil || have.FormatDSN() != want.FormatDSN() {
			t.Errorf("%s: have %v, %v; want %v, %v", dsn, have, haveErr, want, wantErr)
		}
	}
	for _, dsn := range []string{
		`host=h user='o\'brien' x=y`, `host=h user=u password='it\'s' dbname=d`, "postgres://u:p%20w@h1,h2/db?port=1,2&sslmode=disable",
		"postgres:///db?host=/run/postgresql&search_path=a", "host=::1 user=u  port=5433",
	} {
		c, err := pooled.ParseDSN(dsn)
		if err != nil || c.DSN != dsn {
			t.Errorf("%s: have %q, %v; want it unchanged", dsn, c.DSN, err)
		}
		want, wantErr := pq.NewConfig(dsn)
		have, haveErr := pq.NewConfig(c.DSN)
		if fmt.Sprint(wantErr) != fmt.Sprint(haveErr) || !reflect.DeepEqual(have, want) {
			t.Errorf("%s: have %+v, %v; want %+v, %v", dsn, have, haveErr, want, wantErr)
		}
	}
}

// TestMySQLURLMeaning compares what the driver reads from the native form with what the URL says.
func TestMySQLURLMeaning(t *testing.T) {
	for _, password := range []string{"tiger", "a@b:c/d?e#f%g&h=i", " ", "(", ")/", "@tcp(evil)/x", "ü\x01"} {
		u := url.URL{Scheme: "mysql", User: url.UserPassword("scott", password), Host: "host:3307", Path: "/db name", RawQuery: "parseTime=true"}
		c, err := pooled.ParseDSN(u.String())
		if err != nil {
			t.Errorf("password %q: have error %q, want none", password, err)
			continue
		}
		have, err := mysql.ParseDSN(c.DSN)
		if err != nil || have.User != "scott" || have.Passwd != password || have.Addr != "host:3307" || have.DBName != "db name" || !have.ParseTime {
			t.Errorf("password %q: have %+v, %v; want it and the rest of %s", password, have, err, u.String())
		}
	}
}

// An address decides that a DSN is MySQL's, whatever its parts hold, as long as its driver reads it.
func TestMySQLByItsAddress(t *testing.T) {
	signs := []string{" ", "\t", ";", "=", "?", "&", "%", "#", "'", `"`, "(", "+", ",", "ü",
		"host=h ", ";server=x;", "a=1;b=2;", "?x=y", "file:", ".db"}
	for _, sign := range signs {
		for part, dsn := range map[string]string{
			"user":              "u" + sign + "v:pw@tcp(h:3306)/db",
			"user alone":        "u" + sign + "v@tcp(h:3306)/db",
			"password":          "u:" + sign + "pw" + sign + "@tcp(h:3306)/db",
			"user and password": "u" + sign + "v:" + sign + "@tcp(h:3306)/db",
			"address":           "u:pw@tcp(h" + sign + "i:3306)/db",
			"socket":            "u" + sign + "v:pw@unix(/run/my" + sign + "sql.sock)/db",
			"database":          "u" + sign + "v:pw@tcp(h:3306)/d" + url.PathEscape(sign) + "b",
		} {
			if _, err := mysql.ParseDSN(dsn); err != nil || strings.HasPrefix(dsn, "u;server=x;") { // which is SQL Server's
				continue
			}
			c, err := pooled.ParseDSN(dsn)
			if err != nil || c.Driver != "mysql" || c.DSN != dsn {
				t.Errorf("%s: %s: have %q for %s, %v; want it unchanged for mysql", part, dsn, c.DSN, c.Driver, err)
			}
			checkRoundTrip(t, c)
		}
	}
}

func TestParseDSNErrors(t *testing.T) {
	for _, test := range []struct{ dsn, want string }{
		// Which form
		{"", "the DSN is empty"},
		{" ", "the DSN is empty"},
		{"foo", "cannot tell which driver"},
		{"/db?pool_size=7", "fits the forms of MySQL and SQLite: set pool_driver=mysql or pool_driver=sqlite"},
		{"server=h;user=u host=x", "fits the forms of PostgreSQL and SQL Server"},
		{"database=d;server=h", "fits the forms of PostgreSQL and SQL Server: set pool_driver=postgres or pool_driver=sqlserver"},
		{"u@tcp(h)/db?loc=US/Pacific", "must be written %2F"},
		{"host=h password='x pool_size=7", "a quote that is not closed"},
		{"host=h password=my word", "a key without ="},
		{"host=h password=my word@tcp(y)/z", "a key without ="},
		{"my user:pw@/db", "cannot tell which driver"},
		{"my user:pw@tcp(host/db", "cannot tell which driver"},
		{"host=h pool_driver=mysql", "has the form of PostgreSQL"},
		{"postgresql+pgx://h/db?pool_driver=postgres", "name two drivers"},
		{"mysql+://h/db", "without a name on both sides"},
		{"postgres://u:a?pool_driver=pgx&x@h/db", "percent-encode the ?"},
		{"u@/db?pool_driver=nrmysq&x=a@b", "put pool_driver last"},
		{"u@/db?pool_driver=", "pool_driver=: bad value"},

		{"a=1;pool_driver=oracle;x?pool_driver=clickhouse", "cannot tell which driver"},

		// What may be part of a password is not shown
		{"postgres://u:x?pool_size=Zq7&y@h/db", "pool_size=(not shown): bad value"},
		{"postgres://u:x?pool_siz=1&y@h/db", "unknown key that begins with pool_"},
		{"u@/db?pool_Zq7xKvJ9wQ3=1", "unknown key that begins with pool_"},
		{"x?pool_driver=oracle&pool_size=Zq7", "pool_size=(not shown): bad value"},

		// URLs
		{"postgres://u:p w@h/db", "does not parse"},
		{"postgres://u:p%zz@h/db", "does not parse"},
		{"sqlserver://u:p/w@h", "does not parse"},
		{"mysql://u:p%zz@h/db", "two hexadecimal digits"},
		{"mysql://u:p#w@h/db", "%23"},
		{"mysql://u:p?w@h/db", "percent-encode"},
		{"mysql://u:1?w@h/db", "percent-encode"},
		{"mysql://u:p/w@h/db", "percent-encode"},
		{"mysql://u:1/w@h/db", "percent-encode"},
		{"mysql://h:99999/db", "port"},
		{"mysql://u:/w/h/db", "must be written %2F"},
		{"mysql://u:/wh", "port"},
		{"mysql://::1/db", "brackets"},
		{"mysql://[::1/db", "percent-encode"},
		{"mysql://h h/db", "no host has"},
		{"mysql://a%3Ab:p@h/db", "cannot express"},
		{"mysql://u@%40sock/db", "no host has"},
		{"mysql://u@/db?unix_socket=@sock", "cannot express"},
		{"mysql://u@h/db?unix_socket=/s", "give one of them"},
		{"sqlite://app.db", "sqlite:///relative or sqlite:////absolute"},
		{"sqlite:///a%3Fb", "file: URI"},
		{"sqlite:///a%zz", "two hexadecimal digits"},
		{"mysql+pymysql://u:p@h/db", "pymysql is a Python driver: write mysql://"},
		{"postgresql+psycopg2://u:p@h/db", "psycopg2 is a Python driver: write postgresql:// or postgresql+pgx://"},
		{"postgresql+asyncpg://u:p@h/db", "asyncpg is a Python driver"},
		{"sqlite+aiosqlite:///x", "aiosqlite is a Python driver: write sqlite://"},
		{"mssql+pyodbc://u:p@h", "pyodbc is a Python driver: write sqlserver://"},
		{"oracle+cx_oracle://u:p@h", "cx_oracle is a Python driver"},
		{"u@/db?pool_driver=MySQLdb", "MySQLdb is a Python driver"},

		// Keys
		{"u@/db?pool_sise=7", "unknown key pool_sise: did you mean pool_size?"},
		{"u@/db?POOL_SIZE=7", "unknown key POOL_SIZE: did you mean pool_size?"},
		{"host=h Pool_Size=7", "unknown key Pool_Size: did you mean pool_size?"},
		{"server=h;Pool_Timeout=7", "did you mean pool_timeout?"},
		{"u@/db?pool_overflow=7", "the nearest known key is pool_"},
		{"u@/db?pool_=7", "unknown key"},
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
		{"u@/db?pool_timeout=two%0Alines", "pool_timeout=(not shown): bad value"},
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
		{"u@/db?pool_ping_timeout=0", "bad value"},
		{"u@/db?pool_fork_guard=2", "pool_fork_guard=2: bad value"},
		{"u@/db?pool_class=null&pool_recycle=1h", "pool_recycle means nothing with pool_class=null"},
		{"u@/db?pool_class=null&pool_pre_ping=on", "pool_pre_ping means nothing with pool_class=null"},
		{"u@/db?pool_name=a%0Ab", "pool_name=(not shown): bad value"},
		{"u@/db?pool_size=-1&pool_max_overflow=2", "means nothing with pool_size=-1"},
		{"u@/db?pool_max_conns=2&pool_min_idle=3", "pool_min_idle=3"},

		// Options without meaning in the class
		{"u@/db?pool_class=null&pool_size=7", "pool_size means nothing with pool_class=null"},
		{"u@/db?pool_max_overflow=7&pool_class=static", "pool_max_overflow means nothing with pool_class=static"},
		{"u@/db?pool_class=assert&pool_use_lifo=true", "pool_use_lifo means nothing with pool_class=assert"},
		{"u@/db?pool_class=direct&pool_timeout=7", "pool_timeout means nothing with pool_class=direct"},
		{"u@/db?pool_class=direct&pool_connect_limit=7", "pool_connect_limit means nothing with pool_class=direct"},
		{"u@/db?pool_class=direct&pool_min_idle_conns=0", "pool_min_idle_conns means nothing with pool_class=direct"},
		{"u@/db?pool_class=null&pool_max_conn_idle_time=7", "pool_max_conn_idle_time means nothing with pool_class=null"},
		{"u@/db?pool_class=null&pool_timeout=7&pool_connect_limit=7", ""},
	} {
		_, err := pooled.ParseDSN(test.dsn)
		checkError(t, test.dsn, err, test.want)
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
	for _, class := range []pooled.Class{pooled.ClassQueue, pooled.ClassNull, pooled.ClassStatic, pooled.ClassAssert, pooled.ClassDirect} {
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
	set := func(driver, dsn string) pooled.Config {
		c := pooled.NewConfig()
		c.Driver, c.DSN, c.Size, c.Name = driver, dsn, 7, "a;b c&'\"/"
		return c
	}
	for _, test := range []struct{ driver, dsn, want string }{
		{"mysql", "u:p@tcp(h)/db", "u:p@tcp(h)/db?pool_size=7&pool_name=a%3Bb%20c%26%27%22%2F"},
		{"mysql", "u:p@tcp(h)/db?", "u:p@tcp(h)/db?&pool_size=7&pool_name=a%3Bb%20c%26%27%22%2F"},
		{"mysql", "/db?a=b", "/db?a=b&pool_driver=mysql&pool_size=7&pool_name=a%3Bb%20c%26%27%22%2F"},
		{"postgres", "host=", `pool_size=7 pool_name='a;b c&\'"/' host=`},
		{"pgx", "host=h", `pool_driver=pgx pool_size=7 pool_name='a;b c&\'"/' host=h`},
		{"postgres", "postgres://h/db?a=b#f", "postgres://h/db?a=b&pool_size=7&pool_name=a%3Bb%20c%26%27%22%2F#f"},
		{"sqlserver", "server=h", `pool_size=7;pool_name="a;b c&'""/";server=h`},
		{"sqlserver", "odbc:server=h", `odbc:pool_size=7;pool_name={a;b c&'"/};server=h`},
		{"", "sqlite:///app.db", "sqlite:///app.db?pool_size=7&pool_name=a%3Bb%20c%26%27%22%2F"},
		{"nrmysql", "x", "x?pool_driver=nrmysql&pool_size=7&pool_name=a%3Bb%20c%26%27%22%2F"},
		{"nrmysql", "nrmysql://x", "nrmysql://x?pool_size=7&pool_name=a%3Bb%20c%26%27%22%2F"},
	} {
		c := set(test.driver, test.dsn)
		if have := c.FormatDSN(); have != test.want {
			t.Errorf("%s %s: have %s, want %s", test.driver, test.dsn, have, test.want)
		}
		checkRoundTrip(t, c)
	}
}

func TestNotRegistered(t *testing.T) {
	for dsn, want := range map[string]string{
		"postgresql+pgx://h":        `driver pgx is not registered: import _ "github.com/jackc/pgx/v5/stdlib"`,
		":memory:":                  `driver sqlite is not registered: import _ "modernc.org/sqlite"`,
		"sqlite+sqlite3://":         `import _ "github.com/mattn/go-sqlite3"`,
		"sqlserver://h":             `import _ "github.com/microsoft/go-mssqldb"`,
		"clickhouse://h":            `import _ "github.com/ClickHouse/clickhouse-go/v2"`,
		"oracle://h":                `driver oracle is not registered: import _ "github.com/`,
		"snowflake://h":             `driver snowflake is not registered: import _ "github.com/`,
		"myslq://u:secret@h/db":     "driver myslq is not registered: import its package; registered are mysql, postgres",
		"postgresql+pq://u:s@h/db":  "the name of github.com/lib/pq is postgres",
		"x?pool_driver=notexisting": "driver notexisting is not registered",
	} {
		c, err := pooled.ParseDSN(dsn)
		if err != nil {
			t.Errorf("%s: have %v from ParseDSN, want it to work without the driver", dsn, err)
			continue
		}
		_, _, err = pooled.ParentAmong(c, "mysql", "postgres", "pooled")
		checkError(t, dsn, err, want)
		if err != nil && strings.Contains(err.Error(), "pooled,") {
			t.Errorf("%s: have %q, want pooled itself left out", dsn, err)
		}
	}
}

func TestSQLiteChoice(t *testing.T) {
	for _, test := range []struct {
		registered []string
		want       string
	}{
		{[]string{"sqlite"}, "sqlite"}, {[]string{"sqlite3"}, "sqlite3"}, {[]string{"sqlite3", "sqlite"}, "sqlite"},
	} {
		c, _ := pooled.ParseDSN("sqlite:///app.db")
		if driver, dsn, err := pooled.ParentAmong(c, test.registered...); driver != test.want || dsn != "app.db" || err != nil {
			t.Errorf("with %v: have %s %s %v, want %s app.db", test.registered, driver, dsn, err, test.want)
		}
	}
}

// TestConfigInCode: a Config may hold any form that ParseDSN reads.
func TestConfigInCode(t *testing.T) {
	for _, test := range []struct{ driver, dsn, wantDriver, wantDSN, wantErr string }{
		{"", "mysql://u:p@h/db", "mysql", "u:p@tcp(h:3306)/db", ""},
		{"mysql", "mysql://u:p@h/db", "mysql", "u:p@tcp(h:3306)/db", ""},
		{"sqlite3", "sqlite:///app.db", "sqlite3", "app.db", ""},
		{"sqlserver", "mssql://h", "sqlserver", "sqlserver://h", ""},
		{"pgx", "postgresql://h/db", "pgx", "postgresql://h/db", ""},
		{"pgx", "anything", "pgx", "anything", ""},
		{"", "u@tcp(h)/db?pool_size=3", "", "", "holds options of the pool"},
		{"mysql", "mysql://h:x/db", "", "", "port"},
	} {
		c := pooled.NewConfig()
		c.Driver, c.DSN = test.driver, test.dsn
		driver, dsn, err := pooled.ParentAmong(c, allDrivers...)
		checkError(t, test.dsn, err, test.wantErr)
		if driver != test.wantDriver || dsn != test.wantDSN {
			t.Errorf("%s %s: have %s %s, want %s %s", test.driver, test.dsn, driver, dsn, test.wantDriver, test.wantDSN)
		}
	}
}

func TestConnectArgs(t *testing.T) {
	type args map[string]string
	for _, test := range []struct {
		driver, dsn string
		args        args
		want        string // begins with "pooled: " for an error
	}{
		{"mysql", "u@tcp(h)/db", args{"parseTime": "true", "charset": "utf8mb4,utf8", "time_zone": "'+00:00'"}, "u@tcp(h)/db?charset=utf8mb4,utf8&parseTime=true&time_zone=%27%2B00%3A00%27"},
		{"mysql", "u@tcp(h)/db?parseTime=false&a=b", args{"parseTime": "true", "loc": "US/Pacific"}, "u@tcp(h)/db?a=b&loc=US%2FPacific&parseTime=true"},
		{"mysql", "u@tcp(h)/db", args{"password": "Zq7xKv9w"}, "pooled: ConnectArgs: password is no parameter"},
		{"mysql", "u@tcp(h)/db", args{"charset": "a/b"}, "pooled: ConnectArgs: the value of charset"},
		{"mysql", "u@tcp(h)/db", args{"a&b": "c"}, "pooled: ConnectArgs: a key that the DSN cannot express"},
		{"mysql", "mysql://u@h/db", args{"timeout": "3s"}, "u@tcp(h:3306)/db?timeout=3s"},
		{"postgres", "host=h dbname=a user=u", args{"password": `it's \ x`, "database": "b"}, `database=b password='it\'s \\ x' host=h user=u`},
		{"postgres", "host=", args{"user": ""}, "user='' host="},
		{"postgres", "host='h", args{"user": "u"}, "pooled: ConnectArgs: the DSN of driver postgres cannot be taken apart"},
		{"postgres", "host=h", args{"a b": "c"}, "pooled: ConnectArgs: a key"},
		{"postgres", "postgres://u:p@h:5432/db?sslmode=disable&x=1", args{"sslmode": "require", "password": "a/b@c", "host": "h2", "dbname": "d2"}, "postgres://u:a%2Fb%40c@:5432?x=1&dbname=d2&host=h2&sslmode=require"},
		{"postgres", "postgres://u:p@[::1]:5432/db", args{"user": "v", "port": "6543"}, "postgres://v:p@[::1]/db?port=6543"},
		{"pgx", "postgres://u:p@h:5432/db?", args{"host": "h2", "application_name": "a b"}, "postgres://u:p@h:5432/db?application_name=a%20b&host=h2"},
		{"sqlserver", "sqlserver://u:p@h:1433?Database=a", args{"database": "b", "user id": "v", "port": "1", "app name": "x"}, "sqlserver://v:p@h:1?app%20name=x&database=b"},
		{"sqlserver", "sqlserver://u:p@h", args{"server": "x"}, "pooled: ConnectArgs: server"},
		{"sqlserver", "server=h;PWD=a;database=d", args{"password": `x;"y`}, `server=h;database=d;password="x;""y"`},
		{"sqlserver", "odbc:server=h;Password={a;b}", args{"password": "c}d"}, "odbc:server=h;password={c}}d}"},
		{"sqlite", ":memory:", args{"_pragma": "busy_timeout(5)"}, ":memory:?_pragma=busy_timeout%285%29"},
		{"", "sqlite:///app.db?_txlock=deferred", args{"_txlock": "immediate"}, "app.db?_txlock=immediate"},
		{"clickhouse", "clickhouse://h/db?a=1&b=2#f", args{"a": "x y"}, "clickhouse://h/db?b=2&a=x%20y#f"},
		{"oracle", `user="x" password="y"`, args{"password": "z w"}, `password='z w' user="x"`},
		{"oracle", "a=1;b=2", args{"a": "3"}, "b=2;a=3"},
		{"mysql", "u@tcp(h)/db", args{"pool_size": "3"}, "pooled: ConnectArgs: pool_size is the pool's"},
		{"postgres", "host=h", args{"password": "a\x00b"}, "pooled: ConnectArgs: the value of password has a zero byte"},
	} {
		c := pooled.NewConfig()
		c.Driver, c.DSN, c.ConnectArgs = test.driver, test.dsn, test.args
		_, have, err := pooled.ParentAmong(c, allDrivers...)
		if err != nil {
			have = err.Error()
		}
		if have != test.want && !(strings.HasPrefix(test.want, "pooled: ") && strings.HasPrefix(have, test.want)) {
			t.Errorf("%s with %v: have %s, want %s", test.dsn, test.args, have, test.want)
		}
	}
}

// TestConnectArgsMeaning asks lib/pq whether the arguments took precedence.
func TestConnectArgsMeaning(t *testing.T) {
	for _, dsn := range []string{"postgres://zz:zz@zz:9999/zz?application_name=zz", "host=zz port=9999 user=zz password='z z' dbname=zz application_name=zz"} {
		c := pooled.NewConfig()
		c.Driver, c.DSN = "postgres", dsn
		c.ConnectArgs = map[string]string{"host": "h", "port": "1", "user": "u'", "password": `p\ @`, "dbname": "d", "application_name": "a b"}
		_, merged, err := pooled.ParentOf(c)
		if err != nil {
			t.Fatal(err)
		}
		have, err := pq.NewConfig(merged)
		if err != nil || have.Host != "h" || have.Port != 1 || have.User != "u'" || have.Password != `p\ @` || have.Database != "d" || have.ApplicationName != "a b" {
			t.Errorf("%s: have %s, %v; want every argument in the place of the DSN's", dsn, merged, err)
		}
		if len(c.ConnectArgs) != 6 {
			t.Errorf("%s: have %v left in ConnectArgs, want it unchanged", dsn, c.ConnectArgs)
		}
	}
}

func TestStringMasks(t *testing.T) {
	for dsn, want := range map[string]string{
		"u:Zq7@x/y@tcp(h)/db?pool_size=7":                    "u:xxxxx@tcp(h)/db?pool_size=7",
		"u@tcp(h)/db":                                        "u@tcp(h)/db",
		"my user:Zq7@tcp(h)/db":                              "my user:xxxxx@tcp(h)/db",
		"a=b:Zq7@tcp(h)/db":                                  "xxxxx@tcp(h)/db",
		"pwd=Zq7;uid=x@tcp(h)/db":                            "xxxxx@tcp(h)/db",
		"mysql://u:Zq7@h/db":                                 "u:xxxxx@tcp(h:3306)/db",
		"postgres://u:Zq7@h/db?sslmode=x&sslpassword=Zq7":    "postgres://u:xxxxx@h/db?sslmode=x&sslpassword=xxxxx",
		"postgres://u@h:5432/db":                             "postgres://u@h:5432/db",
		`host=h password='Zq7 \'x' user=u`:                   `host=h password=xxxxx user=u`,
		"server=h;pwd=Zq7;user id=sa":                        "server=h;pwd=xxxxx;user id=sa",
		"odbc:server=h;Password={Zq7;};uid=sa":               "odbc:server=h;Password=xxxxx;uid=sa",
		"file:a.db?_auth&_auth_user=u&_auth_pass=Zq7":        "file:a.db?_auth&_auth_user=xxxxx&_auth_pass=xxxxx",
		"file:a.db?_auth_pass=a&Zq7&x=1":                     "file:a.db?_auth_pass=xxxxx&xxxxx&x=1",
		"databricks://Zq7@h/db":                              "databricks://xxxxx@h/db",
		"postgres://u@h/db?password=a#Zq7":                   "postgres://u@h/db?password=xxxxx#xxxxx",
		"scott/Zq7@h/svc?pool_driver=oracle&pool_size=7":     "xxxxx pool_driver=oracle pool_size=7",
		"clickhouse://h/db?username=u&password=Zq7&secure=1": "clickhouse://h/db?username=u&password=xxxxx&secure=1",
		"user=scott;password=Zq7;x=1":                        "user=scott;password=xxxxx",
		"postgres://h/db?user=u;password=Zq7&sslmode=x":      "postgres://h/db?user=u;password=xxxxx&sslmode=x",
		"host=h user=u pasword=Zq7":                          "host=h user=u pasword=xxxxx",
		"postgres://h/db?psswrd=Zq7":                         "postgres://h/db?psswrd=xxxxx",
		"//scott:Zq7@h/x?pool_driver=sqlite":                 "xxxxx pool_driver=sqlite",
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

func TestScrub(t *testing.T) {
	const withheld = "left out"
	for _, test := range []struct{ text, dsn, want string }{
		{"invalid bool value: maybe", "u:Zq7xKv9w@tcp(h)/db?parseTime=maybe", "pooled: invalid bool value: maybe"},
		{"pooled: twice", "u@/db", "pooled: twice"},
		{"two\nlines", "u@/db", "pooled: two lines"},
		{"dial u:Zq7xKv9w@h", "u:Zq7xKv9w@tcp(h)/db", withheld},
		{"port ZQ7X bad", "u:Zq7xKv9w@tcp(h)/db", withheld},
		{`bad "w"`, "postgres://u:Zq7xKv9w@h/db", withheld},
		{"bad escape a/b", "postgres://u:a%2Fb@h/db", withheld},
		{"bad escape in a%40b%3Ac%2Fd", "u:a@b:c/d@tcp(h)/db", withheld},
		{`bad escape in a\u0026b\u003cc`, "u:a&b<c@tcp(h)/db", withheld},
		{"two \x1b[2Jlines\u009b", "u@/db", "pooled: two ⟨001B⟩[2Jlines⟨009B⟩"},
		{`missing "=" after "v9w" in connection info string`, "host=h password=Zq7 v9w", withheld},
		{`invalid port ":Zq7xKv" after host`, "postgres://u:Zq7xKv", withheld},
		{"pq: wrong value for sslmode", "host=h password=Zq7xKv9w sslmode=x", "pooled: pq: wrong value for sslmode"},
	} {
		cause := errors.New(test.text)
		err := pooled.Scrub(cause, test.dsn)
		checkError(t, test.text, err, test.want)
		if errors.Is(err, cause) || errors.Unwrap(err) != nil {
			t.Errorf("%s: have an error that leads to its cause, want none", test.text)
		}
	}
	if err := pooled.Scrub(nil, "u@/db"); err != nil {
		t.Errorf("nil: have %v, want nil", err)
	}
}

func TestNearestKey(t *testing.T) {
	for key, want := range map[string]string{
		"pool_siz": "pool_size", "pool_maxoverflow": "pool_max_overflow", "pool_preping": "pool_pre_ping",
		"POOL_RECYCLE": "pool_recycle", "pool_max_conn": "pool_max_conns", "pool_reset_on_retrun": "pool_reset_on_return",
		"pool_min_conns": "pool_min_idle", "pool_health_check_period": "pool_pre_ping", "pool_logging_name": "pool_name",
	} {
		_, err := pooled.ParseDSN("u@/db?" + key + "=7")
		checkError(t, key, err, "unknown key "+key+": did you mean "+want+"?")
	}
}
