package browser_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/pooled-go/pooled/internal/pooledtest"
)

func TestMain(m *testing.M) { pooledtest.Main(m) }

// patience is how long a test waits for something to happen in the browser; a test has four times that in all.
const patience = time.Minute

// strange are host names that lead to this machine, in the test's browser alone.
const strange = "MAP *.test 127.0.0.1"

// tab is a browser of the test's own, with an empty profile and one tab. It writes down what a page must not do:
// errors in its console, dialogs, and requests to other origins than its own.
type tab struct {
	t   *testing.T
	ctx context.Context

	mu       sync.Mutex
	home     string // the origin of the page
	wrong    []string
	messages []string // of wrong, and those that were expected
	expected []string // parts of messages that are none of wrong
}

// open starts a browser and goes to an address. Whatever prepare does comes before.
func open(t *testing.T, address string, prepare ...func(*tab)) *tab {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		pooledtest.SkipUnlessRequired(t, "chromium", "no chromium: make test-browser installs it")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path),
		// Nothing but loopback has an address; the internet need not be there.
		chromedp.Flag("host-resolver-rules", strange+", MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"),
		chromedp.Flag("no-proxy-server", true),
	)
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox) // it refuses root with one
	}
	bounded, cancel := context.WithTimeout(context.Background(), 4*patience)
	allocated, stop := chromedp.NewExecAllocator(bounded, options...)
	ctx, _ := chromedp.NewContext(allocated)
	b := &tab{t: t, ctx: ctx}
	t.Cleanup(func() {
		if err := chromedp.Cancel(ctx); err != nil && bounded.Err() == nil {
			t.Logf("close the browser: %v", err)
		}
		stop() // waits until the profile is removed
		cancel()
		b.mu.Lock()
		defer b.mu.Unlock()
		for _, wrong := range b.wrong {
			t.Errorf("the page: %s", wrong)
		}
	})
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("start %s: %v", path, err)
	}
	if err := chromedp.Listen(ctx, b.heard); err != nil {
		t.Fatal(err)
	}
	call(b, network.Enable, network.EnableParams{})
	call(b, log.Enable, cdp.Empty{})
	for _, f := range prepare {
		f(b)
	}
	b.visit(address)
	return b
}

// visit goes to an address, which makes that the page's origin.
func (b *tab) visit(address string) {
	b.t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		b.t.Fatal(err)
	}
	b.mu.Lock()
	b.home = u.Scheme + "://" + u.Host + "/"
	b.mu.Unlock()
	b.do(chromedp.Navigate(address))
}

// expect says what the console may show.
func (b *tab) expect(parts ...string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.expected = append(b.expected, parts...)
}

// heard is called for each event of the browser.
func (b *tab) heard(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch event := event.(type) {
	case *network.EventRequestWillBeSent:
		to := event.Request.URL
		if !strings.HasPrefix(to, b.home) && !strings.HasPrefix(to, "data:image/svg+xml,") {
			b.noteLocked("a request to another origin than %s: %s", b.home, to)
		}
	case *log.EventEntryAdded:
		b.noteLocked("%s: %s %s", event.Entry.Level, event.Entry.Text, event.Entry.URL)
	case *runtime.EventConsoleAPICalled:
		b.noteLocked("it wrote to the console: %s", event.Type)
	case *runtime.EventExceptionThrown:
		b.noteLocked("it threw: %s", asJSON(event.ExceptionDetails))
	case *page.EventJavascriptDialogOpening:
		b.noteLocked("it opened a dialog: %s", event.Message)
	}
}

func (b *tab) noteLocked(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	b.messages = append(b.messages, text)
	for _, part := range b.expected {
		if strings.Contains(text, part) {
			return
		}
	}
	b.wrong = append(b.wrong, text)
}

func asJSON(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// said tells whether there was such a message.
func (b *tab) said(part string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.ContainsFunc(b.messages, func(text string) bool { return strings.Contains(text, part) })
}

func (b *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, steps...); err != nil {
		b.t.Fatalf("the browser: %v", err)
	}
}

func call[P, R any](b *tab, command cdp.Command[P, R], params P) R {
	b.t.Helper()
	result, err := chromedp.Call(b.ctx, command, params)
	if err != nil {
		b.t.Fatalf("the browser: %v", err)
	}
	return result
}

// eval is the value of an expression in the page.
func eval[T any](b *tab, expression string) T {
	b.t.Helper()
	value, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatalf("%s: %v", expression, err)
	}
	return value
}

// await waits until an expression is true, and shows others if it does not become so. While the page is on its way to
// another, the expression may fail.
func (b *tab) await(expression string, shown ...string) {
	b.t.Helper()
	var last error
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		var done bool
		if done, last = chromedp.Run(b.ctx, chromedp.Evaluate[bool](expression)); done && last == nil {
			return
		}
	}
	text := "waited in vain for " + expression
	if last != nil {
		text += ": " + last.Error()
	}
	for _, s := range append(shown, `document.getElementById("status")?.textContent ?? document.body.textContent`) {
		text += fmt.Sprintf("\nhave %s = %s", s, asJSON(eval[any](b, s)))
	}
	b.t.Fatal(text)
}

// live waits until the page has shown its first poll.
func (b *tab) live() {
	b.t.Helper()
	b.await(`document.getElementById("status").dataset.live === "true"`)
}

// press presses keys, one after the other.
func (b *tab) press(keys string) {
	b.t.Helper()
	b.do(chromedp.KeyEvent(keys))
}

// tabTo presses Tab until the focus is on what a CSS selector means, and fails if that is not among the first of many.
func (b *tab) tabTo(selector string) {
	b.t.Helper()
	for range 60 {
		b.press("\t")
		if eval[bool](b, fmt.Sprintf(`document.activeElement.matches(%s)`, asJSON(selector))) {
			return
		}
	}
	b.t.Fatalf(
		"Tab does not lead to %s; have the focus on %s",
		selector,
		eval[string](b, `document.activeElement.outerHTML.slice(0, 200)`),
	)
}

func (b *tab) click(selector string) {
	b.t.Helper()
	b.do(chromedp.Click(chromedp.CSS(selector)))
}

// media emulates what a person prefers.
func (b *tab) media(feature, value string) {
	b.t.Helper()
	call(
		b,
		emulation.SetEmulatedMedia,
		emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: feature, Value: value}}},
	)
}

func withoutScript(b *tab) {
	call(b, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
}

func phone(b *tab) {
	b.do(chromedp.EmulateViewport(360, 780, chromedp.EmulateMobile, chromedp.EmulateTouch))
}

// serve is the address of a handler on a loopback port.
func serve(t *testing.T, h http.Handler) string {
	t.Helper()
	return serveAs(t, "127.0.0.1", h)
}
