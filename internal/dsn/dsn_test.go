package dsn_test

import (
	"fmt"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/go-sql-driver/mysql"
	"github.com/lib/pq"

	"github.com/pooled-go/pooled/internal/dsn"
	"github.com/pooled-go/pooled/internal/pooledtest"
)

// allDrivers are the names that the tests take as registered.
var allDrivers = []string{"mysql", "postgres", "pgx", "sqlite", "sqlite3", "sqlserver", "clickhouse", "oracle",
	"nrmysql", "pooled"}

// forms holds DSNs with options of the pool, and what their drivers get of them.
var forms = []struct{ dsn, driver, native string }{
	// go-sql-driver/mysql
	{"user:pw@tcp(host:3306)/db?pool_size=7", "mysql", "user:pw@tcp(host:3306)/db"},
	{"user:pw@tcp(host)/db?x=y&pool_size=7&z=1", "mysql", "user:pw@tcp(host)/db?x=y&z=1"},
	{"user:p?a/ss@tcp(host)/db?x=y&pool_size=7", "mysql", "user:p?a/ss@tcp(host)/db?x=y"},
	{"user:p@s:s?pool_size=3@tcp(host)/db?pool_size=7", "mysql", "user:p@s:s?pool_size=3@tcp(host)/db"},
	{"user:/pool_size=3@tcp([de:ad:be:ef::ca:fe]:80)/db?pool_size=7&loc=US%2FPacific", "mysql",
		"user:/pool_size=3@tcp([de:ad:be:ef::ca:fe]:80)/db?loc=US%2FPacific"},
	{"u:/p?w@tcp(host)/db?pool_size=7", "mysql", "u:/p?w@tcp(host)/db"},
	{"user@unix(/path/to/mysql.sock)/pool_size?pool_size=7", "mysql", "user@unix(/path/to/mysql.sock)/pool_size"},
	{"user:pw@mynet(my-addr)/db%2Fname?x=pool_size%3D1&pool_size=7", "mysql",
		"user:pw@mynet(my-addr)/db%2Fname?x=pool_size%3D1"},
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
	{"mysql://scott:tiger@host:3307/db?parseTime=true&pool_size=7", "mysql",
		"scott:tiger@tcp(host:3307)/db?parseTime=true"},
	{"mysql://scott:t%2F%40%3Aiger%3F@host/db?pool_size=7&loc=US/Pacific", "mysql",
		"scott:t/@:iger?@tcp(host:3306)/db?loc=US%2FPacific"},
	{"mariadb://scott@[::1]/d%20b?pool_size=7", "mysql", "scott@tcp([::1]:3306)/d%20b"},
	{"MySQL://host?pool_size=7", "mysql", "tcp(host:3306)/"},
	{"mysql://scott:@/db?pool_size=7", "mysql", "scott:@/db"},
	{"mysql://:pw@host/?pool_size=7", "mysql", ":pw@tcp(host:3306)/"},
	{"mysql://scott:t%40iger@tcp(host:3307)/db?pool_size=7&a=b", "mysql", "scott:t@iger@tcp(host:3307)/db?a=b"},
	{"mysql://scott:tiger@tcp([::1])/db?pool_size=7", "mysql", "scott:tiger@tcp([::1]:3306)/db"},
	{"mysql://scott@tcp()/d%26b?pool_size=7", "mysql", "scott@/d%26b"},
	{"mysql://scott:tiger@(host)/db?pool_size=7", "mysql", "scott:tiger@tcp(host:3306)/db"},
	{"mysql://scott:tiger@unix(/run/my.sock)/db?pool_size=7", "mysql", "scott:tiger@unix(/run/my.sock)/db"},
	{"mysql://scott@cloudsql(project:region:name)/?pool_size=7", "mysql", "scott@cloudsql(project:region:name)/"},
	{"mysql://scott@/db?unix_socket=/run/my.sock&pool_size=7&a=b", "mysql", "scott@unix(/run/my.sock)/db?a=b"},
	{"mysql://scott@localhost/db?a=b&unix_socket=%2Frun%2Fmy.sock&pool_size=7", "mysql",
		"scott@unix(/run/my.sock)/db?a=b"},
	{"mysql://scott@%2Frun%2Fmy.sock/db?pool_size=7", "mysql", "scott@unix(/run/my.sock)/db"},
	{"mysql+mysql://scott@host/db?pool_size=7", "mysql", "scott@tcp(host:3306)/db"},
	{"mysql+nrmysql://scott@host/db?pool_size=7", "nrmysql", "scott@tcp(host:3306)/db"},
	{"mysql://scott@host/db?pool_driver=nrmysql&pool_size=7", "nrmysql", "mysql://scott@host/db"},

	// PostgreSQL, keyword/value
	{"host=h user=u pool_size=7 dbname=d", "postgres", "host=h user=u dbname=d"},
	{"pool_size=7 host=h", "postgres", "host=h"},
	{"host=h  pool_size = 7\t\n user=u", "postgres", "host=h  \n user=u"},
	{`host=h pool_size='7' password='it\'s pool_size=3 \\' pool_name=it\'s`, "postgres",
		`host=h password='it\'s pool_size=3 \\'`},
	{`user=u password=a\ pool_size=3 pool_size=7`, "postgres", `user=u password=a\ pool_size=3`},
	{"host=/var/run/postgresql user=u pool_size=7 search_path=pool_size", "postgres",
		"host=/var/run/postgresql user=u search_path=pool_size"},
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
	{"postgres://u:p%3Fpool_size=3%26@[::1]:5/db?po%6Fl_size=7&a=%70ool", "postgres",
		"postgres://u:p%3Fpool_size=3%26@[::1]:5/db?a=%70ool"},
	{"postgres://u:p@h/db?%20pool_size%20=7&a=b", "postgres", "postgres://u:p@h/db?a=b"},
	{"postgres://u:p@h/db?pool_size=7&x%3D%271%27%20echo=off&a=b", "postgres", "postgres://u:p@h/db?a=b"},
	{"postgres:///db?host=/var/run/postgresql&pool_size=7#f?pool_size=2", "postgres",
		"postgres:///db?host=/var/run/postgresql#f?pool_size=2"},
	{"postgres://u:p@h/pool_size=3?pool_size=7&options=-c%20pool_size%3D3", "postgres",
		"postgres://u:p@h/pool_size=3?options=-c%20pool_size%3D3"},
	{"postgresql+pgx://u:p@h/db?pool_size=7", "pgx", "postgresql://u:p@h/db"},
	{"postgres+pgx://u:p?pool_size=3#@h1:1,h2:2/db?pool_size=7", "pgx", "postgres://u:p?pool_size=3#@h1:1,h2:2/db"},
	{"pgx://u:p@h/db?pool_size=7", "pgx", "postgres://u:p@h/db"},
	{"pgx5://u:p?a&b@h1,h2/db?pool_size=7", "pgx", "postgres://u:p?a&b@h1,h2/db"},
	{"pgx://u:p@h/db?pool_driver=postgres&pool_size=7", "postgres", "postgres://u:p@h/db"},
	{"pgx://u:p@h/db?pool_driver=nrmysql&pool_size=7", "nrmysql", "postgres://u:p@h/db"},
	{"postgres://u:p?a&b@h/db?pool_driver=pgx&pool_size=7", "pgx", "postgres://u:p?a&b@h/db"},
	{"postgres://u:p@h/db?pool_driver=pgx&%20pool_size=7", "pgx", "postgres://u:p@h/db"},

	// SQLite
	{":memory:?pool_size=7", "sqlite", ":memory:"},
	{"file:a.db?mode=ro&pool_size=7&_pragma=busy_timeout(5000)", "sqlite",
		"file:a.db?mode=ro&_pragma=busy_timeout(5000)"},
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
	{"sqlserver://sa:p%3F@h:1433/inst?database=d&pool_size=7", "sqlserver",
		"sqlserver://sa:p%3F@h:1433/inst?database=d"},
	{"mssql://sa:p@h?pool_size=7", "sqlserver", "sqlserver://sa:p@h"},
	{"server=h;pool_size=7;user id=sa;password={a;b}", "sqlserver", "server=h;user id=sa;password={a;b}"},
	{`Data Source=h;password="a;pool_size=3;""b";pool_size=7`, "sqlserver",
		`Data Source=h;password="a;pool_size=3;""b"`},
	{"server=h; pool_size = 7 ;database=d;", "sqlserver", "server=h;database=d;"},
	{"odbc:server=h;password={a;pool_size=3;}}b};pool_size=7", "sqlserver",
		"odbc:server=h;password={a;pool_size=3;}}b}"},
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
	{`user="scott tiger" password="x pool_size=3" pool_driver=oracle pool_size=7 c=d`, "oracle",
		`user="scott tiger" password="x pool_size=3" c=d`},
	{"postgres://u:p@h/db?pool_driver=nrmysql&pool_size=7", "nrmysql", "postgres://u:p@h/db"},
}

// resolve is the driver of a DSN with options, and what it gets.
func resolve(text string) (driver, native string, err error) {
	form, err := dsn.Detect(text)
	if err != nil {
		return "", "", err
	}
	driver, rest, err := form.Target()
	if err != nil {
		return "", "", err
	}
	return dsn.Resolve(driver, rest, nil, append(slices.Clone(allDrivers), driver))
}

// checkInserted: what Insert writes, Detect reads back.
func checkInserted(t *testing.T, text string) {
	t.Helper()
	form, err := dsn.Detect(text)
	if err != nil {
		t.Errorf("%q: have %v, want no error", text, err)
		return
	}
	driver, rest, err := form.Target()
	if err != nil {
		t.Errorf("%q: have %v, want no error", text, err)
		return
	}
	want := []dsn.Pair{{Key: "pool_size", Value: "7"}, {Key: "pool_name", Value: "a;b c&'\"/\\"},
		{Key: "echo"}}
	inserted := dsn.Insert(driver, rest, want)
	form, err = dsn.Detect(inserted)
	if err != nil {
		t.Errorf("%q: have %v for %q, want no error", text, err, inserted)
		return
	}
	backDriver, backRest, err := form.Target()
	var have []dsn.Pair
	for _, o := range form.Options() {
		if o.Key != "pool_driver" {
			have = append(have, dsn.Pair{Key: o.Key, Value: o.Value})
		}
	}
	if err != nil || backDriver != driver || backRest != rest || !slices.Equal(have, want) {
		t.Errorf("%q: have back %s %q %q, %v; want %s %q %q", inserted, backDriver, backRest, have, err, driver,
			rest, want)
	}
}

func TestForms(t *testing.T) {
	for _, test := range forms {
		form, err := dsn.Detect(test.dsn)
		if err != nil {
			t.Errorf("%s: have error %q, want none", test.dsn, err)
			continue
		}
		if driver, native, err := resolve(test.dsn); driver != test.driver || native != test.native || err != nil {
			t.Errorf("%s: have driver %q with %q, %v; want %q with %q", test.dsn, driver, native, err, test.driver,
				test.native)
		}
		sized := slices.ContainsFunc(form.Options(),
			func(o dsn.Option) bool { return o.Key == "pool_size" && o.Value == "7" })
		if want := !strings.Contains(test.native, "= pool_size=7"); sized != want {
			t.Errorf("%s: have %v, with pool_size=7: %t, want %t", test.dsn, form.Options(), sized, want)
		}
		checkInserted(t, test.dsn)
	}
}

func TestIsOption(t *testing.T) {
	for _, key := range []string{"pool_size", "pool_", "POOL_SIZE", "Pool_x", "echo", "echo_pool"} {
		if !dsn.IsOption(key) {
			t.Errorf("%s: have no option, want one", key)
		}
	}
	for _, key := range []string{"", "pool", "spool_size", "Echo", "echoes", "poolsize", " pool_size"} {
		if dsn.IsOption(key) {
			t.Errorf("%q: have an option, want none", key)
		}
	}
}

// TestNativeUnchanged compares what the drivers themselves make of a DSN before and after.
func TestNativeUnchanged(t *testing.T) {
	for _, name := range []string{
		"user:p?a/ss@tcp(host)/db?parseTime=true&loc=US%2FPacific", "user@unix(/s)/db",
		"user:pw@/db?timeout=3s&x=%27a%27",
	} {
		_, native, err := resolve(name)
		if err != nil || native != name {
			t.Errorf("%s: have %q, %v; want it unchanged", name, native, err)
		}
		want, wantErr := mysql.ParseDSN(name)
		have, haveErr := mysql.ParseDSN(native)
		if wantErr != nil || haveErr != nil || have.FormatDSN() != want.FormatDSN() {
			t.Errorf("%s: have %v, %v; want %v, %v", name, have, haveErr, want, wantErr)
		}
	}
	for _, name := range []string{
		`host=h user='o\'brien' x=y`, `host=h user=u password='it\'s' dbname=d`,
		"postgres://u:p%20w@h1,h2/db?port=1,2&sslmode=disable",
		"postgres:///db?host=/run/postgresql&search_path=a", "host=::1 user=u  port=5433",
	} {
		_, native, err := resolve(name)
		if err != nil || native != name {
			t.Errorf("%s: have %q, %v; want it unchanged", name, native, err)
		}
		want, wantErr := pq.NewConfig(name)
		have, haveErr := pq.NewConfig(native)
		if fmt.Sprint(wantErr) != fmt.Sprint(haveErr) || !reflect.DeepEqual(have, want) {
			t.Errorf("%s: have %+v, %v; want %+v, %v", name, have, haveErr, want, wantErr)
		}
	}
}

// TestMySQLURLMeaning compares what the driver reads from the native form with what the URL says.
func TestMySQLURLMeaning(t *testing.T) {
	for _, password := range []string{"tiger", "a@b:c/d?e#f%g&h=i", " ", "(", ")/", "@tcp(evil)/x", "ü\x01"} {
		u := url.URL{Scheme: "mysql", User: url.UserPassword("scott", password), Host: "host:3307", Path: "/db name",
			RawQuery: "parseTime=true"}
		_, native, err := resolve(u.String())
		if err != nil {
			t.Errorf("password %q: have error %q, want none", password, err)
			continue
		}
		have, err := mysql.ParseDSN(native)
		if err != nil || have.User != "scott" || have.Passwd != password || have.Addr != "host:3307" ||
			have.DBName != "db name" || !have.ParseTime {
			t.Errorf("password %q: have %+v, %v; want it and the rest of %s", password, have, err, u.String())
		}
	}
}

// An address decides that a DSN is MySQL's, whatever its parts hold, as long as its driver reads it.
func TestMySQLByItsAddress(t *testing.T) {
	signs := []string{" ", "\t", ";", "=", "?", "&", "%", "#", "'", `"`, "(", "+", ",", "ü",
		"host=h ", ";server=x;", "a=1;b=2;", "?x=y", "file:", ".db"}
	for _, sign := range signs {
		for part, name := range map[string]string{
			"user":              "u" + sign + "v:pw@tcp(h:3306)/db",
			"user alone":        "u" + sign + "v@tcp(h:3306)/db",
			"password":          "u:" + sign + "pw" + sign + "@tcp(h:3306)/db",
			"user and password": "u" + sign + "v:" + sign + "@tcp(h:3306)/db",
			"address":           "u:pw@tcp(h" + sign + "i:3306)/db",
			"socket":            "u" + sign + "v:pw@unix(/run/my" + sign + "sql.sock)/db",
			"database":          "u" + sign + "v:pw@tcp(h:3306)/d" + url.PathEscape(sign) + "b",
		} {
			if _, err := mysql.ParseDSN(name); err != nil || strings.HasPrefix(name, "u;server=x;") {
				// The latter is SQL Server's.
				continue
			}
			driver, native, err := resolve(name)
			if err != nil || driver != "mysql" || native != name {
				t.Errorf("%s: %s: have %q for %s, %v; want it unchanged for mysql", part, name, native, driver, err)
			}
			checkInserted(t, name)
		}
	}
}

// Each error says what to write, and shows nothing of what may be a password.
func TestErrors(t *testing.T) {
	for _, test := range []struct{ dsn, want string }{
		// Which form
		{"", "the DSN is empty"},
		{" ", "the DSN is empty"},
		{"foo", "cannot tell which driver"},
		{"/db?pool_size=7", "fits the forms of MySQL and SQLite: set pool_driver=mysql or pool_driver=sqlite"},
		{"server=h;user=u host=x", "fits the forms of PostgreSQL and SQL Server"},
		{"database=d;server=h",
			"fits the forms of PostgreSQL and SQL Server: set pool_driver=postgres or pool_driver=sqlserver"},
		{"u@tcp(h)/db?loc=US/Pacific", "write %2F"},
		{"host=h password='x pool_size=7", "a quote that is not closed"},
		{"host=h password=my word", "a key without ="},
		{"host=h password=my word@tcp(y)/z", "a key without ="},
		{"my user:pw@/db", "cannot tell which driver"},
		{"my user:pw@tcp(host/db", "the ( after the @ is not closed"},
		{"host=h pool_driver=mysql", "has the form of PostgreSQL"},
		{"postgresql+pgx://h/db?pool_driver=postgres", "name two drivers"},
		{"mysql+://h/db", "without a name on both sides"},
		{"postgres://u:a?pool_driver=pgx&x@h/db", "percent-encode the ?"},
		{"u@/db?pool_driver=nrmysq&x=a@b", "put pool_driver last"},

		{"a=1;pool_driver=oracle;x?pool_driver=clickhouse", "cannot tell which driver"},

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
		{"mysql://u:/w/h/db", "write %2F"},
		{"mysql://u:/wh", "port"},
		{"mysql://::1/db", "brackets"},
		{"mysql://[::1/db", "brackets"},
		{"mysql://h h/db", "no host has"},
		{"mysql://a%3Ab:p@h/db", "cannot express"},
		{"mysql://u@%40sock/db", "no host has"},
		{"mysql://u@/db?unix_socket=@sock", "cannot express"},
		{"mysql://u@h/db?unix_socket=/s", "give one of them"},
		{"sqlite://app.db", "app.db is where a host would be: write sqlite:///app.db"},
		{"sqlite:///a%3Fb", "file: URI"},
		{"sqlite:///a%zz", "two hexadecimal digits"},
		{"mysql+pymysql://u:p@h/db", "pymysql is a Python driver: write mysql://"},
		{"postgresql+psycopg2://u:p@h/db", "psycopg2 is a Python driver: write postgresql:// or postgresql+pgx://"},
		{"postgresql+asyncpg://u:p@h/db", "asyncpg is a Python driver"},
		{"sqlite+aiosqlite:///x", "aiosqlite is a Python driver: write sqlite://"},
		{"mssql+pyodbc://u:p@h", "pyodbc is a Python driver: write sqlserver://"},
		{"oracle+cx_oracle://u:p@h", "cx_oracle is a Python driver"},
		{"u@/db?pool_driver=MySQLdb", "MySQLdb is a Python driver"},
	} {
		_, _, err := resolve(test.dsn)
		pooledtest.CheckError(t, test.dsn, err, test.want)
	}
}

// Options are written in the way of the form, and the driver where the form does not tell it.
func TestInsert(t *testing.T) {
	pairs := []dsn.Pair{{Key: "pool_size", Value: "7"}, {Key: "pool_name", Value: "a;b c&'\"/"}}
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
		if have := dsn.Insert(test.driver, test.dsn, pairs); have != test.want {
			t.Errorf("%s %s: have %s, want %s", test.driver, test.dsn, have, test.want)
		}
		checkInserted(t, test.want)
	}
}

func TestNotRegistered(t *testing.T) {
	for text, want := range map[string]string{
		"postgresql+pgx://h": `driver pgx is not registered: import _ "github.com/jackc/pgx/v5/stdlib"`,
		":memory:":           `driver sqlite is not registered: import _ "modernc.org/sqlite"`,
		"sqlite+sqlite3://":  `import _ "github.com/mattn/go-sqlite3"`,
		"sqlserver://h":      `import _ "github.com/microsoft/go-mssqldb"`,
		"clickhouse://h":     `import _ "github.com/ClickHouse/clickhouse-go/v2"`,
		"oracle://h":         `driver oracle is not registered: import _ "github.com/`,
		"snowflake://h":      `driver snowflake is not registered: import _ "github.com/`,
		"myslq://u:secret@h/db": "driver myslq is not registered: write mysql, or import its package; " +
			"registered are mysql, " +
			"postgres",
		"postgresql+pq://u:s@h/db":  "driver pq is not registered: write postgres, or import its package",
		"x?pool_driver=notexisting": "driver notexisting is not registered",
	} {
		form, err := dsn.Detect(text)
		if err != nil {
			t.Errorf("%s: have %v from Detect, want it to work without the driver", text, err)
			continue
		}
		driver, rest, err := form.Target()
		if err != nil {
			t.Errorf("%s: have %v from Target, want it to work without the driver", text, err)
			continue
		}
		_, _, err = dsn.Resolve(driver, rest, nil, []string{"mysql", "postgres", "pooled"})
		pooledtest.CheckError(t, text, err, want)
		if err != nil && strings.Contains(err.Error(), "pooled,") {
			t.Errorf("%s: have %q, want pooled itself left out", text, err)
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
		driver, native, err := dsn.Resolve("", "sqlite:///app.db", nil, test.registered)
		if driver != test.want || native != "app.db" || err != nil {
			t.Errorf("with %v: have %s %s %v, want %s app.db", test.registered, driver, native, err, test.want)
		}
	}
}

// TestResolve: a program may write any form that Detect reads.
func TestResolve(t *testing.T) {
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
		driver, native, err := dsn.Resolve(test.driver, test.dsn, nil, allDrivers)
		pooledtest.CheckError(t, test.dsn, err, test.wantErr)
		if driver != test.wantDriver || native != test.wantDSN {
			t.Errorf("%s %s: have %s %s, want %s %s", test.driver, test.dsn, driver, native, test.wantDriver,
				test.wantDSN)
		}
	}
}
