package pooled_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/lib/pq"

	"github.com/pooled-go/pooled"
)

func seedForms(f *testing.F) {
	for _, test := range forms {
		f.Add(test.dsn)
		f.Add(test.parent)
	}
	for _, dsn := range []string{"host='", "?", "odbc:a={", "mysql://[", "u@/?%", "file:", "://", "a+b://", "pool_driver=", "x?pool_driver=a;pool_driver=b pool_driver=c"} {
		f.Add(dsn)
	}
}

// FuzzParseDSN: whatever the DSN, no panic, the same answer twice, errors that keep their promises, nothing of ours for the
// parent, and nothing but ours kept from it.
func FuzzParseDSN(f *testing.F) {
	seedForms(f)
	f.Fuzz(func(t *testing.T, dsn string) {
		c, err := pooled.ParseDSN(dsn)
		again, againErr := pooled.ParseDSN(dsn)
		if !reflect.DeepEqual(c, again) || fmt.Sprint(err) != fmt.Sprint(againErr) {
			t.Errorf("%q: have %+v, %v; want %+v, %v as the first time", dsn, again, againErr, c, err)
		}
		if err != nil {
			checkError(t, dsn, err, "pooled: ")
			return
		}
		_, parent, err := pooled.ParentAmong(c, append(allDrivers, c.Driver)...)
		if err != nil {
			checkError(t, dsn, err, "pooled: ")
			return
		}
		_ = c.String()
		for _, key := range serverKeys(c.Driver, parent) {
			if strings.HasPrefix(strings.ToLower(key), "pool_") || key == "echo" || key == "echo_pool" {
				t.Errorf("%q: have %q sent to the server by %s, want nothing of ours", dsn, key, c.Driver)
			}
		}
		if strings.Contains(dsn, "://") {
			return // may be rewritten
		}
		if len(pooled.OurKeys("", dsn)) == 0 && parent != dsn {
			t.Errorf("%q without a key of ours: have %q for the parent, want it unchanged", dsn, parent)
		}
		if keys := pooled.OurKeys(c.Driver, c.DSN); len(keys) > 0 && pooled.IsKnownDriver(c.Driver) {
			t.Errorf("%q: have %v in the parent's DSN %q, want nothing of ours", dsn, keys, c.DSN)
		}
	})
}

// FuzzRoundTrip: what FormatDSN writes, ParseDSN reads back, for every DSN and every value of an option.
func FuzzRoundTrip(f *testing.F) {
	for i, test := range forms {
		f.Add(test.dsn, i-1, i-2, int64(i)*int64(time.Second), "name "+string(rune(' '+i)), i%2 == 0, uint8(i))
	}
	f.Fuzz(func(t *testing.T, dsn string, size, overflow int, timeout int64, name string, lifo bool, mode uint8) {
		c, err := pooled.ParseDSN(dsn)
		if err != nil {
			return
		}
		checkRoundTrip(t, c)
		c.Class = []pooled.Class{pooled.ClassQueue, pooled.ClassStatic, pooled.ClassNull, pooled.ClassAssert, pooled.ClassDirect}[mode%5]
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
		if pooled.ValidateConfig(c) == nil {
			checkRoundTrip(t, c)
		}
	})
}

// nativeForm is a way to write a DSN out of keys and values, for FuzzStrip.
type nativeForm struct {
	name, driver string
	head, tail   func(secret string) string
	first, sep   string
	quote        func(string) string
	base         []string // keys of the parent
	needsDriver  bool
}

func fixed(s string) func(string) string { return func(string) string { return s } }

func quoteKV(v string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, "'", `\'`).Replace(v) + "'"
}

func quoteADO(v string) string { return `"` + strings.ReplaceAll(v, `"`, `""`) + `"` }

func quoteODBC(v string) string { return "{" + strings.ReplaceAll(v, "}", "}}") + "}" }

// inURL is for the user information of a URL; raw, for a driver that takes it as it is.
func inURL(before, after string) func(string) string {
	return func(s string) string { return before + url.QueryEscape(s) + after }
}

func raw(before, after string) func(string) string {
	return func(s string) string { return before + s + after }
}

var nativeForms = []nativeForm{
	{name: "mysql", driver: "mysql", head: raw("user:", "@tcp(host:3306)/db"), first: "?", sep: "&", quote: url.QueryEscape, base: []string{"loc", "x", "sql_mode"}},
	{name: "mysql, odd user", driver: "mysql", head: raw("a b;c?d:", "@tcp(host:3306)/db"), first: "?", sep: "&", quote: url.QueryEscape, base: []string{"loc", "x", "sql_mode"}},
	{name: "mysql socket", driver: "mysql", head: raw("user:", "@unix(/s)/"), first: "?", sep: "&", quote: url.QueryEscape, base: []string{"loc", "x"}},
	{name: "pq URL", driver: "postgres", head: inURL("postgres://user:", "@h1,h2/db"), first: "?", sep: "&", quote: url.QueryEscape, base: []string{"port", "options", "search_path"}},
	{name: "pq URL with fragment", driver: "postgres", head: inURL("postgresql://user:", "@[::1]:5432/db"), tail: fixed("#f?pool_size=1"), first: "?", sep: "&", quote: url.QueryEscape, base: []string{"sslmode", "x"}},
	{name: "pq keyword/value", driver: "postgres", head: func(s string) string { return "host=h password=" + quoteKV(s) }, first: " ", sep: " ", quote: quoteKV, base: []string{"user", "options", "x"}},
	{name: "pq keyword/value, space", driver: "postgres", head: func(s string) string { return "host = h\t password =" + quoteKV(s) }, first: "\n", sep: "  \t", quote: quoteKV, base: []string{"user", "options", "x"}},
	{name: "pgx URL", driver: "pgx", head: func(s string) string {
		return "postgres+pgx://user:" + strings.NewReplacer("@", "%40", "/", "%2F").Replace(s) + "@h:1,h:2/db"
	}, first: "?", sep: "&", quote: url.QueryEscape, base: []string{"sslmode", "x"}},
	{name: "sqlite path", driver: "sqlite", head: fixed("./pool_size=3/app.db"), first: "?", sep: "&", quote: url.QueryEscape, base: []string{"_pragma", "_txlock"}},
	{name: "sqlite URI", driver: "sqlite", head: inURL("file:", ".db"), first: "?", sep: "&", quote: url.QueryEscape, base: []string{"mode", "_pragma"}},
	{name: "ADO", driver: "sqlserver", head: func(s string) string { return "server=h;password=" + quoteADO(s) }, first: ";", sep: ";", quote: quoteADO, base: []string{"user id", "database"}},
	{name: "ODBC", driver: "sqlserver", head: func(s string) string { return "odbc:server=h;password=" + quoteODBC(s) }, first: ";", sep: ";", quote: quoteODBC, base: []string{"user id", "database"}},
	{name: "sqlserver URL", driver: "sqlserver", head: inURL("sqlserver://user:", "@h:1433/inst"), first: "?", sep: "&", quote: url.QueryEscape, base: []string{"database", "app name"}},
	{name: "any URL", driver: "clickhouse", head: inURL("clickhouse://user:", "@h/db"), first: "?", sep: "&", quote: url.QueryEscape, base: []string{"debug", "x"}},
	{name: "anything", driver: "oracle", head: inURL("user/", "@h:1521/svc"), first: "?", sep: "&", quote: url.QueryEscape, base: []string{"debug", "x"}, needsDriver: true},
}

// ours are keys and values of the pool, as pairs.
var ours = [][2]string{
	{"pool_size", "7"}, {"pool_max_overflow", "3"}, {"pool_timeout", "1m30s"}, {"pool_use_lifo", "off"}, {"pool_name", "a b"},
	{"pool_recycle", "-1"}, {"echo", "false"}, {"pool_max_conn_idle_time", "9"}, {"pool_reset_on_return", "commit"},
}

// write puts the form together from keys of the parent and, at random places, keys of ours; without is the same without ours.
func (n nativeForm) write(secret, value string, rng *rand.Rand) (dsn, without string) {
	tail := ""
	if n.tail != nil {
		tail = n.tail(secret)
	}
	type part struct {
		text string
		own  bool
	}
	var parts []part
	for _, key := range n.base[:rng.IntN(len(n.base)+1)] {
		parts = append(parts, part{key + "=" + n.quote(value), false})
	}
	add := func(key, v string) {
		i := rng.IntN(len(parts) + 1)
		parts = append(parts[:i], append([]part{{key + "=" + n.quote(v), true}}, parts[i:]...)...)
	}
	for _, i := range rng.Perm(len(ours))[:rng.IntN(4)] {
		add(ours[i][0], ours[i][1])
	}
	if n.needsDriver {
		add("pool_driver", n.driver)
	}
	join := func(own bool) string {
		s := n.head(secret)
		sep := n.first
		for _, p := range parts {
			if p.own && !own {
				continue
			}
			s += sep + p.text
			sep = n.sep
		}
		return s + tail
	}
	return join(true), join(false)
}

// FuzzStrip: keys of ours at random places of a native DSN leave no trace in what the parent gets, and what looks like one of
// ours in a password, a path or a value is not touched.
func FuzzStrip(f *testing.F) {
	for i := range nativeForms {
		for j, s := range []string{"tiger", "pool_size=3", "?pool_size=3&pool_name=x", "a;pool_size=3;b", "it's pool_size=3 \\ ", "p?a/ss@w:d#%41\"}{", ""} {
			f.Add(uint8(i), s, "v"+s, uint64(j))
		}
	}
	f.Fuzz(func(t *testing.T, form uint8, secret, value string, seed uint64) {
		n := nativeForms[int(form)%len(nativeForms)]
		if strings.ContainsAny(secret+value, "\x00") || n.driver == "mysql" && strings.HasPrefix(secret, "//") {
			return // user:// is a scheme
		}
		if strings.Contains(n.name, "space") {
			// Only single separators are ours to take.
			n.first, n.sep = " ", " "
		}
		dsn, want := n.write(secret, value, rand.New(rand.NewPCG(seed, seed)))
		c, err := pooled.ParseDSN(dsn)
		if err != nil {
			t.Fatalf("%s: %q: have error %q, want none", n.name, dsn, err)
		}
		driver, have, err := pooled.ParentAmong(c, allDrivers...)
		want = strings.Replace(want, "postgres+pgx://", "postgres://", 1)
		if err != nil || driver != n.driver || have != want {
			t.Fatalf("%s: %q: have %s %q, %v; want %s %q", n.name, dsn, driver, have, err, n.driver, want)
		}
		sameForDriver(t, n.driver, have, want)
	})
}

// sameForDriver asks the drivers that come with the package what they make of two DSNs.
func sameForDriver(t *testing.T, driver, have, want string) {
	t.Helper()
	switch driver {
	case "mysql":
		h, err1 := mysql.ParseDSN(have)
		w, err2 := mysql.ParseDSN(want)
		if fmt.Sprint(err1) != fmt.Sprint(err2) || err1 == nil && h.FormatDSN() != w.FormatDSN() {
			t.Errorf("mysql: have %q, %v; want as from %q, %v", have, err1, want, err2)
		}
	case "postgres":
		h, err1 := pq.NewConfig(have)
		w, err2 := pq.NewConfig(want)
		if fmt.Sprint(err1) != fmt.Sprint(err2) || !reflect.DeepEqual(h, w) {
			t.Errorf("postgres: have %q, %v; want as from %q, %v", have, err1, want, err2)
		}
	}
}

// serverKeys are the keys that the drivers do not know, and therefore send to the server.
func serverKeys(driver, dsn string) (keys []string) {
	switch driver {
	case "mysql":
		defer func() { _ = recover() }() // it panics at a parameter that it no longer has
		if c, err := mysql.ParseDSN(dsn); err == nil {
			for key := range c.Params {
				keys = append(keys, key)
			}
		}
	case "postgres":
		if c, err := pq.NewConfig(dsn); err == nil {
			for key := range c.Runtime {
				keys = append(keys, key)
			}
		}
	}
	return keys
}

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
	raw("my user:", "@tcp(host)/db"),
	raw("my;us?er:", "@tcp(host)/db?pool_size=x"),
	raw("my=user:", "@tcp(host)/db"),
	raw("a=b;pwd=", "@tcp(host)/db"),
}

// FuzzNoSecret: no part of a password is in any error or in String, whatever the form, however it is cut short or mistaken.
func FuzzNoSecret(f *testing.F) {
	for i := range secretForms {
		for j, s := range []string{"", "a?b", "/", "@", "#", "%zz", ":", "'", ";", " ", "?pool_size=", "&pool_x=", "//", "(", "\n", "=", "}\"\\"} {
			f.Add(uint8(i), s, "", uint8(j%2*j))
			f.Add(uint8(i), "", s, uint8(0))
			f.Add(uint8(i), s, s, uint8(0))
		}
	}
	f.Fuzz(func(t *testing.T, form uint8, before, after string, cut uint8) {
		write := secretForms[int(form)%len(secretForms)]
		dsn, bare := write(before+token+after), write("")
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
			dsn = dsn[:max(len(dsn)-int(cut)%32, 0)]
		}
		check := func(what, text string) {
			if part := tokenPart(text); part != "" {
				t.Errorf("%q: have %q of the password in %s %q, want nothing of it", dsn, part, what, text)
			}
		}
		for _, err := range driverErrors(dsn) {
			scrubbed := pooled.Scrub(err, dsn)
			checkError(t, dsn, scrubbed, "pooled: ")
			check("a scrubbed error", scrubbed.Error())
		}
		c, err := pooled.ParseDSN(dsn)
		if err != nil {
			checkError(t, dsn, err, "pooled: ")
			check("an error", err.Error())
			return
		}
		check("String", c.String())
		for _, registered := range [][]string{nil, allDrivers} {
			driver, parent, err := pooled.ParentAmong(c, registered...)
			if err != nil {
				check("the parent's error", err.Error())
				continue
			}
			for _, err := range driverErrors(parent) {
				check("a scrubbed error of "+driver, pooled.Scrub(err, parent).Error())
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
