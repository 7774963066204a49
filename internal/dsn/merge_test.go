package dsn_test

import (
	"strings"
	"testing"

	"github.com/lib/pq"

	"github.com/pooled-go/pooled/internal/dsn"
)

func TestMerge(t *testing.T) {
	type args map[string]string
	for _, test := range []struct {
		driver, dsn string
		args        args
		want        string // begins with "pooled: " for an error
	}{
		{"mysql", "u@tcp(h)/db", args{"parseTime": "true", "charset": "utf8mb4,utf8", "time_zone": "'+00:00'"},
			"u@tcp(h)/db?charset=utf8mb4,utf8&parseTime=true&time_zone=%27%2B00%3A00%27"},
		{"mysql", "u@tcp(h)/db?parseTime=false&a=b", args{"parseTime": "true", "loc": "US/Pacific"},
			"u@tcp(h)/db?a=b&loc=US%2FPacific&parseTime=true"},
		{"mysql", "u@tcp(h)/db", args{"password": "Zq7xKv9w"}, "pooled: ConnectArgs: password is no parameter"},
		{"mysql", "u@tcp(h)/db", args{"charset": "a/b"}, "pooled: ConnectArgs: the value of charset"},
		{"mysql", "u@tcp(h)/db", args{"a&b": "c"}, "pooled: ConnectArgs: a key that the DSN cannot express"},
		{"mysql", "mysql://u@h/db", args{"timeout": "3s"}, "u@tcp(h:3306)/db?timeout=3s"},
		{"postgres", "host=h dbname=a user=u", args{"password": `it's \ x`, "database": "b"},
			`database=b password='it\'s \\ x' host=h user=u`},
		{"postgres", "host=", args{"user": ""}, "user='' host="},
		{"postgres", "host='h", args{"user": "u"},
			"pooled: ConnectArgs: the DSN of driver postgres cannot be taken apart"},
		{"postgres", "host=h", args{"a b": "c"}, "pooled: ConnectArgs: a key"},
		{"postgres", "postgres://u:p@h:5432/db?sslmode=disable&x=1", args{"sslmode": "require", "password": "a/b@c",
			"host": "h2", "dbname": "d2"}, "postgres://u:a%2Fb%40c@:5432?x=1&dbname=d2&host=h2&sslmode=require"},
		{"postgres", "postgres://u:p@[::1]:5432/db", args{"user": "v", "port": "6543"},
			"postgres://v:p@[::1]/db?port=6543"},
		{"pgx", "postgres://u:p@h:5432/db?", args{"host": "h2", "application_name": "a b"},
			"postgres://u:p@h:5432/db?application_name=a%20b&host=h2"},
		{"sqlserver", "sqlserver://u:p@h:1433?Database=a", args{"database": "b", "user id": "v", "port": "1",
			"app name": "x"}, "sqlserver://v:p@h:1?app%20name=x&database=b"},
		{"sqlserver", "sqlserver://u:p@h", args{"server": "x"}, "pooled: ConnectArgs: server"},
		{"sqlserver", "server=h;PWD=a;database=d", args{"password": `x;"y`}, `server=h;database=d;password="x;""y"`},
		{"sqlserver", "odbc:server=h;Password={a;b}", args{"password": "c}d"}, "odbc:server=h;password={c}}d}"},
		{"sqlite", ":memory:", args{"_pragma": "busy_timeout(5)"}, ":memory:?_pragma=busy_timeout%285%29"},
		{"", "sqlite:///app.db?_txlock=deferred", args{"_txlock": "immediate"}, "app.db?_txlock=immediate"},
		{"clickhouse", "clickhouse://h/db?a=1&b=2#f", args{"a": "x y"}, "clickhouse://h/db?b=2&a=x%20y#f"},
		{"oracle", `user="x" password="y"`, args{"password": "z w"}, `password='z w' user="x"`},
		{"oracle", "a=1;b=2", args{"a": "3"}, "b=2;a=3"},
		{"mysql", "u@tcp(h)/db", args{"pool_size": "3"}, "pooled: ConnectArgs: pool_size is the pool's"},
		{"postgres", "host=h", args{"password": "a\x00b"},
			"pooled: ConnectArgs: the value of password has a zero byte"},
	} {
		_, have, err := dsn.Resolve(test.driver, test.dsn, test.args, allDrivers)
		if err != nil {
			have = err.Error()
		}
		if have != test.want && !(strings.HasPrefix(test.want, "pooled: ") && strings.HasPrefix(have, test.want)) {
			t.Errorf("%s with %v: have %s, want %s", test.dsn, test.args, have, test.want)
		}
	}
}

// TestMergeMeaning asks lib/pq whether the arguments took precedence.
func TestMergeMeaning(t *testing.T) {
	for _, name := range []string{"postgres://zz:zz@zz:9999/zz?application_name=zz", "host=zz port=9999 user=zz " +
		"password='z z' dbname=zz application_name=zz"} {
		args := map[string]string{"host": "h", "port": "1", "user": "u'", "password": `p\ @`, "dbname": "d",
			"application_name": "a b"}
		_, merged, err := dsn.Resolve("postgres", name, args, allDrivers)
		if err != nil {
			t.Fatal(err)
		}
		have, err := pq.NewConfig(merged)
		if err != nil || have.Host != "h" || have.Port != 1 || have.User != "u'" || have.Password != `p\ @` ||
			have.Database != "d" || have.ApplicationName != "a b" {
			t.Errorf("%s: have %s, %v; want every argument in the place of the DSN's", name, merged, err)
		}
		if len(args) != 6 {
			t.Errorf("%s: have %v left in the arguments, want it unchanged", name, args)
		}
	}
}

// User and password are replaced wherever the DSN has them.
func TestMergeLogin(t *testing.T) {
	for _, test := range []struct{ driver, dsn, user, password, want string }{
		{"postgres", "postgres://u:old@h/db?sslmode=disable", "scott", "a&b",
			"postgres://scott:a%26b@h/db?sslmode=disable"},
		{"postgres", "postgres://h/db?user=u&password=old", "scott", "a&b", "postgres://scott:a%26b@h/db"},
		{"postgres", "host=h user=u password=old", "scott", "a&b", "password='a&b' user=scott host=h"},
		{"sqlserver", "sqlserver://h?database=x&password=old", "scott", "a&b", "sqlserver://scott:a%26b@h?database=x"},
		{"mysql", "u:old@tcp(h:1)/db", "scott", "a&b", "scott:a&b@tcp(h:1)/db"},
		{"fake", "fake://h", "a:b", "Zq7xKv9w", "pooled: BeforeConnect hook: how driver fake is told"},
		{"mysql", "u:old@tcp(h:1)/db", "a:b", "Zq7xKv9w", "pooled: BeforeConnect hook: a MySQL DSN cannot express"},
		{"postgres", "postgres://u:p@h/db", "v", "", "postgres://v:p@h/db"},
		{"postgres", "host=h user=u", "", "p w", "password='p w' host=h user=u"},
		{"sqlserver", "server=h;uid=u", "v", "p;w", `server=h;password="p;w";user id=v`},
		{"mysql", "u:p@tcp(h:3306)/db?parseTime=true", "v", "p:/@w", "v:p:/@w@tcp(h:3306)/db?parseTime=true"},
		{"mysql", "u:p@tcp(h:3306)/db", "v:w", "",
			"pooled: BeforeConnect hook: a MySQL DSN cannot express a user with a colon"},
		{"mysql", "u:Zq7xKv9w@tcp(h", "v", "", "pooled: BeforeConnect hook: mysql: "},
		{"sqlite", "app.db", "v", "",
			"pooled: BeforeConnect hook: how driver sqlite is told a user and a password is not known"},
		{"sqlite", "app.db", "", "", "app.db"},
	} {
		have, err := dsn.MergeLogin(test.driver, test.dsn, test.user, test.password, nil)
		if err != nil {
			have = err.Error()
		}
		if have != test.want && !(err != nil && strings.HasPrefix(have, test.want)) || strings.Contains(have, "Zq7") {
			t.Errorf("%s: have %s, want %s", test.dsn, have, test.want)
		}
	}
}
