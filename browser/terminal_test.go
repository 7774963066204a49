package browser_test

import (
	"fmt"
	"html"
	"image"
	"io"
	"net/http"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/chromedp/chromedp"
)

// The picture of the demo in the docs: what it printed, as in a terminal.
func TestDemoScreenshot(t *testing.T) {
	command := exec.CommandContext(t.Context(), "make", "-s", "-C", "..", "demo")
	printed, err := command.Output()
	if err != nil {
		t.Fatal(err)
	}
	text := terminal("$ pooled demo\n" + string(printed))
	b := open(t, serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "image/svg+xml")
		io.WriteString(w, text)
	})), func(b *tab) { b.do(chromedp.EmulateViewport(1000, 700)) })
	out := eval[[]string](b, `[...document.querySelectorAll("text")].filter((line) => {
		const drawn = line.getBoundingClientRect();
		const {width, height} = document.documentElement.getBoundingClientRect();
		return drawn.right > width || drawn.bottom > height;
	}).map((line) => line.textContent)`)
	if len(out) > 0 {
		t.Errorf("have lines that stick out: %q, want none", out)
	}
	checkPicture(t, "demo.svg", b.picture(image.Pt(900, 500)))
	saveFile(t, "demo.svg", []byte(text))
}

// terminal draws text as an SVG. Each line is as wide as it has columns, so that columns stand below each other in
// whatever font there is.
func terminal(text string) string {
	const column, row, margin = 7.8, 18, 16
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	widest := 0
	for _, line := range lines {
		widest = max(widest, utf8.RuneCountInString(line))
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%.0f" height="%d" font-size="13" fill="#d6dee8"
 font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace"
 role="img" aria-label="What pooled demo prints">
<rect width="100%%" height="100%%" rx="8" fill="#151b23"/>
`, float64(widest)*column+2*margin, len(lines)*row+2*margin)
	for i, line := range lines {
		words := strings.TrimLeft(line, " ")
		if words == "" {
			continue
		}
		indent := len(line) - len(words)
		fmt.Fprintf(&b, `<text x="%.1f" y="%d" textLength="%.1f" xml:space="preserve"%s>%s</text>`+"\n",
			margin+float64(indent)*column, margin+row*i+13, float64(utf8.RuneCountInString(words))*column,
			emphasis(words), html.EscapeString(words))
	}
	return b.String() + "</svg>\n"
}

var title = regexp.MustCompile(`^\d+\. `)

// emphasis is how a line of the demo is drawn: titles, what was typed, and what each of the two did.
func emphasis(line string) string {
	switch {
	case strings.HasPrefix(line, "$ "), title.MatchString(line):
		return ` fill="#ffffff" font-weight="bold"`
	case strings.HasPrefix(line, "bare "):
		return ` fill="#ffb27d"`
	case strings.HasPrefix(line, "pooled "):
		return ` fill="#8fd6a5"`
	}
	return ""
}
