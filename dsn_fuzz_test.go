package pooled_test

import (
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/lib/pq"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/internal/dsn"
)

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
			checkError(t, text, scrubbed, "pooled: ")
			check("a scrubbed error", scrubbed.Error())
		}
		c, err := pooled.ParseDSN(text)
		if err != nil {
			checkError(t, text, err, "pooled: ")
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
