package doctor

import (
	"database/sql"
	"database/sql/driver"
	"errors"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/internal/pooledtest"
)

// wantNowhere runs doctor as text and as JSON, and looks for words that must not be shown.
func wantNowhere(t *testing.T, dsn string, words ...string) (stdout string) {
	t.Helper()
	for _, args := range [][]string{{dsn}, {"--json", dsn}} {
		_, out, errs := runCommand(t, args...)
		for _, word := range words {
			if word == "" || strings.Contains(out, word) || strings.Contains(errs, word) {
				t.Errorf("have %q in\n%s%s\nwant it nowhere", word, out, errs)
			}
		}
		stdout += out
	}
	return stdout
}

// leaky is a driver that tells its DSN to everybody.
type leaky struct{}

func init() { sql.Register("doctorleaky", leaky{}) }

func (leaky) Open(dsn string) (driver.Conn, error) {
	_, rest, _ := strings.Cut(dsn, ":")
	return nil, errors.New("cannot connect to " + dsn + "\nnor to " + url.QueryEscape(rest))
}

func TestDoctorShowsNoPassword(t *testing.T) {
	const secret, tail = "k7Qz-w0rd%21", "k7Qz-w0rd!"
	for _, dsn := range []string{
		"postgres://scott:" + secret + "@127.0.0.1:1/db",
		"postgres://scott@127.0.0.1:1/db?password=" + secret,
		"postgresql+pgx://scott:" + secret + "@127.0.0.1:1/db",
		"host=127.0.0.1 port=1 user=scott password=" + secret,
		"host=127.0.0.1 port=1 user=scott password='" + secret + "'",
		"scott:" + secret + "@tcp(127.0.0.1:1)/db",
		"mysql://scott:" + secret + "@127.0.0.1:1/db",
		"scott:" + secret + "@tcp(127.0.0.1:1)/db?pool_init_sql=SET+PASSWORD+=+'" + secret + "'",
		"anything:" + secret + "@host?pool_driver=doctorleaky",
		"postgres://scott:" + secret + "@host/db?pool_driver=doctorleaky",
		"doctorleaky://scott:" + secret + "@host/db",
	} {
		out := wantNowhere(t, dsn, secret, tail, "k7Qz", "w0rd")
		if !strings.Contains(out, "\nproblem  connect") || !strings.Contains(out, masked) {
			t.Errorf("%s: have\n%s\nwant a problem with connecting, and something masked", dsn, out)
		}
	}
}

// A URL whose password holds an @ and a / in the clear is cut in the middle of it: the host is a piece of the password.
func TestDoctorShowsNoPieceOfAPassword(t *testing.T) {
	for _, dsn := range []string{
		"postgres://postgres:p@sszq.invalid/wr0ngk7Qz@127.0.0.1:1/x",
		"postgres://postgres:p@sszq.invalid?wr0ngk7Qz@127.0.0.1:1/x",
		"postgres://postgres:p@sszq.invalid#wr0ngk7Qz@127.0.0.1:1/x",
		"postgres://sszq.invalid:27/wr0ngk7Qz@127.0.0.1:1/x",
	} {
		words := []string{"k7Qz"}
		if strings.Contains(dsn, "p@") {
			words = append(words, "sszq")
		}
		wantNowhere(t, dsn, words...)
	}
	d := examine(t, "postgres://postgres:p@127.0.0.1:1/wrong@127.0.0.1:1/x")
	wantFinding(t, d, "connect", levelProblem, "not shown", "percent-encode the password: it contains an @ or a /")
	d = examine(t, "postgres://scott:t%40g%2Fer@127.0.0.1:1/x")
	wantFinding(t, d, "connect", levelProblem, "refused", "check host and port")
}

// A server repeats what it didn't understand.
func TestDoctorShowsNoPasswordThatAServerRepeats(t *testing.T) {
	for _, dsn := range []string{pooledtest.Postgres(t), pooledtest.MySQL(t)} {
		for _, init := range []string{"k7Qzw0rd", "SET k7Qzw0rd", "SET NAMES 'k7Qzw0rd'", "SELECT 'a' k7Qzw0rd b"} {
			out := wantNowhere(t, pooledtest.WithOptions(dsn, "pool_init_sql="+url.QueryEscape(init)), "k7Qz", "w0rd")
			if !strings.Contains(out, "correct pool_init_sql") {
				t.Errorf("have\n%s\nwant advice for pool_init_sql", out)
			}
		}
	}
}

// Neither when all is well, nor when the password is wrong.
func TestDoctorShowsNoPasswordOfAServer(t *testing.T) {
	for _, dsn := range []string{pooledtest.Postgres(t), pooledtest.MySQL(t)} {
		user, _, _ := strings.Cut(dsn[strings.LastIndex(dsn, "//")+1:], "@")
		_, password, _ := strings.Cut(user, ":")
		wantNowhere(t, dsn, password)
		out := wantNowhere(t, strings.Replace(dsn, password, "k7Qzw0rd", 1), "k7Qz", "w0rd", password)
		if !strings.Contains(out, "check user and password") ||
			strings.Contains(out, "pg_hba.conf") != strings.HasPrefix(dsn, "postgres") {
			t.Errorf("have\n%s\nwant advice for the password, pg_hba.conf for PostgreSQL alone", out)
		}
	}
}

func TestMask(t *testing.T) {
	for _, tt := range []struct{ dsn, text, want string }{
		{"postgres://scott:tiger@h/db", "no tiger here", "no xxxxx here"},
		{"postgres://scott:tiger@h/db", "no TIGER, no tige, no iger, no tig", "no xxxxx, no xxxxx, no xxxxx, no tig"},
		{"postgres://scott:t%40ger@h/db", `password "t@ger" of t%40ger`, `password "xxxxx" of xxxxx`},
		{"postgres://scott:tige+r%21@h/db", "tige+r!", "xxxxx"},
		{"postgres://scott:abc@h/db", `user "abc", abcd, xabc, (abc)`, `user "xxxxx", abcd, xabc, (xxxxx)`},
		{"postgres://scott@h/db", "no tiger here", "no tiger here"},
		{"scott:tiger@tcp(h)/db?pool_size=3", "scott is no tiger at h", "scott is no xxxxx at h"},
		{`host=h password='ti\'ger' user=scott`, `it's "ti'ger" or ti\'ger`, `it's "xxxxx" or xxxxx`},
		{"scott:tiger@tcp(h)/db?pool_init_sql=SET%20a%3D'lion'", "near 'lion' and tiger", "near xxxxx and xxxxx"},
		{"scott/tiger@h?pool_driver=doctorleaky", "cannot connect to scott/tiger@h", "cannot connect to xxxxx"},
		{"scott:ÄÖÜ@tcp(h)/db", "ÄÖÜ İ", "xxxxx İ"},
		{"doctorleaky://scott:abc@h/db", "password abc (abc), abcd", "password xxxxx (xxxxx), abcd"},
		{"doctorleaky://scott:tiger@h/db", "tiger", "xxxxx"},
		{"scott:a&b<c@tcp(h)/db", `a\u0026b\u003cc, a%26b%3Cc, a&amp;b&lt;c`, "xxxxx, xxxxx, xxxxx"},
		{`scott:a"b'c\d@tcp(h)/db`, `a\"b'c\\d, a"b''c\d, a\\\"b'c\\\\d`, "xxxxx, xxxxx, xxxxx"},
	} {
		cfg, err := pooled.ParseDSN(tt.dsn)
		if err != nil {
			t.Fatal(err)
		}
		if have := secretsOf(cfg).mask(tt.text); have != tt.want {
			t.Errorf("%s: have %q, want %q", tt.dsn, have, tt.want)
		}
	}
}

func FuzzMask(f *testing.F) {
	f.Add("tiger", "no ", " here")
	f.Add("t@ger:/?&", "", "x")
	f.Add(`"a'b<c\`, `\`, `\`)
	f.Fuzz(func(t *testing.T, password, before, after string) {
		if len(password) <= chance || strings.Contains(password, "x") { // what is put in its place has that letter
			t.Skip("a password that short is not looked for, and one with an x is found in the mask")
		}
		if len(password)+len(before)+len(after) > 300 {
			t.Skip("longer than any: that would only be slow")
		}
		cfg, err := pooled.ParseDSN("postgres://scott:" + url.QueryEscape(password) + "@h/db?pool_size=3")
		if err != nil {
			t.Skip("no DSN: which passwords are refused is FuzzParseDSN's")
		}
		s := secretsOf(cfg)
		quoted, escaped := strconv.QuoteToASCII(password), url.PathEscape(password)
		for _, spelled := range []string{password, quoted[1 : len(quoted)-1], escaped} {
			if have := s.mask(before + spelled + after); strings.Contains(have, spelled) {
				t.Errorf("have %q, want nothing of %q", have, password)
			}
		}
	})
}
