package browser_test

import (
	"database/sql"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/debug"
)

// highest is how far the line or area of a chart rises above the bottom, in pixels: paths are made of "x y" pairs.
const highest = `(selector) => {
	const ys = [...(document.querySelector(selector)?.getAttribute("d") ?? "").matchAll(/[ML][\d.-]+ ([\d.-]+)/g)].map((m) => +m[1]);
	return ys.length ? Math.max(...ys) - Math.min(...ys) : 0;
}`

// The charts are flat while nothing happens, rise under load, and fall when it is over; the figures beside them too.
func TestChartMoves(t *testing.T) {
	db, _ := pool(t, func(cfg *pooled.Config) { cfg.Size, cfg.MaxOverflow = 3, 0 })
	b := open(t, serve(t, debug.Handler{}))
	b.live()
	b.await(`document.querySelector("svg.conns .line.used").getAttribute("d").includes("L")`) // two points
	for _, line := range []string{"svg.conns .line.used", "svg.conns .line.waiting", "svg.waits .line.worst"} {
		if have := eval[float64](b, `(`+highest+`)("`+line+`")`); have != 0 {
			t.Errorf("%s: have it rise by %v without load, want a flat one or none", line, have)
		}
	}
	stop := load(t, db, 9)
	b.await(`(`+highest+`)("svg.conns .line.used") > 20`, `document.querySelector("svg.conns").outerHTML`)
	b.await(`(`+highest+`)("svg.conns .line.waiting") > 20`, `document.querySelector("svg.conns").outerHTML`)
	b.await(
		`document.querySelector("svg.waits .line.median").getAttribute("d") !== ""`,
		`document.querySelector("svg.waits").outerHTML`,
	)
	b.await(`document.querySelector("dl .used dd").textContent === "3"`)
	b.await(`/^3 \(most 3\)$/.test(document.querySelector(".legend .used b").textContent)`)
	b.await(
		`/ms$/.test(document.querySelector(".legend .median b").textContent)`,
		`document.querySelector(".legend .median b").textContent`,
	)
	b.await(`/^[1-9].* a second$/.test(document.querySelector(".legend .rate b").textContent)`)
	stop()
	b.await(`document.querySelector("dl .used dd").textContent === "0"`)
	b.await(`document.querySelector(".legend .used b").textContent === "0 (most 3)"`)
}

// forgets takes a server connection and does not give it back.
func forgets(t *testing.T, db *sql.DB) *sql.Conn {
	return hold(t, db, "UPDATE stock SET n = 1")
}

// A leaked server connection comes first, with its mark, its statement and who took it; and it loses the mark when it
// comes back.
func TestLeak(t *testing.T) {
	db, _ := pool(t, func(cfg *pooled.Config) { cfg.LeakAfter = 300 * time.Millisecond })
	hold(t, db, "SELECT 1").Close()
	b := open(t, serve(t, debug.Handler{}))
	b.live()
	leaked := forgets(t, db)
	hold(t, db, "SELECT 2").Close()
	const first = `document.querySelector("[data-list=conns] tr")`
	b.await(first + `?.dataset.mood === "leaked"`)
	if have := eval[string](b, first+`.textContent`); !strings.Contains(have, "leaked") ||
		!strings.Contains(have, "UPDATE stock SET n = 1") ||
		!strings.Contains(have, "browser_test.forgets") {
		t.Errorf("have the row %q, want the mark, the statement and the function", have)
	}
	if have := eval[string](b, `document.querySelector(".gauges .leaks").innerText`); !strings.Contains(have, "1") {
		t.Errorf("have %q beside the gauges, want 1 leaked", have)
	}
	b.await(`[...document.querySelectorAll("[data-list=events] .event")].some((e) => e.textContent === "leak")`)

	b.tabTo(`[data-mood=leaked] summary`)
	if eval[bool](b, first+`.querySelector(".stack").checkVisibility()`) {
		t.Error("have the stack open, want it behind the statement")
	}
	b.press("\r")
	b.await(first + `.querySelector(".stack").checkVisibility()`)

	leaked.Close()
	b.await(`!document.querySelector("[data-mood=leaked]")`)
	b.await(`document.querySelector(".gauges .leaks").hidden`)
	b.await(`[...document.querySelectorAll("[data-list=events] .event")].some((e) => e.textContent === "leak_returned")`)
}

// evil runs if it ever becomes HTML.
const evil = `<script>window.ran=1</script><img src=x onerror="window.ran=2"><svg onload="window.ran=3">"'</style></template>`

// Whatever a name, a statement or an error contains is text: drawn by the server, and by the script that follows.
func TestNothingRuns(t *testing.T) {
	db, _ := pool(t, named("before "+evil))
	hold(t, db, "SELECT 1 -- before "+evil)
	b := open(t, serve(t, debug.Handler{AllowActions: true}))
	b.live()
	pool(t, named("after "+evil))
	hold(t, db, "SELECT 1 -- after "+evil)
	gone := hold(t, db, "SELECT 2")
	pooled.Invalidate(gone, errors.New("cause "+evil+"\nrest "+evil))
	gone.Close()
	for _, want := range []string{"before " + evil, "SELECT 1 -- before " + evil, "after " + evil, "SELECT 1 -- after " + evil, "cause " + evil, "rest " + evil} {
		b.await(
			`[...document.querySelectorAll("main [data-f]")].some((node) => node.textContent === `+asJSON(want)+`)`,
			`document.querySelector("main").textContent`,
		)
	}
	const foreign = `document.querySelectorAll("main script, main img, main [onerror], main [onload], body > :not(header, noscript, main, template, script)").length`
	if have := eval[int](b, foreign); have != 0 {
		t.Errorf("have %d elements that the page does not have, want none", have)
	}
	if eval[bool](b, `"ran" in window`) {
		t.Error("have something that ran")
	}
}

// texts are the fields that do not change by themselves, as they are shown.
const texts = `[...document.querySelectorAll("main [data-f]")]
	.filter((node) => !["clock", "about"].includes(node.dataset.as))
	.map((node) => node.dataset.f + "=" + node.textContent)`

// The script writes what the server writes.
func TestSameAsServer(t *testing.T) {
	db, _ := pool(t, named("one"), func(cfg *pooled.Config) { cfg.Timings, cfg.LeakAfter = true, time.Hour })
	pool(t, named("two"))
	for range 1234 {
		if err := db.Ping(); err != nil {
			t.Fatal(err)
		}
	}
	hold(t, db, "SELECT 1")
	gone := hold(t, db, "SELECT 2")
	pooled.Invalidate(gone, errors.New("cause\nand more"))
	gone.Close()
	hold(t, db, "SELECT 3").Close()
	address := serve(t, debug.Handler{})
	server := eval[[]string](open(t, address, withoutScript), texts)
	b := open(t, address)
	b.live()
	if script := eval[[]string](b, texts); !slices.Equal(script, server) {
		for i := range min(len(script), len(server)) {
			if script[i] != server[i] {
				t.Errorf("field %d: the script shows %q, the server %q", i, script[i], server[i])
			}
		}
		t.Errorf("have %d fields, want %d, the same", len(script), len(server))
	}
	for _, want := range []string{"counters.checkouts=1\u202f237", "rest=and more", "name=invalidate", "limit=none"} {
		if !slices.Contains(server, want) {
			t.Errorf("have %q, want %q among them", server, want)
		}
	}
	// And from nothing, as for a pool that comes later.
	eval[bool](b, `document.getElementById("pools").replaceChildren() ?? true`)
	b.await(`document.querySelectorAll("#pools > section").length === 2`)
	if script := eval[[]string](b, texts); !slices.Equal(script, server) {
		t.Errorf("drawn anew: have %q, want %q", script, server)
	}
}

// Pools come and go while the page is open.
func TestPoolsComeAndGo(t *testing.T) {
	b := open(t, serve(t, debug.Handler{AllowActions: true}))
	b.live()
	b.await(`document.getElementById("none").checkVisibility()`)
	one, _ := pool(t, named("one"))
	b.await(`document.querySelectorAll("#pools > section").length === 1`)
	b.await(`!document.getElementById("none").checkVisibility() && !document.getElementById("overview").checkVisibility()`)
	_, two := pool(t, named("two"))
	b.await(`document.getElementById("overview").checkVisibility()`)
	b.await(`document.querySelector("[data-list=pools] tr:nth-child(2) a").textContent === "two"`)
	b.await(
		`document.querySelector("[data-list=pools] tr:nth-child(2) a").hash === "#" + document.querySelectorAll("#pools > section")[1].id`,
	)
	b.await(`[...document.querySelectorAll("#pools > section")].every((s) => s.querySelector("svg.conns path"))`)
	if have, want := eval[string](b, `document.querySelectorAll("#pools > section")[1].querySelector("[name=pool]").value`), asJSON(two.Number()); have != want {
		t.Errorf("the form of a pool that came later: have number %s, want %s", have, want)
	}
	one.Close()
	b.await(
		`document.querySelectorAll("#pools > section").length === 1 && document.querySelector("#pools h2").textContent.includes("two")`,
	)
}

// The page asks about once a second while it can be seen, and not at all when it cannot or was told to pause.
func TestAsksOnlyWhenSeen(t *testing.T) {
	pool(t)
	var asked atomic.Int64
	b := open(t, serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("format") == "json" {
			asked.Add(1)
		}
		debug.Handler{}.ServeHTTP(w, r)
	})))
	b.live()
	began, before := time.Now(), asked.Load()
	eventually(t, "three more polls", func() bool { return asked.Load() >= before+3 })
	if took := time.Since(began); took < 1500*time.Millisecond {
		t.Errorf("have three polls in %v, want about one a second", took)
	}
	hide := func(hidden bool) {
		eval[bool](
			b,
			`Object.defineProperty(document, "hidden", {value: `+asJSON(
				hidden,
			)+`, configurable: true}) && document.dispatchEvent(new Event("visibilitychange"))`,
		)
	}
	for _, way := range []struct {
		name, status string
		off, on      func()
	}{
		{"hidden", "not live", func() { hide(true) }, func() { hide(false) }},
		{"paused", "paused", func() { eval[bool](b, `document.getElementById("pause").click() ?? true`) }, func() { eval[bool](b, `document.getElementById("pause").click() ?? true`) }},
	} {
		way.off()
		b.await(`document.getElementById("status").textContent === ` + asJSON(way.status))
		before := asked.Load()
		// Longer than the page waits between two polls: nothing is what is to happen.
		eval[bool](b, `new Promise((resolve) => setTimeout(resolve, 1500, true))`)
		if have := asked.Load() - before; have > 1 { // one may have been under way
			t.Errorf("%s: have %d polls, want none", way.name, have)
		}
		way.on()
		eventually(t, "polls again", func() bool { return asked.Load() >= before+2 })
		b.live()
	}
}

// When the server does not answer, the page says so and goes on when it does.
func TestServerAway(t *testing.T) {
	db, _ := pool(t)
	var away atomic.Bool
	b := open(t, serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if away.Load() {
			http.Error(w, "<b>gone</b> for lunch", http.StatusServiceUnavailable)
			return
		}
		debug.Handler{}.ServeHTTP(w, r)
	})))
	b.expect("503")
	b.live()
	away.Store(true)
	b.await(`document.getElementById("status").textContent === "no answer, trying again: <b>gone</b> for lunch"`)
	hold(t, db, "SELECT 1")
	away.Store(false)
	b.live()
	b.await(`document.querySelector("dl .used dd").textContent === "1"`)
}
