package browser_test

import (
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/pooled-go/pooled/debug"
)

// With the keyboard alone: to pause, to invalidate one server connection, to dispose of all.
func TestKeyboard(t *testing.T) {
	db, p := pool(t)
	held := hold(t, db, "SELECT 1")
	hold(t, db, "SELECT 2")
	other := hold(t, db, "SELECT 3")
	other.Close()
	b := open(t, serve(t, debug.Handler{AllowActions: true}))
	b.live()

	b.tabTo("#pause")
	if eval[string](b, `getComputedStyle(document.activeElement).outlineStyle`) == "none" {
		t.Error("have no outline where the focus is, want one")
	}
	b.press(" ")
	b.await(`document.getElementById("pause").ariaPressed === "true"`)
	b.press("\r")
	b.await(`document.getElementById("pause").ariaPressed === "false"`)
	b.live()

	b.tabTo(`#pools form button`)
	if have := eval[string](b, `document.activeElement.textContent`); !strings.HasPrefix(
		have,
		"Dispose of all connections of",
	) {
		t.Errorf("have the button %q, want one that says of what", have)
	}
	b.tabTo(`tr[data-mood=idle] button`)
	if have := eval[string](b, `document.activeElement.textContent`); have != "Invalidate connection 3" {
		t.Errorf("have the button %q, want one that says which", have)
	}
	b.press("\r")
	eventually(t, "the idle one closed", func() bool { return p.Stats().Invalidated == 1 && p.Stats().Idle == 0 })
	b.await(`document.querySelectorAll("[data-list=conns] tr").length === 2`)
	b.await(`document.activeElement.matches("[data-list=conns] button")`, `document.activeElement.outerHTML.slice(0, 100)`)

	b.press(" ")
	held.Close()
	eventually(t, "one of those in use closed on return, or marked", func() bool {
		return strings.Contains(asJSON(p.Events()), "by hand, on the debug page")
	})
	b.tabTo(`#pools form button`)
	b.press("\r")
	eventually(t, "the pool disposed of", func() bool { return p.Stats().Disposals == 1 })
	b.await(`[...document.querySelectorAll("[data-list=events] .event")].some((e) => e.textContent === "dispose")`)
	if eval[string](b, `location.search`) != "" {
		t.Error("have another page, want this one, with what its charts remember")
	}
}

// The forms do without the script, and at a plain http address, from which browsers do not say which site it is.
func TestFormsAlone(t *testing.T) {
	for _, name := range []string{"127.0.0.1", "app.test"} {
		t.Run(name, func(t *testing.T) {
			db, p := pool(t)
			hold(t, db, "SELECT 1").Close()
			b := open(
				t,
				serveAs(t, name, http.StripPrefix("/some/where", debug.Handler{AllowActions: true, Hosts: []string{"app.test"}}))+
					"some/where/?limit=7",
				withoutScript,
			)
			b.click(`#pools tr form button`)
			eventually(t, "the server connection closed", func() bool { return p.Stats().Invalidated == 1 })
			b.await(`location.search === "?limit=7" && document.querySelectorAll("[data-list=conns] tr").length === 0`)
			b.click(`#pools header form button`)
			eventually(t, "the pool disposed of", func() bool { return p.Stats().Disposals == 1 })
			b.await(`document.getElementById("status").textContent === "not live"`)
		})
	}
}

// The script's way at a plain http address.
func TestActionsByName(t *testing.T) {
	_, p := pool(t)
	b := open(t, serveAs(t, "app.test", debug.Handler{AllowActions: true, Hosts: []string{"app.test"}}))
	b.live()
	b.click(`#pools header form button`)
	eventually(t, "the pool disposed of", func() bool { return p.Stats().Disposals == 1 })
	b.await(`document.getElementById("status").textContent === "done"`)
}

// Without AllowActions there is nothing to press, and a POST from the page itself is refused.
func TestActionsAbsent(t *testing.T) {
	db, p := pool(t)
	hold(t, db, "SELECT 1").Close()
	b := open(t, serve(t, debug.Handler{}))
	b.expect("405")
	b.live()
	if have := eval[int](b, `document.querySelectorAll("form, button:not(#pause)").length`); have != 0 {
		t.Errorf("have %d forms and buttons, want none", have)
	}
	have := eval[int](
		b,
		fmt.Sprintf(
			`fetch(location.href, {method: "POST", body: new URLSearchParams("action=dispose&pool=%d")}).then((r) => r.status)`,
			p.Number(),
		),
	)
	if have != http.StatusMethodNotAllowed || p.Stats().Disposals != 0 {
		t.Errorf("have %d and %d disposals, want 405 and none", have, p.Stats().Disposals)
	}
}

// A refusal is shown.
func TestActionRefused(t *testing.T) {
	_, p := pool(t)
	b := open(t, serve(t, debug.Handler{AllowActions: true}))
	b.expect("403")
	b.live()
	eval[string](b, `document.querySelector("[name=token]").value = "of a process that is gone"`)
	b.click(`#pools header form button`)
	b.await(
		`document.getElementById("status").textContent.startsWith(` +
			`"not done: pooled: change a pool: the page was loaded from another process")`,
	)
	if have := p.Stats().Disposals; have != 0 {
		t.Errorf("have %d disposals, want none", have)
	}
}

var tokenIn = regexp.MustCompile(`name="token" value="([^"]+)"`)

// Another site can neither press a button, though it knew the token, nor show the page in a frame, nor read it under a
// name of its own that leads here.
func TestOtherSites(t *testing.T) {
	_, p := pool(t, named("secret pool"))
	address := serve(t, debug.Handler{AllowActions: true})
	reply, err := http.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(reply.Body)
	reply.Body.Close()
	http.DefaultClient.CloseIdleConnections()
	if err != nil {
		t.Fatal(err)
	}
	token := tokenIn.FindStringSubmatch(string(body))
	if token == nil {
		t.Fatal("have a page without a token")
	}
	refused := make(chan int, 10)
	watched := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		status := &statusWriter{ResponseWriter: w}
		debug.Handler{AllowActions: true}.ServeHTTP(status, r)
		if r.Method == "POST" {
			refused <- status.status
		}
	}))
	evil := serveAs(t, "evil.test", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/" { // the icon
			http.NotFound(w, r)
			return
		}
		fmt.Fprintf(
			w,
			`<iframe src="%s"></iframe><form method="post" action="%s" target="out"><input name="token" value="%s"><input name="action" value="dispose"><input name="pool" value="%s"></form><iframe name="out"></iframe>`,
			address,
			watched,
			token[1],
			strconv.Itoa(p.Number()),
		)
	}))
	b := open(t, evil, func(b *tab) {
		b.expect(
			"frame-ancestors",
			"X-Frame-Options",
			"to another origin",
			"403",
			"404",
			"Unsafe attempt",
			"Refused to display",
			"chrome-error",
		)
	})
	eval[bool](b, `document.forms[0].submit() ?? true`)
	if have := <-refused; have != http.StatusForbidden {
		t.Errorf("a form of another site: have %d, want 403", have)
	}
	if have := p.Stats().Disposals; have != 0 {
		t.Errorf("a form of another site: have %d disposals, want none", have)
	}
	eventually(t, "a refusal of the frame, by frame-ancestors", func() bool { return b.said("frame-ancestors") })
	b.visit(strings.Replace(address, "127.0.0.1", "rebound.test", 1))
	if have := eval[string](b, `document.documentElement.textContent`); strings.Contains(have, "secret pool") ||
		!strings.Contains(have, "Handler.Hosts") {
		t.Errorf("under a strange name: have %.200q, want a refusal", have)
	}
}

type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}
