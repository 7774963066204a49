package browser_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/pooled-go/pooled"
	"github.com/pooled-go/pooled/debug"
)

// On a phone nothing sticks out of the page, whatever is open on it.
func TestPhone(t *testing.T) {
	db, _ := pool(
		t,
		named(strings.Repeat("long_name_", 9)),
		func(cfg *pooled.Config) { cfg.LeakAfter = 200 * time.Millisecond },
	)
	pool(t)
	hold(t, db, "SELECT "+strings.Repeat("unbroken", 30))
	hold(t, db, "SELECT "+strings.Repeat("words and ", 20)).Close()
	for _, mode := range []struct {
		name    string
		prepare []func(*tab)
	}{{"with script", []func(*tab){phone}}, {"without", []func(*tab){phone, withoutScript}}} {
		t.Run(mode.name, func(t *testing.T) {
			b := open(t, serve(t, debug.Handler{AllowActions: true}), mode.prepare...)
			if mode.name == "with script" {
				b.await(`!!document.querySelector("[data-mood=leaked]")`)
			}
			for _, opened := range []string{"false", "true"} {
				eval[bool](b, `document.querySelectorAll("details").forEach((d) => d.open = `+opened+`) ?? true`)
				if have := eval[int](b, `document.documentElement.scrollWidth`); have > 360 {
					t.Errorf("details open %s: have a page %d pixels wide, want 360", opened, have)
				}
				out := eval[[]string](b, `[...document.querySelectorAll("main *, header *")]
					.filter((n) => n.checkVisibility() && !n.closest(".scroll, .hush, pre") && n.getBoundingClientRect().right > 361)
					.map((n) => n.outerHTML.slice(0, 80))`)
				if len(out) > 0 {
					t.Errorf("details open %s: have %q sticking out, want nothing", opened, out)
				}
			}
			small := eval[[]string](
				b,
				`[...document.querySelectorAll("button")].filter((n) => n.checkVisibility() && n.getBoundingClientRect().height < 24).map((n) => n.textContent)`,
			)
			if len(small) > 0 {
				t.Errorf("have buttons too low for a finger: %q, want 24 pixels", small)
			}
		})
	}
}

// contrast is the ratio of two colours' luminance, by the rule of WCAG 2.
const contrast = `(a, b) => {
	const luminance = (colour) => {
		const [r, g, b] = colour.match(/[\d.]+/g).map((c) => c / 255).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
		return 0.2126 * r + 0.7152 * g + 0.0722 * b;
	};
	const [high, low] = [luminance(a), luminance(b)].sort((x, y) => y - x);
	return (high + 0.05) / (low + 0.05);
}`

// colours are those of a property of the first element that a selector means, and of the ground it is on.
const colours = `(selector, property) => {
	const node = document.querySelector(selector);
	let ground = node;
	while (getComputedStyle(ground).backgroundColor === "rgba(0, 0, 0, 0)") ground = ground.parentElement;
	return [getComputedStyle(node)[property], getComputedStyle(ground).backgroundColor];
}`

// The page is light or dark as the system is, and in both its text and lines stand out from their ground.
func TestDark(t *testing.T) {
	db, _ := pool(t, func(cfg *pooled.Config) { cfg.LeakAfter, cfg.Size, cfg.MaxOverflow = 300*time.Millisecond, 2, 1 })
	hold(t, db, "SELECT 1")
	hold(t, db, "SELECT 2").Close()
	b := open(t, serve(t, debug.Handler{AllowActions: true}))
	b.live()
	load(t, db, 4)
	pool(t) // which is ok
	busy, _ := pool(t, func(cfg *pooled.Config) { cfg.Size, cfg.MaxOverflow = 1, 0 })
	load(t, busy, 4)
	b.await(
		`!!document.querySelector("[data-mood=leaked]") && document.querySelector(".line.worst").getAttribute("d") !== ""`,
	)
	var grounds []string
	for _, scheme := range []string{"light", "dark"} {
		b.media("prefers-color-scheme", scheme)
		grounds = append(grounds, eval[string](b, `getComputedStyle(document.body).backgroundColor`))
		for _, c := range []struct {
			selector, property string
			least              float64
		}{
			{"h1", "color", 7},
			{".top .dim", "color", 4.5},
			{".tools a", "color", 4.5},
			{"button", "color", 4.5},
			{".gauges dt", "color", 4.5},
			{".gauges .leaks dd", "color", 4.5},
			{"thead th", "color", 4.5},
			{".verdict[data-verdict=leaks]", "color", 4.5},
			{".verdict[data-verdict='callers wait']", "color", 4.5},
			{".verdict[data-verdict=ok]", "color", 4.5},
			{"[data-mood=leaked] > .mood", "color", 4.5},
			{"[data-mood=leaked] .stack", "color", 4.5},
			{"[data-mood='in use'] > .mood", "color", 4.5},
			{"svg.conns text", "fill", 4.5},
			{".line.used", "stroke", 3},
			{".line.waiting", "stroke", 3},
			{".line.median", "stroke", 3},
			{".line.worst", "stroke", 3},
			{".line.limit", "stroke", 3},
		} {
			b.await(fmt.Sprintf(`!!document.querySelector(%s)`, asJSON(c.selector)))
			have := eval[float64](
				b,
				fmt.Sprintf(`(%s)(...(%s)(%s, %s))`, contrast, colours, asJSON(c.selector), asJSON(c.property)),
			)
			if have < c.least {
				t.Errorf("%s, %s: have a contrast of %.2f, want at least %v", scheme, c.selector, have, c.least)
			}
		}
	}
	if grounds[0] == grounds[1] {
		t.Errorf("have the ground %s in light and dark, want two", grounds[0])
	}
}

// The lines of a chart differ in more than colour.
func TestLinesWithoutColour(t *testing.T) {
	pool(t)
	b := open(t, serve(t, debug.Handler{}))
	b.live()
	for _, pair := range [][2]string{{".line.used", ".line.waiting"}, {".line.median", ".line.worst"}} {
		dash := func(selector string) string {
			return eval[string](b, fmt.Sprintf(`getComputedStyle(document.querySelector(%s)).strokeDasharray`, asJSON(selector)))
		}
		if dash(pair[0]) == dash(pair[1]) {
			t.Errorf("%s and %s: have the same dashes %q, want different ones", pair[0], pair[1], dash(pair[0]))
		}
	}
}

// Nothing moves by itself for those who asked for that.
func TestReducedMotion(t *testing.T) {
	pool(t)
	b := open(t, serve(t, debug.Handler{}))
	b.live()
	const moving = `document.getAnimations({subtree: true}).length`
	b.media("prefers-reduced-motion", "no-preference")
	if have := eval[int](b, moving); have != 1 {
		t.Errorf("have %d animations, want the one of the light", have)
	}
	b.media("prefers-reduced-motion", "reduce")
	if have := eval[int](b, moving); have != 0 {
		t.Errorf("have %d animations, want none", have)
	}
}

// Every part has a name for those who cannot see it.
func TestNames(t *testing.T) {
	db, _ := pool(t)
	pool(t)
	hold(t, db, "SELECT 1")
	b := open(t, serve(t, debug.Handler{AllowActions: true}))
	b.live()
	for what, expression := range map[string]string{
		"tables without a caption":     `[...document.querySelectorAll("table")].filter((n) => !n.caption?.textContent.trim())`,
		"charts without a name":        `[...document.querySelectorAll("svg[role=img]")].filter((n) => !n.getAttribute("aria-label"))`,
		"drawings that are not hidden": `[...document.querySelectorAll("svg:not([role=img])")].filter((n) => n.getAttribute("aria-hidden") !== "true")`,
		"buttons that are none":        `[...document.querySelectorAll("[onclick], [role=button]")]`,
		"sections without a name":      `[...document.querySelectorAll("section, [role=region]")].filter((n) => !n.getAttribute("aria-label") && !document.getElementById(n.getAttribute("aria-labelledby")))`,
		"names given twice":            `[...document.querySelectorAll("[id]")].filter((n) => document.querySelectorAll("#" + CSS.escape(n.id)).length > 1)`,
		"live regions but the one":     `[...document.querySelectorAll("[aria-live], [role=status], [role=alert], [role=log]")].slice(1)`,
	} {
		if have := eval[[]string](b, expression+`.map((n) => n.outerHTML.slice(0, 80))`); len(have) > 0 {
			t.Errorf("%s: have %q, want none", what, have)
		}
	}
	if have := eval[string](b, `document.documentElement.lang + [...document.querySelectorAll("h1")].length`); have != "en1" {
		t.Errorf("have language and main headings %q, want en1", have)
	}
}
