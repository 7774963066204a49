package pooled_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/internal/dsn"
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
	var book pooledtest.LogBook
	fake := pooledtest.NewFake(t)
	db, _ := open(t, fake, logTo(&book), echo(pooled.EchoOn), func(c *pooled.Config) {
		c.Driver, c.DSN = "postgres", "postgres://scott:a@h/db"
	})
	fake.On(pooledtest.StageExec, pooledtest.Fail(errors.New("a table is amiss")).Match("banana"))
	db.Exec("UPDATE banana")
	have := fmt.Sprint(book.Take())
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
		pooledtest.MustExec(t, db, "UPDATE "+strings.Repeat(" ", n)+secret)
		if have := pool.Conns()[0].Statement; strings.Contains(have, secret[:3]) {
			t.Fatalf("behind %d blanks: have %q", n, have)
		}
	}
	var book pooledtest.LogBook
	db, _ = open(t, pooledtest.NewFake(t), logTo(&book), echo(pooled.EchoOn), func(c *pooled.Config) {
		c.Driver, c.DSN = "postgres", "postgres://scott:"+secret+"@h/db"
	})
	for n := range 110 {
		pooledtest.MustExec(t, db, "UPDATE ?, ?", strings.Repeat("x", n)+secret+"y", []byte(strings.Repeat("x", n)+secret))
	}
	if all := strings.Join(book.Take(), "\n"); strings.Contains(all, secret[:3]) {
		t.Error("a part of the password is in the log")
	}
}

// openedBy is a driver of one function.
type openedBy func(dsn string) (driver.Conn, error)

func (o openedBy) Open(dsn string) (driver.Conn, error) { return o(dsn) }

// driverThat registers a driver, whose name is a scheme that nobody knows.
func driverThat(open openedBy) string {
	name := "driver" + strings.ToLower(rand.Text()[:8])
	sql.Register(name, open)
	return name
}

// openWith is a pool before a registered driver.
func openWith(t *testing.T, driver, dsn string, set ...func(*pooled.Config)) (*sql.DB, *pooled.Pool) {
	t.Helper()
	cfg := pooled.NewConfig()
	cfg.Driver, cfg.DSN = driver, dsn
	return openFrom(t, cfg, set...)
}

// shownBy is all that a pool tells of itself.
func shownBy(p *pooled.Pool) string {
	return fmt.Sprintf("%+v\n%+v\n%+v\n%v", p.Events(), p.Conns(), p.Settings(), p)
}

func wantNothingOf(t *testing.T, what, text string, secrets ...string) {
	t.Helper()
	for _, secret := range secrets {
		if at := strings.Index(text, secret); at >= 0 {
			around := text[max(0, at-60):min(len(text), at+len(secret)+10)]
			t.Errorf("have %q in %s: …%s…, want it masked", secret, what, around)
		}
	}
}

// However many passwords come after it, one that was in use is in nothing that was kept of that time, and the DSN's
// own is in nothing at all: not in events, in statements of connections that have been open since, in errors and in
// the log.
func TestRotatedPasswordsStayMasked(t *testing.T) {
	const early, later = 10, 2 * dsn.Remembered
	fake := pooledtest.NewFake(t)
	refuse := false
	name := driverThat(func(dsn string) (driver.Conn, error) {
		if refuse {
			return nil, errors.New("cannot log in with " + dsn)
		}
		return fake.Driver().Open(dsn)
	})
	secrets, logged := []string{"0wn-s3cret"}, new(bytes.Buffer)
	db, pool := openWith(t, name, name+"://scott:0wn-s3cret@h/db", size(early+1, 0), func(c *pooled.Config) {
		c.Timeout, c.EchoPool, c.Logger = 0, pooled.EchoDebug, slog.New(slog.NewTextHandler(logged, nil))
		c.Hooks.BeforeConnect = func(_ context.Context, p *pooled.ConnectParams) error {
			secrets = append(secrets, fmt.Sprintf("rotated-%d-s3cret", len(secrets)))
			p.DSN = name + "://scott:" + secrets[len(secrets)-1] + "@h/db"
			return nil
		}
	})
	var held []*sql.Conn
	for n := range early {
		conn, _ := grab(t, db)
		held = append(held, conn)
		now := secrets[len(secrets)-1]
		pooledtest.MustExec(t, conn, "UPDATE user SET password = '"+now+"'")
		cause := errors.New(now + " is not 0wn-s3cret")
		if n%2 == 0 {
			pooled.SoftInvalidate(t.Context(), conn, cause)
		} else {
			pool.InvalidateConn(pool.Conns()[n].ID, cause)
		}
	}
	refuse = true
	for range later { // these are one event
		if err := db.Ping(); err == nil {
			t.Fatal("have a connection, want a refusal")
		}
	}
	wantNothingOf(t, "what the pool shows", shownBy(pool), secrets...)
	if have := strings.Count(fmt.Sprint(pool.Conns()), "password = 'xxxxx'"); have != early {
		t.Errorf("have %d statements without their password, want %d", have, early)
	}
	refuse = false
	last, _ := grab(t, db)
	var timeout *pooled.TimeoutError
	err := db.Ping()
	if !errors.As(err, &timeout) || len(timeout.Holders) == 0 {
		t.Fatalf("have %v, want a timeout with its holders", err)
	}
	wantNothingOf(t, "the timeout", fmt.Sprintf("%+v %+v", err, timeout.Holders), secrets...)
	pooledtest.Give(t, append(held, last)...)
	db.Close() // what is logged in the background is logged by then
	if have := strings.Count(fmt.Sprint(pool.Events()), ": xxxxx is not xxxxx"); have != early {
		t.Errorf("have %d causes of an end without their passwords, want %d", have, early)
	}
	wantNothingOf(t, "what the pool shows at the end", shownBy(pool), secrets...)
	wantNothingOf(t, "the log", logged.String(), secrets...)
}

// The limit is on passwords: a DSN that changes for each dial in something else, or a few passwords in turn, push none
// out.
func TestWhatIsNoNewPasswordPushesNoneOut(t *testing.T) {
	fake := pooledtest.NewFake(t)
	name := driverThat(fake.Driver().Open)
	n := 0
	passwords := []string{"f1rst", "sec0nd", "th1rd"}
	in := func(n int) string { return passwords[min(n, 1+n%2)] }
	db, pool := openWith(t, name, name+"://h/db", func(c *pooled.Config) {
		c.Hooks.BeforeConnect = func(_ context.Context, p *pooled.ConnectParams) error {
			p.DSN = fmt.Sprintf("%s://scott@h/db?trace=%d&password=%s", name, n, in(n))
			n++
			return nil
		}
	})
	for range 3 * dsn.Remembered {
		pooledtest.MustExec(t, db, "UPDATE")
		pool.Dispose()
	}
	conn, _ := grab(t, db)
	pooled.Invalidate(conn, errors.New(fmt.Sprint(passwords)))
	conn.Close()
	wantNothingOf(t, "what the pool shows", shownBy(pool), passwords...)
}

// A program may set a password before it tells the pool: what was kept by then does not show it from then on.
func TestPasswordThatIsKnownLater(t *testing.T) {
	fake := pooledtest.NewFake(t)
	name := driverThat(fake.Driver().Open)
	password := "the-old-0ne"
	db, pool := openWith(t, name, name+"://h/db", func(c *pooled.Config) {
		c.Hooks.BeforeConnect = func(_ context.Context, p *pooled.ConnectParams) error {
			p.DSN = name + "://scott:" + password + "@h/db"
			return nil
		}
	})
	conn, _ := grab(t, db)
	pooledtest.MustExec(t, conn, "UPDATE user SET password = 'the-new-0ne'")
	pooled.SoftInvalidate(t.Context(), conn, errors.New("the-new-0ne is its password"))
	if shown := shownBy(pool); !strings.Contains(shown, "the-new-0ne") {
		t.Fatalf("have %s, want what nobody knows for a password", shown)
	}
	password = "the-new-0ne"
	pooledtest.MustExec(t, db, "UPDATE")
	wantNothingOf(t, "what the pool shows", shownBy(pool), password)
	conn.Close()
}

// Arguments that are merged into the DSN of a database in memory are nowhere else.
func TestPasswordsOfConnectArgs(t *testing.T) {
	for _, dsn := range []string{":memory:", "file:" + t.TempDir() + "/a.db"} {
		db, pool := openWith(t, "sqlite", dsn, func(c *pooled.Config) {
			c.ConnectArgs = map[string]string{"_auth_pass": "m3rged"}
		})
		conn, err := db.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		pooled.Invalidate(conn, errors.New("m3rged is wrong"))
		conn.Close()
		wantNothingOf(t, dsn, shownBy(pool), "m3rged")
	}
}

// errCause is found in what a driver's error wraps.
var errCause = errors.New("the cause")

// No error of opening a connection shows the password, whoever made it, in whichever verb; errors.Is finds its cause.
// A hook is told the same. An error without one is left as it is.
func TestErrorsOfOpeningShowNoPassword(t *testing.T) {
	const secret = "t1ger&c0"
	for name, fail := range map[string]openedBy{
		"error":          func(dsn string) (driver.Conn, error) { return nil, fmt.Errorf("no %s: %w", dsn, errCause) },
		"error by value": func(dsn string) (driver.Conn, error) { return nil, textError("no way to " + dsn) },
		"panic":          func(dsn string) (driver.Conn, error) { panic("no way to " + dsn) },
		"without":        func(dsn string) (driver.Conn, error) { return nil, errCause },
	} {
		for _, class := range []pooled.Class{pooled.ClassQueue, pooled.ClassDirect} {
			var told error
			registered := driverThat(fail)
			db, pool := openWith(t, registered, registered+"://scott:t1ger%26c0@h/db", func(c *pooled.Config) {
				c.Class, c.Logger = class, slog.New(slog.DiscardHandler)
				c.Hooks.ConnectError = func(err error) { told = err }
			})
			err := db.Ping()
			if err == nil || told != err {
				t.Fatalf("%s: have %v, and %v told to the hook, want one error", name, err, told)
			}
			var all string
			for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x", "%t"} {
				all += fmt.Sprintf(verb, err) + "\n"
			}
			wantNothingOf(t, name, all+shownBy(pool), secret, "t1ger%26c0", fmt.Sprintf("%x", secret))
			if wraps := name == "error" || name == "without"; errors.Is(err, errCause) != wraps {
				t.Errorf("%s: have %v, whose cause is found: %t, want %t", name, err, !wraps, wraps)
			}
			if name == "without" && err != errCause {
				t.Errorf("have %#v, want the driver's error itself", err)
			}
		}
	}
}

type textError string

func (e textError) Error() string { return string(e) }

// The server's refusal that a TimeoutError repeats is one of those.
func TestRefusalShowsNoPassword(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		refusal := fmt.Errorf("too many for tigersecret: %w", stateError("53300"))
		fake := pooledtest.NewFake(t, func(f *pooledtest.Fake) { f.MaxConns, f.TooManyConns = 1, refusal })
		db, _ := open(t, fake, speaks("postgres"), func(c *pooled.Config) {
			c.DSN = "postgres://scott:tigersecret@h/db"
		})
		defer db.Close()
		held, _ := grab(t, db)
		defer pooledtest.Give(t, held)
		var timeout *pooled.TimeoutError
		if err := db.Ping(); !errors.As(err, &timeout) || !errors.Is(timeout.Err, error(stateError("53300"))) {
			t.Fatalf("have %v, want a TimeoutError with the server's word", err)
		}
		wantNothingOf(t, "the timeout", fmt.Sprintf("%+v %#v", timeout, timeout.Err), "tigersecret")
	})
}

// Nothing that a program can print shows the password, or a statement in which there may be one. The verbs p and w are
// not tried: fmt asks no method for them, and vet refuses them.
func TestNoVerbShowsAPassword(t *testing.T) {
	const secret = "tigersecret"
	fake := pooledtest.NewFake(t)
	name := driverThat(fake.Driver().Open)
	dsn := name + "://scott:" + secret + "@h/db"
	values := map[string]any{}
	db, pool := openWith(t, name, dsn, func(c *pooled.Config) {
		c.Hooks.Checkin = func(s *pooled.ServerConn) { values["ServerConn"] = s }
		values["Config"], values["*Config"] = *c, c
	})
	pooledtest.MustExec(t, db, "UPDATE user SET password = '"+secret+"'")
	values["Pool"], values["Pools"], values["Stats"] = pool, []*pooled.Pool{pool}, pool.Stats()
	// fmt looks into these by itself, so nothing may be at work in them.
	quiet, idle := openWith(t, name, dsn)
	connector, err := (&pooled.Driver{}).OpenConnector(dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer connector.(*pooled.Connector).Close()
	values["DB"], values["Driver"], values["Connector"] = quiet, quiet.Driver(), connector
	values["a field"] = struct{ pool *pooled.Pool }{idle}
	for what, value := range values {
		for _, verb := range "vsqxXdTtbcoOUeEfFgG" {
			for _, flags := range []string{"", "+", "#", " ", "020"} {
				text := strings.ToLower(fmt.Sprintf("%"+flags+string(verb), value))
				how := fmt.Sprintf("%%%s%c of %s", flags, verb, what)
				wantNothingOf(t, how, text, secret, fmt.Sprintf("%x", secret))
			}
		}
		var logged bytes.Buffer
		slog.New(slog.NewTextHandler(&logged, nil)).Info("a value", "value", value)
		slog.New(slog.NewJSONHandler(&logged, nil)).Info("a value", "value", value)
		wantNothingOf(t, "the log of "+what, logged.String(), secret)
	}
}

// A cause of the program's is asked for its text without a lock, and one that panics takes nothing with it.
func TestTextsOfCauses(t *testing.T) {
	db, pool := open(t, pooledtest.NewFake(t))
	looks := func() string { return fmt.Sprint(pool.Stats().Idle, " idle") }
	for _, cause := range []error{causeThat(looks), causeThat(func() string { panic("no text") })} {
		conn, _ := grab(t, db)
		if !pool.InvalidateConn(pool.Conns()[0].ID, cause) {
			t.Fatal("have no connection to invalidate, want one")
		}
		pooled.SoftInvalidate(t.Context(), conn, cause)
		conn.Close()
		conn, _ = grab(t, db)
		pooled.Invalidate(conn, cause)
		conn.Close()
	}
	if have := fmt.Sprint(pool.Events()); strings.Count(have, "0 idle") < 3 || strings.Count(have, "no text") < 3 {
		t.Errorf("have %s, want each cause", have)
	}
}

type causeThat func() string

func (c causeThat) Error() string { return c() }

// A very long statement is cut when its connection comes back, from what is left of it when a password was forgotten.
func TestLongStatementStaysMasked(t *testing.T) {
	var others []string
	for i := range 2 * dsn.Remembered {
		others = append(others, fmt.Sprintf("postgres://u:newsecret%d@h/db", i))
	}
	statement := "ALTER USER u PASSWORD 'oldsecret1' --" + strings.Repeat("x", 5000)
	before, after := pooled.ShownAfterReturn("postgres://u:oldsecret1@h/db", statement, others...)
	if strings.Contains(before+after, "oldsecret1") || !strings.HasPrefix(after, "ALTER USER u PASSWORD 'xxxxx'") {
		t.Errorf("have %q, after the return %q", before, after)
	}
}

// unruly is what a server may say to make a terminal do something, or to pass for something else: an escape sequence,
// its C1 forms, as a character and as a byte, DEL, a bidirectional override, what has no width, and the beginning of
// another record.
const unruly = "\x1b[2J\u009b2J\x9b\x7f\u202e\u200b\r\ntime=now level=INFO msg=forged"

// wantRuly wants lines of text of which none does anything but stand there.
func wantRuly(t *testing.T, what, text string) {
	t.Helper()
	for _, r := range strings.ReplaceAll(text, "\n", "") {
		if !unicode.IsGraphic(r) {
			t.Errorf("%s: have %U in %q, want it by its code", what, r, text)
			return
		}
	}
	if !utf8.ValidString(text) {
		t.Errorf("%s: have %q, want UTF-8", what, text)
	}
}

// Whatever the handler, a record is a line, and nothing in it does anything to a terminal.
func TestUnrulyTextsInTheLog(t *testing.T) {
	for name, handler := range map[string]func(io.Writer) slog.Handler{
		"text": func(w io.Writer) slog.Handler { return slog.NewTextHandler(w, nil) },
		"JSON": func(w io.Writer) slog.Handler { return slog.NewJSONHandler(w, nil) },
	} {
		var logged bytes.Buffer
		fake := pooledtest.NewFake(t)
		db, _ := open(t, fake, size(1, 0), func(c *pooled.Config) {
			c.Echo, c.EchoPool, c.Logger = pooled.EchoDebug, pooled.EchoDebug, slog.New(handler(&logged))
		})
		fake.On(pooledtest.StageExec, pooledtest.Fail(errors.New("no "+unruly)).Match("refused"))
		db.Exec("UPDATE refused '"+unruly+"'", unruly, []byte(unruly))
		conn, _ := grab(t, db)
		pooled.Invalidate(conn, errors.New("gone "+unruly))
		conn.Close()
		fake.On(pooledtest.StageConnect, pooledtest.Panic("panic "+unruly).Times(1))
		db.Ping()
		fake.On(pooledtest.StageConnect, pooledtest.Fail(errors.New("no way "+unruly)).Times(1))
		db.Ping()
		db.Close() // what is logged in the background is logged by then
		wantRuly(t, name, logged.String())
		for line := range strings.Lines(logged.String()) {
			if name == "JSON" && !json.Valid([]byte(line)) || name == "text" && strings.HasPrefix(line, "time=now") {
				t.Errorf("%s: have the line %q, want one for each record", name, line)
			}
		}
		for _, want := range []string{"refused", "gone", "panic", "no way"} {
			if !strings.Contains(logged.String(), want+" ") || !strings.Contains(logged.String(), "⟨001B⟩[2J⟨009B⟩2J") {
				t.Errorf("%s: have %s, want %q in it, with codes", name, logged.String(), want)
			}
		}
	}
}

// The errors that the pool words are one line, whatever a statement or a server put into them.
func TestUnrulyTextsInErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		refusal := fmt.Errorf("full %s: %w", unruly, stateError("53300"))
		fake := pooledtest.NewFake(t, func(f *pooledtest.Fake) { f.MaxConns, f.TooManyConns = 1, refusal })
		var canceled error
		db, _ := open(t, fake, speaks("postgres"), hooks(pooled.Hooks{
			Canceled: func(err *pooled.ContextError) { canceled = err },
		}))
		defer db.Close()
		held, _ := grab(t, db)
		defer pooledtest.Give(t, held)
		pooledtest.MustExec(t, held, "UPDATE '"+unruly+"'")
		err := db.Ping()
		ctx, cancel := context.WithTimeout(t.Context(), 1)
		defer cancel()
		db.PingContext(ctx)
		for what, err := range map[string]error{"the timeout": err, "the canceled wait": canceled} {
			if err == nil || !strings.Contains(err.Error(), "⟨001B⟩") || strings.Contains(err.Error(), "\n") {
				t.Errorf("%s: have %v, want one line with codes", what, err)
				continue
			}
			wantRuly(t, what, err.Error())
		}
	})
}
