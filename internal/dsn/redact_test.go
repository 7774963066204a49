package dsn_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/pooled-go/pooled/internal/dsn"
)

// redact is a text without the secrets of a DSN.
func redact(name, text string) string {
	var r dsn.Redactor
	r.Learn(name)
	return r.Clean(text)
}

func clip(name, text string, limit int) string {
	var r dsn.Redactor
	r.Learn(name)
	return r.Clip(text, limit)
}

// Of two secrets, one of which begins like the other, nothing is left of either.
func TestRedactingTheLongerFirst(t *testing.T) {
	have := redact("postgres://scott:tiger@h/db?sslpassword=tigerlily", "tiger and tigerlily")
	if want := "xxxxx and xxxxx"; have != want {
		t.Errorf("have %q, want %q", have, want)
	}
}

// Only passwords are taken out of texts, in each way they may be written; and a text is cut when that is done.
func TestRedacting(t *testing.T) {
	for _, test := range []struct{ dsn, text, want string }{
		{"scott:tiger@tcp(h)/shop?allowNativePasswords=true", "SET done = true, a = 'tiger'",
			"SET done = true, a = 'xxxxx'"},
		{"file:x.db?_foreign_keys=true", "SET done = true", "SET done = true"},
		{"postgres://scott:tiger@h/db?sslkey=/etc/key&passfile=/etc/pass", "COPY t FROM '/etc/key', '/etc/pass'",
			"COPY t FROM '/etc/key', '/etc/pass'"},
		{"postgres://scott:O'Brien77@h/shop", "PASSWORD 'O''Brien77'", "PASSWORD 'xxxxx'"},
		{"postgres://scott:a%20b%2Fc@h/shop", `"a b/c" a+b%2Fc a%20b%2Fc a%20b%2fc`, `"xxxxx" xxxxx xxxxx xxxxx`},
	} {
		if have := redact(test.dsn, test.text); have != test.want {
			t.Errorf("%s: have %q, want %q", test.dsn, have, test.want)
		}
	}
}

// Which part of a DSN is the password, a driver decides. All that it may be is masked in texts, and little else.
func TestWhatIsAPassword(t *testing.T) {
	for _, test := range []struct{ dsn, text, want string }{
		{"fake://scott:tiger@h/db", "scott with tiger, scott:tiger@h", "scott with xxxxx, xxxxx@h"},
		{"fake://s3crettoken@h/db", "s3crettoken", "xxxxx"},
		{"fake://scott:tiger@h/db?mail=a@b", "scott with tiger", "scott with xxxxx"},
		{"postgres://scott:tiger@h/db?mail=a@b", "scott with tiger at h", "scott with xxxxx at h"},
		{"postgres://scott:ti@ger@h/db", "ti@ger", "xxxxx"},
		{"postgres://scott:ti/g?e#r@h/db", "ti/g?e#r", "xxxxx"},
		{"scott:tiger@tcp(h)/db?charset=a@b", "scott with tiger at h", "scott with xxxxx at h"},
		{"scott:ti@ger@tcp(h)/db", "ti@ger", "xxxxx"},
		{"scott/tiger@h:1521/svc", "scott with tiger at h", "scott with xxxxx at h"},
		{"scott:tiger@account/db/schema", "scott with tiger at account", "scott with xxxxx at account"},
		{"UID=scott;PWD=tiger;DATABASE=x", "scott with tiger", "scott with xxxxx"},
		{`host=h password='ti\'g er' user=scott`, "scott with ti'g er", "scott with xxxxx"},
		{`server=h;user id=scott;password="ti;""ger"`, `scott with ti;"ger`, "scott with xxxxx"},
		{"odbc:server=h;password={ti}}g;er}", "ti}g;er or ti}}g;er", "xxxxx or xxxxx"},
		{"file:a.db?_pragma=key('tiger')", "PRAGMA key = 'tiger'", "PRAGMA key = 'xxxxx'"},
		{"file:a.db?_pragma_key=tiger&_pragma=foreign_keys(1)", "'tiger', foreign_keys(1)", "'xxxxx', foreign_keys(1)"},
		{"fake://h/db?aws_secret_access_key=tiger&key=open&author=scott", "tiger, open, scott", "xxxxx, open, scott"},
		{"fake://h/db?private-key=tiger&Passphrase=lion&api_key=puma", "tiger, lion, puma", "xxxxx, xxxxx, xxxxx"},
	} {
		if have := redact(test.dsn, test.text); have != test.want {
			t.Errorf("%s: have %q, want %q", test.dsn, have, test.want)
		}
	}
}

// Nothing is left of secrets that overlap, and what is beside them stays.
func TestRedactingOverlaps(t *testing.T) {
	const name = "postgres://scott:tigerlily@h/db?sslpassword=lilypond&token=pondlife"
	for text, want := range map[string]string{
		"tigerlilypondlife":         "xxxxx",
		"tigerlily lilypond":        "xxxxx xxxxx",
		"tigerlilytigerlily":        "xxxxxxxxxx",
		"a tigerlilypond, a tiger":  "a xxxxx, a tiger",
		"tigerlil ypond":            "tigerlil ypond",
		"%74igerlil%79pond\\u006c.": "xxxxx\\u006c.",
	} {
		if have := redact(name, text); have != want {
			t.Errorf("%q: have %q, want %q", text, have, want)
		}
	}
}

// However long secrets are and however many, none is cut in half.
func TestClipping(t *testing.T) {
	const limit = 100
	secret := strings.Repeat("s3cr3t", 200)
	name := "postgres://scott:" + secret + "@h/db"
	for n := range 2 * limit {
		text := strings.Repeat("a", n) + secret + " " + secret + " " + secret + strings.Repeat("b", limit)
		have := clip(name, text, limit)
		before := have[:min(n, limit-len("…"))]
		if strings.Contains(have, "s3") || len(have) > limit || !strings.HasPrefix(text, before) {
			t.Fatalf("behind %d: have %q, want nothing of the secret in %d bytes", n, have, limit)
		}
	}
	want := strings.Repeat("a", limit-len("…")) + "…"
	if have := clip(name, strings.Repeat("a", 1000), limit); have != want {
		t.Errorf("have %q, want %q", have, want)
	}
}

// What a pool's own DSN holds is never forgotten, and what was learnt is when as much came after it. A DSN with the
// same secrets as another is none more.
func TestForget(t *testing.T) {
	var r dsn.Redactor
	r.Keep("postgres://u:0wn-s3cret@h/db", map[string]string{"sslpassword": "m3rged", "host": "h0st"})
	r.Learn("postgres://u:f1rst@h/db")
	for range 2 * dsn.Remembered {
		if r.Learn("postgres://u:sec0nd@h/db?trace=x") || r.Learn("postgres://u:f1rst@h/db") ||
			r.Learn("postgres://h/db") {
			t.Fatal("have too many of two, want them remembered")
		}
	}
	const text = "0wn-s3cret, m3rged, h0st, f1rst, sec0nd"
	if have, want := r.Clean(text), "xxxxx, xxxxx, h0st, xxxxx, xxxxx"; have != want {
		t.Errorf("have %q, want %q", have, want)
	}
	tooMany := 0
	for n := range dsn.Remembered {
		if r.Learn(fmt.Sprintf("postgres://u:rotated-%d-s3cret@h/db", n)) {
			tooMany++
			if n == dsn.Remembered-1 && r.Clean("f1rst") != "xxxxx" {
				t.Error("want what is too much masked until it is forgotten")
			}
		}
	}
	r.Forget()
	if have, want := r.Clean(text), "xxxxx, xxxxx, h0st, f1rst, sec0nd"; have != want || tooMany != 2 {
		t.Errorf("have %q, and were told %d times that it is too much; want %q, twice", have, tooMany, want)
	}
}

// An error keeps its identity; what is printed of it holds no secret.
func TestRedactedError(t *testing.T) {
	var r dsn.Redactor
	r.Keep("postgres://u:s3cret@h/db", nil)
	cause := errors.New("a cause")
	if have := r.Error(cause); have != cause {
		t.Errorf("have %#v, want the error itself", have)
	}
	if have := r.Error(nil); have != nil {
		t.Errorf("have %v, want none", have)
	}
	err := r.Error(fmt.Errorf("no way in with s3cret: %w", cause))
	if have := fmt.Sprintf("%v %+v %#v %q %d", err, err, err, err, err); strings.Contains(have,
		"s3cret") || !errors.Is(err, cause) {
		t.Errorf("have %s, whose cause is found: %t; want it found", have, errors.Is(err, cause))
	}
}
