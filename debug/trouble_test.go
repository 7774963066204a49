package debug_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/debug"
	"github.com/pooled-go/pooled/internal/pooledtest"
)

// The last connect error is there whatever the limit, in the JSON and on the page.
func TestConnectErrors(t *testing.T) {
	fake := pooledtest.NewFake(t)
	db, _ := open(t, fake, named("shop"))
	calm := get(t, debug.Handler{}, "/")
	if !strings.Contains(calm, ` data-failing="false"`) || strings.Contains(calm, ` data-failing="true"`) {
		t.Error("without a connect error: have an alarm, want none")
	}
	if have := look(t, "/?format=json").Pools[0].LastConnectError; have != nil {
		t.Errorf("without a connect error: have %+v, want none", have)
	}
	fake.On(pooledtest.StageConnect, pooledtest.Fail(errors.New("no route")))
	if err := db.Ping(); err == nil {
		t.Fatal("have no error, want one")
	}
	p := look(t, "/?format=json&limit=0").Pools[0]
	if p.Counters.ConnectErrors == 0 || p.LastConnectError == nil ||
		!strings.Contains(p.LastConnectError.Detail, "no route") {
		t.Errorf("have %d and %+v, want the connect error", p.Counters.ConnectErrors, p.LastConnectError)
	}
	page := get(t, debug.Handler{}, "/?limit=0")
	if n := strings.Count(page, ` data-failing="true"`); n != 2 || !strings.Contains(page, "no route") {
		t.Errorf(
			"have %d alarms and the cause %t, want the line's and the pool's, and the cause",
			n,
			strings.Contains(page, "no route"),
		)
	}
}

// A connect error is no alarm any more a minute later, also without the script. That it was stays on the page.
func TestConnectErrorPasses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := pooledtest.NewFake(t)
		db, _ := open(t, fake, named("shop"))
		fake.On(pooledtest.StageConnect, pooledtest.Fail(errors.New("no route")).Times(1))
		if err := db.Ping(); err == nil {
			t.Fatal("have no error, want one")
		}
		for _, test := range []struct {
			after   time.Duration
			verdict string
		}{{59 * time.Second, "connect errors"}, {2 * time.Second, "ok"}} {
			time.Sleep(test.after)
			page, _, _ := strings.Cut(get(t, debug.Handler{}, "/"), "<template")
			if want := ` data-verdict="` + test.verdict + `"`; strings.Count(page, want) != 2 {
				t.Errorf("after %v more: have no %s in the line and the pool", test.after, want)
			}
			if !strings.Contains(page, "no route") {
				t.Errorf("after %v more: have no cause of the last connect error", test.after)
			}
		}
		db.Close()
	})
}

// What will be closed when it comes back says so, and cannot be invalidated again.
func TestRetiring(t *testing.T) {
	db, pool := open(t, pooledtest.NewFake(t))
	hold(t, db, "SELECT 1")
	const mark, hiddenMark = `<small data-show="retiring" >`, `<small data-show="retiring" hidden>`
	const button, hiddenButton = `<form method="post" data-show="lasting" >`, `<form method="post" data-show="lasting" hidden>`
	for _, retiring := range []bool{false, true} {
		if retiring {
			pool.InvalidateConn(1, errors.New("by hand"))
		}
		if have := look(t, "/?format=json").Pools[0].Conns[0].Retiring; have != retiring {
			t.Errorf("retiring: have %t, want %t", have, retiring)
		}
		rows, _, _ := strings.Cut(
			get(t, debug.Handler{AllowActions: true}, "/"),
			"<template",
		) // the shapes behind it are of no connection
		want := []string{hiddenMark, button}
		if retiring {
			want = []string{mark, hiddenButton}
		}
		for _, w := range want {
			if !strings.Contains(rows, w) {
				t.Errorf("retiring %t: have a page without %s", retiring, w)
			}
		}
	}
}

// Pools of one name are told apart by their numbers, others have none.
func TestSameName(t *testing.T) {
	_, a := open(t, pooledtest.NewFake(t), named("shop"))
	open(t, pooledtest.NewFake(t), named("shop"))
	open(t, pooledtest.NewFake(t), named("alone"))
	page := get(t, debug.Handler{}, "/")
	for _, want := range []string{fmt.Sprintf(">shop (%d)</a>", a.Number()), fmt.Sprintf(">shop (%d)</a>", a.Number()+1), ">alone</a>"} {
		if !strings.Contains(page, want) {
			t.Errorf("have a page without %q", want)
		}
	}
}

// No character of a text turns the page round.
func TestUnrulyCharacters(t *testing.T) {
	const unruly = "a\u202eb\x00c\x1bd\u2066e\u009bf"
	const want = "a⟨202E⟩b⟨0000⟩c⟨001B⟩d⟨2066⟩e⟨009B⟩f"
	db, _ := open(t, pooledtest.NewFake(t))
	hold(t, db, "SELECT 'statement "+unruly+"'")
	gone := hold(t, db, "SELECT 2")
	pooled.Invalidate(gone, errors.New("brief "+unruly+"\nrest "+unruly))
	gone.Close()
	page := get(t, debug.Handler{}, "/")
	for _, where := range []string{"statement ", "brief ", "rest "} {
		if !strings.Contains(page, where+want) {
			t.Errorf("have a page without %q", where+want)
		}
	}
	if strings.ContainsAny(page, "\u202e\x00\x1b\u2066\u009b") {
		t.Error("have an unruly character in the page, want none")
	}
}

// Wherever a text of others stands, the page and the answers to actions show the codes of such characters, and the
// JSON, which has none of them as it is, says exactly what was said.
func TestUnrulyTextsEverywhere(t *testing.T) {
	const said = "\x1b[2J\u009b2J\x7f\u202e\u200b\ufeff\u2028\U000e0041 said"
	const shown = "⟨001B⟩[2J⟨009B⟩2J⟨007F⟩⟨202E⟩⟨200B⟩⟨FEFF⟩⟨2028⟩⟨E0041⟩ said"
	fake := pooledtest.NewFake(t)
	db, pool := open(t, fake, func(c *pooled.Config) { c.Driver, c.DSN = "postgres", "postgres://h/db?setting "+said })
	hold(t, db, "SELECT 'statement "+said+"'")
	for _, cause := range []string{"event " + said, "half a character \xe2\x80, C1 \x9b"} {
		gone := hold(t, db, "SELECT 2")
		pooled.Invalidate(gone, errors.New(cause))
		gone.Close()
	}
	fake.On(pooledtest.StageConnect, pooledtest.Fail(errors.New("connect error "+said)))
	db.Ping()
	page, encoded := get(t, debug.Handler{}, "/"), get(t, debug.Handler{}, "/?format=json")
	refused := post(debug.Handler{AllowActions: true}, invalidation(pool, "2"+said), header("Accept", "text/html"))
	for what, text := range map[string]string{"page": page, "JSON": encoded, "answer": refused.Body.String()} {
		for _, r := range text {
			if unicode.IsControl(r) && !strings.ContainsRune("\t\n\r", r) || unicode.Is(unicode.Cf, r) {
				t.Errorf("have %U in the %s, want it by its code", r, what)
			}
		}
		if !utf8.ValidString(text) {
			t.Errorf("have bytes in the %s that are no UTF-8, want none", what)
		}
	}
	for _, where := range []string{"statement ", "event ", "connect error ", "setting "} {
		if !strings.Contains(page, where+shown) {
			t.Errorf("have a page without %q", where+shown)
		}
	}
	var report any
	if err := json.Unmarshal([]byte(encoded), &report); err != nil {
		t.Fatal(err)
	}
	for _, where := range []string{"statement ", "event ", "connect error ", "setting "} {
		if !strings.Contains(fmt.Sprint(report), where+said) {
			t.Errorf("have %q, want %q in it", report, where+said)
		}
	}
	const bytes = "half a character \ufffd\ufffd, C1 \ufffd"
	if !strings.Contains(page, bytes) || !strings.Contains(fmt.Sprint(report), bytes) {
		t.Errorf("have a page or a report without %q", bytes)
	}
}

// A browser gets a way back, a program the text.
func TestWayBack(t *testing.T) {
	for accept, want := range map[string]string{"text/html,*/*;q=0.8": "text/html; charset=utf-8", "*/*": "text/plain; charset=utf-8"} {
		r := httptest.NewRequest("GET", "/?pool=999999", nil)
		r.Header.Set("Accept", accept)
		w := httptest.NewRecorder()
		debug.Handler{}.ServeHTTP(w, r)
		back := strings.Contains(w.Body.String(), `<a href="?">`)
		if have := w.Header().Get("Content-Type"); w.Code != 404 || have != want ||
			back != strings.HasPrefix(want, "text/html") {
			t.Errorf(
				"Accept %s: have %d, %q, a link %t, want 404, %q and the link in HTML alone",
				accept,
				w.Code,
				have,
				back,
				want,
			)
		}
	}
	_, pool := open(t, pooledtest.NewFake(t))
	w := post(debug.Handler{AllowActions: true}, invalidation(pool, "<b>"), header("Accept", "text/html"))
	if body := w.Body.String(); w.Code != 400 || strings.Contains(body, "<b>") || !strings.Contains(body, `<a href="?">`) {
		t.Errorf("a form: have %d %s, want 400, escaped, with the link", w.Code, body)
	}
}
