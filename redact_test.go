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

// The password of the DSN, and one that BeforeConnect gave, are in nothing that is logged, kept or shown, even where a
// driver repeats them in an error and a program in a statement.
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
	db, _ := open(t, fake, logTo(&book), echo(pooled.EchoOn), func(c *pooled.Config) {
		c.Driver, c.DSN = "postgres", "postgres://scott:a@h/db"
	})
	fake.On(pooledtest.StageExec, pooledtest.Fail(errors.New("a table is amiss")).Match("banana"))
	db.Exec("UPDATE banana")
	have := fmt.Sprint(book.take())
	if !strings.Contains(have, "stmt=UPDATE banana") || !strings.Contains(have, "a table is amiss") {
		t.Errorf("have %s", have)
	}
}

// A text is cut when the passwords are taken out, in what the pool shows and in what it logs.
func TestRedactingBeforeCutting(t *testing.T) {
	const secret = "SuperSecretPassword"
	db, pool := open(t, pooledtest.NewFake(t), func(c *pooled.Config) {
		c.Driver, c.DSN = "postgres", "postgres://scott:"+secret+"@h/db"
	})
	for n := 225; n < 260; n++ {
		mustExec(t, db, "UPDATE "+strings.Repeat(" ", n)+secret)
		if have := pool.Conns()[0].Statement; strings.Contains(have, secret[:3]) {
			t.Fatalf("behind %d blanks: have %q", n, have)
		}
	}
	var book logBook
	db, _ = open(t, pooledtest.NewFake(t), logTo(&book), echo(pooled.EchoOn), func(c *pooled.Config) {
		c.Driver, c.DSN = "postgres", "postgres://scott:"+secret+"@h/db"
	})
	for n := range 110 {
		mustExec(t, db, "UPDATE ?, ?", strings.Repeat("x", n)+secret+"y", []byte(strings.Repeat("x", n)+secret))
	}
	if all := strings.Join(book.take(), "\n"); strings.Contains(all, secret[:3]) {
		t.Error("a part of the password is in the log")
	}
}
