package pooled_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/internal/pooledtest"
)

// The password of the DSN, and one that BeforeConnect gave, are in nothing that is logged, kept or shown,
// even where a driver repeats them in an error and a program in a statement.
func TestPasswordIsNowhere(t *testing.T) {
	const first, second = "t1ger&co", "l30pard"
	for name, dsn := range map[string]string{
		"a URL":   "postgres://scott:t1ger%26co@127.0.0.1:1/shop?sslmode=disable&connect_timeout=1",
		"words":   "host=127.0.0.1 port=1 user=scott password='t1ger&co' dbname=shop sslmode=disable connect_timeout=1",
		"mysql's": "scott:t1ger&co@tcp(127.0.0.1:1)/shop?timeout=1s",
	} {
		t.Run(name, func(t *testing.T) {
			var logged bytes.Buffer
			cfg, err := pooled.ParseDSN(dsn)
			if err != nil {
				t.Fatal(err)
			}
			cfg.Echo, cfg.EchoPool, cfg.LeakAfter = pooled.EchoDebug, pooled.EchoDebug, time.Hour
			cfg.Logger = slog.New(slog.NewTextHandler(&logged, nil))
			cfg.Hooks.BeforeConnect = func(_ context.Context, p *pooled.ConnectParams) error {
				p.Password = second
				return nil
			}
			shown := pooled.ShownWithSecrets(t, cfg, []string{first, "t1ger%26co", second})
			all := logged.String() + shown
			for _, secret := range []string{first, "t1ger", second} {
				if strings.Contains(all, secret) {
					t.Errorf("%q occurs in\n%s", secret, all)
				}
			}
			if n := strings.Count(all, "xxxxx"); n < 10 {
				t.Errorf("have %d masked places: has anything been tried?\n%s", n, all)
			}
		})
	}
}

// A short password is not looked for in texts: it would be found everywhere.
func TestRedactingLeavesTheRest(t *testing.T) {
	var book logBook
	fake := pooledtest.NewFake(t)
	db, _ := open(t, fake, logTo(&book), echo(pooled.EchoOn), func(c *pooled.Config) { c.Driver, c.DSN = "postgres", "postgres://scott:a@h/db" })
	fake.On(pooledtest.StageExec, pooledtest.Fail(errors.New("a table is amiss")).Match("banana"))
	db.Exec("UPDATE banana")
	if have := fmt.Sprint(book.take()); !strings.Contains(have, "stmt=UPDATE banana") || !strings.Contains(have, "a table is amiss") {
		t.Errorf("have %s", have)
	}
}

// Of two secrets, one of which begins like the other, nothing is left of either.
func TestRedactingTheLongerFirst(t *testing.T) {
	have := pooled.Redact("postgres://scott:tiger@h/db?sslpassword=tigerlily", "tiger and tigerlily")
	if want := "xxxxx and xxxxx"; have != want {
		t.Errorf("have %q, want %q", have, want)
	}
}

// Only passwords are taken out of texts, in each way they may be written; and a text is cut when that is done.
func TestRedacting(t *testing.T) {
	for _, test := range []struct{ dsn, text, want string }{
		{"scott:tiger@tcp(h)/shop?allowNativePasswords=true", "SET done = true, a = 'tiger'", "SET done = true, a = 'xxxxx'"},
		{"file:x.db?_foreign_keys=true", "SET done = true", "SET done = true"},
		{"postgres://scott:tiger@h/db?sslkey=/etc/key&passfile=/etc/pass", "COPY t FROM '/etc/key', '/etc/pass'", "COPY t FROM '/etc/key', '/etc/pass'"},
		{"postgres://scott:O'Brien77@h/shop", "PASSWORD 'O''Brien77'", "PASSWORD 'xxxxx'"},
		{"postgres://scott:a%20b%2Fc@h/shop", `"a b/c" a+b%2Fc a%20b%2Fc a%20b%2fc`, `"xxxxx" xxxxx xxxxx xxxxx`},
	} {
		if have := pooled.Redact(test.dsn, test.text); have != test.want {
			t.Errorf("%s: have %q, want %q", test.dsn, have, test.want)
		}
	}
	const secret = "SuperSecretPassword"
	db, pool := open(t, pooledtest.NewFake(t), func(c *pooled.Config) { c.Driver, c.DSN = "postgres", "postgres://scott:"+secret+"@h/db" })
	for n := 225; n < 260; n++ {
		mustExec(t, db, "UPDATE "+strings.Repeat(" ", n)+secret)
		if have := pool.Conns()[0].Statement; strings.Contains(have, secret[:3]) {
			t.Fatalf("behind %d blanks: have %q", n, have)
		}
	}
	var book logBook
	db, _ = open(t, pooledtest.NewFake(t), logTo(&book), echo(pooled.EchoOn), func(c *pooled.Config) { c.Driver, c.DSN = "postgres", "postgres://scott:"+secret+"@h/db" })
	for n := range 110 {
		mustExec(t, db, "UPDATE ?, ?", strings.Repeat("x", n)+secret+"y", []byte(strings.Repeat("x", n)+secret))
	}
	if all := strings.Join(book.take(), "\n"); strings.Contains(all, secret[:3]) {
		t.Error("a part of the password is in the log")
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
		if have := pooled.Redact(test.dsn, test.text); have != test.want {
			t.Errorf("%s: have %q, want %q", test.dsn, have, test.want)
		}
	}
}

// Nothing is left of secrets that overlap, and what is beside them stays.
func TestRedactingOverlaps(t *testing.T) {
	const dsn = "postgres://scott:tigerlily@h/db?sslpassword=lilypond&token=pondlife"
	for text, want := range map[string]string{
		"tigerlilypondlife":         "xxxxx",
		"tigerlily lilypond":        "xxxxx xxxxx",
		"tigerlilytigerlily":        "xxxxxxxxxx",
		"a tigerlilypond, a tiger":  "a xxxxx, a tiger",
		"tigerlil ypond":            "tigerlil ypond",
		"%74igerlil%79pond\\u006c.": "xxxxx\\u006c.",
	} {
		if have := pooled.Redact(dsn, text); have != want {
			t.Errorf("%q: have %q, want %q", text, have, want)
		}
	}
}

// However long secrets are and however many, none is cut in half.
func TestClipping(t *testing.T) {
	const limit = 100
	secret := strings.Repeat("s3cr3t", 200)
	dsn := "postgres://scott:" + secret + "@h/db"
	for n := range 2 * limit {
		text := strings.Repeat("a", n) + secret + " " + secret + " " + secret + strings.Repeat("b", limit)
		have := pooled.Clip(dsn, text, limit)
		before := have[:min(n, limit-len("…"))]
		if strings.Contains(have, "s3") || len(have) > limit || !strings.HasPrefix(text, before) {
			t.Fatalf("behind %d: have %q, want nothing of the secret in %d bytes", n, have, limit)
		}
	}
	want := strings.Repeat("a", limit-len("…")) + "…"
	if have := pooled.Clip(dsn, strings.Repeat("a", 1000), limit); have != want {
		t.Errorf("have %q, want %q", have, want)
	}
}
