package pooled_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"unicode"
	"unicode/utf8"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/internal/pooledtest"
)

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
		db, _ := open(t, fake, speaks("postgres"), hooks(pooled.Hooks{Canceled: func(err error) { canceled = err }}))
		defer db.Close()
		held, _ := grab(t, db)
		defer give(t, held)
		mustExec(t, held, "UPDATE '"+unruly+"'")
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
