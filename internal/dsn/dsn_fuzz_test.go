package dsn_test

import (
	"fmt"
	"math/rand/v2"
	"net/url"
	"reflect"
	"strings"
	"testing"

	"github.com/go-sql-driver/mysql"
	"github.com/lib/pq"

	"github.com/pooled-go/pooled/internal/dsn"
	"github.com/pooled-go/pooled/internal/pooledtest"
)

func seedForms(f *testing.F) {
	for _, test := range forms {
		f.Add(test.dsn)
		f.Add(test.native)
	}
	for _, dsn := range []string{"host='", "?", "odbc:a={", "mysql://[", "u@/?%", "file:", "://", "a+b://",
		"pool_driver=", "x?pool_driver=a;pool_driver=b pool_driver=c"} {
		f.Add(dsn)
	}
}

// FuzzDetect: whatever the DSN, no panic, the same answer twice, errors that keep their promises, nothing of the
// pool's for the driver, and nothing but that kept from it; and options that are put in are read again.
func FuzzDetect(f *testing.F) {
	seedForms(f)
	f.Fuzz(func(t *testing.T, text string) {
		driver, native, err := resolve(text)
		againDriver, againNative, againErr := resolve(text)
		if driver != againDriver || native != againNative || fmt.Sprint(err) != fmt.Sprint(againErr) {
			t.Errorf("%q: have %q for %s, %v; want %q for %s, %v as the first time",
				text, againNative, againDriver, againErr, native, driver, err)
		}
		_ = dsn.Mask(text)
		if err != nil {
			pooledtest.CheckError(t, text, err, "pooled: ")
			return
		}
		if isAllowed(text) && !strings.Contains(native, "pool_driver") { // which would name the driver in another way
			checkInserted(t, text)
		}
		for _, key := range serverKeys(driver, native) {
			if dsn.IsOption(key) {
				t.Errorf("%q: have %q sent to the server by %s, want nothing of the pool's", text, key, driver)
			}
		}
		if strings.Contains(text, "://") {
			return // may be rewritten
		}
		if form, err := dsn.Detect(text); err != nil || len(form.Options()) == 0 && native != text {
			t.Errorf("%q without an option: have %q for the driver, %v, want it unchanged", text, native, err)
		}
		if keys := dsn.NativeOptions(driver, native); len(keys) > 0 {
			t.Errorf("%q: have %v in the driver's DSN %q, want nothing of the pool's", text, keys, native)
		}
	})
}

// isAllowed reports whether a table of options could allow those of a DSN: each once, and the driver by a name.
func isAllowed(text string) bool {
	form, err := dsn.Detect(text)
	given := map[string]bool{}
	for _, o := range form.Options() {
		if given[o.Key] || o.Key == "pool_driver" && !dsn.IsDriverName(o.Value) {
			return false
		}
		given[o.Key] = true
	}
	return err == nil
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
	{name: "mysql", driver: "mysql", head: raw("user:", "@tcp(host:3306)/db"), first: "?", sep: "&",
		quote: url.QueryEscape, base: []string{"loc", "x", "sql_mode"}},
	{name: "mysql, odd user", driver: "mysql", head: raw("a b;c?d:", "@tcp(host:3306)/db"), first: "?", sep: "&",
		quote: url.QueryEscape, base: []string{"loc", "x", "sql_mode"}},
	{name: "mysql socket", driver: "mysql", head: raw("user:", "@unix(/s)/"), first: "?", sep: "&",
		quote: url.QueryEscape, base: []string{"loc", "x"}},
	{name: "pq URL", driver: "postgres", head: inURL("postgres://user:", "@h1,h2/db"), first: "?", sep: "&",
		quote: url.QueryEscape, base: []string{"port", "options", "search_path"}},
	{name: "pq URL with fragment", driver: "postgres", head: inURL("postgresql://user:", "@[::1]:5432/db"),
		tail: fixed("#f?pool_size=1"), first: "?", sep: "&", quote: url.QueryEscape, base: []string{"sslmode", "x"}},
	{name: "pq keyword/value", driver: "postgres",
		head: func(s string) string { return "host=h password=" + quoteKV(s) }, first: " ", sep: " ", quote: quoteKV,
		base: []string{"user", "options", "x"}},
	{name: "pq keyword/value, space", driver: "postgres",
		head: func(s string) string { return "host = h\t password =" + quoteKV(s) }, first: "\n", sep: "  \t",
		quote: quoteKV, base: []string{"user", "options", "x"}},
	{name: "pgx URL", driver: "pgx", head: func(s string) string {
		return "postgres+pgx://user:" + strings.NewReplacer("@", "%40", "/", "%2F").Replace(s) + "@h:1,h:2/db"
	}, first: "?", sep: "&", quote: url.QueryEscape, base: []string{"sslmode", "x"}},
	{name: "sqlite path", driver: "sqlite", head: fixed("./pool_size=3/app.db"), first: "?", sep: "&",
		quote: url.QueryEscape, base: []string{"_pragma", "_txlock"}},
	{name: "sqlite URI", driver: "sqlite", head: inURL("file:", ".db"), first: "?", sep: "&", quote: url.QueryEscape,
		base: []string{"mode", "_pragma"}},
	{name: "ADO", driver: "sqlserver", head: func(s string) string { return "server=h;password=" + quoteADO(s) },
		first: ";", sep: ";", quote: quoteADO, base: []string{"user id", "database"}},
	{name: "ODBC", driver: "sqlserver",
		head: func(s string) string { return "odbc:server=h;password=" + quoteODBC(s) }, first: ";", sep: ";",
		quote: quoteODBC, base: []string{"user id", "database"}},
	{name: "sqlserver URL", driver: "sqlserver", head: inURL("sqlserver://user:", "@h:1433/inst"), first: "?",
		sep: "&", quote: url.QueryEscape, base: []string{"database", "app name"}},
	{name: "any URL", driver: "clickhouse", head: inURL("clickhouse://user:", "@h/db"), first: "?", sep: "&",
		quote: url.QueryEscape, base: []string{"debug", "x"}},
	{name: "anything", driver: "oracle", head: inURL("user/", "@h:1521/svc"), first: "?", sep: "&",
		quote: url.QueryEscape, base: []string{"debug", "x"}, needsDriver: true},
}

// ours are keys and values of the pool, as pairs.
var ours = [][2]string{
	{"pool_size", "7"}, {"pool_max_overflow", "3"}, {"pool_timeout", "1m30s"}, {"pool_use_lifo", "off"},
	{"pool_name", "a b"},
	{"pool_recycle", "-1"}, {"echo", "false"}, {"pool_max_conn_idle_time", "9"}, {"pool_reset_on_return", "commit"},
}

// write puts the form together from keys of the parent and, at random places, keys of ours; without is the same
// without ours.
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

// FuzzStrip: keys of ours at random places of a native DSN leave no trace in what the parent gets, and what looks like
// one of ours in a password, a path or a value is not touched.
func FuzzStrip(f *testing.F) {
	for i := range nativeForms {
		for j, s := range []string{"tiger", "pool_size=3", "?pool_size=3&pool_name=x", "a;pool_size=3;b",
			"it's pool_size=3 \\ ", "p?a/ss@w:d#%41\"}{", ""} {
			f.Add(uint8(i), s, "v"+s, uint64(j))
		}
	}
	f.Fuzz(func(t *testing.T, form uint8, secret, value string, seed uint64) {
		n := nativeForms[int(form)%len(nativeForms)]
		if strings.ContainsAny(secret+value, "\x00") || strings.Contains(secret, ",user:") ||
			n.driver == "mysql" && strings.HasPrefix(secret, "//") {
			return // user:// is a scheme
		}
		if strings.Contains(n.name, "space") {
			// Only single separators are ours to take.
			n.first, n.sep = " ", " "
		}
		text, want := n.write(secret, value, rand.New(rand.NewPCG(seed, seed)))
		driver, have, err := resolve(text)
		want = strings.Replace(want, "postgres+pgx://", "postgres://", 1)
		if err != nil || driver != n.driver || have != want {
			t.Fatalf("%s: %q: have %s %q, %v; want %s %q", n.name, text, driver, have, err, n.driver, want)
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
