package dsn_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/pooled-go/pooled/internal/dsn"
)

// clearPG keeps the machine's environment away.
func clearPG(t *testing.T) {
	t.Helper()
	for _, key := range []string{"PGHOST", "PGHOSTADDR", "PGPORT", "PGSERVICE", "PGTARGETSESSIONATTRS",
		"PGLOADBALANCEHOSTS"} {
		t.Setenv(key, "") // so that it is as it was afterwards
		os.Unsetenv(key)
	}
}

// written shows a Split in few words: each host's name, ! if it is looked up, and its DSN.
func written(s dsn.Split) string {
	var b strings.Builder
	for _, h := range s.Hosts {
		mark := ""
		if h.Lookup {
			mark = "!"
		}
		fmt.Fprintf(&b, "%s%s > %s\n", h.Name, mark, h.DSN)
	}
	if s.Target != "" || s.Order != "" {
		fmt.Fprintf(&b, "target %s, order %s\n", s.Target, s.Order)
	}
	return b.String()
}

var hostTests = []struct {
	driver, dsn string
	want        []string // of written, or the error
}{
	// One host: nothing changes.
	{"postgres", "postgres://u:p@h1:5433/db?sslmode=disable", []string{
		"h1:5433! > postgres://u:p@h1:5433/db?sslmode=disable"}},
	{"postgres", "postgres:///db", []string{"localhost:5432! > postgres:///db"}},
	{"postgres", "postgres://:5433/db", []string{"localhost:5433! > postgres://:5433/db"}},
	{"postgres", "postgres://[::1]:5433/db", []string{"[::1]:5433 > postgres://[::1]:5433/db"}},
	{"postgres", "postgres://u@h/db?host=/run/a&port=1", []string{
		"h:1! > postgres://u@h/db?host=/run/a&port=1"}}, // lib/pq takes the greater of the two
	{"postgres", "host = 'h1'  port=5433\tuser=u", []string{"h1:5433! > host = 'h1'  port=5433\tuser=u"}},
	{"postgres", "host=h1 hostaddr=10.0.0.1", []string{"10.0.0.1:5432 > host=h1 hostaddr=10.0.0.1"}},
	{"postgres", "host=/run/a user=u", []string{"/run/a/.s.PGSQL.5432 > host=/run/a user=u"}},
	{"postgres", "user=u", []string{"localhost:5432! > user=u"}},
	{"postgres", "host='h", []string{"postgres > host='h"}},
	{"postgres", "host=h service=nosuchservice", []string{"h:5432 > host=h service=nosuchservice"}},
	{"pgx", "postgres://u:p@h1:5433/db", []string{"h1:5433! > postgres://u:p@h1:5433/db"}},
	{"pgx", "postgres://u@/db", []string{"localhost:5432! > postgres://u@/db"}},
	{"pgx", "host=@abstract", []string{"@abstract/.s.PGSQL.5432 > host=@abstract"}},
	{"mysql", "u:p@tcp(h1)/db", []string{"h1:3306! > u:p@tcp(h1)/db"}},
	{"mysql", "u:p@tcp(127.0.0.1:1)/db?a=b", []string{"127.0.0.1:1 > u:p@tcp(127.0.0.1:1)/db?a=b"}},
	{"mysql", "u:p@/db", []string{"127.0.0.1:3306 > u:p@/db"}},
	{"mysql", "u:p@unix(/run/a,b)/db", []string{"(not shown) > u:p@unix(/run/a,b)/db"}},
	{"mysql", "u:p@unix(/run/a)/db", []string{"/run/a > u:p@unix(/run/a)/db"}},
	{"mysql", "u:p@cloudsql(a:b,c)/db", []string{"(not shown) > u:p@cloudsql(a:b,c)/db"}},

	// Others.
	{"sqlite", "a,b.db", []string{"sqlite > a,b.db"}},
	{"", "a.db", []string{" > a.db"}},
	{"clickhouse", "clickhouse://h1,h2/db", []string{"clickhouse > clickhouse://h1,h2/db"}},
	{"nrpostgres", "postgres://h1,h2/db?target_session_attrs=x", []string{
		"nrpostgres > postgres://h1,h2/db?target_session_attrs=x"}},
	{"sqlserver", "server=h,1433;database=d", []string{"sqlserver > server=h,1433;database=d"}},
	{"sqlserver", "server=h1,h2;database=d", []string{"pooled: server: a list"}},
	{"sqlserver", "sqlserver://u:p@h1,h2", []string{"pooled: server: a list"}},
	{"nrmysql", "u:p@tcp(h1,h2)/db", []string{"pooled: server: a list"}},

	// PostgreSQL, URLs.
	{"postgres", "postgres://u:p,@h1:5433,h2/d,b?sslmode=disable", []string{
		"h1:5433! > postgres://u:p,@h1:5433/d,b?sslmode=disable",
		"h2:5432! > postgres://u:p,@h2:5432/d,b?sslmode=disable"}},
	{"postgres", "postgres://h1,h2:5433/db", []string{
		"h1:5432! > postgres://h1:5432/db", "h2:5433! > postgres://h2:5433/db"}},
	{"postgres", "postgres://h1,10.0.0.1#f", []string{
		"h1:5432! > postgres://h1#f", "10.0.0.1:5432 > postgres://10.0.0.1#f"}},
	{"postgres", "postgres://u@[::1]:1,[fe80::2],h3/db", []string{"[::1]:1 > postgres://u@[::1]:1/db",
		"[fe80::2]:5432 > postgres://u@[fe80::2]:5432/db", "h3:5432! > postgres://u@h3:5432/db"}},
	{"postgres", "postgres://h1,h2/db?port=1,2&a=b", []string{
		"h1:1! > postgres://h1/db?port=1&a=b", "h2:2! > postgres://h2/db?port=2&a=b"}},
	{"postgres", "postgres://h1:7,h2:8/db?port=1&a=b", []string{
		"h1:1! > postgres://h1/db?port=1&a=b", "h2:1! > postgres://h2/db?port=1&a=b"}},
	{"postgres", "postgres://u:p@/db?host=h1,h2&port=1,2", []string{
		"h1:1! > postgres://u:p@/db?host=h1&port=1", "h2:2! > postgres://u:p@/db?host=h2&port=2"}},
	{"postgres", "postgres://u:p@zz:9/db?host=/run/a,/run/b", []string{
		"/run/a/.s.PGSQL.9 > postgres://u:p@/db?host=%2Frun%2Fa&port=9",
		"/run/b/.s.PGSQL.9 > postgres://u:p@/db?host=%2Frun%2Fb&port=9"}},
	{"postgres", "postgres://h1,h2/?hostaddr=10.0.0.1,", []string{
		"10.0.0.1:5432 > postgres://h1/?hostaddr=10.0.0.1", "h2:5432! > postgres://h2/"}},
	{"pgx", "postgres://u:p?w#,@h1:1,h2:2/db?a=b", []string{
		"h1:1! > postgres://u:p?w#,@h1:1/db?a=b", "h2:2! > postgres://u:p?w#,@h2:2/db?a=b"}},
	{"pgx", "postgres://h1,h2", []string{"h1:5432! > postgres://h1", "h2:5432! > postgres://h2"}},
	{"pgx", "postgres://u@h1%2Ch2/db", []string{"h1:5432! > postgres://u@h1/db", "h2:5432! > postgres://u@h2/db"}},
	{"pgx", "postgres://%2Frun%2Fa,h2/db", []string{"/run/a/.s.PGSQL.5432 > postgres://%2Frun%2Fa/db",
		"h2:5432! > postgres://h2/db"}},
	{"pgx", "postgres://u:p@ss@h1,h2/db", []string{"(not shown) > postgres://u:p@ss@h1/db",
		"h2:5432! > postgres://u:p@h2/db"}},

	// PostgreSQL, keywords.
	{"postgres", "host=h1,h2 user=u", []string{"h1:5432! > host=h1 user=u", "h2:5432! > host=h2 user=u"}},
	{"postgres", "host = h1,h2 port='1,' user=u", []string{
		"h1:1! > host=h1 port=1 user=u", "h2:5432! > host=h2 port=5432 user=u"}},
	{"postgres", "host=h1,h2 port=7 hostaddr=,10.0.0.2", []string{
		"h1:7! > host=h1 port=7", "10.0.0.2:7 > host=h2 port=7 hostaddr=10.0.0.2"}},
	{"postgres", "hostaddr=10.0.0.1,10.0.0.2", []string{
		"10.0.0.1:5432 > hostaddr=10.0.0.1", "10.0.0.2:5432 > hostaddr=10.0.0.2"}},
	{"postgres", "host=z,z host='/run/a b,/run/c' password='x'host=h,/run/b", []string{
		"h:5432! > host=h password='x'", "/run/b/.s.PGSQL.5432 > host='/run/b' password='x'"}},
	{"pgx", "host=h1,h2 hostaddr=1,2,3", []string{
		"h1:5432! > host=h1 hostaddr=1,2,3", "h2:5432! > host=h2 hostaddr=1,2,3"}},

	// What libpq's keys say.
	{"postgres", "postgres://h/db?target_session_attrs=read-write", []string{"h:5432! > postgres://h/db",
		"target primary, order "}},
	{"postgres", "host=h target_session_attrs=prefer-standby load_balance_hosts=random user=u", []string{
		"h:5432! > host=h user=u", "target prefer-standby, order random"}},
	{"pgx", "postgres://h1,h2/db?target_session_attrs=any&load_balance_hosts=disable&a=b", []string{
		"h1:5432! > postgres://h1/db?a=b", "h2:5432! > postgres://h2/db?a=b", "target any, order order"}},
	{"postgres", "postgres://h/db?target_session_attrs=read-only&target_session_attrs=any", []string{
		"h:5432! > postgres://h/db", "target standby, order "}},
	{"postgres", "host=h target_session_attrs=read-only target_session_attrs=standby", []string{"h:5432! > host=h",
		"target standby, order "}},
	{"postgres", "postgres://h/db?target_session_attrs=", []string{"h:5432! > postgres://h/db"}},
	{"postgres", "host=h target_session_attrs=''", []string{"pooled: target_session_attrs=: bad value: want any"}},
	{"postgres", "host=h target_session_attrs=master", []string{
		"pooled: target_session_attrs=master: bad value: want any"}},
	{"pgx", "host=h load_balance_hosts=order", []string{
		"pooled: load_balance_hosts=order: bad value: want disable or random"}},
	{"postgres", "postgres://u:p?target_session_attrs=Zq7&x@h/db", []string{
		"pooled: target_session_attrs=(not shown): bad value"}},

	// Wrong lists.
	{"postgres", "postgres://h1,/db", []string{"pooled: host: a host of the list is empty"}},
	{"postgres", "postgres://,/db", []string{"pooled: host: a host of the list is empty"}},
	{"postgres", "host=,h2", []string{"pooled: host: a host of the list is empty"}},
	{"pgx", "host=a,,b", []string{"pooled: host: a host of the list is empty"}},
	{"postgres", "host=a,b port=1,2,3", []string{"pooled: port: the list has 3 ports, that of the hosts 2"}},
	{"postgres", "host=a port=1,2", []string{"pooled: port: the list has 2 ports, that of the hosts 1"}},
	{"postgres", "host=a,b hostaddr=10.0.0.1", []string{
		"pooled: hostaddr: the list has 1 addresses, that of the hosts 2"}},
	{"postgres", "host=a,b port=1,x", []string{"pooled: port: a port of the list is no number"}},
	{"pgx", "postgres://h1:0,h2/db", []string{"pooled: port: a port of the list is no number"}},
	{"mysql", "u:p@tcp(h1,)/db", []string{"pooled: host: a host of the list is empty"}},
	{"mysql", "u:p@tcp(:1,h2)/db", []string{"pooled: host: a host of the list is empty"}},
	{"mysql", "u:p@tcp(h1:x,h2)/db", []string{
		"pooled: port: a port of the list is no number from 1 to 65535: write host1:3306"}},
	{"mysql", "u:p@tcp(h1),tcp(h2)/db", []string{"pooled: host: one pair of parentheses holds the list"}},
	{"mysql", "u:p@tcp(h)/db?Load_Balance_Hosts=Zq7", []string{
		"pooled: load_balance_hosts is PostgreSQL's: write pool_hosts for"}},

	// MySQL.
	{"mysql", "u:p@,(x@tcp(h1:1,[::1],[fe80::2]:4)/d,b?a=b,c", []string{
		"h1:1! > u:p@,(x@tcp(h1:1)/d,b?a=b,c", "[::1]:3306 > u:p@,(x@tcp([::1]:3306)/d,b?a=b,c",
		"[fe80::2]:4 > u:p@,(x@tcp([fe80::2]:4)/d,b?a=b,c"}},
	{"mysql", "u@(h1,h2)/", []string{"h1:3306! > u@(h1)/", "h2:3306! > u@(h2)/"}},
}

func TestHosts(t *testing.T) {
	clearPG(t)
	for _, test := range hostTests {
		split, err := dsn.Hosts(test.driver, test.dsn)
		want := strings.Join(test.want, "\n") + "\n"
		if err != nil {
			if !strings.HasPrefix(err.Error(), test.want[0]) || strings.Contains(err.Error(), "Zq7") {
				t.Errorf("%s: have %v, want\n%s", test.dsn, err, want)
			}
		} else if have := written(split); have != want {
			t.Errorf("%s: have\n%swant\n%s", test.dsn, have, want)
		}
	}
}

// Where the environment would say to the driver what the pool does itself, the DSN says otherwise; and its list of
// ports belongs to the DSN's hosts.
func TestHostsAndEnvironment(t *testing.T) {
	clearPG(t)
	for _, test := range []struct{ env, value, driver, dsn, want string }{
		{"PGTARGETSESSIONATTRS", "standby", "postgres", "host=h target_session_attrs=primary user=u",
			"h:5432! > host=h target_session_attrs=any user=u\ntarget primary, order \n"},
		{"PGTARGETSESSIONATTRS", "standby", "postgres", "host=h", "h:5432! > host=h\n"},
		{"PGLOADBALANCEHOSTS", "random", "postgres", "postgres://h?load_balance_hosts=disable",
			"h:5432! > postgres://h?load_balance_hosts=disable\ntarget , order order\n"},
		{"PGLOADBALANCEHOSTS", "random", "pgx", "postgres://h?load_balance_hosts=disable",
			"h:5432! > postgres://h\ntarget , order order\n"},
		{"PGPORT", "1,2", "postgres", "host=a,b user=u", "a:1! > port=1 host=a user=u\nb:2! > port=2 host=b user=u\n"},
		{"PGPORT", "1", "postgres", "postgres://a,b", "a:1! > postgres://a\nb:1! > postgres://b\n"},
		{"PGPORT", "1,2", "pgx", "postgres://a,b/", "a:1! > postgres://a:1/\nb:2! > postgres://b:2/\n"},
		{"PGHOST", "a,b", "postgres", "port=1,2", "a:1,b:2 > port=1,2\n"},
		{"PGHOST", "a,b", "postgres", "user=u", "a:5432,b:5432 > user=u\n"},
		{"PGHOSTADDR", "10.0.0.1", "postgres", "host=h", "10.0.0.1:5432 > host=h\n"},
	} {
		os.Setenv(test.env, test.value)
		split, err := dsn.Hosts(test.driver, test.dsn)
		if have := written(split); err != nil || have != test.want {
			t.Errorf("%s with %s=%s: have %v and\n%swant\n%s", test.dsn, test.env, test.value, err, have, test.want)
		}
		os.Unsetenv(test.env)
	}
}
